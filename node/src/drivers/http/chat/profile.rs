//! Making oneself known, and finding others.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State, rejection::PathRejection, rejection::QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use data_encoding::HEXLOWER;
use rand::rng;
use serde::{Deserialize, Serialize};
use shared::Address;
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        App, docs,
        extract::{JsonBody, parse},
        problem::Problem,
        wallet::acting::Acting,
    },
    shown::{PersonShown, StateShown, state},
};
use crate::chat::{desk::Desk, seal};

/// People told at once, at most.
const MOST_PEOPLE: usize = 100;

/// How this account is known.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatProfile)]
pub(super) struct ProfileShown {
    #[schema(value_type = String, example = docs::address)]
    address: Address,
    /// What it calls itself.
    name: Option<String>,
    /// The X25519 key that others encrypt for, in hexadecimal.
    receiving: String,
    /// Where the profile stands.
    state: StateShown,
    /// Why it waits.
    reason: Option<String>,
    /// Says so if this is the practice account.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

impl ProfileShown {
    fn new(desk: &Desk, note: Option<&'static str>) -> Self {
        let account = desk.account();
        let (name, (state, reason, _)) = match desk.profile() {
            Some((name, stands)) => (Some(name.to_owned()), state(stands)),
            None => (None, (StateShown::None, None, None)),
        };
        let receiving = HEXLOWER.encode(&seal::receiving_of(account.keys.exchange()));
        Self { address: account.address, name, receiving, state, reason, note }
    }
}

/// How this account is known to others
#[utoipa::path(
    get, path = "/chat/profile", tag = docs::CHAT, security((), ("session" = [])),
    responses((status = 200, body = ProfileShown), docs::LogInFirst, docs::NotHere, docs::Unavailable)
)]
pub(super) async fn profile(State(app): State<Arc<App>>, acting: Acting) -> Result<Json<ProfileShown>, Problem> {
    let mut open = app.desk(&acting.account).await?;
    Ok(Json(ProfileShown::new(open.desk(), acting.note())))
}

/// A display name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatName)]
pub(super) struct NameGiven {
    /// 1 to 64 bytes.
    #[schema(example = "Anna")]
    pub(super) name: String,
}

/// Make this account known, or give it another display name
///
/// Publishes name and receiving key on the chain, for all to see. Nobody can be invited who has not done this once.
#[utoipa::path(
    post, path = "/chat/profile", tag = docs::CHAT, request_body = NameGiven,
    params(docs::Csrf), security((), ("session" = [])),
    responses(
        (status = 202, body = ProfileShown),
        (status = 422, description = "No name", body = docs::Problem),
        docs::Body, docs::LogInFirst, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn publish_profile(
    State(app): State<Arc<App>>,
    acting: Acting,
    JsonBody(NameGiven { name }): JsonBody<NameGiven>,
) -> Result<Response, Problem> {
    let mut open = app.desk(&acting.account).await?;
    open.desk().publish(&name, &mut rng())?;
    let shown = ProfileShown::new(open.desk(), acting.note());
    open.keep(&app).await?;
    Ok((StatusCode::ACCEPTED, Json(shown)).into_response())
}

/// Whom to look for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Named {
    /// How the display name begins, whatever the capitals; or an address. All unless given.
    #[serde(default)]
    name: String,
    /// How many, 1 to 100; 20 unless given.
    limit: Option<usize>,
}

/// People who were found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatPeople)]
pub(super) struct PeopleShown {
    people: Vec<PersonShown>,
}

/// Find people by name or address
#[utoipa::path(
    get, path = "/chat/people", tag = docs::CHAT, params(Named), security((), ("session" = [])),
    responses(
        (status = 200, body = PeopleShown),
        (status = 400, description = "A limit out of range", body = docs::Problem),
        docs::LogInFirst, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn people(
    State(app): State<Arc<App>>,
    acting: Acting,
    named: Result<Query<Named>, QueryRejection>,
) -> Result<Json<PeopleShown>, Problem> {
    let Query(Named { name, limit }) = named?;
    let limit = limit.unwrap_or(20);
    if !(1..=MOST_PEOPLE).contains(&limit) {
        return Err(Problem::bad_request(format!("\"limit\" takes 1 to {MOST_PEOPLE}.")));
    }
    let mut open = app.desk(&acting.account).await?;
    let desk = &*open.desk();
    let known = desk.board().people();
    let by_address = name.trim().parse().ok().and_then(|address: Address| Some((address, known.get(&address)?)));
    let by_name = known.named(name.trim(), limit).map(|(address, person)| (*address, person));
    let found = by_address.into_iter().chain(by_name).take(limit);
    let people = found.map(|(address, person)| PersonShown::new(desk, address, person)).collect();
    Ok(Json(PeopleShown { people }))
}

/// One account that made itself known
#[utoipa::path(
    get, path = "/chat/people/{address}", tag = docs::CHAT, security((), ("session" = [])),
    params(("address" = String, Path, description = "The account's address")),
    responses(
        (status = 200, body = PersonShown),
        (status = 400, description = "No address", body = docs::Problem),
        (status = 404, description = "The account has published no profile", body = docs::Problem),
        docs::LogInFirst, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn person(
    State(app): State<Arc<App>>,
    acting: Acting,
    address: Result<Path<String>, PathRejection>,
) -> Result<Json<PersonShown>, Problem> {
    let address: Address = parse(&address?)?;
    let mut open = app.desk(&acting.account).await?;
    let desk = &*open.desk();
    let person = desk.board().people().get(&address);
    let missing =
        || Problem::not_found(format!("{address} has published no profile; whoever it is has to choose a name."));
    Ok(Json(PersonShown::new(desk, address, person.ok_or_else(missing)?)))
}
