//! Auditing the stored chain on request. What is checked is [`crate::drivers::audit`]'s.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::{BlockHash, Height, LogRoot};
use utoipa::ToSchema;

use super::{
    App, docs,
    heavy::{self, Wanted},
    problem::Problem,
    store_failed, tip_of,
};
use crate::{
    drivers::{
        audit::{Fault, Report, Stop, audit},
        clock,
        store::Table,
    },
    machine::store::StoreError,
};

/// What an audit of the chain found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Verdict {
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
pub(super) struct Checked {
    /// Hash of the tip.
    #[schema(value_type = String, example = docs::hash)]
    tip: BlockHash,
    /// Blocks of the active chain, the genesis block among them.
    blocks: u64,
    /// Blocks of other branches.
    side_blocks: u64,
    /// Transactions of the active chain.
    transactions: u64,
    /// Accounts that hold or have done anything.
    accounts: u64,
    /// Root of the log of all transactions.
    #[schema(value_type = String, example = docs::hash)]
    log_root: LogRoot,
}

/// Something wrong in a stored chain.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct Wrong {
    /// At which height; absent when it belongs to none.
    #[schema(value_type = Option<u32>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<Height>,
    /// At which block; absent when it belongs to none.
    #[schema(value_type = Option<String>, example = docs::hash)]
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<BlockHash>,
    /// In which table of the database; absent when it is about none.
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<&'static str>,
    /// In which row of the table, in words; absent when it is about none.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// What is wrong, as a clause about the row.
    reason: String,
}

/// Audit the stored chain
///
/// Every block from genesis to the tip, and of other branches: proof of work, links, times, difficulty,
/// signatures, ledger and log; then that every row of every table is what the blocks make it, and that
/// there are no others. Memory grows with the number of accounts. One audit at a time; it ends when nobody
/// waits for it.
#[utoipa::path(get, path = "/valid", tag = docs::CHAIN, responses((status = 200, body = Verdict), docs::Unavailable))]
pub(super) async fn valid(State(app): State<Arc<App>>) -> Result<Json<Verdict>, Problem> {
    let permit = app.validating.take()?;
    let snapshot = app.snapshot()?;
    let height = tip_of(&snapshot).ok().map(|(_, height)| height);
    let network = app.api.network.clone();
    let check = move |wanted: &Wanted| {
        let begun = Instant::now();
        let found = guarded(|| audit(&snapshot, &network, clock::wall(), &mut |_| wanted.check().is_ok()));
        let (checked, wrong) = match found {
            Ok(report) => (Some(report.into()), None),
            Err(Stop::Fault(fault)) => (None, Some((*fault).into())),
            Err(Stop::Failed(reason)) => return Err(store_failed(StoreError::Io(reason))),
            Err(Stop::GivenUp) => return Err(heavy::given_up()),
        };
        let checked_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Verdict { valid: wrong.is_none(), height, checked_ms, checked, wrong })
    };
    heavy::run(permit, &app.api.shutdown, check).await.map(Json)
}

/// The database trusts its pages, and breaks off where one is damaged. That is a finding like others.
fn guarded(audit: impl FnOnce() -> Result<Report, Stop>) -> Result<Report, Stop> {
    catch_unwind(AssertUnwindSafe(audit)).unwrap_or_else(|_| {
        let reason = "reading the database broke off, so its file is probably damaged: stop the node, and let \
                      networkmngr node audit find the place";
        let fault = Fault { table: None, key: None, block: None, height: None, reason: reason.into() };
        Err(fault.into())
    })
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
        Self { height, hash: block, table: table.map(Table::name), key: key.map(|key| key.to_string()), reason }
    }
}
