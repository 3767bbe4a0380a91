//! Figures for Prometheus. They are gathered when somebody asks for them, from the timeline and from what the manager
//! knows; no node is asked.

use std::sync::atomic::{AtomicI64, AtomicU64};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::events::MAX_FOLLOWERS;
use super::{Api, docs, overview};
use crate::mining::{Job, JobState};
use crate::timeline::Counted;

/// Of which node, by its number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfNode {
    node: u16,
}

/// In which state.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    state: &'static str,
}

/// What is gathered.
struct Gathered {
    counts: overview::Counts,
    counted: Counted,
    followers: usize,
    job: Option<Job>,
    runs: usize,
}

/// Figures for Prometheus
///
/// By the timeline and by what the manager knows; no node is asked.
#[utoipa::path(
    get, path = "/metrics", tag = docs::NETWORK,
    responses((status = 200, body = String, content_type = "application/openmetrics-text"), docs::Foreign)
)]
pub(super) async fn metrics(State(api): State<Api>) -> Response {
    let gathered = Gathered {
        counts: overview::counts(&api),
        counted: api.network.timeline.now(Counted::of),
        followers: MAX_FOLLOWERS - api.followers.available_permits(),
        job: api.mining.job(),
        runs: api.runs.all().iter().filter(|run| !run.watch().borrow().is_over()).count(),
    };
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = encode(&mut text, &registry(&gathered));
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, media_type)], text).into_response()
}

fn registry(gathered: &Gathered) -> Registry {
    let mut registry = Registry::with_prefix("network");
    let Gathered { counts, counted, followers, job, runs } = gathered;
    let states = Family::<InState, Gauge>::default();
    let by_state = [
        ("starting", counts.starting),
        ("running", counts.running),
        ("paused", counts.paused),
        ("ended", counts.ended),
        ("removed", counts.removed),
    ];
    for (state, nodes) in by_state {
        states.get_or_create(&InState { state }).set(signed(nodes as u64));
    }
    registry.register("nodes", "Nodes, by what they are doing", states);
    let (heights, pools) = (Family::<OfNode, Gauge>::default(), Family::<OfNode, Gauge>::default());
    for (node, (height, pool)) in &counted.nodes {
        heights.get_or_create(&OfNode { node: *node }).set(i64::from(*height));
        pools.get_or_create(&OfNode { node: *node }).set(signed(*pool as u64));
    }
    registry.register("height", "Height of each node's tip", heights);
    registry.register("pool_transactions", "Transactions that wait to be mined at each node", pools);
    let mut gauge = |name: &str, help: &str, value: u64| {
        let gauge = Gauge::<i64, AtomicI64>::default();
        gauge.set(signed(value));
        registry.register(name, help, gauge);
    };
    gauge("tips", "Different tips that running nodes hold", counted.tips as u64);
    gauge("groups", "Groups that do not reach each other; 0 while the network is whole", counted.groups as u64);
    gauge(
        "stale_blocks",
        "Blocks beside the best chain, of those that the manager keeps in memory",
        counted.stale as u64,
    );
    gauge("followers", "Clients that follow the events", *followers as u64);
    gauge("timeline_entries", "Number of the newest entry of the timeline", counted.number);
    gauge(
        "mining_job",
        "Number of the mining job under way, or else of the last one",
        job.as_ref().map_or(0, |job| job.job),
    );
    let running = job.as_ref().is_some_and(|job| matches!(job.state, JobState::Running | JobState::Settling));
    gauge("mining_job_running", "Whether a mining job is under way", running.into());
    gauge("mining_job_bursts", "Bursts of that job that are over", job.as_ref().map_or(0, |job| job.done.into()));
    gauge("runs", "Lessons and scenarios under way", *runs as u64);
    let reorganisations = Counter::<u64, AtomicU64>::default();
    reorganisations.inc_by(counted.reorganisations);
    let help = "Moves to another branch in the timeline's present file and since, each node's counted";
    registry.register("reorganisations", help, reorganisations);
    registry
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
