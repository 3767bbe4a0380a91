//! `/nodes`: what each node is doing, and orders to single nodes.

use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Json;
use node::drivers::http::TOKEN_FILE;
use node::drivers::http::problem::Problem;
use serde::{Deserialize, Serialize};

use super::mining::sentence;
use super::{Api, detached};
use crate::mining::{Health, healths};
use crate::network::{OrderError, Seen, StartCommand};
use crate::proc::{self, Memory};

/// The answer of `GET /nodes`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NodesView {
    pub(crate) nodes: Vec<NodeView>,
}

/// One node as clients see it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NodeView {
    pub(crate) number: u16,
    /// `starting`, `running`, `paused`, `ended` or `removed`.
    pub(crate) state: String,
    pub(crate) address: String,
    pub(crate) pid: Option<u32>,
    pub(crate) id: Option<String>,
    pub(crate) peer_addresses: Vec<String>,
    /// What the node said just now; absent if it runs and does not answer, or does not run.
    #[serde(flatten)]
    pub(crate) health: Option<Health>,
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

pub(super) async fn list(State(api): State<Api>) -> Json<NodesView> {
    let mut healths = healths(&api.network, api.network.running()).await;
    let nodes = api.network.seen().into_iter().map(|node| {
        let health = healths.remove(&node.number).flatten();
        NodeView::of(node, health)
    });
    Json(NodesView { nodes: nodes.collect() })
}

pub(super) async fn add(State(api): State<Api>) -> Result<(StatusCode, Json<NodeView>), Problem> {
    let network = api.network.clone();
    let node = detached(async move { network.add().await }, problem).await?;
    api.mining.include(&node.address).await;
    Ok((StatusCode::CREATED, Json(NodeView::of(node, None))))
}

pub(super) async fn kill(State(api): State<Api>, number: NodeNumber) -> Result<Json<NodeView>, Problem> {
    let Path(number) = number?;
    let node = detached(async move { api.network.kill(number).await }, problem).await?;
    Ok(Json(NodeView::of(node, None)))
}

pub(super) async fn pause(State(api): State<Api>, number: NodeNumber) -> Result<Json<NodeView>, Problem> {
    let Path(number) = number?;
    Ok(Json(NodeView::of(api.network.pause(number).map_err(problem)?, None)))
}

pub(super) async fn resume(State(api): State<Api>, number: NodeNumber) -> Result<Json<NodeView>, Problem> {
    let Path(number) = number?;
    let node = detached(async move { api.network.resume(number).await }, problem).await?;
    Ok(Json(NodeView::of(node, None)))
}

pub(super) async fn remove(State(api): State<Api>, number: NodeNumber) -> Result<Json<NodeView>, Problem> {
    let Path(number) = number?;
    let node = detached(async move { api.network.remove(number).await }, problem).await?;
    Ok(Json(NodeView::of(node, None)))
}

/// Without a body the node is started as it was the last time.
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
    let network = api.network.clone();
    let restarting = async move {
        match command {
            Some(Json(command)) => network.restart_with(number, command).await,
            None => network.restart(number).await,
        }
    };
    let node = detached(restarting, problem).await?;
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
