//! How far this node stands for its log. It signs checkpoints only of blocks with enough others on top of
//! them, and remembers the highest one that it may have signed for. When that one leaves the active chain,
//! whatever the node signed next would contradict it: the node raises an alarm and signs nothing more with
//! this key. The signing itself is a driver's.

use borsh::{BorshDeserialize, BorshSerialize};
use shared::{BlockHash, Height};

use super::{
    Machine,
    journal::ChainEvent,
    store::{Result, Store},
};

/// Blocks that must lie on top of one whose log is signed.
pub const SEAL_DEPTH: u32 = 6;

/// The highest block whose log this node may have signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Sealed {
    /// The log key it signs with; with another key it begins anew.
    pub key: [u8; 32],
    /// The block's height.
    pub height: Height,
    /// The block.
    pub hash: BlockHash,
}

/// What the machine remembers of it.
#[derive(Debug, Default)]
pub struct Seal {
    sealed: Option<Sealed>,
    /// The tip that was looked at last.
    seen: Option<BlockHash>,
    /// Whether the sealed block is off the active chain, which followers have been told.
    contradicted: bool,
}

impl<S: Store> Machine<S> {
    /// Takes up what an earlier run with the same key stood for.
    pub(super) fn open_seal(&mut self) -> Result<()> {
        let sealed = self.chain.store().sealed()?.filter(|sealed| sealed.key == self.config.log_key);
        let contradicted = match sealed {
            Some(sealed) => !self.chain.is_active(&sealed.hash, sealed.height)?,
            None => false,
        };
        self.seal = Seal { sealed, seen: None, contradicted };
        Ok(())
    }

    /// Moves the seal up with the tip, or raises the alarm. Called once after each batch of events.
    pub(super) fn move_seal(&mut self) -> Result<()> {
        let tip = self.chain.tip();
        let (hash, height) = (tip.hash, tip.position.height);
        if self.seal.seen.replace(hash) == Some(hash) {
            return Ok(());
        }
        if let Some(sealed) = self.seal.sealed
            && !self.chain.is_active(&sealed.hash, sealed.height)?
        {
            if !std::mem::replace(&mut self.seal.contradicted, true) {
                self.journal(ChainEvent::Contradicted { height: sealed.height, hash: sealed.hash, better: hash });
            }
            return Ok(());
        }
        self.seal.contradicted = false;
        let deep_enough = height.0.checked_sub(SEAL_DEPTH).map(Height);
        let higher = deep_enough.filter(|height| self.seal.sealed.is_none_or(|sealed| *height > sealed.height));
        if let Some(height) = higher
            && let Some(hash) = self.chain.hash_at(height)?
        {
            let sealed = Sealed { key: self.config.log_key, height, hash };
            self.seal.sealed = Some(sealed);
            self.chain.batch_mut().sealed = Some(sealed);
        }
        Ok(())
    }
}
