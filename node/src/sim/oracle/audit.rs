//! Comparing what a node has on disk and in its pool with what the rules make of its chain.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::{
    Address, Amount, BlockHash, CheckedTransaction, Height, Payload,
    rules::ledger::{Account, Undo},
};

use super::{Oracle, State, Violation};
use crate::machine::{
    chain::Tip,
    effect::Outlook,
    store::{ReadChain, StoreError},
};

impl Oracle {
    /// Compares everything that a node has on disk with what the rules make of its chain: every height,
    /// every account and transaction that any branch ever had, everything kept for undoing and for finding
    /// things, the log, and the sum of all money. Nodes with equal tips that pass have equal states.
    ///
    /// # Errors
    /// The first difference.
    pub fn audit(&self, node: usize, tip: &Tip, store: &impl ReadChain) -> Result<(), Violation> {
        let Some(state) = self.states.get(&tip.hash) else {
            return Err(Violation { node, what: "its tip was never observed".into() });
        };
        let checks = [
            self.audit_tip(state, tip, store),
            self.audit_chain(tip, store),
            self.audit_accounts(state, store),
            self.audit_files(tip.hash, store),
        ];
        checks.into_iter().collect::<Result<(), String>>().map_err(|what| Violation { node, what })
    }

    fn audit_tip(&self, state: &State, tip: &Tip, store: &impl ReadChain) -> Result<(), String> {
        let log = (tip.log.size(), tip.log.root());
        if state.position != tip.position || log != (state.log.len() as u64, state.log_root) {
            return Err("what it says of its tip is not what the rules make of it".into());
        }
        if store.tip().map_err(failed)? != Some(tip.hash) || store.log().map_err(failed)? != tip.log {
            return Err("its tip or its log is not the one on its disk".into());
        }
        let minted: u128 = (1..=tip.position.height.0)
            .map(|height| u128::from(self.network.spec().subsidy_at(Height(height)).units()))
            .sum();
        let total = state.money();
        if total != minted || total > u128::from(Amount::MAX.units()) {
            return Err(format!("{total} units exist where {minted} were mined"));
        }
        Ok(())
    }

    /// The active chain block by block, with what undoes it.
    fn audit_chain(&self, tip: &Tip, store: &impl ReadChain) -> Result<(), String> {
        if store.hash_at(tip.position.height.next()).map_err(failed)?.is_some() {
            return Err("its chain goes on above its tip".into());
        }
        for (state, parent) in self.chain(tip.hash) {
            let (hash, height) = (state.block.hash(), state.position.height);
            if store.hash_at(height).map_err(failed)? != Some(hash) {
                return Err(format!("its chain has another block at height {height} than its tip builds on"));
            }
            if store.block(&hash).map_err(failed)?.as_ref() != Some(&state.block) {
                return Err(format!("it does not store block {hash} as it was"));
            }
            let undo = store.undo(&hash).map_err(failed)?;
            if !undo.as_ref().map_or(parent.is_none(), |undo| parent.is_some_and(|parent| undoes(undo, state, parent)))
            {
                return Err(format!("what undoes block {hash} does not lead back to the state before it"));
            }
        }
        Ok(())
    }

    /// The states along a chain, highest first, each with the one before it.
    pub(super) fn chain(&self, tip: BlockHash) -> impl Iterator<Item = (&State, Option<&State>)> {
        let before = |state: &State| self.states.get(&state.block.header().previous);
        let states = std::iter::successors(self.states.get(&tip), move |state| before(state));
        states.map(move |state| (state, before(state)))
    }

    fn audit_accounts(&self, state: &State, store: &impl ReadChain) -> Result<(), String> {
        for address in &self.addresses {
            let (found, expected) = (store.account(address).map_err(failed)?, state.account(address));
            if found != expected {
                return Err(format!("account {address} is {found:?} where the rules make it {expected:?}"));
            }
        }
        Ok(())
    }

    /// Looks at what waits in a node's pool: each sender's run must be able to take effect, in the order
    /// given, on top of the node's tip, with nothing that the chain has already.
    ///
    /// # Errors
    /// The first that cannot.
    pub fn audit_pool(&self, node: usize, tip: &Tip, waiting: &[Arc<CheckedTransaction>]) -> Result<(), Violation> {
        let Some(state) = self.states.get(&tip.hash) else { return Ok(()) };
        let mut senders: BTreeMap<Address, Account> = BTreeMap::new();
        for transaction in waiting {
            let account = senders.entry(transaction.sender).or_insert_with(|| state.account(&transaction.sender));
            let left = transaction.cost().ok().and_then(|cost| account.balance.checked_sub(cost));
            let Some(balance) = left.filter(|_| account.nonce == transaction.nonce) else {
                let id = transaction.id();
                return Err(Violation { node, what: format!("transaction {id} waits and cannot follow {account:?}") });
            };
            *account = Account { balance, nonce: account.nonce + 1 };
        }
        Ok(())
    }

    /// Compares what a node says of an address with its chain and with everything that waits in its pool.
    ///
    /// # Errors
    /// When it says something else.
    pub fn audit_outlook(
        &self,
        node: usize,
        tip: &Tip,
        waiting: &[Arc<CheckedTransaction>],
        address: &Address,
        outlook: &Outlook,
    ) -> Result<(), Violation> {
        let Some(account) = self.states.get(&tip.hash).map(|state| state.account(address)) else { return Ok(()) };
        let sent = waiting.iter().filter(|transaction| transaction.sender == *address);
        let outgoing: u64 = sent.clone().filter_map(|transaction| transaction.cost().ok()).map(Amount::units).sum();
        let received = waiting.iter().filter_map(|transaction| match &transaction.payload {
            Payload::Transfer { to, amount } if to == address => Some(amount.units()),
            _ => None,
        });
        let expected = (account, account.nonce + sent.count() as u64, outgoing, received.sum());
        let found = (outlook.account, outlook.next_nonce, outlook.outgoing.units(), outlook.incoming.units());
        if found != expected || outlook.spendable.units() + outgoing != account.balance.units() {
            let what = format!("it says of {address} {outlook:?} where its pool and its chain make it {expected:?}");
            return Err(Violation { node, what });
        }
        Ok(())
    }
}

/// Whether an undo record is exactly the accounts that the block touched and the log, as they were before.
fn undoes(undo: &Undo, state: &State, parent: &State) -> bool {
    let before = state.touched.iter().map(|address| (*address, parent.account(address)));
    undo.accounts.iter().copied().eq(before)
        && (undo.log.size(), undo.log.root()) == (parent.log.len() as u64, parent.log_root)
}

pub(super) fn failed(error: StoreError) -> String {
    error.to_string()
}
