//! What every store promises, run against each of them, and that they cannot be told apart.

use std::{path::Path, sync::Arc};

use shared::{
    Height, LogEdge,
    rules::{header::Position, ledger::Account},
};

use super::{
    disk::{Disk, Prepared},
    samples::{
        account, address, answers, block, connected, entry, location, log, log_node, network, random_batch, storing,
        topic, touch, transaction, tx_id, undo,
    },
};
use crate::{
    drivers::store::{JOURNAL_KEPT, MemoryStore, RedbStore},
    machine::store::{Batch, Location, ReadChain, Standing, Store, StoreError},
};

/// Makes a test of each function for each store.
macro_rules! for_both_stores {
    ($($test:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $test() { super::$test(crate::drivers::store::MemoryStore::new(&super::network())) })*
        }
        mod redb {
            $(#[test] fn $test() {
                let folder = tempfile::tempdir().unwrap();
                super::$test(crate::drivers::store::RedbStore::open(folder.path(), &super::network()).unwrap())
            })*
        }
    };
}

for_both_stores!(
    a_fresh_store_holds_the_genesis_block,
    what_is_stored_is_answered,
    none_deletes,
    default_accounts_are_no_accounts,
    a_standing_replaces_the_one_before,
    blocks_that_are_not_stored_get_nothing,
    the_journal_is_numbered_from_one,
    the_journal_keeps_the_newest,
    an_empty_batch_changes_nothing,
    histories_and_files_are_read_newest_first_by_pages,
    one_transaction_is_read_from_its_block,
);

fn a_fresh_store_holds_the_genesis_block(store: impl Store) {
    let network = network();
    let hash = network.genesis_hash();
    assert_eq!(store.tip().unwrap(), Some(hash));
    assert_eq!(store.log().unwrap(), LogEdge::default());
    assert_eq!(store.hash_at(Height::GENESIS).unwrap(), Some(hash));
    assert_eq!(store.hash_at(Height(1)).unwrap(), None);
    assert_eq!(store.block(&hash).unwrap().as_ref(), Some(network.genesis()));
    let entry = store.entry(&hash).unwrap().unwrap();
    assert_eq!(entry.header, *network.genesis().header());
    assert_eq!(entry.position, Position::genesis(network.spec()));
    assert_eq!(entry.standing, Standing::Valid);
    assert_eq!(store.undo(&hash).unwrap(), None);
    assert_eq!(store.journal(0, 10).unwrap(), []);
    assert_eq!(store.journal_end().unwrap(), 0);
    assert_eq!(store.own_transactions().unwrap(), []);
}

fn what_is_stored_is_answered(mut store: impl Store) {
    let (first, second) = (block(2), block(3));
    let batch = Batch {
        active: [(Height(1), Some(second.hash()))].into(),
        undo: [(second.hash(), Some(undo(5)))].into(),
        accounts: [(address(1), account(80))].into(),
        locations: [(tx_id(1), Some(location(3)))].into(),
        tip: Some((second.hash(), log(6))),
        own: [(tx_id(9), Some(transaction(9))), (tx_id(8), Some(transaction(1)))].into(),
        ..storing([2, 3])
    };
    store.commit(batch).unwrap();
    assert_eq!(store.block(&first.hash()).unwrap(), Some(Arc::clone(&first)));
    assert_eq!(store.block(&second.hash()).unwrap(), Some(Arc::clone(&second)));
    assert_eq!(store.entry(&first.hash()).unwrap(), Some(entry(&first, Standing::Untried)));
    assert_eq!(store.hash_at(Height(1)).unwrap(), Some(second.hash()));
    assert_eq!(store.undo(&second.hash()).unwrap(), Some(undo(5)));
    assert_eq!(store.undo(&first.hash()).unwrap(), None);
    assert_eq!(store.account(&address(1)).unwrap(), account(80));
    assert_eq!(store.location(&tx_id(1)).unwrap(), Some(location(3)));
    assert_eq!((store.tip().unwrap(), store.log().unwrap()), (Some(second.hash()), log(6)));
    assert_eq!(store.own_transactions().unwrap(), [transaction(1), transaction(9)]);
    assert_eq!(store.block(&block(7).hash()).unwrap(), None);
    assert_eq!(store.entry(&block(7).hash()).unwrap(), None);
    assert_eq!(store.location(&tx_id(2)).unwrap(), None);
}

fn histories_and_files_are_read_newest_first_by_pages(mut store: impl Store) {
    let (ann, ben) = (address(1), address(2));
    let at = |number| location(number);
    let history = (0..5).map(|n| ((ann, at(n)), Some(touch(n)))).chain([((ben, at(2)), Some(touch(0)))]).collect();
    let filed = [0, 1, 4].map(|n| ((topic(1), at(n)), Some(()))).into_iter();
    let filed = filed.chain([((topic(2), at(3)), Some(())), ((None, at(3)), Some(()))]).collect();
    store.commit(Batch { history, filed, ..Batch::default() }).unwrap();
    assert_eq!(store.history(&ann, None, 2).unwrap(), [(at(4), touch(4)), (at(3), touch(3))]);
    assert_eq!(store.history(&ann, Some(at(3)), 9).unwrap(), [2, 1, 0].map(|n| (at(n), touch(n))));
    assert_eq!(store.history(&ann, Some(at(0)), 9).unwrap(), []);
    assert_eq!(store.history(&address(3), None, 9).unwrap(), []);
    assert_eq!(store.filed(topic(1).as_ref(), None, 9).unwrap(), [at(4), at(1), at(0)]);
    assert_eq!(store.filed(topic(1).as_ref(), Some(at(4)), 1).unwrap(), [at(1)]);
    assert_eq!(store.filed(None, None, 9).unwrap(), [at(3)]);
    assert_eq!(store.topics(None, 9).unwrap(), [topic(1).unwrap(), topic(2).unwrap()]);
    assert_eq!(store.topics(topic(1).as_ref(), 9).unwrap(), [topic(2).unwrap()]);
    assert_eq!(store.topics(None, 1).unwrap(), [topic(1).unwrap()]);
}

fn one_transaction_is_read_from_its_block(mut store: impl Store) {
    let whole = block(9);
    store.commit(Batch { active: [(whole.height(), Some(whole.hash()))].into(), ..storing([9]) }).unwrap();
    let at = |height, position| Location { height, position };
    for position in 0..9 {
        let read = store.transaction(at(whole.height(), position)).unwrap();
        assert_eq!(read.as_ref(), whole.transactions().get(position as usize).map(|transaction| &***transaction));
        assert!(read.is_some());
    }
    assert_eq!(store.transaction(at(whole.height(), 9)).unwrap(), None);
    assert_eq!(store.transaction(Location::reward(whole.height())).unwrap(), None);
    assert_eq!(store.transaction(at(Height(77), 0)).unwrap(), None);
}

fn none_deletes(mut store: impl Store) {
    let before = answers(&store);
    let hash = network().genesis_hash();
    let set = Batch {
        active: [(Height(4), Some(hash))].into(),
        undo: [(hash, Some(undo(2)))].into(),
        locations: [(tx_id(1), Some(location(3)))].into(),
        log_nodes: [(log_node(1), Some([1; 32]))].into(),
        history: [((address(1), location(1)), Some(touch(1)))].into(),
        filed: [((topic(1), location(1)), Some(()))].into(),
        own: [(tx_id(1), Some(transaction(1)))].into(),
        ..Batch::default()
    };
    let unset = Batch {
        active: [(Height(4), None), (Height(5), None)].into(),
        undo: [(hash, None), (block(4).hash(), None)].into(),
        locations: [(tx_id(1), None), (tx_id(2), None)].into(),
        log_nodes: [(log_node(1), None), (log_node(2), None)].into(),
        history: [((address(1), location(1)), None), ((address(2), location(1)), None)].into(),
        filed: [((topic(1), location(1)), None), ((None, location(1)), None)].into(),
        own: [(tx_id(1), None), (tx_id(2), None)].into(),
        ..Batch::default()
    };
    store.commit(set).unwrap();
    assert_ne!(answers(&store), before);
    store.commit(unset).unwrap();
    assert_eq!(answers(&store), before);
}

fn default_accounts_are_no_accounts(mut store: impl Store) {
    let set = |account| Batch { accounts: [(address(1), account)].into(), ..Batch::default() };
    store.commit(set(account(5))).unwrap();
    store.commit(set(Account::default())).unwrap();
    assert_eq!(store.account(&address(1)).unwrap(), Account::default());
}

fn a_standing_replaces_the_one_before(mut store: impl Store) {
    let hash = block(2).hash();
    store.commit(storing([2])).unwrap();
    for standing in [Standing::Valid, Standing::Invalid] {
        store.commit(Batch { standings: [(hash, standing)].into(), ..Batch::default() }).unwrap();
        assert_eq!(store.entry(&hash).unwrap(), Some(entry(&block(2), standing)));
    }
}

fn blocks_that_are_not_stored_get_nothing(mut store: impl Store) {
    let before = answers(&store);
    let hash = block(2).hash();
    let journal = vec![connected(1)];
    let standing = Batch { standings: [(hash, Standing::Valid)].into(), journal: journal.clone(), ..Batch::default() };
    let undo = Batch { undo: [(hash, Some(undo(1)))].into(), journal, ..Batch::default() };
    for batch in [standing, undo] {
        let error = store.commit(batch).unwrap_err();
        assert!(matches!(&error, StoreError::Damaged(text) if text.contains(&hash.to_string())), "{error}");
        assert_eq!(answers(&store), before);
    }
    store.commit(storing([2])).unwrap();
}

fn the_journal_is_numbered_from_one(mut store: impl Store) {
    for events in [vec![connected(10), connected(20)], vec![connected(30)]] {
        store.commit(Batch { journal: events, ..Batch::default() }).unwrap();
    }
    let all = [(1, connected(10)), (2, connected(20)), (3, connected(30))];
    assert_eq!(store.journal_end().unwrap(), 3);
    assert_eq!(store.journal(0, 9).unwrap(), all);
    assert_eq!(store.journal(1, usize::MAX).unwrap(), all);
    assert_eq!(store.journal(2, 1).unwrap(), all[1..2]);
    assert_eq!(store.journal(4, 9).unwrap(), []);
    assert_eq!(store.journal(u64::MAX, 9).unwrap(), []);
    assert_eq!(store.journal(1, 0).unwrap(), []);
}

fn the_journal_keeps_the_newest(mut store: impl Store) {
    let kept = u32::try_from(JOURNAL_KEPT).unwrap();
    store.commit(Batch { journal: (1..=kept).map(connected).collect(), ..Batch::default() }).unwrap();
    assert_eq!(store.journal(0, 1).unwrap(), [(1, connected(1))]);
    store.commit(Batch { journal: (kept + 1..=kept + 5).map(connected).collect(), ..Batch::default() }).unwrap();
    assert_eq!(store.journal(0, 1).unwrap(), [(6, connected(6))]);
    assert_eq!(store.journal_end().unwrap(), JOURNAL_KEPT + 5);
    assert_eq!(store.journal(0, usize::MAX).unwrap().len() as u64, JOURNAL_KEPT);
    store.commit(Batch { journal: (0..2 * kept).map(connected).collect(), ..Batch::default() }).unwrap();
    assert_eq!(store.journal(0, 1).unwrap(), [(2 * JOURNAL_KEPT + 6, connected(kept))]);
}

fn an_empty_batch_changes_nothing(mut store: impl Store) {
    let before = answers(&store);
    store.commit(Batch::default()).unwrap();
    assert_eq!(answers(&store), before);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn the_stores_cannot_be_told_apart(seeds in proptest::collection::vec(proptest::prelude::any::<u64>(), 1..12)) {
        let disk = Disk::default();
        let mut memory = MemoryStore::new(&network());
        let mut redb = disk.open(Prepared::InTurn).unwrap();
        for batch in seeds.into_iter().map(random_batch) {
            let (by_memory, by_redb) = (memory.commit(batch.clone()), redb.commit(batch));
            proptest::prop_assert_eq!(by_memory.is_ok(), by_redb.is_ok());
            proptest::prop_assert_eq!(answers(&memory), answers(&redb));
        }
        drop(redb);
        proptest::prop_assert_eq!(answers(&memory), answers(&disk.open(Prepared::InTurn).unwrap()));
    }
}

#[test]
fn a_clone_of_a_memory_store_goes_its_own_way() {
    let store = MemoryStore::new(&network());
    let mut other = store.clone();
    other.commit(storing([2])).unwrap();
    assert_eq!(store.block(&block(2).hash()).unwrap(), None);
    let (first, second) = (other.block(&block(2).hash()).unwrap().unwrap(), other.clone().block(&block(2).hash()));
    assert!(Arc::ptr_eq(&first, &second.unwrap().unwrap()));
}

#[test]
fn a_snapshot_answers_as_of_its_moment() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RedbStore::open(Path::new(folder.path()), &network()).unwrap();
    let reader = store.reader();
    let old = reader.snapshot();
    let before = answers(&*old);
    for seed in 0..20 {
        store.commit(Batch { standings: [].into(), undo: [].into(), ..random_batch(seed) }).unwrap();
    }
    assert_eq!(answers(&*old), before);
    let new = std::thread::spawn(move || answers(&*reader.snapshot())).join().unwrap();
    assert_ne!(new, before);
    assert_eq!(new, answers(&store));
}
