//! What somebody who is logged in sees of the account.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    super::{App, docs, reads::AccountState},
    acting::Acting,
    refusal::Refusal,
};

/// The account that a request uses.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Wallet)]
pub(super) struct WalletState {
    /// Its name.
    #[schema(example = "anna")]
    name: String,
    /// Its owner's e-mail address, if there is one.
    email: Option<String>,
    /// Address, balance, nonce, and what is pending.
    #[serde(flatten)]
    account: AccountState,
    /// For pages that use the cookie: what to show in the header `x-csrf-token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf: Option<String>,
    /// Says so if this is the practice account.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

/// Who is logged in, and what the account has
#[utoipa::path(
    get, path = "/wallet", tag = docs::WALLET, security((), ("session" = [])),
    responses((status = 200, body = WalletState), docs::LogInFirst, docs::NotHere, docs::Unavailable)
)]
pub(super) async fn wallet(State(app): State<Arc<App>>, acting: Acting) -> Result<Json<WalletState>, Refusal> {
    let account = app.account_state(acting.account.address).await?;
    Ok(Json(WalletState {
        name: acting.account.name.to_string(),
        email: acting.account.email.as_ref().map(|email| email.as_str().to_owned()),
        account,
        csrf: acting.csrf().map(str::to_owned),
        note: acting.note(),
    }))
}
