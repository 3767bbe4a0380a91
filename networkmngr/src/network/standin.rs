//! Answers for a node that has no process. The manager keeps the node's socket, so the system would
//! accept connections that nobody ever answers; this says in its place that the node does not run.

use std::future::IntoFuture as _;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use node::drivers::http::guard::{Hosts, guarded};
use node::drivers::http::problem::Problem;

use super::{Network, Slot, State};
use crate::child::Exit;
use crate::term;

/// Each answer ends its connection, so that the next request reaches the node's next process.
const CLOSE: [(HeaderName, HeaderValue); 1] = [(header::CONNECTION, HeaderValue::from_static("close"))];

impl Network {
    /// Answers 503 at the node's socket until it gets another process, or 410 once the node was removed.
    pub(super) fn stand_in(&self, slot: Arc<Slot>, exit: &Exit) {
        let number = slot.plan.number;
        let detail = format!(
            "Node {number} is not running ({exit}). Start it again with: \
             curl -X POST localhost:{}/nodes/{number}/restart",
            self.plan.port
        );
        let ended = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        let served = slot.socket.try_clone().and_then(|socket| serve(socket, slot, ended));
        if let Err(error) = served {
            term::warn(&format!("cannot answer in place of node {number}: {error}"));
        }
    }
}

fn serve(socket: TcpListener, slot: Arc<Slot>, ended: Problem) -> io::Result<()> {
    let address = socket.local_addr()?;
    socket.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(socket)?;
    let removed = Problem::new(StatusCode::GONE, format!("Node {} was removed from the network.", slot.plan.number));
    let place = slot.clone();
    let answer = move || {
        let is_removed = matches!(*place.state.borrow(), State::Removed(_));
        let problem = if is_removed { &removed } else { &ended }.clone();
        async move { (CLOSE, problem) }
    };
    let router = guarded(Router::new().fallback(answer), Hosts::of(address));
    let mut states = slot.state.subscribe();
    let replaced = async move {
        let _ = states.wait_for(|state| state.ended().is_none()).await;
    };
    tokio::spawn(axum::serve(listener, router).with_graceful_shutdown(replaced).into_future());
    Ok(())
}
