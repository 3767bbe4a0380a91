//! Single things read from the chain: a block, an account.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State, rejection::PathRejection};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use shared::{Address, Amount, BlockHash, Height};
use utoipa::ToSchema;

use super::{
    App, docs,
    extract::{BlockName, parse},
    problem::Problem,
    store_failed, tip_of,
};
use crate::{drivers::store::Snapshot, machine::store::ReadChain as _};

/// One block
///
/// By height, the block of the active chain; by hash, any block that is stored here.
#[utoipa::path(
    get, path = "/blocks/{id}", tag = docs::CHAIN,
    params(("id" = String, Path, description = "The block's hash or height")),
    responses(
        (status = 200, body = docs::Block),
        (status = 400, description = "Neither a hash nor a height", body = docs::Problem),
        (status = 404, description = "There is no such block here", body = docs::Problem),
    )
)]
pub(super) async fn block(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    let snapshot = app.snapshot()?;
    let hash = match BlockName::parse(&id)? {
        BlockName::Hash(hash) => hash,
        BlockName::Height(height) => hash_at(&snapshot, height)?,
    };
    match snapshot.block(&hash).map_err(store_failed)? {
        Some(block) => Ok(Json(&*block).into_response()),
        None => Err(Problem::not_found(format!("No block with the hash {hash} is stored here."))),
    }
}

fn hash_at(snapshot: &Snapshot, height: Height) -> Result<BlockHash, Problem> {
    if let Some(hash) = snapshot.hash_at(height).map_err(store_failed)? {
        return Ok(hash);
    }
    let (_, tip) = tip_of(snapshot)?;
    Err(Problem::not_found(format!("Height {height} is above the tip, which has height {tip}.")).with("height", tip.0))
}

/// What the chain knows of an address.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountState {
    /// The address.
    #[schema(value_type = String, example = docs::address)]
    address: Address,
    /// Whole units that it can spend.
    #[schema(value_type = u64)]
    balance: Amount,
    /// Confirmed transactions that it has sent: the nonce of its next one, if none is pending.
    nonce: u64,
}

/// Balance and nonce of an address
///
/// An address that never had anything has a balance of 0.
#[utoipa::path(
    get, path = "/accounts/{address}", tag = docs::TRANSACTIONS,
    params(("address" = String, Path, description = "The account's address")),
    responses((status = 200, body = AccountState), (status = 400, description = "No address", body = docs::Problem))
)]
pub(super) async fn account(
    State(app): State<Arc<App>>,
    address: Result<Path<String>, PathRejection>,
) -> Result<Json<AccountState>, Problem> {
    let address: Address = parse(&address?)?;
    let account = app.snapshot()?.account(&address).map_err(store_failed)?;
    Ok(Json(AccountState { address, balance: account.balance, nonce: account.nonce }))
}
