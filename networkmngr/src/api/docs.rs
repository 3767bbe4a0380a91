//! The manager's OpenAPI document, as far as it does not stand with the handlers.

use utoipa::openapi::{Info, License, OpenApi, OpenApiBuilder};
use utoipa::{IntoParams, IntoResponses};

pub(super) use node::drivers::http::openapi::{Body, Foreign, Problem};

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

/// What a run that is not there comes to, and what makes no sense.
#[derive(Debug, IntoResponses)]
pub(super) enum NoRun {
    /// That is no number, or not what this path takes.
    #[response(status = 400)]
    Senseless(Problem),
    /// There is no such run, or its network is not up.
    #[response(status = 404)]
    Unknown(Problem),
}

/// What too many followers come to.
#[derive(Debug, IntoResponses)]
#[response(status = 503, description = "Too many clients follow already")]
pub(super) struct TooManyFollow(Problem);

/// Which run.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it is there for its description alone")]
pub(super) struct RunId {
    /// Its number.
    id: u64,
}

/// Where to go on.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it is there for its description alone")]
pub(super) struct LastEventId {
    /// The id of the last event that came; goes before `from`.
    #[param(rename = "last-event-id")]
    last: Option<String>,
}

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
