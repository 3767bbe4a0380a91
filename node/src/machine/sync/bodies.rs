//! Fetching the blocks behind headers: lowest first, from all peers that have them, one request each
//! at a time, and again from another peer where one does not answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::{
    BlockHash, CheckedBlock, Height,
    wire::{MAX_BLOCKS, Message, PeerId, REPLY_BYTES},
};

use super::super::{
    Machine,
    chain::{Accepted, Refusal},
    config::BLOCK_TIMEOUT,
    peers::Fault,
    store::{Result, Store},
    timers::Timer,
};

/// Blocks ahead of the first missing one that may be asked for.
const WINDOW: usize = 1_024;
/// Bytes of blocks waiting for their parents beyond which only the first missing ones are asked for.
const HELD_BYTES: usize = 32 * 1024 * 1024;

impl<S: Store> Machine<S> {
    /// Asks for whatever is missing on the way to the best chain that some peer has.
    pub(in super::super) fn schedule_downloads(&mut self) -> Result<()> {
        self.continue_headers()?;
        self.choose_target()?;
        if self.sync.order.is_empty() {
            return Ok(());
        }
        let window = if self.sync.held_bytes > HELD_BYTES { MAX_BLOCKS } else { WINDOW };
        let wanted = self.sync.wanted(window);
        let mut wanted = wanted.into_iter().filter(|hash| !self.is_rebuilding(hash));
        let mut requests: BTreeMap<PeerId, Vec<BlockHash>> = BTreeMap::new();
        for (peer, limit) in self.idle_sources() {
            let batch: Vec<BlockHash> = wanted.by_ref().take(MAX_BLOCKS).collect();
            // A peer whose chain ends below cannot have the later ones; those go to the next peer.
            let (has, has_not): (Vec<_>, Vec<_>) =
                batch.into_iter().partition(|hash| self.sync.path.get(hash).is_some_and(|height| *height <= limit));
            if !has.is_empty() {
                requests.insert(peer, has);
            }
            if !has_not.is_empty() {
                break;
            }
        }
        for (peer, hashes) in requests {
            self.ask_blocks(peer, hashes);
        }
        Ok(())
    }

    /// Peers without a request under way that have blocks of the path, highest chains first, each with
    /// the height up to which it has them.
    fn idle_sources(&self) -> Vec<(PeerId, Height)> {
        let mut sources: Vec<_> = self
            .peers
            .greeted()
            .filter(|(_, session)| session.chain.blocks_due.is_none())
            .filter_map(|(peer, session)| {
                let (best, _) = session.chain.best?;
                Some((peer, *self.sync.path.get(&best)?))
            })
            .collect();
        sources.sort_by_key(|(peer, height)| (std::cmp::Reverse(*height), *peer));
        sources
    }

    fn ask_blocks(&mut self, peer: PeerId, hashes: Vec<BlockHash>) {
        let due = self.now.after(BLOCK_TIMEOUT);
        let Some(session) = self.peers.get_mut(&peer) else { return };
        session.chain.blocks_due = Some(due);
        self.timers.set(due, Timer::Blocks(peer));
        self.sync.in_flight.extend(hashes.iter().map(|hash| (*hash, peer)));
        self.send(peer, Message::GetBlocks(hashes));
    }

    /// Finds the best chain that some peer has and this node lacks.
    fn choose_target(&mut self) -> Result<()> {
        let work = self.chain.tip().position.work;
        for (_, session) in self.peers.greeted_mut() {
            if let Some((head, _)) = session.chain.claim
                && let Some(entry) = self.chain.entry(&head)?
            {
                session.chain.claim = None;
                session.chain.has(head, entry.position.height, entry.position.work);
            }
        }
        let bests = self.peers.greeted().filter_map(|(_, session)| session.chain.best);
        let best = bests
            .filter(|(hash, theirs)| *theirs > work && self.chain.is_missing(hash))
            .max_by_key(|(hash, theirs)| (*theirs, *hash));
        let target = best.map(|(hash, _)| hash);
        if target != self.sync.target {
            self.sync.target = target;
            self.sync.order = target.map(|target| self.chain.missing_path(&target)).unwrap_or_default().into();
            self.sync.path = BTreeMap::new();
            for hash in &self.sync.order {
                let height = self.chain.entry(hash)?.map(|entry| entry.position.height).unwrap_or_default();
                self.sync.path.insert(*hash, height);
            }
        }
        if self.sync.target.is_none() {
            self.sync.drop_held();
        }
        Ok(())
    }

    pub(in super::super) fn give_blocks(&mut self, peer: PeerId, hashes: &[BlockHash]) -> Result<()> {
        let mut blocks = Vec::new();
        let mut bytes = 0;
        for hash in hashes {
            let Some(block) = self.chain.block(hash)? else { continue };
            bytes += block.size();
            if !blocks.is_empty() && bytes > REPLY_BYTES {
                break;
            }
            blocks.push(block.to_block());
        }
        self.send(peer, Message::Blocks(blocks));
        Ok(())
    }

    /// The answer to a request for blocks. What was asked for and is not in it is asked for elsewhere.
    pub(in super::super) fn on_blocks(&mut self, peer: PeerId, blocks: Vec<Arc<CheckedBlock>>) -> Result<()> {
        let Some(session) = self.peers.get_mut(&peer) else { return Ok(()) };
        if session.chain.blocks_due.take().is_none() {
            return Ok(());
        }
        if blocks.is_empty() {
            session.chain.best = None;
        }
        let asked: BTreeSet<BlockHash> =
            self.sync.in_flight.iter().filter(|(_, from)| **from == peer).map(|(hash, _)| *hash).collect();
        self.sync.forget_peer(&peer);
        for block in blocks {
            if asked.contains(&block.hash()) {
                self.take_downloaded(peer, block)?;
            }
        }
        Ok(())
    }

    pub(in super::super) fn blocks_due(&mut self, peer: PeerId) {
        let Some(session) = self.peers.get_mut(&peer) else { return };
        if session.chain.blocks_due.is_some_and(|due| due <= self.now) {
            session.chain.blocks_due = None;
            session.chain.best = None;
            self.sync.forget_peer(&peer);
            self.punish(peer, Fault::Stalled);
        }
    }

    fn take_downloaded(&mut self, peer: PeerId, block: Arc<CheckedBlock>) -> Result<()> {
        if self.chain.stored_entry(&block.header().previous)?.is_none() {
            if self.sync.path.contains_key(&block.hash()) {
                self.sync.hold(block);
            }
            return Ok(());
        }
        // A refusal has been held against the peer already.
        self.take_block(Some(peer), block).map(|_| ())
    }

    /// Takes a block whose parent is stored, then those that waited for it.
    pub(in super::super) fn take_block(
        &mut self,
        from: Option<PeerId>,
        block: Arc<CheckedBlock>,
    ) -> Result<std::result::Result<(), Refusal>> {
        let mut first = None;
        let mut ready = vec![block];
        while let Some(block) = ready.pop() {
            let hash = block.hash();
            let outcome = self.chain.accept_block(block, self.now)?;
            match &outcome {
                Ok(accepted) => {
                    self.sync.arrived(&hash);
                    if let Accepted::Active(change) = accepted {
                        self.chain_changed(change)?;
                    }
                    ready.extend(self.sync.release(&hash));
                }
                Err(refusal) => self.refused_block(from, &hash, refusal),
            }
            first.get_or_insert(outcome.map(|_| ()));
        }
        Ok(first.unwrap_or(Ok(())))
    }

    fn refused_block(&mut self, from: Option<PeerId>, hash: &BlockHash, refusal: &Refusal) {
        if !matches!(refusal, Refusal::WrongBody | Refusal::Orphan(_)) {
            self.chain.forget_header(hash);
            for (_, session) in self.peers.greeted_mut() {
                session.chain.forget_best_unless(|best| self.chain.is_missing(best));
            }
            self.sync.target = None;
        }
        if let Some(peer) = from
            && refusal.is_proof_of_fault()
        {
            self.punish(peer, Fault::Invalid(refusal.to_string()));
        }
    }
}
