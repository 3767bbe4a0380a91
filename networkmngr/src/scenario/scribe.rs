//! The timeline of a simulated network: what its witness sees and what is done to it, in virtual time. Changes
//! nothing.

use std::path::Path;

use node::machine::journal::ChainEvent;
use node::sim::{Sight, Tally, World};
use serde_json::json;
use shared::{Address, Millis};

use super::engine::{Outcome, Trouble, link_rule};
use super::file::{Link, Plan};
use crate::network::Faults;
use crate::node_set::NodeSet;
use crate::timeline::{About, Begun, Entry, FORMAT, Told, What, Writer};

/// Writes down what happens.
pub(super) struct Scribe {
    writer: Writer,
    miners: Vec<Address>,
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
        let writer = Writer::create(path, world.now().0, begun);
        let writer = writer.map_err(|error| Trouble(format!("cannot write {}: {error}", path.display())))?;
        let mut scribe = Self { writer, miners: Vec::new(), faults: Faults::default() };
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
                let about = About { miner, previous, ..About::default() };
                let what = What::Mined { height: block.height().0, hash: block.hash(), about };
                self.writer.append(Entry::node(at.0, number, what));
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
        if let Ok(told) = Told::by_node(at.0, number, None, &json.to_string()) {
            self.writer.append(told);
        }
        if let (ChainEvent::Connected { hash, height, .. }, Some(found)) = (event, found) {
            for (position, id) in (0..).zip(&found.transactions) {
                let what = What::Confirmed { id: *id, block: *hash, height: height.0, position };
                self.writer.append(Entry::node(at.0, number, what));
            }
        }
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
        self.writer.append(Entry::network(at.0, what));
    }

    /// Something about one node.
    pub(super) fn node(&mut self, at: Millis, node: u16, what: What) {
        self.writer.append(Entry::node(at.0, node, what));
    }

    /// Puts everything into the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn close(&mut self) -> Outcome<()> {
        self.writer.flush().map_err(|error| Trouble(format!("the timeline cannot be written: {error}")))
    }
}
