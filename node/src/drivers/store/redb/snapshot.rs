//! Reading: one consistent state of the database, with its tables held open. Nothing here writes.

use std::{ops::Bound, sync::Arc};

use borsh::BorshDeserialize;
use redb::{Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable};
use shared::{
    Address, Block, BlockHash, CheckedBlock, Coinbase, Height, LogEdge, Topic, Transaction, TxId,
    log::LogNode,
    rules::ledger::{Account, Undo},
};

use super::tables::{
    self, ACCOUNTS, ACTIVE, BODIES, BlockKey, ENTRIES, ENTRY_SIZE, FILED, HEIGHTS, HISTORY, HistoryKey, JOURNAL,
    LOCATIONS, LOG, META, OWN, UNDO, decode, meta,
};
use crate::{
    drivers::store::{FIRST, LAST},
    machine::{
        journal::ChainEvent,
        seal::Sealed,
        store::{Entry, Location, ReadChain, Result, StoreError, Touch},
    },
};

/// The chain as of one commit, however many follow it. The database cannot reuse what a snapshot may
/// still read, so it should not live longer than one request.
pub struct Snapshot {
    pub(super) transaction: ReadTransaction,
    pub(super) meta: ReadOnlyTable<&'static str, &'static [u8]>,
    pub(super) heights: ReadOnlyTable<&'static [u8; 32], u32>,
    pub(super) entries: ReadOnlyTable<&'static BlockKey, &'static [u8; ENTRY_SIZE]>,
    pub(super) bodies: ReadOnlyTable<&'static BlockKey, &'static [u8]>,
    pub(super) undo: ReadOnlyTable<&'static BlockKey, &'static [u8]>,
    pub(super) active: ReadOnlyTable<u32, &'static [u8; 32]>,
    pub(super) accounts: ReadOnlyTable<&'static [u8; 32], &'static [u8; 16]>,
    pub(super) locations: ReadOnlyTable<&'static [u8; 32], &'static [u8; 8]>,
    pub(super) log: ReadOnlyTable<&'static [u8; 9], &'static [u8; 32]>,
    pub(super) history: ReadOnlyTable<&'static HistoryKey, u8>,
    pub(super) filed: ReadOnlyTable<&'static [u8], ()>,
    pub(super) own: ReadOnlyTable<&'static [u8; 32], &'static [u8]>,
    pub(super) journal: ReadOnlyTable<u64, &'static [u8]>,
}

/// The part of a block that its entry does not hold.
#[derive(BorshDeserialize)]
struct Body {
    coinbase: Coinbase,
    transactions: Vec<Transaction>,
}

impl Snapshot {
    /// The state after the newest commit.
    pub(super) fn new(database: &Database) -> Result<Self> {
        let transaction = database.begin_read()?;
        Ok(Self {
            meta: transaction.open_table(META)?,
            heights: transaction.open_table(HEIGHTS)?,
            entries: transaction.open_table(ENTRIES)?,
            bodies: transaction.open_table(BODIES)?,
            undo: transaction.open_table(UNDO)?,
            active: transaction.open_table(ACTIVE)?,
            accounts: transaction.open_table(ACCOUNTS)?,
            locations: transaction.open_table(LOCATIONS)?,
            log: transaction.open_table(LOG)?,
            history: transaction.open_table(HISTORY)?,
            filed: transaction.open_table(FILED)?,
            own: transaction.open_table(OWN)?,
            journal: transaction.open_table(JOURNAL)?,
            transaction,
        })
    }

    fn key(&self, hash: &BlockHash) -> Result<Option<BlockKey>> {
        let height = self.heights.get(&hash.0)?;
        Ok(height.map(|height| tables::block_key(Height(height.value()), hash)))
    }

    fn entry_at(&self, key: &BlockKey, hash: &BlockHash) -> Result<Entry> {
        let bytes = self.entries.get(key)?.ok_or_else(|| missing("the entry", hash))?;
        decode(format_args!("the entry of block {hash}"), bytes.value())
    }
}

/// One transaction of a [`Body`], without decoding those behind it.
fn transaction_in(mut body: &[u8], position: u32) -> std::io::Result<Option<Transaction>> {
    Coinbase::deserialize(&mut body)?;
    if position >= u32::deserialize(&mut body)? {
        return Ok(None);
    }
    for _ in 0..position {
        Transaction::deserialize(&mut body)?;
    }
    Transaction::deserialize(&mut body).map(Some)
}

fn missing(what: &str, hash: &BlockHash) -> StoreError {
    StoreError::Damaged(format!("{what} of block {hash} is missing"))
}

impl ReadChain for Snapshot {
    fn tip(&self) -> Result<Option<BlockHash>> {
        let bytes = self.meta.get(meta::TIP)?;
        bytes.map(|bytes| decode("the tip", bytes.value())).transpose()
    }

    fn log(&self) -> Result<LogEdge> {
        let bytes = self.meta.get(meta::LOG)?;
        bytes.map_or_else(|| Ok(LogEdge::default()), |bytes| decode("the log's edge", bytes.value()))
    }

    fn entry(&self, hash: &BlockHash) -> Result<Option<Entry>> {
        self.key(hash)?.map(|key| self.entry_at(&key, hash)).transpose()
    }

    fn hash_at(&self, height: Height) -> Result<Option<BlockHash>> {
        Ok(self.active.get(height.0)?.map(|hash| BlockHash(*hash.value())))
    }

    fn block(&self, hash: &BlockHash) -> Result<Option<Arc<CheckedBlock>>> {
        let Some(key) = self.key(hash)? else { return Ok(None) };
        let header = self.entry_at(&key, hash)?.header;
        let bytes = self.bodies.get(&key)?.ok_or_else(|| missing("the body", hash))?;
        let Body { coinbase, transactions } = decode(format_args!("the body of block {hash}"), bytes.value())?;
        if coinbase.hash() != header.coinbase_hash {
            return Err(StoreError::Damaged(format!("the coinbase of block {hash} is not the one its header names")));
        }
        let block = CheckedBlock::trusted(Block { header, coinbase, transactions });
        if block.hash() != *hash {
            return Err(StoreError::Damaged(format!("what is stored as block {hash} is block {}", block.hash())));
        }
        Ok(Some(Arc::new(block)))
    }

    fn coinbase(&self, hash: &BlockHash) -> Result<Option<Coinbase>> {
        let Some(key) = self.key(hash)? else { return Ok(None) };
        let bytes = self.bodies.get(&key)?.ok_or_else(|| missing("the body", hash))?;
        let coinbase = Coinbase::deserialize(&mut bytes.value());
        coinbase
            .map(Some)
            .map_err(|error| StoreError::Damaged(format!("the coinbase of block {hash} does not decode: {error}")))
    }

    fn undo(&self, hash: &BlockHash) -> Result<Option<Undo>> {
        let Some(key) = self.key(hash)? else { return Ok(None) };
        let bytes = self.undo.get(&key)?;
        bytes.map(|bytes| decode(format_args!("the undo data of block {hash}"), bytes.value())).transpose()
    }

    fn account(&self, address: &Address) -> Result<Account> {
        let bytes = self.accounts.get(&address.0)?;
        bytes.map_or_else(
            || Ok(Account::default()),
            |bytes| decode(format_args!("the account {address}"), bytes.value()),
        )
    }

    fn location(&self, id: &TxId) -> Result<Option<Location>> {
        let bytes = self.locations.get(&id.0)?;
        bytes.map(|bytes| decode(format_args!("the location of transaction {id}"), bytes.value())).transpose()
    }

    fn transaction(&self, at: Location) -> Result<Option<Transaction>> {
        let Some(hash) = self.hash_at(at.height)? else { return Ok(None) };
        let Some(key) = self.key(&hash)? else { return Ok(None) };
        let bytes = self.bodies.get(&key)?.ok_or_else(|| missing("the body", &hash))?;
        transaction_in(bytes.value(), at.position)
            .map_err(|error| StoreError::Damaged(format!("the body of block {hash} does not decode: {error}")))
    }

    fn log_node(&self, node: LogNode) -> Result<Option<[u8; 32]>> {
        Ok(self.log.get(&tables::log_key(node))?.map(|hash| *hash.value()))
    }

    fn history(&self, address: &Address, before: Option<Location>, limit: usize) -> Result<Vec<(Location, Touch)>> {
        let first = tables::history_key(address, FIRST);
        let (last, beyond) = (tables::history_key(address, LAST), before.map(|at| tables::history_key(address, at)));
        let end = beyond.as_ref().map_or(Bound::Included(&last), Bound::Excluded);
        let rows = self.history.range::<&HistoryKey>((Bound::Included(&first), end))?;
        rows.rev()
            .take(limit)
            .map(|row| {
                let (key, touch) = row?;
                let at = tables::history_place(key.value());
                Ok((at, decode(format_args!("the history of {address}"), &[touch.value()])?))
            })
            .collect()
    }

    fn filed(&self, topic: Option<&Topic>, before: Option<Location>, limit: usize) -> Result<Vec<Location>> {
        let first = tables::filed_key(topic, FIRST);
        let (last, beyond) = (tables::filed_key(topic, LAST), before.map(|at| tables::filed_key(topic, at)));
        let end = beyond.as_deref().map_or(Bound::Included(last.as_slice()), Bound::Excluded);
        let rows = self.filed.range::<&[u8]>((Bound::Included(first.as_slice()), end))?;
        rows.rev().take(limit).map(|row| Ok(tables::filed_place(row?.0.value())?.1)).collect()
    }

    fn topics(&self, after: Option<&Topic>, limit: usize) -> Result<Vec<Topic>> {
        let mut topics = Vec::new();
        let mut beyond = tables::filed_key(after, LAST);
        while topics.len() < limit {
            let mut rows = self.filed.range::<&[u8]>((Bound::Excluded(beyond.as_slice()), Bound::Unbounded))?;
            let Some(row) = rows.next() else { break };
            let (topic, _) = tables::filed_place(row?.0.value())?;
            beyond = tables::filed_key(topic.as_ref(), LAST);
            topics.extend(topic);
        }
        Ok(topics)
    }

    fn sealed(&self) -> Result<Option<Sealed>> {
        let bytes = self.meta.get(meta::SEALED)?;
        bytes.map(|bytes| decode("the seal", bytes.value())).transpose()
    }

    fn own_transactions(&self) -> Result<Vec<Transaction>> {
        let rows = self.own.iter()?;
        rows.map(|row| {
            let (id, bytes) = row?;
            decode(format_args!("the own transaction {}", TxId(*id.value())), bytes.value())
        })
        .collect()
    }

    fn journal(&self, from: u64, limit: usize) -> Result<Vec<(u64, ChainEvent)>> {
        let rows = self.journal.range(from..)?.take(limit);
        rows.map(|row| {
            let (number, bytes) = row?;
            let number = number.value();
            Ok((number, decode(format_args!("journal entry {number}"), bytes.value())?))
        })
        .collect()
    }

    fn journal_end(&self) -> Result<u64> {
        Ok(self.journal.last()?.map_or(0, |(number, _)| number.value()))
    }
}
