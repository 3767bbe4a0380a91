//! What a timeline tells of, put together from its entries: changes of branches with all that belongs to each,
//! blocks beside the chain, faults and when they held. Causes are worked out in [`super::cause`], words in
//! [`super::story`].

use std::collections::BTreeMap;

use shared::{BlockHash, TxId};

use super::entry::{Entry, Reorganised, What};
use super::state::{Life, State};
use crate::network::LinkRule;

/// All of it, with the state at the end.
#[derive(Debug, Default)]
pub(super) struct Trace {
    pub(super) state: State,
    pub(super) reorgs: Vec<Reorg>,
    pub(super) sides: Vec<Side>,
    pub(super) drops: Vec<Drop>,
    /// What is told as it is, with the entries' numbers.
    pub(super) plain: Vec<(u64, Entry)>,
    splits: Vec<Period<Vec<Vec<u16>>>>,
    links: Vec<Period<Vec<LinkRule>>>,
    absences: BTreeMap<u16, Vec<Period<Life>>>,
    open: BTreeMap<u16, Open>,
    /// How many entries follow that only repeat what held before, as another file begins.
    repeated: u64,
}

/// Something that held from one time to another, in milliseconds; still, if there is no end.
#[derive(Clone, Debug, PartialEq)]
struct Period<T> {
    from: u64,
    to: Option<u64>,
    what: T,
}

/// A node left one tip for another.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reorg {
    /// Numbers of its first and its last entry.
    pub(super) numbers: [u64; 2],
    pub(super) node: u16,
    pub(super) at: u64,
    pub(super) from: BlockHash,
    pub(super) to: BlockHash,
    /// The blocks undone, the highest first.
    pub(super) left: Vec<BlockHash>,
    /// The blocks that took their place, the lowest first.
    pub(super) joined: Vec<BlockHash>,
    pub(super) returned: Vec<TxId>,
    /// Transactions of the blocks undone that could not go back, with the reason.
    pub(super) dropped: Vec<(TxId, String)>,
    /// What the node said of it as a whole.
    pub(super) told: Option<Reorganised>,
}

/// A block that a node has beside its chain.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Side {
    pub(super) number: u64,
    pub(super) node: u16,
    pub(super) at: u64,
    pub(super) hash: BlockHash,
    /// The tip it kept.
    pub(super) kept: Option<BlockHash>,
}

/// A transaction that a node's pool lost.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Drop {
    pub(super) number: u64,
    pub(super) node: u16,
    pub(super) at: u64,
    pub(super) id: TxId,
    pub(super) reason: String,
    /// The block that had just joined the node's chain, if that was what made the difference.
    pub(super) after: Option<BlockHash>,
}

/// What a node's journal is in the middle of.
#[derive(Debug, Default)]
struct Open {
    /// Which change of branches is told at present, and whether all its blocks have joined.
    reorg: Option<(usize, bool)>,
    /// The last block that joined, while nothing else has come in between.
    joined: Option<BlockHash>,
}

impl Trace {
    /// One that goes on from this state: what holds there is taken to have held always.
    pub(super) fn from(state: State) -> Self {
        let mut trace = Self::default();
        if !state.groups.is_empty() {
            begin(&mut trace.splits, 0, state.groups.clone());
        }
        if !state.rules.is_empty() {
            begin(&mut trace.links, 0, state.rules.clone());
        }
        for (number, node) in &state.nodes {
            if matches!(node.life, Life::Ended | Life::Paused | Life::Removed) {
                begin(trace.absences.entry(*number).or_default(), 0, node.life);
            }
        }
        Self { state, ..trace }
    }

    fn tell(&mut self, entry: &Entry) {
        self.plain.push((self.state.number(), entry.clone()));
    }

    /// Takes in the next entry. One that is earlier than the one before it is taken as of the same time.
    pub(super) fn take(&mut self, entry: &Entry) {
        let entry = &Entry { at: entry.at.max(self.state.at), ..entry.clone() };
        let before = entry.node.and_then(|number| self.state.nodes.get(&number).and_then(|node| node.tip));
        self.state.apply(entry);
        self.note_periods(entry);
        if let (None, What::Begun(begun)) = (entry.node, &entry.what) {
            self.repeated = begun.whole;
            if begun.continued {
                return;
            }
        } else if self.repeated > 0 {
            self.repeated -= 1;
            return;
        }
        match entry.node {
            Some(node) => self.take_node(node, entry, before),
            None => self.tell(entry),
        }
    }

    /// Notes what holds from this entry on, or does no longer.
    fn note_periods(&mut self, entry: &Entry) {
        let at = entry.at;
        match (entry.node, &entry.what) {
            (None, What::Begun(begun)) if !begun.continued => {
                end(&mut self.splits, at);
                end(&mut self.links, at);
                self.absences.values_mut().for_each(|absences| end(absences, at));
            }
            (None, What::Split { groups }) => begin(&mut self.splits, at, groups.clone()),
            (None, What::Healed) => end(&mut self.splits, at),
            (None, What::Links { rules }) if rules.is_empty() => end(&mut self.links, at),
            (None, What::Links { rules }) => begin(&mut self.links, at, rules.clone()),
            (Some(node), What::Ended { .. } | What::Paused | What::Removed) => {
                let life = self.state.nodes.get(&node).map_or(Life::Ended, |state| state.life);
                begin(self.absences.entry(node).or_default(), at, life);
            }
            (Some(node), What::Ready { .. } | What::Resumed) => end(self.absences.entry(node).or_default(), at),
            _ => {}
        }
    }

    fn take_node(&mut self, node: u16, entry: &Entry, before: Option<BlockHash>) {
        let at = entry.at;
        match &entry.what {
            What::Disconnected { hash, better, .. } => {
                // Where a node's journal has a gap, it may hold already what it is told to move to.
                let from = before.filter(|tip| tip != better).unwrap_or(*hash);
                let reorg = self.reorg(node, at, from, *better);
                reorg.left.push(*hash);
            }
            What::Connected { hash, .. } => self.joined(node, *hash),
            What::Reorganised(told) => {
                let reorg = self.reorg(node, at, told.from, told.to);
                reorg.from = told.from;
                reorg.told = Some(told.clone());
            }
            What::Side { hash, .. } => {
                self.sides.push(Side { number: self.state.number(), node, at, hash: *hash, kept: before })
            }
            What::Pooled { id, returned: true } => {
                if let Some(reorg) = self.under_way(node) {
                    reorg.returned.push(*id);
                } else {
                    self.tell(entry);
                }
            }
            What::Dropped { id, reason } => self.dropped(node, at, *id, reason),
            // What the node was in the middle of is over, or not told to its end.
            What::Pooled { .. } | What::Restarted | What::Held { .. } | What::Gap { .. } | What::Ended { .. } => {
                self.open.remove(&node);
                self.tell(entry);
            }
            _ => self.tell(entry),
        }
        if let What::Connected { .. } = entry.what {
            self.tell(entry);
        }
    }

    fn joined(&mut self, node: u16, hash: BlockHash) {
        let open = self.open.entry(node).or_default();
        open.joined = Some(hash);
        match open.reorg {
            Some((index, false)) => {
                let reorg = &mut self.reorgs[index];
                reorg.joined.push(hash);
                reorg.numbers[1] = self.state.number();
                open.reorg = Some((index, reorg.to == hash));
            }
            Some((_, true)) => open.reorg = None,
            None => {}
        }
    }

    fn dropped(&mut self, node: u16, at: u64, id: TxId, reason: &str) {
        let (after, number) = (self.open.get(&node).and_then(|open| open.joined), self.state.number());
        match self.under_way(node) {
            Some(reorg) => reorg.dropped.push((id, reason.to_owned())),
            None => self.drops.push(Drop { number, node, at, id, reason: reason.to_owned(), after }),
        }
    }

    /// The node's change of branches to `to`, which may have been begun.
    fn reorg(&mut self, node: u16, at: u64, from: BlockHash, to: BlockHash) -> &mut Reorg {
        let number = self.state.number();
        let open = self.open.entry(node).or_default();
        let index = match open.reorg {
            Some((index, _)) if self.reorgs[index].to == to => index,
            _ => {
                self.reorgs.push(Reorg { numbers: [number; 2], node, at, from, to, ..Reorg::default() });
                open.reorg = Some((self.reorgs.len() - 1, false));
                self.reorgs.len() - 1
            }
        };
        let reorg = &mut self.reorgs[index];
        reorg.numbers[1] = number;
        reorg
    }

    fn under_way(&mut self, node: u16) -> Option<&mut Reorg> {
        let (index, _) = self.open.get(&node)?.reorg?;
        let reorg = self.reorgs.get_mut(index)?;
        reorg.numbers[1] = self.state.number();
        Some(reorg)
    }

    /// How the network was split at that time.
    pub(super) fn split_at(&self, at: u64) -> Option<&[Vec<u16>]> {
        found(&self.splits, at).map(Vec::as_slice)
    }

    /// What was made up for links at that time.
    pub(super) fn links_at(&self, at: u64) -> &[LinkRule] {
        found(&self.links, at).map(Vec::as_slice).unwrap_or_default()
    }

    /// What kept a node from hearing anything at that time.
    pub(super) fn absence_at(&self, node: u16, at: u64) -> Option<Life> {
        found(self.absences.get(&node)?, at).copied()
    }
}

fn begin<T>(periods: &mut Vec<Period<T>>, from: u64, what: T) {
    end(periods, from);
    periods.push(Period { from, to: None, what });
}

fn end<T>(periods: &mut [Period<T>], at: u64) {
    if let Some(last) = periods.last_mut() {
        last.to.get_or_insert(at);
    }
}

fn found<T>(periods: &[Period<T>], at: u64) -> Option<&T> {
    let holds = |period: &&Period<T>| period.from <= at && period.to.is_none_or(|to| at < to);
    periods.iter().rev().find(holds).map(|period| &period.what)
}
