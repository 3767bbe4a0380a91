//! Work for miners that speak no Stratum: JSON-RPC, as they know it. What is given out and taken is decided in
//! `drivers/getwork`; here are the questions, whom a block pays, and how long the machine keeps work for those who
//! ask now and then.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::{Address, BlockHash};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::{App, docs, extract::JsonBody, heavy::Slot, openapi::Routes, openapi::routes, problem::Problem};
use crate::{
    drivers::{
        clock,
        getwork::{Work, Works},
        outside::{Offer, Outside},
        stratum::paid_by,
    },
    machine::event::Event,
};

/// Longest question, in bytes.
const BODY: usize = 4_096;
/// For so long after a question the machine keeps work for those who ask. Longer than somebody may wait for a block.
const LEASE: Duration = Duration::from_secs(120);
/// How long the first one waits for it.
const FIRST: Duration = Duration::from_secs(10);
/// How long somebody may wait for the next block.
const LONGEST_POLL: Duration = Duration::from_secs(30);
/// How many may do so at a time.
const MAX_POLLS: usize = 64;
/// Where to wait.
const POLL_PATH: &str = "/getwork/longpoll";

const X_LONG_POLLING: HeaderName = HeaderName::from_static("x-long-polling");
const X_REJECT_REASON: HeaderName = HeaderName::from_static("x-reject-reason");

/// What miners who ask over HTTP share.
pub(super) struct Desk {
    outside: Outside,
    /// Whom a block pays whose miner names nobody.
    host: Address,
    works: Mutex<Works>,
    /// Until when there are such miners.
    until: Mutex<Option<Instant>>,
    polls: Slot,
}

impl Desk {
    pub(super) fn new(outside: Outside, host: Address) -> Arc<Self> {
        let polls = Slot::new(MAX_POLLS, "too many miners wait for the next block");
        Arc::new(Self { outside, host, works: Mutex::default(), until: Mutex::default(), polls })
    }

    fn works(&self) -> MutexGuard<'_, Works> {
        self.works.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody asks: there is a miner for a while.
    fn stay(self: &Arc<Self>) {
        if self.until().replace(Instant::now() + LEASE).is_none() {
            tokio::spawn(self.clone().keep_work());
        }
    }

    async fn keep_work(self: Arc<Self>) {
        let _guest = self.outside.join();
        loop {
            let until = {
                let mut until = self.until();
                match *until {
                    Some(at) if at > Instant::now() => at,
                    _ => {
                        *until = None;
                        return;
                    }
                }
            };
            tokio::time::sleep_until(until).await;
        }
    }
}

/// A JSON-RPC question.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Question {
    /// `getwork`; miners that try `getblocktemplate` first are told that it is not there.
    #[schema(example = "getwork")]
    method: String,
    /// Nothing, to get work; or the 128 bytes of a solution in hexadecimal digits.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    params: Value,
    /// Named in the answer.
    #[serde(default)]
    id: Value,
}

/// A JSON-RPC answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Outcome {
    /// A work (`data`, the padded header with each group of four bytes in reverse, and `target`, least significant
    /// byte first), or whether a solution made a block.
    #[schema(value_type = Value)]
    result: Value,
    /// Why there is no result: `code` and `message`.
    #[schema(value_type = Value)]
    error: Value,
    /// As in the question.
    id: Value,
}

pub(super) fn getwork_routes(none: Routes<Arc<App>>) -> Routes<Arc<App>> {
    none.routes(routes!(getwork)).routes(routes!(longpoll))
}

/// Work for a miner of another make, and its solutions
///
/// JSON-RPC as miners have spoken it before Stratum. The user name of HTTP's basic authentication says whom blocks pay:
/// an address, if need be with a full stop and a worker's name; otherwise the node's own account. The header
/// `X-Long-Polling` says where to wait for the next block, `X-Reject-Reason` why a solution made none. All errors of
/// JSON-RPC come with status 200.
#[utoipa::path(
    post, path = "/getwork", tag = docs::MINING, request_body = Question,
    responses((status = 200, body = Outcome), docs::Body, docs::Foreign, docs::Unavailable)
)]
pub(super) async fn getwork(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    JsonBody(question): JsonBody<Question, BODY>,
) -> Result<Response, Problem> {
    answer(&app, &headers, question, None).await
}

/// Work on the next block, once there is one
///
/// Like `/getwork`, but work is given out only once the chain has another tip, or after half a minute.
#[utoipa::path(
    post, path = "/getwork/longpoll", tag = docs::MINING, request_body = Question,
    responses((status = 200, body = Outcome), docs::Body, docs::Foreign, docs::Unavailable)
)]
pub(super) async fn longpoll(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    JsonBody(question): JsonBody<Question, BODY>,
) -> Result<Response, Problem> {
    let _place = app.getwork.polls.take()?;
    app.getwork.stay();
    let last = app.getwork.outside.offers().borrow().as_ref().map(|offer| on(offer));
    answer(&app, &headers, question, last).await
}

async fn answer(
    app: &Arc<App>,
    headers: &HeaderMap,
    question: Question,
    after: Option<BlockHash>,
) -> Result<Response, Problem> {
    let Question { method, params, id } = question;
    let solution = params.get(0).and_then(Value::as_str);
    let mut told = HeaderMap::new();
    let outcome = match (&method[..], solution) {
        ("getwork", None) => match payee(headers, app.getwork.host) {
            Ok(pays) => {
                told.extend(poll_address(headers).map(|address| (X_LONG_POLLING, address)));
                Ok(give(app, pays, after).await?)
            }
            Err(message) => Err((-32_602, message)),
        },
        ("getwork", Some(solution)) => take(app, solution).await?.map(|reason| {
            told.extend(
                reason.and_then(|reason| HeaderValue::from_str(&reason).ok()).map(|reason| (X_REJECT_REASON, reason)),
            );
            Value::Bool(!told.contains_key(X_REJECT_REASON))
        }),
        _ => Err((-32_601, "there is no such method here, only getwork".to_owned())),
    };
    let (result, error) = match outcome {
        Ok(result) => (result, Value::Null),
        Err((code, message)) => (Value::Null, json!({ "code": code, "message": message })),
    };
    Ok((told, Json(Outcome { result, error, id })).into_response())
}

/// A work on the present tip, or on the one that follows `after`.
async fn give(app: &Arc<App>, pays: Address, after: Option<BlockHash>) -> Result<Value, Problem> {
    let desk = &app.getwork;
    let mut offers = desk.outside.offers();
    let shutdown = &app.api.shutdown;
    if let Some(last) = after {
        let another = offers.wait_for(|offer| offer.as_ref().is_some_and(|offer| on(offer) != last));
        tokio::select! {
            _ = tokio::time::timeout(LONGEST_POLL, another) => {}
            () = shutdown.begun() => {}
        }
    }
    desk.stay();
    let any = tokio::time::timeout(FIRST, offers.wait_for(Option::is_some));
    let offer = tokio::select! {
        offer = any => offer.ok().and_then(Result::ok).and_then(|offer| offer.clone()),
        () = shutdown.begun() => None,
    };
    let none = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The node has no work to give; ask again in a moment.");
    let Work { data, target } = desk.works().give(offer.ok_or_else(none)?, pays, clock::wall().seconds());
    Ok(json!({ "data": HEXLOWER.encode(&data), "target": HEXLOWER.encode(&target) }))
}

fn on(offer: &Offer) -> BlockHash {
    offer.template.unproven().previous
}

/// What a JSON-RPC error says.
type RpcError = (i32, String);

/// Takes a solution: no reason when it made a block.
async fn take(app: &Arc<App>, solution: &str) -> Result<Result<Option<String>, RpcError>, Problem> {
    let data = HEXLOWER_PERMISSIVE.decode(solution.as_bytes()).ok().and_then(|data| <[u8; 128]>::try_from(data).ok());
    let Some(data) = data else {
        return Ok(Err((-32_602, "a solution is 128 bytes in hexadecimal digits".to_owned())));
    };
    app.getwork.stay();
    let solved = app.getwork.works().solve(&data, &app.api.network, clock::wall().seconds());
    let block = match solved {
        Ok(block) => block,
        Err(refusal) => return Ok(Ok(Some(refusal.to_string()))),
    };
    tracing::info!("a miner that asks over HTTP found block {} at height {}", block.hash(), block.height());
    let size = block.size();
    let mined = app.api.engine.event_of(Event::Mined { block: Arc::new(block) }, size).await;
    mined.map_err(|_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The node is stopping; ask another one."))?;
    Ok(Ok(None))
}

/// Whom the blocks of this client pay.
fn payee(headers: &HeaderMap, host: Address) -> Result<Address, String> {
    let basic = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
    let decoded = basic.and_then(|basic| BASE64.decode(basic.trim().as_bytes()).ok());
    let user = decoded.and_then(|both| String::from_utf8(both).ok()).unwrap_or_default();
    paid_by(user.split(':').next().unwrap_or_default(), host)
}

/// The whole address: some miners put a path behind their own.
fn poll_address(headers: &HeaderMap) -> Option<HeaderValue> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    HeaderValue::from_str(&format!("http://{host}{POLL_PATH}")).ok()
}
