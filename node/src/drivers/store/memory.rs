//! The chain in memory, for the simulator and for tests of the machine: maps, with the blocks shared
//! between all the stores that hold them. Nothing here survives its process.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use shared::{
    Address, BlockHash, CheckedBlock, Height, LogEdge, Network, Transaction, TxId,
    rules::{
        header::Position,
        ledger::{Account, Undo},
    },
};

use super::{JOURNAL_KEPT, genesis_batch, unknown_block};
use crate::machine::{
    journal::ChainEvent,
    store::{Batch, Entry, Location, ReadChain, Result, Standing, Store},
};

/// A block and its place. The header is the block's own, so that each store of a simulation adds little.
#[derive(Debug, Clone)]
struct Stored {
    position: Position,
    standing: Standing,
    block: Arc<CheckedBlock>,
}

/// A store that forgets everything with its process. A clone is an independent copy which shares the
/// blocks: what a simulated node finds after a restart.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    blocks: BTreeMap<BlockHash, Stored>,
    active: BTreeMap<Height, BlockHash>,
    undo: BTreeMap<BlockHash, Undo>,
    accounts: BTreeMap<Address, Account>,
    locations: BTreeMap<TxId, Location>,
    tip: Option<BlockHash>,
    log: LogEdge,
    own: BTreeMap<TxId, Transaction>,
    journal: VecDeque<ChainEvent>,
    journal_end: u64,
}

impl MemoryStore {
    /// A store that holds the genesis block.
    pub fn new(network: &Network) -> Self {
        let mut store = Self {
            blocks: BTreeMap::new(),
            active: BTreeMap::new(),
            undo: BTreeMap::new(),
            accounts: BTreeMap::new(),
            locations: BTreeMap::new(),
            tip: None,
            log: LogEdge::default(),
            own: BTreeMap::new(),
            journal: VecDeque::new(),
            journal_end: 0,
        };
        store.apply(genesis_batch(network));
        store
    }

    fn check(&self, batch: &Batch) -> Result<()> {
        let known = |hash| self.blocks.contains_key(hash) || batch.blocks.contains_key(hash);
        if let Some(hash) = batch.standings.keys().find(|hash| !known(hash)) {
            return Err(unknown_block("a standing", hash));
        }
        match batch.undo.iter().find(|(hash, undo)| undo.is_some() && !known(hash)) {
            Some((hash, _)) => Err(unknown_block("undo data", hash)),
            None => Ok(()),
        }
    }

    fn apply(&mut self, batch: Batch) {
        for (hash, (Entry { position, standing, .. }, block)) in batch.blocks {
            self.blocks.insert(hash, Stored { position, standing, block });
        }
        for (hash, standing) in batch.standings {
            if let Some(stored) = self.blocks.get_mut(&hash) {
                stored.standing = standing;
            }
        }
        set_all(&mut self.active, batch.active);
        set_all(&mut self.undo, batch.undo);
        let accounts = batch.accounts.into_iter();
        set_all(&mut self.accounts, accounts.map(|(address, account)| (address, Some(account).filter(is_used))));
        set_all(&mut self.locations, batch.locations);
        set_all(&mut self.own, batch.own);
        if let Some((tip, log)) = batch.tip {
            self.tip = Some(tip);
            self.log = log;
        }
        self.append_journal(batch.journal);
    }

    fn append_journal(&mut self, events: Vec<ChainEvent>) {
        for event in events {
            self.journal.push_back(event);
            self.journal_end += 1;
            if self.journal.len() as u64 > JOURNAL_KEPT {
                self.journal.pop_front();
            }
        }
    }
}

fn is_used(account: &Account) -> bool {
    *account != Account::default()
}

fn set_all<K: Ord, V>(map: &mut BTreeMap<K, V>, changes: impl IntoIterator<Item = (K, Option<V>)>) {
    for (key, value) in changes {
        match value {
            Some(value) => map.insert(key, value),
            None => map.remove(&key),
        };
    }
}

impl ReadChain for MemoryStore {
    fn tip(&self) -> Result<Option<BlockHash>> {
        Ok(self.tip)
    }

    fn log(&self) -> Result<LogEdge> {
        Ok(self.log.clone())
    }

    fn entry(&self, hash: &BlockHash) -> Result<Option<Entry>> {
        let entry = |stored: &Stored| Entry {
            header: *stored.block.header(),
            position: stored.position,
            standing: stored.standing,
        };
        Ok(self.blocks.get(hash).map(entry))
    }

    fn hash_at(&self, height: Height) -> Result<Option<BlockHash>> {
        Ok(self.active.get(&height).copied())
    }

    fn block(&self, hash: &BlockHash) -> Result<Option<Arc<CheckedBlock>>> {
        Ok(self.blocks.get(hash).map(|stored| Arc::clone(&stored.block)))
    }

    fn undo(&self, hash: &BlockHash) -> Result<Option<Undo>> {
        Ok(self.undo.get(hash).cloned())
    }

    fn account(&self, address: &Address) -> Result<Account> {
        Ok(self.accounts.get(address).copied().unwrap_or_default())
    }

    fn location(&self, id: &TxId) -> Result<Option<Location>> {
        Ok(self.locations.get(id).copied())
    }

    fn own_transactions(&self) -> Result<Vec<Transaction>> {
        Ok(self.own.values().cloned().collect())
    }

    fn journal(&self, from: u64, limit: usize) -> Result<Vec<(u64, ChainEvent)>> {
        let first = self.journal_end - self.journal.len() as u64 + 1;
        let skip = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        Ok((first..).zip(self.journal.iter().cloned()).skip(skip).take(limit).collect())
    }

    fn journal_end(&self) -> Result<u64> {
        Ok(self.journal_end)
    }
}

impl Store for MemoryStore {
    fn commit(&mut self, batch: Batch) -> Result<()> {
        self.check(&batch)?;
        self.apply(batch);
        Ok(())
    }
}
