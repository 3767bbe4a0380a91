//! The words for what a timeline tells: one sentence for what belongs together, with the competing tips, their work,
//! who mined them and who had them when. Pure; what belongs together is decided in [`mod@super::explain`].

use std::collections::BTreeSet;

use serde::Serialize;
use shared::{Address, BlockHash, TxId};
use utoipa::ToSchema;

use super::cause::Cause;
use super::state::Life;
use super::trace::{Reorg, Trace};
use crate::term;

/// Nodes that have a block within so many milliseconds of each other are told together.
const TOGETHER: u64 = 100;
/// Blocks and transactions of a change that are listed one by one, of each kind.
const LISTED: usize = 100;

/// One thing that happened, told to people.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Story {
    /// Number of the first entry that it is about.
    pub(crate) number: u64,
    /// Number of the last one.
    pub(crate) last: u64,
    /// Milliseconds, as in the timeline: at the first node.
    pub(crate) at: u64,
    /// At the last one.
    pub(crate) until: u64,
    /// Of which kind it is, in one word.
    pub(crate) kind: &'static str,
    /// The nodes it is about; none if it is about the network.
    pub(crate) nodes: Vec<u16>,
    /// A sentence without the full stop.
    pub(crate) text: String,
    /// Sentences of the same kind with the particulars.
    pub(crate) details: Vec<String>,
    /// Of a change of branches, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) change: Option<Change>,
}

/// A change of branches.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Change {
    #[schema(value_type = String)]
    pub(crate) from: BlockHash,
    #[schema(value_type = String)]
    pub(crate) to: BlockHash,
    /// The last block of both branches, if the timeline tells.
    #[schema(value_type = Option<String>)]
    pub(crate) fork: Option<BlockHash>,
    /// Blocks undone.
    pub(crate) left: u32,
    /// Blocks that took their place.
    pub(crate) joined: u32,
    /// Whether the new branch has no more work, and the node just prefers its miner.
    pub(crate) preferred: bool,
    /// The nodes that mined these.
    pub(crate) miners: Vec<u16>,
    /// Transactions that went back to pools.
    pub(crate) returned: usize,
    /// `split`, `away`, `withheld`, `answered`, `links`, `race` or `unknown`.
    pub(crate) cause: &'static str,
    /// The blocks undone, the lowest first; of many, the last ones.
    pub(crate) left_blocks: Vec<BranchBlock>,
    /// The blocks that took their place, likewise.
    pub(crate) joined_blocks: Vec<BranchBlock>,
    /// What went back to pools; of much, a part.
    #[schema(value_type = Vec<String>)]
    pub(crate) returned_ids: Vec<TxId>,
    /// What could not go back, likewise.
    pub(crate) dropped: Vec<Dropped>,
}

/// A block of one of two branches.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct BranchBlock {
    #[schema(value_type = String)]
    pub(crate) hash: BlockHash,
    pub(crate) height: u32,
    /// The node that mined it.
    pub(crate) by: Option<u16>,
    /// Whom it pays.
    #[schema(value_type = Option<String>)]
    pub(crate) miner: Option<Address>,
    /// Seconds since the Unix epoch, as its header says.
    pub(crate) time: Option<u32>,
    /// Milliseconds, as in the timeline: when the first node had it.
    pub(crate) first: Option<u64>,
}

/// A transaction of a block undone that could not go back to the pool.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Dropped {
    #[schema(value_type = String)]
    pub(crate) id: TxId,
    pub(crate) reason: String,
}

/// How times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Local time of day.
    Local,
    /// Seconds since this moment, in milliseconds.
    Since(u64),
}

impl Clock {
    /// The time as it stands in sentences.
    pub(crate) fn show(self, at: u64) -> String {
        match self {
            Self::Since(begin) => {
                let since = at.saturating_sub(begin);
                format!("{}.{:03} s", since / 1000, since % 1000)
            }
            Self::Local => local(at).map_or_else(String::new, |time| time.strftime("%H:%M:%S.%3f").to_string()),
        }
    }

    /// The time with the day, for the beginning of a line.
    pub(crate) fn stamp(self, at: u64) -> String {
        match self {
            Self::Since(_) => format!("{:>12}", self.show(at)),
            Self::Local => {
                local(at).map_or_else(String::new, |time| time.strftime("%Y-%m-%d %H:%M:%S.%3f").to_string())
            }
        }
    }
}

fn local(at: u64) -> Option<jiff::Zoned> {
    let time = jiff::Timestamp::from_millisecond(i64::try_from(at).ok()?).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::system()))
}

impl Trace {
    /// Several nodes left one tip for the same other one, for the same cause.
    pub(super) fn tell_reorg(&self, alike: &[&Reorg], cause: &Cause, clock: Clock) -> Story {
        let nodes: Vec<u16> = alike.iter().map(|reorg| reorg.node).collect::<BTreeSet<_>>().into_iter().collect();
        let longest = alike.iter().max_by_key(|reorg| reorg.joined.len()).copied();
        let (from, to) = longest.map(|reorg| (reorg.from, reorg.to)).unwrap_or_default();
        let change = self.change(alike, cause);
        let mut text = format!("{} left {} for {}: {}", who(&nodes), short(&from), short(&to), more(&change));
        if !change.miners.is_empty() {
            text += &format!(", mined by {}", who(&change.miners));
        }
        text += &self.because(cause, &nodes);
        if change.left > 1 {
            text += &format!("; {} blocks were undone", change.left);
        }
        let pools = if nodes.len() == 1 { "its pool" } else { "their pools" };
        if change.returned > 0 {
            text += &format!("; {} went back to {pools}", transactions(change.returned));
        }
        let dropped: BTreeSet<_> = alike.iter().flat_map(|reorg| &reorg.dropped).collect();
        for (id, reason) in dropped {
            text += &format!("; transaction {}… was dropped: {reason}", id.short());
        }
        let fork = change.fork.map(|fork| format!("the two branches part after {}", self.block(&fork)));
        let details = [from, to].into_iter().filter_map(|tip| self.seen(&tip, clock));
        let details = fork.into_iter().chain(details).collect();
        let at = alike.iter().map(|reorg| reorg.at);
        let numbers = alike.iter().flat_map(|reorg| reorg.numbers);
        Story {
            number: numbers.clone().min().unwrap_or_default(),
            last: numbers.max().unwrap_or_default(),
            at: at.clone().min().unwrap_or_default(),
            until: at.max().unwrap_or_default(),
            kind: "reorganised",
            nodes,
            text,
            details,
            change: Some(change),
        }
    }

    fn change(&self, alike: &[&Reorg], cause: &Cause) -> Change {
        let count = |told: Option<u32>, blocks: usize| told.unwrap_or(0).max(u32::try_from(blocks).unwrap_or(u32::MAX));
        let told = alike.iter().find_map(|reorg| reorg.told.as_ref());
        let longest = alike.iter().max_by_key(|reorg| reorg.joined.len()).copied();
        let fork = longest.and_then(|reorg| self.state.tree.get(reorg.joined.first()?)?.about.previous);
        let returned: BTreeSet<_> = alike.iter().flat_map(|reorg| &reorg.returned).collect();
        let dropped: BTreeSet<_> = alike.iter().flat_map(|reorg| &reorg.dropped).collect();
        let miners: BTreeSet<u16> =
            longest.iter().flat_map(|reorg| &reorg.joined).filter_map(|hash| self.miner(hash)).collect();
        Change {
            from: longest.map(|reorg| reorg.from).unwrap_or_default(),
            to: longest.map(|reorg| reorg.to).unwrap_or_default(),
            fork,
            left: count(told.map(|told| told.left), longest.map_or(0, |reorg| reorg.left.len())),
            joined: count(told.map(|told| told.joined), longest.map_or(0, |reorg| reorg.joined.len())),
            preferred: told.is_some_and(|told| told.to_work.is_some() && told.to_work == told.from_work),
            miners: miners.into_iter().collect(),
            returned: returned.len().max(told.map_or(0, |told| told.returned as usize)),
            cause: cause.word(),
            left_blocks: self.branch(longest.into_iter().flat_map(|reorg| reorg.left.iter().rev())),
            joined_blocks: self.branch(longest.into_iter().flat_map(|reorg| &reorg.joined)),
            returned_ids: returned.into_iter().take(LISTED).copied().collect(),
            dropped: dropped
                .into_iter()
                .take(LISTED)
                .map(|(id, reason)| Dropped { id: *id, reason: reason.clone() })
                .collect(),
        }
    }

    /// The last of these blocks.
    fn branch<'h>(&self, hashes: impl DoubleEndedIterator<Item = &'h BlockHash>) -> Vec<BranchBlock> {
        let mut blocks: Vec<BranchBlock> = hashes.rev().take(LISTED).map(|hash| self.branch_block(hash)).collect();
        blocks.reverse();
        blocks
    }

    fn branch_block(&self, hash: &BlockHash) -> BranchBlock {
        let block = self.state.tree.get(hash);
        let about = block.map(|block| block.about).unwrap_or_default();
        BranchBlock {
            hash: *hash,
            height: block.map_or(0, |block| block.height),
            by: self.miner(hash),
            miner: about.miner,
            time: about.time,
            first: self.found_at(hash),
        }
    }

    fn because(&self, cause: &Cause, nodes: &[u16]) -> String {
        let were = if nodes.len() == 1 { "was" } else { "were" };
        match cause {
            Cause::Split(groups) => format!(" while the network was split ({})", term::sides(groups)),
            Cause::Away(_, Life::Paused) => format!(" while {} {were} paused", who(nodes)),
            Cause::Away(..) => format!(" while {} {were} not running", who(nodes)),
            Cause::Withheld { blocks: 1, ms } => format!(", which kept it to itself for {}", span(*ms)),
            Cause::Withheld { blocks, ms } => format!(", which kept {blocks} blocks to itself for {}", span(*ms)),
            Cause::Answered { blocks: 0 | 1 } => ", which showed it only when it had the other one".to_owned(),
            Cause::Answered { blocks } => format!(", which showed {blocks} blocks only when it had the other one"),
            Cause::Links(rules) => format!(" while links were slow ({})", rules.join("; ")),
            Cause::Race { height, nodes: [one, other], apart } => format!(
                "; nodes {one} and {other} had each found a block {height}, {} apart, before either had the other's",
                span(*apart)
            ),
            Cause::Unknown => String::new(),
        }
    }

    /// `block 5 (0000c168…, mined by node 3)`.
    pub(super) fn block(&self, hash: &BlockHash) -> String {
        let block = self.state.tree.get(hash);
        let height = block.filter(|block| block.height > 0 || block.about.previous.is_none());
        let height = height.map_or_else(|| "a block".to_owned(), |block| format!("block {}", block.height));
        let miner = self.miner(hash).map(|node| format!(", mined by node {node}")).unwrap_or_default();
        format!("{height} ({}{miner})", short(hash))
    }

    /// Who had a block when.
    fn seen(&self, hash: &BlockHash, clock: Clock) -> Option<String> {
        let mut seen: Vec<(u64, u16)> =
            self.state.tree.get(hash)?.seen.iter().map(|(node, seen)| (seen.at, *node)).collect();
        seen.sort_unstable();
        let mut groups: Vec<(u64, u64, Vec<u16>)> = Vec::new();
        for (at, node) in seen {
            match groups.last_mut() {
                Some((first, last, nodes)) if at - *first <= TOGETHER => {
                    *last = at;
                    nodes.push(node);
                }
                _ => groups.push((at, at, vec![node])),
            }
        }
        let told = groups.into_iter().map(|(first, last, mut nodes)| {
            nodes.sort_unstable();
            let within = if last > first { format!(" to +{} ms", last - first) } else { String::new() };
            format!("{} at {}{within}", who(&nodes), clock.show(first))
        });
        let told: Vec<String> = told.collect();
        Some(format!("{} was first had by {}", self.block(hash), told.join(", by ")))
    }
}

impl Cause {
    fn word(&self) -> &'static str {
        match self {
            Self::Split(_) => "split",
            Self::Away(..) => "away",
            Self::Withheld { .. } => "withheld",
            Self::Answered { .. } => "answered",
            Self::Links(_) => "links",
            Self::Race { .. } => "race",
            Self::Unknown => "unknown",
        }
    }
}

fn more(change: &Change) -> String {
    let Change { left, joined, preferred, .. } = *change;
    if preferred {
        return "as much work, of a miner that is preferred".to_owned();
    }
    match joined.checked_sub(left) {
        Some(0) => format!("more work in as many blocks ({joined})"),
        Some(1) => "one block more work".to_owned(),
        Some(blocks) => format!("{blocks} blocks more work"),
        None => format!("more work in fewer blocks ({joined} instead of {left})"),
    }
}

/// `node 4`, `nodes 0-2`.
pub(super) fn who(nodes: &[u16]) -> String {
    let word = if nodes.len() == 1 { "node" } else { "nodes" };
    format!("{word} {}", term::numbers(nodes))
}

/// The first digits of a block's hash.
pub(super) fn short(hash: &BlockHash) -> String {
    format!("{}…", hash.short())
}

/// `12 ms`, `4.1 s`.
pub(super) fn span(ms: u64) -> String {
    if ms < 1000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1000, ms % 1000 / 100) }
}

fn transactions(count: usize) -> String {
    if count == 1 { "1 transaction".to_owned() } else { format!("{count} transactions") }
}
