//! Who this node is, how it is doing, and its end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shared::{BlockHash, Height, Work, wire::NodeId};
use utoipa::ToSchema;

use super::{App, docs, pages, problem::Problem, unexpected};
use crate::drivers::progress::Progress;
use crate::machine::{
    effect::{Reply, Status},
    event::Request,
    peers::book::Nodes,
};

/// Who a node is and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Identity {
    /// SHA-256 of a UUID drawn at the node's first start.
    #[schema(value_type = String, example = docs::hash)]
    pub id: NodeId,
    /// Where its HTTP interface answers.
    #[schema(example = "http://127.0.0.1:5000")]
    pub address: String,
    /// Where miners of other makes connect by Stratum, if they may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "stratum+tcp://127.0.0.1:3333")]
    pub stratum: Option<String>,
    /// Its key between nodes.
    #[schema(example = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN")]
    pub peer_id: String,
    /// Where it accepts peers, each a multiaddress that ends with the peer id.
    #[schema(example = json!(["/ip4/127.0.0.1/tcp/40123/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"]))]
    pub peer_addresses: Vec<String>,
}

/// A node and the other nodes it knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Node)]
pub struct NodeInfo {
    /// Who it is.
    #[serde(flatten)]
    pub identity: Identity,
    /// HTTP addresses of the nodes that it knows, by id.
    #[schema(value_type = BTreeMap<String, String>)]
    pub nodes: Arc<BTreeMap<NodeId, String>>,
}

/// How a node is doing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// Always `ok`: a node that is not does not answer.
    #[schema(example = "ok")]
    status: &'static str,
    /// Of the program.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The tip's height.
    #[schema(value_type = u32)]
    height: Height,
    /// The tip.
    #[schema(value_type = String, example = docs::hash)]
    tip: BlockHash,
    /// Expected hashes behind the active chain, 256 bits in hexadecimal.
    #[schema(value_type = String, example = docs::hash)]
    work: Work,
    /// Connected peers.
    peers: usize,
    /// Transactions that wait to be mined.
    pending: usize,
    /// Whether the node mines at this moment.
    mining: bool,
    /// Its cap in hashes per second; null when it has none.
    hash_rate: Option<u64>,
    /// How far it is while it catches up with other nodes; null when it has caught up.
    catching_up: Option<Progress>,
}

/// That a node ends.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Stopping {
    /// Always true.
    stopping: bool,
}

impl App {
    /// What only the machine knows.
    pub(super) async fn status(&self) -> Result<Status, Problem> {
        match self.ask(Request::Status).await? {
            Reply::Status(status) => Ok(status),
            other => Err(unexpected(&other)),
        }
    }
}

/// The node's page, or for programs the main routes as text
#[utoipa::path(
    get, path = "/", tag = docs::NODE,
    responses((status = 200, content((String = "text/html"), (String = "text/plain"))))
)]
pub(super) async fn index(headers: HeaderMap) -> Response {
    let page = pages::wants_page(&headers).then(|| pages::file::<pages::Web>("index.html", &headers)).flatten();
    page.unwrap_or_else(|| include_str!("index.txt").into_response())
}

/// Who this node is, and the nodes it knows
#[utoipa::path(get, path = "/node/id", tag = docs::NODE, responses((status = 200, body = NodeInfo)))]
pub(super) async fn node_id(State(app): State<Arc<App>>) -> Response {
    let json = app.introduction.json(&app.api.identity, app.api.engine.nodes());
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], json).into_response()
}

/// What `GET /node/id` told last. Everybody asks for it and it seldom changes.
#[derive(Debug, Default)]
pub(super) struct Introduction(Mutex<Option<(Arc<Nodes>, Bytes)>>);

impl Introduction {
    /// A [`NodeInfo`] of these, as JSON.
    fn json(&self, identity: &Identity, nodes: Arc<Nodes>) -> Bytes {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*told {
            Some((known, json)) if Arc::ptr_eq(known, &nodes) => json.clone(),
            _ => {
                let info = NodeInfo { identity: identity.clone(), nodes: nodes.clone() };
                // These types have only fields that JSON can hold.
                let json = Bytes::from(serde_json::to_vec(&info).unwrap_or_default());
                *told = Some((nodes, json.clone()));
                json
            }
        }
    }
}

/// How the node is doing
#[utoipa::path(get, path = "/health", tag = docs::NODE, responses((status = 200, body = Health), docs::Unavailable))]
pub(super) async fn health(State(app): State<Arc<App>>) -> Result<Json<Health>, Problem> {
    let status = app.status().await?;
    Ok(Json(Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
        height: status.height,
        tip: status.tip,
        work: status.work,
        peers: status.peers.len(),
        pending: status.pending,
        mining: status.mining,
        hash_rate: app.api.hash_cap.get(),
        catching_up: *app.api.progress.borrow(),
    }))
}

/// End the node
///
/// The node finishes the answers under way, this one among them, and ends its process with exit code 0.
#[utoipa::path(
    method(get, post), path = "/shutdown", tag = docs::ADMIN,
    responses((status = 200, body = Stopping), docs::Foreign, docs::Admin)
)]
pub(super) async fn shutdown(State(app): State<Arc<App>>) -> Json<Stopping> {
    app.api.shutdown.begin();
    Json(Stopping { stopping: true })
}
