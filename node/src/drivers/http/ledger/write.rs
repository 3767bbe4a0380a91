//! Filing a record in the name of an account.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::{
    Amount, Payload, TxId,
    record::{Content, Record, SALT, commitment},
};
use utoipa::ToSchema;

use super::{
    super::{
        App, docs,
        extract::JsonBody,
        problem::Problem,
        store_failed,
        wallet::{
            act::{Signed, sign_and_submit},
            acting::Acting,
        },
    },
    records::read_topic,
};
use crate::machine::store::ReadChain as _;

/// What to file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRecord {
    /// Under which topic: 1 to 64 bytes.
    #[schema(example = "till")]
    topic: String,
    /// Any JSON. It is kept to the letter.
    #[schema(value_type = Object, example = json!({"sold": "3 loaves", "for": 450}))]
    record: Box<RawValue>,
    /// The record that this one corrects. That one stays where it is, for all to see.
    #[schema(value_type = Option<String>, example = docs::hash)]
    corrects: Option<TxId>,
    /// Files only a salted hash of the record, which proves it later to whomever you show record and salt.
    #[serde(default)]
    private: bool,
    /// Whole units for the miner. Unless given, one for every 100 bytes.
    #[schema(value_type = Option<u64>)]
    fee: Option<Amount>,
    /// The transaction's nonce; unless given, the next one. Given, the same record cannot be filed twice.
    nonce: Option<u64>,
}

/// A record on its way.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Recorded {
    /// The transaction that carries it.
    #[serde(flatten)]
    signed: Signed,
    /// What proves a private record: keep both, the node does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<Secret>,
    /// Says so if the practice account signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

/// What a commitment was made of.
#[derive(Debug, Serialize, ToSchema)]
struct Secret {
    /// 32 random bytes, in hexadecimal.
    salt: String,
    /// The record, to the letter.
    payload: String,
}

/// File a record
///
/// Signs it in the name of the account and sends it. The node keeps it until it is confirmed, also through
/// restarts. Nothing that was filed is ever edited; a record may say which one it corrects.
#[utoipa::path(
    post, path = "/records", tag = docs::LEDGER, request_body = NewRecord,
    params(docs::Csrf), security((), ("session" = [])),
    responses(
        (status = 202, body = Recorded),
        (status = 422, description = "The record cannot be filed; the reason says why", body = docs::Problem),
        docs::Body, docs::LogInFirst, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn record(
    State(app): State<Arc<App>>,
    acting: Acting,
    JsonBody(new): JsonBody<NewRecord>,
) -> Result<Response, Problem> {
    let topic = read_topic(new.topic)?;
    if let Some(id) = new.corrects {
        check_corrected(&app, id)?;
    }
    let (content, secret) =
        if new.private { seal(new.record.get()) } else { (Content::Json(new.record.get().into()), None) };
    let record = Record { corrects: new.corrects, content };
    let body = record.to_body().map_err(|error| unprocessable(format!("The record cannot be filed: {error}.")))?;
    let payload = Payload::Data { topic, body };
    let signed = sign_and_submit(&app, &acting.account, payload, new.fee, new.nonce).await?;
    let place = format!("/transactions/{}", signed.id);
    let recorded = Recorded { signed, secret, note: acting.note() };
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, place)], Json(recorded)).into_response())
}

/// A commitment to this text, and what proves it.
fn seal(text: &str) -> (Content, Option<Secret>) {
    let salt: [u8; SALT] = rand::random();
    let secret = Secret { salt: HEXLOWER.encode(&salt), payload: text.to_owned() };
    (Content::Commitment(commitment(&salt, text.as_bytes())), Some(secret))
}

/// That there is something to correct: data on the chain. What still waits may yet come to nothing.
fn check_corrected(app: &App, id: TxId) -> Result<(), Problem> {
    let snapshot = app.snapshot();
    let at = snapshot.location(&id).map_err(store_failed)?;
    let transaction = at.map(|at| snapshot.transaction(at)).transpose().map_err(store_failed)?.flatten();
    match transaction.map(|transaction| transaction.payload) {
        Some(Payload::Data { .. }) => Ok(()),
        Some(Payload::Transfer { .. }) => {
            Err(unprocessable(format!("Transaction {id} is a payment; only records can be corrected.")))
        }
        None => Err(unprocessable(format!(
            "The chain has no record {id} to correct; one that waits must be confirmed first."
        ))),
    }
}

fn unprocessable(detail: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}
