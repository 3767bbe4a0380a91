//! A small client for JSON over HTTP, as the node and the manager speak it: every request has a
//! deadline, every answer a size limit, and an error says what the server said. Only plain HTTP.

mod events;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use hyper::http::request;
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::events::{Events, ServerEvent};
use crate::drivers::http::problem::Problem;

/// Largest answer that is read, in bytes, unless [`Client::with_max_answer`] says otherwise.
pub const MAX_ANSWER: usize = 8 << 20;

/// How long an unused connection is kept.
const KEEP_IDLE: Duration = Duration::from_secs(10);

/// Why a request brought no answer that could be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not a URL, or the body not JSON: a fault on this side.
    #[error("cannot ask {url}: {reason}")]
    BadRequest {
        /// The URL asked.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody listens there.
    #[error("no answer from {url}: {reason}")]
    Unreachable {
        /// The URL asked.
        url: String,
        /// What the system said.
        reason: String,
    },
    /// The connection broke before the whole answer was there.
    #[error("the connection to {url} broke: {reason}")]
    Broken {
        /// The URL asked.
        url: String,
        /// What the system said.
        reason: String,
    },
    /// The deadline passed.
    #[error("{url} did not answer within {} s", .deadline.as_secs_f32())]
    Timeout {
        /// The URL asked.
        url: String,
        /// The deadline that passed.
        deadline: Duration,
    },
    /// The answer is larger than the client reads.
    #[error("the answer of {url} is larger than {limit} bytes")]
    TooLarge {
        /// The URL asked.
        url: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The server answered with an error; its own words come first.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// The answer is not the JSON that was expected.
    #[error("the answer of {url} is not what was expected: {reason}")]
    Unexpected {
        /// The URL asked.
        url: String,
        /// Where the answer differs.
        reason: String,
    },
}

impl ClientError {
    /// The status of an error that the server sent; `None` if no whole answer came.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Problem(problem) => StatusCode::from_u16(problem.status).ok(),
            _ => None,
        }
    }
}

/// A client with its pool of connections. Cloning it is cheap and shares the pool.
#[derive(Clone, Debug)]
pub struct Client {
    http: hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>,
    max_answer: usize,
    token: Option<String>,
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// A client that reads answers of up to [`MAX_ANSWER`] bytes.
    pub fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEEP_IDLE)
            .pool_max_idle_per_host(1)
            .build(connector);
        Self { http, max_answer: MAX_ANSWER, token: None }
    }

    /// The same client, reading answers of up to `limit` bytes.
    #[must_use]
    pub fn with_max_answer(mut self, limit: usize) -> Self {
        self.max_answer = limit;
        self
    }

    /// The same client, showing this token as `Authorization: Bearer`.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// GETs `url` and reads the answer as JSON.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn get<T: DeserializeOwned>(&self, url: &str, deadline: Duration) -> Result<T, ClientError> {
        self.exchange(Method::GET, url, Bytes::new(), deadline).await
    }

    /// POSTs `body` as JSON to `url` and reads the answer as JSON.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        url: &str,
        body: &impl Serialize,
        deadline: Duration,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body)
            .map_err(|error| ClientError::BadRequest { url: url.to_owned(), reason: error.to_string() })?;
        self.post_json(url, body.into(), deadline).await
    }

    /// DELETEs `url` and reads the answer as JSON.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn delete<T: DeserializeOwned>(&self, url: &str, deadline: Duration) -> Result<T, ClientError> {
        self.exchange(Method::DELETE, url, Bytes::new(), deadline).await
    }

    /// POSTs `json`, which is JSON already, so that one body can go to many servers without being
    /// written again. An empty `json` sends no body.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn post_json<T: DeserializeOwned>(
        &self,
        url: &str,
        json: Bytes,
        deadline: Duration,
    ) -> Result<T, ClientError> {
        self.exchange(Method::POST, url, json, deadline).await
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        method: Method,
        url: &str,
        body: Bytes,
        deadline: Duration,
    ) -> Result<T, ClientError> {
        let answer = tokio::time::timeout(deadline, self.answer(method, url, body));
        let (status, bytes) = answer.await.map_err(|_| ClientError::Timeout { url: url.to_owned(), deadline })??;
        if !status.is_success() {
            return Err(ClientError::Problem(Box::new(problem(url, status, &bytes))));
        }
        serde_json::from_slice(&bytes)
            .map_err(|error| ClientError::Unexpected { url: url.to_owned(), reason: error.to_string() })
    }

    async fn answer(&self, method: Method, url: &str, body: Bytes) -> Result<(StatusCode, Bytes), ClientError> {
        let mut request = Request::builder().method(method).uri(url);
        request = request.header(ACCEPT, "application/json, application/problem+json");
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = self
            .signed(request)
            .body(Full::new(body))
            .map_err(|error| ClientError::BadRequest { url: url.to_owned(), reason: error.to_string() })?;
        let response = self.http.request(request).await.map_err(|error| unanswered(url, &error))?;
        let status = response.status();
        Ok((status, self.whole(url, response.into_body()).await?))
    }

    /// The request with the token, if there is one.
    fn signed(&self, request: request::Builder) -> request::Builder {
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    /// Reads an answer to its end.
    async fn whole(&self, url: &str, body: Incoming) -> Result<Bytes, ClientError> {
        let body = Limited::new(body, self.max_answer).collect().await;
        let body = body.map_err(|error| {
            let url = url.to_owned();
            if error.is::<LengthLimitError>() {
                ClientError::TooLarge { url, limit: self.max_answer }
            } else {
                ClientError::Broken { url, reason: root_cause(error.as_ref()) }
            }
        })?;
        Ok(body.to_bytes())
    }
}

/// The problem that the server sent, or one that tells what came in its place.
fn problem(url: &str, status: StatusCode, body: &[u8]) -> Problem {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) if !problem.detail.is_empty() => problem,
        _ => Problem::new(status, format!("{url} answered {status} without saying why")),
    }
}

/// Why there was no answer.
fn unanswered(url: &str, error: &hyper_util::client::legacy::Error) -> ClientError {
    let (url, reason) = (url.to_owned(), root_cause(error));
    if error.is_connect() { ClientError::Unreachable { url, reason } } else { ClientError::Broken { url, reason } }
}

/// The innermost error, which is the one that names the cause.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::{get, post};
    use serde_json::{Value, json};

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    async fn serve(router: Router) -> String {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn answers_come_as_json_and_errors_as_the_servers_words() {
        let refuse = || async { Problem::conflict("another node won").with("winner", "00ab") };
        let echo = |body: axum::Json<Value>| async { body };
        let at = serve(Router::new().route("/echo", post(echo)).route("/mine", post(refuse))).await;
        let client = Client::new();
        let answer: Value = client.post(&format!("{at}/echo"), &json!({"a": 1}), SOON).await.unwrap();
        assert_eq!(answer, json!({"a": 1}));

        let refused = client.post_json::<Value>(&format!("{at}/mine"), Bytes::new(), SOON).await;
        let error = refused.unwrap_err();
        assert_eq!(error.to_string(), "another node won");
        assert_eq!(error.status(), Some(StatusCode::CONFLICT));
        let ClientError::Problem(problem) = error else { panic!("{error:?}") };
        assert_eq!(problem.more["winner"], "00ab");

        let missing = client.get::<Value>(&format!("{at}/nowhere"), SOON).await.unwrap_err();
        assert_eq!(missing.status(), Some(StatusCode::NOT_FOUND));
    }

    #[tokio::test]
    async fn slow_large_and_wrong_answers_are_told_apart() {
        let never = || async { std::future::pending::<()>().await };
        let large = || async { format!("{:?}", "x".repeat(2000)) };
        let at = serve(
            Router::new()
                .route("/never", get(never))
                .route("/large", get(large))
                .route("/text", get(|| async { "hello" })),
        )
        .await;
        let client = Client::new().with_max_answer(1000);
        let slow = client.get::<Value>(&format!("{at}/never"), Duration::from_millis(20)).await;
        assert!(matches!(slow, Err(ClientError::Timeout { .. })), "{slow:?}");
        let large = client.get::<Value>(&format!("{at}/large"), SOON).await;
        assert!(matches!(large, Err(ClientError::TooLarge { limit: 1000, .. })), "{large:?}");
        let text = client.get::<Value>(&format!("{at}/text"), SOON).await;
        assert!(matches!(text, Err(ClientError::Unexpected { .. })), "{text:?}");
    }

    #[tokio::test]
    async fn nobody_there_is_said_so() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let nobody = Client::new().get::<Value>(&url, SOON).await;
        assert!(matches!(nobody, Err(ClientError::Unreachable { .. })), "{nobody:?}");
        let bad = Client::new().get::<Value>("no url", SOON).await;
        assert!(matches!(bad, Err(ClientError::BadRequest { .. })), "{bad:?}");
    }
}
