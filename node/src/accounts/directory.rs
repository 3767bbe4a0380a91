//! The folder of a node's accounts: one keystore file each, under the account's name in lower case. A node
//! and the command line may use it at once; every file is whole at any time.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use shared::Address;

use super::{keystore::Keystore, name::AccountName};
use crate::drivers::files;

/// Name of the folder within the data folder.
pub const FOLDER: &str = "accounts";

/// Accounts in one folder, at most.
pub const MAX_ACCOUNTS: usize = 1_000;

/// Longest keystore file that is read, in bytes. A written one has less than a quarter of that.
const MAX_FILE: u64 = 8 * 1024;

/// Why an account cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The system says no.
    #[error("cannot {what} {path}: {error}", path = path.display())]
    Io {
        /// What was tried, as a verb.
        what: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
    /// A file is no keystore, or another account's.
    #[error("{path} is damaged: {reason}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is an account of this name.
    #[error("there is an account called {0} already; choose another name")]
    Taken(AccountName),
    /// There is no room for one more.
    #[error("there are {MAX_ACCOUNTS} accounts already, which is as many as one folder may have")]
    Full,
}

/// An account as everybody may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What its owner calls it.
    pub name: AccountName,
    /// Its address, as its file says.
    pub address: Address,
}

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Listing {
    /// The accounts, by name.
    pub accounts: Vec<Listed>,
    /// Files that cannot be read as accounts, and why.
    pub damaged: Vec<DirectoryError>,
}

/// A folder of accounts, which need not exist before there are any.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// The folder of accounts in a node's data folder.
    pub fn of(data_dir: &Path) -> Self {
        Self { path: data_dir.join(FOLDER) }
    }

    /// All accounts, in the order of their names.
    ///
    /// # Errors
    /// When the folder is there and cannot be read.
    pub fn list(&self) -> Result<Listing, DirectoryError> {
        let mut listing = Listing::default();
        for name in self.names()? {
            match self.find(&name) {
                Ok(Some(keystore)) => {
                    listing.accounts.push(Listed { name: keystore.name().clone(), address: keystore.address() });
                }
                // Taken away between two looks.
                Ok(None) => {}
                Err(error) => listing.damaged.push(error),
            }
        }
        Ok(listing)
    }

    /// The account of this name, if there is one.
    ///
    /// # Errors
    /// When its file cannot be read, or is no keystore of this account.
    pub fn find(&self, name: &AccountName) -> Result<Option<Keystore>, DirectoryError> {
        let path = self.file(name);
        let mut json = Vec::new();
        match File::open(&path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut json)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error("read", &path, error)),
            Ok(_) => {}
        }
        let damaged = |reason: String| DirectoryError::Damaged { path: path.clone(), reason };
        if json.len() as u64 > MAX_FILE {
            return Err(damaged("it is far too long for a keystore".to_owned()));
        }
        let keystore = Keystore::parse(&json).map_err(|error| damaged(error.to_string()))?;
        if keystore.name().key() == name.key() {
            return Ok(Some(keystore));
        }
        Err(damaged(format!("it is the file of an account called {}", keystore.name())))
    }

    /// Keeps a new account.
    ///
    /// # Errors
    /// When the name is taken, or the file cannot be written.
    pub fn create(&self, keystore: &Keystore) -> Result<(), DirectoryError> {
        self.make()?;
        if self.names()?.len() >= MAX_ACCOUNTS {
            return Err(DirectoryError::Full);
        }
        let path = self.file(keystore.name());
        files::create(&path, &keystore.to_json()).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => DirectoryError::Taken(keystore.name().clone()),
            _ => io_error("write", &path, error),
        })
    }

    /// Keeps an account in the place of the one that its name has.
    ///
    /// # Errors
    /// When the file cannot be written; the old one is then still there.
    pub fn replace(&self, keystore: &Keystore) -> Result<(), DirectoryError> {
        self.make()?;
        let path = self.file(keystore.name());
        files::replace(&path, &keystore.to_json()).map_err(|error| io_error("write", &path, error))
    }

    fn file(&self, name: &AccountName) -> PathBuf {
        self.path.join(format!("{}.json", name.key()))
    }

    /// Names of files that may be accounts, in order.
    fn names(&self) -> Result<Vec<AccountName>, DirectoryError> {
        let failed = |error| io_error("read", &self.path, error);
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let file = entry.map_err(failed)?.file_name();
            let name = file.to_str().and_then(|file| file.strip_suffix(".json")?.parse::<AccountName>().ok());
            names.extend(name.filter(|name| name.key() == name.as_str()));
        }
        names.sort_by_key(AccountName::key);
        Ok(names)
    }

    /// Makes the folder, for its owner only.
    fn make(&self) -> Result<(), DirectoryError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
        made.and_then(|()| files::close_to_others(&self.path)).map_err(|error| io_error("make", &self.path, error))
    }
}

fn io_error(what: &'static str, path: &Path, error: io::Error) -> DirectoryError {
    DirectoryError::Io { what, path: path.to_owned(), error }
}
