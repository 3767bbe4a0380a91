//! Single things: a block as the chain has it, an account as chain and pool together have it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State, rejection::PathRejection};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use shared::{Address, Amount, BlockHash, Height, TxId};
use utoipa::ToSchema;

use super::{
    App, docs,
    extract::{BlockName, parse},
    problem::Problem,
    store_failed, tip_of, unexpected,
};
use crate::{
    drivers::store::Snapshot,
    machine::{
        effect::{Outlook, Reply},
        event::Request,
        store::ReadChain as _,
    },
};

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
    let snapshot = app.snapshot();
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

/// What the chain and the pool know of an address.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountState {
    /// The address.
    #[schema(value_type = String, example = docs::address)]
    address: Address,
    /// Confirmed whole units.
    #[schema(value_type = u64)]
    balance: Amount,
    /// Confirmed transactions that it has sent.
    nonce: u64,
    /// What waits to be mined.
    pending: AccountPending,
}

/// What an account has waiting in this node's pool. Other nodes may know of more, or of less.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountPending {
    /// The nonce of its next transaction.
    next_nonce: u64,
    /// Whole units that it can still spend: the balance without what it has pending.
    #[schema(value_type = u64)]
    spendable: Amount,
    /// What its pending transactions cost, fees included.
    #[schema(value_type = u64)]
    outgoing: Amount,
    /// What pending transfers move to it. It can be spent once it is confirmed.
    #[schema(value_type = u64)]
    incoming: Amount,
    /// How many transactions from it or to it wait.
    count: usize,
    /// Their ids, of at most 100: those from it in order of nonce, then those to it.
    #[schema(value_type = Vec<String>)]
    transactions: Vec<TxId>,
}

impl AccountState {
    fn new(address: Address, outlook: Outlook) -> Self {
        let Outlook { account, next_nonce, spendable, outgoing, incoming, count, pending } = outlook;
        let transactions = pending.iter().map(|transaction| transaction.id()).collect();
        let pending = AccountPending { next_nonce, spendable, outgoing, incoming, count, transactions };
        Self { address, balance: account.balance, nonce: account.nonce, pending }
    }
}

/// Balance and nonce of an address, and what it has pending
///
/// An address that never had anything has a balance of 0.
#[utoipa::path(
    get, path = "/accounts/{address}", tag = docs::TRANSACTIONS,
    params(("address" = String, Path, description = "The account's address")),
    responses(
        (status = 200, body = AccountState),
        (status = 400, description = "No address", body = docs::Problem),
        docs::Unavailable,
    )
)]
pub(super) async fn account(
    State(app): State<Arc<App>>,
    address: Result<Path<String>, PathRejection>,
) -> Result<Json<AccountState>, Problem> {
    Ok(Json(app.account_state(parse(&address?)?).await?))
}

impl App {
    /// What the chain and the pool know of an address.
    pub(super) async fn account_state(&self, address: Address) -> Result<AccountState, Problem> {
        Ok(AccountState::new(address, self.outlook(address).await?))
    }

    /// What the pool means for an address.
    pub(super) async fn outlook(&self, address: Address) -> Result<Outlook, Problem> {
        match self.ask(Request::Outlook(address)).await? {
            Reply::Outlook(outlook) => Ok(outlook),
            other => Err(unexpected(&other)),
        }
    }
}
