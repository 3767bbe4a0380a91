//! The pool: transactions that are valid on top of the tip and wait to be mined. It holds, for each
//! sender, an unbroken run of nonces that the sender can afford. Nothing here knows of peers.

mod outlook;

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use shared::{
    Address, Amount, CheckedTransaction, TxId,
    rules::ledger::{self, Account, SpendError},
};

use self::outlook::Incoming;
use super::store::Result;

/// Transactions held, at most.
const MAX_COUNT: usize = 50_000;
/// Bytes of transactions held, at most.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Why a transaction does not enter the pool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// It is there already.
    #[error("it is in the pool already")]
    Known,
    /// The chain has it.
    #[error("it is confirmed already")]
    Confirmed,
    /// It cannot take effect after what the sender has pending.
    #[error(transparent)]
    Spend(#[from] SpendError),
    /// There is no room.
    #[error("the pool is full; try again after the next blocks, or with a higher fee")]
    Full,
    /// It had to leave.
    #[error("the pool is full, and one with a higher fee took its place")]
    Displaced,
}

impl PoolError {
    /// Whether the transaction can never enter any more, as far as the present chain goes.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Confirmed => true,
            Self::Spend(SpendError::Nonce { found, expected }) => found < expected,
            _ => false,
        }
    }
}

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

/// What a transaction pays, in millionths of a unit for each byte.
fn rate(transaction: &CheckedTransaction) -> u128 {
    u128::from(transaction.fee.units()) * 1_000_000 / transaction.size().max(1) as u128
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
    /// for it because they pay less.
    ///
    /// # Errors
    /// Why it does not enter.
    pub fn insert(
        &mut self,
        transaction: Arc<CheckedTransaction>,
        account: Account,
    ) -> std::result::Result<Vec<Arc<CheckedTransaction>>, PoolError> {
        if self.by_id.contains_key(&transaction.id()) {
            return Err(PoolError::Known);
        }
        ledger::debit(&transaction, self.after_pending(&transaction.sender, account)?)?;
        let displaced = self.make_room(&transaction)?;
        self.put(transaction);
        Ok(displaced)
    }

    /// Removes ends of other senders' runs that pay less, as many as needed or none.
    fn make_room(
        &mut self,
        transaction: &CheckedTransaction,
    ) -> std::result::Result<Vec<Arc<CheckedTransaction>>, PoolError> {
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

    /// A sender's account as it will be after all it has pending. What it may receive is not counted.
    fn after_pending(&self, sender: &Address, account: Account) -> std::result::Result<Account, SpendError> {
        let Some(run) = self.by_sender.get(sender) else { return Ok(account) };
        let (cost, balance) = (run.cost, account.balance);
        let balance = balance.checked_sub(cost).ok_or(SpendError::Unaffordable { cost, balance })?;
        Ok(Account { balance, nonce: account.nonce.saturating_add(run.ids.len() as u64) })
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

    /// Brings the pool in line with a changed chain: `confirmed` are gone from it, `returned` come back,
    /// and whatever no longer holds is dropped and given back with the reason. Besides the senders of
    /// these, accounts that may have become `poorer` are looked at.
    ///
    /// # Errors
    /// When an account cannot be looked up.
    pub fn follow(
        &mut self,
        confirmed: impl Iterator<Item = Arc<CheckedTransaction>>,
        returned: impl Iterator<Item = Arc<CheckedTransaction>>,
        poorer: impl Iterator<Item = Address>,
        lookup: impl Fn(&Address) -> Result<Account>,
    ) -> Result<Followed> {
        let mut touched = BTreeMap::new();
        for transaction in confirmed {
            self.remove(&transaction.id());
            touched.insert(transaction.sender, Vec::new());
        }
        for transaction in returned {
            touched.entry(transaction.sender).or_insert_with(Vec::new).push(transaction);
        }
        for address in poorer.filter(|address| self.by_sender.contains_key(address)) {
            touched.entry(address).or_insert_with(Vec::new);
        }
        let mut followed = Followed::default();
        for (sender, returned) in touched {
            self.follow_sender(&sender, returned, lookup(&sender)?, &mut followed);
        }
        Ok(followed)
    }

    /// Takes one sender's run apart and puts back what holds, what came back from blocks first.
    fn follow_sender(
        &mut self,
        sender: &Address,
        returned: Vec<Arc<CheckedTransaction>>,
        account: Account,
        followed: &mut Followed,
    ) {
        if returned.is_empty() && self.still_holds(sender, account) {
            return;
        }
        let run: Vec<TxId> = self.by_sender.get(sender).into_iter().flat_map(|run| run.ids.values()).copied().collect();
        let waiting: Vec<_> = run.iter().filter_map(|id| self.remove(id)).collect();
        let mut candidates: BTreeMap<u64, Vec<(bool, Arc<CheckedTransaction>)>> = BTreeMap::new();
        for transaction in returned {
            candidates.entry(transaction.nonce).or_default().push((true, transaction));
        }
        for transaction in waiting {
            candidates.entry(transaction.nonce).or_default().push((false, transaction));
        }
        for (is_returned, transaction) in candidates.into_values().flatten() {
            match self.insert(transaction.clone(), account) {
                Ok(displaced) => {
                    followed.dropped.extend(displaced.into_iter().map(|gone| (gone, PoolError::Displaced)));
                    if is_returned {
                        followed.returned.push(transaction);
                    }
                }
                Err(PoolError::Known) => {}
                Err(error) => followed.dropped.push((transaction, error)),
            }
        }
    }

    /// Transactions in the order in which they would be mined: by fee per byte, each sender's in order
    /// of nonce, up to `max_bytes` together.
    pub fn select(&self, max_bytes: usize) -> Vec<Arc<CheckedTransaction>> {
        let mut heads: BinaryHeap<Candidate<'_>> =
            self.by_sender.values().filter_map(|run| self.candidate(run.ids.values())).collect();
        let mut selected = Vec::new();
        let mut room = max_bytes;
        while let Some(Candidate { transaction, rest, .. }) = heads.pop() {
            if let Some(left) = room.checked_sub(transaction.size()) {
                room = left;
                selected.push(transaction.clone());
                heads.extend(self.candidate(rest));
            }
        }
        selected
    }

    fn candidate<'a>(&'a self, mut rest: std::collections::btree_map::Values<'a, u64, TxId>) -> Option<Candidate<'a>> {
        let transaction = self.by_id.get(rest.next()?)?;
        Some(Candidate { transaction, rest })
    }
}

/// What became of transactions when the chain changed.
#[derive(Debug, Default)]
pub struct Followed {
    /// Back in the pool from blocks that left the chain.
    pub returned: Vec<Arc<CheckedTransaction>>,
    /// No longer valid on the new tip.
    pub dropped: Vec<(Arc<CheckedTransaction>, PoolError)>,
}

/// A sender's next transaction and those behind it; ordered by fee per byte, then by id.
struct Candidate<'a> {
    transaction: &'a Arc<CheckedTransaction>,
    rest: std::collections::btree_map::Values<'a, u64, TxId>,
}

impl Candidate<'_> {
    fn rank(&self, other: &Self) -> std::cmp::Ordering {
        let rate = |fee: Amount, size: usize| u128::from(fee.units()) * size as u128;
        let ours = rate(self.transaction.fee, other.transaction.size());
        let theirs = rate(other.transaction.fee, self.transaction.size());
        ours.cmp(&theirs).then_with(|| other.transaction.id().cmp(&self.transaction.id()))
    }
}

impl PartialEq for Candidate<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.rank(other).is_eq()
    }
}

impl Eq for Candidate<'_> {}

impl PartialOrd for Candidate<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank(other)
    }
}
