//! What a simulated network is measured by: which blocks were found, by whom, how they spread, and which
//! of them the chain kept. A tally is a witness; it changes nothing.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use shared::{BlockHash, Height, Millis, TxId};

use super::{Sight, World};
use crate::machine::journal::ChainEvent;

/// A block that somebody found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Which node found it.
    pub miner: usize,
    /// When.
    pub at: Millis,
    /// Its height.
    pub height: Height,
    /// The block below.
    pub previous: BlockHash,
    /// Its transactions.
    pub transactions: Vec<TxId>,
    /// Whether any node ever took it, if only beside its chain. Not so a liar's invalid block, and one that was
    /// kept back to the end.
    pub taken: bool,
    /// How many nodes ever had it on their chain.
    pub reached: usize,
    /// After how many milliseconds half of the nodes had it, nine tenths, and ninety-nine hundredths.
    pub spread: [Option<u64>; 3],
}

/// Shares of the nodes whose times [`Found::spread`] tells.
pub const SHARES: [f64; 3] = [0.5, 0.9, 0.99];

/// All blocks of a run, and who is where.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many nodes must have a block for each of [`SHARES`].
    thresholds: [usize; 3],
    /// By hash.
    pub found: BTreeMap<BlockHash, Found>,
    /// Transactions that were in some node's chain.
    pub confirmed: BTreeSet<TxId>,
    /// Transactions of blocks that left a node's chain.
    pub retracted: BTreeSet<TxId>,
    /// Reorganisations, by how many blocks they took back.
    pub reorganisations: BTreeMap<u32, u64>,
    /// How many blocks each node is taking back just now.
    leaving: BTreeMap<usize, u32>,
    /// Blocks that left a node's chain, and may come back to it.
    left: BTreeSet<(usize, BlockHash)>,
}

/// The chain that was kept, measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kept {
    /// Blocks on it.
    pub length: u64,
    /// Blocks that were found and are not on it.
    pub stale: u64,
    /// How many of its blocks each node found, by number.
    pub by_miner: Vec<u64>,
    /// Seconds between one of its blocks being found and the next, in order.
    pub intervals: Vec<f64>,
    /// For each share in [`SHARES`], the median over its blocks of the milliseconds until so many nodes
    /// had it; nothing where fewer than half of the blocks came so far.
    pub spread: [Option<u64>; 3],
}

impl Kept {
    /// Blocks not kept, as a share of those found.
    pub fn stale_share(&self) -> f64 {
        let found = self.length + self.stale;
        if found == 0 { 0.0 } else { self.stale as f64 / found as f64 }
    }
}

impl Tally {
    /// A tally of a network of so many nodes, to be shown everything that happens.
    pub fn new(nodes: usize) -> Self {
        let thresholds = SHARES.map(|share| (nodes as f64 * share).ceil() as usize);
        Self { thresholds, ..Self::default() }
    }

    /// Counts everything that happens in this world from now on.
    pub fn of(world: &mut World) -> Rc<RefCell<Self>> {
        let tally = Rc::new(RefCell::new(Self::new(world.nodes())));
        let witness = tally.clone();
        world.set_witness(Box::new(move |at, node, sight| witness.borrow_mut().see(at, node, sight)));
        tally
    }

    /// Takes in what a witness sees.
    pub fn see(&mut self, at: Millis, node: usize, sight: &Sight) {
        match sight {
            Sight::Mined(block) => {
                let (height, previous) = (block.height(), block.header().previous);
                let transactions = block.transactions().iter().map(|transaction| transaction.id()).collect();
                let found = Found {
                    miner: node,
                    at,
                    height,
                    previous,
                    transactions,
                    taken: false,
                    reached: 0,
                    spread: [None; 3],
                };
                self.found.insert(block.hash(), found);
            }
            Sight::Told(ChainEvent::Connected { hash, .. }) => self.reach(at, node, hash),
            Sight::Told(ChainEvent::Side { hash, .. }) => {
                self.found.entry(*hash).and_modify(|found| found.taken = true);
            }
            Sight::Told(ChainEvent::Disconnected { hash, .. }) => {
                self.left.insert((node, *hash));
                let left = self.found.get(hash).into_iter().flat_map(|found| &found.transactions);
                self.retracted.extend(left);
                *self.leaving.entry(node).or_default() += 1;
            }
            Sight::Told(_) => {}
            Sight::Tip { .. } => {
                if let Some(depth) = self.leaving.remove(&node) {
                    *self.reorganisations.entry(depth).or_default() += 1;
                }
            }
        }
    }

    fn reach(&mut self, at: Millis, node: usize, hash: &BlockHash) {
        let Some(found) = self.found.get_mut(hash) else { return };
        if self.left.contains(&(node, *hash)) {
            return;
        }
        found.reached += 1;
        found.taken = true;
        self.confirmed.extend(&found.transactions);
        for (spread, threshold) in found.spread.iter_mut().zip(self.thresholds) {
            if found.reached == threshold && spread.is_none() {
                *spread = Some(at.since(found.at).as_millis() as u64);
            }
        }
    }

    /// The chain up to this block, of what was found from height `from` on.
    pub fn kept(&self, tip: BlockHash, from: Height) -> Kept {
        let mut kept = Kept::default();
        let mut spreads: [Vec<u64>; 3] = Default::default();
        let mut above: Option<&Found> = None;
        let mut hash = tip;
        while let Some(found) = self.found.get(&hash).filter(|found| found.height >= from) {
            kept.length += 1;
            if kept.by_miner.len() <= found.miner {
                kept.by_miner.resize(found.miner + 1, 0);
            }
            kept.by_miner[found.miner] += 1;
            kept.intervals.extend(above.map(|above| above.at.0.saturating_sub(found.at.0) as f64 / 1_000.0));
            spreads.iter_mut().zip(found.spread).for_each(|(all, spread)| all.extend(spread));
            (above, hash) = (Some(found), found.previous);
        }
        kept.intervals.reverse();
        let top = self.found.get(&tip).map_or(from, |found| found.height);
        let judged = self.found.values().filter(|found| (from..=top).contains(&found.height)).count() as u64;
        kept.stale = judged.saturating_sub(kept.length);
        let enough = kept.length.div_ceil(2) as usize;
        kept.spread = spreads.map(|mut all| {
            all.sort_unstable();
            all.get(kept.length as usize / 2).copied().filter(|_| all.len() >= enough)
        });
        kept
    }
}
