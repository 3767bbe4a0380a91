//! `/nodes`: what each node is doing, and orders to single nodes.

use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Json;
use node::drivers::http::TOKEN_FILE;
use node::drivers::http::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::mining::sentence;
use super::{Api, detached, docs};
use crate::mining::{Health, healths};
use crate::network::{OrderError, Seen, StartCommand};
use crate::proc::{self, Memory};

/// The answer of `GET /nodes`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct NodesView {
    /// By number.
    #[schema(value_type = Vec<docs::Node>)]
    pub(crate) nodes: Vec<NodeView>,
}

/// One node as clients see it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NodeView {
    /// Its number, from 0.
    pub(crate) number: u16,
    /// `starting`, `running`, `paused`, `ended` or `removed`.
    pub(crate) state: String,
    /// Where it answers HTTP.
    pub(crate) address: String,
    /// Its process, while there is one.
    pub(crate) pid: Option<u32>,
    /// Its permanent id, once it has told it.
    pub(crate) id: Option<String>,
    /// Where peers connect.
    pub(crate) peer_addresses: Vec<String>,
    /// What the node said just now; absent if it runs and does not answer, or does not run.
    #[serde(flatten)]
    pub(crate) health: Option<Health>,
    /// What its process takes, where the system tells.
    pub(crate) memory: Option<Memory>,
    /// How its process ended, in words.
    pub(crate) exit: Option<String>,
    /// The last lines of the log of a process that ended.
    pub(crate) last_lines: Vec<String>,
}

impl NodeView {
    fn of(node: Seen, health: Option<Health>) -> Self {
        let identity = node.state.identity();
        let ended = node.state.ended();
        Self {
            number: node.number,
            state: node.state.word().to_owned(),
            pid: node.state.pid(),
            id: identity.map(|identity| identity.id.clone()),
            peer_addresses: identity.map(|known| known.peer_addresses.clone()).unwrap_or_default(),
            memory: node.state.pid().and_then(proc::memory),
            exit: ended.map(|ended| ended.exit.to_string()),
            last_lines: ended.map(|ended| ended.last_lines.to_vec()).unwrap_or_default(),
            address: node.address,
            health,
        }
    }
}

pub(super) type NodeNumber = Result<Path<u16>, PathRejection>;

/// The nodes
///
/// What each is doing, by itself and by its process. The running nodes are asked.
#[utoipa::path(get, path = "/nodes", operation_id = "nodes", tag = docs::NODES, responses((status = 200, body = NodesView), docs::Foreign))]
pub(super) async fn list(State(api): State<Api>) -> Json<NodesView> {
    let mut healths = healths(&api.network, api.network.running()).await;
    let nodes = api.network.seen().into_iter().map(|node| {
        let health = healths.remove(&node.number).flatten();
        NodeView::of(node, health)
    });
    Json(NodesView { nodes: nodes.collect() })
}

/// Start one node more
///
/// On the port after the last one's. The answer comes when it is ready and known to all.
#[utoipa::path(
    post, path = "/nodes", operation_id = "add_node", tag = docs::NODES,
    responses((status = 201, body = docs::Node), docs::Order, docs::Foreign)
)]
pub(super) async fn add(State(api): State<Api>) -> Result<(StatusCode, Json<NodeView>), Problem> {
    let network = api.network.clone();
    let node = detached(async move { network.add().await }, problem).await?;
    api.mining.include(&node.address).await;
    Ok((StatusCode::CREATED, Json(NodeView::of(node, None))))
}

/// End a node at once
///
/// As a power cut would (SIGKILL).
#[utoipa::path(
    post, path = "/nodes/{number}/kill", operation_id = "kill_node", tag = docs::NODES, params(docs::Number),
    responses(
        (status = 200, body = docs::Node),
        docs::Order, docs::Foreign,
    )
)]
pub(super) async fn kill(State(api): State<Api>, number: NodeNumber) -> Result<Json<NodeView>, Problem> {
    let Path(number) = number?;
    let node = detached(async move { api.network.kill(number).await }, problem).await?;
    Ok(Json(NodeView::of(node, None)))
}

/// Pause a node
///
/// It stays, with its connections, but does nothing (SIGSTOP).
#[utoipa::path(
    post, path = "/nodes/{number}/pause", operation_id = "pause_node", tag = docs::NODES, params(docs::Number),
    responses(
        (status = 200, body = docs::Node),
        docs::Order, docs::Foreign,
    )
)]
pub(super) async fn pause(State(api): State<Api>, number: NodeNumber) -> Result<Json<NodeView>, Problem> {
    let Path(number) = number?;
    Ok(Json(NodeView::of(api.network.pause(number).map_err(problem)?, None)))
}

/// Let a paused node go on
///
/// The answer comes when it was told what it missed of the faults in force.
#[utoipa::path(
    post, path = "/nodes/{number}/resume", operation_id = "resume_node", tag = docs::NODES, params(docs::Number),
    responses(
        (status = 200, body = docs::Node),
        docs::Order, docs::Foreign,
    )
)]
pub(super) async fn resume(State(api): State<Api>, number: NodeNumber) -> Result<Json<NodeView>, Problem> {
    let Path(number) = number?;
    let node = detached(async move { api.network.resume(number).await }, problem).await?;
    Ok(Json(NodeView::of(node, None)))
}

/// Take a node out of the network for good
///
/// Its folder stays, its number is not given again.
#[utoipa::path(
    post, path = "/nodes/{number}/remove", operation_id = "remove_node", tag = docs::NODES, params(docs::Number),
    responses(
        (status = 200, body = docs::Node),
        docs::Order, docs::Foreign,
    )
)]
pub(super) async fn remove(State(api): State<Api>, number: NodeNumber) -> Result<Json<NodeView>, Problem> {
    let Path(number) = number?;
    let node = detached(async move { api.network.remove(number).await }, problem).await?;
    Ok(Json(NodeView::of(node, None)))
}

/// Start a node again
///
/// Without a body it is started as it was the last time. Another program needs the header `Authorization: Bearer TOKEN`
/// with the token from the file `admin.token` of the network's folder.
#[utoipa::path(
    post, path = "/nodes/{number}/restart", operation_id = "restart_node", tag = docs::NODES, params(docs::Number), request_body = Option<StartCommand>,
    responses(
        (status = 200, body = docs::Node),
        (status = 401, description = "Another program, and the token is missing or wrong", body = docs::Problem),
        (status = 422, description = "Started like this the node does not run; the sentence has its last lines", body = docs::Problem),
        docs::OrderWithBody, docs::Foreign,
    )
)]
pub(super) async fn restart(
    State(api): State<Api>,
    number: NodeNumber,
    headers: HeaderMap,
    command: Result<Option<Json<StartCommand>>, JsonRejection>,
) -> Result<Json<NodeView>, Problem> {
    let (Path(number), command) = (number?, command?);
    if command.as_ref().is_some_and(|command| command.program.is_some()) && !api.admin.admits(&headers) {
        // Others on this machine reach the manager too, and must not run programs as its user.
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            format!(
                "To have another program started, show that you may: send the header `Authorization: Bearer TOKEN` \
                 with the token from the file {TOKEN_FILE} of the network's folder."
            ),
        ));
    }
    let given = command.is_some();
    let network = api.network.clone();
    let restarting = async move {
        match command {
            Some(Json(command)) => network.restart_with(number, command).await,
            None => network.restart(number).await,
        }
    };
    let refused = move |error: OrderError| match error {
        // What it is started with is the caller's choice.
        OrderError::Start(_) if given => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, sentence(&error.to_string())),
        error => problem(error),
    };
    let node = detached(restarting, refused).await?;
    api.mining.include(&node.address).await;
    Ok(Json(NodeView::of(node, None)))
}

pub(super) fn problem(error: OrderError) -> Problem {
    let status = match &error {
        OrderError::Unknown { .. } => StatusCode::NOT_FOUND,
        OrderError::Removed(_) => StatusCode::GONE,
        OrderError::State { .. } | OrderError::Busy(_) | OrderError::Full | OrderError::Bind(_) => StatusCode::CONFLICT,
        OrderError::Closing => StatusCode::SERVICE_UNAVAILABLE,
        OrderError::Start(_) | OrderError::Told { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Problem::new(status, sentence(&error.to_string()))
}
