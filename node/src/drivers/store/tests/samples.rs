//! A small world of blocks, accounts and transactions, random batches of changes to it, and everything
//! that a store can be asked about it. No sample keeps the chain's rules: a store knows none of them.

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shared::{
    Address, Amount, Block, BlockHash, ChainSpec, CheckedBlock, Coinbase, Height, LogEdge, Millis, Network, Payload,
    Topic, Transaction, TxId,
    log::LogNode,
    rules::{
        header::Position,
        ledger::{Account, Undo},
    },
    transaction::VERSION,
};

use crate::machine::{
    journal::ChainEvent,
    seal::Sealed,
    store::{Batch, Entry, Location, ReadChain, Result, Standing, Touch},
};

/// How many blocks, addresses, transactions and heights there are to speak of.
const COUNT: u8 = 12;

pub(super) fn network() -> Network {
    Network::new(ChainSpec::practice()).unwrap()
}

pub(super) fn address(number: u8) -> Address {
    Address([number; 32])
}

pub(super) fn tx_id(number: u8) -> TxId {
    TxId([number; 32])
}

pub(super) fn account(units: u64) -> Account {
    Account { balance: Amount::new(units).unwrap(), nonce: units % 7 }
}

pub(super) fn log(size: u8) -> LogEdge {
    let mut log = LogEdge::default();
    (0..size).for_each(|number| log.append(tx_id(number)));
    log
}

/// Every third one is data, the others are transfers.
pub(super) fn transaction(number: u8) -> Transaction {
    let transfer = Payload::Transfer { to: address(number + 1), amount: Amount::new(9).unwrap() };
    let data = topic(1).map(|topic| Payload::Data { topic, body: vec![number; 9] });
    Transaction {
        version: VERSION,
        sender: address(number),
        nonce: u64::from(number),
        fee: Amount::ZERO,
        time: Millis(5),
        payload: data.filter(|_| number % 3 == 2).unwrap_or(transfer),
        signature: [number; 64],
    }
}

/// Block `number`; two of them stand at each height.
pub(super) fn block(number: u8) -> Arc<CheckedBlock> {
    let coinbase = Coinbase {
        height: Height(u32::from(number / 2)),
        miner: address(number),
        reward: Amount::ZERO,
        log_size: 0,
        log_root: log(0).root(),
        extra: vec![number; 4],
    };
    let header = shared::Header { nonce: 7, coinbase_hash: coinbase.hash(), ..*network().genesis().header() };
    Arc::new(CheckedBlock::trusted(Block { header, coinbase, transactions: (0..number).map(transaction).collect() }))
}

pub(super) fn entry(block: &CheckedBlock, standing: Standing) -> Entry {
    let position = Position { height: block.height(), ..Position::genesis(network().spec()) };
    Entry { header: *block.header(), position, standing }
}

pub(super) fn undo(number: u8) -> Undo {
    Undo { accounts: (0..number).map(|other| (address(other), account(3))).collect(), log: log(number) }
}

pub(super) fn connected(number: u32) -> ChainEvent {
    ChainEvent::Connected { height: Height(number), hash: BlockHash::ZERO, transactions: number }
}

/// A batch that stores these blocks.
pub(super) fn storing(numbers: impl IntoIterator<Item = u8>) -> Batch {
    let blocks = numbers.into_iter().map(block);
    let blocks = blocks.map(|block| (block.hash(), (entry(&block, Standing::Untried), block))).collect();
    Batch { blocks, ..Batch::default() }
}

/// A few random changes of every kind. Some speak of blocks that may not be stored.
pub(super) fn random_batch(seed: u64) -> Batch {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut few = || -> Vec<u8> {
        let count = random.random_range(0..4);
        (0..count).map(|_| random.random_range(0..COUNT)).collect()
    };
    let hash = |number: &u8| block(*number).hash();
    let half = |number: u8| number.is_multiple_of(2);
    Batch {
        standings: few().iter().map(|n| (hash(n), [Standing::Valid, Standing::Invalid][usize::from(*n % 2)])).collect(),
        active: few().iter().map(|n| (Height(u32::from(*n)), half(*n).then(|| hash(n)))).collect(),
        undo: few().iter().map(|n| (hash(n), half(*n).then(|| undo(*n)))).collect(),
        accounts: few()
            .iter()
            .map(|n| (address(n / 2), if half(*n) { Account::default() } else { account(4) }))
            .collect(),
        locations: few().iter().map(|n| (tx_id(n / 2), half(*n).then(|| location(*n)))).collect(),
        log_nodes: few().iter().map(|n| (log_node(n / 2), half(*n).then_some([*n; 32]))).collect(),
        history: few().iter().map(|n| ((address(n % 3), location(n / 2)), half(*n).then(|| touch(*n)))).collect(),
        filed: few().iter().map(|n| ((topic(n % 3), location(n / 2)), half(*n).then_some(()))).collect(),
        tip: few().first().map(|n| (hash(n), log(*n))),
        sealed: few().first().map(|n| sealed(*n)),
        own: few().iter().map(|n| (tx_id(n / 2), half(*n).then(|| transaction(*n)))).collect(),
        journal: few().iter().map(|n| connected(u32::from(*n))).collect(),
        ..storing(few())
    }
}

pub(super) fn location(number: u8) -> Location {
    Location { height: Height(u32::from(number)), position: 1 }
}

/// A node of the log on one of two levels.
pub(super) fn log_node(number: u8) -> LogNode {
    LogNode { level: number % 2, index: u64::from(number / 2) }
}

/// One of two topics, of which one begins with the other, or none.
pub(super) fn topic(number: u8) -> Option<Topic> {
    (number > 0).then(|| Topic::new("till".repeat(number.into())).unwrap())
}

pub(super) fn touch(number: u8) -> Touch {
    [Touch::Sent, Touch::Received, Touch::Moved, Touch::Filed, Touch::Mined][usize::from(number % 5)]
}

pub(super) fn sealed(number: u8) -> Sealed {
    Sealed { key: [number; 32], height: Height(number.into()), hash: block(number).hash() }
}

/// All that a store answers about the samples.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answers {
    tip: Option<BlockHash>,
    log: LogEdge,
    entries: Vec<Option<Entry>>,
    blocks: Vec<Option<Arc<CheckedBlock>>>,
    undo: Vec<Option<Undo>>,
    active: Vec<Option<BlockHash>>,
    accounts: Vec<Account>,
    locations: Vec<Option<Location>>,
    transactions: Vec<Option<Transaction>>,
    log_nodes: Vec<Option<[u8; 32]>>,
    history: Vec<Vec<(Location, Touch)>>,
    filed: Vec<Vec<Location>>,
    topics: Vec<Vec<Topic>>,
    sealed: Option<Sealed>,
    own: Vec<Transaction>,
    journal: Vec<(u64, ChainEvent)>,
    journal_end: u64,
}

pub(super) fn answers(store: &impl ReadChain) -> Answers {
    try_answers(store).unwrap()
}

pub(super) fn try_answers(store: &impl ReadChain) -> Result<Answers> {
    let hashes = || (0..COUNT).map(|number| block(number).hash()).chain([network().genesis_hash()]);
    Ok(Answers {
        tip: store.tip()?,
        log: store.log()?,
        entries: hashes().map(|hash| store.entry(&hash)).collect::<Result<_>>()?,
        blocks: hashes().map(|hash| store.block(&hash)).collect::<Result<_>>()?,
        undo: hashes().map(|hash| store.undo(&hash)).collect::<Result<_>>()?,
        active: (0..COUNT).map(|height| store.hash_at(Height(height.into()))).collect::<Result<_>>()?,
        accounts: (0..COUNT).map(|number| store.account(&address(number))).collect::<Result<_>>()?,
        locations: (0..COUNT).map(|number| store.location(&tx_id(number))).collect::<Result<_>>()?,
        transactions: (0..COUNT).map(|number| store.transaction(location(number))).collect::<Result<_>>()?,
        log_nodes: (0..COUNT).map(|number| store.log_node(log_node(number))).collect::<Result<_>>()?,
        history: pages(|number, before, limit| store.history(&address(number), before, limit))?,
        filed: pages(|number, before, limit| store.filed(topic(number).as_ref(), before, limit))?,
        topics: (0..3).map(|number| store.topics(topic(number).as_ref(), 9)).collect::<Result<_>>()?,
        sealed: store.sealed()?,
        own: store.own_transactions()?,
        journal: store.journal(0, usize::MAX)?,
        journal_end: store.journal_end()?,
    })
}

/// Whole lists, and pages of one and two entries before every place.
fn pages<T>(read: impl Fn(u8, Option<Location>, usize) -> Result<Vec<T>>) -> Result<Vec<Vec<T>>> {
    let mut pages = Vec::new();
    for number in 0..3 {
        pages.push(read(number, None, usize::MAX)?);
        for before in 0..COUNT {
            pages.push(read(number, Some(location(before)), 2)?);
        }
        pages.push(read(number, None, 1)?);
    }
    Ok(pages)
}
