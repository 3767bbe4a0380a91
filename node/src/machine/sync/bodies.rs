//! Fetching the blocks behind headers: lowest first, from all peers that have them, one request each
//! at a time, and again from another peer where one does not answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use shared::{
    BlockHash, CheckedBlock, Height,
    wire::{MAX_BLOCKS, Message, PeerId, REPLY_BYTES},
};

use super::{
    super::{
        Machine,
        chain::{Accepted, Refusal},
        config::BLOCK_TIMEOUT,
        peers::Fault,
        store::{Result, Store},
        timers::Timer,
    },
    BlocksAsked,
};

/// Blocks ahead of the first missing one that may be asked for.
const WINDOW: usize = 4 * MAX_BLOCKS;
/// Bytes of blocks waiting for their parents beyond which only the first missing one is asked for.
const HELD_BYTES: usize = 32 * 1024 * 1024;

impl<S: Store> Machine<S> {
    /// Asks for whatever is missing on the way to the best chain that some peer has.
    pub(in super::super) fn schedule_downloads(&mut self) -> Result<()> {
        self.continue_headers()?;
        self.choose_target()?;
        let sources = if self.sync.order.is_empty() { Vec::new() } else { self.idle_sources() };
        if sources.is_empty() {
            return Ok(());
        }
        let window = if self.sync.held_bytes > HELD_BYTES { 1 } else { WINDOW };
        let mut wanted = self.sync.wanted(window);
        wanted.retain(|(hash, _)| !self.is_rebuilding(hash));
        for (peer, limit) in sources {
            let mut hashes = Vec::new();
            // Beyond its limit begin blocks that the peer does not have.
            while hashes.len() < MAX_BLOCKS
                && let Some((hash, _)) = wanted.pop_front_if(|(_, height)| *height <= limit)
            {
                hashes.push(hash);
            }
            if !hashes.is_empty() {
                self.ask_blocks(peer, hashes);
            }
        }
        Ok(())
    }

    /// Peers without a request under way that have blocks of the path, each with the height up to which
    /// it has them: first those that never failed to answer, among them the highest.
    fn idle_sources(&self) -> Vec<(PeerId, Height)> {
        let idle = self.peers.greeted().filter(|(_, session)| session.chain.blocks_asked.is_none());
        let mut sources: Vec<_> = idle
            .filter_map(|(peer, session)| {
                let (best, _) = session.chain.best?;
                Some((session.doubt(), std::cmp::Reverse(*self.sync.path.get(&best)?), peer))
            })
            .collect();
        sources.sort_unstable();
        sources.into_iter().map(|(_, height, peer)| (peer, height.0)).collect()
    }

    fn ask_blocks(&mut self, peer: PeerId, hashes: Vec<BlockHash>) {
        let due = self.now.after(BLOCK_TIMEOUT);
        let Some(session) = self.peers.get_mut(&peer) else { return };
        session.chain.blocks_asked = Some(BlocksAsked { due, hashes: hashes.clone() });
        self.timers.set(due, Timer::Blocks(peer));
        self.sync.in_flight.extend(hashes.iter().map(|hash| (*hash, peer)));
        self.send(peer, Message::GetBlocks(hashes));
    }

    /// Finds the best chain that some peer has and this node lacks.
    fn choose_target(&mut self) -> Result<()> {
        self.place_claims()?;
        let target = if self.chain.is_any_missing() { self.best_missing() } else { None };
        if target != self.sync.target || self.sync.stale {
            let order = match target {
                Some(target) => self.chain.missing_path(&target)?,
                None => Vec::new(),
            };
            self.sync.set_out(target, order);
        }
        Ok(())
    }

    fn best_missing(&self) -> Option<BlockHash> {
        let ours = self.chain.tip().position.work;
        let goals = self.peers.greeted().filter_map(|(_, session)| session.chain.goal(ours));
        let missing = goals.filter(|(hash, _)| self.chain.is_missing(hash));
        missing.max_by_key(|(hash, theirs)| (*theirs, *hash)).map(|(hash, _)| hash)
    }

    /// Finds the places of tips that peers claimed to have, once their headers are known.
    fn place_claims(&mut self) -> Result<()> {
        for peer in self.sync.open.iter().copied().collect::<Vec<_>>() {
            let Some(session) = self.peers.get_mut(&peer) else {
                self.sync.open.remove(&peer);
                continue;
            };
            if let Some((head, _)) = session.chain.claim
                && let Some(entry) = self.chain.entry(&head)?
            {
                session.chain.claim = None;
                session.chain.has(head, entry.position.height, entry.position.work);
            }
            if session.chain.claim.is_none() && session.chain.more.is_none() {
                self.sync.open.remove(&peer);
            }
        }
        Ok(())
    }

    /// The answer to a request for blocks. What was asked for and is not in it is asked for elsewhere.
    pub(in super::super) fn on_blocks(&mut self, peer: PeerId, blocks: Vec<Arc<CheckedBlock>>) -> Result<()> {
        let Some(session) = self.peers.get_mut(&peer) else { return Ok(()) };
        let Some(BlocksAsked { hashes, .. }) = session.chain.blocks_asked.take() else { return Ok(()) };
        self.sync.forget_peer(&peer);
        let bytes: usize = blocks.iter().map(|block| block.size()).sum();
        let cut_short = bytes + self.config.network.spec().max_block_bytes as usize > REPLY_BYTES;
        if blocks.first().map(|block| block.hash()) != hashes.first().copied() {
            // It has the first one or it has none.
            session.chain.best = None;
            self.punish(peer, Fault::Withheld)?;
        } else if blocks.len() < hashes.len() && !cut_short {
            self.punish(peer, Fault::Withheld)?;
        } else {
            session.forgive();
        }
        let mut asked: BTreeSet<BlockHash> = hashes.into_iter().collect();
        for block in blocks {
            if asked.remove(&block.hash()) {
                self.take_downloaded(peer, block)?;
            }
        }
        Ok(())
    }

    pub(in super::super) fn blocks_due(&mut self, peer: PeerId) -> Result<()> {
        let Some(session) = self.peers.get_mut(&peer) else { return Ok(()) };
        if session.chain.blocks_asked.as_ref().is_none_or(|asked| asked.due > self.now) {
            return Ok(());
        }
        (session.chain.blocks_asked, session.chain.best) = (None, None);
        self.sync.forget_peer(&peer);
        self.punish(peer, Fault::Stalled)
    }

    fn take_downloaded(&mut self, peer: PeerId, block: Arc<CheckedBlock>) -> Result<()> {
        if self.chain.stored_entry(&block.header().previous)?.is_none() {
            if self.sync.path.contains_key(&block.hash()) {
                self.sync.hold(peer, block);
            }
            return Ok(());
        }
        // A refusal has been held against the peer already.
        self.take_block(Some(peer), block).map(|_| ())
    }

    /// Takes a block whose parent is stored, then those that waited for it, each on its sender's account.
    pub(in super::super) fn take_block(
        &mut self,
        from: Option<PeerId>,
        block: Arc<CheckedBlock>,
    ) -> Result<std::result::Result<(), Refusal>> {
        let mut first = None;
        let mut ready = vec![(from, block)];
        while let Some((from, block)) = ready.pop() {
            let hash = block.hash();
            let outcome = self.chain.accept_block(block, self.wall)?;
            match &outcome {
                Ok(accepted) => {
                    self.sync.arrived(&hash);
                    if let Accepted::Active(change) = accepted {
                        if let Some(session) = from.and_then(|peer| self.peers.get_mut(&peer)) {
                            session.merit.gave_block(self.now);
                        }
                        self.chain_changed(change)?;
                    }
                    ready.extend(self.sync.release(&hash).into_iter().map(|(from, block)| (Some(from), block)));
                }
                Err(refusal) => self.refused_block(from, &hash, refusal)?,
            }
            first.get_or_insert(outcome.map(|_| ()));
        }
        Ok(first.unwrap_or(Ok(())))
    }

    fn refused_block(&mut self, from: Option<PeerId>, hash: &BlockHash, refusal: &Refusal) -> Result<()> {
        if let Refusal::Orphan(parent) = refusal {
            self.tell_of_orphan(from, *hash, *parent);
        }
        if !matches!(refusal, Refusal::WrongBody | Refusal::Orphan(_)) {
            self.chain.forget_headers([*hash]);
            self.sync.stale = true;
        }
        match from {
            Some(peer) => self.refused_header(peer, refusal),
            None => Ok(()),
        }
    }
}
