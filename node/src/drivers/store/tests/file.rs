//! What only a file can do: be reopened, locked, damaged, of another network or version, or out of reach.

use std::{fs, path::Path};

use redb::{Database, TableDefinition};
use shared::{ChainSpec, Height, Network, rules::ledger::Undo};

use super::samples::{address, answers, block, log, network, random_batch, storing, tx_id, undo};
use crate::{
    drivers::store::{OpenError, RedbReader, RedbStore, Snapshot},
    machine::store::{Batch, ReadChain, Store, StoreError},
};

fn open(folder: &Path) -> Result<RedbStore, OpenError> {
    RedbStore::open(folder, &network())
}

/// A folder with a chain in which block 6 is stored, and its database file.
fn folder_with_chain() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).unwrap().commit(storing([6])).unwrap();
    let file = folder.path().join("chain.redb");
    (folder, file)
}

fn refusal(folder: &Path) -> OpenError {
    open(folder).err().unwrap()
}

#[test]
fn a_reopened_store_answers_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut before = None;
    for seed in 0..10 {
        let mut store = open(folder.path()).unwrap();
        assert_eq!(answers(&store), before.unwrap_or_else(|| answers(&store)));
        store.commit(storing([1, 2, 3])).unwrap();
        store.commit(random_batch(seed)).ok();
        before = Some(answers(&store));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn missing_folders_are_made() {
    let folder = tempfile::tempdir().unwrap();
    open(&folder.path().join("a/b")).unwrap();
    assert!(folder.path().join("a/b/chain.redb").exists());
}

#[test]
fn an_open_store_is_locked_until_its_last_reader_is_gone() {
    let (folder, _) = folder_with_chain();
    let store = open(folder.path()).unwrap();
    let reader = store.reader();
    assert!(matches!(refusal(folder.path()), OpenError::Locked { .. }));
    drop(store);
    assert!(matches!(refusal(folder.path()), OpenError::Locked { .. }));
    drop(reader);
    open(folder.path()).unwrap();
}

#[test]
fn another_networks_chain_is_refused_with_both_hashes() {
    let (folder, _) = folder_with_chain();
    let other = Network::new(ChainSpec { spacing: 3, ..ChainSpec::practice() }).unwrap();
    let error = RedbStore::open(folder.path(), &other).err().unwrap();
    assert!(matches!(error, OpenError::OtherNetwork { .. }));
    let text = error.to_string();
    assert!(text.contains(&network().genesis_hash().to_string()) && text.contains(&other.genesis_hash().to_string()));
    assert!(open(folder.path()).is_ok());
}

#[test]
fn other_formats_are_told_apart() {
    let (folder, file) = folder_with_chain();
    write_row(&file, TableDefinition::<&str, &[u8]>::new("meta"), "format", &3u32.to_le_bytes());
    assert!(matches!(refusal(folder.path()), OpenError::NewerFormat { found: 3, known: 2, .. }));
    write_row(&file, TableDefinition::<&str, &[u8]>::new("meta"), "format", &0u32.to_le_bytes());
    assert!(matches!(refusal(folder.path()), OpenError::OlderFormat { found: 0, known: 2, .. }));
}

/// A chain written in format 1, which had no files beside the places of transactions.
#[test]
fn the_first_format_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path()).unwrap();
    store.commit(short_chain()).unwrap();
    let before = answers(&store);
    drop(store);
    let file = folder.path().join("chain.redb");
    let database = Database::create(&file).unwrap();
    let transaction = database.begin_write().unwrap();
    for table in ["log", "history", "filed"] {
        transaction.delete_table(TableDefinition::<u8, u8>::new(table)).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);
    write_row(&file, TableDefinition::<&str, &[u8]>::new("meta"), "format", &1u32.to_le_bytes());
    assert_eq!(answers(&open(folder.path()).unwrap()), before);
    assert_eq!(answers(&open(folder.path()).unwrap()), before, "once more, now in the newest format");
}

/// Three blocks on top of genesis with transfers and data, and all that is filed of them.
fn short_chain() -> Batch {
    let mut batch = storing([2, 4, 6]);
    let mut log = log(0);
    for block in [block(2), block(4), block(6)] {
        let undo = Undo { log: log.clone(), ..undo(1) };
        batch.file(&block, log.clone());
        batch.active.insert(block.height(), Some(block.hash()));
        batch.undo.insert(block.hash(), Some(undo));
        block.transactions().iter().for_each(|transaction| log.append(transaction.id()));
    }
    Batch { tip: Some((block(6).hash(), log)), ..batch }
}

fn write_row<'a, K: redb::Key, V: redb::Value>(
    file: &Path,
    table: TableDefinition<K, V>,
    key: K::SelfType<'a>,
    value: V::SelfType<'a>,
) {
    let database = Database::create(file).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(table).unwrap().insert(key, value).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn what_is_no_database_is_called_damaged() {
    let (folder, file) = folder_with_chain();
    let whole = fs::read(&file).unwrap();
    let mut no_magic = whole.clone();
    no_magic[0] = b'x';
    for bytes in [b"not a database".as_slice(), b"", &no_magic, &whole[..whole.len() / 2], &whole[..100]] {
        fs::write(&file, bytes).unwrap();
        let error = refusal(folder.path());
        assert!(matches!(error, OpenError::Damaged { .. }), "{} bytes: {error}", bytes.len());
        assert!(error.to_string().contains("move the file away"));
        assert_eq!(fs::read(&file).unwrap(), bytes, "a refused file must be left alone");
    }
}

#[test]
fn another_programs_database_is_called_damaged() {
    let folder = tempfile::tempdir().unwrap();
    write_row(&folder.path().join("chain.redb"), TableDefinition::<u64, u64>::new("other"), 1, 1);
    assert!(matches!(refusal(folder.path()), OpenError::Damaged { .. }));
}

#[test]
fn a_start_that_was_cut_short_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("chain.redb.new"), vec![0; 5000]).unwrap();
    let store = open(folder.path()).unwrap();
    assert_eq!(store.hash_at(Height::GENESIS).unwrap(), Some(network().genesis_hash()));
    assert!(!folder.path().join("chain.redb.new").exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = refusal(&path);
        assert!(matches!(error, OpenError::Unwritable { .. }), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()));
    }
}

#[test]
fn damaged_values_are_named() {
    let hash = block(6).hash();
    let key = [&3u32.to_be_bytes()[..], &hash.0].concat();
    let key: &[u8; 36] = key.as_slice().try_into().unwrap();
    let coinbase = borsh::to_vec(&(block(7).coinbase(), 0u32)).unwrap();
    let (folder, file) = folder_with_chain();
    for body in [b"junk".as_slice(), &coinbase] {
        write_row(&file, TableDefinition::<&[u8; 36], &[u8]>::new("bodies"), key, body);
        let error = open(folder.path()).unwrap().block(&hash).unwrap_err();
        assert!(matches!(&error, StoreError::Damaged(text) if text.contains(&hash.to_string())), "{error}");
    }
    write_row(&file, TableDefinition::<&[u8; 36], &[u8]>::new("undo"), key, &[1]);
    write_row(&file, TableDefinition::<&[u8; 32], &[u8; 16]>::new("accounts"), &address(1).0, &[255; 16]);
    write_row(&file, TableDefinition::<&[u8; 32], &[u8]>::new("own"), &tx_id(1).0, &[1]);
    write_row(&file, TableDefinition::<u64, &[u8]>::new("journal"), 1, &[99]);
    let store = open(folder.path()).unwrap();
    let errors = [
        store.undo(&hash).unwrap_err(),
        store.account(&address(1)).unwrap_err(),
        store.own_transactions().unwrap_err(),
        store.journal(1, 1).unwrap_err(),
    ];
    let named = [hash.to_string(), address(1).to_string(), tx_id(1).to_string(), "entry 1".to_owned()];
    for (error, name) in errors.iter().zip(named) {
        assert!(matches!(error, StoreError::Damaged(text) if text.contains(&name)), "{error}");
    }
}

#[test]
fn a_block_under_another_blocks_hash_is_damage() {
    let (hash, other) = (block(6).hash(), block(7).hash());
    let (folder, file) = folder_with_chain();
    open(folder.path()).unwrap().commit(storing([7])).unwrap();
    let key =
        |hash: &shared::BlockHash| -> [u8; 36] { [&3u32.to_be_bytes()[..], &hash.0].concat().try_into().unwrap() };
    let entry = borsh::to_vec(&open(folder.path()).unwrap().entry(&other).unwrap().unwrap()).unwrap();
    let body = borsh::to_vec(&(block(7).coinbase(), &block(7).to_block().transactions)).unwrap();
    let entry: &[u8; 129] = entry.as_slice().try_into().unwrap();
    write_row(&file, TableDefinition::<&[u8; 36], &[u8; 129]>::new("entries"), &key(&hash), entry);
    write_row(&file, TableDefinition::<&[u8; 36], &[u8]>::new("bodies"), &key(&hash), body.as_slice());
    let error = open(folder.path()).unwrap().block(&hash).unwrap_err().to_string();
    assert!(error.contains(&hash.to_string()) && error.contains(&other.to_string()), "{error}");
}

#[test]
fn readers_and_snapshots_may_go_to_other_threads() {
    fn shareable<T: Send + Sync>() {}
    shareable::<RedbReader>();
    shareable::<Snapshot>();
    let (folder, _) = folder_with_chain();
    let mut store = open(folder.path()).unwrap();
    let reader = store.reader();
    let stored = (0..20).map(|number| block(number % 12).hash()).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            // A tip is always there with its block: both came in one batch.
            for _ in 0..200 {
                let snapshot = reader.snapshot();
                let tip = snapshot.tip().unwrap().unwrap();
                assert_eq!(snapshot.block(&tip).unwrap().unwrap().hash(), tip);
            }
        });
        for (number, hash) in (0..20).zip(stored) {
            let log = super::samples::log(number);
            store.commit(Batch { tip: Some((hash, log)), ..storing([number % 12]) }).unwrap();
        }
        reading.join().unwrap();
    });
}
