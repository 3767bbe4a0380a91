//! The log as tiles, for monitors that follow it whole (C2SP tlog-tiles): hashes, and bundles of entries.
//! Only what is signed is served, so that no tile ever changes.

use std::sync::Arc;

use axum::extract::{Path, State, rejection::PathRejection};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use shared::{
    TxId,
    log::{LogNode, TILE_HEIGHT},
};

use super::super::{App, docs, problem::Problem, store_failed};
use super::{proofs::kept, signed_log};
use crate::{
    drivers::store::Snapshot,
    machine::store::{ReadChain as _, StoreError},
};

/// The route, whose last part may have several elements.
pub(crate) const PATH: &str = "/log/tile/{level}/{*index}";
/// The same for the document.
pub(crate) const DOCUMENTED_PATH: &str = "/log/tile/{level}/{index}";

/// Hashes, or entries, of a full tile.
const WIDTH: u64 = 1 << TILE_HEIGHT;
/// The highest level that the specification knows.
const MAX_LEVEL: u8 = 63;

/// Which tile.
#[derive(Debug, PartialEq)]
struct Tile {
    index: u64,
    /// How many hashes or entries of it.
    width: u64,
}

impl Tile {
    /// Reads `x001/x234/067`, perhaps with `.p/W` behind it.
    fn parse(text: &str) -> Option<Self> {
        let (index, width) = match text.split_once(".p/") {
            Some((index, width)) => (index, number(width).filter(|width| (1..WIDTH).contains(width))?),
            None => (text, WIDTH),
        };
        let mut elements = index.split('/').rev();
        let mut digits = elements.next()?.to_owned();
        let mut whole = vec![digits.clone()];
        for element in elements {
            digits = element.strip_prefix('x')?.to_owned();
            whole.push(digits.clone());
        }
        // A leading element of zeros would be another name of the same tile.
        let is_plain = whole.len() == 1 || digits != "000";
        let three = |digits: &String| digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_plain || !whole.iter().all(three) {
            return None;
        }
        whole.reverse();
        Some(Self { index: whole.concat().parse().ok()?, width })
    }

    /// The first of the level's nodes in it, and the one after its last; `None` beyond every log.
    fn range(&self) -> Option<(u64, u64)> {
        let first = self.index.checked_mul(WIDTH)?;
        Some((first, first.checked_add(self.width)?))
    }
}

/// A decimal number without leading zeros.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// A tile of the signed log
///
/// As C2SP tlog-tiles has them: `level` is a number from 0, or `entries` for the transactions themselves, each
/// behind its length (2 bytes, big-endian); `index` is written `x001/x234/067`, with `.p/WIDTH` behind it for a
/// part of a tile.
#[utoipa::path(
    get, path = "/log/tile/{level}/{*index}", tag = docs::LOG,
    params(
        ("level" = String, Path, description = "A level, or `entries`", example = "0"),
        ("index" = String, Path, description = "The tile's index in elements of three digits", example = "000"),
    ),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, description = "No name of a tile", body = docs::Problem),
        (status = 404, description = "The signed log has no such tile", body = docs::Problem),
        (status = 409, description = "Nothing is signed", body = docs::Problem),
    )
)]
pub(super) async fn tile(
    State(app): State<Arc<App>>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Problem> {
    let Path((level, index)) = path?;
    let senseless = || {
        Problem::bad_request(
            "A tile's path is /log/tile/LEVEL/INDEX with INDEX such as 000, x001/234 or x001/234.p/17; LEVEL is a \
             number up to 63, or \"entries\".",
        )
    };
    let tile = Tile::parse(&index).ok_or_else(senseless)?;
    let bytes = if level == "entries" {
        entries(&app, &tile)?
    } else {
        let level = number(&level).and_then(|level| u8::try_from(level).ok()).filter(|level| *level <= MAX_LEVEL);
        hashes(&app, level.ok_or_else(senseless)?, &tile)?
    };
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, bytes).into_response())
}

/// The nodes of a level that a tile speaks of, once it is clear that the signed log has them.
fn within(app: &App, snapshot: &Snapshot, level: u8, tile: &Tile) -> Result<std::ops::Range<u64>, Problem> {
    let size = signed_log(app, snapshot)?.size;
    let there = size.checked_shr(u32::from(level) * TILE_HEIGHT).unwrap_or(0);
    match tile.range() {
        Some((first, end)) if end <= there => Ok(first..end),
        _ => Err(Problem::not_found(format!("The signed log of {size} transactions has no such tile."))),
    }
}

fn hashes(app: &App, level: u8, tile: &Tile) -> Result<Vec<u8>, Problem> {
    let snapshot = app.snapshot();
    let mut bytes = Vec::with_capacity(tile.width as usize * 32);
    for index in within(app, &snapshot, level, tile)? {
        bytes.extend(kept(&snapshot)(LogNode { level, index }).map_err(store_failed)?);
    }
    Ok(bytes)
}

fn entries(app: &App, tile: &Tile) -> Result<Vec<u8>, Problem> {
    let snapshot = app.snapshot();
    let missing = |id: TxId| store_failed(StoreError::Damaged(format!("the transaction {id} of the log is missing")));
    let mut bytes = Vec::new();
    for index in within(app, &snapshot, 0, tile)? {
        let id = TxId(kept(&snapshot)(LogNode::leaf(index)).map_err(store_failed)?);
        let at = snapshot.location(&id).map_err(store_failed)?.ok_or_else(|| missing(id))?;
        let entry = snapshot.transaction(at).map_err(store_failed)?.ok_or_else(|| missing(id))?.to_bytes();
        let length = u16::try_from(entry.len()).map_err(|_| missing(id))?;
        bytes.extend(length.to_be_bytes());
        bytes.extend(entry);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(index: u64, width: u64) -> Option<Tile> {
        Some(Tile { index, width })
    }

    #[test]
    fn tiles_have_one_name_each() {
        assert_eq!(Tile::parse("067"), tile(67, 256));
        assert_eq!(Tile::parse("x001/x234/067"), tile(1_234_067, 256));
        assert_eq!(Tile::parse("x001/234.p/17"), tile(1_234, 17));
        for other in ["", "67", "0067", "x000/067", "001/067", "x001/x067", "067.p/0", "067.p/256", "067.p/017", "+67"]
        {
            assert_eq!(Tile::parse(other), None, "{other}");
        }
        assert_eq!(Tile::parse(&"x999/".repeat(9)), None);
    }

    #[test]
    fn tiles_beyond_every_log_have_no_nodes() {
        let far = Tile { index: u64::MAX / 2, width: 256 };
        assert_eq!(far.range(), None);
    }
}
