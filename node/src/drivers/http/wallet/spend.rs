//! Paying somebody.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use shared::{Address, Amount, Payload};
use utoipa::ToSchema;

use super::{
    super::{App, docs},
    act::{Signed, sign_and_submit},
    acting::Acting,
    body::SecretBody,
    refusal::Refusal,
    secrets::password_missing,
};
use crate::accounts::password::Password;
use crate::drivers::clock;

/// Whom to pay, and how much.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Payment {
    /// Who receives.
    #[schema(value_type = String, example = docs::address)]
    to: Address,
    /// Whole units, more than none.
    #[schema(value_type = u64, example = 250)]
    amount: Amount,
    /// Whole units for the miner. Unless given, one for every 100 bytes, which makes two.
    #[schema(value_type = Option<u64>)]
    fee: Option<Amount>,
    /// The account's password. The practice account needs none.
    #[schema(value_type = Option<String>, format = Password, example = "correct horse battery staple")]
    password: Option<Password>,
    /// The transaction's nonce; unless given, the next one. Given, the same payment cannot be made twice.
    nonce: Option<u64>,
}

/// A payment on its way.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Sent {
    /// The transaction.
    #[serde(flatten)]
    signed: Signed,
    /// Says so if the practice account paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

/// Pay somebody
///
/// Signs a transfer and sends it. The node keeps it until it is confirmed, also through restarts.
#[utoipa::path(
    post, path = "/wallet/send", tag = docs::WALLET, request_body = Payment,
    params(docs::Csrf), security((), ("session" = [])),
    responses(
        (status = 202, body = Sent),
        (status = 422, description = "The payment cannot take effect; the reason says why", body = docs::Problem),
        docs::Body, docs::LogInFirst, docs::NotHere, docs::PasswordTried, docs::Unavailable,
    )
)]
pub(super) async fn send(
    State(app): State<Arc<App>>,
    acting: Acting,
    SecretBody(Payment { to, amount, fee, password, nonce }): SecretBody<Payment>,
) -> Result<Response, Refusal> {
    if let Some(session) = acting.session() {
        let password = password.ok_or_else(|| password_missing("Spending"))?;
        app.try_password(move |vault| vault.confirm(&session, &password, clock::steady())).await?;
    }
    let signed = sign_and_submit(&app, &acting.account, Payload::Transfer { to, amount }, fee, nonce).await?;
    let place = format!("/transactions/{}", signed.id);
    let sent = Sent { signed, note: acting.note() };
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, place)], Json(sent)).into_response())
}
