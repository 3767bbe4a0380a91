//! Keeping the pool in line with the chain: what is confirmed goes, what left the chain comes back, and
//! what no longer holds is dropped.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::{Address, CheckedTransaction, TxId, rules::ledger::Account};

use super::{super::store::Result, Gone, Pool, PoolError};

/// What became of transactions when the chain changed.
#[derive(Debug, Default)]
pub struct Followed {
    /// Back in the pool from blocks that left the chain.
    pub returned: Vec<Arc<CheckedTransaction>>,
    /// No longer in the pool, or not back in it.
    pub dropped: Vec<Gone>,
}

impl Pool {
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
                Ok(gone) => {
                    followed.dropped.extend(gone);
                    if is_returned {
                        followed.returned.push(transaction);
                    }
                }
                Err(PoolError::Known) => {}
                Err(error) => followed.dropped.push((transaction, error)),
            }
        }
    }
}
