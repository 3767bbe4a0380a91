//! An audit's outcome as JSON, the same over HTTP and on the command line.

use std::time::Duration;

use serde::Serialize;
use shared::{BlockHash, Height, LogRoot};
use utoipa::ToSchema;

use super::{Fault, Report};
use crate::drivers::store::{PageFault, Table};

/// What an audit of the chain found.
#[derive(Debug, Serialize, ToSchema)]
pub struct Verdict {
    /// Whether everything is right.
    valid: bool,
    /// Height of the tip that was checked up to; absent when there is no telling.
    #[schema(value_type = Option<u32>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<Height>,
    /// Milliseconds that it took.
    checked_ms: u64,
    /// What was checked; absent when something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    checked: Option<Checked>,
    /// The first thing that is wrong; absent when nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    wrong: Option<Wrong>,
}

/// What was found to be right.
#[derive(Debug, Serialize, ToSchema)]
pub struct Checked {
    /// Hash of the tip.
    #[schema(value_type = String)]
    tip: BlockHash,
    /// Blocks of the active chain, the genesis block among them.
    blocks: u64,
    /// Blocks of other branches.
    side_blocks: u64,
    /// Transactions of the active chain: the leaves of its log.
    transactions: u64,
    /// Accounts that hold or have done anything.
    accounts: u64,
    /// Root of the log.
    #[schema(value_type = String)]
    log_root: LogRoot,
}

/// Something wrong in a stored chain.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Wrong {
    /// At which height; absent when it belongs to none.
    #[schema(value_type = Option<u32>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<Height>,
    /// At which block; absent when it belongs to none.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<BlockHash>,
    /// In which table of the database; absent when it is in none.
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    /// In which row of the table, in words; absent when it is not about a single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The first byte of the part of the file that is damaged; absent when it is about a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    /// How many bytes that part has.
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    /// What is wrong there, as a clause.
    reason: String,
}

impl Verdict {
    /// On a chain with its tip at `height`, after so much time.
    pub fn new(height: Option<Height>, took: Duration, found: Result<Report, Wrong>) -> Self {
        let (checked, wrong) = match found {
            Ok(report) => (Some(report.into()), None),
            Err(wrong) => (None, Some(wrong)),
        };
        let checked_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Self { valid: wrong.is_none(), height, checked_ms, checked, wrong }
    }
}

impl Wrong {
    /// In the database as a whole.
    pub fn somewhere(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }
}

impl From<Report> for Checked {
    fn from(report: Report) -> Self {
        let Report { height: _, tip, blocks, side_blocks, transactions, accounts, log_root } = report;
        Self { tip, blocks, side_blocks, transactions, accounts, log_root }
    }
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        let Fault { table, key, block, height, reason } = fault;
        let (table, key) = (table.map(|table| Table::name(table).to_owned()), key.map(|key| key.to_string()));
        Self { height, hash: block, table, key, reason, ..Self::default() }
    }
}

impl From<PageFault> for Wrong {
    fn from(fault: PageFault) -> Self {
        let PageFault { offset, length, table, heights, reason } = fault;
        let key = heights.map(|(first, last)| format!("rows of heights {first} to {last}"));
        Self { table, key, offset: Some(offset), length: Some(length), reason: reason.into(), ..Self::default() }
    }
}
