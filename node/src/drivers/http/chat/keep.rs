//! The file in which the outbox and the read marks of an account lie, encrypted: `chat/ADDRESS` in the data folder.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use axum::http::StatusCode;
use rand::rng;
use shared::BlockHash;

use super::super::problem::Problem;
use crate::accounts::session::Unlocked;
use crate::chat::shelf::Shelf;
use crate::drivers::files;

const FOLDER: &str = "chat";

fn path(data_dir: &Path, account: &Unlocked) -> PathBuf {
    data_dir.join(FOLDER).join(account.address.to_string())
}

/// Whether an account has ever chatted on this node.
pub(super) fn exists(data_dir: &Path, account: &Unlocked) -> bool {
    path(data_dir, account).exists()
}

/// Reads what an account left here; nothing if it never did.
///
/// # Errors
/// 500 when the file cannot be read or is of no use.
pub(super) fn read(data_dir: &Path, account: &Unlocked, genesis: &BlockHash) -> Result<Shelf, Problem> {
    let path = path(data_dir, account);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Shelf::default()),
        Err(error) => return Err(failed("read", &path, &error)),
    };
    Shelf::open(&bytes, account.keys.exchange(), genesis, &account.address)
        .map_err(|error| failed("be used", &path, &error))
}

/// Writes it.
///
/// # Errors
/// 500 when that does not work; the file is then as it was.
pub(super) fn write(data_dir: &Path, account: &Unlocked, genesis: &BlockHash, shelf: &Shelf) -> Result<(), Problem> {
    let path = path(data_dir, account);
    let bytes = shelf.seal(account.keys.exchange(), genesis, &account.address, &mut rng());
    let written = files::make_folder(&data_dir.join(FOLDER)).and_then(|()| files::replace(&path, &bytes));
    written.map_err(|error| failed("be written", &path, &error))
}

fn failed(what: &str, path: &Path, error: &dyn std::fmt::Display) -> Problem {
    let detail = format!("What waits to be sent is kept in {}, which cannot {what}: {error}.", path.display());
    tracing::error!("{detail}");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
}
