//! The replay of a timeline: what every node held after each entry, told by the entries alone. Holds the tree of
//! blocks with the time when each node first had each. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use node::cli::HashRate;
use serde::Serialize;
use shared::{Address, BlockHash, TxId};

use super::entry::{About, Entry, What};
use crate::network::LinkRule;

/// Heights below the lowest tip that are kept of a timeline that goes on for long.
const KEPT: u32 = 5_000;
/// Blocks that are kept of such a timeline at most besides the tips, also where one node is far behind or peers send
/// blocks without parents.
const MOST: usize = 6_000;

/// Transactions of a pool that are told in one line.
const IN_A_LINE: usize = 10_000;

/// A network at one moment. Copies share the blocks and pools in which they do not differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct State {
    /// Milliseconds: the time of the last entry.
    pub(crate) at: u64,
    pub(crate) nodes: BTreeMap<u16, NodeState>,
    /// The groups that do not reach each other; none while the network is whole.
    pub(crate) groups: Vec<Vec<u16>>,
    pub(crate) rules: Vec<LinkRule>,
    /// Every block that was told of.
    pub(crate) tree: BTreeMap<BlockHash, Arc<Block>>,
    /// Number of the last entry.
    number: u64,
    pub(crate) genesis: Option<BlockHash>,
    /// Whether time is virtual.
    pub(crate) simulated: bool,
    /// Changes of branches, each node's counted, in the timeline's present file and since.
    pub(super) reorganisations: u64,
    miners: BTreeMap<Address, BTreeSet<u16>>,
    peers: BTreeMap<String, u16>,
}

/// One node.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct NodeState {
    #[serde(rename = "state")]
    pub(crate) life: Life,
    pub(crate) height: u32,
    /// `None` if the timeline does not tell.
    pub(crate) tip: Option<BlockHash>,
    /// What waits to be mined there.
    pub(crate) pool: Arc<BTreeSet<TxId>>,
    /// Whom its blocks pay.
    pub(crate) miner: Option<Address>,
    /// How fast it may mine, if that was changed.
    #[serde(skip)]
    pub(crate) hash_rate: Option<HashRate>,
    #[serde(skip)]
    id: Option<String>,
    #[serde(skip)]
    peer: Option<String>,
    #[serde(skip)]
    journal: Option<String>,
}

/// What a node's process is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Life {
    #[default]
    Ended,
    Starting,
    Running,
    Paused,
    Removed,
}

/// A block that was told of.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Block {
    pub(crate) height: u32,
    pub(crate) about: About,
    pub(crate) transactions: u32,
    /// The transactions in it, as far as they were told.
    pub(crate) confirms: BTreeSet<TxId>,
    /// Since when each node has it.
    pub(crate) seen: BTreeMap<u16, Seen>,
    /// When it was found, if that was told.
    pub(crate) found: Option<u64>,
}

/// When a node first had a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    /// In milliseconds.
    pub(crate) at: u64,
    /// Number of the entry: what one node told within a millisecond has an order, too.
    pub(crate) order: u64,
}

impl Life {
    /// It in one word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Removed => "removed",
        }
    }
}

impl Block {
    /// The number of the entry by which the last node had it.
    fn last_heard(&self) -> u64 {
        self.seen.values().map(|seen| seen.order).max().unwrap_or(0)
    }
}

impl State {
    /// Takes in the next entry.
    pub(crate) fn apply(&mut self, entry: &Entry) {
        self.at = self.at.max(entry.at);
        self.number = match &entry.what {
            What::Begun(begun) => begun.number.max(self.number + 1),
            What::Lost { entries } => self.number.saturating_add((*entries).max(1)),
            _ => self.number + 1,
        };
        let Some(number) = entry.node else {
            self.apply_to_network(&entry.what);
            return;
        };
        let genesis = self.genesis;
        let node = self.nodes.entry(number).or_insert_with(|| NodeState { tip: genesis, ..NodeState::default() });
        if entry.journal.is_some() {
            node.journal.clone_from(&entry.journal);
        }
        match &entry.what {
            What::Started { .. } => node.life = Life::Starting,
            What::Ready { miner, peer, id, .. } => {
                node.life = Life::Running;
                node.miner = miner.or(node.miner);
                if let Some(miner) = miner {
                    self.miners.entry(*miner).or_default().insert(number);
                }
                node.id = id.clone().or(node.id.take());
                node.peer = peer.clone().or(node.peer.take());
                for name in [peer, id].into_iter().flatten() {
                    self.peers.insert(name.clone(), number);
                }
            }
            What::Ended { .. } => {
                node.life = Life::Ended;
                node.pool = Arc::default();
            }
            What::Paused => node.life = Life::Paused,
            What::Resumed => node.life = Life::Running,
            What::Removed => node.life = Life::Removed,
            What::HashRate { rate } => node.hash_rate = Some(*rate),
            What::Held { height, tip, pool } => {
                (node.height, node.tip) = (*height, Some(*tip));
                node.pool = Arc::new(pool.iter().copied().collect());
            }
            what => self.apply_to_chain(number, entry.at, what),
        }
    }

    fn apply_to_network(&mut self, what: &What) {
        match what {
            What::Begun(begun) if !begun.continued => {
                (self.genesis, self.simulated) = (begun.genesis, begun.simulated);
                // A start begins without faults and without processes.
                self.groups.clear();
                self.rules.clear();
                for node in self.nodes.values_mut().filter(|node| node.life != Life::Removed) {
                    node.life = Life::Ended;
                    node.pool = Arc::default();
                    node.hash_rate = None;
                }
                if let Some(genesis) = begun.genesis {
                    self.tree.entry(genesis).or_default();
                }
            }
            What::Begun(begun) => (self.genesis, self.simulated) = (begun.genesis, begun.simulated),
            What::Split { groups } => self.groups.clone_from(groups),
            What::Healed => self.groups.clear(),
            What::Links { rules } => self.rules.clone_from(rules),
            _ => {}
        }
    }

    fn apply_to_chain(&mut self, number: u16, at: u64, what: &What) {
        match what {
            What::Connected { height, hash, transactions, about } => {
                let below = self.nodes.get(&number).and_then(|node| node.tip);
                let about = About { previous: about.previous.or(below), ..*about };
                let block = self.see(number, at, *height, *hash, about);
                block.transactions = block.transactions.max(*transactions);
                self.set_tip(number, *height, Some(*hash));
            }
            What::Disconnected { height, hash, .. } => {
                let below = self.tree.get(hash).and_then(|block| block.about.previous);
                self.set_tip(number, height.saturating_sub(1), below);
            }
            What::Mined { height, hash, about } => {
                self.see(number, at, *height, *hash, *about).found = Some(at);
            }
            What::Side { height, hash, about } => {
                self.see(number, at, *height, *hash, *about);
            }
            What::Orphan { hash, parent, .. } => {
                let about = About { previous: Some(*parent), ..About::default() };
                let height = self.tree.get(parent).map_or(0, |parent| parent.height.saturating_add(1));
                self.see(number, at, height, *hash, about);
            }
            What::Confirmed { id, block, .. } => {
                if let Some(block) = self.tree.get_mut(block) {
                    Arc::make_mut(block).confirms.insert(*id);
                }
                self.pool(number).map(|pool| pool.remove(id));
            }
            // What a process said last may be heard after its end, when its pool is gone.
            What::Pooled { id, .. } => {
                let node = self.nodes.get_mut(&number).filter(|node| !matches!(node.life, Life::Ended | Life::Removed));
                node.map(|node| Arc::make_mut(&mut node.pool).insert(*id));
            }
            What::Dropped { id, .. } => {
                self.pool(number).map(|pool| pool.remove(id));
            }
            What::Reorganised(_) => self.reorganisations += 1,
            What::Restarted => {
                self.pool(number).map(BTreeSet::clear);
            }
            _ => {}
        }
    }

    /// Notes that a node has a block.
    fn see(&mut self, number: u16, at: u64, height: u32, hash: BlockHash, about: About) -> &mut Block {
        let seen = Seen { at, order: self.number };
        let block = Arc::make_mut(self.tree.entry(hash).or_default());
        block.height = block.height.max(height);
        let before = block.about;
        block.about = About {
            previous: before.previous.or(about.previous),
            miner: before.miner.or(about.miner),
            work: before.work.or(about.work),
            time: before.time.or(about.time),
        };
        block.seen.entry(number).or_insert(seen);
        block
    }

    fn set_tip(&mut self, number: u16, height: u32, tip: Option<BlockHash>) {
        if let Some(node) = self.nodes.get_mut(&number) {
            (node.height, node.tip) = (height, tip);
        }
    }

    fn pool(&mut self, number: u16) -> Option<&mut BTreeSet<TxId>> {
        self.nodes.get_mut(&number).map(|node| Arc::make_mut(&mut node.pool))
    }

    /// Number of the last entry that it holds.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The id of the last thing that the node's journal told.
    pub(crate) fn journal(&self, number: u16) -> Option<&str> {
        self.nodes.get(&number)?.journal.as_deref()
    }

    /// The node that has this id, or this name among peers.
    pub(crate) fn peer(&self, name: &str) -> Option<u16> {
        self.peers.get(name).copied()
    }

    /// The node that mined a block: whom it pays says so, or, where several nodes mine for one account, who had it
    /// first.
    pub(crate) fn miner_of(&self, hash: &BlockHash) -> Option<u16> {
        let block = self.tree.get(hash)?;
        let paid = self.miners.get(&block.about.miner?)?;
        let first = block.seen.iter().filter(|(number, _)| paid.contains(number)).min_by_key(|(_, seen)| **seen);
        first.map(|(number, _)| *number).or_else(|| paid.first().copied().filter(|_| paid.len() == 1))
    }

    /// This block and those below it, as far as they were told.
    pub(super) fn down_from(&self, tip: Option<BlockHash>) -> impl Iterator<Item = BlockHash> {
        // Whatever nodes tell, no way down is longer than the tree.
        let below = |hash: &BlockHash| self.tree.get(hash).and_then(|block| block.about.previous);
        std::iter::successors(tip, below).take(self.tree.len() + 1)
    }

    /// The chain with the most work that some node holds, from the tip downwards, as far as it was told.
    pub(super) fn best_chain(&self) -> impl Iterator<Item = BlockHash> {
        let held = self.nodes.values().filter_map(|node| Some((node.tip?, node.height)));
        let weight = |(tip, height): &(BlockHash, u32)| {
            let work = self.tree.get(tip).and_then(|block| block.about.work);
            (work, *height, std::cmp::Reverse(*tip))
        };
        self.down_from(held.max_by_key(weight).map(|(tip, _)| tip))
    }

    /// The hashes of a node's chain from the tip downwards, as far as they were told.
    #[cfg(test)]
    pub(crate) fn chain(&self, number: u16) -> impl Iterator<Item = BlockHash> {
        self.down_from(self.nodes.get(&number).and_then(|node| node.tip))
    }

    /// Forgets blocks that are far below every node's tip, and of too many those that nobody had for longest, for
    /// timelines that go on for long. Which transactions a block confirms is kept of none.
    pub(super) fn trim(&mut self) {
        let lowest = self.nodes.values().filter(|node| node.life != Life::Removed).map(|node| node.height).min();
        let keep = lowest.unwrap_or(0).saturating_sub(KEPT);
        self.tree.retain(|_, block| block.height >= keep);
        if self.tree.len() > MOST {
            let tips: BTreeSet<BlockHash> = self.nodes.values().filter_map(|node| node.tip).collect();
            let mut heard: Vec<u64> = self.tree.values().map(|block| block.last_heard()).collect();
            heard.sort_unstable();
            let oldest = heard[heard.len() - MOST];
            self.tree.retain(|hash, block| block.last_heard() >= oldest || tips.contains(hash));
        }
        for block in self.tree.values_mut().filter(|block| !block.confirms.is_empty()) {
            Arc::make_mut(block).confirms.clear();
        }
    }

    /// Entries that tell all of it at once, but for the tree.
    pub(super) fn told_whole(&self, at: u64) -> Vec<Entry> {
        let mut whole = Vec::new();
        for (number, node) in &self.nodes {
            let NodeState { life, height, tip, pool, miner, hash_rate, id, peer, journal } = node;
            let mut told = vec![What::Ready { miner: *miner, peer: peer.clone(), id: id.clone(), address: None }];
            told.extend(match life {
                Life::Running => None,
                Life::Starting => Some(What::Started { pid: None }),
                Life::Paused => Some(What::Paused),
                Life::Removed => Some(What::Removed),
                Life::Ended => Some(What::Ended { how: "before".to_owned(), wanted: true }),
            });
            let mut pool = pool.iter().copied();
            if let Some(tip) = *tip {
                let first = pool.by_ref().take(IN_A_LINE).collect();
                told.push(What::Held { height: *height, tip, pool: first });
            }
            told.extend(pool.map(|id| What::Pooled { id, returned: false }));
            told.extend(hash_rate.map(|rate| What::HashRate { rate }));
            // With the last of it: whoever reads only a part of this must not go on as if he had all.
            let last = told.len() - 1;
            let journal = |place| journal.clone().filter(|_| place == last);
            let told = told.into_iter().enumerate();
            whole.extend(told.map(|(place, what)| Entry { journal: journal(place), ..Entry::node(at, *number, what) }));
        }
        if !self.groups.is_empty() {
            whole.push(Entry::network(at, What::Split { groups: self.groups.clone() }));
        }
        if !self.rules.is_empty() {
            whole.push(Entry::network(at, What::Links { rules: self.rules.clone() }));
        }
        whole
    }
}

#[cfg(test)]
mod tests;
