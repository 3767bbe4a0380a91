//! The chain in a redb database: one file, one writer, any number of readers that never wait for it.
//! Here are the handles; how the file is found, made and recognised is in `open.rs`, what lies in it in
//! `tables.rs`.

mod error;
mod inspect;
mod open;
mod pages;
mod snapshot;
mod tables;
mod untouched;
mod upgrade;
mod write;

use std::{path::Path, sync::Arc};

use arc_swap::{ArcSwap, Guard};
use redb::{Database, WriteTransaction};
use shared::{
    Address, BlockHash, CheckedBlock, Height, LogEdge, Network, Topic, Transaction, TxId,
    log::LogNode,
    rules::ledger::{Account, Undo},
};

#[cfg(test)]
pub use self::open::open_on;
pub use self::{
    error::OpenError,
    inspect::{Key, NAMES, Table},
    open::FILE as CHAIN_FILE,
    pages::PageFault,
    snapshot::Snapshot,
};
use crate::machine::{
    journal::ChainEvent,
    seal::Sealed,
    store::{Batch, Entry, Location, ReadChain, Result, Store, Touch},
};

/// The chain on disk. The machine writes through it; everyone else reads through a [`RedbReader`].
pub struct RedbStore {
    opened: Arc<Opened>,
    repair: Decide,
}

/// A handle to take snapshots with, cheap to clone and to send to another thread. The file stays open
/// and locked until the store and all its readers are gone.
#[derive(Clone)]
pub struct RedbReader(Arc<Opened>);

/// What the writer and all readers have in common.
struct Opened {
    /// The one snapshot of the newest commit, for everybody: to open one takes longer than most of what is read.
    newest: ArcSwap<Snapshot>,
    database: Database,
}

impl RedbReader {
    /// The chain as of the newest commit. It can be read as long as the store or a reader is there.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.0.newest.load_full()
    }
}

impl RedbStore {
    /// Opens the chain in this data folder. Folder and chain are made if they are not there; the chain
    /// is then the genesis block.
    ///
    /// # Errors
    /// When no chain of this network is to be had there: the error says why, and what to do.
    pub fn open(folder: &Path, network: &Network) -> std::result::Result<Self, OpenError> {
        open::open(folder, network)
    }

    /// A handle for other threads.
    pub fn reader(&self) -> RedbReader {
        RedbReader(Arc::clone(&self.opened))
    }

    fn new(database: Database, repair: Decide) -> Result<Self> {
        Ok(Self { opened: Arc::new(Opened::new(database)?), repair })
    }

    fn newest(&self) -> Guard<Arc<Snapshot>> {
        self.opened.newest.load()
    }
}

impl Opened {
    fn new(database: Database) -> Result<Self> {
        Ok(Self { newest: ArcSwap::from_pointee(Snapshot::new(&database)?), database })
    }
}

/// How the file is opened should there be a crash after a commit, which the commit has to prepare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// All of it is read.
    Whole,
    /// Next to nothing is read. The commit writes down which pages are free, which makes a small one half as long again.
    Quick,
}

/// The repair to prepare for, as of now.
type Decide = Box<dyn Fn() -> Repair + Send + Sync>;

/// A file of so many bytes is read within a twentieth of a second, if the system has it in memory.
const SOON_READ: u64 = 16 << 20;

impl Repair {
    /// For a file of so many bytes.
    fn of(length: u64) -> Self {
        if length > SOON_READ { Self::Quick } else { Self::Whole }
    }
}

/// A transaction that is on disk when its commit returns, and that a crash leaves recognisable: it waits for the disk
/// before it says that it is there, and again after that.
fn begin_write(database: &Database, repair: Repair) -> Result<WriteTransaction> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(repair == Repair::Quick);
    Ok(transaction)
}

impl Store for RedbStore {
    fn commit(&mut self, batch: Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let Opened { newest, database } = &*self.opened;
        let transaction = begin_write(database, (self.repair)())?;
        write::write(&transaction, &batch)?;
        transaction.commit()?;
        newest.store(Arc::new(Snapshot::new(database)?));
        Ok(())
    }
}

impl ReadChain for RedbStore {
    fn tip(&self) -> Result<Option<BlockHash>> {
        self.newest().tip()
    }

    fn log(&self) -> Result<LogEdge> {
        self.newest().log()
    }

    fn entry(&self, hash: &BlockHash) -> Result<Option<Entry>> {
        self.newest().entry(hash)
    }

    fn hash_at(&self, height: Height) -> Result<Option<BlockHash>> {
        self.newest().hash_at(height)
    }

    fn block(&self, hash: &BlockHash) -> Result<Option<Arc<CheckedBlock>>> {
        self.newest().block(hash)
    }

    fn undo(&self, hash: &BlockHash) -> Result<Option<Undo>> {
        self.newest().undo(hash)
    }

    fn account(&self, address: &Address) -> Result<Account> {
        self.newest().account(address)
    }

    fn location(&self, id: &TxId) -> Result<Option<Location>> {
        self.newest().location(id)
    }

    fn transaction(&self, at: Location) -> Result<Option<Transaction>> {
        self.newest().transaction(at)
    }

    fn log_node(&self, node: LogNode) -> Result<Option<[u8; 32]>> {
        self.newest().log_node(node)
    }

    fn history(&self, address: &Address, before: Option<Location>, limit: usize) -> Result<Vec<(Location, Touch)>> {
        self.newest().history(address, before, limit)
    }

    fn filed(&self, topic: Option<&Topic>, before: Option<Location>, limit: usize) -> Result<Vec<Location>> {
        self.newest().filed(topic, before, limit)
    }

    fn topics(&self, after: Option<&Topic>, limit: usize) -> Result<Vec<Topic>> {
        self.newest().topics(after, limit)
    }

    fn sealed(&self) -> Result<Option<Sealed>> {
        self.newest().sealed()
    }

    fn own_transactions(&self) -> Result<Vec<Transaction>> {
        self.newest().own_transactions()
    }

    fn journal(&self, from: u64, limit: usize) -> Result<Vec<(u64, ChainEvent)>> {
        self.newest().journal(from, limit)
    }

    fn journal_end(&self) -> Result<u64> {
        self.newest().journal_end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_large_file_is_worth_a_quick_repair() {
        assert_eq!(
            [0, SOON_READ, SOON_READ + 1, u64::MAX].map(Repair::of),
            [Repair::Whole, Repair::Whole, Repair::Quick, Repair::Quick]
        );
    }
}
