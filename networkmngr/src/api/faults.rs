//! `/partition`, `/heal`, `/links` and the nodes' hash rates: faults made on purpose.

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Json;
use node::cli::HashRate;
use node::drivers::http::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::mining::sentence;
use super::nodes::{NodeNumber, problem as order_problem};
use super::{Api, detached, docs};
use crate::mining::JobState;
use crate::network::{FaultError, Healed, LinkRule, Partition, ReorgError, ReorgOrder, Reorganised};
use crate::node_set::{NodeSet, Numbers};

/// The body of `POST /partition`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "groups": [[0, 1, 2], [3, 4, 5]] }))]
pub(crate) struct PartitionOrder {
    /// The groups: each text such as `0-2`, or a list of numbers.
    #[schema(value_type = Vec<Numbers>)]
    pub(crate) groups: Vec<NodeSet>,
}

/// The body of `POST /links`: rules that hold besides those in force.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "rules": [{ "from": "0-2", "to": "all", "delay_ms": 100, "jitter_ms": 20, "loss": 0.05 }] }))]
pub(crate) struct RulesOrder {
    /// Of several for a way, the last one holds.
    pub(crate) rules: Vec<LinkRule>,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct LinksView {
    /// How many running nodes keep the rules.
    pub(crate) nodes: usize,
    /// All rules in force.
    pub(crate) rules: Vec<LinkRule>,
}

/// The body of `POST /nodes/{number}/hash-rate`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateOrder {
    /// Hashes per second, or text such as "1.5M" or "unlimited"; null is no limit.
    #[schema(value_type = Option<u64>, example = 200_000)]
    pub(crate) hash_rate: HashRate,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct RateView {
    /// The node's.
    pub(crate) number: u16,
    /// Hashes per second; null is no cap.
    #[schema(value_type = Option<u64>, example = 200_000)]
    pub(crate) hash_rate: HashRate,
}

/// Split the network
///
/// Into groups that do not reach each other; nodes in none of them form one more. The answer comes when it holds at every
/// node.
#[utoipa::path(
    post, path = "/partition", tag = docs::FAULTS, request_body = PartitionOrder,
    responses((status = 200, body = Partition), docs::OrderWithBody, docs::Foreign)
)]
pub(super) async fn partition(
    State(api): State<Api>,
    order: Result<Json<PartitionOrder>, JsonRejection>,
) -> Result<Json<Partition>, Problem> {
    let Json(order) = order?;
    if order.groups.contains(&NodeSet::All) {
        return Err(problem(FaultError::OneGroup));
    }
    let groups = order.groups.iter().map(|group| group.named().collect()).collect::<Vec<Vec<u16>>>();
    detached(async move { api.network.partition(&groups).await }, problem).await.map(Json)
}

/// End a split
///
/// The nodes connect again, and the chain with the most work wins.
#[utoipa::path(
    post, path = "/heal", tag = docs::FAULTS, responses((status = 200, body = Healed), docs::Order, docs::Foreign)
)]
pub(super) async fn heal(State(api): State<Api>) -> Result<Json<Healed>, Problem> {
    detached(async move { api.network.heal().await }, problem).await.map(Json)
}

/// Take the last blocks back
///
/// A true reorganisation, by mining a branch with more work. Refused while a mining job is under way, which would race
/// against it.
#[utoipa::path(
    post, path = "/reorg", tag = docs::FAULTS, request_body = ReorgOrder,
    responses((status = 200, body = Reorganised), docs::OrderWithBody, docs::Foreign)
)]
pub(super) async fn reorg(
    State(api): State<Api>,
    order: Result<Json<ReorgOrder>, JsonRejection>,
) -> Result<Json<Reorganised>, Problem> {
    let Json(order) = order?;
    if let Some(job) = api.mining.job().filter(|job| job.state == JobState::Running) {
        let detail = format!("Mining job {} is under way; end it with /stop/mining first.", job.job);
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    let network = api.network.clone();
    detached(async move { network.reorg(&order).await }, reorg_problem).await.map(Json)
}

fn reorg_problem(error: ReorgError) -> Problem {
    let status = match error {
        ReorgError::Depth => StatusCode::BAD_REQUEST,
        ReorgError::TooShort(_) | ReorgError::NotAhead(_) | ReorgError::UnderWay | ReorgError::Dishonest(_) => {
            StatusCode::CONFLICT
        }
        ReorgError::NoNodes => StatusCode::SERVICE_UNAVAILABLE,
        ReorgError::Order(error) => return order_problem(error),
        ReorgError::Rate(error) => return problem(error),
        ReorgError::Refused { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Problem::new(status, sentence(&error.to_string()))
}

/// Make links slow, uneven or lossy
///
/// The rules hold besides those in force.
#[utoipa::path(
    post, path = "/links", tag = docs::FAULTS, request_body = RulesOrder,
    responses((status = 200, body = LinksView), docs::OrderWithBody, docs::Foreign)
)]
pub(super) async fn set_links(
    State(api): State<Api>,
    order: Result<Json<RulesOrder>, JsonRejection>,
) -> Result<Json<LinksView>, Problem> {
    let Json(order) = order?;
    let network = api.network.clone();
    let nodes = detached(async move { network.set_links(&order.rules).await }, problem).await?;
    Ok(Json(LinksView { nodes, rules: api.network.faults().rules }))
}

/// Make all links as they were
///
/// A split stays.
#[utoipa::path(
    delete, path = "/links", tag = docs::FAULTS, responses((status = 200, body = LinksView), docs::Order, docs::Foreign)
)]
pub(super) async fn clear_links(State(api): State<Api>) -> Result<Json<LinksView>, Problem> {
    let network = api.network.clone();
    let nodes = detached(async move { network.clear_links().await }, problem).await?;
    Ok(Json(LinksView { nodes, rules: api.network.faults().rules }))
}

/// Change how fast a node may mine
///
/// It keeps the rate when it is started again.
#[utoipa::path(
    post, path = "/nodes/{number}/hash-rate", tag = docs::NODES, params(docs::Number), request_body = RateOrder,
    responses((status = 200, body = RateView), docs::OrderWithBody, docs::Foreign)
)]
pub(super) async fn set_hash_rate(
    State(api): State<Api>,
    number: NodeNumber,
    order: Result<Json<RateOrder>, JsonRejection>,
) -> Result<Json<RateView>, Problem> {
    let (Path(number), Json(RateOrder { hash_rate })) = (number?, order?);
    detached(async move { api.network.set_hash_rate(number, hash_rate).await }, problem).await?;
    Ok(Json(RateView { number, hash_rate }))
}

fn problem(error: FaultError) -> Problem {
    let status = match error {
        FaultError::Node(error) => return order_problem(error),
        FaultError::EmptyGroup
        | FaultError::Twice(_)
        | FaultError::OneGroup
        | FaultError::Link(_)
        | FaultError::NoLink(_)
        | FaultError::TooManyRules => StatusCode::BAD_REQUEST,
        FaultError::Told { .. } | FaultError::InSession { .. } | FaultError::Open { .. } | FaultError::Register(_) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    Problem::new(status, sentence(&error.to_string()))
}
