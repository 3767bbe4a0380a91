//! Lets through only what comes from this machine. Knows nothing of accounts.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Extensions;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::super::{App, problem::Problem};

/// Both ends of the connection that a request came over, as the server saw them.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Caller {
    /// The client's end.
    pub(in super::super) theirs: SocketAddr,
    /// This node's end.
    pub(in super::super) ours: SocketAddr,
}

impl Caller {
    /// Whether the client is on this machine: nobody else's packets have a loopback address, or the very
    /// address that they were sent to.
    fn is_here(&self) -> bool {
        let (theirs, ours) = (self.theirs.ip().to_canonical(), self.ours.ip().to_canonical());
        theirs.is_loopback() || theirs == ours
    }
}

/// Whether a request comes from this machine.
pub(super) fn is_here(app: &App, extensions: &Extensions) -> bool {
    app.api.bound.ip().is_loopback() || extensions.get::<Caller>().is_some_and(Caller::is_here)
}

/// Refuses requests from other machines. A node that listens on loopback gets no others.
pub(super) async fn required(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if is_here(&app, request.extensions()) {
        return next.run(request).await;
    }
    Problem::forbidden(
        "Accounts answer to the node's own machine only, because HTTP would show passwords to everybody on the way. \
         Reach it through a tunnel, such as `ssh -L 5000:localhost:5000 MACHINE` with the node's port, or sign \
         elsewhere and use POST /transactions.",
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_here() {
        let is_here = |theirs: &str, ours: &str| {
            let port = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 5000);
            Caller { theirs: port(theirs), ours: port(ours) }.is_here()
        };
        for (theirs, ours) in [
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("::ffff:127.0.0.1", "::ffff:127.0.0.1"),
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
        ] {
            assert!(is_here(theirs, ours), "{theirs} {ours}");
        }
        for (theirs, ours) in [("192.0.2.8", "192.0.2.7"), ("fe80::1", "fe80::2"), ("::ffff:192.0.2.8", "192.0.2.7")] {
            assert!(!is_here(theirs, ours), "{theirs} {ours}");
        }
    }
}
