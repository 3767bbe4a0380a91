//! The pool: transactions that are valid on top of the tip and wait to be mined. It holds, for each
//! sender, an unbroken run of nonces that the sender can afford. Nothing here knows of peers.

mod bid;
mod follow;
mod outlook;
mod select;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::{
    Address, Amount, CheckedTransaction, TxId,
    rules::ledger::{self, Account},
};

pub use self::bid::{PoolError, outbid};
use self::{bid::rate, outlook::Incoming};

/// Transactions held, at most.
const MAX_COUNT: usize = 50_000;
/// Bytes of transactions held, at most.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// A transaction that left the pool, and why.
pub type Gone = (Arc<CheckedTransaction>, PoolError);

/// Waiting transactions.
#[derive(Debug)]
pub struct Pool {
    max_count: usize,
    max_bytes: usize,
    by_id: BTreeMap<TxId, Arc<CheckedTransaction>>,
    by_sender: BTreeMap<Address, Run>,
    incoming: Incoming,
    /// The last of each sender's run by what it pays: the first of these make room when it is wanting.
    last: BTreeSet<(u128, TxId)>,
    bytes: usize,
    /// Counts changes, so that a miner sees whether its template is out of date.
    version: u64,
}

/// What one sender has waiting: consecutive nonces, from the account's next one on.
#[derive(Debug, Default)]
struct Run {
    ids: BTreeMap<u64, TxId>,
    /// What all of them together take from the account.
    cost: Amount,
}

impl Default for Pool {
    fn default() -> Self {
        Self::with_limits(MAX_COUNT, MAX_BYTES)
    }
}

impl Pool {
    /// An empty pool that holds at most so many transactions and bytes.
    pub fn with_limits(max_count: usize, max_bytes: usize) -> Self {
        Self {
            max_count,
            max_bytes,
            by_id: BTreeMap::new(),
            by_sender: BTreeMap::new(),
            incoming: Incoming::default(),
            last: BTreeSet::new(),
            bytes: 0,
            version: 0,
        }
    }

    /// The transaction with this id.
    pub fn get(&self, id: &TxId) -> Option<&Arc<CheckedTransaction>> {
        self.by_id.get(id)
    }

    /// How many transactions wait.
    pub fn count(&self) -> usize {
        self.by_id.len()
    }

    /// All ids, each sender's in order of nonce, so that whoever takes them in this order can.
    pub fn ids(&self) -> impl Iterator<Item = TxId> {
        self.by_sender.values().flat_map(|run| run.ids.values()).copied()
    }

    /// Changes whenever the contents do.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Takes a transaction, given its sender's account as of the tip. Gives back those that had to leave
    /// for it, with the reason: the one with its nonce, and others that pay less where room is wanting.
    /// What the sender has waiting behind it stays.
    ///
    /// # Errors
    /// Why it does not enter. The pool is then as it was.
    pub fn insert(&mut self, transaction: Arc<CheckedTransaction>, account: Account) -> Result<Vec<Gone>, PoolError> {
        if self.by_id.contains_key(&transaction.id()) {
            return Err(PoolError::Known);
        }
        let rival = self.rival_of(&transaction);
        self.admit(&transaction, rival.as_deref(), account)?;
        rival.iter().for_each(|rival| drop(self.remove(&rival.id())));
        let displaced = match self.make_room(&transaction) {
            Ok(displaced) => displaced,
            Err(full) => {
                rival.into_iter().for_each(|rival| self.put(rival));
                return Err(full);
            }
        };
        let by = transaction.id();
        self.put(transaction);
        let displaced = displaced.into_iter().map(|gone| (gone, PoolError::Displaced));
        Ok(rival.into_iter().map(|rival| (rival, PoolError::Replaced { by })).chain(displaced).collect())
    }

    /// The one that waits with this one's sender and nonce.
    fn rival_of(&self, transaction: &CheckedTransaction) -> Option<Arc<CheckedTransaction>> {
        let id = self.by_sender.get(&transaction.sender)?.ids.get(&transaction.nonce)?;
        self.by_id.get(id).cloned()
    }

    /// Whether a transaction follows from its sender's account and what else that has pending, in the
    /// place of its rival if there is one. What the sender may receive is not counted.
    fn admit(
        &self,
        transaction: &CheckedTransaction,
        rival: Option<&CheckedTransaction>,
        account: Account,
    ) -> Result<(), PoolError> {
        let (count, cost) =
            self.by_sender.get(&transaction.sender).map_or((0, Amount::ZERO), |run| (run.ids.len() as u64, run.cost));
        let (nonce, pending) = match rival {
            Some(rival) => {
                outbid(transaction, rival)?;
                (rival.nonce, rival.cost().ok().and_then(|theirs| cost.checked_sub(theirs)).unwrap_or_default())
            }
            None => (account.nonce.saturating_add(count), cost),
        };
        let balance = account.balance.checked_sub(pending).unwrap_or_default();
        let spent = ledger::debit(transaction, Account { balance, nonce });
        spent.map(|_| ()).map_err(|error| PoolError::of_spend(error, account, pending))
    }

    /// Removes ends of other senders' runs that pay less, as many as needed or none.
    fn make_room(&mut self, transaction: &CheckedTransaction) -> Result<Vec<Arc<CheckedTransaction>>, PoolError> {
        let mut displaced = Vec::new();
        while self.by_id.len() >= self.max_count || self.bytes + transaction.size() > self.max_bytes {
            let others = |id: &TxId| self.by_id.get(id).is_some_and(|tx| tx.sender != transaction.sender);
            let cheaper = self.last.iter().take_while(|(theirs, _)| *theirs < rate(transaction));
            let cheapest = cheaper.map(|(_, id)| *id).find(others);
            match cheapest.and_then(|id| self.remove(&id)) {
                Some(removed) => displaced.push(removed),
                None => {
                    displaced.into_iter().rev().for_each(|removed| self.put(removed));
                    return Err(PoolError::Full);
                }
            }
        }
        Ok(displaced)
    }

    fn put(&mut self, transaction: Arc<CheckedTransaction>) {
        let sender = transaction.sender;
        self.unlist(&sender);
        self.bytes += transaction.size();
        self.version += 1;
        let run = self.by_sender.entry(sender).or_default();
        run.ids.insert(transaction.nonce, transaction.id());
        // What a sender can afford is less than what can exist.
        run.cost = transaction.cost().ok().and_then(|cost| run.cost.checked_add(cost)).unwrap_or(Amount::MAX);
        self.incoming.add(&transaction);
        self.by_id.insert(transaction.id(), transaction);
        self.list(&sender);
    }

    /// The end of a sender's run and what it pays.
    fn end_of(&self, sender: &Address) -> Option<(u128, TxId)> {
        let (_, id) = self.by_sender.get(sender)?.ids.last_key_value()?;
        Some((rate(self.by_id.get(id)?), *id))
    }

    fn list(&mut self, sender: &Address) {
        self.last.extend(self.end_of(sender));
    }

    fn unlist(&mut self, sender: &Address) {
        if let Some(end) = self.end_of(sender) {
            self.last.remove(&end);
        }
    }

    /// Whether all that a sender has waiting still follows from its account.
    fn still_holds(&self, sender: &Address, account: Account) -> bool {
        let Some(run) = self.by_sender.get(sender) else { return true };
        run.ids.first_key_value().is_some_and(|(nonce, _)| *nonce == account.nonce) && run.cost <= account.balance
    }

    fn remove(&mut self, id: &TxId) -> Option<Arc<CheckedTransaction>> {
        let sender = self.by_id.get(id)?.sender;
        self.unlist(&sender);
        let transaction = self.by_id.remove(id)?;
        self.bytes -= transaction.size();
        self.version += 1;
        if let Some(run) = self.by_sender.get_mut(&sender) {
            run.ids.remove(&transaction.nonce);
            run.cost = transaction.cost().ok().and_then(|cost| run.cost.checked_sub(cost)).unwrap_or_default();
            if run.ids.is_empty() {
                self.by_sender.remove(&sender);
            }
        }
        self.incoming.remove(&transaction);
        self.list(&sender);
        Some(transaction)
    }
}
