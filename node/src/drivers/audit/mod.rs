//! The audit of a stored chain: every block is hashed and checked again, every balance worked out again,
//! and every row of every table compared with what the blocks make it, in both directions: what should be
//! there is there, and nothing else is. It reads one snapshot and changes nothing. How it is asked for, and
//! how its outcome is worded, is elsewhere; so is the checking of the file beneath the tables.
//!
//! What follows from the chain is exact. Beyond that, the journal must tell of the active chain block by
//! block, own transactions must be valid and unconfirmed, and the seal must name a stored block; what else
//! these say is known to this node alone, and cannot be compared with anything.
//!
//! Memory grows with the number of accounts, and for each block at one height beside the active one by the
//! accounts that its branch changes; it does not grow with the length of the chain. Rows are counted while
//! they pass by, and looked up one by one: where all that should be there is there, equal counts say that
//! nothing else is.
//!
//! - `walk`: the tree of blocks, height by height; `replay`: one branch of it
//! - `rows`: what is filed of the active chain, and rows that nothing asks for
//! - `rest`: what does not follow from blocks alone
//! - `verdict`: the outcome as JSON

mod replay;
mod rest;
mod rows;
#[cfg(test)]
mod tests;
mod verdict;
mod walk;

use std::fmt;

use shared::{BlockHash, Height, LogRoot, Millis, Network};

use self::walk::Walk;
pub use self::{
    replay::{Broken, Line, Replay},
    verdict::{Checked, Verdict, Wrong},
};
use crate::{
    drivers::store::{Key, Snapshot, Table},
    machine::store::{Result as StoreResult, StoreError},
};

/// What an audit that found nothing wrong has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Height of the active chain's tip.
    pub height: Height,
    /// The tip.
    pub tip: BlockHash,
    /// Blocks of the active chain, the genesis block among them.
    pub blocks: u64,
    /// Blocks of other branches.
    pub side_blocks: u64,
    /// Transactions of the active chain: the leaves of its log.
    pub transactions: u64,
    /// Accounts that hold or have done anything.
    pub accounts: u64,
    /// Root of the log.
    pub log_root: LogRoot,
}

/// The first thing that an audit found wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// In which table; unknown when the database itself fails.
    pub table: Option<Table>,
    /// In which row; absent when it is not about a single one.
    pub key: Option<Key>,
    /// The block that was being checked, or that the row belongs to.
    pub block: Option<BlockHash>,
    /// That block's height.
    pub height: Option<Height>,
    /// What is wrong, as a clause about the row.
    pub reason: String,
}

/// Why an audit ended early.
#[derive(Debug)]
pub enum Stop {
    /// Something is wrong.
    Fault(Box<Fault>),
    /// The database cannot be read, which says nothing about what is in it.
    Failed(String),
    /// Nobody wants to know any more.
    GivenUp,
}

/// How far an audit has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Blocks of the active chain that are checked.
    pub done: u64,
    /// Blocks that the active chain has.
    pub of: u64,
}

/// Audits the chain of a snapshot. `now` is the clock's time: no block may be far ahead of it. `watch` is
/// told of the progress after each block and now and then in between, and says whether to go on.
///
/// # Errors
/// The first fault, or why there is no telling.
pub fn audit(
    chain: &Snapshot,
    network: &Network,
    now: Millis,
    watch: &mut dyn FnMut(Progress) -> bool,
) -> Result<Report, Stop> {
    rest::check_tables(chain)?;
    let tip = rest::check_meta(chain, network)?;
    let mut walk = Walk::new(chain, network, now, tip, watch);
    walk.all_heights()?;
    walk.check_end()?;
    walk.nothing_else()?;
    rest::check_journal(chain, network, tip.1, &mut || walk.go_on())?;
    rest::check_own(chain, network)?;
    Ok(walk.report())
}

impl Fault {
    fn new(table: Table, key: Key, reason: impl ToString) -> Self {
        let (block, height) = (key.hash(), key.height());
        Self { table: Some(table), key: Some(key), block, height, reason: reason.to_string() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(table) = self.table {
            write!(f, "table {}, ", table.name())?;
        }
        match (&self.key, self.height) {
            (Some(key), _) => write!(f, "{key}: ")?,
            (None, Some(height)) => write!(f, "height {height}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.reason)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Io(reason) => Self::Failed(reason),
            StoreError::Damaged(reason) => Fault { table: None, key: None, block: None, height: None, reason }.into(),
        }
    }
}

impl Stop {
    /// Says which row was read when the database failed, unless that is known.
    fn at(self, table: Table, key: Key) -> Self {
        match self {
            Self::Fault(fault) if fault.table.is_none() => Fault::new(table, key, fault.reason).into(),
            other => other,
        }
    }
}

/// What was read of a row.
fn read<T>(table: Table, key: impl FnOnce() -> Key, stored: StoreResult<T>) -> Result<T, Stop> {
    stored.map_err(|error| Stop::from(error).at(table, key()))
}

/// That a row is there and holds what it should.
fn expect<T: PartialEq>(
    table: Table,
    key: impl Fn() -> Key,
    expected: &T,
    stored: StoreResult<Option<T>>,
) -> Result<(), Stop> {
    match read(table, &key, stored)? {
        Some(stored) if stored == *expected => Ok(()),
        Some(_) => Err(Fault::new(table, key(), "it does not hold what the chain makes it").into()),
        None => Err(Fault::new(table, key(), "the row is missing").into()),
    }
}
