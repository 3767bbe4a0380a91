//! Who is in a room, and who may change it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use rand::rng;
use serde::Deserialize;
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
    rooms::{InRoomPath, RoomPath, change},
};
use crate::chat::{desk::Desk, envelope::GroupId};

/// Whom to let in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatInvitation)]
pub(super) struct Invitation {
    /// An address, or a name that only one account has.
    #[schema(example = "anna")]
    member: String,
    /// Whether they may read what was written before; they may unless this says otherwise.
    #[serde(default = "yes")]
    history: bool,
}

fn yes() -> bool {
    true
}

/// Let somebody into a room
#[utoipa::path(
    post, path = "/chat/rooms/{room}/members", tag = docs::CHAT, request_body = Invitation,
    params(docs::Room, docs::Csrf), security((), ("session" = [])),
    responses(
        (status = 202, body = ChangeShown),
        (status = 409, description = "In the room already, or the room is full", body = docs::Problem),
        (status = 422, description = "A name that nobody has, or several, or an account without profile", body = docs::Problem),
        docs::Body, docs::NoRoom, docs::LogInFirst, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn invite(
    State(app): State<Arc<App>>,
    acting: Acting,
    room: RoomPath,
    JsonBody(Invitation { member, history }): JsonBody<Invitation>,
) -> Result<Response, Problem> {
    let ask = |desk: &mut Desk, group: &GroupId| {
        let member = desk.person(&member)?;
        desk.invite(group, member, history, &mut rng())
    };
    change(&app, &acting, &room?, ask).await
}

/// Put somebody out of a room, or go oneself
///
/// Those who stay get another key. What was written before stays readable for whoever went.
#[utoipa::path(
    delete, path = "/chat/rooms/{room}/members/{address}", tag = docs::CHAT,
    params(docs::Room, ("address" = String, Path, description = "The member's address"), docs::Csrf),
    security((), ("session" = [])),
    responses(
        (status = 202, body = ChangeShown),
        (status = 409, description = "Its only admin goes, or this account is not in the room any more", body = docs::Problem),
        docs::NoRoom, docs::LogInFirst, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn remove_member(
    State(app): State<Arc<App>>,
    acting: Acting,
    path: InRoomPath,
) -> Result<Response, Problem> {
    let Path((room, member)) = path?;
    let member: Address = parse(&member)?;
    change(&app, &acting, &room, |desk, group| desk.remove(group, member, &mut rng())).await
}

/// Whom to make an admin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatAppointment)]
pub(super) struct Appointment {
    /// An address, or a name that only one account has.
    #[schema(example = "anna")]
    member: String,
}

/// Make somebody in a room an admin
#[utoipa::path(
    post, path = "/chat/rooms/{room}/admins", tag = docs::CHAT, request_body = Appointment,
    params(docs::Room, docs::Csrf), security((), ("session" = [])),
    responses(
        (status = 202, body = ChangeShown),
        (status = 409, description = "This account is not in the room any more", body = docs::Problem),
        (status = 422, description = "A name that nobody has, or several", body = docs::Problem),
        docs::Body, docs::NoRoom, docs::LogInFirst, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn appoint_admin(
    State(app): State<Arc<App>>,
    acting: Acting,
    room: RoomPath,
    JsonBody(Appointment { member }): JsonBody<Appointment>,
) -> Result<Response, Problem> {
    let ask = |desk: &mut Desk, group: &GroupId| {
        let member = desk.person(&member)?;
        desk.appoint(group, member, true, &mut rng())
    };
    change(&app, &acting, &room?, ask).await
}

/// Make an admin an ordinary member
#[utoipa::path(
    delete, path = "/chat/rooms/{room}/admins/{address}", tag = docs::CHAT,
    params(docs::Room, ("address" = String, Path, description = "The admin's address"), docs::Csrf),
    security((), ("session" = [])),
    responses(
        (status = 202, body = ChangeShown),
        (status = 409, description = "The room's only admin", body = docs::Problem),
        docs::NoRoom, docs::LogInFirst, docs::NotHere, docs::Unavailable,
    )
)]
pub(super) async fn dismiss_admin(
    State(app): State<Arc<App>>,
    acting: Acting,
    path: InRoomPath,
) -> Result<Response, Problem> {
    let Path((room, member)) = path?;
    let member: Address = parse(&member)?;
    change(&app, &acting, &room, |desk, group| desk.appoint(group, member, false, &mut rng())).await
}
