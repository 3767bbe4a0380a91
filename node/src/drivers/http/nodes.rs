//! Other nodes: who is known, making nodes known, and parting from them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State, rejection::PathRejection};
use axum::http::StatusCode;
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::wire::NodeId;
use utoipa::ToSchema;

use super::{
    App, docs,
    extract::{JsonBody, parse},
    problem::Problem,
    registration::{self, Described, EXPECTED, Item},
    unexpected,
};
use crate::machine::{
    effect::{PeerStatus, Reply},
    event::{Registration, Request},
};

/// How long a node may take to say who it is.
const DEADLINE: Duration = Duration::from_secs(2);
/// Nodes asked who they are at a time.
const AT_ONCE: usize = 16;
/// Nodes asked who they are for one list.
const MAX_ASKED: usize = 256;
/// Items of one list.
const MAX_LISTED: usize = 4_096;

/// Everybody that this node knows.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Nodes {
    /// Connected peers.
    #[schema(value_type = Vec<docs::Peer>)]
    peers: Vec<PeerStatus>,
    /// HTTP addresses of known nodes, by id.
    #[schema(value_type = BTreeMap<String, String>)]
    nodes: Arc<BTreeMap<NodeId, String>>,
}

/// What came of a list of nodes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Registered {
    /// How many of them were new here.
    registered: usize,
    /// HTTP addresses of all known nodes, by id. A node known only by its multiaddress joins them once
    /// it is connected.
    #[schema(value_type = BTreeMap<String, String>)]
    nodes: Arc<BTreeMap<NodeId, String>>,
    /// Items that nothing could be done with.
    failed: Vec<Failed>,
}

/// An item of a list of nodes that nothing could be done with.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Failed {
    /// Its position in the list, counted from 0.
    item: usize,
    /// What is wrong.
    reason: String,
}

/// Which node to forget.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    /// Its id.
    #[schema(value_type = String, example = docs::hash)]
    id: NodeId,
}

/// A node was forgotten.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Removed {
    /// Its id.
    #[schema(value_type = String, example = docs::hash)]
    removed: NodeId,
}

/// Peers and known nodes
#[utoipa::path(get, path = "/nodes", tag = docs::NODES, responses((status = 200, body = Nodes), docs::Unavailable))]
pub(super) async fn nodes(State(app): State<Arc<App>>) -> Result<Json<Nodes>, Problem> {
    let status = app.status().await?;
    Ok(Json(Nodes { peers: status.peers, nodes: status.nodes }))
}

/// Make nodes known
///
/// This node connects to them. For an HTTP address, it asks there for `GET /node/id` first.
#[utoipa::path(
    post, path = "/nodes/register", tag = docs::NODES, request_body = Vec<docs::NodeOrAddress>,
    responses(
        (status = 200, description = "What could be read is registered; the rest is in `failed`", body = Registered),
        (status = 422, description = "Nothing could be done with any item; see `failed`", body = docs::Problem),
        docs::Body, docs::Foreign, docs::Admin, docs::Unavailable,
    )
)]
pub(super) async fn register(
    State(app): State<Arc<App>>,
    JsonBody(list): JsonBody<Value>,
) -> Result<Json<Registered>, Problem> {
    let items = read_list(list)?;
    let count = items.len();
    let (registrations, failed) = look_up(&app, items).await;
    if registrations.is_empty() && count > 0 {
        return Err(nothing_done(count, &failed));
    }
    let registered = match app.ask(Request::Register(registrations)).await? {
        Reply::Registered { new } => new,
        other => return Err(unexpected(&other)),
    };
    Ok(Json(Registered { registered, nodes: app.api.engine.nodes(), failed }))
}

fn nothing_done(count: usize, failed: &[Failed]) -> Problem {
    let first = failed.first().map(|failed| failed.reason.as_str()).unwrap_or_default();
    let detail = format!("None of the {count} nodes was registered. The first one: {first}.");
    let failed = serde_json::to_value(failed).unwrap_or_default();
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).with("failed", failed)
}

fn read_list(list: Value) -> Result<Vec<Result<Item, String>>, Problem> {
    let Value::Array(list) = list else {
        return Err(Problem::bad_request(format!("The body must be {EXPECTED}.")));
    };
    if list.len() > MAX_LISTED {
        return Err(Problem::bad_request(format!(
            "The list has {} nodes; send at most {MAX_LISTED} at once.",
            list.len()
        )));
    }
    list.into_iter().enumerate().map(|(position, value)| read_item(position, value)).collect()
}

/// The outer error is a wrong type, which spoils the whole list; the inner one concerns this item.
fn read_item(position: usize, value: Value) -> Result<Result<Item, String>, Problem> {
    let wrong =
        |why: String| Problem::bad_request(format!("Item {position} of the list {why}; the body must be {EXPECTED}."));
    match value {
        Value::String(text) => Ok(registration::from_text(&text)),
        Value::Object(_) => {
            let described: Described =
                serde_json::from_value(value).map_err(|error| wrong(format!("is wrong: {error}")))?;
            Ok(registration::from_description(described))
        }
        _ => Err(wrong("is neither an object nor a string".into())),
    }
}

/// Asks the nodes that are known by HTTP address only.
async fn look_up(app: &App, items: Vec<Result<Item, String>>) -> (Vec<Registration>, Vec<Failed>) {
    let (mut registrations, mut failed, mut to_ask) = (Vec::new(), Vec::new(), Vec::new());
    for (item, read) in items.into_iter().enumerate() {
        match read {
            Ok(Item::Ready(registration)) => registrations.push(registration),
            Ok(Item::Ask(url)) if to_ask.len() < MAX_ASKED => to_ask.push((item, url)),
            Ok(Item::Ask(_)) => {
                let reason = format!("more than {MAX_ASKED} nodes would have to be asked; send it in another list");
                failed.push(Failed { item, reason });
            }
            Err(reason) => failed.push(Failed { item, reason }),
        }
    }
    let asked = to_ask.into_iter().map(|(item, url)| async move { (item, ask(app, &url).await) });
    let mut answers = futures::stream::iter(asked).buffer_unordered(AT_ONCE);
    while let Some((item, answer)) = answers.next().await {
        match answer {
            Ok(registration) => registrations.push(registration),
            Err(reason) => failed.push(Failed { item, reason }),
        }
    }
    failed.sort_by_key(|failed| failed.item);
    (registrations, failed)
}

async fn ask(app: &App, url: &str) -> Result<Registration, String> {
    let answer = app.client.get::<Described>(&format!("{url}/node/id"), DEADLINE).await;
    registration::from_answer(answer.map_err(|error| error.to_string())?)
}

/// Forget a node
///
/// This node parts from it and dials it no more.
#[utoipa::path(
    delete, path = "/nodes/register", tag = docs::NODES, request_body = Named,
    responses(
        (status = 200, body = Removed),
        (status = 404, description = "No such node is known", body = docs::Problem),
        docs::Body, docs::Foreign, docs::Admin, docs::Unavailable,
    )
)]
pub(super) async fn unregister(
    State(app): State<Arc<App>>,
    JsonBody(Named { id }): JsonBody<Named>,
) -> Result<Json<Removed>, Problem> {
    forget(&app, id).await
}

/// Forget a node, named in the path
#[utoipa::path(
    delete, path = "/nodes/{id}", tag = docs::NODES,
    params(("id" = String, Path, description = "The node's id")),
    responses(
        (status = 200, body = Removed),
        (status = 400, description = "No node id", body = docs::Problem),
        (status = 404, description = "No such node is known", body = docs::Problem),
        docs::Foreign, docs::Admin, docs::Unavailable,
    )
)]
pub(super) async fn unregister_one(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Removed>, Problem> {
    forget(&app, parse(&id?)?).await
}

async fn forget(app: &App, id: NodeId) -> Result<Json<Removed>, Problem> {
    match app.ask(Request::Unregister(id)).await? {
        Reply::Unregistered(true) => Ok(Json(Removed { removed: id })),
        Reply::Unregistered(false) => Err(Problem::not_found(format!("No node with the id {id} is known here."))),
        other => Err(unexpected(&other)),
    }
}
