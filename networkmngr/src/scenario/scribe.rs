//! The timeline of a simulated network: what its witness sees and what is done to it, in virtual time. Changes
//! nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use node::machine::journal::ChainEvent;
use node::sim::{Sight, Tally, World};
use serde_json::json;
use shared::{Address, BlockHash, CheckedBlock, Millis, Work};

use super::engine::{Outcome, Trouble, link_rule};
use super::file::{Link, Plan};
use crate::network::Faults;
use crate::node_set::NodeSet;
use crate::timeline::{About, Begun, Entry, FORMAT, Recorder, Told, What};

/// Entries that are written at once.
const AT_ONCE: usize = 256;

/// Writes down what happens.
pub(super) struct Scribe {
    recorder: Arc<Recorder>,
    /// What is on its way to it.
    waiting: Vec<Told>,
    miners: Vec<Address>,
    /// The work behind each block, and its time.
    weighed: BTreeMap<BlockHash, (Work, u32)>,
    faults: Faults,
}

impl Scribe {
    /// Begins the timeline of a plan's network, all of whose nodes have just been started.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn begin(path: &Path, plan: &Plan, seed: u64, world: &World) -> Outcome<Self> {
        let begun = Begun {
            format: FORMAT,
            number: 1,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            genesis: Some(world.genesis()),
            simulated: true,
            seed: Some(seed),
            nodes: plan.nodes,
            continued: false,
            whole: 0,
        };
        let recorder = Recorder::create(path, world.now().0, begun);
        let recorder = recorder.map_err(|error| Trouble(format!("cannot write {}: {error}", path.display())))?;
        let mut scribe = Self {
            recorder,
            waiting: Vec::new(),
            miners: Vec::new(),
            weighed: BTreeMap::new(),
            faults: Faults::default(),
        };
        if let Some((_, machine)) = world.machines().next() {
            scribe.weighed.insert(machine.tip().hash, (machine.tip().position.work, 0));
        }
        (0..plan.nodes).for_each(|node| scribe.ready(world, node));
        let rest = link_rule(NodeSet::All, NodeSet::All, plan.delay, plan.loss);
        let links = plan.links.iter().map(|link| link_rule(link.from.clone(), link.to.clone(), link.delay, link.loss));
        let rules = [rest].into_iter().filter(|rest| !rest.conditions().is_clear()).chain(links);
        rules.for_each(|rule| scribe.faults.add(rule));
        if !scribe.faults.rules.is_empty() {
            scribe.tell_links(world.now());
        }
        Ok(scribe)
    }

    /// Takes in what a witness sees, after the tally has.
    pub(super) fn see(&mut self, at: Millis, node: usize, sight: &Sight, tally: &Tally) {
        let number = u16::try_from(node).unwrap_or(u16::MAX);
        let event = match sight {
            Sight::Told(event) => event,
            Sight::Mined(block) => {
                let (miner, previous) = (self.miners.get(node).copied(), Some(block.header().previous));
                let (work, time) = self.weigh(block);
                let about = About { miner, previous, work, time };
                let what = What::Mined { height: block.height().0, hash: block.hash(), about };
                self.take(Entry::node(at.0, number, what));
                return;
            }
            Sight::Tip { .. } => return,
        };
        let Ok(mut json) = serde_json::to_value(event) else { return };
        let found = match event {
            ChainEvent::Connected { hash, .. } | ChainEvent::Side { hash, .. } => tally.found.get(hash),
            _ => None,
        };
        if let Some(found) = found {
            json["previous"] = json!(found.previous);
            json["miner"] = json!(self.miners.get(found.miner));
        }
        if let ChainEvent::Connected { hash, .. } | ChainEvent::Side { hash, .. } = event
            && let Some((work, time)) = self.weighed.get(hash)
        {
            json["work"] = json!(work);
            json["time"] = json!(time);
        }
        if let Ok(told) = Told::by_node(at.0, number, None, &json.to_string()) {
            self.take(told);
        }
        if let (ChainEvent::Connected { hash, height, .. }, Some(found)) = (event, found) {
            for (position, id) in (0..).zip(&found.transactions) {
                let what = What::Confirmed { id: *id, block: *hash, height: height.0, position };
                self.take(Entry::node(at.0, number, what));
            }
        }
    }

    /// The work behind a block that was just found, and its time.
    fn weigh(&mut self, block: &CheckedBlock) -> (Option<Work>, Option<u32>) {
        let header = block.header();
        let below = self.weighed.get(&header.previous).map(|(work, _)| *work);
        let work = below.zip(header.bits.target().ok()).map(|(below, target)| below.plus(target.work()));
        if let Some(work) = work {
            self.weighed.insert(block.hash(), (work, header.time.0));
        }
        (work, Some(header.time.0))
    }

    /// A node works.
    pub(super) fn ready(&mut self, world: &World, node: u16) {
        let miner = world.miner(usize::from(node));
        if usize::from(node) == self.miners.len() {
            self.miners.push(miner);
        }
        let what = What::Ready { miner: Some(miner), peer: None, id: None, address: None };
        self.node(world.now(), node, what);
    }

    /// A link was changed. Of several rules for a way, the last one holds.
    pub(super) fn link(&mut self, at: Millis, link: &Link) {
        let rule = link_rule(link.from.clone(), link.to.clone(), link.delay, link.loss);
        self.faults.add(rule);
        self.tell_links(at);
    }

    fn tell_links(&mut self, at: Millis) {
        self.network(at, What::Links { rules: self.faults.rules.clone() });
    }

    /// Something about the network.
    pub(super) fn network(&mut self, at: Millis, what: What) {
        self.take(Entry::network(at.0, what));
    }

    /// Something about one node.
    pub(super) fn node(&mut self, at: Millis, node: u16, what: What) {
        self.take(Entry::node(at.0, node, what));
    }

    fn take(&mut self, told: impl Into<Told>) {
        self.waiting.push(told.into());
        if self.waiting.len() >= AT_ONCE {
            self.recorder.write(self.waiting.drain(..));
        }
    }

    /// Who writes it down.
    pub(super) fn recorder(&self) -> &Arc<Recorder> {
        &self.recorder
    }

    /// Puts everything into the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn close(&mut self) -> Outcome<()> {
        self.recorder.write(self.waiting.drain(..));
        self.recorder.check().map_err(|error| Trouble(format!("the timeline cannot be written: {error}")))
    }
}
