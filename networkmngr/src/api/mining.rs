//! `/start/mining` and `/stop/mining`.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Json;
use node::drivers::http::problem::Problem;
use serde_json::{Value, json};

use super::Api;
use crate::mining::{JobKind, MiningError, WantedBursts};

/// Starts a job and answers at once with its number.
pub(super) async fn start(
    State(api): State<Api>,
    wanted: Result<Query<WantedBursts>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(wanted) = wanted?;
    let job = api.mining.start(&wanted).map_err(|error| {
        let status = match error {
            MiningError::Options(_) => StatusCode::BAD_REQUEST,
            MiningError::UnderWay(_) | MiningError::Split => StatusCode::CONFLICT,
            MiningError::NoNodes | MiningError::Closing => StatusCode::SERVICE_UNAVAILABLE,
        };
        Problem::new(status, sentence(&error.to_string()))
    })?;
    Ok(Json(match job.kind {
        JobKind::Bursts(bursts) => json!({
            "job": job.job, "kind": "bursts", "times": bursts.times, "min": bursts.min,
            "max": bursts.max, "progress": "/status", "stop": "/stop/mining",
        }),
        JobKind::Continuous => json!({
            "job": job.job, "kind": "continuous", "progress": "/status", "stop": "/stop/mining",
        }),
    }))
}

/// Ends the job under way; without one, says that nothing had to be ended.
pub(super) async fn stop(State(api): State<Api>) -> Json<Value> {
    Json(match api.mining.stop().await {
        Some(job) => json!({ "stopped": true, "job": job.job, "done": job.done }),
        None => json!({ "stopped": false }),
    })
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
