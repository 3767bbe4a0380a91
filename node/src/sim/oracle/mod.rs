//! What must hold in every run, checked from outside. The oracle keeps the `state` after every block
//! that any node ever adopted, computed from the rules in the plainest way: each block once, from its
//! parent, with no undo, no pool and no store. `audit` holds what a node has against it, `files` how it
//! finds things, `promises` what it has told its users, and `follower` what it tells those who follow it.

mod audit;
mod files;
mod follower;
mod promises;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::{Address, Amount, BlockHash, Height, Network, TxId, Work};

pub use self::promises::Fates;
use self::{follower::Follower, promises::Promise, state::State};
use crate::machine::{chain::Tip, seal::Sealed, store::ReadChain};

/// Blocks on top of one whose log a node may sign.
const SEAL_DEPTH: u32 = 6;

/// Knows the state after every adopted block.
pub struct Oracle {
    network: Arc<Network>,
    states: BTreeMap<BlockHash, State>,
    /// Every node's tip when it was last looked at.
    tips: BTreeMap<usize, (BlockHash, Work)>,
    /// Everybody who ever had to do with an adopted block.
    addresses: BTreeSet<Address>,
    /// Every transaction of an adopted block.
    transactions: BTreeSet<TxId>,
    /// What each node acknowledged to its users.
    promises: BTreeMap<usize, BTreeMap<TxId, Promise>>,
    /// How far each node stands for its log.
    seals: BTreeMap<usize, Sealed>,
    /// What each node has told of itself.
    followers: BTreeMap<usize, Follower>,
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
        Self {
            states: BTreeMap::from([(network.genesis_hash(), State::genesis(&network))]),
            network,
            tips: BTreeMap::new(),
            addresses: BTreeSet::new(),
            transactions: BTreeSet::new(),
            promises: BTreeMap::new(),
            seals: BTreeMap::new(),
            followers: BTreeMap::new(),
        }
    }

    /// How many different blocks were ever adopted, genesis apart.
    pub fn blocks(&self) -> usize {
        self.states.len() - 1
    }

    /// The height of a block that was adopted.
    pub fn height(&self, hash: &BlockHash) -> Option<Height> {
        self.states.get(hash).map(|state| state.position.height)
    }

    /// How many transactions the chain up to an adopted block has.
    pub fn confirmed(&self, hash: &BlockHash) -> usize {
        self.states.get(hash).map_or(0, |state| state.log.len())
    }

    /// Everybody who has money on the chain up to an adopted block.
    pub fn rich(&self, hash: &BlockHash) -> Vec<Address> {
        let accounts = self.states.get(hash).into_iter().flat_map(|state| state.accounts.iter());
        accounts.filter(|(_, account)| account.balance > Amount::ZERO).map(|(address, _)| *address).collect()
    }

    /// A restarted node may have lost nothing that it had committed or promised; one that lost its disk
    /// starts from nothing.
    pub fn forget(&mut self, node: usize) {
        self.tips.remove(&node);
        self.promises.remove(&node);
        self.seals.remove(&node);
        self.followers.remove(&node);
    }

    /// Looks at a node after an event: its tip must be valid, and never have less work than before, and
    /// it must stand for its log only where it may.
    ///
    /// # Errors
    /// The rule that was broken.
    pub fn observe(&mut self, node: usize, tip: &Tip, store: &impl ReadChain) -> Result<(), Violation> {
        let now = (tip.hash, tip.position.work);
        let before = self.tips.insert(node, now);
        if before == Some(now) {
            return Ok(());
        }
        let work = before.map(|(_, work)| work).unwrap_or_default();
        if tip.position.work < work {
            return Err(Violation { node, what: format!("its work fell from {work:?} to {:?}", tip.position.work) });
        }
        self.learn(tip.hash, store).map_err(|what| Violation { node, what })?;
        self.overtake(node, &tip.hash);
        self.observe_seal(node, tip, store).map_err(|what| Violation { node, what })
    }

    /// A node stands for the log of a block on its chain that is deep enough, and never for one that
    /// contradicts what it stood for before.
    fn observe_seal(&mut self, node: usize, tip: &Tip, store: &impl ReadChain) -> Result<(), String> {
        let Some(sealed) = store.sealed().map_err(|error| error.to_string())? else { return Ok(()) };
        let before = self.seals.insert(node, sealed);
        if before == Some(sealed) {
            return Ok(());
        }
        if self.ancestor(tip.hash, sealed.height) != Some(sealed.hash) {
            return Err("it stands for the log of a block that is not on its chain".into());
        }
        if tip.position.height.0 < sealed.height.0 + SEAL_DEPTH {
            return Err(format!("it stands for the log of block {} at height {}", sealed.height, tip.position.height));
        }
        if before.is_some_and(|before| self.ancestor(sealed.hash, before.height) != Some(before.hash)) {
            return Err("it stands for a log that contradicts the one it stood for before".into());
        }
        Ok(())
    }

    /// The block at this height on the way from an adopted block down to genesis.
    fn ancestor(&self, mut hash: BlockHash, height: Height) -> Option<BlockHash> {
        loop {
            let state = self.states.get(&hash)?;
            if state.position.height <= height {
                return (state.position.height == height).then_some(hash);
            }
            hash = state.block.header().previous;
        }
    }

    /// Computes the state after a block and those below it that are new.
    fn learn(&mut self, tip: BlockHash, store: &impl ReadChain) -> Result<(), String> {
        let mut path = Vec::new();
        let mut hash = tip;
        while !self.states.contains_key(&hash) {
            let block = store.block(&hash).map_err(|error| error.to_string())?;
            let block = block.ok_or_else(|| format!("block {hash} of its chain is not stored"))?;
            hash = block.header().previous;
            path.push(block);
        }
        for block in path.into_iter().rev() {
            let after = self.states[&block.header().previous].after(&block, self.network.spec());
            let state = after.map_err(|what| format!("it adopted block {} although {what}", block.hash()))?;
            self.addresses.extend(&state.touched);
            self.transactions.extend(block.transactions().iter().map(|transaction| transaction.id()));
            self.states.insert(block.hash(), state);
        }
        Ok(())
    }
}
