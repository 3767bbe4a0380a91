//! `/`, `/health` and `/status`: the network at a glance. Nothing is changed here.

use axum::extract::State;
use axum::response::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Api, docs};
use crate::mining::{Job, Survey, survey};
use crate::network::{Faults, State as NodeState};
use crate::term;

/// The answer of `GET /status`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct StatusView {
    /// The manager itself.
    pub(crate) manager: ManagerView,
    /// How many nodes there are.
    pub(crate) nodes: Counts,
    /// What the running nodes hold now.
    pub(crate) agreement: Survey,
    /// The faults in force.
    pub(crate) faults: Faults,
    /// The mining job under way, or else the last one.
    pub(crate) job: Option<Job>,
}

/// The manager itself.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ManagerView {
    /// Of the program.
    pub(crate) version: String,
    /// Where it answers.
    pub(crate) address: String,
    /// Its process.
    pub(crate) pid: u32,
    /// When it began, local time.
    pub(crate) since: String,
    /// The network's folder.
    pub(crate) folder: String,
    /// The file with everything that happens.
    #[serde(default)]
    pub(crate) timeline: String,
}

/// The answer of `GET /health`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ManagerHealth)]
pub(super) struct HealthView {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
    /// Of the program.
    version: &'static str,
    /// How many nodes there are.
    nodes: usize,
    /// How many of them run.
    running: usize,
    /// The network's folder.
    folder: String,
}

/// How many nodes are in which state.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Counts {
    /// All.
    pub(crate) total: usize,
    /// Not ready yet.
    pub(crate) starting: usize,
    /// At work.
    pub(crate) running: usize,
    /// Stopped where they stand.
    pub(crate) paused: usize,
    /// Without a process.
    pub(crate) ended: usize,
    /// Taken out for good. The total counts them as well.
    pub(crate) removed: usize,
}

/// The network at a glance
///
/// Its manager, its nodes, whether they agree, the faults in force and the mining job. The running nodes are asked.
#[utoipa::path(get, path = "/status", tag = docs::NETWORK, responses((status = 200, body = StatusView), docs::Foreign))]
pub(super) async fn status(State(api): State<Api>) -> Json<StatusView> {
    let plan = api.network.plan();
    let manager = ManagerView {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        address: format!("http://127.0.0.1:{}", plan.port),
        pid: std::process::id(),
        since: api.network.since(),
        folder: plan.folder.display().to_string(),
        timeline: api.network.timeline.path().display().to_string(),
    };
    let agreement = survey(&api.network).await;
    Json(StatusView { manager, nodes: counts(&api), agreement, faults: api.network.faults(), job: api.mining.job() })
}

/// That the manager answers
///
/// Nobody else is asked.
#[utoipa::path(get, path = "/health", tag = docs::NETWORK, responses((status = 200, body = HealthView), docs::Foreign))]
pub(super) async fn health(State(api): State<Api>) -> Json<HealthView> {
    let counts = counts(&api);
    Json(HealthView {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
        nodes: counts.total,
        running: counts.running,
        folder: api.network.plan().folder.display().to_string(),
    })
}

/// The main routes, for people without a browser.
pub(super) fn text(api: &Api) -> String {
    let counts = counts(api);
    let (port, node) = (api.network.plan().port, u32::from(api.network.plan().port) + 1);
    format!(
        "networkmngr {version}: {running} of {nodes} running.\n\n\
         Try:\n\
         \x20 curl localhost:{port}/start/mining                     ten bursts, 1 to 3 s apart\n\
         \x20 curl 'localhost:{port}/start/mining?times=3&min=0&max=1'\n\
         \x20 curl 'localhost:{port}/start/mining?continuous=true'   until /stop/mining\n\
         \x20 curl localhost:{port}/stop/mining\n\
         \x20 curl -N localhost:{port}/events                        everything that happens, as it happens\n\
         \x20 curl localhost:{port}/status                           agreement, tips, the mining job\n\
         \x20 curl localhost:{port}/nodes                            each node, with its memory\n\
         \x20 curl -X POST localhost:{port}/nodes                    one more node\n\
         \x20 curl -X POST localhost:{port}/nodes/0/kill             also pause, resume, restart, remove\n\
         \x20 curl localhost:{port}/partition --json '{{\"groups\": [[0], [1]]}}'\n\
         \x20 curl -X POST localhost:{port}/heal                     the nodes reach each other again\n\
         \x20 curl localhost:{port}/stories                          what happened, and why\n\
         \x20 curl localhost:{port}/tree                             the newest blocks, and who holds which tip\n\
         \x20 curl localhost:{port}/figures                          intervals, difficulty, spread, stale blocks\n\
         \x20 curl localhost:{port}/lessons                          guided scenarios; to run one beside this network:\n\
         \x20 curl localhost:{port}/runs --json '{{\"lesson\": 4, \"engine\": \"simulated\"}}'\n\
         \x20 curl localhost:{port}/shutdown/all                     every node, then the manager\n\
         \x20 curl localhost:{node}/chain                            what node 0 holds\n\
         \n\
         All of it is told at localhost:{port}/docs, for programs at /openapi.json and /metrics.\n",
        version = env!("CARGO_PKG_VERSION"),
        running = counts.running,
        nodes = term::nodes(counts.total),
    )
}

pub(super) fn counts(api: &Api) -> Counts {
    let mut counts = Counts::default();
    for node in api.network.seen() {
        counts.total += 1;
        match node.state {
            NodeState::Spawning | NodeState::Starting { .. } => counts.starting += 1,
            NodeState::Running(_) => counts.running += 1,
            NodeState::Paused(_) => counts.paused += 1,
            NodeState::Ended(_) => counts.ended += 1,
            NodeState::Removed(_) => counts.removed += 1,
        }
    }
    counts
}
