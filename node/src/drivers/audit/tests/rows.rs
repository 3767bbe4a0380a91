//! Every table, with one row changed, deleted or added.

use std::fs;
use std::path::Path;

use borsh::BorshSerialize;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use redb::{Database, TableDefinition, WriteTransaction};
use shared::{
    Address, Amount, BlockHash, Height, LogEdge, TxId,
    log::LogNode,
    rules::{
        header::Position,
        ledger::{Account, Undo},
    },
};

use super::{
    super::{Progress, Stop, audit},
    chain::{FORK, Keeper, World, audited, check, now},
};
use crate::{
    drivers::store::{JOURNAL_KEPT, Key, RedbStore, Table},
    machine::{
        journal::ChainEvent,
        seal::Sealed,
        store::{Batch, Entry, Location, ReadChain as _, Standing, Store as _, Touch},
        tests::{
            branch::{Branch, key, network, note, pay},
            filing::Grower,
        },
    },
};

type Hash = &'static [u8; 32];
type AtBlock = &'static [u8; 36];

const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const HEIGHTS: TableDefinition<Hash, u32> = TableDefinition::new("heights");
const ENTRIES: TableDefinition<AtBlock, &[u8; 129]> = TableDefinition::new("entries");
const BODIES: TableDefinition<AtBlock, &[u8]> = TableDefinition::new("bodies");
const UNDO: TableDefinition<AtBlock, &[u8]> = TableDefinition::new("undo");
const ACTIVE: TableDefinition<u32, Hash> = TableDefinition::new("active");
const ACCOUNTS: TableDefinition<Hash, &[u8; 16]> = TableDefinition::new("accounts");
const LOCATIONS: TableDefinition<Hash, &[u8; 8]> = TableDefinition::new("locations");
const LOG: TableDefinition<&[u8; 9], Hash> = TableDefinition::new("log");
const HISTORY: TableDefinition<&[u8; 40], u8> = TableDefinition::new("history");
const FILED: TableDefinition<&[u8], ()> = TableDefinition::new("filed");
const OWN: TableDefinition<Hash, &[u8]> = TableDefinition::new("own");
const JOURNAL: TableDefinition<u64, &[u8]> = TableDefinition::new("journal");

fn at(height: u32, hash: &BlockHash) -> [u8; 36] {
    [&height.to_be_bytes()[..], &hash.0].concat().try_into().unwrap()
}

fn place(at: Location) -> [u8; 8] {
    [at.height.0.to_be_bytes(), at.position.to_be_bytes()].concat().try_into().unwrap()
}

fn node(node: LogNode) -> [u8; 9] {
    [&[node.level][..], &node.index.to_be_bytes()].concat().try_into().unwrap()
}

fn touch(address: &Address, at: Location) -> [u8; 40] {
    [&address.0[..], &place(at)].concat().try_into().unwrap()
}

fn filed(topic: &str, at: Location) -> Vec<u8> {
    [topic.as_bytes(), &[0, 0], &place(at)].concat()
}

fn fixed<const N: usize>(value: &impl BorshSerialize) -> [u8; N] {
    borsh::to_vec(value).unwrap().try_into().unwrap()
}

fn put<'k, 'v, K: redb::Key, V: redb::Value>(
    transaction: &WriteTransaction,
    table: TableDefinition<K, V>,
    key: K::SelfType<'k>,
    value: V::SelfType<'v>,
) {
    transaction.open_table(table).unwrap().insert(key, value).unwrap();
}

fn take<'k, K: redb::Key, V: redb::Value>(
    transaction: &WriteTransaction,
    table: TableDefinition<K, V>,
    key: K::SelfType<'k>,
) {
    assert!(transaction.open_table(table).unwrap().remove(key).unwrap().is_some(), "there is such a row");
}

/// One change of the database, in which table and row it must be found, and a word of what is said.
struct Spoil<'a>(Table, Option<Key>, &'static str, Box<dyn Fn(&WriteTransaction) + 'a>);

fn spoil<'a>(table: Table, key: Key, word: &'static str, change: impl Fn(&WriteTransaction) + 'a) -> Spoil<'a> {
    Spoil(table, Some(key), word, Box::new(change))
}

fn edit(file: &Path, change: impl Fn(&WriteTransaction)) {
    let database = Database::open(file).unwrap();
    let transaction = database.begin_write().unwrap();
    change(&transaction);
    transaction.commit().unwrap();
}

fn check_all(world: &World, spoils: &[Spoil<'_>]) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chain.redb");
    for Spoil(table, key, word, change) in spoils {
        fs::copy(world.file(), &file).unwrap();
        edit(&file, change);
        let fault = audited(folder.path()).expect_err(word);
        assert_eq!((fault.table, &fault.key), (Some(*table), key), "{word}: {fault}");
        assert!(fault.reason.contains(word), "{word}: {fault}");
    }
}

#[test]
fn a_sound_chain_passes_at_every_height() {
    let folder = tempfile::tempdir().unwrap();
    let mut keeper = Keeper::open(folder.path());
    assert_eq!(check(&keeper.snapshot()).unwrap().blocks, 1);
    let world = World::grow(folder, &mut keeper);
    let report = check(&keeper.snapshot()).unwrap();
    let tip = world.active.blocks.last().unwrap();
    assert_eq!((report.height, report.tip), (tip.height(), tip.hash()));
    assert_eq!(report.blocks, world.active.blocks.len() as u64 + 1);
    assert_eq!(report.side_blocks, 3 + 2 + 2);
    assert_eq!(report.transactions, 4 + 1 + 250 + 8);
    assert_eq!((report.transactions, report.log_root), (tip.coinbase().log_size, tip.coinbase().log_root));
    assert_eq!(report.accounts, 4);
    drop(keeper);
    assert_eq!(audited(world.folder.path()), Ok(report));
}

#[test]
fn whatever_branches_came_and_went_the_chain_is_sound() {
    for seed in 0..8 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = Keeper::open(folder.path());
        let mut best = Grower::new();
        keeper.take(&best.branch.blocks);
        for round in 0..4 {
            let (mut loser, mut winner) = (best.fork(4), best.fork(5));
            (0..random.random_range(1..5)).for_each(|_| loser.grow(&mut random));
            while winner.branch.position().work <= loser.branch.position().work {
                winner.grow(&mut random);
            }
            for branch in [&loser.branch, &winner.branch] {
                keeper.take(&branch.blocks);
                let report = check(&keeper.snapshot()).unwrap_or_else(|fault| panic!("{seed}, {round}: {fault}"));
                assert_eq!(report.tip, branch.tip());
            }
            best = winner;
        }
        assert!(check(&keeper.snapshot()).unwrap().side_blocks >= 4);
    }
}

#[test]
fn all_standings_and_kinds_of_rows_are_in_the_sample() {
    let world = World::new();
    let keeper = Keeper::open(world.folder.path());
    let snapshot = keeper.snapshot();
    let standings: Vec<_> = snapshot.entries().unwrap().map(|row| row.unwrap().2.unwrap().standing).collect();
    for standing in [Standing::Untried, Standing::Valid, Standing::Invalid] {
        assert!(standings.contains(&standing), "{standing:?}");
    }
    for table in Table::ALL {
        assert!(snapshot.keys(table).unwrap().next().is_some(), "{}", table.name());
    }
    let tip = snapshot.log().unwrap();
    assert!(tip.size() > 256 && snapshot.sealed().unwrap().is_some());
    let journal = snapshot.journal(0, usize::MAX).unwrap();
    assert!(journal.iter().any(|(_, event)| matches!(event, ChainEvent::Disconnected { .. })));
}

#[test]
fn blocks_and_their_places() {
    let world = World::new();
    let keeper = Keeper::open(world.folder.path());
    let snapshot = keeper.snapshot();
    let (active, lost) = (&world.active.blocks, &world.lost.blocks);
    let entry = |hash: &BlockHash| snapshot.entry(hash).unwrap().unwrap();
    let body =
        |block: &shared::CheckedBlock| borsh::to_vec(&(block.coinbase(), block.to_block().transactions)).unwrap();
    let (paid, side) = (active[FORK].clone(), lost[FORK].clone());
    let (paid_at, side_at) = (paid.height(), side.height());
    let by = |height: Height, hash: BlockHash| Key::BlockAt(height, hash);
    let stranger = {
        let mut branch = Branch::of(&key(7));
        branch.grow(1)
    };
    let set_entry = |t: &WriteTransaction, height: Height, hash: &BlockHash, entry: Entry| {
        put(t, ENTRIES, &at(height.0, hash), &fixed(&entry));
    };
    let standing = |hash: &BlockHash, standing| Entry { standing, ..entry(hash) };
    let position = |hash: &BlockHash, change: fn(&mut Position)| {
        let mut entry = entry(hash);
        change(&mut entry.position);
        entry
    };
    let cheat = snapshot.entries().unwrap().map(Result::unwrap);
    let (cheat_at, cheat, _) =
        cheat.into_iter().find(|row| row.2.as_ref().unwrap().standing == Standing::Invalid).unwrap();
    let spoils = [
        spoil(Table::Heights, Key::Block(side.hash()), "does not hold", |t| put(t, HEIGHTS, &side.hash().0, 9)),
        spoil(Table::Heights, Key::Block(paid.hash()), "missing", |t| take(t, HEIGHTS, &paid.hash().0)),
        spoil(Table::Heights, Key::Block(BlockHash([7; 32])), "nothing", |t| put(t, HEIGHTS, &[7; 32], 3)),
        spoil(Table::Entries, by(paid_at, paid.hash()), "header of block", |t| {
            set_entry(t, paid_at, &paid.hash(), entry(&side.hash()));
        }),
        spoil(Table::Entries, by(paid_at, paid.hash()), "does not decode", |t| {
            put(t, ENTRIES, &at(paid_at.0, &paid.hash()), &[9; 129]);
        }),
        spoil(Table::Entries, by(paid_at, paid.hash()), "active time", |t| {
            set_entry(t, paid_at, &paid.hash(), position(&paid.hash(), |position| position.active += 1));
        }),
        spoil(Table::Entries, by(side_at, side.hash()), "work", |t| {
            set_entry(t, side_at, &side.hash(), position(&side.hash(), |at| at.height = at.height.next()));
        }),
        spoil(Table::Entries, by(paid_at, paid.hash()), "not marked as valid", |t| {
            set_entry(t, paid_at, &paid.hash(), standing(&paid.hash(), Standing::Untried));
        }),
        spoil(Table::Entries, by(side_at, side.hash()), "breaks none", |t| {
            set_entry(t, side_at, &side.hash(), standing(&side.hash(), Standing::Invalid));
        }),
        spoil(Table::Entries, by(cheat_at, cheat), "marked as valid", |t| {
            set_entry(t, cheat_at, &cheat, standing(&cheat, Standing::Valid));
        }),
        spoil(Table::Active, Key::Height(paid_at), "not stored at this height", |t| {
            take(t, ENTRIES, &at(paid_at.0, &paid.hash()));
        }),
        spoil(Table::Entries, by(Height(side_at.0 + 1), lost[FORK + 1].hash()), "is not stored below it", |t| {
            take(t, ENTRIES, &at(side_at.0, &side.hash()));
        }),
        spoil(Table::Entries, by(Height(900), paid.hash()), "no block is stored at height", |t| {
            set_entry(t, Height(900), &paid.hash(), entry(&paid.hash()));
        }),
        spoil(Table::Heights, Key::Block(side.hash()), "does not hold", |t| {
            set_entry(t, side_at.next(), &side.hash(), entry(&side.hash()));
        }),
        spoil(Table::Bodies, by(paid_at, paid.hash()), "does not decode", |t| {
            put(t, BODIES, &at(paid_at.0, &paid.hash()), &[1, 2, 3]);
        }),
        spoil(Table::Bodies, by(side_at, side.hash()), "missing", |t| take(t, BODIES, &at(side_at.0, &side.hash()))),
        spoil(Table::Bodies, by(paid_at, paid.hash()), "not those of the block", |t| {
            let mut block = paid.to_block();
            block.transactions = vec![pay(&key(2), 1, Address::of(&key(8)), 34, 1)];
            put(
                t,
                BODIES,
                &at(paid_at.0, &paid.hash()),
                &borsh::to_vec(&(block.coinbase, block.transactions)).unwrap(),
            );
        }),
        spoil(Table::Bodies, by(side_at, side.hash()), "not those of the block", |t| {
            let mut block = side.to_block();
            block.transactions[1] = note(&key(3), 1, 6, 1);
            put(
                t,
                BODIES,
                &at(side_at.0, &side.hash()),
                &borsh::to_vec(&(block.coinbase, block.transactions)).unwrap(),
            );
        }),
        spoil(Table::Bodies, by(side_at, side.hash()), "signature", |t| {
            let mut block = side.to_block();
            block.transactions[1].signature[3] ^= 1;
            put(
                t,
                BODIES,
                &at(side_at.0, &side.hash()),
                &borsh::to_vec(&(block.coinbase, block.transactions)).unwrap(),
            );
        }),
        spoil(Table::Bodies, by(Height(1), stranger.hash()), "nothing", |t| {
            put(t, BODIES, &at(1, &stranger.hash()), &body(&stranger));
        }),
        spoil(Table::Bodies, by(Height(0), network().genesis_hash()), "does not decode", |t| {
            put(t, BODIES, &at(0, &network().genesis_hash()), &[]);
        }),
    ];
    check_all(&world, &spoils);
}

#[test]
fn the_active_chain_and_its_accounts() {
    let world = World::new();
    let keeper = Keeper::open(world.folder.path());
    let snapshot = keeper.snapshot();
    let (active, lost) = (&world.active.blocks, &world.lost.blocks);
    let tip = active.last().unwrap();
    let (paid, side) = (active[FORK].clone(), lost[FORK].clone());
    let paid_key = || Key::BlockAt(paid.height(), paid.hash());
    let undo = snapshot.undo(&paid.hash()).unwrap().unwrap();
    let richer = {
        let mut undo = undo.clone();
        undo.accounts[0].1.balance = Amount::MAX;
        borsh::to_vec(&undo).unwrap()
    };
    let other_log = borsh::to_vec(&Undo { log: snapshot.log().unwrap(), ..undo.clone() }).unwrap();
    let ben = Address::of(&key(2));
    let rich = Account { balance: Amount::MAX, nonce: 0 };
    let spoils = [
        spoil(Table::Undo, paid_key(), "does not hold", |t| put(t, UNDO, &at(paid.height().0, &paid.hash()), &richer)),
        spoil(Table::Undo, paid_key(), "does not hold", |t| {
            put(t, UNDO, &at(paid.height().0, &paid.hash()), &other_log)
        }),
        spoil(Table::Undo, paid_key(), "does not decode", |t| put(t, UNDO, &at(paid.height().0, &paid.hash()), &[1])),
        spoil(Table::Undo, paid_key(), "missing", |t| take(t, UNDO, &at(paid.height().0, &paid.hash()))),
        spoil(Table::Undo, Key::BlockAt(side.height(), side.hash()), "nothing", |t| {
            put(t, UNDO, &at(side.height().0, &side.hash()), &richer);
        }),
        spoil(Table::Undo, Key::BlockAt(Height(0), network().genesis_hash()), "nothing", |t| {
            put(t, UNDO, &at(0, &network().genesis_hash()), &richer);
        }),
        spoil(Table::Active, Key::Height(Height(3)), "missing", |t| take(t, ACTIVE, 3)),
        spoil(Table::Active, Key::Height(Height(0)), "not stored at this height", |t| {
            put(t, ACTIVE, 0, &active[0].hash().0);
        }),
        spoil(Table::Active, Key::Height(Height(FORK as u32 + 2)), "builds on", |t| {
            put(t, ACTIVE, FORK as u32 + 2, &lost[FORK + 1].hash().0);
        }),
        spoil(Table::Active, Key::Height(tip.height().next()), "nothing", |t| {
            put(t, ACTIVE, tip.height().0 + 1, &[7; 32]);
        }),
        spoil(Table::Active, Key::Height(tip.height()), "missing", |t| take(t, ACTIVE, tip.height().0)),
        spoil(Table::Accounts, Key::Address(ben), "the blocks make it", |t| put(t, ACCOUNTS, &ben.0, &fixed(&rich))),
        spoil(Table::Accounts, Key::Address(ben), "does not decode", |t| put(t, ACCOUNTS, &ben.0, &[255; 16])),
        spoil(Table::Accounts, Key::Address(ben), "the blocks make it", |t| take(t, ACCOUNTS, &ben.0)),
        spoil(Table::Accounts, Key::Address(Address([7; 32])), "nothing", |t| {
            put(t, ACCOUNTS, &[7; 32], &fixed(&rich));
        }),
        spoil(Table::Accounts, Key::Address(Address::of(&key(9))), "nothing", |t| {
            put(t, ACCOUNTS, &Address::of(&key(9)).0, &fixed(&Account::default()));
        }),
    ];
    check_all(&world, &spoils);
}

#[test]
fn what_is_filed_of_the_chain() {
    let world = World::new();
    let keeper = Keeper::open(world.folder.path());
    let snapshot = keeper.snapshot();
    let (active, lost) = (&world.active.blocks, &world.lost.blocks);
    let (paid, noted) = (active[FORK].transactions()[0].id(), active[3].transactions()[1].id());
    let (paid_at, noted_at) = (snapshot.location(&paid).unwrap().unwrap(), snapshot.location(&noted).unwrap().unwrap());
    let unconfirmed = lost[FORK].transactions()[1].id();
    let size = snapshot.log().unwrap().size();
    let (leaf, inner) = (LogNode::leaf(5), LogNode { level: 1, index: 0 });
    let beyond = [LogNode::leaf(size), LogNode { level: 1, index: 1 }, LogNode { level: 9, index: 0 }];
    let [ben, cem, kim] = [2, 3, 8].map(|seed| Address::of(&key(seed)));
    let reward = Location::reward(Height(FORK as u32 + 1));
    let nowhere = Location { height: Height(900), position: 0 };
    let sent = fixed::<1>(&Touch::Sent)[0];
    let filed_key = |topic: Option<&str>, at| Key::Filed(topic.map(|topic| shared::Topic::new(topic).unwrap()), at);
    let spoils = [
        spoil(Table::Locations, Key::Transaction(paid), "does not hold", |t| {
            put(t, LOCATIONS, &paid.0, &fixed(&noted_at));
        }),
        spoil(Table::Locations, Key::Transaction(paid), "missing", |t| take(t, LOCATIONS, &paid.0)),
        spoil(Table::Locations, Key::Transaction(unconfirmed), "nothing", |t| {
            put(t, LOCATIONS, &unconfirmed.0, &fixed(&paid_at));
        }),
        spoil(Table::Locations, Key::Transaction(TxId([7; 32])), "nothing", |t| {
            put(t, LOCATIONS, &[7; 32], &fixed(&nowhere));
        }),
        spoil(Table::Log, Key::Node(leaf), "does not hold", |t| put(t, LOG, &node(leaf), &[7; 32])),
        spoil(Table::Log, Key::Node(leaf), "missing", |t| take(t, LOG, &node(leaf))),
        spoil(Table::Log, Key::Node(inner), "does not hold", |t| put(t, LOG, &node(inner), &[7; 32])),
        spoil(Table::Log, Key::Node(inner), "missing", |t| take(t, LOG, &node(inner))),
        spoil(Table::Log, Key::Node(beyond[0]), "nothing", |t| put(t, LOG, &node(beyond[0]), &[7; 32])),
        spoil(Table::Log, Key::Node(beyond[1]), "nothing", |t| put(t, LOG, &node(beyond[1]), &[7; 32])),
        spoil(Table::Log, Key::Node(beyond[2]), "nothing", |t| put(t, LOG, &node(beyond[2]), &[7; 32])),
        spoil(Table::History, Key::Touch(ben, paid_at), "does not hold", |t| {
            put(t, HISTORY, &touch(&ben, paid_at), fixed::<1>(&Touch::Received)[0]);
        }),
        spoil(Table::History, Key::Touch(ben, paid_at), "does not decode", |t| {
            put(t, HISTORY, &touch(&ben, paid_at), 99);
        }),
        spoil(Table::History, Key::Touch(kim, paid_at), "missing", |t| take(t, HISTORY, &touch(&kim, paid_at))),
        spoil(Table::History, Key::Touch(ben, reward), "missing", |t| take(t, HISTORY, &touch(&ben, reward))),
        spoil(Table::History, Key::Touch(cem, paid_at), "nothing", |t| put(t, HISTORY, &touch(&cem, paid_at), sent)),
        spoil(Table::History, Key::Touch(cem, reward), "nothing", |t| put(t, HISTORY, &touch(&cem, reward), sent)),
        spoil(Table::History, Key::Touch(ben, nowhere), "nothing", |t| put(t, HISTORY, &touch(&ben, nowhere), sent)),
        spoil(Table::Filed, filed_key(Some("note"), noted_at), "missing", |t| take(t, FILED, &filed("note", noted_at))),
        spoil(Table::Filed, filed_key(None, noted_at), "missing", |t| take(t, FILED, &filed("", noted_at))),
        spoil(Table::Filed, filed_key(Some("note"), paid_at), "nothing", |t| {
            put(t, FILED, &filed("note", paid_at), ());
        }),
        spoil(Table::Filed, filed_key(Some("till"), noted_at), "nothing", |t| {
            put(t, FILED, &filed("till", noted_at), ());
        }),
        spoil(Table::Filed, filed_key(None, nowhere), "nothing", |t| put(t, FILED, &filed("", nowhere), ())),
        Spoil(Table::Filed, None, "no proper key", Box::new(|t| put(t, FILED, &[1, 2, 3], ()))),
    ];
    check_all(&world, &spoils);
}

#[test]
fn what_does_not_follow_from_the_blocks_alone() {
    let world = World::new();
    let keeper = Keeper::open(world.folder.path());
    let snapshot = keeper.snapshot();
    let (active, lost) = (&world.active.blocks, &world.lost.blocks);
    let name = |name: &str| Key::Name(name.into());
    let journal = snapshot.journal(0, usize::MAX).unwrap();
    let (last, _) = *journal.iter().rfind(|(_, event)| matches!(event, ChainEvent::Connected { .. })).unwrap();
    let (left, _) = *journal.iter().find(|(_, event)| matches!(event, ChainEvent::Disconnected { .. })).unwrap();
    let (side, _) = *journal.iter().find(|(_, event)| matches!(event, ChainEvent::Side { .. })).unwrap();
    let reorganised = journal.iter().find(|(_, event)| matches!(event, ChainEvent::Reorganised { .. })).unwrap();
    let end = snapshot.journal_end().unwrap();
    let connected = |block: &shared::CheckedBlock, height: u32, transactions: u32| {
        let event = ChainEvent::Connected { height: Height(height), hash: block.hash(), transactions };
        borsh::to_vec(&event).unwrap()
    };
    let (waiting, confirmed) = (&world.waiting, active[FORK].transactions()[0].clone());
    let lost_block = lost[FORK].clone();
    let tip_height = active.len() as u32;
    let sealed = |height: u32, hash| borsh::to_vec(&Sealed { key: [1; 32], height: Height(height), hash }).unwrap();
    let spoils = [
        spoil(Table::Meta, name("tip"), "not stored", |t| put(t, META, "tip", &[7; 32])),
        // The log and the accounts are those of the whole chain.
        spoil(Table::Meta, name("log"), "does not hold", |t| put(t, META, "tip", &active[4].hash().0)),
        spoil(Table::Meta, name("tip"), "does not decode", |t| put(t, META, "tip", &[7; 3])),
        spoil(Table::Meta, name("tip"), "missing", |t| take(t, META, "tip")),
        spoil(Table::Meta, name("log"), "does not hold", |t| {
            let undo = snapshot.undo(&active[4].hash()).unwrap().unwrap();
            put(t, META, "log", &borsh::to_vec(&undo.log).unwrap());
        }),
        spoil(Table::Meta, name("log"), "does not decode", |t| put(t, META, "log", &[1])),
        spoil(Table::Meta, name("sealed"), "not stored", |t| put(t, META, "sealed", &sealed(4, BlockHash([7; 32])))),
        spoil(Table::Meta, name("sealed"), "not stored", |t| put(t, META, "sealed", &sealed(4, active[4].hash()))),
        spoil(Table::Meta, name("sealed"), "does not decode", |t| put(t, META, "sealed", &[1])),
        spoil(Table::Meta, name("other"), "nothing", |t| put(t, META, "other", &[1])),
        spoil(Table::Own, Key::Transaction(waiting.id()), "signature", |t| {
            let mut transaction = (***waiting).clone();
            transaction.signature[5] ^= 1;
            put(t, OWN, &waiting.id().0, &borsh::to_vec(&transaction).unwrap());
        }),
        spoil(Table::Own, Key::Transaction(waiting.id()), "does not decode", |t| put(t, OWN, &waiting.id().0, &[1])),
        spoil(Table::Own, Key::Transaction(TxId([7; 32])), "it holds transaction", |t| {
            put(t, OWN, &[7; 32], &borsh::to_vec(&***waiting).unwrap());
        }),
        spoil(Table::Own, Key::Transaction(confirmed.id()), "is confirmed", |t| {
            put(t, OWN, &confirmed.id().0, &borsh::to_vec(&**confirmed).unwrap());
        }),
        spoil(Table::Journal, Key::Number(7), "does not decode", |t| put(t, JOURNAL, 7, &[99])),
        spoil(Table::Journal, Key::Number(7), "missing", |t| take(t, JOURNAL, 7)),
        spoil(Table::Journal, Key::Number(2), "missing", |t| {
            take(t, JOURNAL, 1);
            take(t, JOURNAL, 2);
        }),
        spoil(Table::Journal, Key::Number(end + 1), "missing", |t| put(t, JOURNAL, end + 2, &[0])),
        spoil(Table::Journal, Key::Number(0), "no entry has this number", |t| put(t, JOURNAL, 0, &[0])),
        spoil(Table::Journal, Key::Number(left), "was not the last", |t| {
            let better = active[0].hash();
            let event = ChainEvent::Disconnected { height: Height(1), hash: active[0].hash(), better };
            put(t, JOURNAL, left, &borsh::to_vec(&event).unwrap());
        }),
        spoil(Table::Journal, Key::Number(side), "builds on another", |t| {
            let (height, hash) = (lost_block.height(), lost_block.hash());
            let event = ChainEvent::Side { height, hash, previous: BlockHash([7; 32]) };
            put(t, JOURNAL, side, &borsh::to_vec(&event).unwrap());
        }),
        spoil(Table::Journal, Key::Number(reorganised.0), "amount of work", |t| {
            let mut event = reorganised.1.clone();
            if let ChainEvent::Reorganised { to_work, .. } = &mut event {
                *to_work = to_work.plus(*to_work);
            }
            put(t, JOURNAL, reorganised.0, &borsh::to_vec(&event).unwrap());
        }),
        spoil(Table::Journal, Key::Number(reorganised.0), "not stored at height", |t| {
            let mut event = reorganised.1.clone();
            if let ChainEvent::Reorganised { left, .. } = &mut event {
                *left += 1;
            }
            put(t, JOURNAL, reorganised.0, &borsh::to_vec(&event).unwrap());
        }),
        spoil(Table::Journal, Key::Number(last), "not stored", |t| {
            put(t, JOURNAL, last, &connected(&active[tip_height as usize - 1], tip_height - 1, 0));
        }),
        spoil(Table::Journal, Key::Number(last), "number of transactions", |t| {
            put(t, JOURNAL, last, &connected(&active[tip_height as usize - 1], tip_height, 1));
        }),
        spoil(Table::Journal, Key::Number(last), "does not build on", |t| {
            put(t, JOURNAL, last, &connected(&lost_block, lost_block.height().0, 2));
        }),
        // Where the tail of the journal is gone, its new last entry is the one at fault.
        spoil(Table::Journal, Key::Number(last - 1), "the active chain ends at", |t| {
            let mut journal = t.open_table(JOURNAL).unwrap();
            journal.retain(|number, _| number < last).unwrap();
        }),
    ];
    check_all(&world, &spoils);
}

/// As many entries as are kept, of which none says anything about blocks.
#[test]
fn a_journal_may_begin_anywhere_if_it_is_as_long_as_it_is_kept() {
    let world = World::new();
    let end = Keeper::open(world.folder.path()).snapshot().journal_end().unwrap();
    let event = borsh::to_vec(&ChainEvent::Pooled { id: TxId([7; 32]), returned: false }).unwrap();
    edit(&world.file(), |t| {
        let mut journal = t.open_table(JOURNAL).unwrap();
        journal.retain(|_, _| false).unwrap();
        (1..=JOURNAL_KEPT).for_each(|number| drop(journal.insert(end + number, event.as_slice()).unwrap()));
    });
    assert!(audited(world.folder.path()).is_ok());
    edit(&world.file(), |t| take(t, JOURNAL, end + 1));
    let fault = audited(world.folder.path()).unwrap_err();
    assert_eq!(fault.key, Some(Key::Number(end + 1)), "{fault}");
}

#[test]
fn a_table_of_nobody_is_found() {
    let world = World::new();
    edit(&world.file(), |t| put(t, TableDefinition::<u64, u64>::new("other"), 1, 1));
    let fault = audited(world.folder.path()).unwrap_err();
    assert!(fault.table.is_none() && fault.reason.contains("\"other\""), "{fault}");
}

/// A store may hold what no node would have taken: a block whose reward is one unit too much.
#[test]
fn a_block_that_breaks_a_rule_is_found_by_the_rule() {
    let mut branch = Branch::of(&key(1));
    branch.grow(1);
    let mut draft = branch.draft(Vec::new());
    draft.coinbase.reward = Amount::new(draft.coinbase.reward.units() + 1).unwrap();
    branch.push(draft.checked());
    let folder = tempfile::tempdir().unwrap();
    let mut store = RedbStore::open(folder.path(), &network()).unwrap();
    let mut batch = Batch::default();
    let mut position = Position::genesis(network().spec());
    for block in &branch.blocks {
        position = position.follow(block.header(), network().spec()).unwrap();
        let entry = Entry { header: *block.header(), position, standing: Standing::Valid };
        batch.blocks.insert(block.hash(), (entry, block.clone()));
        batch.active.insert(block.height(), Some(block.hash()));
        batch.undo.insert(block.hash(), Some(Undo { accounts: Vec::new(), log: LogEdge::default() }));
        batch.tip = Some((block.hash(), LogEdge::default()));
    }
    let miner = Undo { accounts: vec![(Address::of(&key(1)), Account::default())], log: LogEdge::default() };
    batch.undo.insert(branch.blocks[0].hash(), Some(miner));
    batch.file(&branch.blocks[0], LogEdge::default());
    store.commit(batch).unwrap();
    let fault = check(&store.reader().snapshot()).unwrap_err();
    let second = &branch.blocks[1];
    assert_eq!((fault.height, fault.block), (Some(Height(2)), Some(second.hash())));
    assert!(fault.table == Some(Table::Bodies) && fault.reason.contains("the reward is"), "{fault}");
}

#[test]
fn an_audit_tells_how_far_it_is_and_ends_when_it_is_told_to() {
    let world = World::new();
    let keeper = Keeper::open(world.folder.path());
    let snapshot = keeper.snapshot();
    let (mut seen, mut most) = (Vec::new(), 0);
    let mut watch = |progress: Progress| {
        seen.push(progress.done);
        most = progress.of;
        seen.len() < 12
    };
    assert!(matches!(audit(&snapshot, &network(), now(), &mut watch), Err(Stop::GivenUp)));
    assert!(seen.is_sorted() && seen.len() == 12 && seen.last() > seen.first());
    assert_eq!(most, world.active.blocks.len() as u64 + 1);
}
