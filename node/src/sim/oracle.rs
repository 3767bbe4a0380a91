//! What must hold in every run, checked from outside. The oracle keeps the state after every block that
//! any node ever adopted, computed from the rules in the plainest way: each block once, from its parent,
//! with no undo, no pool and no store.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::{
    Address, Amount, BlockHash, CheckedBlock, Height, Network, Payload, TxId, Work,
    log::leaf_hash,
    rules::{header::Position, ledger::Account},
};

use crate::{
    drivers::store::MemoryStore,
    machine::{Machine, store::ReadChain},
};

/// The chain's state after a block.
#[derive(Debug, Clone)]
struct State {
    position: Position,
    parent: BlockHash,
    accounts: Arc<BTreeMap<Address, Account>>,
    transactions: u64,
}

/// Knows the state after every adopted block.
pub struct Oracle {
    network: Arc<Network>,
    states: BTreeMap<BlockHash, State>,
    tips: BTreeMap<usize, Work>,
}

/// A rule that was broken; a run that yields one has found a bug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("node {node}: {what}")]
pub struct Violation {
    /// Which node.
    pub node: usize,
    /// What should not have been.
    pub what: String,
}

impl Oracle {
    /// An oracle that knows the genesis block.
    pub fn new(network: Arc<Network>) -> Self {
        let genesis = State {
            position: Position::genesis(network.spec()),
            parent: BlockHash::ZERO,
            accounts: Arc::default(),
            transactions: 0,
        };
        let states = BTreeMap::from([(network.genesis_hash(), genesis)]);
        Self { network, states, tips: BTreeMap::new() }
    }

    /// How many different blocks were ever adopted, genesis apart.
    pub fn blocks(&self) -> usize {
        self.states.len() - 1
    }

    /// The height of a block that was adopted.
    pub fn height(&self, hash: &BlockHash) -> Option<Height> {
        self.states.get(hash).map(|state| state.position.height)
    }

    /// A restarted node may have lost nothing that it had committed, so its work is remembered; a node
    /// that begins anew starts from nothing.
    pub fn forget(&mut self, node: usize) {
        self.tips.remove(&node);
    }

    /// Looks at a node after an event: its tip must be valid, and never have less work than before.
    ///
    /// # Errors
    /// The rule that was broken.
    pub fn observe(&mut self, node: usize, machine: &Machine<MemoryStore>) -> Result<(), Violation> {
        let tip = machine.tip();
        let before = self.tips.insert(node, tip.position.work).unwrap_or_default();
        if tip.position.work < before {
            return Err(Violation { node, what: format!("its work fell from {before:?} to {:?}", tip.position.work) });
        }
        if self.states.contains_key(&tip.hash) {
            return Ok(());
        }
        self.learn(tip.hash, machine.store()).map_err(|what| Violation { node, what })
    }

    /// Computes the state after a block and those below it that are new.
    fn learn(&mut self, tip: BlockHash, store: &MemoryStore) -> Result<(), String> {
        let mut path = Vec::new();
        let mut hash = tip;
        while !self.states.contains_key(&hash) {
            let block = store.block(&hash).map_err(|error| error.to_string())?;
            let block = block.ok_or_else(|| format!("block {hash} of its chain is not stored"))?;
            hash = block.header().previous;
            path.push(block);
        }
        for block in path.into_iter().rev() {
            let state = self.apply(&block)?;
            self.states.insert(block.hash(), state);
        }
        Ok(())
    }

    fn apply(&self, block: &CheckedBlock) -> Result<State, String> {
        let spec = self.network.spec();
        let parent = &self.states[&block.header().previous];
        let wrong = |what: &str| format!("it adopted block {} although {what}", block.hash());
        if !block.header().bits.target().is_ok_and(|target| target.is_met_by(&block.header().hash())) {
            return Err(wrong("its work is missing"));
        }
        let position = parent.position.follow(block.header(), spec).map_err(|error| wrong(&error.to_string()))?;
        let mut accounts = (*parent.accounts).clone();
        let mut money = u128::from(spec.subsidy_at(position.height).units());
        for transaction in block.transactions() {
            if TxId(leaf_hash(&transaction.to_bytes())) != transaction.id() {
                return Err(wrong("a transaction's id is not its hash"));
            }
            let sender = accounts.entry(transaction.sender).or_default();
            if sender.nonce != transaction.nonce {
                return Err(wrong("a transaction is out of order"));
            }
            sender.nonce += 1;
            let cost = transaction.cost().map_err(|error| wrong(&error.to_string()))?;
            sender.balance = sender.balance.checked_sub(cost).ok_or_else(|| wrong("a sender cannot pay"))?;
            money += u128::from(transaction.fee.units());
            if let Payload::Transfer { to, amount } = &transaction.payload {
                let receiver = accounts.entry(*to).or_default();
                receiver.balance = receiver.balance.checked_add(*amount).ok_or_else(|| wrong("money overflows"))?;
            }
        }
        if u128::from(block.coinbase().reward.units()) != money || block.height() != position.height {
            return Err(wrong("its reward or height is false"));
        }
        let miner = accounts.entry(block.coinbase().miner).or_default();
        miner.balance = miner.balance.checked_add(block.coinbase().reward).ok_or_else(|| wrong("money overflows"))?;
        let transactions = parent.transactions + block.transactions().len() as u64;
        if block.coinbase().log_size != transactions {
            return Err(wrong("its log size is false"));
        }
        Ok(State { position, parent: block.header().previous, accounts: Arc::new(accounts), transactions })
    }

    /// Compares everything that a node has on disk with what the rules make of its chain: every height,
    /// every account, and the sum of all money.
    ///
    /// # Errors
    /// The first difference.
    pub fn audit(&self, node: usize, machine: &Machine<MemoryStore>) -> Result<(), Violation> {
        let fail = |what: String| Err(Violation { node, what });
        let store = machine.store();
        let tip = machine.tip();
        let Some(state) = self.states.get(&tip.hash) else { return fail("its tip was never observed".into()) };
        if state.position != tip.position || tip.log.size() != state.transactions {
            return fail("what it says of its tip is not what the rules make of it".into());
        }
        let mut hash = tip.hash;
        for height in (0..=tip.position.height.0).rev() {
            if store.hash_at(Height(height)).ok().flatten() != Some(hash) {
                return fail(format!("its chain has another block at height {height} than its tip builds on"));
            }
            hash = self.states.get(&hash).map(|state| state.parent).unwrap_or_default();
        }
        for (address, expected) in state.accounts.iter() {
            let found = store.account(address).unwrap_or_default();
            if found != *expected {
                return fail(format!("account {address} is {found:?} where the rules make it {expected:?}"));
            }
        }
        let total: u128 = state.accounts.values().map(|account| u128::from(account.balance.units())).sum();
        let minted: u128 = (1..=tip.position.height.0)
            .map(|height| u128::from(self.network.spec().subsidy_at(Height(height)).units()))
            .sum();
        if total != minted || total > u128::from(Amount::MAX.units()) {
            return fail(format!("{total} units exist where {minted} were mined"));
        }
        Ok(())
    }
}
