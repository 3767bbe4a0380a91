//! The manager's OpenAPI document, as far as it does not stand with the handlers.

use utoipa::IntoResponses;
use utoipa::openapi::{Info, License, OpenApi, OpenApiBuilder};

pub(super) use node::drivers::http::openapi::{Foreign, Problem};

pub(super) const NETWORK: &str = "network";
pub(super) const NODES: &str = "nodes";
pub(super) const MINING: &str = "mining";
pub(super) const FAULTS: &str = "faults";
pub(super) const TIMELINE: &str = "timeline";
pub(super) const RUNS: &str = "lessons and scenarios";

/// What a timeline that cannot be read comes to.
#[derive(Debug, IntoResponses)]
#[response(status = 500, description = "The timeline's file cannot be read; the sentence says why")]
pub(super) struct Unreadable(Problem);

/// The document without its paths.
pub(super) fn frame() -> OpenApi {
    let mut info = Info::new("networkmngr manager", env!("CARGO_PKG_VERSION"));
    info.license = Some(License::new(env!("CARGO_PKG_LICENSE")));
    info.description = Some(
        "The manager of a proof-of-work network of real nodes on one machine: it watches them, breaks the network on \
         purpose, tells what happened and why, and runs scenarios. Errors are application/problem+json with a sentence \
         that says what to do. Each node has an API of its own at the address that GET /nodes tells."
            .into(),
    );
    OpenApiBuilder::new().info(info).build()
}
