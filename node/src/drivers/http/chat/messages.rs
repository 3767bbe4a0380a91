//! Messages of a room: read by pages, searched, written, decided on.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State, rejection::QueryRejection};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use rand::rng;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        App, docs,
        extract::{JsonBody, parse},
        ledger::Cursor,
        problem::Problem,
        wallet::acting::Acting,
    },
    desks::Open,
    rooms::{InRoomPath, RoomPath},
    shown::MessageShown,
};
use crate::chat::{
    desk::ActError,
    envelope::{GroupId, MessageId},
};
use crate::drivers::clock;

/// Messages of a page, unless asked for another number.
const PAGE: usize = 50;
/// Most messages of a page.
const MAX_PAGE: usize = 1_000;

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Those before this place: the `next` of the page before.
    #[param(value_type = Option<String>)]
    before: Option<Cursor>,
    /// How many of those on the chain, 1 to 1000; 50 unless given. What is on its way comes with the first page.
    limit: Option<usize>,
    /// Only those that contain this, whatever the capitals.
    search: Option<String>,
}

/// A page of messages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatMessages)]
pub(super) struct MessagesShown {
    /// Newest first.
    messages: Vec<MessageShown>,
    /// Where the next page begins; null on the last one.
    #[schema(value_type = Option<String>)]
    next: Option<Cursor>,
}

/// Messages of a room, newest first
#[utoipa::path(
    get, path = "/chat/rooms/{room}/messages", tag = docs::CHAT, security((), ("session" = [])),
    params(docs::Room, Which),
    responses((status = 200, body = MessagesShown), docs::NoRoom, docs::LogInFirst, docs::NotHere, docs::Unavailable)
)]
pub(super) async fn messages(
    State(app): State<Arc<App>>,
    acting: Acting,
    room: RoomPath,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<MessagesShown>, Problem> {
    let group: GroupId = parse(&room?)?;
    let Query(Which { before, limit, search }) = which?;
    let limit = limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::bad_request(format!("\"limit\" takes 1 to {MAX_PAGE}.")));
    }
    let open = app.desk(&acting.account).await?;
    let shown = open.look(move |desk| {
        desk.relation(&group).ok_or(ActError::NoRoom(group))?;
        let search = search.as_deref().filter(|text| !text.is_empty());
        let page = desk.page(&group, before.map(|Cursor(at)| at), limit, search);
        let messages = page.messages.into_iter().map(|seen| MessageShown::new(&app, desk, seen)).collect();
        Ok(MessagesShown { messages, next: page.next.map(Cursor) })
    });
    shown.await.map(Json)
}

/// What to say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewChatMessage)]
pub(super) struct NewMessage {
    /// 1 to 16,000 bytes.
    #[schema(example = "Good morning")]
    text: String,
    /// The message that it answers.
    #[schema(value_type = Option<String>, example = docs::message_id)]
    reply_to: Option<MessageId>,
}

/// Say something in a room
///
/// It is kept by this node, encrypted for the members, and sent as soon as that can be: at once, as a rule.
#[utoipa::path(
    post, path = "/chat/rooms/{room}/messages", tag = docs::CHAT, request_body = NewMessage,
    params(docs::Room, docs::Csrf), security((), ("session" = [])),
    responses(
        (status = 202, body = MessageShown),
        (status = 409, description = "This account is not in the room any more", body = docs::Problem),
        (status = 422, description = "Too long, or empty", body = docs::Problem),
        docs::Body, docs::NoRoom, docs::LogInFirst, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn say(
    State(app): State<Arc<App>>,
    acting: Acting,
    room: RoomPath,
    JsonBody(NewMessage { text, reply_to }): JsonBody<NewMessage>,
) -> Result<Response, Problem> {
    let group: GroupId = parse(&room?)?;
    let mut open = app.desk(&acting.account).await?;
    let id = open.desk().say(&group, text, reply_to, clock::wall(), &mut rng())?;
    answer(&app, open, &group, &id).await
}

/// Send an undecided message to those who are in the room now
#[utoipa::path(
    post, path = "/chat/rooms/{room}/messages/{message}/send", tag = docs::CHAT,
    params(docs::Room, ("message" = String, Path, description = "The message's id"), docs::Csrf),
    security((), ("session" = [])),
    responses(
        (status = 202, body = MessageShown),
        (status = 409, description = "There is nothing to decide", body = docs::Problem),
        docs::NoRoom, docs::LogInFirst, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn send_undecided(
    State(app): State<Arc<App>>,
    acting: Acting,
    path: InRoomPath,
) -> Result<Response, Problem> {
    let Path((room, message)) = path?;
    let (group, id): (GroupId, MessageId) = (parse(&room)?, parse(&message)?);
    let mut open = app.desk(&acting.account).await?;
    open.desk().relation(&group).ok_or(ActError::NoRoom(group))?;
    open.desk().send_anyway(&group, &id)?;
    answer(&app, open, &group, &id).await
}

async fn answer(app: &Arc<App>, mut open: Open, group: &GroupId, id: &MessageId) -> Result<Response, Problem> {
    let desk = &*open.desk();
    let shown = desk.message(group, id).map(|seen| MessageShown::new(app, desk, seen));
    open.keep(app).await?;
    let place = format!("/chat/rooms/{group}/messages");
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, place)], Json(shown)).into_response())
}

/// Take back a message that is not on its way
#[utoipa::path(
    delete, path = "/chat/rooms/{room}/messages/{message}", tag = docs::CHAT,
    params(docs::Room, ("message" = String, Path, description = "The message's id"), docs::Csrf),
    security((), ("session" = [])),
    responses(
        (status = 204, description = "Taken back"),
        (status = 409, description = "It is on its way already", body = docs::Problem),
        docs::NoRoom, docs::LogInFirst, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn take_back_message(
    State(app): State<Arc<App>>,
    acting: Acting,
    path: InRoomPath,
) -> Result<StatusCode, Problem> {
    let Path((room, message)) = path?;
    let (group, id): (GroupId, MessageId) = (parse(&room)?, parse(&message)?);
    let mut open = app.desk(&acting.account).await?;
    open.desk().take_back(&group, &id)?;
    open.keep(&app).await?;
    Ok(StatusCode::NO_CONTENT)
}
