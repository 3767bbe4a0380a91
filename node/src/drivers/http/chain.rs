//! The whole chain as one JSON document, written piece by piece from one snapshot: it is consistent
//! whatever happens meanwhile, and takes no more memory for a long chain than for a short one.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State, rejection::QueryRejection};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use serde::Deserialize;
use shared::Height;
use utoipa::IntoParams;

use super::{App, docs, problem::Problem, tip_of};
use crate::{drivers::store::Snapshot, machine::store::ReadChain as _};

/// Bytes after which a piece is sent on.
const PIECE: usize = 64 << 10;

/// Which blocks are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Range {
    /// Height of the first block; the genesis block's unless given.
    #[serde(default)]
    from: u32,
    /// How many blocks at most; all unless given.
    limit: Option<u32>,
}

/// The chain
///
/// All blocks of the active chain from the genesis block to the tip, or a part of them. `length` counts
/// all of them in any case. What this gives, `POST /chain/replace` of any node takes.
#[utoipa::path(
    get, path = "/chain", tag = docs::CHAIN, params(Range),
    responses(
        (status = 200, body = docs::Chain),
        (status = 400, description = "`from` or `limit` is no whole number in range", body = docs::Problem),
    )
)]
pub(super) async fn chain(
    State(app): State<Arc<App>>,
    range: Result<Query<Range>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(Range { from, limit }) = range?;
    let snapshot = app.snapshot();
    let (_, tip) = tip_of(&snapshot)?;
    let length = u64::from(tip.0) + 1;
    let end = length.min(limit.map_or(length, |limit| u64::from(from) + u64::from(limit)));
    let writer = Writer { snapshot, next: u64::from(from), end, begun: false, done: false, length };
    let pieces = stream::try_unfold(writer, |mut writer| async {
        if writer.done {
            return Ok(None);
        }
        // Reading and encoding must not keep other requests waiting.
        let written = tokio::task::spawn_blocking(move || writer.piece().map(|piece| (piece, writer)));
        written.await.map_err(io::Error::other)?.map(Some)
    });
    Ok(([(header::CONTENT_TYPE, "application/json")], Body::from_stream(pieces)).into_response())
}

/// The document in the making.
struct Writer {
    snapshot: Arc<Snapshot>,
    next: u64,
    end: u64,
    length: u64,
    begun: bool,
    done: bool,
}

impl Writer {
    fn piece(&mut self) -> io::Result<Bytes> {
        let mut piece = Vec::with_capacity(PIECE + PIECE / 4);
        if !self.begun {
            self.begun = true;
            piece.extend_from_slice(format!("{{\"length\":{},\"chain\":[", self.length).as_bytes());
            self.block(&mut piece)?;
        }
        while self.next < self.end && piece.len() < PIECE {
            piece.push(b',');
            self.block(&mut piece)?;
        }
        if self.next >= self.end {
            self.done = true;
            piece.extend_from_slice(b"]}");
        }
        Ok(piece.into())
    }

    /// Writes the next block, if there is one.
    fn block(&mut self, piece: &mut Vec<u8>) -> io::Result<()> {
        let Some(height) = u32::try_from(self.next).ok().filter(|_| self.next < self.end).map(Height) else {
            return Ok(());
        };
        let missing = || io::Error::other(format!("the block at height {height} is missing"));
        let hash = self.snapshot.hash_at(height).map_err(io::Error::other)?.ok_or_else(missing)?;
        let block = self.snapshot.block(&hash).map_err(io::Error::other)?.ok_or_else(missing)?;
        serde_json::to_writer(piece, &*block)?;
        self.next += 1;
        Ok(())
    }
}
