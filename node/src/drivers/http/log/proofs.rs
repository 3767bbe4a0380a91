//! Inclusion and consistency proofs, for whoever wants them one by one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State, rejection::QueryRejection};
use serde::{Deserialize, Serialize};
use shared::{LogRoot, TxId, log::LogNode, log::prove};
use utoipa::{IntoParams, ToSchema};

use super::super::{App, docs, problem::Problem, store_failed};
use super::log_at;
use crate::{
    drivers::store::Snapshot,
    machine::store::{Location, ReadChain as _, Result as StoreResult, StoreError},
};

/// Reads the nodes that proofs are made of.
pub(super) fn kept(snapshot: &Snapshot) -> impl Fn(LogNode) -> StoreResult<[u8; 32]> {
    |node| snapshot.log_node(node)?.ok_or_else(|| StoreError::Damaged(format!("{node:?} of the log is missing")))
}

/// Where the log has a confirmed transaction.
pub(super) fn index_of(snapshot: &Snapshot, at: Location) -> Result<u64, Problem> {
    let before = at.height.previous().map_or(Ok(0), |below| log_at(snapshot, below).map(|log| log.size))?;
    Ok(before + u64::from(at.position))
}

/// Which transaction, in which log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichLeaf {
    /// The transaction's id; or give `index`.
    #[param(value_type = Option<String>)]
    id: Option<TxId>,
    /// Its place in the log, counted from 0; or give `id`.
    index: Option<u64>,
    /// The log's size; that of the whole chain unless given.
    size: Option<u64>,
}

/// That a transaction is in the log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Inclusion {
    /// The transaction's place, counted from 0.
    index: u64,
    /// The transaction's id, which is the leaf's hash.
    #[schema(value_type = String, example = docs::hash)]
    leaf: TxId,
    /// The log's size.
    size: u64,
    /// The log's root.
    #[schema(value_type = String, example = docs::hash)]
    root: LogRoot,
    /// The audit path, from the leaf's sibling upwards.
    #[schema(value_type = Vec<String>)]
    path: Vec<LogRoot>,
}

/// Prove that a transaction is in the log
///
/// The audit path of RFC 6962. Other than a receipt it is not signed.
#[utoipa::path(
    get, path = "/log/inclusion", tag = docs::LOG, params(WhichLeaf),
    responses(
        (status = 200, body = Inclusion),
        (status = 400, description = "Neither an id nor an index, or both, or one outside the log", body = docs::Problem),
        (status = 404, description = "The chain does not have the transaction", body = docs::Problem),
    )
)]
pub(super) async fn inclusion(
    State(app): State<Arc<App>>,
    which: Result<Query<WhichLeaf>, QueryRejection>,
) -> Result<Json<Inclusion>, Problem> {
    let Query(WhichLeaf { id, index, size }) = which?;
    let snapshot = app.snapshot();
    let index = match (id, index) {
        (Some(id), None) => {
            let missing = || Problem::not_found(format!("The chain does not have the transaction {id}."));
            index_of(&snapshot, snapshot.location(&id).map_err(store_failed)?.ok_or_else(missing)?)?
        }
        (None, Some(index)) => index,
        _ => return Err(Problem::bad_request("Give either the id of a transaction, or its index in the log.")),
    };
    let size = size_within(&snapshot, size)?;
    let outside = || Problem::bad_request(format!("The log of {size} transactions has no index {index}."));
    let path = prove::inclusion(index, size, &kept(&snapshot)).map_err(store_failed)?.ok_or_else(outside)?;
    let root = prove::root(size, &kept(&snapshot)).map_err(store_failed)?;
    let leaf = kept(&snapshot)(LogNode::leaf(index)).map(TxId).map_err(store_failed)?;
    Ok(Json(Inclusion { index, leaf, size, root, path: path.into_iter().map(LogRoot).collect() }))
}

/// Which two logs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichLogs {
    /// Size of the smaller log, at least 1.
    from: u64,
    /// Size of the larger log; that of the whole chain unless given.
    to: Option<u64>,
}

/// That one log begins with another.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Consistency {
    /// Size of the smaller log.
    from: u64,
    /// Its root.
    #[schema(value_type = String, example = docs::hash)]
    from_root: LogRoot,
    /// Size of the larger log.
    to: u64,
    /// Its root.
    #[schema(value_type = String, example = docs::hash)]
    to_root: LogRoot,
    /// The proof.
    #[schema(value_type = Vec<String>)]
    proof: Vec<LogRoot>,
}

/// Prove that the log only grew
///
/// The consistency proof of RFC 6962 between two sizes of the log.
#[utoipa::path(
    get, path = "/log/consistency", tag = docs::LOG, params(WhichLogs),
    responses(
        (status = 200, body = Consistency),
        (status = 400, description = "No such sizes", body = docs::Problem),
    )
)]
pub(super) async fn consistency(
    State(app): State<Arc<App>>,
    which: Result<Query<WhichLogs>, QueryRejection>,
) -> Result<Json<Consistency>, Problem> {
    let Query(WhichLogs { from, to }) = which?;
    let snapshot = app.snapshot();
    let to = size_within(&snapshot, to)?;
    let senseless = || Problem::bad_request(format!("\"from\" takes 1 to {to}, the size of the larger log."));
    let proof = prove::consistency(from, to, &kept(&snapshot)).map_err(store_failed)?.ok_or_else(senseless)?;
    let root = |size| prove::root(size, &kept(&snapshot)).map_err(store_failed);
    let proof = proof.into_iter().map(LogRoot).collect();
    Ok(Json(Consistency { from, from_root: root(from)?, to, to_root: root(to)?, proof }))
}

/// The size asked for, if the log has grown so far; the whole log's unless one is asked for.
fn size_within(snapshot: &Snapshot, asked: Option<u64>) -> Result<u64, Problem> {
    let whole = snapshot.log().map_err(store_failed)?.size();
    match asked {
        Some(size) if size > whole => Err(Problem::bad_request(format!("The log has only {whole} transactions."))),
        Some(size) => Ok(size),
        None => Ok(whole),
    }
}
