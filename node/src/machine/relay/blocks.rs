//! Blocks by announcement: put together from the pool, with what is lacking asked of the announcer.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::{
    BlockHash, CheckedBlock, CheckedTransaction, Millis, TxId, Work,
    rules::header::Position,
    wire::{Announcement, Message, PeerId},
};

use super::super::{
    Machine,
    chain::{Refusal, Tip},
    config::REBUILD_TIMEOUT,
    event::Event,
    inbound::Incoming,
    peers::Fault,
    store::{Result, Store},
    timers::Timer,
};

/// Announced blocks that wait for transactions, at most.
const MAX_REBUILDS: usize = 64;

/// An announced block that lacks some transactions.
#[derive(Debug)]
pub struct Rebuild {
    announcement: Arc<Announcement>,
    pub(super) from: PeerId,
    due: Millis,
}

impl<S: Store> Machine<S> {
    /// Takes an announcement of the tip, from which nothing follows but that the peer has it. Most are of this kind:
    /// another peer was quicker.
    pub(in super::super) fn is_told_again(&mut self, event: &Event) -> bool {
        let Event::Message { peer, message: Incoming::Announce(hash, _) } = event else { return false };
        let Tip { hash: tip, position: Position { height, work, .. }, .. } = *self.chain.tip();
        if *hash != tip {
            return false;
        }
        if let Some(session) = self.peers.get_mut(peer).filter(|session| session.greeting.is_some()) {
            session.chain.has(tip, height, work);
        }
        true
    }

    pub(in super::super) fn on_announce(
        &mut self,
        peer: PeerId,
        hash: BlockHash,
        announcement: Arc<Announcement>,
    ) -> Result<()> {
        let entry = match self.chain.judge_header(hash, &announcement.header, self.wall)? {
            Ok(entry) => entry,
            Err(Refusal::Orphan(parent)) => {
                // The branch is not known here: catch up with whoever has it.
                self.tell_of_orphan(Some(peer), hash, parent);
                self.claimed(peer, hash, announcement.coinbase.height, Work::ZERO);
                return self.ask_headers(peer);
            }
            Err(refusal) => return self.refused_header(peer, &refusal),
        };
        if let Some(session) = self.peers.get_mut(&peer) {
            session.chain.has(hash, entry.position.height, entry.position.work);
        }
        // A header of less work than the tip's would only take room.
        if entry.position.work < self.chain.tip().position.work || self.chain.stored_entry(&hash)?.is_some() {
            return Ok(());
        }
        if self.room_for_headers_of(peer) > 0 {
            self.chain.keep_header(hash, entry)?;
        }
        let parent = announcement.header.previous;
        if self.relay.rebuilds.contains_key(&hash) || self.chain.stored_entry(&parent)?.is_none() {
            return Ok(());
        }
        self.rebuild(peer, hash, announcement)
    }

    /// Puts an announced block together from the pool, or asks for what is not there.
    fn rebuild(&mut self, peer: PeerId, hash: BlockHash, announcement: Arc<Announcement>) -> Result<()> {
        let found: Vec<_> = announcement.transactions.iter().map(|id| self.pool.get(id).cloned()).collect();
        let lacking = (0u32..).zip(&found).filter(|(_, found)| found.is_none());
        let positions: Vec<u32> = lacking.map(|(position, _)| position).collect();
        if positions.is_empty() {
            return self.assemble(peer, &announcement, found.into_iter().flatten().collect());
        }
        if self.relay.rebuilds.len() >= MAX_REBUILDS {
            self.relay.rebuilds.pop_first();
        }
        let due = self.now.after(REBUILD_TIMEOUT);
        self.relay.rebuilds.insert(hash, Rebuild { announcement, from: peer, due });
        self.timers.set(due, Timer::Rebuild(hash));
        self.send(peer, Message::GetBlockTransactions { block: hash, positions });
        Ok(())
    }

    pub(in super::super) fn on_block_transactions(
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
            Some(transactions) => self.assemble(peer, &announcement, transactions),
            // The whole block will be fetched as any missing one.
            None => Ok(()),
        }
    }

    /// A rebuild that got no answer is dropped; the block is then fetched as any missing one.
    pub(in super::super) fn rebuild_due(&mut self, hash: BlockHash) {
        let due = self.relay.rebuilds.get(&hash).is_some_and(|rebuild| rebuild.due <= self.now);
        if due
            && let Some(rebuild) = self.relay.rebuilds.remove(&hash)
            && let Some(session) = self.peers.get_mut(&rebuild.from)
        {
            // Too little time to blame it, enough to ask another one first.
            session.doubt_more();
        }
    }

    /// Whether any announced block waits for its transactions.
    pub(in super::super) fn is_rebuilding_any(&self) -> bool {
        !self.relay.rebuilds.is_empty()
    }

    /// Whether a block is on its way by announcement, so that fetching it would be twice the work.
    pub(in super::super) fn is_rebuilding(&self, hash: &BlockHash) -> bool {
        self.relay.rebuilds.contains_key(hash)
    }

    fn assemble(
        &mut self,
        peer: PeerId,
        announcement: &Announcement,
        transactions: Vec<Arc<CheckedTransaction>>,
    ) -> Result<()> {
        let Announcement { header, coinbase, .. } = announcement;
        match CheckedBlock::assemble(*header, coinbase.clone(), transactions, &self.config.network) {
            Ok(block) => self.take_block(Some(peer), Arc::new(block)).map(|_| ()),
            Err(error) => self.punish(peer, Fault::Invalid(error.to_string())),
        }
    }
}
