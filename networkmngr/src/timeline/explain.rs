//! A stretch of a timeline as sentences: what belongs together is put together and told in the order in which it
//! happened. Pure: entries in, stories out.

use std::collections::{BTreeMap, BTreeSet};

use shared::{BlockHash, TxId};

use super::cause::Cause;
use super::entry::{Entry, MiningState, What};
use super::state::State;
use super::story::{Clock, Story, short, span, who};
use super::trace::{Reorg, Trace};
use crate::term;

/// The same thing at several nodes is one story if it happens within so many milliseconds.
const TOGETHER: u64 = 2_000;

/// What is wanted of a timeline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// From this time to that one, both included, in milliseconds as in the timeline.
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Only what is about this node, or about the network.
    pub(crate) node: Option<u16>,
    /// Also what needs no cause: blocks that spread, transactions that wait and are confirmed.
    pub(crate) all: bool,
    /// How times are written.
    pub(crate) clock: Clock,
}

impl Stretch {
    /// All of a timeline.
    #[cfg(test)]
    pub(crate) fn whole(clock: Clock) -> Self {
        Self { from: 0, to: u64::MAX, node: None, all: false, clock }
    }

    fn holds(&self, story: &Story) -> bool {
        let about = self.node.is_none_or(|node| story.nodes.is_empty() || story.nodes.contains(&node));
        about && story.at <= self.to && story.until >= self.from
    }
}

/// Tells what happened in a stretch. `entries` are all of the timeline, from its beginning on, for causes lie
/// further back than what they lead to.
///
/// # Errors
/// The first entry that cannot be read.
pub(crate) fn explain<E>(
    entries: impl IntoIterator<Item = Result<Entry, E>>,
    wanted: &Stretch,
) -> Result<Vec<Story>, E> {
    explain_on(State::default(), entries, wanted)
}

/// The same of entries that follow on those which this state comes from.
///
/// # Errors
/// The first entry that cannot be read.
pub(super) fn explain_on<E>(
    state: State,
    entries: impl IntoIterator<Item = Result<Entry, E>>,
    wanted: &Stretch,
) -> Result<Vec<Story>, E> {
    let mut trace = Trace::from(state);
    for entry in entries {
        trace.take(&entry?);
    }
    let mut stories = trace.reorgs(wanted.clock);
    stories.extend(trace.sides());
    stories.extend(trace.drops());
    stories.extend(trace.plain(wanted.all));
    stories.retain(|story| wanted.holds(story));
    // Stable, so that what happened at the same time stays in the order above.
    stories.sort_by_key(|story| story.at);
    Ok(stories)
}

impl Trace {
    fn reorgs(&self, clock: Clock) -> Vec<Story> {
        let mut alike: BTreeMap<(BlockHash, BlockHash), Vec<(&Reorg, Cause)>> = BTreeMap::new();
        for reorg in &self.reorgs {
            alike.entry((reorg.from, reorg.to)).or_default().push((reorg, self.cause(reorg)));
        }
        let mut stories = Vec::new();
        for mut group in alike.into_values() {
            while let Some((_, cause)) = group.first().cloned() {
                let same = |other: &Cause| match (other, &cause) {
                    (Cause::Away(_, one), Cause::Away(_, other)) => one == other,
                    (one, other) => one == other,
                };
                let (these, others): (Vec<_>, Vec<_>) = group.into_iter().partition(|(_, other)| same(other));
                let these: Vec<&Reorg> = these.into_iter().map(|(reorg, _)| reorg).collect();
                stories.push(self.tell_reorg(&these, &cause, clock));
                group = others;
            }
        }
        stories
    }

    /// Blocks that stayed beside the chain of a node.
    fn sides(&self) -> Vec<Story> {
        let joined: BTreeSet<(u16, BlockHash)> =
            self.reorgs.iter().flat_map(|reorg| reorg.joined.iter().map(|hash| (reorg.node, *hash))).collect();
        let beside = self.sides.iter().filter(|side| !joined.contains(&(side.node, side.hash)));
        let (mut groups, mut kept) = (Groups::default(), BTreeMap::new());
        for side in beside {
            groups.add(side.hash, (side.number, side.at), side.node);
            kept.insert((side.hash, side.node), side.kept);
        }
        groups.told("side", |hash, group| {
            let kept: BTreeSet<_> = group.nodes.iter().filter_map(|node| *kept.get(&(*hash, *node))?).collect();
            let (chain, they) = if group.nodes.len() == 1 { ("its chain", "it") } else { ("their chains", "they") };
            let than = match kept.first().filter(|_| kept.len() == 1) {
                None => format!("what {they} had"),
                Some(kept) => {
                    let since = group.nodes.iter().filter_map(|node| self.had(kept, *node)).map(|seen| seen.at).min();
                    let before = since.and_then(|at| group.at.checked_sub(at)).filter(|ms| *ms > 0);
                    let before = before.map(|ms| format!(", which was there {} before", span(ms)));
                    format!("{}{}", self.block(kept), before.unwrap_or_default())
                }
            };
            let (who, hash) = (who(&group.nodes), self.block(hash));
            format!("{who} put {hash} beside {chain}: it has no more work than {than}")
        })
    }

    fn drops(&self) -> Vec<Story> {
        let mut groups = Groups::default();
        for drop in &self.drops {
            groups.add((drop.id, drop.reason.clone(), drop.after), (drop.number, drop.at), drop.node);
        }
        groups.told("dropped", |(id, reason, after), group| {
            let mut text = format!("{} dropped transaction {}…: {reason}", who(&group.nodes), id.short());
            if let Some(hash) = after {
                let confirms = self.state.tree.get(hash).map(|block| &block.confirms);
                let confirms: Vec<TxId> = confirms.into_iter().flatten().copied().collect();
                text += &match confirms.as_slice() {
                    [] => format!("; {} had just joined the chain", self.block(hash)),
                    [one] => format!("; {} had just confirmed {}…", self.block(hash), one.short()),
                    more => format!("; {} had just confirmed {} others", self.block(hash), more.len()),
                };
            }
            text
        })
    }

    /// What is told as it is, and with `all` what needs no cause.
    fn plain(&self, all: bool) -> Vec<Story> {
        let mut groups = Groups::default();
        for (number, entry) in &self.plain {
            if let Some((kind, text)) = self.words(&entry.what).filter(|(kind, _)| all || !ROUTINE.contains(kind)) {
                match entry.node {
                    Some(node) => groups.add((kind, text), (*number, entry.at), node),
                    None => groups.add_alone((kind, text), (*number, entry.at)),
                }
            }
        }
        let mut stories = groups.told("", |(_, text), group| {
            let took = group.until.saturating_sub(group.at);
            let within = if took > 0 { format!("within {}", span(took)) } else { "at once".to_owned() };
            let have = if group.nodes.len() == 1 { "has" } else { "have" };
            let are = if group.nodes.len() == 1 { "is" } else { "are" };
            let text = text.replace("{have}", have).replace("{are}", are).replace("{within}", &within);
            text.replace("{who}", &who(&group.nodes))
        });
        let keys = groups.kinds();
        stories.iter_mut().zip(keys).for_each(|(story, kind)| story.kind = kind);
        stories
    }

    /// The kind of an entry and its sentence, in which the nodes come to stand.
    fn words(&self, what: &What) -> Option<(&'static str, String)> {
        Some(match what {
            What::Begun(begun) => ("begun", format!("the network began with {}", term::nodes(begun.nodes.into()))),
            What::Lost { entries } => {
                let are = if *entries == 1 { "entry is" } else { "entries are" };
                ("lost", format!("{entries} {are} missing here: the file could not be written"))
            }
            What::Ready { .. } => ("ready", "{who} {are} ready".to_owned()),
            What::Ended { how, wanted: true } => ("ended", format!("{{who}} ended as asked: {how}")),
            What::Ended { how, wanted: false } => ("ended", format!("{{who}} ended: {how}")),
            What::Paused => ("paused", "{who} {have} been paused".to_owned()),
            What::Resumed => ("resumed", "{who} {have} been resumed".to_owned()),
            What::Removed => ("removed", "{who} {have} been removed".to_owned()),
            What::Split { groups } => ("split", format!("the network was split: {}", term::sides(groups))),
            What::Healed => ("healed", "the network was healed".to_owned()),
            What::Links { rules } if rules.is_empty() => ("links", "all links are as they were".to_owned()),
            What::Links { rules } => {
                let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
                ("links", format!("links were changed: {}", rules.join("; ")))
            }
            What::HashRate { rate } => ("hash_rate", format!("{{who}} may try {rate} hashes per second from now on")),
            What::Mining { job, state, bursts } => ("mining", mining(*job, *state, *bursts)),
            What::Step { number, text } => ("step", format!("step {number}: {text}")),
            What::Verdict { passed: true, text } => ("verdict", format!("passed: {text}")),
            What::Verdict { passed: false, text } => ("verdict", format!("failed: {text}")),
            What::Mined { hash, .. } => ("mined", format!("{{who}} found {}", self.block(hash))),
            What::Connected { hash, .. } => {
                ("connected", format!("{} joined the chain of {{who}} {{within}}", self.block(hash)))
            }
            What::Pooled { id, returned: false } => {
                ("pooled", format!("transaction {}… entered the pool of {{who}}", id.short()))
            }
            What::Pooled { id, returned: true } => {
                ("pooled", format!("transaction {}… went back to the pool of {{who}}", id.short()))
            }
            What::Confirmed { id, block, .. } => {
                ("confirmed", format!("transaction {}… is confirmed in {} at {{who}}", id.short(), self.block(block)))
            }
            What::Contradicted { height, hash, better } => (
                "contradicted",
                format!(
                    "alarm: block {height} ({}) left the chain of {{who}} for {}, although the log is signed up to it",
                    short(hash),
                    short(better)
                ),
            ),
            What::Orphan { hash, parent, peer } => {
                let by = peer.as_ref().map(|peer| format!(" by {}", self.peer(peer))).unwrap_or_default();
                let below = short(parent);
                (
                    "orphan",
                    format!(
                        "{{who}} got {}{by} before the one below it, {below}, and asked for that",
                        self.block(hash)
                    ),
                )
            }
            What::Penalty { peer, fault, banned } => {
                let banned = if *banned { ", and banned it" } else { "" };
                let peer = peer.as_ref().map_or_else(|| "a peer".to_owned(), |peer| self.peer(peer));
                ("penalty", format!("{{who}} held a fault against {peer}: {fault}{banned}"))
            }
            What::Gap { asked, next, reason } => {
                let missing = match next.checked_sub(*asked) {
                    None | Some(0) => String::new(),
                    Some(1) => " of 1 entry".to_owned(),
                    Some(entries) => format!(" of {entries} entries"),
                };
                ("gap", format!("the journal of {{who}} has a gap{missing}: {reason}"))
            }
            _ => return None,
        })
    }

    fn peer(&self, name: &str) -> String {
        let known = self.state.peer(name).map(|node| format!("node {node}"));
        known.unwrap_or_else(|| format!("peer {}", term::printable(name)))
    }
}

/// Kinds that need no cause.
const ROUTINE: [&str; 4] = ["mined", "connected", "pooled", "confirmed"];

fn mining(job: u64, state: MiningState, bursts: Option<u32>) -> String {
    let what = bursts.map_or_else(|| "without end".to_owned(), term::bursts);
    match state {
        MiningState::Begun => format!("mining job {job} began: {what}"),
        MiningState::Done => format!("mining job {job} is done: {what}"),
        MiningState::Stopped => format!("mining job {job} was stopped: {what}"),
    }
}

/// The same thing at several nodes.
#[derive(Debug)]
struct Group<K> {
    key: K,
    /// Numbers of the first and of the last entry.
    numbers: [u64; 2],
    at: u64,
    until: u64,
    nodes: Vec<u16>,
}

/// Puts together what is alike and close in time, in the order of its first occurrence.
#[derive(Debug)]
struct Groups<K> {
    groups: Vec<Group<K>>,
    last: BTreeMap<K, usize>,
}

impl<K> Default for Groups<K> {
    fn default() -> Self {
        Self { groups: Vec::new(), last: BTreeMap::new() }
    }
}

impl<K: Ord + Clone> Groups<K> {
    /// `place` is an entry's number and time.
    fn add(&mut self, key: K, place: (u64, u64), node: u16) {
        let (number, at) = place;
        let known = self.last.get(&key).map(|index| &mut self.groups[*index]);
        match known.filter(|group| at.saturating_sub(group.until) <= TOGETHER && !group.nodes.contains(&node)) {
            Some(group) => {
                group.until = group.until.max(at);
                group.numbers[1] = number;
                group.nodes.push(node);
            }
            None => self.begin(key, place, vec![node]),
        }
    }

    fn add_alone(&mut self, key: K, place: (u64, u64)) {
        self.begin(key, place, Vec::new());
    }

    fn begin(&mut self, key: K, (number, at): (u64, u64), nodes: Vec<u16>) {
        self.last.insert(key.clone(), self.groups.len());
        self.groups.push(Group { key, numbers: [number; 2], at, until: at, nodes });
    }

    fn told(&mut self, kind: &'static str, words: impl Fn(&K, &Group<K>) -> String) -> Vec<Story> {
        self.groups.iter_mut().for_each(|group| group.nodes.sort_unstable());
        let told = self.groups.iter().map(|group| {
            let (nodes, text, [number, last]) = (group.nodes.clone(), words(&group.key, group), group.numbers);
            let (at, until) = (group.at, group.until);
            Story { number, last, at, until, kind, nodes, text, details: Vec::new(), change: None }
        });
        told.collect()
    }
}

impl Groups<(&'static str, String)> {
    fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.groups.iter().map(|group| group.key.0)
    }
}

#[cfg(test)]
mod tests;
