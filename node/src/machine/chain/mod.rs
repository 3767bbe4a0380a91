//! The tree of blocks and the active chain through it: what is known, which branch has the most work,
//! and what the accounts look like at its tip. Fork choice, reorganisation and undo are here; peers,
//! pool and mining are not.

mod connect;
mod filing;
mod ground;
mod serve;
mod tree;
mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use shared::{
    BlockHash, CheckedBlock, Height, LogEdge, Millis, Network, Seconds,
    rules::{
        header::{HeaderError, Position},
        ledger::LedgerError,
    },
};

pub use self::{connect::Accepted, ground::Ground, serve::LOCATOR_DENSE, tree::MAX_HEADERS_AHEAD};
use super::{
    store::{Batch, Entry, Result, Store, StoreError},
    strategy::Tie,
};

/// The tip of the active chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Tip {
    /// The block's hash.
    pub hash: BlockHash,
    /// Its height and accumulated work.
    pub position: Position,
    /// The log up to it.
    pub log: LogEdge,
}

/// How the active chain changed: first these blocks left it, highest first, then these joined it,
/// lowest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TipChange {
    /// Blocks that left.
    pub disconnected: Vec<Arc<CheckedBlock>>,
    /// Blocks that joined.
    pub connected: Vec<Arc<CheckedBlock>>,
}

/// Why a header or block is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is known of the block before it.
    #[error("the block before it, {0}, is not known here")]
    Orphan(BlockHash),
    /// It builds on a block that breaks a rule.
    #[error("it builds on {0}, which breaks a rule")]
    InvalidParent(BlockHash),
    /// It was found to break a rule before.
    #[error("it was found to break a rule before")]
    KnownInvalid,
    /// The header breaks a rule of its chain.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The block's contents are not what its header commits to.
    #[error("its transactions are not those that its header commits to")]
    WrongBody,
    /// The block's effect on the accounts breaks a rule.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It builds on a block whose effect on the accounts was tried only now, and breaks a rule.
    #[error("block {height} ({}) below it breaks a rule: {error}", hash.short())]
    Below {
        /// The block at fault.
        hash: BlockHash,
        /// Its height.
        height: Height,
        /// The rule.
        error: LedgerError,
    },
}

impl Refusal {
    /// Whether whoever sent it must have known better. An orphan may have a parent that was not sent
    /// yet, and a block from the future may come true.
    pub fn is_proof_of_fault(&self) -> bool {
        !matches!(self, Self::Orphan(_) | Self::Header(HeaderError::TooNew { .. }))
    }
}

/// The tree of blocks over a store, with everything not yet committed held in a batch.
pub struct Chain<S> {
    network: Arc<Network>,
    /// Which of two tips with equal work is taken.
    tie: Tie,
    store: S,
    batch: Batch,
    tip: Tip,
    /// The times by which a block on the tip is judged: the tip's and those below it, latest first.
    tip_times: VecDeque<Seconds>,
    /// Places of blocks near the tip, stored ones and those in the batch.
    recent: BTreeMap<BlockHash, Entry>,
    /// Headers that fit the chain and whose blocks have not come yet.
    headers: BTreeMap<BlockHash, Entry>,
    /// Logs after recently stored blocks, so that a long side branch is not re-hashed for each block.
    side_logs: BTreeMap<BlockHash, LogEdge>,
    /// Blocks with a header in order whose effect breaks a rule, before they were ever stored.
    refused: BTreeSet<BlockHash>,
}

/// A chain's memory at some moment since the last commit.
struct Checkpoint {
    batch: Batch,
    tip: Tip,
    tip_times: VecDeque<Seconds>,
    recent: BTreeMap<BlockHash, Entry>,
    headers: BTreeMap<BlockHash, Entry>,
    side_logs: BTreeMap<BlockHash, LogEdge>,
    refused: BTreeSet<BlockHash>,
}

impl<S: Store> Chain<S> {
    /// Opens the chain of a store that has at least the genesis block of `network`.
    ///
    /// # Errors
    /// When the store cannot be read, or has no tip.
    pub fn open(network: Arc<Network>, store: S) -> Result<Self> {
        let missing = || StoreError::Damaged("the tip is missing".into());
        let hash = store.tip()?.ok_or_else(missing)?;
        let entry = store.entry(&hash)?.ok_or_else(missing)?;
        let tip = Tip { hash, position: entry.position, log: store.log()? };
        let mut chain = Self {
            network,
            tie: Tie::FirstSeen,
            store,
            batch: Batch::default(),
            tip,
            tip_times: VecDeque::new(),
            recent: BTreeMap::from([(hash, entry)]),
            headers: BTreeMap::new(),
            side_logs: BTreeMap::new(),
            refused: BTreeSet::new(),
        };
        chain.tip_times = chain.times_up_to(hash)?;
        Ok(chain)
    }

    /// The network whose rules hold.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Which of two tips with equal work is taken.
    pub fn tie(&self) -> Tie {
        self.tie
    }

    /// Settles later ties like this; one that is there already stays as it is.
    pub fn set_tie(&mut self, tie: Tie) {
        self.tie = tie;
    }

    /// The tip of the active chain.
    pub fn tip(&self) -> &Tip {
        &self.tip
    }

    /// The store, for those who read what was committed.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The store alone, with nothing that was not committed.
    pub fn into_store(self) -> S {
        self.store
    }

    /// Everything that taking blocks changes before the next commit.
    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            batch: self.batch.clone(),
            tip: self.tip.clone(),
            tip_times: self.tip_times.clone(),
            recent: self.recent.clone(),
            headers: self.headers.clone(),
            side_logs: self.side_logs.clone(),
            refused: self.refused.clone(),
        }
    }

    fn restore(&mut self, before: Checkpoint) {
        let Checkpoint { batch, tip, tip_times, recent, headers, side_logs, refused } = before;
        (self.batch, self.tip, self.tip_times, self.recent) = (batch, tip, tip_times, recent);
        (self.headers, self.side_logs, self.refused) = (headers, side_logs, refused);
    }

    /// What the next commit will write.
    pub fn batch_mut(&mut self) -> &mut Batch {
        &mut self.batch
    }

    /// Writes everything since the last commit.
    ///
    /// # Errors
    /// When the store fails; then nothing since the last commit has happened.
    pub fn commit(&mut self) -> Result<()> {
        if !self.batch.is_empty() {
            self.store.commit(std::mem::take(&mut self.batch))?;
            self.forget_far_entries();
        }
        Ok(())
    }

    /// The earliest time that a block on the tip may have.
    ///
    /// # Errors
    /// When the store fails.
    pub fn earliest_time(&self) -> Result<Seconds> {
        self.median_time_from(self.tip.hash)
    }

    /// The time a block mined now on the tip should carry.
    ///
    /// # Errors
    /// When the store fails.
    pub fn template_time(&self, now: Millis) -> Result<Seconds> {
        Ok(self.earliest_time()?.max(now.seconds()))
    }
}
