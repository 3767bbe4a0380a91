//! Finding the database in a data folder, making a fresh one, and refusing what is not this network's
//! chain. Whoever gets a [`RedbStore`] from here has at least the genesis block.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use redb::{Builder, Database, DatabaseError, ReadableDatabase, WriteTransaction};
use shared::{BlockHash, Network};

use super::{
    Decide, OpenError, RedbStore, Repair, begin_write,
    tables::{
        ACCOUNTS, ACTIVE, BODIES, ENTRIES, FILED, FORMAT, HEIGHTS, HISTORY, JOURNAL, LOCATIONS, LOG, META, OWN, UNDO,
        decode, encode, meta,
    },
    upgrade, write,
};
use crate::{
    drivers::store::genesis_batch,
    machine::store::{Result as StoreResult, StoreError},
};

/// The database's name in the data folder.
pub const FILE: &str = "chain.redb";

/// Its name until the genesis block is in it.
const UNFINISHED: &str = "chain.redb.new";

/// What the database keeps in memory, in bytes. Twice as much made nothing faster that was measured.
const CACHE: usize = 4 << 20;

type Result<T> = std::result::Result<T, OpenError>;

/// Opens the chain of `network` in `folder`, or begins it.
pub(super) fn open(folder: &Path, network: &Network) -> Result<RedbStore> {
    fs::create_dir_all(folder).map_err(|error| OpenError::from_io(folder.into(), error))?;
    let path = folder.join(FILE);
    if exists(&path)? {
        return open_existing(&path, network);
    }
    let unfinished = folder.join(UNFINISHED);
    let database = create(&unfinished)?;
    // Having the lock, look again: another process may have finished in between.
    if exists(&path)? {
        fs::remove_file(&unfinished).map_err(|error| OpenError::from_io(unfinished, error))?;
        drop(database);
        return open_existing(&path, network);
    }
    let store = connect(database, &unfinished, network, by_length(path.clone()))?;
    put_in_place(&unfinished, &path, folder).map_err(|error| OpenError::from_io(path, error))?;
    Ok(store)
}

pub(super) fn exists(path: &Path) -> Result<bool> {
    path.try_exists().map_err(|error| OpenError::from_io(path.into(), error))
}

fn open_existing(path: &Path, network: &Network) -> Result<RedbStore> {
    let database = builder().open(path).map_err(|error| OpenError::from_database(path.into(), error))?;
    connect(database, path, network, by_length(path.into()))
}

/// Decided anew for each commit.
fn by_length(path: PathBuf) -> Decide {
    Box::new(move || Repair::of(fs::metadata(&path).map_or(u64::MAX, |file| file.len())))
}

pub(super) fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE);
    builder
}

/// Opens or begins the chain on a simulated disk, or with repairs of the test's own choosing.
#[cfg(test)]
pub fn open_on(
    disk: impl redb::StorageBackend,
    network: &Network,
    repair: impl Fn() -> Repair + Send + Sync + 'static,
) -> Result<RedbStore> {
    let path = Path::new("the simulated disk");
    let database = builder().create_with_backend(disk);
    let database = database.map_err(|error| OpenError::from_database(path.into(), error))?;
    connect(database, path, network, Box::new(repair))
}

/// An empty database, in place of one that an earlier start may have left half made.
fn create(path: &Path) -> Result<Database> {
    let database = builder().create(path).or_else(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => Err(error),
        _ => fs::remove_file(path).map_err(DatabaseError::from).and_then(|()| builder().create(path)),
    });
    database.map_err(|error| OpenError::from_database(path.into(), error))
}

/// A crash leaves either no database of the final name or a whole one.
fn put_in_place(unfinished: &Path, path: &Path, folder: &Path) -> io::Result<()> {
    fs::rename(unfinished, path)?;
    if cfg!(unix) {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Makes sure that an open database is a chain of this network, and begins one in an empty database.
/// `path` is for the messages.
fn connect(database: Database, path: &Path, network: &Network, repair: Decide) -> Result<RedbStore> {
    let failed = |error| OpenError::from_store(path.into(), error);
    match Identity::read(&database).map_err(failed)? {
        Some(identity) => {
            identity.check(path, network)?;
            upgrade::from(identity.format, &database).map_err(failed)?;
        }
        None => initialise(&database, network).map_err(failed)?,
    }
    RedbStore::new(database, repair).map_err(failed)
}

/// Which chain this is, in which format.
pub(super) struct Identity {
    pub(super) format: u32,
    genesis: BlockHash,
}

impl Identity {
    /// `None` when the database is empty.
    pub(super) fn read(database: &Database) -> StoreResult<Option<Self>> {
        let transaction = database.begin_read()?;
        if transaction.list_tables()?.next().is_none() {
            return Ok(None);
        }
        let meta = transaction.open_table(META)?;
        let missing = || StoreError::Damaged("it does not say which chain it holds".into());
        let format = decode("the format", meta.get(meta::FORMAT)?.ok_or_else(missing)?.value())?;
        let genesis = decode("the genesis hash", meta.get(meta::GENESIS)?.ok_or_else(missing)?.value())?;
        Ok(Some(Self { format, genesis }))
    }

    pub(super) fn check(&self, path: &Path, network: &Network) -> Result<()> {
        let (path, found, known) = (path.to_path_buf(), self.format, FORMAT);
        if found > known {
            return Err(OpenError::NewerFormat { path, found, known });
        }
        if !upgrade::KNOWN.contains(&found) {
            return Err(OpenError::OlderFormat { path, found, known });
        }
        let (found, expected) = (self.genesis, network.genesis_hash());
        if found == expected { Ok(()) } else { Err(OpenError::OtherNetwork { path, found, expected }) }
    }
}

fn initialise(database: &Database, network: &Network) -> StoreResult<()> {
    let transaction = begin_write(database, Repair::Whole)?;
    create_tables(&transaction)?;
    {
        let mut table = transaction.open_table(META)?;
        table.insert(meta::FORMAT, encode(&FORMAT).as_slice())?;
        table.insert(meta::GENESIS, network.genesis_hash().0.as_slice())?;
    }
    write::write(&transaction, &genesis_batch(network))?;
    Ok(transaction.commit()?)
}

/// Readers can open only tables that exist.
pub(super) fn create_tables(transaction: &WriteTransaction) -> StoreResult<()> {
    transaction.open_table(META)?;
    transaction.open_table(HEIGHTS)?;
    transaction.open_table(ENTRIES)?;
    transaction.open_table(BODIES)?;
    transaction.open_table(UNDO)?;
    transaction.open_table(ACTIVE)?;
    transaction.open_table(ACCOUNTS)?;
    transaction.open_table(LOCATIONS)?;
    transaction.open_table(LOG)?;
    transaction.open_table(HISTORY)?;
    transaction.open_table(FILED)?;
    transaction.open_table(OWN)?;
    transaction.open_table(JOURNAL)?;
    Ok(())
}
