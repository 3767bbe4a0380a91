//! Why a database does not open, in sentences for the person who starts the node, and how the
//! database's own errors become the store's.

use std::{io, path::PathBuf};

use redb::{CommitError, CursorError, DatabaseError, StorageError, TableError, TransactionError};
use shared::BlockHash;

use crate::machine::store::StoreError;

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or written.
    #[error("{} cannot be written ({source}): give this user the right to write there, or choose another --data-dir", path.display())]
    Unwritable {
        /// The folder or the file in it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("{} is open in another process: stop that node first, or choose another --data-dir", path.display())]
    Locked {
        /// The database.
        path: PathBuf,
    },
    /// Another network's chain.
    #[error(
        "{} holds the chain of another network (its genesis block is {found}, this network's is {expected}): start the node with that network's --genesis, or choose another --data-dir", path.display()
    )]
    OtherNetwork {
        /// The database.
        path: PathBuf,
        /// The genesis block in it.
        found: BlockHash,
        /// The genesis block asked for.
        expected: BlockHash,
    },
    /// Written by a later version.
    #[error(
        "{} was written by a newer version of this program (its format is {found}, this version knows {known}): run that version, or choose another --data-dir", path.display()
    )]
    NewerFormat {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// This version's.
        known: u32,
    },
    /// Written by an earlier version, in a format that is no longer read.
    #[error(
        "{} was written by an older version of this program (its format is {found}, this version knows {known}): run that version, or move the file away and let the node fetch the chain from its peers", path.display()
    )]
    OlderFormat {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// This version's.
        known: u32,
    },
    /// There is none, where there must be one.
    #[error("{} does not exist: name the folder of a node with --data-dir, or the node's port with --port", path.display())]
    Missing {
        /// Where the database would be.
        path: PathBuf,
    },
    /// Written by an earlier version, in a format that a start of the node brings up to date.
    #[error(
        "{} was written by an older version of this program (its format is {found}, this version writes {known}): start the node once, which brings it up to date, and try again", path.display()
    )]
    Outdated {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// This version's.
        known: u32,
    },
    /// Not a database, or no longer one.
    #[error("{} is damaged ({reason}): move the file away and let the node fetch the chain from its peers", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Any other failure, a full disk among them.
    #[error("{} cannot be opened ({reason}): see that the disk works and has room, then start again", path.display())]
    Failed {
        /// The database.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl OpenError {
    /// Sorts what the file system says about `path`.
    pub(super) fn from_io(path: PathBuf, source: io::Error) -> Self {
        use io::ErrorKind::{
            AlreadyExists, InvalidData, IsADirectory, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem,
            UnexpectedEof,
        };
        match source.kind() {
            PermissionDenied | ReadOnlyFilesystem | NotADirectory | IsADirectory | AlreadyExists | NotFound => {
                Self::Unwritable { path, source }
            }
            InvalidData | UnexpectedEof => Self::Damaged { path, reason: source.to_string() },
            _ => Self::Failed { path, reason: source.to_string() },
        }
    }

    /// Sorts what the database says about `path`.
    pub(super) fn from_database(path: PathBuf, error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen => Self::Locked { path },
            DatabaseError::Storage(StorageError::Io(source)) => Self::from_io(path, source),
            DatabaseError::Storage(StorageError::Corrupted(reason)) => Self::Damaged { path, reason },
            error @ DatabaseError::UpgradeRequired(_) => Self::Damaged { path, reason: error.to_string() },
            error => Self::Failed { path, reason: error.to_string() },
        }
    }

    /// What reading or writing the opened database said.
    pub(super) fn from_store(path: PathBuf, error: StoreError) -> Self {
        match error {
            StoreError::Damaged(reason) => Self::Damaged { path, reason },
            StoreError::Io(reason) => Self::Failed { path, reason },
        }
    }
}

impl From<StorageError> for StoreError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Corrupted(reason) => Self::Damaged(reason),
            StorageError::Io(error) if error.kind() == io::ErrorKind::StorageFull => {
                Self::Io("the disk is full: make room on it and start the node again".into())
            }
            StorageError::Io(error) => Self::Io(format!("{error}: see that the disk works, then start the node again")),
            StorageError::PreviousIo => Self::Io("an earlier access failed: start the node again".into()),
            other => Self::Io(other.to_string()),
        }
    }
}

impl From<TransactionError> for StoreError {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Storage(error) => error.into(),
            other => Self::Io(other.to_string()),
        }
    }
}

impl From<CommitError> for StoreError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Storage(error) => error.into(),
            other => Self::Io(other.to_string()),
        }
    }
}

impl From<CursorError> for StoreError {
    fn from(error: CursorError) -> Self {
        match error {
            CursorError::Storage(error) => error.into(),
            other => Self::Damaged(other.to_string()),
        }
    }
}

impl From<TableError> for StoreError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Storage(error) => error.into(),
            other => Self::Damaged(other.to_string()),
        }
    }
}
