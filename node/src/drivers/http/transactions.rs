//! Signed transactions: taking them, and telling where they are.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State, rejection::PathRejection, rejection::QueryRejection};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use shared::{BlockHash, CheckedTransaction, Height, Payload, Transaction, TxId};
use utoipa::{IntoParams, ToSchema};

use super::{
    App, docs,
    extract::{JsonBody, parse},
    problem::Problem,
    store_failed, tip_of, unexpected,
};
use crate::machine::{
    effect::{PoolError, Refused, Reply},
    event::Request,
    store::ReadChain as _,
};

/// Pending transactions told at once, unless asked for more.
const PENDING: usize = 1_000;

/// Bytes of pending transactions after which no more are told.
const PENDING_BYTES: usize = 4 << 20;

/// A transaction is in the pool and kept until it is confirmed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Accepted {
    /// The transaction's id.
    #[schema(value_type = String, example = docs::hash)]
    id: TxId,
}

/// What waits to be mined.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Pending {
    /// How many transactions wait.
    count: usize,
    /// The first of them, in the order in which they would be mined.
    #[schema(value_type = Vec<docs::Transaction>)]
    transactions: Vec<Transaction>,
}

/// How many pending transactions are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Limit {
    /// At most so many, 1000 unless given; and no more once they make 4 MiB.
    limit: Option<usize>,
}

/// Where a transaction is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub(super) enum Place {
    /// In a block of the active chain.
    Confirmed {
        /// The block.
        #[schema(value_type = String, example = docs::hash)]
        block: BlockHash,
        /// The block's height.
        #[schema(value_type = u32)]
        height: Height,
        /// Its position in the block, counted from 0.
        position: u32,
        /// Blocks from this one to the tip, both counted.
        confirmations: u32,
        /// The transaction.
        #[schema(value_type = docs::Transaction)]
        transaction: Box<Transaction>,
    },
    /// In the pool, waiting to be mined.
    Pending {
        /// The transaction.
        #[schema(value_type = docs::Transaction)]
        transaction: Box<Transaction>,
    },
}

/// Send a signed transaction
///
/// The node keeps it until it is confirmed, also through restarts. One with the nonce of another that
/// waits takes its place if its fee is at least a tenth higher, and higher for each byte. Transfers to
/// addresses that nobody can spend from, or everybody can, are refused.
#[utoipa::path(
    post, path = "/transactions", tag = docs::TRANSACTIONS, request_body = docs::Transaction,
    responses(
        (status = 202, body = Accepted),
        (
            status = 422, description = "The transaction cannot take effect; the reason says why",
            body = docs::TransactionRefused,
        ),
        docs::Body, docs::Foreign, docs::Unavailable,
    )
)]
pub(super) async fn submit(
    State(app): State<Arc<App>>,
    JsonBody(transaction): JsonBody<Transaction>,
) -> Result<Response, Problem> {
    let id = app.submit(transaction).await?.id();
    let place = format!("/transactions/{id}");
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, place)], Json(Accepted { id })).into_response())
}

/// That money which people send goes where somebody can spend it.
pub(super) fn may_be_sent(transaction: &CheckedTransaction) -> Result<(), Problem> {
    match &transaction.payload {
        Payload::Transfer { to, .. } if !to.is_spendable() => {
            Err(not_taken(&format!("what is sent to {to} would be lost, for no key belongs to that address")))
        }
        _ => Ok(()),
    }
}

pub(super) fn not_taken(why: &dyn std::fmt::Display) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("The transaction is not taken: {why}."))
}

/// Why the pool does not take it, with what a program needs to do better.
pub(super) fn not_pooled(why: &PoolError) -> Problem {
    let problem = not_taken(why);
    match why {
        PoolError::Used { next, .. } | PoolError::Early { next, .. } => problem.with("next_nonce", *next),
        PoolError::Underbid { enough, .. } => problem.with("enough_fee", *enough),
        _ => problem,
    }
}

/// What waits to be mined
#[utoipa::path(
    get, path = "/transactions/pending", tag = docs::TRANSACTIONS, params(Limit),
    responses(
        (status = 200, body = Pending),
        (status = 400, description = "`limit` is no whole number", body = docs::Problem),
        docs::Unavailable,
    )
)]
pub(super) async fn pending(
    State(app): State<Arc<App>>,
    limit: Result<Query<Limit>, QueryRejection>,
) -> Result<Json<Pending>, Problem> {
    let limit = limit?.0.limit.unwrap_or(PENDING);
    let pool = app.pool().await?;
    let mut bytes = 0;
    let told = pool.iter().take(limit).take_while(|transaction| {
        bytes += transaction.size();
        bytes <= PENDING_BYTES
    });
    let transactions = told.map(|transaction| (***transaction).clone()).collect();
    Ok(Json(Pending { count: pool.len(), transactions }))
}

/// Where a transaction is
#[utoipa::path(
    get, path = "/transactions/{id}", tag = docs::TRANSACTIONS,
    params(("id" = String, Path, description = "The transaction's id")),
    responses(
        (status = 200, body = Place),
        (status = 400, description = "No transaction id", body = docs::Problem),
        (status = 404, description = "Neither the chain nor the pool has it", body = docs::Problem),
        docs::Unavailable,
    )
)]
pub(super) async fn transaction(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Place>, Problem> {
    let id: TxId = parse(&id?)?;
    if let Some(place) = confirmed(&app, id)? {
        return Ok(Json(place));
    }
    if let Some(waiting) = app.waiting(id).await? {
        return Ok(Json(Place::Pending { transaction: Box::new((**waiting).clone()) }));
    }
    // It may have been mined between the two looks.
    let missing = || Problem::not_found(format!("Neither the chain nor the pool has the transaction {id}."));
    confirmed(&app, id)?.map(Json).ok_or_else(missing)
}

fn confirmed(app: &App, id: TxId) -> Result<Option<Place>, Problem> {
    let snapshot = app.snapshot();
    let Some(location) = snapshot.location(&id).map_err(store_failed)? else { return Ok(None) };
    let (_, tip) = tip_of(&snapshot)?;
    let Some(block) = snapshot.hash_at(location.height).map_err(store_failed)? else { return Ok(None) };
    let found = snapshot.transaction(location).map_err(store_failed)?.filter(|transaction| transaction.id() == id);
    Ok(found.map(|transaction| Place::Confirmed {
        block,
        height: location.height,
        position: location.position,
        confirmations: tip.0.saturating_sub(location.height.0).saturating_add(1),
        transaction: Box::new(transaction),
    }))
}

impl App {
    /// Checks a user's transaction and hands it to the machine, which keeps it until it is confirmed.
    pub(super) async fn submit(&self, transaction: Transaction) -> Result<Arc<CheckedTransaction>, Problem> {
        let checked = transaction.check(&self.api.network.genesis_hash()).map_err(|error| not_taken(&error))?;
        may_be_sent(&checked)?;
        let checked = Arc::new(checked);
        match self.ask(Request::SubmitTransaction(checked.clone())).await? {
            Reply::Accepted(_) => Ok(checked),
            Reply::Refused(Refused::Transaction(why)) => Err(not_pooled(&why)),
            other => Err(unexpected(&other)),
        }
    }

    /// This one, if it is in the pool.
    async fn waiting(&self, id: TxId) -> Result<Option<Arc<CheckedTransaction>>, Problem> {
        match self.ask(Request::Waiting(id)).await? {
            Reply::Waiting(waiting) => Ok(waiting),
            other => Err(unexpected(&other)),
        }
    }

    /// What is in the pool.
    pub(super) async fn pool(&self) -> Result<Vec<Arc<CheckedTransaction>>, Problem> {
        match self.ask(Request::Pending).await? {
            Reply::Pending(pending) => Ok(pending),
            other => Err(unexpected(&other)),
        }
    }
}
