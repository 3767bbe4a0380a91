//! What nodes have told their users: a transaction that a node acknowledged is confirmed in the end, or
//! still kept, or has become impossible because another one used up its nonce on a chain that the node
//! had. It is never forgotten without such a reason.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::{BlockHash, CheckedTransaction, TxId};

use super::{Oracle, Violation};
use crate::machine::{
    chain::Tip,
    store::{ReadChain, Result},
};

/// A transaction that a node acknowledged.
#[derive(Debug)]
pub(super) struct Promise {
    transaction: Arc<CheckedTransaction>,
    /// Whether the node had a chain on which another one has its nonce. It may be forgotten from then on,
    /// even if that chain is given up later.
    overtaken: bool,
}

/// What became of acknowledged transactions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fates {
    /// They are on the chain.
    pub confirmed: usize,
    /// Another one took their place on the chain, or on one that the node had for a while.
    pub impossible: usize,
    /// They are kept and may still be confirmed.
    pub kept: usize,
}

impl Fates {
    /// How many were acknowledged.
    pub fn all(&self) -> usize {
        self.confirmed + self.impossible + self.kept
    }
}

impl std::ops::AddAssign for Fates {
    fn add_assign(&mut self, other: Self) {
        self.confirmed += other.confirmed;
        self.impossible += other.impossible;
        self.kept += other.kept;
    }
}

impl Oracle {
    /// Notes that a node with this tip acknowledged a transaction to its own user.
    ///
    /// # Errors
    /// When it had to refuse it, or does not keep it.
    pub fn promise(
        &mut self,
        node: usize,
        transaction: Arc<CheckedTransaction>,
        tip: &Tip,
        store: &impl ReadChain,
    ) -> std::result::Result<(), Violation> {
        let id = transaction.id();
        let fail = |what: &str| Err(Violation { node, what: format!("it acknowledged transaction {id} {what}") });
        let Some(state) = self.states.get(&tip.hash) else { return fail("on a tip that was never observed") };
        let account = state.account(&transaction.sender);
        if state.log.contains(&id) {
            return fail("although its chain has it");
        }
        if transaction.nonce < account.nonce {
            return fail("although its nonce is used up");
        }
        if transaction.cost().map_or(true, |cost| cost > account.balance) {
            return fail("although the sender cannot pay");
        }
        if !kept(store).is_ok_and(|kept| kept.contains_key(&id)) {
            return fail("before it was on its disk");
        }
        self.promises.entry(node).or_default().insert(id, Promise { transaction, overtaken: false });
        Ok(())
    }

    /// A node has a new tip: notes which of its promises that makes impossible.
    pub(super) fn overtake(&mut self, node: usize, tip: &BlockHash) {
        let Some(state) = self.states.get(tip) else { return };
        for (id, promise) in self.promises.get_mut(&node).into_iter().flatten() {
            let used = state.account(&promise.transaction.sender).nonce > promise.transaction.nonce;
            promise.overtaken |= used && !state.log.contains(id);
        }
    }

    /// Looks for what a node acknowledged: on its chain, or among what it keeps.
    ///
    /// # Errors
    /// The first that was forgotten.
    pub fn audit_promises(
        &self,
        node: usize,
        tip: &Tip,
        store: &impl ReadChain,
    ) -> std::result::Result<Fates, Violation> {
        let mut fates = Fates::default();
        let fail = |what: String| Err(Violation { node, what });
        let Some(state) = self.states.get(&tip.hash) else { return Ok(fates) };
        let kept = match kept(store) {
            Ok(kept) => kept,
            Err(error) => return fail(error.to_string()),
        };
        for (id, promised) in self.promises.get(&node).into_iter().flatten() {
            if state.log.contains(id) {
                fates.confirmed += 1;
            } else if kept.contains_key(id) {
                fates.kept += 1;
            } else if promised.overtaken {
                fates.impossible += 1;
            } else {
                return fail(format!("it has forgotten transaction {id}, which it had acknowledged"));
            }
        }
        Ok(fates)
    }

    /// What a node keeps and what could take effect next must wait in its pool, or another one of the same
    /// sender and nonce must.
    ///
    /// # Errors
    /// The first that is kept and not offered.
    pub fn audit_offers(
        &self,
        node: usize,
        tip: &Tip,
        store: &impl ReadChain,
        waiting: &[Arc<CheckedTransaction>],
    ) -> std::result::Result<(), Violation> {
        let fail = |what: String| Err(Violation { node, what });
        let Some(state) = self.states.get(&tip.hash) else { return Ok(()) };
        let kept = match kept(store) {
            Ok(kept) => kept,
            Err(error) => return fail(error.to_string()),
        };
        let offered: BTreeSet<_> = waiting.iter().map(|waiting| (waiting.sender, waiting.nonce)).collect();
        for (id, own) in &kept {
            let account = state.account(&own.sender);
            let next = own.nonce == account.nonce && own.cost().is_ok_and(|cost| cost <= account.balance);
            if next && !offered.contains(&(own.sender, own.nonce)) {
                return fail(format!("it keeps transaction {id} and does not offer it, although it could take effect"));
            }
        }
        Ok(())
    }
}

fn kept(store: &impl ReadChain) -> Result<BTreeMap<TxId, shared::Transaction>> {
    Ok(store.own_transactions()?.into_iter().map(|own| (own.id(), own)).collect())
}
