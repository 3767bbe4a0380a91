//! Transactions accepted from this node's own users. They are kept on disk until they are confirmed or
//! can never be, and offered to the pool again after a restart and whenever the chain changes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::{Address, Amount, CheckedTransaction, Transaction, TxId};

use super::{
    Machine,
    journal::ChainEvent,
    pool::PoolError,
    store::{Result, Store},
};

/// What is kept on disk.
#[derive(Debug, Default)]
pub struct Own {
    ids: BTreeSet<TxId>,
    /// Those that cannot take effect on the present tip, in the order in which they might.
    aside: BTreeMap<Place, Arc<CheckedTransaction>>,
}

/// By sender and nonce; of several with the same nonce, the one that pays most first, which is the one
/// that may stay.
type Place = (Address, u64, Reverse<Amount>, TxId);

fn place(transaction: &CheckedTransaction) -> Place {
    (transaction.sender, transaction.nonce, Reverse(transaction.fee), transaction.id())
}

impl<S: Store> Machine<S> {
    /// Puts transactions kept from an earlier run back into the pool.
    pub(super) fn offer_again(&mut self, transactions: Vec<Transaction>) -> Result<()> {
        for transaction in transactions {
            let transaction = Arc::new(CheckedTransaction::trusted(transaction));
            self.own.ids.insert(transaction.id());
            self.own.aside.insert(place(&transaction), transaction);
        }
        self.offer_aside()
    }

    /// Tries again those that could not take effect before.
    pub(super) fn offer_aside(&mut self) -> Result<()> {
        for (place, transaction) in std::mem::take(&mut self.own.aside) {
            let id = transaction.id();
            if !self.own.ids.contains(&id) {
                continue;
            }
            match self.pool_transaction(transaction.clone())? {
                Ok(()) | Err(PoolError::Known) => {}
                Err(error) if error.is_final() => self.forget_own(&id),
                Err(_) => {
                    self.own.aside.insert(place, transaction);
                }
            }
        }
        Ok(())
    }

    /// Keeps a transaction on disk until it is confirmed.
    pub(super) fn keep_own(&mut self, transaction: &Arc<CheckedTransaction>) {
        self.own.ids.insert(transaction.id());
        self.chain.batch_mut().own.insert(transaction.id(), Some((***transaction).clone()));
    }

    /// A transaction is confirmed, or can never be.
    pub(super) fn forget_own(&mut self, id: &TxId) {
        if self.own.ids.remove(id) {
            self.chain.batch_mut().own.insert(*id, None);
        }
    }

    /// A transaction left the pool without being confirmed. An own one may still come back; one that was
    /// replaced cannot as long as its successor waits, for it pays less.
    pub(super) fn dropped(&mut self, transaction: Arc<CheckedTransaction>, error: &PoolError) {
        let id = transaction.id();
        self.journal(ChainEvent::Dropped { id, reason: error.to_string() });
        if error.is_final() {
            self.forget_own(&id);
        } else if self.own.ids.contains(&id) {
            self.own.aside.insert(place(&transaction), transaction);
        }
    }
}
