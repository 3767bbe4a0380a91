//! The server: accepts connections, bounds them in number and in patience, and ends them without
//! cutting an answer short. What is answered is the router's business.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{patience::Patient, wallet::Caller};

/// Connections at a time; further ones wait in the system's queue.
const MAX_CONNECTIONS: usize = 512;
/// How long a client may take to send a request's head, and how long a connection may stay idle.
/// Longer than clients of this project keep theirs, so that none sends into a closing connection.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// How long answers under way may take once the server is to end.
const GRACE: Duration = Duration::from_secs(5);
/// Pause when the system has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Says once, to everybody who holds a clone, that the node is to end.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl Shutdown {
    /// One that has not begun.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Begins it. More than once does no harm.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it has begun.
    pub async fn begun(&self) {
        // The sender lives in `self`, so this only ends with the value.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }
}

/// Answers requests until `shutdown` begins; then takes no more, finishes what is under way (within
/// five seconds) and returns. Idle connections are closed at once.
pub async fn serve(listener: TcpListener, router: Router, shutdown: Shutdown) {
    let mut connections = JoinSet::new();
    let begun = shutdown.begun();
    tokio::pin!(begun);
    loop {
        tokio::select! {
            biased;
            () = &mut begun => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, router.clone(), shutdown.clone()));
                }
                Err(error) => wait_for_room(&error).await,
            }
        }
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, finished).await.is_err() {
        tracing::warn!("some HTTP connections did not end in time and were cut");
    }
}

/// A connection that broke before it was accepted concerns nobody; other errors are the system's.
async fn wait_for_room(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!("no HTTP connection can be accepted at the moment: {error}");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

async fn converse(stream: TcpStream, router: Router, shutdown: Shutdown) {
    // Answers are written in one piece or streamed; waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    let caller = stream.peer_addr().ok().zip(stream.local_addr().ok());
    let caller = caller.map(|(theirs, ours)| Caller { theirs, ours });
    let used = AtomicBool::new(false);
    let router = TowerToHyperService::new(router);
    let service = service_fn(|mut request: Request<Incoming>| {
        used.store(true, Ordering::Relaxed);
        if let Some(caller) = caller {
            request.extensions_mut().insert(caller);
        }
        router.call(request)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
    let connection = builder.serve_connection(TokioIo::new(Patient::new(stream)), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.begun() => {
            // hyper would wait for the first request of a connection that never sent one.
            if !used.load(Ordering::Relaxed) {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("an HTTP connection broke: {error}");
    }
}
