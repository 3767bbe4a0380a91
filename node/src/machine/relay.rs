//! Passing on what is new: the tip as an announcement from which peers rebuild the block, and
//! transactions by id. What a peer is known to have is not sent to it again.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::{
    BlockHash, CheckedBlock, CheckedTransaction, Millis, TxId,
    wire::{Announcement, MAX_TRANSACTIONS, Message, PeerId, REPLY_BYTES},
};

use super::{
    Machine,
    chain::TipChange,
    config::BLOCK_TIMEOUT,
    effect::Effect,
    journal::ChainEvent,
    peers::Fault,
    pool::PoolError,
    store::{Result, Store},
    timers::Timer,
};

/// Announced blocks that wait for transactions, at most.
const MAX_REBUILDS: usize = 64;
/// Transactions asked for and not yet come that are remembered, at most.
const MAX_ASKED: usize = 20_000;

/// An announced block that lacks some transactions.
#[derive(Debug)]
struct Rebuild {
    announcement: Announcement,
    from: PeerId,
    due: Millis,
}

/// What is being passed on.
#[derive(Debug, Default)]
pub struct Relay {
    /// The tip that peers were told of.
    announced: BlockHash,
    rebuilds: BTreeMap<BlockHash, Rebuild>,
    /// Transactions to tell peers of.
    fresh: Vec<TxId>,
    /// Transactions asked for, and until when nobody else is asked.
    asked: BTreeMap<TxId, Millis>,
}

impl Relay {
    /// Nothing to pass on; peers are taken to know the tip.
    pub fn new(tip: BlockHash) -> Self {
        Self { announced: tip, ..Self::default() }
    }
}

impl<S: Store> Machine<S> {
    /// Tells peers of a new tip and of new transactions. Called once after each batch of events.
    pub(super) fn relay_news(&mut self) -> Result<()> {
        let tip = self.chain.tip().clone();
        if tip.hash != self.relay.announced {
            self.relay.announced = tip.hash;
            let behind = self.peers.greeted().filter(|(_, session)| {
                !session.chain.is_at(&tip.hash) && !session.chain.is_ahead_of(tip.position.work)
            });
            let to: Vec<PeerId> = behind.map(|(peer, _)| peer).collect();
            if let Some(block) = self.chain.block(&tip.hash)?
                && !to.is_empty()
            {
                self.out.push(Effect::Send { to, message: Message::Announce(announcement(&block)) });
            }
        }
        let fresh = std::mem::take(&mut self.relay.fresh);
        if !fresh.is_empty() {
            for (peer, session) in self.peers.greeted_mut() {
                let news: Vec<TxId> = fresh.iter().filter(|id| session.learn_transaction(**id)).copied().collect();
                self.out.extend(tell_pooled(peer, &news));
            }
        }
        Ok(())
    }

    /// Tells a new peer what is in the pool.
    pub(super) fn offer_pool(&mut self, peer: PeerId) {
        let ids: Vec<TxId> = self.pool.ids().collect();
        self.out.extend(tell_pooled(peer, &ids));
    }

    pub(super) fn on_announce(&mut self, peer: PeerId, hash: BlockHash, announcement: Announcement) -> Result<()> {
        let parent = announcement.header.previous;
        if self.chain.entry(&parent)?.is_none() {
            // The branch is not known here: catch up with whoever has it.
            if let Some(session) = self.peers.get_mut(&peer) {
                session.chain.claims(hash, announcement.coinbase.height, shared::Work::ZERO);
            }
            return self.ask_headers(peer);
        }
        let entry = match self.chain.accept_header(hash, &announcement.header, self.now)? {
            Ok(entry) => entry,
            Err(refusal) => {
                self.refused_header(peer, &refusal);
                return Ok(());
            }
        };
        if let Some(session) = self.peers.get_mut(&peer) {
            session.chain.has(hash, entry.position.height, entry.position.work);
        }
        let worth = self.chain.is_missing(&hash) && entry.position.work >= self.chain.tip().position.work;
        if !worth || self.relay.rebuilds.contains_key(&hash) || self.chain.stored_entry(&parent)?.is_none() {
            return Ok(());
        }
        self.rebuild(peer, hash, announcement)
    }

    /// Puts an announced block together from the pool, or asks for what is not there.
    fn rebuild(&mut self, peer: PeerId, hash: BlockHash, announcement: Announcement) -> Result<()> {
        let found: Vec<_> = announcement.transactions.iter().map(|id| self.pool.get(id).cloned()).collect();
        let lacking = (0u32..).zip(&found).filter(|(_, found)| found.is_none());
        let positions: Vec<u32> = lacking.map(|(position, _)| position).collect();
        if positions.is_empty() {
            return self.assemble(peer, announcement, found.into_iter().flatten().collect());
        }
        if self.relay.rebuilds.len() >= MAX_REBUILDS {
            self.relay.rebuilds.pop_first();
        }
        let due = self.now.after(BLOCK_TIMEOUT);
        self.relay.rebuilds.insert(hash, Rebuild { announcement, from: peer, due });
        self.timers.set(due, Timer::Rebuild(hash));
        self.send(peer, Message::GetBlockTransactions { block: hash, positions });
        Ok(())
    }

    pub(super) fn on_block_transactions(
        &mut self,
        peer: PeerId,
        hash: BlockHash,
        transactions: Vec<Arc<CheckedTransaction>>,
    ) -> Result<()> {
        if self.relay.rebuilds.get(&hash).is_none_or(|rebuild| rebuild.from != peer) {
            return Ok(());
        }
        let Some(Rebuild { announcement, .. }) = self.relay.rebuilds.remove(&hash) else { return Ok(()) };
        let sent: BTreeMap<TxId, _> = transactions.into_iter().map(|tx| (tx.id(), tx)).collect();
        let find = |id: &TxId| sent.get(id).or_else(|| self.pool.get(id)).cloned();
        match announcement.transactions.iter().map(find).collect::<Option<Vec<_>>>() {
            Some(transactions) => self.assemble(peer, announcement, transactions),
            // The whole block will be fetched as any missing one.
            None => Ok(()),
        }
    }

    /// A rebuild that got no answer is dropped; the block is then fetched as any missing one.
    pub(super) fn rebuild_due(&mut self, hash: BlockHash) {
        if self.relay.rebuilds.get(&hash).is_some_and(|rebuild| rebuild.due <= self.now)
            && let Some(rebuild) = self.relay.rebuilds.remove(&hash)
        {
            self.punish(rebuild.from, Fault::Stalled);
        }
    }

    /// Whether a block is on its way by announcement, so that fetching it would be twice the work.
    pub(super) fn is_rebuilding(&self, hash: &BlockHash) -> bool {
        self.relay.rebuilds.contains_key(hash)
    }

    fn assemble(
        &mut self,
        peer: PeerId,
        announcement: Announcement,
        transactions: Vec<Arc<CheckedTransaction>>,
    ) -> Result<()> {
        let Announcement { header, coinbase, .. } = announcement;
        match CheckedBlock::assemble(header, coinbase, transactions, &self.config.network) {
            Ok(block) => self.take_block(Some(peer), Arc::new(block)).map(|_| ()),
            Err(error) => {
                self.chain.forget_header(&header.hash());
                self.punish(peer, Fault::Invalid(error.to_string()));
                Ok(())
            }
        }
    }

    pub(super) fn give_block_transactions(&mut self, peer: PeerId, hash: BlockHash, positions: &[u32]) -> Result<()> {
        let block = self.chain.block(&hash)?;
        let mut bytes = 0;
        let wanted = block
            .iter()
            .flat_map(|block| positions.iter().filter_map(|position| block.transactions().get(*position as usize)));
        let transactions = wanted
            .take_while(|transaction| {
                bytes += transaction.size();
                bytes <= REPLY_BYTES
            })
            .map(|transaction| (***transaction).clone())
            .collect();
        self.send(peer, Message::BlockTransactions { block: hash, transactions });
        Ok(())
    }

    pub(super) fn on_pooled(&mut self, peer: PeerId, ids: Vec<TxId>) -> Result<()> {
        let mut wanted = Vec::new();
        let due = self.now.after(BLOCK_TIMEOUT);
        for id in ids {
            if let Some(session) = self.peers.get_mut(&peer) {
                session.learn_transaction(id);
            }
            let asked = self.relay.asked.get(&id).is_some_and(|until| *until > self.now);
            if !asked && self.pool.get(&id).is_none() && self.chain.location(&id)?.is_none() {
                wanted.push(id);
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        if self.relay.asked.len() >= MAX_ASKED {
            self.relay.asked.clear();
        }
        self.relay.asked.extend(wanted.iter().map(|id| (*id, due)));
        self.send(peer, Message::GetTransactions(wanted));
        Ok(())
    }

    pub(super) fn give_transactions(&mut self, peer: PeerId, ids: &[TxId]) {
        let mut bytes = 0;
        let found = ids.iter().filter_map(|id| self.pool.get(id));
        let transactions: Vec<_> = found
            .take_while(|transaction| {
                bytes += transaction.size();
                bytes <= REPLY_BYTES
            })
            .map(|transaction| (***transaction).clone())
            .collect();
        if !transactions.is_empty() {
            self.send(peer, Message::Transactions(transactions));
        }
    }

    pub(super) fn on_transactions(&mut self, peer: PeerId, transactions: Vec<Arc<CheckedTransaction>>) -> Result<()> {
        for transaction in transactions {
            let id = transaction.id();
            self.relay.asked.remove(&id);
            if let Some(session) = self.peers.get_mut(&peer) {
                session.learn_transaction(id);
            }
            // One that does not fit our tip may fit its sender's: no fault.
            let _ = self.pool_transaction(transaction)?;
        }
        Ok(())
    }

    /// Takes a transaction into the pool and notes it for passing on.
    pub(super) fn pool_transaction(
        &mut self,
        transaction: Arc<CheckedTransaction>,
    ) -> Result<std::result::Result<(), PoolError>> {
        let id = transaction.id();
        if self.chain.location(&id)?.is_some() {
            return Ok(Err(PoolError::Confirmed));
        }
        let account = self.chain.account(&transaction.sender)?;
        let inserted = self.pool.insert(transaction, account);
        if inserted.is_ok() {
            self.relay.fresh.push(id);
            self.journal(ChainEvent::Pooled { id, returned: false });
        }
        Ok(inserted)
    }

    /// Brings everything that depends on the active chain in line with it.
    pub(super) fn chain_changed(&mut self, change: &TipChange) -> Result<()> {
        let confirmed = change.connected.iter().flat_map(|block| block.transactions().iter().cloned());
        let returned = change.disconnected.iter().rev().flat_map(|block| block.transactions().iter().cloned());
        let chain = &self.chain;
        let followed = self.pool.follow(confirmed, returned, |address| chain.account(address))?;
        for transaction in change.connected.iter().flat_map(|block| block.transactions()) {
            self.forget_own(&transaction.id());
        }
        for transaction in followed.returned {
            // Nobody knows any more whose it was, so it is kept as if it were this node's own.
            self.keep_own(&transaction);
            self.relay.fresh.push(transaction.id());
            self.journal(ChainEvent::Pooled { id: transaction.id(), returned: true });
        }
        for (transaction, error) in followed.dropped {
            if self.chain.location(&transaction.id())?.is_none() {
                self.forget_own(&transaction.id());
                self.journal(ChainEvent::Dropped { id: transaction.id(), reason: error.to_string() });
            }
        }
        Ok(())
    }
}

fn announcement(block: &CheckedBlock) -> Announcement {
    Announcement {
        header: *block.header(),
        coinbase: block.coinbase().clone(),
        transactions: block.transactions().iter().map(|transaction| transaction.id()).collect(),
    }
}

fn tell_pooled(peer: PeerId, ids: &[TxId]) -> Vec<Effect> {
    let messages = ids.chunks(MAX_TRANSACTIONS).map(|chunk| Message::Pooled(chunk.to_vec()));
    messages.map(|message| Effect::Send { to: vec![peer], message }).collect()
}
