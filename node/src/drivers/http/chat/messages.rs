//! Messages of a room: read by pages, searched, written, decided on.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State, rejection::QueryRejection};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use data_encoding::HEXLOWER;
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
    desk::{ActError, Part},
    envelope::{GroupId, MessageId},
    text::Text,
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
    /// Those after this place: the `previous` of a page.
    #[param(value_type = Option<String>)]
    after: Option<Cursor>,
    /// Those around this message. At most one of the three can be given.
    #[param(value_type = Option<String>)]
    around: Option<MessageId>,
    /// How many of those on the chain, 1 to 1000; 50 unless given. What is on its way comes with the first page.
    limit: Option<usize>,
    /// Only those that contain this, whatever the capitals. Goes with `before` alone.
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
    /// Where the page with newer ones begins: give it as `after`; null where this page ends with the newest.
    #[schema(value_type = Option<String>)]
    previous: Option<Cursor>,
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
    let Query(Which { before, after, around, limit, search }) = which?;
    let limit = limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::bad_request(format!("\"limit\" takes 1 to {MAX_PAGE}.")));
    }
    let open = app.desk(&acting.account).await?;
    let shown = open.look(move |desk| {
        desk.relation(&group).ok_or(ActError::NoRoom(group))?;
        let before = before.map(|Cursor(at)| at);
        let page = match (search.as_deref().filter(|text| !text.is_empty()), before, after, around) {
            (Some(wanted), before, None, None) => desk.search(&group, wanted, before, limit),
            (None, None, None, None) => desk.page(&group, Part::Newest, limit),
            (None, Some(at), None, None) => desk.page(&group, Part::Before(at), limit),
            (None, None, Some(Cursor(at)), None) => desk.page(&group, Part::After(at), limit),
            (None, None, None, Some(id)) => desk.page(&group, Part::Around(id), limit),
            _ => {
                return Err(Problem::bad_request(
                    "Give one of \"before\", \"after\" and \"around\", and with \"search\" only \"before\".",
                ));
            }
        };
        let messages = page.messages.into_iter().map(|seen| MessageShown::new(&app, desk, seen)).collect();
        Ok(MessagesShown { messages, next: page.next.map(Cursor), previous: page.previous.map(Cursor) })
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
    /// 32 random hexadecimal digits. Given, the same message cannot be said twice, however often it is asked for.
    tag: Option<String>,
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
    JsonBody(NewMessage { text, reply_to, tag }): JsonBody<NewMessage>,
) -> Result<Response, Problem> {
    let group: GroupId = parse(&room?)?;
    let given = |tag: String| HEXLOWER.decode(tag.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    let wrong = || Problem::bad_request("A tag has 32 lower-case hexadecimal digits.");
    let tag = match tag {
        Some(tag) => given(tag).ok_or_else(wrong)?,
        None => rand::random(),
    };
    let mut open = app.desk(&acting.account).await?;
    let id = open.desk().say(&group, Text { tag, time: clock::wall(), reply_to, text })?;
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
