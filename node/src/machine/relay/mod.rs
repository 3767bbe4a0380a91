//! Passing on what is new: the tip as an announcement from which peers rebuild the block, and
//! transactions by id. What a peer is known to have is not sent to it again. [`blocks`] takes blocks,
//! [`transactions`] takes transactions.

mod blocks;
mod transactions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::{
    Address, BlockHash, CheckedBlock, CheckedTransaction, TxId, Work,
    wire::{Announcement, Message, PeerId},
};

use self::blocks::Rebuild;
pub use self::transactions::Told;
use super::{
    Machine,
    effect::Effect,
    peers::Session,
    store::{Result, Store},
};

/// What is being passed on.
#[derive(Debug, Default)]
pub struct Relay {
    /// The tip that peers were told of.
    announced: BlockHash,
    rebuilds: BTreeMap<BlockHash, Rebuild>,
    /// Transactions to tell peers of.
    fresh: Vec<TxId>,
    /// Transactions asked for, of whomever.
    asked: BTreeSet<TxId>,
    /// Transactions that came before the sender's next one.
    early: BTreeMap<(Address, u64), Arc<CheckedTransaction>>,
    early_bytes: usize,
}

impl Relay {
    /// Nothing to pass on; peers are taken to know the tip.
    pub fn new(tip: BlockHash) -> Self {
        Self { announced: tip, ..Self::default() }
    }

    /// The tip that everybody who had greeted was told of.
    pub fn announced(&self) -> BlockHash {
        self.announced
    }

    /// Everybody who had greeted was told of this tip.
    pub fn tip_announced(&mut self, tip: BlockHash) {
        self.announced = tip;
    }

    /// Nothing more will come from this peer.
    pub fn forget_session(&mut self, peer: &PeerId, session: &Session) {
        self.rebuilds.retain(|_, rebuild| rebuild.from != *peer);
        self.release(session.told.asked());
    }

    /// These transactions may be asked of another peer.
    fn release<'a>(&mut self, ids: impl IntoIterator<Item = &'a TxId>) {
        for id in ids {
            self.asked.remove(id);
        }
    }
}

impl<S: Store> Machine<S> {
    /// Tells peers of a new tip and of new transactions. Called once after each batch of events.
    pub(super) fn relay_news(&mut self) -> Result<()> {
        let tip = self.chain.tip().hash;
        if tip != self.relay.announced {
            self.relay.announced = tip;
            self.announce_tip(|_| true)?;
        }
        let mut fresh = std::mem::take(&mut self.relay.fresh);
        // One that had to leave again meanwhile is not to be had.
        fresh.retain(|id| self.pool.get(id).is_some());
        if !fresh.is_empty() {
            for (peer, session) in self.peers.greeted_mut() {
                let news: Vec<TxId> = fresh.iter().filter(|id| session.told.learn(**id)).copied().collect();
                self.out.extend(transactions::tell_pooled(peer, &news));
            }
        }
        Ok(())
    }

    /// Announces the tip to those of the peers that are behind.
    pub(super) fn announce_tip(&mut self, whom: impl Fn(PeerId) -> bool) -> Result<()> {
        let tip = self.chain.tip();
        let work = tip.position.work;
        if let Some(block) = self.chain.block(&tip.hash)? {
            self.announce(&block, work, whom);
        }
        Ok(())
    }

    /// Announces a block with this work up to it to those of the peers that are behind.
    pub(super) fn announce(&mut self, block: &CheckedBlock, work: Work, whom: impl Fn(PeerId) -> bool) {
        let hash = block.hash();
        let behind = self
            .peers
            .greeted()
            .filter(|(peer, session)| whom(*peer) && !session.chain.is_at(&hash) && !session.chain.is_ahead_of(work));
        let to: Vec<PeerId> = behind.map(|(peer, _)| peer).collect();
        if !to.is_empty() {
            self.out.push(Effect::Send { to, message: Message::Announce(announcement(block)) });
        }
    }
}

fn announcement(block: &CheckedBlock) -> Announcement {
    Announcement {
        header: *block.header(),
        coinbase: block.coinbase().clone(),
        transactions: block.transactions().iter().map(|transaction| transaction.id()).collect(),
    }
}
