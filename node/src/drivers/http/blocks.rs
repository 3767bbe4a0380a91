//! News of blocks from outside, and asking peers for better chains.

use std::sync::Arc;

use axum::Json;
use axum::body::HttpBody as _;
use axum::extract::{Request as HttpRequest, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use shared::{Block, BlockHash, CheckedBlock, Height};
use utoipa::ToSchema;

use super::{App, docs, extract, openapi::Handlers, openapi::routes, problem::Problem, store_failed, unexpected, verb};
use crate::machine::{
    effect::{Refused, Reply},
    event::Request,
    store::ReadChain as _,
};

/// What asking peers, or a new block, came to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Resolved {
    /// Whether the tip is another one than before.
    changed: bool,
    /// The tip's height.
    #[schema(value_type = u32)]
    height: Height,
    /// The tip.
    #[schema(value_type = String, example = docs::hash)]
    tip: BlockHash,
}

/// Somebody speaks of a block without sending it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Notice {
    /// The block.
    #[schema(value_type = String, example = docs::hash)]
    hash: BlockHash,
    /// Who has it: an id or an HTTP address, for the log.
    #[serde(default)]
    sender: Option<String>,
}

/// Turns the machine's answer into what the handlers tell.
pub(super) fn resolved(reply: Reply) -> Result<Resolved, Problem> {
    match reply {
        Reply::Resolved { changed, height, tip } => Ok(Resolved { changed, height, tip }),
        Reply::Refused(refused @ Refused::Invalid(_)) => {
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("The block breaks a rule: {refused}.")))
        }
        other => Err(unexpected(&other)),
    }
}

/// Ask all peers for better chains now
///
/// Answers when all have answered and what they have is fetched, or after two seconds.
#[utoipa::path(
    method(get, post), path = "/resolve", tag = docs::CHAIN,
    responses((status = 200, body = Resolved), docs::Foreign, docs::Unavailable)
)]
pub(super) async fn resolve(State(app): State<Arc<App>>) -> Result<Json<Resolved>, Problem> {
    app.ask(Request::Resolve).await.and_then(resolved).map(Json)
}

/// `/block/new`, which reads its body only when it is POSTed.
pub(super) fn new_routes() -> Handlers<Arc<App>> {
    verb(routes!(noted, new_block), either)
}

async fn either(State(app): State<Arc<App>>, request: HttpRequest) -> Result<Response, Problem> {
    if request.method() == Method::GET {
        return noted(State(app)).await.map(|json| json.into_response());
    }
    new_block(State(app), request).await
}

/// Say that there may be a new block
///
/// The node asks its peers and brings its chain up to date.
#[utoipa::path(
    get, path = "/block/new", tag = docs::CHAIN,
    responses((status = 200, body = Resolved), docs::Foreign, docs::Unavailable)
)]
async fn noted(State(app): State<Arc<App>>) -> Result<Json<Resolved>, Problem> {
    app.ask(Request::Resolve).await.and_then(resolved).map(Json)
}

/// Bring a new block, or say who has one
///
/// With a block, the node takes it; when the block before it is not known here, it asks its peers. With
/// a hash, it asks its peers unless it has the block. An empty body is as good as a GET.
#[utoipa::path(
    post, path = "/block/new", tag = docs::CHAIN, request_body = docs::NewBlock,
    responses(
        (status = 200, description = "Nothing changed: the chain has the block, or nobody does", body = Resolved),
        (status = 201, description = "The chain changed", body = Resolved),
        (status = 409, description = "The block is not on the best chain known here", body = docs::Problem),
        (status = 422, description = "The block breaks a rule", body = docs::Problem),
        docs::Body, docs::Foreign, docs::Unavailable,
    )
)]
async fn new_block(State(app): State<Arc<App>>, request: HttpRequest) -> Result<Response, Problem> {
    let outcome = match read_news(request).await? {
        News::Nothing => app.ask(Request::Resolve).await.and_then(resolved)?,
        News::Notice(Notice { hash, sender }) => {
            tracing::debug!("{} speaks of block {hash}", sender.as_deref().unwrap_or("somebody"));
            app.ask(Request::NoteBlock { hash }).await.and_then(resolved)?
        }
        News::Block(block) => submit(&app, *block).await?,
    };
    let status = if outcome.changed { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(outcome)).into_response())
}

enum News {
    Nothing,
    Notice(Notice),
    Block(Box<Block>),
}

async fn read_news(request: HttpRequest) -> Result<News, Problem> {
    let is_empty = |request: &HttpRequest| request.body().is_end_stream();
    if is_empty(&request) {
        return Ok(News::Nothing);
    }
    let bytes = extract::read_json(request, extract::BLOCK_BODY).await?;
    // Which of the two it is decides what an error in it is measured against.
    #[derive(Deserialize)]
    struct Outline {
        header: Option<serde::de::IgnoredAny>,
        coinbase: Option<serde::de::IgnoredAny>,
    }
    let outline: Outline = serde_json::from_slice(&bytes).map_err(|error| extract::not_json(&error))?;
    let news = if outline.header.is_some() || outline.coinbase.is_some() {
        serde_json::from_slice(&bytes).map(Box::new).map(News::Block)
    } else {
        serde_json::from_slice(&bytes).map(News::Notice)
    };
    news.map_err(|error| extract::not_json(&error))
}

async fn submit(app: &Arc<App>, block: Block) -> Result<Resolved, Problem> {
    let network = app.api.network.clone();
    let checked = if block.header == *network.genesis().header() {
        Ok(network.genesis().clone())
    } else {
        // Up to a few thousand signatures.
        let checking = tokio::task::spawn_blocking(move || block.check(&network).map(Arc::new));
        checking.await.map_err(|error| {
            tracing::error!("checking a block failed: {error}");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The block could not be checked; the node's log says more.")
        })?
    };
    let block: Arc<CheckedBlock> = checked.map_err(|error| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("The block breaks a rule: {error}."))
    })?;
    let hash = block.hash();
    let outcome = resolved(app.ask(Request::SubmitBlock(block)).await?)?;
    if !outcome.changed {
        explain_unchanged(app, hash)?;
    }
    Ok(outcome)
}

/// Why a block in order did not change the chain: fine when the chain has it already.
fn explain_unchanged(app: &App, hash: BlockHash) -> Result<(), Problem> {
    let snapshot = app.snapshot();
    let Some(entry) = snapshot.entry(&hash).map_err(store_failed)? else {
        return Err(Problem::conflict(
            "The block before this one is not known here, and no peer has it: send the chain to /chain/replace.",
        ));
    };
    if snapshot.hash_at(entry.position.height).map_err(store_failed)? == Some(hash) {
        return Ok(());
    }
    Err(Problem::conflict("The block is in order and was kept, but its branch does not have more work than ours."))
}
