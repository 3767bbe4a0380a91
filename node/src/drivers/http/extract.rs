//! Reading what a request says: bodies with a size limit and a deadline, JSON with errors that a person
//! can act on, heights and hashes in paths. What the values mean is the handlers' business.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use shared::{BlockHash, Height};

use super::problem::Problem;

/// Longest body of most routes, in bytes.
pub(super) const SMALL_BODY: usize = 1 << 20;
/// Longest body with a block, in bytes.
pub(super) const BLOCK_BODY: usize = 8 << 20;
/// Longest body with a chain, in bytes.
pub(super) const CHAIN_BODY: usize = 256 << 20;

/// How long a client may send nothing within a body.
const PAUSE: Duration = Duration::from_secs(10);
/// How long a whole body may take.
const WHOLE: Duration = Duration::from_secs(300);

/// A JSON body of at most `LIMIT` bytes.
pub(super) struct JsonBody<T, const LIMIT: usize = SMALL_BODY>(pub(super) T);

impl<T: DeserializeOwned, S: Sync, const LIMIT: usize> FromRequest<S> for JsonBody<T, LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = read_json(request, LIMIT).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| not_json(&error))
    }
}

/// Says where a body stops being what is expected.
pub(super) fn not_json(error: &serde_json::Error) -> Problem {
    let what = match error.classify() {
        serde_json::error::Category::Data => "The body is JSON, but not what this path takes",
        _ => "The body is not JSON",
    };
    Problem::bad_request(format!("{what}: {error}."))
}

/// Reads a body that says it is JSON.
pub(super) async fn read_json(request: Request, limit: usize) -> Result<Vec<u8>, Problem> {
    if !is_json(request.headers()) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "This path takes JSON: send the header `content-type: application/json` with the body.",
        ));
    }
    let bytes = read(request, limit).await?;
    if bytes.is_empty() {
        return Err(Problem::bad_request("The body is empty; this path takes JSON."));
    }
    Ok(bytes)
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Reads a body to its end.
pub(super) async fn read(request: Request, limit: usize) -> Result<Vec<u8>, Problem> {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(0);
    if announced > limit {
        return Err(too_large(limit));
    }
    let slow = || {
        Problem::new(StatusCode::REQUEST_TIMEOUT, "The body did not come in time; send it again, without long pauses.")
    };
    let whole = collect(request.into_body(), announced, limit, slow);
    tokio::time::timeout(WHOLE, whole).await.map_err(|_| slow())?
}

async fn collect(mut body: Body, expected: usize, limit: usize, slow: fn() -> Problem) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::with_capacity(expected);
    while let Some(frame) = tokio::time::timeout(PAUSE, body.frame()).await.map_err(|_| slow())? {
        let frame = frame.map_err(|error| Problem::bad_request(format!("The body broke off: {error}.")))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(too_large(limit));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("The body is too large: this path takes at most {} MiB.", limit >> 20);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// A block as a path names it.
#[derive(Debug, PartialEq)]
pub(super) enum BlockName {
    /// Any stored block.
    Hash(BlockHash),
    /// A block of the active chain.
    Height(Height),
}

impl BlockName {
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() == 64 {
            return parse(text).map(Self::Hash);
        }
        let height = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        height.map(Height).map(Self::Height).ok_or_else(|| {
            Problem::bad_request(format!(
                "{:?} names no block: give its hash (64 hexadecimal digits) or its height (0 to {}).",
                text.chars().take(80).collect::<String>(),
                u32::MAX
            ))
        })
    }
}

/// Reads a hash or address in a path; the type's own error says what is wrong with it.
pub(super) fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error| Problem::bad_request(format!("The path holds something else than expected: {error}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_named_by_hash_or_height() {
        let hash = "ab".repeat(32);
        assert_eq!(BlockName::parse(&hash).unwrap(), BlockName::Hash(hash.parse().unwrap()));
        assert_eq!(BlockName::parse("17").unwrap(), BlockName::Height(Height(17)));
        for wrong in ["", "-1", "+1", "1.5", "4294967296", "tip", "0x10", &"g".repeat(64), &"a".repeat(63)] {
            let problem = BlockName::parse(wrong).unwrap_err();
            assert_eq!(problem.status, 400, "{wrong}");
        }
    }

    #[test]
    fn json_is_told_from_other_media() {
        let typed = |text: &str| is_json(&HeaderMap::from_iter([(header::CONTENT_TYPE, text.parse().unwrap())]));
        assert!(typed("application/json"));
        assert!(typed("Application/JSON; charset=utf-8"));
        assert!(typed("application/problem+json"));
        assert!(!typed("text/plain"));
        assert!(!typed("application/x-www-form-urlencoded"));
        assert!(!is_json(&HeaderMap::new()));
    }
}
