//! What the machine needs of a place to keep things: reading by key, and one atomic write. The machine
//! collects everything that an event changes in a [`Batch`]; it counts as having happened once the
//! batch is committed. The implementations are in [`crate::drivers::store`].

use std::{collections::BTreeMap, sync::Arc};

use borsh::{BorshDeserialize, BorshSerialize};
use shared::{
    Address, BlockHash, CheckedBlock, Coinbase, Header, Height, LogEdge, Topic, Transaction, TxId,
    log::LogNode,
    rules::{
        header::Position,
        ledger::{Account, Undo},
    },
};

use super::{journal::ChainEvent, seal::Sealed};

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

/// Where a confirmed transaction is. Ordered as transactions take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Location {
    /// The block's height on the active chain.
    pub height: Height,
    /// Its position in the block, counted from 0.
    pub position: u32,
}

impl Location {
    /// The place of a block's reward, which takes effect after all its transactions.
    pub fn reward(height: Height) -> Self {
        Self { height, position: u32::MAX }
    }
}

/// How something on the chain concerns an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Touch {
    /// It sent a transfer to another address.
    Sent,
    /// It received a transfer of another address.
    Received,
    /// It sent a transfer to itself.
    Moved,
    /// It put data on the chain.
    Filed,
    /// It mined a block: the entry stands at [`Location::reward`].
    Mined,
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
    /// A stored block's coinbase.
    fn coinbase(&self, hash: &BlockHash) -> Result<Option<Coinbase>> {
        Ok(self.block(hash)?.map(|block| block.coinbase().clone()))
    }
    /// What takes a block of the active chain back.
    fn undo(&self, hash: &BlockHash) -> Result<Option<Undo>>;
    /// An account; the default one where nothing ever happened.
    fn account(&self, address: &Address) -> Result<Account>;
    /// Where the active chain has a transaction.
    fn location(&self, id: &TxId) -> Result<Option<Location>>;
    /// The active chain's transaction at this place.
    fn transaction(&self, at: Location) -> Result<Option<Transaction>>;
    /// A node of the log up to the tip that is kept.
    fn log_node(&self, node: LogNode) -> Result<Option<[u8; 32]>>;
    /// What concerns an address, newest first: up to `limit` entries before this place.
    fn history(&self, address: &Address, before: Option<Location>, limit: usize) -> Result<Vec<(Location, Touch)>>;
    /// Data filed under this topic, or under any, newest first: up to `limit` places before this one.
    fn filed(&self, topic: Option<&Topic>, before: Option<Location>, limit: usize) -> Result<Vec<Location>>;
    /// Up to `limit` topics under which there is data, in order of their bytes, those after this one.
    fn topics(&self, after: Option<&Topic>, limit: usize) -> Result<Vec<Topic>>;
    /// How far this node stands for its log.
    fn sealed(&self) -> Result<Option<Sealed>>;
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
    /// Nodes of the log that are kept.
    pub log_nodes: BTreeMap<LogNode, Option<[u8; 32]>>,
    /// What concerns which address.
    pub history: BTreeMap<(Address, Location), Option<Touch>>,
    /// Where there is data, by topic, and once more under no topic for those who want all.
    pub filed: BTreeMap<(Option<Topic>, Location), Option<()>>,
    /// The new tip and the log up to it.
    pub tip: Option<(BlockHash, LogEdge)>,
    /// How far this node stands for its log from now on.
    pub sealed: Option<Sealed>,
    /// Own users' unconfirmed transactions.
    pub own: BTreeMap<TxId, Option<Transaction>>,
    /// New journal entries, oldest first; the store numbers them.
    pub journal: Vec<ChainEvent>,
}

impl Batch {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        // Each by name: one that is added and forgotten here would not be written.
        let Self {
            blocks,
            standings,
            active,
            undo,
            accounts,
            locations,
            log_nodes,
            history,
            filed,
            tip,
            sealed,
            own,
            journal,
        } = self;
        let tree = blocks.is_empty() && standings.is_empty() && active.is_empty() && undo.is_empty();
        let ledger = accounts.is_empty() && locations.is_empty() && log_nodes.is_empty() && history.is_empty();
        let rest = filed.is_empty() && own.is_empty() && journal.is_empty();
        tree && ledger && rest && tip.is_none() && sealed.is_none()
    }
}
