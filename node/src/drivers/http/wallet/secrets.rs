//! What only the password opens, and changing it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    super::{App, docs, problem::Problem},
    accounts::WithWords,
    acting::Acting,
    body::SecretBody,
    refusal::Refusal,
};
use crate::accounts::password::Password;
use crate::drivers::clock;

/// What whoever exports an account is told.
const EXPORT_NOTE: &str = "keep these words to yourself: whoever has them has the account";

/// The password again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Again {
    /// The account's password. The practice account needs none.
    #[schema(value_type = Option<String>, format = Password, example = "correct horse battery staple")]
    password: Option<Password>,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordChange {
    /// The present one.
    #[schema(value_type = String, format = Password, example = "correct horse battery staple")]
    password: Password,
    /// The next one, 8 characters or more.
    #[schema(value_type = String, format = Password, min_length = 8, example = "four other random words")]
    new_password: Password,
}

/// That the password was changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PasswordChanged {
    /// Always true.
    changed: bool,
}

/// What a route that needs the password again says when there is none.
pub(super) fn password_missing(what: &str) -> Problem {
    Problem::bad_request(format!("{what} needs the account's password again: send it as `password`."))
}

/// Show the account's words
#[utoipa::path(
    post, path = "/wallet/export", tag = docs::WALLET, request_body = Again,
    params(docs::Csrf), security((), ("session" = [])),
    responses(
        (status = 200, body = WithWords),
        docs::Body, docs::LogInFirst, docs::NotHere, docs::PasswordTried, docs::Unavailable,
    )
)]
pub(super) async fn export_words(
    State(app): State<Arc<App>>,
    acting: Acting,
    SecretBody(Again { password }): SecretBody<Again>,
) -> Result<Json<WithWords>, Refusal> {
    let seed = match acting.session() {
        Some(session) => {
            let password = password.ok_or_else(|| password_missing("Showing the words"))?;
            app.try_password(move |vault| vault.confirm(&session, &password, clock::steady())).await?.seed
        }
        None => {
            app.try_password(|vault| Ok(vault.practice_seed()?)).await?.ok_or_else(|| Refusal::session_over(None))?
        }
    };
    let words = seed.words().iter().map(str::to_owned).collect();
    let (name, address) = (acting.account.name.to_string(), acting.account.address);
    Ok(Json(WithWords { name, address, words, note: acting.note().unwrap_or(EXPORT_NOTE) }))
}

/// Change the account's password
///
/// The account's other sessions end.
#[utoipa::path(
    post, path = "/wallet/password", tag = docs::WALLET, request_body = PasswordChange,
    params(docs::Csrf), security((), ("session" = [])),
    responses(
        (status = 200, body = PasswordChanged),
        (status = 409, description = "The practice account has no password", body = docs::Problem),
        docs::Body, docs::LogInFirst, docs::NotHere, docs::PasswordTried, docs::Unavailable,
    )
)]
pub(super) async fn change_password(
    State(app): State<Arc<App>>,
    acting: Acting,
    SecretBody(PasswordChange { password, new_password }): SecretBody<PasswordChange>,
) -> Result<Json<PasswordChanged>, Refusal> {
    let practice = || Problem::conflict("The practice account has no password; log in to the account that you mean.");
    let session = acting.session().ok_or_else(practice)?;
    app.try_password(move |vault| vault.change_password(&session, &password, new_password, clock::steady())).await?;
    Ok(Json(PasswordChanged { changed: true }))
}
