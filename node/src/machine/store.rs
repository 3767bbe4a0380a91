//! What the machine needs of a place to keep things: reading by key, and one atomic write. The machine
//! collects everything that an event changes in a [`Batch`]; it counts as having happened once the
//! batch is committed. The implementations are in [`crate::drivers::store`].

use std::{collections::BTreeMap, sync::Arc};

use borsh::{BorshDeserialize, BorshSerialize};
use shared::{
    Address, BlockHash, CheckedBlock, Header, Height, LogEdge, Transaction, TxId,
    rules::{
        header::Position,
        ledger::{Account, Undo},
    },
};

use super::journal::ChainEvent;

/// What is known of a block's standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Standing {
    /// Its header fits the chain; its effect on the accounts was never tried.
    Untried,
    /// It was once part of the active chain, so its effect is known to be valid.
    Valid,
    /// It, or a block below it, breaks a rule. It is never tried again.
    Invalid,
}

/// A block's place in the tree of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Entry {
    /// The header.
    pub header: Header,
    /// Height, accumulated work and active time.
    pub position: Position,
    /// What is known of its validity.
    pub standing: Standing,
}

/// Where a confirmed transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Location {
    /// The block's height on the active chain.
    pub height: Height,
    /// Its position in the block, counted from 0.
    pub position: u32,
}

/// Why the store cannot go on. The node stops: what it cannot keep it must not promise.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk or the database says no.
    #[error("the chain's database failed: {0}")]
    Io(String),
    /// A stored value is not what it should be.
    #[error("the chain's database is damaged: {0}")]
    Damaged(String),
}

/// Result of a store's call.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Reading. Each value is as of the last commit.
pub trait ReadChain {
    /// The active chain's tip; `None` in a fresh store.
    fn tip(&self) -> Result<Option<BlockHash>>;
    /// The log up to the tip.
    fn log(&self) -> Result<LogEdge>;
    /// A stored block's place.
    fn entry(&self, hash: &BlockHash) -> Result<Option<Entry>>;
    /// The block of the active chain at this height.
    fn hash_at(&self, height: Height) -> Result<Option<BlockHash>>;
    /// A stored block.
    fn block(&self, hash: &BlockHash) -> Result<Option<Arc<CheckedBlock>>>;
    /// What takes a block of the active chain back.
    fn undo(&self, hash: &BlockHash) -> Result<Option<Undo>>;
    /// An account; the default one where nothing ever happened.
    fn account(&self, address: &Address) -> Result<Account>;
    /// Where the active chain has a transaction.
    fn location(&self, id: &TxId) -> Result<Option<Location>>;
    /// Transactions accepted from this node's own users and not confirmed yet, in order of id.
    fn own_transactions(&self) -> Result<Vec<Transaction>>;
    /// Up to `limit` journal entries with a number of at least `from`, in order. The first entry ever
    /// written has number 1; the oldest may be gone.
    fn journal(&self, from: u64, limit: usize) -> Result<Vec<(u64, ChainEvent)>>;
    /// The number of the newest journal entry, 0 when there is none.
    fn journal_end(&self) -> Result<u64>;
}

/// Reading and writing.
pub trait Store: ReadChain {
    /// Writes a batch: all of it, durably, or nothing.
    ///
    /// # Errors
    /// When the write did not happen.
    fn commit(&mut self, batch: Batch) -> Result<()>;
}

/// Everything that one or more events change. Where a field is a map to `Option`, `None` deletes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Blocks to keep, with their places.
    pub blocks: BTreeMap<BlockHash, (Entry, Arc<CheckedBlock>)>,
    /// New standings of blocks stored before this batch.
    pub standings: BTreeMap<BlockHash, Standing>,
    /// Changes of the active chain.
    pub active: BTreeMap<Height, Option<BlockHash>>,
    /// What takes blocks of the active chain back.
    pub undo: BTreeMap<BlockHash, Option<Undo>>,
    /// Accounts as they are now. A default account may be deleted.
    pub accounts: BTreeMap<Address, Account>,
    /// Where transactions are confirmed.
    pub locations: BTreeMap<TxId, Option<Location>>,
    /// The new tip and the log up to it.
    pub tip: Option<(BlockHash, LogEdge)>,
    /// Own users' unconfirmed transactions.
    pub own: BTreeMap<TxId, Option<Transaction>>,
    /// New journal entries, oldest first; the store numbers them.
    pub journal: Vec<ChainEvent>,
}

impl Batch {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
