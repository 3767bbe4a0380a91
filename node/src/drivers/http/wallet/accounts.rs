//! Making accounts, restoring them, and naming those there are.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::Address;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::{
    super::{App, docs, problem::Problem},
    PRACTICE_NOTE,
    body::SecretBody,
    refusal::{Refusal, sentence},
};
use crate::accounts::{
    directory::Listed,
    name::{AccountName, Email},
    password::Password,
    seed::Seed,
};

/// What a new account's owner is told, once.
const WORDS_NOTE: &str = "write these words down and keep them to yourself: they are shown once, and whoever has \
                          them has the account";

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignUp {
    /// 1 to 32 letters, digits, dots, hyphens and underscores.
    #[schema(example = "anna")]
    name: String,
    /// 8 characters or more.
    #[schema(value_type = String, format = Password, min_length = 8, example = "correct horse battery staple")]
    password: Password,
    /// Kept, encrypted, on this node alone.
    #[schema(example = "anna@example.org")]
    email: Option<String>,
}

/// An account from its words.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Restoration {
    /// 1 to 32 letters, digits, dots, hyphens and underscores.
    #[schema(example = "anna")]
    name: String,
    /// 8 characters or more.
    #[schema(value_type = String, format = Password, min_length = 8, example = "correct horse battery staple")]
    password: Password,
    /// The 24 words, as one text or as a list.
    #[schema(value_type = String, example = docs::words)]
    words: WordsTyped,
    /// Kept, encrypted, on this node alone.
    #[schema(example = "anna@example.org")]
    email: Option<String>,
}

/// Words as people and programs send them.
pub(super) struct WordsTyped(Zeroizing<String>);

impl<'de> Deserialize<'de> for WordsTyped {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "words are one text, or a list of texts")]
        enum Either {
            Text(String),
            List(Vec<String>),
        }
        let text = match Either::deserialize(deserializer)? {
            Either::Text(text) => text,
            Either::List(list) => Zeroizing::new(list).join(" "),
        };
        Ok(Self(Zeroizing::new(text)))
    }
}

/// An account and the words that stand for it.
#[derive(Serialize, ToSchema)]
pub(super) struct WithWords {
    /// Its name.
    #[schema(value_type = String, example = "anna")]
    pub(super) name: String,
    /// Its address.
    #[schema(value_type = String, example = docs::address)]
    pub(super) address: Address,
    /// 24 words: whoever has them has the account.
    pub(super) words: Vec<String>,
    /// What to do with them, or whose they are.
    pub(super) note: &'static str,
}

/// An account as everybody on this machine may see it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountListed {
    /// Its name.
    #[schema(example = "anna")]
    name: String,
    /// Its address.
    #[schema(value_type = String, example = docs::address)]
    address: Address,
    /// Says so if the account needs no password.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

impl From<Listed> for AccountListed {
    fn from(Listed { name, address }: Listed) -> Self {
        Self { name: name.to_string(), address, note: None }
    }
}

fn called(name: &str) -> Result<AccountName, Problem> {
    name.parse().map_err(|error| Problem::bad_request(sentence(&error)))
}

fn mail(email: Option<String>) -> Result<Option<Email>, Problem> {
    // A form that is left empty sends an empty text.
    let given = email.filter(|email| !email.is_empty()).map(|email| email.parse());
    given.transpose().map_err(|error| Problem::bad_request(sentence(&error)))
}

/// The accounts of this node
#[utoipa::path(
    get, path = "/wallet/accounts", tag = docs::WALLET,
    responses((status = 200, body = Vec<AccountListed>), docs::NotHere)
)]
pub(super) async fn accounts(State(app): State<Arc<App>>) -> Result<Json<Vec<AccountListed>>, Refusal> {
    let vault = app.api.vault.clone();
    let listing = tokio::task::spawn_blocking(move || vault.list());
    let listing = listing.await.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Listing failed."))?;
    let listing = listing.map_err(crate::accounts::vault::VaultError::from)?;
    for error in &listing.damaged {
        tracing::warn!("{error}");
    }
    let practice = app.api.vault.practice().map(|account| AccountListed {
        name: account.name.to_string(),
        address: account.address,
        note: Some(PRACTICE_NOTE),
    });
    Ok(Json(practice.into_iter().chain(listing.accounts.into_iter().map(AccountListed::from)).collect()))
}

/// Make an account
///
/// Its 24 words are shown in this answer and never again without the password.
#[utoipa::path(
    post, path = "/wallet/accounts", tag = docs::WALLET, request_body = SignUp,
    responses(
        (status = 201, description = "The account; its words are shown once", body = WithWords),
        (status = 409, description = "The name is taken", body = docs::Problem),
        docs::Body, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn create_account(
    State(app): State<Arc<App>>,
    SecretBody(SignUp { name, password, email }): SecretBody<SignUp>,
) -> Result<(StatusCode, Json<WithWords>), Refusal> {
    let (name, email) = (called(&name)?, mail(email)?);
    let created = app.try_password(move |vault| vault.create(name, password, email)).await?;
    let words = created.words.iter().map(str::to_owned).collect();
    let made = WithWords { name: created.name.to_string(), address: created.address, words, note: WORDS_NOTE };
    tracing::info!("the account {} was made: {}", made.name, made.address.short());
    Ok((StatusCode::CREATED, Json(made)))
}

/// Make an account from words written down earlier
///
/// Where this node has the account already, under the same name, it gets the new password: that is how to
/// go on after a forgotten one.
#[utoipa::path(
    post, path = "/wallet/restore", tag = docs::WALLET, request_body = Restoration,
    responses(
        (status = 201, body = AccountListed),
        (status = 409, description = "Another account has the name, or the account has another name here", body = docs::Problem),
        docs::Body, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn restore_account(
    State(app): State<Arc<App>>,
    SecretBody(Restoration { name, password, words, email }): SecretBody<Restoration>,
) -> Result<(StatusCode, Json<AccountListed>), Refusal> {
    let (name, email) = (called(&name)?, mail(email)?);
    let seed = Seed::from_words(&words.0).map_err(|error| Problem::bad_request(sentence(&error)))?;
    let shown = name.to_string();
    let address = app.try_password(move |vault| vault.restore(name, password, seed, email)).await?;
    tracing::info!("the account {shown} was restored: {}", address.short());
    Ok((StatusCode::CREATED, Json(AccountListed { name: shown, address, note: None })))
}
