//! The log over HTTP: what this node signs for, proofs, tiles for monitors (C2SP tlog-tiles) and receipts.
//! Everything is read from one snapshot. How far the node may sign is decided by the machine; nothing is
//! signed here beyond that, and nothing at all while the chain contradicts what was signed before.

mod proofs;
mod receipt;
mod tiles;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use ed25519_zebra::SigningKey;
use serde::Serialize;
use shared::{
    BlockHash, Height, LogRoot, Network,
    log::checkpoint::{Checkpoint, LogKey},
};
use utoipa::ToSchema;

use super::{App, docs, openapi::Routes, openapi::routes, problem::Problem, store_failed};
use crate::{
    drivers::store::Snapshot,
    machine::{
        seal::{SEAL_DEPTH, Sealed},
        store::{ReadChain as _, StoreError},
    },
};

pub(super) use self::tiles::{DOCUMENTED_PATH as TILE_PATH, PATH as TILE_ROUTE};

/// Signs checkpoints of this node's log.
pub struct LogSigner {
    secret: SigningKey,
    key: LogKey,
}

impl LogSigner {
    /// With this key, for the log of this network.
    pub fn new(secret: SigningKey, network: &Network) -> Self {
        let key = LogKey::of(&secret, &network.genesis_hash());
        Self { secret, key }
    }

    /// The public half, as verifiers keep it.
    pub fn key(&self) -> &LogKey {
        &self.key
    }

    fn sign(&self, size: u64, root: LogRoot) -> String {
        Checkpoint { origin: self.key.name().to_owned(), size, root }.signed(&self.secret)
    }
}

/// The log up to a block.
struct LogAt {
    height: Height,
    block: BlockHash,
    size: u64,
    root: LogRoot,
}

fn log_at(snapshot: &Snapshot, height: Height) -> Result<LogAt, Problem> {
    let missing = || store_failed(StoreError::Damaged(format!("the active chain has no block at height {height}")));
    let block = snapshot.hash_at(height).map_err(store_failed)?.ok_or_else(missing)?;
    let coinbase = snapshot.coinbase(&block).map_err(store_failed)?.ok_or_else(missing)?;
    Ok(LogAt { height, block, size: coinbase.log_size, root: coinbase.log_root })
}

/// How far this node signs.
enum Standing {
    /// Not at all yet: too few blocks.
    Young,
    /// Up to this block.
    Up(LogAt),
    /// No more: this block, for whose log it may have signed, left the active chain.
    Contradicted(Sealed),
}

fn standing(app: &App, snapshot: &Snapshot) -> Result<Standing, Problem> {
    let sealed = snapshot.sealed().map_err(store_failed)?;
    let Some(sealed) = sealed.filter(|sealed| sealed.key == *app.api.log.key().bytes()) else {
        return Ok(Standing::Young);
    };
    if snapshot.hash_at(sealed.height).map_err(store_failed)? != Some(sealed.hash) {
        return Ok(Standing::Contradicted(sealed));
    }
    log_at(snapshot, sealed.height).map(Standing::Up)
}

/// The log that this node signs for.
fn signed_log(app: &App, snapshot: &Snapshot) -> Result<LogAt, Problem> {
    match standing(app, snapshot)? {
        Standing::Up(log) => Ok(log),
        Standing::Young => Err(Problem::conflict(format!(
            "The node signs for its log once {SEAL_DEPTH} blocks lie on top of one another; mine some more."
        ))),
        Standing::Contradicted(sealed) => Err(Problem::conflict(alarm(&sealed))),
    }
}

fn alarm(sealed: &Sealed) -> String {
    format!(
        "Block {} ({}) left the chain although this node signed the log up to it. It signs no more until that block is \
         back. To begin a new log, stop the node, move log.key out of its data folder, and start it again.",
        sealed.height, sealed.hash
    )
}

/// What this node signs for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Log {
    /// Name of the log, the first line of its checkpoints.
    origin: String,
    /// The key that checkpoints are verified with: `NAME+KEYID+BASE64`, as signed notes have it.
    key: String,
    /// Blocks that must lie on top of one whose log is signed.
    depth: u32,
    /// The log that is signed; absent while there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<SignedLog>,
    /// Why nothing is signed any more; absent unless the chain contradicts what was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    alarm: Option<String>,
}

/// A log that is signed.
#[derive(Debug, Serialize, ToSchema)]
struct SignedLog {
    /// How many transactions it has.
    size: u64,
    /// Its root.
    #[schema(value_type = String, example = docs::hash)]
    root: LogRoot,
    /// Height of the block that commits to it.
    #[schema(value_type = u32)]
    height: Height,
    /// That block.
    #[schema(value_type = String, example = docs::hash)]
    block: BlockHash,
}

/// What the node signs for, and with which key
///
/// The log is one Merkle tree (RFC 6962) over all transactions of the chain. The node signs it up to a block
/// that has six others on top. When such a block leaves the chain all the same, the node signs nothing more,
/// and says so in `alarm`.
#[utoipa::path(get, path = "/log", tag = docs::LOG, responses((status = 200, body = Log)))]
pub(super) async fn log(State(app): State<Arc<App>>) -> Result<Json<Log>, Problem> {
    let (signed, alarm) = match standing(&app, &app.snapshot())? {
        Standing::Young => (None, None),
        Standing::Up(LogAt { height, block, size, root }) => (Some(SignedLog { size, root, height, block }), None),
        Standing::Contradicted(sealed) => (None, Some(alarm(&sealed))),
    };
    let key = app.api.log.key();
    Ok(Json(Log { origin: key.name().to_owned(), key: key.to_string(), depth: SEAL_DEPTH, signed, alarm }))
}

/// The newest signed checkpoint
///
/// A signed note (C2SP tlog-checkpoint): name of the log, number of transactions, root, and the signature.
#[utoipa::path(
    get, path = "/log/checkpoint", tag = docs::LOG,
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 409, description = "Nothing is signed: the chain is too short, or contradicts what was signed",
         body = docs::Problem),
    )
)]
async fn checkpoint(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let log = signed_log(&app, &app.snapshot())?;
    let note = app.api.log.sign(log.size, log.root);
    Ok(([(header::CACHE_CONTROL, "no-cache")], note).into_response())
}

pub(super) fn log_routes(none: Routes<Arc<App>>) -> Routes<Arc<App>> {
    none.routes(routes!(log))
        .routes(routes!(checkpoint))
        .routes(routes!(proofs::inclusion))
        .routes(routes!(proofs::consistency))
        .routes(routes!(tiles::tile))
        .routes(routes!(receipt::receipt))
}
