//! What the newest blocks of a network's best chain measure: how far apart they came, how much work they took, how fast
//! they spread, how many others were in vain. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shared::{Address, BlockHash};
use utoipa::ToSchema;

use super::state::{Block, Life, State};

/// What is counted of a network at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counted {
    /// Number of the last entry of the timeline that is taken in.
    pub(crate) number: u64,
    /// Each node's height and how many transactions wait there, but for those removed.
    pub(crate) nodes: BTreeMap<u16, (u32, usize)>,
    /// Different tips of those that run.
    pub(crate) tips: usize,
    pub(crate) groups: usize,
    /// Blocks beside the best chain, of those that are known still.
    pub(crate) stale: usize,
    /// Changes of branches, each node's counted.
    pub(crate) reorganisations: u64,
}

impl Counted {
    /// That of this state.
    pub(crate) fn of(state: &State) -> Self {
        let nodes = state.nodes.iter().filter(|(_, node)| node.life != Life::Removed);
        let running = nodes.clone().filter(|(_, node)| node.life == Life::Running);
        let tips: BTreeSet<BlockHash> = running.filter_map(|(_, node)| node.tip).collect();
        let best = state.best_chain().filter(|hash| state.tree.contains_key(hash)).count();
        Self {
            number: state.number(),
            nodes: nodes.map(|(number, node)| (*number, (node.height, node.pool.len()))).collect(),
            tips: tips.len(),
            groups: state.groups.len(),
            stale: state.tree.len().saturating_sub(best),
            reorganisations: state.reorganisations,
        }
    }
}

/// What the newest blocks measure.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Figures {
    /// Number of the last entry of the timeline that is taken in.
    pub(crate) number: u64,
    /// Blocks of the best chain, the lowest first.
    pub(crate) blocks: Vec<BlockFigures>,
    /// How many blocks of these heights there were, on the best chain or not.
    pub(crate) found: usize,
    /// How many of them are not on the best chain.
    pub(crate) stale: usize,
    /// Their share, from 0 to 1.
    pub(crate) stale_share: f64,
}

/// What one block measures.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct BlockFigures {
    /// Its hash.
    #[schema(value_type = String)]
    pub(crate) hash: BlockHash,
    /// Distance from the genesis block.
    pub(crate) height: u32,
    /// Whom it pays.
    #[schema(value_type = Option<String>)]
    pub(crate) miner: Option<Address>,
    /// The node that mined it, if one can be named.
    pub(crate) by: Option<u16>,
    /// Seconds since the Unix epoch, as its header says.
    pub(crate) time: Option<u32>,
    /// When the first node had it, in milliseconds.
    pub(crate) first: Option<u64>,
    /// Milliseconds since the first node had the block below.
    pub(crate) interval: Option<u64>,
    /// Expected hashes that it took.
    pub(crate) difficulty: Option<f64>,
    /// How many nodes have it.
    pub(crate) nodes: usize,
    /// Milliseconds from the first node until half of those that have it did.
    pub(crate) p50: Option<u64>,
    /// Until nine tenths of them did.
    pub(crate) p90: Option<u64>,
    /// Until ninety-nine hundredths of them did.
    pub(crate) p99: Option<u64>,
    /// Of all blocks from the first of these heights up to this one, the share that is not on the best chain.
    pub(crate) stale: f64,
}

impl Figures {
    /// Those of the newest blocks of the best chain, so many at most.
    pub(crate) fn of(state: &State, window: usize) -> Self {
        let mut chain: Vec<(BlockHash, &Block)> =
            state.best_chain().filter_map(|hash| Some((hash, state.tree.get(&hash)?.as_ref()))).collect();
        // What the genesis block took nobody knows.
        chain.retain(|(_, block)| block.height > 0);
        chain.truncate(window);
        chain.reverse();
        let kept: BTreeSet<BlockHash> = chain.iter().map(|(hash, _)| *hash).collect();
        let lowest = chain.first().map_or(u32::MAX, |(_, block)| block.height);
        let mut beside: BTreeMap<u32, usize> = BTreeMap::new();
        let others = state.tree.iter().filter(|(hash, block)| block.height >= lowest && !kept.contains(*hash));
        others.for_each(|(_, block)| *beside.entry(block.height).or_default() += 1);
        let (mut found, mut stale) = (0, 0);
        let blocks: Vec<BlockFigures> = chain
            .iter()
            .map(|(hash, block)| {
                stale += beside.remove(&block.height).unwrap_or(0);
                found += 1;
                BlockFigures::of(state, *hash, block, share(stale, found + stale))
            })
            .collect();
        // A branch that is higher has less work.
        stale += beside.values().sum::<usize>();
        Self { number: state.number(), blocks, found: found + stale, stale, stale_share: share(stale, found + stale) }
    }
}

impl BlockFigures {
    fn of(state: &State, hash: BlockHash, block: &Block, stale: f64) -> Self {
        let below = block.about.previous.and_then(|below| state.tree.get(&below));
        let mut times: Vec<u64> = block.seen.values().map(|seen| seen.at).collect();
        times.sort_unstable();
        let first = times.first().copied();
        let spread = |percent: usize| {
            let place = (times.len() * percent).div_ceil(100).checked_sub(1)?;
            Some(times.get(place)? - first?)
        };
        let before = below.filter(|below| below.height > 0).and_then(|below| first_at(below));
        let work = block.about.work.zip(below.and_then(|below| below.about.work));
        Self {
            hash,
            height: block.height,
            miner: block.about.miner,
            by: state.miner_of(&hash),
            time: block.about.time,
            first,
            interval: first.zip(before).map(|(first, before)| first.saturating_sub(before)),
            difficulty: work.filter(|(to, below)| to > below).map(|(to, below)| to.minus(below).to_f64()),
            nodes: times.len(),
            p50: spread(50),
            p90: spread(90),
            p99: spread(99),
            stale,
        }
    }
}

fn first_at(block: &Block) -> Option<u64> {
    block.seen.values().map(|seen| seen.at).min()
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::{About, Entry, What};

    fn hash(n: u8) -> BlockHash {
        BlockHash([n; 32])
    }

    fn seen(state: &mut State, at: u64, node: u16, height: u32, block: u8, previous: u8, work: u64) {
        let about = About { previous: Some(hash(previous)), work: Some(work.into()), ..About::default() };
        let what = What::Connected { height, hash: hash(block), transactions: 0, about };
        state.apply(&Entry::node(at, node, what));
    }

    #[test]
    fn a_chain_is_measured() {
        let mut state = State::default();
        (0..10).for_each(|node| seen(&mut state, 1_000 + u64::from(node), node, 1, 1, 0, 10));
        // A block in vain.
        seen(&mut state, 1_500, 9, 2, 102, 1, 14);
        (0..10).for_each(|node| seen(&mut state, 2_000 + 10 * u64::from(node), node, 2, 2, 1, 15));
        let figures = Figures::of(&state, 200);
        let [first, second] = figures.blocks.as_slice() else { panic!("{figures:?}") };
        assert_eq!((first.interval, first.difficulty, first.stale), (None, None, 0.0));
        assert_eq!((second.interval, second.difficulty, second.nodes), (Some(1_000), Some(5.0), 10));
        assert_eq!([second.p50, second.p90, second.p99], [Some(40), Some(80), Some(90)]);
        assert_eq!((figures.found, figures.stale, second.stale), (3, 1, 1.0 / 3.0));
        let newest = Figures::of(&state, 1);
        assert_eq!((newest.blocks.len(), newest.found, newest.stale_share), (1, 2, 0.5));
        let nothing = Figures::of(&State::default(), 200);
        assert_eq!((nothing.blocks.len(), nothing.found, nothing.stale_share), (0, 0, 0.0));
    }
}
