//! The pool: transactions that are valid on top of the tip and wait to be mined. It holds, for each
//! sender, an unbroken run of nonces that the sender can afford. Nothing here knows of peers.

use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use shared::{
    Address, Amount, CheckedTransaction, TxId,
    rules::ledger::{self, Account, SpendError},
};

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
    #[error("the pool is full; try again after the next blocks")]
    Full,
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
#[derive(Debug, Default)]
pub struct Pool {
    by_id: BTreeMap<TxId, Arc<CheckedTransaction>>,
    by_sender: BTreeMap<Address, BTreeMap<u64, TxId>>,
    bytes: usize,
    /// Counts changes, so that a miner sees whether its template is out of date.
    version: u64,
}

impl Pool {
    /// The transaction with this id.
    pub fn get(&self, id: &TxId) -> Option<&Arc<CheckedTransaction>> {
        self.by_id.get(id)
    }

    /// How many transactions wait.
    pub fn count(&self) -> usize {
        self.by_id.len()
    }

    /// All ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = TxId> {
        self.by_id.keys().copied()
    }

    /// Changes whenever the contents do.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Takes a transaction, given its sender's account as of the tip.
    ///
    /// # Errors
    /// Why it does not enter.
    pub fn insert(
        &mut self,
        transaction: Arc<CheckedTransaction>,
        account: Account,
    ) -> std::result::Result<(), PoolError> {
        if self.by_id.contains_key(&transaction.id()) {
            return Err(PoolError::Known);
        }
        if self.by_id.len() >= MAX_COUNT || self.bytes + transaction.size() > MAX_BYTES {
            return Err(PoolError::Full);
        }
        ledger::debit(&transaction, self.after_pending(&transaction.sender, account)?)?;
        self.bytes += transaction.size();
        self.version += 1;
        self.by_sender.entry(transaction.sender).or_default().insert(transaction.nonce, transaction.id());
        self.by_id.insert(transaction.id(), transaction);
        Ok(())
    }

    /// A sender's account as it will be after all it has pending. What it may receive is not counted.
    fn after_pending(&self, sender: &Address, account: Account) -> std::result::Result<Account, SpendError> {
        let pending = self.by_sender.get(sender).into_iter().flat_map(BTreeMap::values);
        pending.filter_map(|id| self.by_id.get(id)).try_fold(account, |account, tx| ledger::debit(tx, account))
    }

    fn remove(&mut self, id: &TxId) -> Option<Arc<CheckedTransaction>> {
        let transaction = self.by_id.remove(id)?;
        self.bytes -= transaction.size();
        self.version += 1;
        if let Some(run) = self.by_sender.get_mut(&transaction.sender) {
            run.remove(&transaction.nonce);
            if run.is_empty() {
                self.by_sender.remove(&transaction.sender);
            }
        }
        Some(transaction)
    }

    /// Brings the pool in line with a changed chain: `confirmed` are gone from it, `returned` come back,
    /// and whatever no longer holds is dropped and given back with the reason.
    ///
    /// # Errors
    /// When an account cannot be looked up.
    pub fn follow(
        &mut self,
        confirmed: impl Iterator<Item = Arc<CheckedTransaction>>,
        returned: impl Iterator<Item = Arc<CheckedTransaction>>,
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
        let run: Vec<TxId> = self.by_sender.get(sender).into_iter().flat_map(BTreeMap::values).copied().collect();
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
                Ok(()) if is_returned => followed.returned.push(transaction),
                Ok(()) | Err(PoolError::Known) => {}
                Err(error) => followed.dropped.push((transaction, error)),
            }
        }
    }

    /// Transactions in the order in which they would be mined: by fee per byte, each sender's in order
    /// of nonce, up to `max_bytes` together.
    pub fn select(&self, max_bytes: usize) -> Vec<Arc<CheckedTransaction>> {
        let mut heads: BinaryHeap<Candidate<'_>> =
            self.by_sender.values().filter_map(|run| self.candidate(run.values())).collect();
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
