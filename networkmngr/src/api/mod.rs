//! The control API: how HTTP words orders and answers. What an order means is decided by
//! [`crate::network`] and [`crate::mining`]. Answers on 127.0.0.1 alone, behind the node's guard.

mod docs;
mod events;
mod faults;
mod metrics;
mod mining;
mod nodes;
mod overview;
mod pages;
mod runs;
mod timeline;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::Json;
use axum::routing::get;
use node::drivers::http::Admin;
use node::drivers::http::guard::{Hosts, guarded};
use node::drivers::http::openapi::{self, Routes, routes, verb};
use node::drivers::http::problem::{Problem, unknown_path, wrong_method};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;

pub(crate) use faults::{LinksView, PartitionOrder, RateOrder, RateView, RulesOrder};
pub(crate) use nodes::{NodeView, NodesView};
pub(crate) use overview::StatusView;

use crate::mining::Mining;
use crate::network::{Ending, Network};
use crate::scenario::Runs;

/// Largest body that is read, in bytes; no order needs a large one.
const MAX_BODY: usize = 64 << 10;

/// How many files are read at a time for those who ask about the past.
const READERS: usize = 2;

/// What the handlers share.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) network: Arc<Network>,
    pub(crate) mining: Arc<Mining>,
    pub(crate) runs: Arc<Runs>,
    pub(crate) closing: Closing,
    /// Who may have a program of his choosing started.
    pub(crate) admin: Admin,
    /// Places for clients that follow the events.
    pub(crate) followers: Arc<Semaphore>,
    /// Places for those that read the timeline's files.
    pub(crate) readers: Arc<Semaphore>,
}

impl Api {
    /// For this network, its mining and the runs beside it.
    pub(crate) fn new(
        network: Arc<Network>,
        mining: Arc<Mining>,
        runs: Arc<Runs>,
        closing: Closing,
        admin: Admin,
    ) -> Self {
        let followers = Arc::new(Semaphore::new(events::MAX_FOLLOWERS));
        let readers = Arc::new(Semaphore::new(READERS));
        Self { network, mining, runs, closing, admin, followers, readers }
    }
}

/// The way from `/shutdown/all` to the task that ends the nodes, and back with its report.
#[derive(Clone, Debug)]
pub(crate) struct Closing {
    wanted: watch::Sender<bool>,
    report: watch::Sender<Option<Arc<[Ending]>>>,
}

/// The answer of `/shutdown/all`, sent when every node has ended.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Stopped {
    /// How many nodes were ended.
    pub(crate) stopped: usize,
    /// How each ended.
    pub(crate) nodes: Vec<Ending>,
}

impl Closing {
    /// Nothing wanted yet.
    pub(crate) fn new() -> Self {
        Self { wanted: watch::channel(false).0, report: watch::channel(None).0 }
    }

    /// Waits until a client wants the network stopped.
    pub(crate) async fn wanted(&self) {
        let _ = self.wanted.subscribe().wait_for(|wanted| *wanted).await;
    }

    /// Lets waiting clients know how the nodes ended.
    pub(crate) fn report(&self, endings: Vec<Ending>) {
        self.report.send_replace(Some(endings.into()));
    }
}

/// All routes, behind the guard, for a manager at `address`.
pub(crate) fn router(api: Api, address: SocketAddr) -> Router {
    let routes = routes(Routes::served())
        .into_router()
        .route(openapi::DOCUMENT, get(document))
        .route("/web/{*path}", get(pages::web))
        .merge(openapi::pages())
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(api);
    guarded(routes, Hosts::of(address))
}

async fn document() -> Json<OpenApi> {
    Json(routes(Routes::documented(docs::frame())).into_document())
}

fn routes(none: Routes<Api>) -> Routes<Api> {
    none.routes(routes!(pages::index))
        .routes(routes!(overview::health))
        .routes(routes!(overview::status))
        .routes(routes!(metrics::metrics))
        .routes(verb(routes!(shutdown_all), shutdown_all))
        .routes(routes!(nodes::list, nodes::add))
        .routes(routes!(nodes::kill))
        .routes(routes!(nodes::pause))
        .routes(routes!(nodes::resume))
        .routes(routes!(nodes::restart))
        .routes(routes!(nodes::remove))
        .routes(routes!(faults::set_hash_rate))
        .routes(verb(routes!(mining::start), mining::start))
        .routes(verb(routes!(mining::stop), mining::stop))
        .routes(routes!(faults::partition))
        .routes(routes!(faults::heal))
        .routes(routes!(faults::reorg))
        .routes(routes!(faults::set_links, faults::clear_links))
        .routes(routes!(events::events))
        .routes(routes!(timeline::tree))
        .routes(routes!(timeline::timeline))
        .routes(routes!(timeline::entries))
        .routes(routes!(timeline::state))
        .routes(routes!(timeline::stories))
        .routes(routes!(timeline::figures))
        .routes(routes!(runs::all_lessons))
        .routes(routes!(runs::lesson))
        .routes(routes!(runs::list, runs::start))
        .routes(routes!(runs::one))
        .routes(routes!(runs::stop))
        .routes(routes!(runs::run_events))
        .routes(routes!(runs::tree))
        .routes(routes!(runs::reach))
        .routes(routes!(runs::entries))
        .routes(routes!(runs::state))
        .routes(routes!(runs::stories))
        .routes(routes!(runs::figures))
}

/// Carries an order out to its end even if the client that gave it goes away.
async fn detached<T: Send + 'static, E: Send + 'static>(
    order: impl Future<Output = Result<T, E>> + Send + 'static,
    problem: impl FnOnce(E) -> Problem,
) -> Result<T, Problem> {
    match tokio::spawn(order).await {
        Ok(done) => done.map_err(problem),
        Err(_) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The manager is ending.")),
    }
}

/// Stop the network
///
/// Ends every node, answers how each ended, and then the manager ends as well.
#[utoipa::path(
    method(get, post), path = "/shutdown/all", tag = docs::NETWORK,
    responses((status = 200, body = Stopped), docs::Foreign)
)]
async fn shutdown_all(State(api): State<Api>) -> Result<Json<Stopped>, Problem> {
    let mut report = api.closing.report.subscribe();
    api.closing.wanted.send_replace(true);
    let nodes = match report.wait_for(Option::is_some).await.map(|report| report.clone()) {
        Ok(Some(nodes)) => nodes.to_vec(),
        // The sender lives in `api`.
        Ok(None) | Err(_) => Vec::new(),
    };
    Ok(Json(Stopped { stopped: nodes.len(), nodes }))
}
