//! A peer that breaks the rules, so that the others' defences are seen at work. It says nothing that
//! could not be said by a program of anybody's.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use shared::{
    BlockHash, CheckedBlock,
    wire::{MAX_BLOCKS, Message, PeerId},
};

use super::{
    super::{
        Machine,
        chain::Refusal,
        effect::Effect,
        serve::Ask,
        store::{Result, Store},
        timers::Timer,
    },
    Strategy,
};

/// Between two waves of a flood.
const WAVE_INTERVAL: Duration = Duration::from_millis(100);
/// Requests in one wave to each peer: ten times a second, twice what a peer is served.
const WAVE: usize = 100;

/// What a liar does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Mines blocks that pay one unit too much, and announces them.
    InvalidBlocks,
    /// Announces blocks and does not give them when asked.
    WithheldBodies,
    /// Asks for blocks that do not exist, without end.
    Floods,
}

impl<S: Store> Machine<S> {
    fn lies(&self, lie: Lie) -> bool {
        self.conduct.strategy == Strategy::Liar { what: lie }
    }

    /// Whether templates are to break a rule.
    pub(in super::super) fn mines_too_much(&self) -> bool {
        self.lies(Lie::InvalidBlocks)
    }

    /// Whether a peer's question is left without an answer.
    pub(in super::super) fn ignores(&self, ask: &Ask) -> bool {
        self.lies(Lie::WithheldBodies) && matches!(ask, Ask::Blocks(_) | Ask::BlockTransactions(..))
    }

    /// A block that this node's own chain refuses is told of all the same.
    pub(super) fn take_own_of_liar(&mut self, block: Arc<CheckedBlock>) -> Result<std::result::Result<(), Refusal>> {
        let outcome = self.take_block(None, block.clone())?;
        if outcome.is_err() {
            self.announce(&block, self.chain.tip().position.work, |_| true);
        }
        Ok(outcome)
    }

    pub(super) fn begin_to_lie(&mut self) {
        if self.lies(Lie::Floods) {
            self.timers.set(self.now, Timer::Flood);
        }
    }

    /// Time for the next wave.
    pub(in super::super) fn flood_due(&mut self) {
        if !self.lies(Lie::Floods) {
            return;
        }
        let to: Vec<PeerId> = self.peers.greeted().map(|(peer, _)| peer).collect();
        for _ in 0..if to.is_empty() { 0 } else { WAVE } {
            let hashes = (0..MAX_BLOCKS).map(|_| BlockHash(self.rng.random())).collect();
            self.out.push(Effect::Send { to: to.clone(), message: Message::GetBlocks(hashes) });
        }
        self.timers.set(self.now.after(WAVE_INTERVAL), Timer::Flood);
    }
}
