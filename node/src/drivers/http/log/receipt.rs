//! Receipts of transactions. The same transaction always has the same receipt, however old it is.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State, rejection::PathRejection, rejection::QueryRejection};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use shared::{
    Header, Height, TxId,
    log::prove,
    receipt::{LogProof, MAX_HEADERS, Receipt},
};
use utoipa::IntoParams;

use super::super::{App, docs, extract::parse, problem::Problem, store_failed, tip_of};
use super::{LogAt, log_at, proofs, signed_log};
use crate::{
    drivers::store::Snapshot,
    machine::{
        seal::SEAL_DEPTH,
        store::{Location, ReadChain as _, StoreError},
    },
};

/// How much work should lie on the receipt.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HowDeep {
    /// Blocks on top of the transaction's, 6 to 2000; 6 unless given. Fewer where the chain has no more.
    headers: Option<u32>,
}

/// A receipt that anybody can check offline
///
/// One file: the exact transaction, its place in the log with a proof and a signed checkpoint (C2SP
/// tlog-proof), the coinbase that commits to the log, the header that commits to the coinbase, and the headers
/// on top of it. `networkmngr verify FILE` goes through it step by step. It is given once six blocks lie on
/// the transaction's.
#[utoipa::path(
    get, path = "/transactions/{id}/receipt", tag = docs::LOG,
    params(("id" = String, Path, description = "The transaction's id"), HowDeep),
    responses(
        (status = 200, body = docs::Receipt),
        (status = 400, description = "No transaction id, or `headers` out of range", body = docs::Problem),
        (status = 404, description = "The chain does not have the transaction", body = docs::Problem),
        (status = 409, description = "Not yet, or the chain contradicts what was signed before", body = docs::Problem),
    )
)]
pub(super) async fn receipt(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    depth: Result<Query<HowDeep>, QueryRejection>,
) -> Result<Response, Problem> {
    let id: TxId = parse(&id?)?;
    let on_top = depth?.0.headers.unwrap_or(SEAL_DEPTH);
    if !(SEAL_DEPTH..=MAX_HEADERS as u32).contains(&on_top) {
        return Err(Problem::bad_request(format!("\"headers\" takes {SEAL_DEPTH} to {MAX_HEADERS}.")));
    }
    let snapshot = app.snapshot();
    let missing = || {
        Problem::not_found(format!(
            "The chain does not have the transaction {id}; one that waits to be mined has no receipt."
        ))
    };
    let at = snapshot.location(&id).map_err(store_failed)?.ok_or_else(missing)?;
    let receipt = build(&app, &snapshot, at, on_top)?;
    let file = format!("attachment; filename=\"receipt-{}.json\"", id.short());
    Ok(([(header::CONTENT_DISPOSITION, file)], Json(receipt)).into_response())
}

fn build(app: &App, snapshot: &Snapshot, at: Location, on_top: u32) -> Result<Receipt, Problem> {
    let (_, tip) = tip_of(snapshot)?;
    let so_far = tip.0.saturating_sub(at.height.0);
    if so_far < SEAL_DEPTH {
        let detail =
            format!("A receipt is given once {SEAL_DEPTH} blocks lie on the transaction's; so far {so_far} do.");
        return Err(Problem::conflict(detail).with("confirmations", so_far + 1).with("needed", SEAL_DEPTH + 1));
    }
    let signed = signed_log(app, snapshot)?;
    let LogAt { block, size, root, .. } = log_at(snapshot, at.height)?;
    if size > signed.size {
        return Err(Problem::conflict(
            "The node does not sign for the transaction's block yet; try again after the next.",
        ));
    }
    let damaged = |what: &str| store_failed(StoreError::Damaged(format!("{what} of block {block} is missing")));
    let coinbase = snapshot.coinbase(&block).map_err(store_failed)?.ok_or_else(|| damaged("the coinbase"))?;
    let transaction = snapshot.transaction(at).map_err(store_failed)?.ok_or_else(|| damaged("a transaction"))?;
    let index = proofs::index_of(snapshot, at)?;
    let path = prove::inclusion(index, size, &proofs::kept(snapshot)).map_err(store_failed)?;
    let path = path.ok_or_else(|| damaged("the log"))?;
    let proof = LogProof { index, path, checkpoint: app.api.log.sign(size, root) };
    let headers = headers(snapshot, at.height, tip.0.min(at.height.0.saturating_add(on_top)))?;
    Ok(Receipt::new(app.api.network.spec(), &transaction, &proof, app.api.log.key(), &coinbase, &headers))
}

fn headers(snapshot: &Snapshot, first: Height, last: u32) -> Result<Vec<Header>, Problem> {
    let missing = |height| store_failed(StoreError::Damaged(format!("the block at height {height} is missing")));
    let header = |height| {
        let hash = snapshot.hash_at(Height(height)).map_err(store_failed)?.ok_or_else(|| missing(height))?;
        let entry = snapshot.entry(&hash).map_err(store_failed)?.ok_or_else(|| missing(height))?;
        Ok(entry.header)
    };
    (first.0..=last).map(header).collect()
}
