//! Mining on request: one block, or without end; and how fast.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State, rejection::QueryRejection};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use shared::Height;
use utoipa::{IntoParams, ToSchema};

use super::{App, docs, extract::JsonBody, problem::Problem, unexpected};
use crate::{
    hash_rate::HashRate,
    machine::{effect::Reply, event::Request},
};

/// Whether a node mines without end.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Mining {
    mining: bool,
}

/// How fast a node may mine.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Cap {
    /// Hashes per second. Requests may also write it as text, such as "1.5M" or "unlimited"; null is no cap.
    #[schema(value_type = Option<u64>, example = 200_000)]
    hash_rate: HashRate,
}

/// Which block is to be mined.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Mine only a block of this height. When the chain is as high already, another node has won.
    height: Option<u32>,
}

/// Mine one block
///
/// The node asks its peers for better chains first, then proves work on the tip. The answer comes once
/// this node has found the proof, or another node has.
#[utoipa::path(
    method(get, post), path = "/mine", tag = docs::MINING,
    params(Wanted),
    responses(
        (status = 201, description = "The block that this node mined", body = docs::Block),
        (status = 409, description = "Another node's block came first; `winner` is its hash", body = docs::MineLost),
        (status = 400, description = "The height is no number", body = docs::Problem),
        docs::Foreign, docs::Unavailable,
    )
)]
pub(super) async fn mine(
    State(app): State<Arc<App>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let height = wanted?.height.map(Height);
    match app.ask(Request::Mine { height }).await? {
        Reply::Mined(block) => {
            let place = format!("/blocks/{}", block.hash());
            Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(&*block)).into_response())
        }
        Reply::MineLost { winner } => {
            let detail = format!("Another node's block came first: {winner}. Ask again to mine on top of it.");
            Err(Problem::conflict(detail).with("winner", winner.to_string()))
        }
        other => Err(unexpected(&other)),
    }
}

/// Mine without end
#[utoipa::path(
    post, path = "/mining/start", tag = docs::MINING,
    responses((status = 200, body = Mining), docs::Foreign, docs::Admin, docs::Unavailable)
)]
pub(super) async fn start(State(app): State<Arc<App>>) -> Result<Json<Mining>, Problem> {
    set(&app, true).await
}

/// Stop mining without end
#[utoipa::path(
    post, path = "/mining/stop", tag = docs::MINING,
    responses((status = 200, body = Mining), docs::Foreign, docs::Admin, docs::Unavailable)
)]
pub(super) async fn stop(State(app): State<Arc<App>>) -> Result<Json<Mining>, Problem> {
    set(&app, false).await
}

async fn set(app: &App, on: bool) -> Result<Json<Mining>, Problem> {
    match app.ask(Request::SetMining(on)).await? {
        Reply::Mining(mining) => Ok(Json(Mining { mining })),
        other => Err(unexpected(&other)),
    }
}

/// Change the cap of the hash rate
///
/// It holds until the node ends; `/health` shows it.
#[utoipa::path(
    post, path = "/hash-rate", tag = docs::MINING, request_body = Cap,
    responses((status = 200, body = Cap), docs::Body, docs::Foreign, docs::Admin)
)]
pub(super) async fn set_hash_rate(State(app): State<Arc<App>>, JsonBody(cap): JsonBody<Cap>) -> Json<Cap> {
    app.api.hash_cap.set(cap.hash_rate);
    tracing::info!("the hash rate is {} from now on", cap.hash_rate);
    Json(cap)
}
