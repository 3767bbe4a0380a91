//! The chain in memory, for the simulator and for tests of the machine: maps, with the blocks shared
//! between all the stores of one shelf. Nothing here survives its process.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    hash::{BuildHasherDefault, Hasher},
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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

/// Blocks, with what follows from them and those below them, once for all stores that have the same: ten
/// thousand nodes hold one copy.
#[derive(Debug, Default)]
pub struct Shelf(Mutex<HashMap<BlockHash, Shelved>>);

#[derive(Debug)]
struct Shelved {
    placed: Arc<(Position, Arc<CheckedBlock>)>,
    undo: Option<Arc<Undo>>,
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, HashMap<BlockHash, Shelved>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block in its place, as it stands here already if it does.
    fn place(
        &self,
        hash: BlockHash,
        position: Position,
        block: Arc<CheckedBlock>,
    ) -> Arc<(Position, Arc<CheckedBlock>)> {
        let placed = (position, block);
        let mut shelf = self.lock();
        let shelved = shelf.entry(hash).or_insert_with(|| Shelved { placed: Arc::new(placed.clone()), undo: None });
        if *shelved.placed == placed { shelved.placed.clone() } else { Arc::new(placed) }
    }

    /// What takes a block back, as it stands here already if it does.
    fn keep_undo(&self, hash: BlockHash, undo: Undo) -> Arc<Undo> {
        let mut shelf = self.lock();
        let Some(shelved) = shelf.get_mut(&hash) else { return Arc::new(undo) };
        match &shelved.undo {
            Some(same) if **same == undo => same.clone(),
            Some(_) => Arc::new(undo),
            None => shelved.undo.insert(Arc::new(undo)).clone(),
        }
    }
}

/// Finds blocks by bytes of their hash, which are as good as drawn by chance already.
type ByHash = BuildHasherDefault<FirstBytes>;

#[derive(Debug, Clone, Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 ^= u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A block as one store has it.
#[derive(Debug, Clone)]
struct Stored {
    placed: Arc<(Position, Arc<CheckedBlock>)>,
    standing: Standing,
    undo: Option<Arc<Undo>>,
}

/// A store that forgets everything with its process. A clone is an independent copy which shares the
/// blocks: what a simulated node finds after a restart.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    shelf: Arc<Shelf>,
    blocks: HashMap<BlockHash, Stored, ByHash>,
    active: BTreeMap<Height, BlockHash>,
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
    journal_kept: u64,
}

impl MemoryStore {
    /// A store that holds the genesis block.
    pub fn new(network: &Network) -> Self {
        let mut store = Self {
            shelf: Arc::default(),
            blocks: HashMap::default(),
            active: BTreeMap::new(),
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
            journal_kept: JOURNAL_KEPT,
        };
        store.apply(genesis_batch(network));
        store
    }

    /// The same store, but keeping no more than this many journal entries.
    pub fn keeping_journal(self, entries: u64) -> Self {
        Self { journal_kept: entries, ..self }
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
            let placed = self.shelf.place(hash, position, block);
            let undo = self.blocks.remove(&hash).and_then(|before| before.undo);
            self.blocks.insert(hash, Stored { placed, standing, undo });
        }
        for (hash, standing) in batch.standings {
            if let Some(stored) = self.blocks.get_mut(&hash) {
                stored.standing = standing;
            }
        }
        set_all(&mut self.active, batch.active);
        for (hash, undo) in batch.undo {
            if let Some(stored) = self.blocks.get_mut(&hash) {
                stored.undo = undo.map(|undo| self.shelf.keep_undo(hash, undo));
            }
        }
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
            if self.journal.len() as u64 > self.journal_kept {
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
            header: *stored.placed.1.header(),
            position: stored.placed.0,
            standing: stored.standing,
        };
        Ok(self.blocks.get(hash).map(entry))
    }

    fn hash_at(&self, height: Height) -> Result<Option<BlockHash>> {
        Ok(self.active.get(&height).copied())
    }

    fn block(&self, hash: &BlockHash) -> Result<Option<Arc<CheckedBlock>>> {
        Ok(self.blocks.get(hash).map(|stored| stored.placed.1.clone()))
    }

    fn undo(&self, hash: &BlockHash) -> Result<Option<Undo>> {
        Ok(self.blocks.get(hash).and_then(|stored| stored.undo.as_deref().cloned()))
    }

    fn account(&self, address: &Address) -> Result<Account> {
        Ok(self.accounts.get(address).copied().unwrap_or_default())
    }

    fn location(&self, id: &TxId) -> Result<Option<Location>> {
        Ok(self.locations.get(id).copied())
    }

    fn transaction(&self, at: Location) -> Result<Option<Transaction>> {
        let block = self.active.get(&at.height).and_then(|hash| self.blocks.get(hash)).map(|stored| &stored.placed.1);
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
        let skip = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX).min(self.journal.len());
        let entries = self.journal.range(skip..).take(limit).cloned();
        Ok((first + skip as u64..).zip(entries).collect())
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
