//! What a run on real processes came to, counted from its timeline.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use shared::{BlockHash, TxId};

use super::engine::{Held, Measures, Outcome, Trouble};
use crate::timeline::{Reader, State, What};

/// Everything in a timeline that is counted.
#[derive(Default)]
struct Count {
    state: State,
    /// The block below each that was told of.
    below: BTreeMap<BlockHash, Option<BlockHash>>,
    confirms: BTreeMap<BlockHash, BTreeSet<TxId>>,
    /// Blocks that each node is taking back just now.
    leaving: BTreeMap<u16, u32>,
    measures: Measures,
}

/// Counts what the timeline holds. `None` while it does not yet tell what these nodes hold.
///
/// # Errors
/// When it cannot be read.
pub(super) fn read(timeline: &Path, held: &[Held]) -> Outcome<Option<Measures>> {
    let mut count = Count::default();
    for entry in Reader::open(timeline).map_err(Trouble::new)? {
        let entry = entry.map_err(Trouble::new)?;
        count.state.apply(&entry);
        if let Some(node) = entry.node {
            count.hear(node, &entry.what);
        }
    }
    // The nodes may have gone on since they were asked, and the timeline with them.
    let told = |held: &Held| match count.state.tree.get(&held.tip) {
        Some(block) => block.seen.contains_key(&held.node),
        None => false,
    } || held.height == 0;
    if !held.iter().all(told) {
        return Ok(None);
    }
    let best = held.iter().max_by(|a, b| a.work.cmp(&b.work)).map(|held| held.tip);
    Ok(Some(count.come_to(best)))
}

impl Count {
    fn hear(&mut self, node: u16, what: &What) {
        match what {
            What::Connected { hash, about, .. } => {
                self.leaving.remove(&node);
                self.below.insert(*hash, about.previous);
            }
            What::Side { hash, about, .. } => {
                self.below.entry(*hash).or_insert(about.previous);
            }
            What::Confirmed { id, block, .. } => {
                self.measures.confirmed.insert(*id);
                self.confirms.entry(*block).or_default().insert(*id);
            }
            What::Disconnected { hash, .. } => {
                let depth = self.leaving.entry(node).or_default();
                *depth += 1;
                self.measures.deepest = self.measures.deepest.max(*depth);
                self.measures.retracted.extend(self.confirms.get(hash).into_iter().flatten());
            }
            _ => {}
        }
    }

    /// With the chain up to this block as the one that was kept.
    fn come_to(self, best: Option<BlockHash>) -> Measures {
        let mut measures = self.measures;
        measures.found = self.below.len() as u64;
        let chain = std::iter::successors(best, |hash| self.below.get(hash).copied().flatten());
        for hash in chain.take_while(|hash| self.below.contains_key(hash)) {
            measures.kept += 1;
            if let Some(miner) = self.state.miner_of(&hash).map(usize::from) {
                if measures.kept_by.len() <= miner {
                    measures.kept_by.resize(miner + 1, 0);
                }
                measures.kept_by[miner] += 1;
            }
        }
        measures
    }
}
