//! Logging in and out.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use shared::Address;
use utoipa::ToSchema;

use super::{
    super::{App, docs, problem::Problem},
    acting::Acting,
    body::SecretBody,
    cookie,
    refusal::{Refusal, sentence},
};
use crate::accounts::{name::AccountName, password::Password, session::IDLE};
use crate::drivers::clock;

/// Who wants in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    /// The account's name; capitals do not matter.
    #[schema(example = "anna")]
    name: String,
    /// Its password.
    #[schema(value_type = String, format = Password, example = "correct horse battery staple")]
    password: Password,
}

/// A session.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionBegun {
    /// What to show as `Authorization: Bearer TOKEN`. A browser has it as a cookie as well.
    token: String,
    /// What a page shows in the header `x-csrf-token` when it acts with the cookie.
    csrf: String,
    /// The account's name.
    #[schema(example = "anna")]
    name: String,
    /// Its address.
    #[schema(value_type = String, example = docs::address)]
    address: Address,
    /// The session ends when it is not used for so long.
    #[schema(example = 1800)]
    idle_seconds: u64,
}

/// What became of a session.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionEnded {
    /// Whether there was one. The practice account has none.
    logged_out: bool,
}

/// Log in
///
/// An account that does not exist and a wrong password get the same answer.
#[utoipa::path(
    post, path = "/wallet/login", tag = docs::WALLET, request_body = Credentials,
    responses(
        (status = 200, body = SessionBegun),
        (status = 401, description = "The name or the password is wrong", body = docs::Problem),
        (status = 409, description = "The miner's account has no password", body = docs::Problem),
        (status = 429, description = "After wrong passwords; `Retry-After` says when to try again", body = docs::Problem),
        docs::Body, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn log_in(
    State(app): State<Arc<App>>,
    SecretBody(Credentials { name, password }): SecretBody<Credentials>,
) -> Result<Response, Refusal> {
    let name: AccountName = name.parse().map_err(|error| Problem::bad_request(sentence(&error)))?;
    if name.is_miner() {
        return Err(Problem::conflict(about_miner(&app)).into());
    }
    let session = app.try_password(move |vault| vault.log_in(&name, &password, clock::steady())).await?;
    let begun = SessionBegun {
        token: session.token.as_str().to_owned(),
        csrf: session.token.csrf(),
        name: session.account.name.to_string(),
        address: session.account.address,
        idle_seconds: IDLE.as_secs(),
    };
    app.resume_chat(session.account.clone());
    let cookie = cookie::set(&app.wallet.cookie, &session.token);
    Ok(([(header::SET_COOKIE, cookie)], Json(begun)).into_response())
}

fn about_miner(app: &App) -> &'static str {
    if app.api.vault.practice().is_some() {
        "The account miner needs no password here: use it without logging in."
    } else {
        "The account miner gets this node's rewards and has no password. `networkmngr node account export miner` \
         shows its words, and `networkmngr node --miner NAME` sends rewards to another account."
    }
}

/// Log out
#[utoipa::path(
    post, path = "/wallet/logout", tag = docs::WALLET, params(docs::Csrf), security((), ("session" = [])),
    responses((status = 200, body = SessionEnded), docs::LogInFirst, docs::NotHere)
)]
pub(super) async fn log_out(State(app): State<Arc<App>>, acting: Acting) -> Response {
    let logged_out = acting.session().is_some_and(|session| app.api.vault.log_out(&session));
    app.desks.look_again(&acting.account.address);
    ([(header::SET_COOKIE, cookie::clear(&app.wallet.cookie))], Json(SessionEnded { logged_out })).into_response()
}
