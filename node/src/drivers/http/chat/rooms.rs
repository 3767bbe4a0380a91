//! Rooms: which there are, founding them, and what concerns one as a whole.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State, rejection::PathRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use rand::rng;
use serde::{Deserialize, Serialize};
use shared::Address;
use utoipa::ToSchema;

use super::{
    super::{
        App, docs,
        extract::{JsonBody, parse},
        problem::Problem,
        wallet::acting::Acting,
    },
    change::ChangeShown,
    profile::NameGiven,
    shown::{MessageShown, RoomShown, SummaryShown},
};
use crate::chat::{
    desk::{ActError, Desk, Seen, SeenState},
    envelope::{GroupId, MessageId},
    outbox::ItemId,
};

pub(super) type RoomPath = Result<Path<String>, PathRejection>;
pub(super) type InRoomPath = Result<Path<(String, String)>, PathRejection>;

/// Rooms, those with the newest messages first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatRooms)]
pub(super) struct RoomsShown {
    rooms: Vec<SummaryShown>,
}

/// The rooms of this account
#[utoipa::path(
    get, path = "/chat/rooms", tag = docs::CHAT, security((), ("session" = [])),
    responses((status = 200, body = RoomsShown), docs::LogInFirst, docs::NotHere, docs::Unavailable)
)]
pub(super) async fn rooms(State(app): State<Arc<App>>, acting: Acting) -> Result<Json<RoomsShown>, Problem> {
    let open = app.desk(&acting.account).await?;
    let shown = open.look(move |desk| {
        let mut groups = desk.rooms();
        // By where they stand, since authors may date their messages as they like.
        let place = |seen: Seen<'_>| match seen.state {
            SeenState::Confirmed(at) => (false, Some(at)),
            _ => (true, None),
        };
        groups.sort_by_cached_key(|group| Reverse(desk.newest(group).map(place)));
        let rooms = groups.into_iter().filter_map(|group| SummaryShown::new(&app, desk, group)).collect();
        Ok(RoomsShown { rooms })
    });
    shown.await.map(Json)
}

/// A room to be founded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewChatRoom)]
pub(super) struct NewRoom {
    /// 1 to 64 bytes; only members can read it.
    #[schema(example = "kitchen")]
    name: String,
    /// Whom to invite: addresses, or names where only one account has them.
    #[serde(default)]
    #[schema(example = json!(["anna"]))]
    members: Vec<String>,
}

/// A room that was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatRoomFounded)]
pub(super) struct Founded {
    #[schema(value_type = String, example = docs::room_id)]
    id: GroupId,
}

/// Found a room
///
/// Its first key goes out to all members with its first block. Messages can be written at once and follow by themselves.
#[utoipa::path(
    post, path = "/chat/rooms", tag = docs::CHAT, request_body = NewRoom,
    params(docs::Csrf), security((), ("session" = [])),
    responses(
        (status = 202, body = Founded),
        (status = 409, description = "This account has no profile, or there are too many members", body = docs::Problem),
        (status = 422, description = "A name that nobody has, or several, or no name for the room", body = docs::Problem),
        docs::Body, docs::LogInFirst, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn found_room(
    State(app): State<Arc<App>>,
    acting: Acting,
    JsonBody(NewRoom { name, members }): JsonBody<NewRoom>,
) -> Result<Response, Problem> {
    let mut open = app.desk(&acting.account).await?;
    let desk = open.desk();
    let members = members.iter().map(|named| desk.person(named)).collect::<Result<Vec<Address>, _>>()?;
    let id = desk.found(&name, &members, &mut rng())?;
    open.keep(&app).await?;
    let place = format!("/chat/rooms/{id}");
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, place)], Json(Founded { id })).into_response())
}

/// A room, with the people in it and what is being changed
#[utoipa::path(
    get, path = "/chat/rooms/{room}", tag = docs::CHAT, security((), ("session" = [])), params(docs::Room),
    responses((status = 200, body = RoomShown), docs::NoRoom, docs::LogInFirst, docs::NotHere, docs::Unavailable)
)]
pub(super) async fn room(
    State(app): State<Arc<App>>,
    acting: Acting,
    room: RoomPath,
) -> Result<Json<RoomShown>, Problem> {
    let group: GroupId = parse(&room?)?;
    let mut open = app.desk(&acting.account).await?;
    let shown = RoomShown::new(&app, open.desk(), group).ok_or(ActError::NoRoom(group))?;
    Ok(Json(shown))
}

/// Asks for a change of a room, keeps that, and shows it.
pub(super) async fn change(
    app: &Arc<App>,
    acting: &Acting,
    room: &str,
    ask: impl FnOnce(&mut Desk, &GroupId) -> Result<ItemId, ActError> + Send,
) -> Result<Response, Problem> {
    let group: GroupId = parse(room)?;
    let mut open = app.desk(&acting.account).await?;
    let item = ask(open.desk(), &group)?;
    let desk = &*open.desk();
    let change = desk.changes(&group).into_iter().find(|(change, _)| change.id == item);
    let shown = change.and_then(|(item, state)| ChangeShown::new(desk, item, state));
    open.keep(app).await?;
    Ok((StatusCode::ACCEPTED, Json(shown)).into_response())
}

/// Give a room another name
#[utoipa::path(
    post, path = "/chat/rooms/{room}/name", tag = docs::CHAT, request_body = NameGiven,
    params(docs::Room, docs::Csrf), security((), ("session" = [])),
    responses(
        (status = 202, body = ChangeShown),
        (status = 409, description = "This account is not in the room any more", body = docs::Problem),
        (status = 422, description = "No name", body = docs::Problem),
        docs::Body, docs::NoRoom, docs::LogInFirst, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn rename_room(
    State(app): State<Arc<App>>,
    acting: Acting,
    room: RoomPath,
    JsonBody(NameGiven { name }): JsonBody<NameGiven>,
) -> Result<Response, Problem> {
    change(&app, &acting, &room?, |desk, group| desk.rename(group, &name, &mut rng())).await
}

/// Give a room another key
///
/// Whoever got hold of the present one, and is no member, reads nothing after that.
#[utoipa::path(
    post, path = "/chat/rooms/{room}/rotate", tag = docs::CHAT,
    params(docs::Room, docs::Csrf), security((), ("session" = [])),
    responses(
        (status = 202, body = ChangeShown),
        (status = 409, description = "This account is not in the room any more", body = docs::Problem),
        docs::NoRoom, docs::LogInFirst, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn rotate_key(
    State(app): State<Arc<App>>,
    acting: Acting,
    room: RoomPath,
) -> Result<Response, Problem> {
    change(&app, &acting, &room?, |desk, group| desk.rotate(group, &mut rng())).await
}

/// Leave a room
///
/// Those who stay get another key. What was written before stays readable for this account.
#[utoipa::path(
    post, path = "/chat/rooms/{room}/leave", tag = docs::CHAT,
    params(docs::Room, docs::Csrf), security((), ("session" = [])),
    responses(
        (status = 202, body = ChangeShown),
        (status = 409, description = "Not in the room, or its only admin", body = docs::Problem),
        docs::NoRoom, docs::LogInFirst, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn leave_room(
    State(app): State<Arc<App>>,
    acting: Acting,
    room: RoomPath,
) -> Result<Response, Problem> {
    change(&app, &acting, &room?, |desk, group| desk.leave(group, &mut rng())).await
}

/// How far somebody has read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatReadUpTo)]
pub(super) struct ReadUpTo {
    /// The last message that was read.
    #[schema(value_type = String, example = docs::message_id)]
    message: MessageId,
}

/// Note that everything up to a message was read
///
/// This node's affair: nobody else learns of it.
#[utoipa::path(
    post, path = "/chat/rooms/{room}/read", tag = docs::CHAT, request_body = ReadUpTo,
    params(docs::Room, docs::Csrf), security((), ("session" = [])),
    responses(
        (status = 204, description = "Noted"),
        docs::Body, docs::NoRoom, docs::LogInFirst, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn read_up_to(
    State(app): State<Arc<App>>,
    acting: Acting,
    room: RoomPath,
    JsonBody(ReadUpTo { message }): JsonBody<ReadUpTo>,
) -> Result<StatusCode, Problem> {
    let group: GroupId = parse(&room?)?;
    let mut open = app.desk(&acting.account).await?;
    open.desk().read_up_to(&group, &message)?;
    open.keep(&app).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take back a change that is not on its way
#[utoipa::path(
    delete, path = "/chat/rooms/{room}/changes/{change}", tag = docs::CHAT,
    params(docs::Room, ("change" = String, Path, description = "The change's id"), docs::Csrf),
    security((), ("session" = [])),
    responses(
        (status = 204, description = "Taken back"),
        (status = 409, description = "It is on its way, or there is none", body = docs::Problem),
        docs::NoRoom, docs::LogInFirst, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn cancel_change(
    State(app): State<Arc<App>>,
    acting: Acting,
    path: InRoomPath,
) -> Result<StatusCode, Problem> {
    let Path((room, change)) = path?;
    let (group, change): (GroupId, ItemId) = (parse(&room)?, parse(&change)?);
    let mut open = app.desk(&acting.account).await?;
    let desk = open.desk();
    desk.relation(&group).ok_or(ActError::NoRoom(group))?;
    if !desk.cancel(&group, &change) {
        return Err(Problem::conflict("There is no such change that still waits: it is on its way, or done."));
    }
    open.keep(&app).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Everything of a room that this account can read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatExport)]
pub(super) struct Export {
    room: RoomShown,
    /// Oldest first. The transaction of each proves that it stood there, with a receipt of the node.
    messages: Vec<MessageShown>,
}

/// Take a room home as a file
#[utoipa::path(
    get, path = "/chat/rooms/{room}/export", tag = docs::CHAT, security((), ("session" = [])), params(docs::Room),
    responses((status = 200, body = Export), docs::NoRoom, docs::LogInFirst, docs::NotHere, docs::Unavailable)
)]
pub(super) async fn export_room(
    State(app): State<Arc<App>>,
    acting: Acting,
    room: RoomPath,
) -> Result<Response, Problem> {
    let group: GroupId = parse(&room?)?;
    let open = app.desk(&acting.account).await?;
    let name = HeaderValue::from_str(&format!("attachment; filename=\"room-{group}.json\""));
    let name = name.unwrap_or(HeaderValue::from_static("attachment"));
    let response = open.look(move |desk| {
        let room = RoomShown::new(&app, desk, group).ok_or(ActError::NoRoom(group))?;
        let messages = desk.all(&group).map(|seen| MessageShown::new(&app, desk, seen)).collect();
        Ok(([(header::CONTENT_DISPOSITION, name)], Json(Export { room, messages })).into_response())
    });
    response.await
}
