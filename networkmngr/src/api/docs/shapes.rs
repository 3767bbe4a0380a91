//! What orders and questions of several paths can come to, and which parameters they have in common. These types only
//! describe.

use utoipa::{IntoParams, IntoResponses, ToSchema};

use super::Problem;
use crate::proc::Memory;

/// One node as clients see it. From `height` to `hash_rate` is what the node said just now; these are absent if it
/// does not run, or does not answer.
#[derive(Debug, ToSchema)]
#[schema(as = NodeView)]
pub(in super::super) struct Node {
    /// Its number, from 0.
    number: u16,
    /// `starting`, `running`, `paused`, `ended` or `removed`.
    state: String,
    /// Where it answers HTTP.
    address: String,
    /// Its process, while there is one.
    pid: Option<u32>,
    /// Its permanent id, once it has told it.
    id: Option<String>,
    /// Where peers connect.
    peer_addresses: Vec<String>,
    /// Height of the last block.
    height: Option<u64>,
    /// Hash of the last block, hex.
    tip: Option<String>,
    /// All work of the chain, 64 hex digits, so that text order is number order.
    work: Option<String>,
    /// Connected peers.
    peers: Option<u64>,
    /// Transactions that wait to be mined.
    pending: Option<u64>,
    /// Whether it mines at this moment.
    mining: Option<bool>,
    /// Most hashes per second; null if there is no limit.
    hash_rate: Option<u64>,
    /// What its process takes, where the system tells.
    memory: Option<Memory>,
    /// How its process ended, in words.
    exit: Option<String>,
    /// The last lines of the log of a process that ended.
    last_lines: Vec<String>,
}

/// What a timeline that cannot be read comes to.
#[derive(Debug, IntoResponses)]
#[response(status = 500, description = "The timeline's file cannot be read; the sentence says why")]
pub(in super::super) struct Unreadable(Problem);

/// What a run that is not there comes to, and what makes no sense.
#[derive(Debug, IntoResponses)]
pub(in super::super) enum NoRun {
    /// That is no number, or not what this path takes.
    #[response(status = 400)]
    Senseless(Problem),
    /// There is no such run, or its network is not up.
    #[response(status = 404)]
    Unknown(Problem),
}

/// What an order that cannot be carried out comes to.
#[derive(Debug, IntoResponses)]
pub(in super::super) enum Order {
    /// What was asked makes no sense.
    #[response(status = 400)]
    Senseless(Problem),
    /// There is no such node.
    #[response(status = 404)]
    Unknown(Problem),
    /// Not in the present state; the sentence says why.
    #[response(status = 409)]
    NotNow(Problem),
    /// The node was removed.
    #[response(status = 410)]
    Removed(Problem),
    /// It was tried and did not succeed; the sentence says why.
    #[response(status = 500)]
    Failed(Problem),
    /// No node runs, or the network is being stopped.
    #[response(status = 503)]
    Closing(Problem),
}

/// The same, with what can be wrong with a body.
#[derive(Debug, IntoResponses)]
pub(in super::super) enum OrderWithBody {
    /// The body is no JSON, or what was asked makes no sense.
    #[response(status = 400)]
    Senseless(Problem),
    /// There is no such node.
    #[response(status = 404)]
    Unknown(Problem),
    /// Not in the present state; the sentence says why.
    #[response(status = 409)]
    NotNow(Problem),
    /// The node was removed.
    #[response(status = 410)]
    Removed(Problem),
    /// The body is larger than 64 KiB.
    #[response(status = 413)]
    TooLarge(Problem),
    /// The body does not say that it is JSON.
    #[response(status = 415)]
    OtherMedia(Problem),
    /// The body is JSON, but not what this path takes.
    #[response(status = 422)]
    OtherShape(Problem),
    /// It was tried and did not succeed; the sentence says why.
    #[response(status = 500)]
    Failed(Problem),
    /// No node runs, or the network is being stopped.
    #[response(status = 503)]
    Closing(Problem),
}

/// Which node.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(in super::super) struct Number {
    /// Its number, from 0.
    number: u16,
}

/// What too many followers come to.
#[derive(Debug, IntoResponses)]
#[response(status = 503, description = "Too many clients follow already")]
pub(in super::super) struct TooManyFollow(Problem);

/// Which run.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(in super::super) struct RunId {
    /// Its number.
    id: u64,
}

/// Where to go on.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub(in super::super) struct LastEventId {
    /// The id of the last event that came; goes before `from`.
    #[param(rename = "last-event-id")]
    last: Option<String>,
}
