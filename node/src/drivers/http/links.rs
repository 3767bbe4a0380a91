//! Conditions of the ways to peers, to try a network out: who is cut off, what is slow, what is lost.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::{App, docs, extract::JsonBody, problem::Problem};
use crate::drivers::net::{LinkState, Links};

/// Conditions of the ways to peers
///
/// What is in force now, and which peers are in session.
#[utoipa::path(get, path = "/links", tag = docs::NODES, responses((status = 200, body = docs::LinkState)))]
pub(super) async fn links(State(app): State<Arc<App>>) -> Json<LinkState> {
    Json(app.api.links.state())
}

/// Set the conditions of the ways to peers
///
/// They take the place of those before and hold for what this node sends; a way that is cut carries nothing in
/// either direction, and the peer is refused. The answer comes when they are in force; a session that is cut
/// may still be in `connected`, for a moment. They do not outlive the process.
#[utoipa::path(
    post, path = "/links", tag = docs::NODES, request_body = Links,
    responses((status = 200, body = docs::LinkState), docs::Body, docs::Foreign, docs::Admin, docs::Unavailable)
)]
pub(super) async fn set(
    State(app): State<Arc<App>>,
    JsonBody(links): JsonBody<Links>,
) -> Result<Json<LinkState>, Problem> {
    links.check().map_err(|error| Problem::bad_request(format!("These conditions cannot be kept: {error}.")))?;
    tokio::select! {
        () = app.api.links.set(links) => Ok(Json(app.api.links.state())),
        () = app.api.shutdown.begun() => {
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The node is stopping; ask another one."))
        }
    }
}
