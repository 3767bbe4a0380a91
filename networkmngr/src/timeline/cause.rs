//! Why a node came to leave its tip for another: what kept the two branches apart while they grew. Pure.

use shared::BlockHash;

use super::state::{Life, Seen};
use super::trace::{Reorg, Trace};
use crate::network::LinkRule;

/// Milliseconds from which on links are slow enough to be a cause.
const SLOW: u64 = 20;
/// Links that a block may have to take until everybody has it.
const HOPS: u64 = 4;
/// Milliseconds within which a block is anywhere on a busy machine, where time is not made up.
const MOMENT: u64 = 250;

/// What kept two branches apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cause {
    /// The network was split into these groups.
    Split(Vec<Vec<u16>>),
    /// The node itself did not run, or was paused.
    Away(u16, Life),
    /// Who mined the branch kept so many blocks of it to himself for so many milliseconds.
    Withheld { blocks: usize, ms: u64 },
    /// Who mined the branch showed it only when he had the other one.
    Answered { blocks: usize },
    /// Links were slow or lossy, as these rules say.
    Links(Vec<String>),
    /// Both were found, by these nodes at this height, before either had the other's.
    Race { height: u32, nodes: [u16; 2], apart: u64 },
    /// The timeline does not tell.
    Unknown,
}

/// How much later a rule makes messages come, in milliseconds. One that is lost is asked for again after a while.
fn slowness(rule: &LinkRule) -> u64 {
    let lossy = if rule.loss > 0.0 { SLOW } else { 0 };
    (u64::from(rule.delay_ms) + u64::from(rule.jitter_ms)).max(lossy)
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
        self.state.tree.get(hash)?.seen.values().map(|seen| seen.at).min()
    }

    /// When a block was first at this node.
    pub(super) fn had(&self, hash: &BlockHash, node: u16) -> Option<Seen> {
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
        let slow: Vec<_> = self.links_at(fork.at).iter().filter(|rule| slowness(rule) > 0).collect();
        let slowest = slow.iter().map(|rule| slowness(rule)).max().unwrap_or(0);
        let secret = self.withheld(reorg, slowest).or_else(|| self.answered(reorg, &fork));
        if let Some(cause) = secret {
            return cause;
        }
        if slowest >= SLOW {
            return Cause::Links(slow.iter().map(ToString::to_string).collect());
        }
        self.race(&fork).unwrap_or(Cause::Unknown)
    }

    /// Whether the split stood between the node and the branch that it took.
    fn parts(&self, groups: &[Vec<u16>], reorg: &Reorg, fork: &Fork) -> bool {
        let group = |node| groups.iter().position(|group| group.contains(&node));
        let origin = self.miner(&fork.joined).or_else(|| self.first_at(&fork.joined));
        origin.is_none_or(|origin| group(origin) != group(reorg.node))
    }

    fn first_at(&self, hash: &BlockHash) -> Option<u16> {
        let seen = &self.state.tree.get(hash)?.seen;
        seen.iter().min_by_key(|(_, seen)| **seen).map(|(node, _)| *node)
    }

    /// Somebody had a block for longer than its way takes before anybody else had it, and it is known when he found it,
    /// or he has mined on top of it meanwhile.
    fn withheld(&self, reorg: &Reorg, slowest: u64) -> Option<Cause> {
        let (first, rest) = reorg.joined.split_first()?;
        let miner = self.miner(first)?;
        let block = self.state.tree.get(first)?;
        let released = block.seen.iter().filter(|(node, _)| **node != miner).map(|(_, seen)| seen.at).min()?;
        let ms = released.checked_sub(self.had(first, miner)?.at)?;
        let on_top = |hash: &&BlockHash| self.had(hash, miner).is_some_and(|seen| seen.at < released);
        let blocks = 1 + rest.iter().take_while(on_top).count();
        // A block may take several links of its way, each of them slowly.
        let moment = if block.found.is_some() { SLOW } else { MOMENT };
        let long = ms > (HOPS * slowest).max(moment);
        (long && (blocks > 1 || block.found.is_some())).then_some(Cause::Withheld { blocks, ms })
    }

    /// Who mined the branch had the other one first: an honest miner would have mined on top of that.
    fn answered(&self, reorg: &Reorg, fork: &Fork) -> Option<Cause> {
        let miner = self.miner(&fork.joined)?;
        let (own, other) = (self.had(&fork.joined, miner)?, self.had(&fork.left, miner)?);
        let at_once = |hash: &&BlockHash| self.had(hash, miner).is_some_and(|seen| seen.at <= own.at.saturating_add(1));
        let blocks = reorg.joined.iter().take_while(at_once).count();
        (other.order < own.order).then_some(Cause::Answered { blocks })
    }

    /// Two nodes found a block each before either had the other's.
    fn race(&self, fork: &Fork) -> Option<Cause> {
        let (one, other) = (self.miner(&fork.left)?, self.miner(&fork.joined)?);
        let (at_one, at_other) = (self.had(&fork.left, one)?, self.had(&fork.joined, other)?);
        let unheard = |hash, node, found: Seen| self.had(hash, node).is_none_or(|seen| seen.order > found.order);
        let blind = unheard(&fork.joined, one, at_one) && unheard(&fork.left, other, at_other);
        let height = self.state.tree.get(&fork.left)?.height;
        let race =
            Cause::Race { height, nodes: [one.min(other), one.max(other)], apart: at_one.at.abs_diff(at_other.at) };
        (one != other && blind).then_some(race)
    }
}
