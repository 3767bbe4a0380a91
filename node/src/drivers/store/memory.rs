//! The chain in memory, for the simulator and for tests of the machine: maps, with the blocks shared
//! between all the stores that hold them. Nothing here survives its process.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

use shared::{
    Address, BlockHash, CheckedBlock, Height, LogEdge, Network, Topic, Transaction, TxId,
    log::LogNode,
    rules::{
        header::Position,
        ledger::{Account, Undo},
    },
};

use super::{FIRST, JOURNAL_KEPT, LAST, genesis_batch, unknown_block};
use crate::machine::{
    journal::ChainEvent,
    seal::Sealed,
    store::{Batch, Entry, Location, ReadChain, Result, Standing, Store, Touch},
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
    log_nodes: BTreeMap<LogNode, [u8; 32]>,
    history: BTreeMap<(Address, Location), Touch>,
    filed: BTreeMap<(Option<Topic>, Location), ()>,
    sealed: Option<Sealed>,
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
            log_nodes: BTreeMap::new(),
            history: BTreeMap::new(),
            filed: BTreeMap::new(),
            sealed: None,
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
        set_all(&mut self.log_nodes, batch.log_nodes);
        set_all(&mut self.history, batch.history);
        set_all(&mut self.filed, batch.filed);
        self.sealed = batch.sealed.or(self.sealed);
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

    fn transaction(&self, at: Location) -> Result<Option<Transaction>> {
        let block = self.active.get(&at.height).and_then(|hash| self.blocks.get(hash)).map(|stored| &stored.block);
        let transaction = block.and_then(|block| block.transactions().get(at.position as usize));
        Ok(transaction.map(|transaction| (***transaction).clone()))
    }

    fn log_node(&self, node: LogNode) -> Result<Option<[u8; 32]>> {
        Ok(self.log_nodes.get(&node).copied())
    }

    fn history(&self, address: &Address, before: Option<Location>, limit: usize) -> Result<Vec<(Location, Touch)>> {
        let first = (*address, FIRST);
        let end = before.map_or(Bound::Included((*address, LAST)), |at| Bound::Excluded((*address, at)));
        let rows = self.history.range((Bound::Included(first), end));
        Ok(rows.rev().take(limit).map(|((_, at), touch)| (*at, *touch)).collect())
    }

    fn filed(&self, topic: Option<&Topic>, before: Option<Location>, limit: usize) -> Result<Vec<Location>> {
        let key = |at| (topic.cloned(), at);
        let end = before.map_or(Bound::Included(key(LAST)), |at| Bound::Excluded(key(at)));
        let rows = self.filed.range((Bound::Included(key(FIRST)), end));
        Ok(rows.rev().take(limit).map(|((_, at), ())| *at).collect())
    }

    fn topics(&self, after: Option<&Topic>, limit: usize) -> Result<Vec<Topic>> {
        let beyond = Bound::Excluded((after.cloned(), LAST));
        let mut topics: Vec<Topic> =
            self.filed.range((beyond, Bound::Unbounded)).filter_map(|((topic, _), ())| topic.clone()).collect();
        topics.dedup();
        topics.truncate(limit);
        Ok(topics)
    }

    fn sealed(&self) -> Result<Option<Sealed>> {
        Ok(self.sealed)
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
