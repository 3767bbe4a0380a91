//! Figures for Prometheus. They are gathered when somebody asks for them.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError, atomic::AtomicU64};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

use super::{App, docs, problem::Problem, store_failed};
use crate::machine::{
    effect::Status,
    journal::ChainEvent,
    store::{ReadChain, Result as StoreResult},
};

/// Journal entries read at once.
const AT_ONCE: usize = 1_000;

/// What the journal told since the node's start, counted up to some entry.
pub(super) struct Counted(Mutex<Counts>);

#[derive(Debug, Clone, Default, PartialEq)]
struct Counts {
    next: u64,
    connected: u64,
    disconnected: u64,
    pooled: u64,
    dropped: u64,
    reorganised: u64,
    side: u64,
}

impl Counted {
    /// Begins with the next entry.
    pub(super) fn from_now(chain: &impl ReadChain) -> StoreResult<Self> {
        Ok(Self(Mutex::new(Counts { next: chain.journal_end()? + 1, ..Counts::default() })))
    }

    /// Counts on to the end.
    fn up_to_now(&self, chain: &impl ReadChain) -> StoreResult<Counts> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let entries = chain.journal(counts.next, AT_ONCE)?;
            for (number, event) in &entries {
                counts.next = number + 1;
                match event {
                    ChainEvent::Connected { .. } => counts.connected += 1,
                    ChainEvent::Disconnected { .. } => counts.disconnected += 1,
                    ChainEvent::Pooled { .. } => counts.pooled += 1,
                    ChainEvent::Dropped { .. } => counts.dropped += 1,
                    ChainEvent::Reorganised { .. } => counts.reorganised += 1,
                    ChainEvent::Side { .. } => counts.side += 1,
                    ChainEvent::Contradicted { .. } | ChainEvent::Restarted => {}
                }
            }
            if entries.len() < AT_ONCE {
                return Ok(counts.clone());
            }
        }
    }
}

/// Figures for Prometheus
#[utoipa::path(
    get, path = "/metrics", tag = docs::NODE,
    responses((status = 200, body = String, content_type = "application/openmetrics-text"), docs::Unavailable)
)]
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let status = app.status().await?;
    let snapshot = app.snapshot();
    let counts = app.counted.up_to_now(&*snapshot).map_err(store_failed)?;
    let journal = snapshot.journal_end().map_err(store_failed)?;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = encode(&mut text, &registry(&status, &counts, journal));
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, media_type)], text).into_response())
}

fn registry(status: &Status, counts: &Counts, journal: u64) -> Registry {
    let mut registry = Registry::with_prefix("node");
    let mut gauge = |name: &str, help: &str, value: u64| {
        let gauge = Gauge::<u64, AtomicU64>::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    };
    gauge("height", "Height of the tip", status.height.0.into());
    gauge("peers", "Connected peers", status.peers.len() as u64);
    gauge("known_nodes", "Nodes known by id", status.nodes.len() as u64);
    gauge("pool_transactions", "Transactions that wait to be mined", status.pending as u64);
    gauge("missing_blocks", "Blocks known by header whose contents are still to come", status.missing as u64);
    gauge("mining", "Whether the node mines at this moment", status.mining.into());
    gauge("journal_entries", "Number of the newest journal entry", journal);
    if let Some(bytes) = resident_memory() {
        gauge("resident_memory_bytes", "Memory of the process that is resident", bytes);
    }
    let work = Gauge::<f64, AtomicU64>::default();
    work.set(status.work.to_f64());
    registry.register("work_hashes", "Expected hashes behind the active chain", work);
    let mut counter = |name: &str, help: &str, value: u64| {
        let counter = Counter::<u64>::default();
        counter.inc_by(value);
        registry.register(name, help, counter);
    };
    counter("blocks_connected", "Blocks that joined the active chain since the start", counts.connected);
    counter("blocks_disconnected", "Blocks that left the active chain since the start", counts.disconnected);
    counter("reorganisations", "Moves of the active chain to another branch since the start", counts.reorganised);
    counter("blocks_beside", "Blocks stored beside the active chain since the start", counts.side);
    counter("transactions_pooled", "Transactions that entered the pool since the start", counts.pooled);
    counter("transactions_dropped", "Transactions that left the pool unconfirmed since the start", counts.dropped);
    registry
}

/// Bytes, where the system tells them.
fn resident_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib << 10)
}
