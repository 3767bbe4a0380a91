//! `/start/mining` and `/stop/mining`.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Json;
use node::drivers::http::problem::Problem;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Api, docs};
use crate::mining::{JobKind, MiningError, WantedBursts};

/// A job that was started.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Started {
    /// Its number, from 1.
    job: u64,
    /// What it does.
    #[serde(flatten)]
    kind: JobKind,
    /// Where its progress is told.
    #[schema(example = "/status")]
    progress: &'static str,
    /// Where it is ended.
    #[schema(example = "/stop/mining")]
    stop: &'static str,
}

/// A job that was ended, if there was one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MiningStopped)]
pub(super) struct Stopped {
    /// Whether there was one.
    stopped: bool,
    /// Its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<u64>,
    /// How many of its bursts were over.
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<u32>,
}

/// Start mining
///
/// Bursts at random intervals, in each of which every node races for the next block; or without pause. Answers at once
/// with the job's number; one job at a time.
#[utoipa::path(
    method(get, post), path = "/start/mining", operation_id = "start_mining", tag = docs::MINING, params(WantedBursts),
    responses(
        (status = 200, body = Started), (status = 400, description = "The options contradict", body = docs::Problem),
        (status = 409, description = "A job is under way, or the network is split", body = docs::Problem),
        (status = 503, description = "No node runs, or the network is being stopped", body = docs::Problem),
        docs::Foreign,
    )
)]
pub(super) async fn start(
    State(api): State<Api>,
    wanted: Result<Query<WantedBursts>, QueryRejection>,
) -> Result<Json<Started>, Problem> {
    let Query(wanted) = wanted?;
    let job = api.mining.start(&wanted).map_err(|error| {
        let status = match error {
            MiningError::Options(_) => StatusCode::BAD_REQUEST,
            MiningError::UnderWay(_) | MiningError::Split => StatusCode::CONFLICT,
            MiningError::NoNodes | MiningError::Closing => StatusCode::SERVICE_UNAVAILABLE,
        };
        Problem::new(status, sentence(&error.to_string()))
    })?;
    Ok(Json(Started { job: job.job, kind: job.kind, progress: "/status", stop: "/stop/mining" }))
}

/// Stop mining
///
/// Ends the job under way; without one, says that nothing had to be ended.
#[utoipa::path(
    method(get, post), path = "/stop/mining", operation_id = "stop_mining", tag = docs::MINING,
    responses((status = 200, body = Stopped), docs::Foreign)
)]
pub(super) async fn stop(State(api): State<Api>) -> Json<Stopped> {
    let job = api.mining.stop().await;
    let (number, done) = (job.as_ref().map(|job| job.job), job.as_ref().map(|job| job.done));
    Json(Stopped { stopped: job.is_some(), job: number, done })
}

/// The text with a capital at its beginning and a full stop at its end.
pub(super) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    let mut sentence: String = first.chain(characters).collect();
    if !sentence.ends_with('.') {
        sentence.push('.');
    }
    sentence
}
