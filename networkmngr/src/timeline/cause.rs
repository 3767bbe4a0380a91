//! Why a node came to leave its tip for another: what kept the two branches apart while they grew. Pure.

use shared::BlockHash;

use super::state::Life;
use super::trace::{Reorg, Trace};

/// What kept two branches apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cause {
    /// The network was split into these groups.
    Split(Vec<Vec<u16>>),
    /// The node itself did not run, or was paused.
    Away(u16, Life),
    /// Who mined the branch kept it to himself for so many milliseconds.
    Withheld { miner: u16, blocks: usize, ms: u64 },
    /// Links were slow or lossy, as these rules say.
    Links(Vec<String>),
    /// Both were found, by these nodes at this height, before either had the other's.
    Race { height: u32, nodes: [u16; 2], apart: u64 },
    /// The timeline does not tell.
    Unknown,
}

/// Where both branches begin and when those beginnings were found.
struct Fork {
    left: BlockHash,
    joined: BlockHash,
    /// The later of both times, when the branches first stood against each other.
    at: u64,
}

impl Trace {
    /// When a block was first at any node.
    pub(super) fn found_at(&self, hash: &BlockHash) -> Option<u64> {
        self.state.tree.get(hash)?.seen.values().min().copied()
    }

    /// When a block was first at this node.
    pub(super) fn had_at(&self, hash: &BlockHash, node: u16) -> Option<u64> {
        self.state.tree.get(hash)?.seen.get(&node).copied()
    }

    /// Who mined a block; who had it first, if it does not say.
    pub(super) fn miner(&self, hash: &BlockHash) -> Option<u16> {
        self.state.miner_of(hash)
    }

    fn fork(&self, reorg: &Reorg) -> Option<Fork> {
        let (left, joined) = (*reorg.left.last()?, *reorg.joined.first()?);
        let at = self.found_at(&left)?.max(self.found_at(&joined)?);
        Some(Fork { left, joined, at })
    }

    /// What kept the branches of this change apart.
    pub(super) fn cause(&self, reorg: &Reorg) -> Cause {
        let Some(fork) = self.fork(reorg) else { return Cause::Unknown };
        let split = self.split_at(fork.at).filter(|groups| self.parts(groups, reorg, &fork));
        if let Some(groups) = split {
            return Cause::Split(groups.to_vec());
        }
        let missed = self.found_at(&fork.joined).and_then(|at| self.absence_at(reorg.node, at));
        if let Some(life) = missed {
            return Cause::Away(reorg.node, life);
        }
        let links = self.links_at(fork.at);
        if !links.is_empty() {
            return Cause::Links(links.iter().map(ToString::to_string).collect());
        }
        self.withheld(reorg).or_else(|| self.race(&fork)).unwrap_or(Cause::Unknown)
    }

    /// Whether the split stood between the node and the branch that it took.
    fn parts(&self, groups: &[Vec<u16>], reorg: &Reorg, fork: &Fork) -> bool {
        let group = |node| groups.iter().position(|group| group.contains(&node));
        let origin = self.miner(&fork.joined).or_else(|| self.first_at(&fork.joined));
        origin.is_none_or(|origin| group(origin) != group(reorg.node))
    }

    fn first_at(&self, hash: &BlockHash) -> Option<u16> {
        let seen = &self.state.tree.get(hash)?.seen;
        seen.iter().min_by_key(|(_, at)| **at).map(|(node, _)| *node)
    }

    /// Somebody mined on top of his own block before anybody else had it.
    fn withheld(&self, reorg: &Reorg) -> Option<Cause> {
        let (first, rest) = reorg.joined.split_first()?;
        let miner = self.miner(first)?;
        let seen = &self.state.tree.get(first)?.seen;
        let released = seen.iter().filter(|(node, _)| **node != miner).map(|(_, at)| *at).min()?;
        let had = self.had_at(first, miner)?;
        let on_top = |hash: &&BlockHash| self.had_at(hash, miner).is_some_and(|at| at < released);
        let more = rest.iter().take_while(on_top).count();
        (more > 0).then_some(Cause::Withheld { miner, blocks: more + 1, ms: released - had })
    }

    /// Two nodes found a block each before either had the other's.
    fn race(&self, fork: &Fork) -> Option<Cause> {
        let (one, other) = (self.miner(&fork.left)?, self.miner(&fork.joined)?);
        let (at_one, at_other) = (self.had_at(&fork.left, one)?, self.had_at(&fork.joined, other)?);
        let unheard = |hash, node, found| self.had_at(hash, node).is_none_or(|at| at >= found);
        let blind = unheard(&fork.joined, one, at_one) && unheard(&fork.left, other, at_other);
        let height = self.state.tree.get(&fork.left)?.height;
        let race = Cause::Race { height, nodes: [one.min(other), one.max(other)], apart: at_one.abs_diff(at_other) };
        (one != other && blind).then_some(race)
    }
}
