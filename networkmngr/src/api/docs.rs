//! The manager's OpenAPI document, as far as it does not stand with the handlers.

#[expect(dead_code, reason = "these types are there for their descriptions alone")]
mod shapes;

use utoipa::openapi::{Info, License, OpenApi, OpenApiBuilder};

pub(super) use self::shapes::*;
pub(super) use node::drivers::http::openapi::{Body, Foreign, Problem};

pub(super) const NETWORK: &str = "network";
pub(super) const NODES: &str = "nodes";
pub(super) const MINING: &str = "mining";
pub(super) const FAULTS: &str = "faults";
pub(super) const TIMELINE: &str = "timeline";
pub(super) const RUNS: &str = "lessons and scenarios";

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
