//! A network at one moment as programs get it: its nodes, and the tree of its newest blocks. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shared::{Address, BlockHash, Work};
use utoipa::ToSchema;

use super::state::State;
use crate::network::LinkRule;

/// Blocks below a tip that are given besides the newest, at most.
const PATH: usize = 500;

/// A network at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Tree)]
pub(crate) struct TreeView {
    /// Number of the last entry of the timeline that is taken in; `/events?from=` the next one goes on from here.
    pub(crate) number: u64,
    /// Its time: milliseconds since the Unix epoch, or of virtual time.
    pub(crate) at: u64,
    /// The genesis block, which names the network.
    #[schema(value_type = Option<String>)]
    pub(crate) genesis: Option<BlockHash>,
    /// Whether time is virtual.
    pub(crate) simulated: bool,
    /// The groups that do not reach each other; none while the network is whole.
    pub(crate) groups: Vec<Vec<u16>>,
    /// The rules for links that hold.
    pub(crate) rules: Vec<LinkRule>,
    /// By number.
    pub(crate) nodes: Vec<TreeNode>,
    /// The newest blocks, the highest first, with every node's tip and the way from there to the best chain.
    pub(crate) blocks: Vec<TreeBlock>,
}

/// A node at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct TreeNode {
    /// From 0.
    pub(crate) number: u16,
    /// `starting`, `running`, `paused`, `ended` or `removed`.
    #[schema(example = "running")]
    pub(crate) state: &'static str,
    /// The tip's height.
    pub(crate) height: u32,
    /// Its last block; null if the timeline does not tell.
    #[schema(value_type = Option<String>)]
    pub(crate) tip: Option<BlockHash>,
    /// Whom its blocks pay.
    #[schema(value_type = Option<String>)]
    pub(crate) miner: Option<Address>,
    /// How many transactions wait to be mined there.
    pub(crate) pool: usize,
    /// Hashes per second; absent unless it was changed, null if it has no limit since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hash_rate: Option<Option<u64>>,
}

/// A block of the tree.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct TreeBlock {
    /// Its hash.
    #[schema(value_type = String)]
    pub(crate) hash: BlockHash,
    /// The block below; null if that was not told.
    #[schema(value_type = Option<String>)]
    pub(crate) previous: Option<BlockHash>,
    /// Distance from the genesis block.
    pub(crate) height: u32,
    /// Whom it pays.
    #[schema(value_type = Option<String>)]
    pub(crate) miner: Option<Address>,
    /// The node that mined it, if one can be named.
    pub(crate) by: Option<u16>,
    /// Seconds since the Unix epoch, as its header says.
    pub(crate) time: Option<u32>,
    /// Expected hashes behind the chain up to it, 64 hexadecimal digits.
    #[schema(value_type = Option<String>)]
    pub(crate) work: Option<Work>,
    /// How many transactions are in it.
    pub(crate) transactions: u32,
    /// When it was found, in milliseconds; only simulated networks tell.
    pub(crate) found: Option<u64>,
    /// Since when each node has it, in milliseconds, by the node's number.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub(crate) seen: BTreeMap<u16, u64>,
}

impl TreeView {
    /// What this state is, with so many of its newest blocks.
    pub(crate) fn of(state: &State, blocks: usize) -> Self {
        let nodes = state.nodes.iter().map(|(number, node)| TreeNode {
            number: *number,
            state: node.life.word(),
            height: node.height,
            tip: node.tip,
            miner: node.miner,
            pool: node.pool.len(),
            hash_rate: node.hash_rate.map(|rate| rate.cap()),
        });
        let mut shown: Vec<TreeBlock> =
            shown(state, blocks).into_iter().filter_map(|hash| TreeBlock::of(state, hash)).collect();
        shown.sort_by(|one, other| other.height.cmp(&one.height).then(one.hash.cmp(&other.hash)));
        Self {
            number: state.number(),
            at: state.at,
            genesis: state.genesis,
            simulated: state.simulated,
            groups: state.groups.clone(),
            rules: state.rules.clone(),
            nodes: nodes.collect(),
            blocks: shown,
        }
    }
}

impl TreeBlock {
    fn of(state: &State, hash: BlockHash) -> Option<Self> {
        let block = state.tree.get(&hash)?;
        Some(Self {
            hash,
            previous: block.about.previous,
            height: block.height,
            miner: block.about.miner,
            by: state.miner_of(&hash),
            time: block.about.time,
            work: block.about.work,
            transactions: block.transactions,
            found: block.found,
            seen: block.seen.iter().map(|(node, seen)| (*node, seen.at)).collect(),
        })
    }
}

/// The newest blocks, and every tip with the way from there to the best chain.
fn shown(state: &State, most: usize) -> BTreeSet<BlockHash> {
    let mut newest: Vec<(u32, BlockHash)> = state.tree.iter().map(|(hash, block)| (block.height, *hash)).collect();
    newest.sort_unstable_by(|one, other| other.cmp(one));
    let mut shown: BTreeSet<BlockHash> = newest.into_iter().take(most).map(|(_, hash)| hash).collect();
    let best: BTreeSet<BlockHash> = state.best_chain().collect();
    for tip in state.nodes.values().filter_map(|node| node.tip) {
        for hash in state.down_from(Some(tip)).take(PATH) {
            if !shown.insert(hash) || best.contains(&hash) {
                break;
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::{About, Entry, What};

    fn hash(n: u8) -> BlockHash {
        BlockHash([n; 32])
    }

    fn connected(state: &mut State, node: u16, height: u32, block: u8, previous: u8) {
        let about = About { previous: Some(hash(previous)), work: Some(u64::from(height).into()), ..About::default() };
        let what = What::Connected { height, hash: hash(block), transactions: 0, about };
        state.apply(&Entry::node(u64::from(height), node, what));
    }

    /// A node on a branch of its own that parts far below what is shown.
    #[test]
    fn every_tip_is_shown_and_how_it_hangs_together() {
        let mut state = State::default();
        (1..=20).for_each(|height| connected(&mut state, 0, u32::from(height), height, height - 1));
        (1..=2).for_each(|height| connected(&mut state, 1, u32::from(height), height, height - 1));
        (3..=5).for_each(|height| {
            connected(&mut state, 1, u32::from(height), 100 + height, if height == 3 { 2 } else { 99 + height })
        });
        connected(&mut state, 2, 1, 1, 0);
        let view = TreeView::of(&state, 4);
        let blocks: Vec<BlockHash> = view.blocks.iter().map(|block| block.hash).collect();
        assert_eq!(blocks, [20, 19, 18, 17, 105, 104, 103, 2, 1].map(hash));
        assert_eq!(view.blocks[0].seen, [(0, 20)].into());
        assert_eq!((view.number, view.at, view.nodes[1].height, view.nodes[2].tip), (26, 20, 5, Some(hash(1))));
        assert_eq!(TreeView::of(&state, 100).blocks.len(), 23);
    }
}
