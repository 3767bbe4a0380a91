//! The simulator as a scenario's engine: virtual time, one seed, every rule checked at every step.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use node::machine::effect::Reply;
use node::machine::event::Request;
use node::machine::store::ReadChain as _;
use node::machine::strategy::{self as machine, Attack, Ending, Lie, Tie};
use node::sim::{self, Conditions, Tally, Topology, World, WorldConfig};
use shared::record::{Content, Record};
use shared::{Amount, BlockHash, CheckedTransaction, Height, Millis, Topic, TxId};
use tokio::sync::watch;

use super::engine::{Branch, Engine, Held, Measures, Outcome, Payment, Trouble, Whereabouts};
use super::file::{Link, Plan};
use super::scribe::Scribe;
use super::step::Strategy;
use super::values::Delay;
use crate::timeline::{Recorder, What};

/// How long one block may take, in milliseconds of virtual time, as a multiple of the spacing.
const PATIENCE: u64 = 1_000;

/// Milliseconds of virtual time that pass at once, before it is looked whether there shall be more.
const MOMENT: u64 = 1_000;

/// A simulated network under a scenario.
pub(super) struct Simulated {
    world: World,
    tally: Rc<RefCell<Tally>>,
    begun: Millis,
    spacing: u64,
    /// All hash power of the plan.
    power: f64,
    /// Nodes taken out for good.
    removed: BTreeSet<u16>,
    sent: BTreeMap<TxId, Arc<CheckedTransaction>>,
    scribe: Option<Rc<RefCell<Scribe>>>,
    /// Power of the boosted node, and whether it mines, when it is not.
    unboosted: Option<(f64, bool)>,
    /// Whether it is to be ended.
    stop: Option<watch::Receiver<bool>>,
}

impl Simulated {
    /// The network of a plan, connected, with nobody mining.
    ///
    /// # Errors
    /// When the timeline cannot be written.
    pub(super) fn new(plan: &Plan, seed: u64, timeline: Option<&Path>) -> Outcome<Self> {
        let nodes = usize::from(plan.nodes);
        let topology = match plan.topology.pairs(plan.nodes) {
            None => Topology::Full,
            Some(pairs) => Topology::Edges(pairs.iter().map(|(a, b)| (usize::from(*a), usize::from(*b))).collect()),
        };
        let mut world = World::new(WorldConfig {
            network: super::spec::simulated(plan),
            nodes,
            seed,
            conditions: conditions(plan.delay, plan.loss),
            topology,
            checked: true,
        });
        for link in &plan.links {
            set_link(&mut world, link);
        }
        let tally = Rc::new(RefCell::new(Tally::new(nodes)));
        let scribe = timeline.map(|path| Scribe::begin(path, plan, seed, &world)).transpose()?;
        let scribe = scribe.map(|scribe| Rc::new(RefCell::new(scribe)));
        let witnesses = (tally.clone(), scribe.clone());
        world.set_witness(Box::new(move |at, node, sight| {
            let (tally, scribe) = &witnesses;
            tally.borrow_mut().see(at, node, sight);
            if let Some(scribe) = scribe {
                scribe.borrow_mut().see(at, node, sight, &tally.borrow());
            }
        }));
        for (node, share) in plan.shares.iter().enumerate() {
            world.set_power(node, *share);
        }
        // As real nodes are, all are ready and connected when the first step begins.
        world.run_for(10_000).map_err(Trouble::new)?;
        world.set_block_gap(Some(plan.spacing.seconds()));
        let begun = world.now();
        Ok(Self {
            world,
            tally,
            begun,
            spacing: plan.spacing.0,
            power: plan.total_share(),
            removed: BTreeSet::new(),
            sent: BTreeMap::new(),
            scribe,
            unboosted: None,
            stop: None,
        })
    }

    /// From when this is true on, nothing more is done.
    pub(super) fn stop_when(&mut self, stop: watch::Receiver<bool>) {
        self.stop = Some(stop);
    }

    /// What it does, if that is written down.
    pub(super) fn timeline(&self) -> Option<Arc<Recorder>> {
        self.scribe.as_ref().map(|scribe| scribe.borrow().recorder().clone())
    }

    fn check_stop(&self) -> Outcome<()> {
        let stop = self.stop.as_ref().is_some_and(|stop| *stop.borrow());
        if stop { Err(Trouble("it was stopped".into())) } else { Ok(()) }
    }

    /// Writes something about a node into the timeline, if there is one.
    fn note_of(&self, node: u16, what: What) {
        if let Some(scribe) = &self.scribe {
            scribe.borrow_mut().node(self.world.now(), node, what);
        }
    }

    fn note_ready(&self, node: u16) {
        if let Some(scribe) = &self.scribe {
            scribe.borrow_mut().ready(&self.world, node);
        }
    }

    /// The groups, and all nodes that are in none of them together.
    fn all_groups(&self, groups: &[Vec<u16>]) -> Vec<Vec<u16>> {
        let nodes =
            (0..u16::try_from(self.world.nodes()).unwrap_or(u16::MAX)).filter(|node| !self.removed.contains(node));
        let rest: Vec<u16> = nodes.filter(|node| !groups.iter().any(|group| group.contains(node))).collect();
        groups.iter().cloned().chain([rest]).filter(|group| !group.is_empty()).collect()
    }

    fn up(&self) -> Vec<usize> {
        (0..self.world.nodes()).filter(|node| self.world.is_up(*node)).collect()
    }

    fn find_block(&mut self, node: usize, height: u32) -> Outcome<()> {
        let id = self.world.request(node, Request::Mine { height: Some(Height(height)) });
        let deadline = self.world.now().0 + PATIENCE * self.spacing.max(1_000);
        while self.world.now().0 < deadline {
            self.check_stop()?;
            match self.world.take_reply(node, id) {
                // Should another be first, there is a block of that height as well.
                Some(Reply::Mined(_) | Reply::MineLost { .. }) => return Ok(()),
                Some(Reply::Refused(why)) => return Err(Trouble::new(why)),
                Some(other) => return Err(Trouble(format!("node {node} answered {other:?}"))),
                None => self.world.run_for(10).map_err(Trouble::new)?,
            }
        }
        Err(Trouble("nobody found a block".into()))
    }

    fn change(&mut self, node: u16, strategy: Option<machine::Strategy>, tie: Option<Tie>) -> Outcome<()> {
        self.world.set_strategy(usize::from(node), strategy, tie).map_err(Trouble)
    }

    /// The block so many below a node's tip; nothing for the tip itself.
    fn block_below(&self, node: u16, depth: u32) -> Outcome<Option<BlockHash>> {
        let machine = self.world.machines().find(|(number, _)| *number == usize::from(node));
        let (_, machine) = machine.ok_or_else(|| Trouble(format!("node {node} does not run")))?;
        let height = machine.tip().position.height.0.checked_sub(depth);
        let height = height.ok_or_else(|| Trouble(format!("node {node} has no {depth} blocks to take back")))?;
        if depth == 0 { Ok(None) } else { machine.store().hash_at(Height(height)).map_err(Trouble::new) }
    }

    fn best_tip(&self) -> Option<(BlockHash, Height)> {
        self.world.best_tip()
    }
}

/// A process's end in the simulator is always at once.
fn killed() -> What {
    What::Ended { how: "ended by SIGKILL".to_owned(), wanted: true }
}

fn machine_strategy(strategy: Strategy) -> machine::Strategy {
    let liar = |what| machine::Strategy::Liar { what };
    match strategy {
        Strategy::Honest => machine::Strategy::Honest,
        Strategy::Selfish => machine::Strategy::Selfish,
        Strategy::InvalidBlocks => liar(Lie::InvalidBlocks),
        Strategy::WithheldBodies => liar(Lie::WithheldBodies),
        Strategy::Floods => liar(Lie::Floods),
    }
}

fn conditions(delay: Delay, loss: f64) -> Conditions {
    // Real messages on one machine take a moment as well.
    let (least, most) = (delay.least.max(1), delay.most.max(1));
    Conditions { loss, ..Conditions::taking(sim::Delay::Uniform { least, most }) }
}

fn set_link(world: &mut World, link: &Link) {
    let conditions = conditions(link.delay, link.loss);
    let count = u16::try_from(world.nodes()).unwrap_or(u16::MAX);
    for from in (0..count).filter(|node| link.from.contains(*node)) {
        for to in (0..count).filter(|node| *node != from && link.to.contains(*node)) {
            world.set_link(usize::from(from), usize::from(to), conditions);
            world.set_link(usize::from(to), usize::from(from), conditions);
        }
    }
}

impl Engine for Simulated {
    fn elapsed(&self) -> u64 {
        self.world.now().0 - self.begun.0
    }

    async fn pass(&mut self, millis: u64) -> Outcome<()> {
        let mut left = millis;
        while left > 0 {
            self.check_stop()?;
            let now = left.min(MOMENT);
            self.world.run_for(now).map_err(Trouble::new)?;
            left -= now;
        }
        Ok(())
    }

    async fn held(&mut self) -> Outcome<Vec<Held>> {
        let up: BTreeSet<usize> = self.up().into_iter().collect();
        let held = self.world.machines().filter(|(node, _)| up.contains(node)).map(|(node, machine)| {
            let (tip, position) = (machine.tip().hash, machine.tip().position);
            let work = position.work.to_string();
            Held { node: u16::try_from(node).unwrap_or(u16::MAX), tip, height: position.height.0, work }
        });
        Ok(held.collect())
    }

    async fn mine_one(&mut self, by: u16, height: u32) -> Outcome<()> {
        let node = usize::from(by);
        let own = self.world.power(node);
        self.world.set_power(node, self.power);
        let outcome = self.find_block(node, height);
        self.world.set_power(node, own);
        outcome
    }

    async fn set_mining(&mut self, nodes: &[u16], on: bool) -> Outcome<()> {
        nodes.iter().for_each(|node| self.world.set_mining(usize::from(*node), on));
        Ok(())
    }

    async fn pay(&mut self, payment: &Payment) -> Outcome<TxId> {
        let nonce = payment.instead_of.and_then(|id| self.sent.get(&id)).map(|earlier| earlier.nonce);
        let (from, at) = (usize::from(payment.from), usize::from(payment.at));
        let to = self.world.miner(usize::from(payment.to));
        let at = if payment.secret { None } else { Some(at) };
        let sent = self.world.send_payment(from, to, payment.amount, payment.fee, nonce, at).map_err(Trouble)?;
        let id = sent.id();
        self.sent.insert(id, sent);
        Ok(id)
    }

    async fn record(&mut self, by: u16, topic: &str, record: &str, fee: Option<Amount>) -> Outcome<TxId> {
        let topic = Topic::new(topic).map_err(Trouble::new)?;
        let body = Record { corrects: None, content: Content::Json(record.into()) }.to_body().map_err(Trouble::new)?;
        let sent = self.world.send_data(usize::from(by), topic, body, fee).map_err(Trouble)?;
        Ok(sent.id())
    }

    async fn find(&mut self, node: u16, id: TxId) -> Outcome<Whereabouts> {
        let node = usize::from(node);
        let machine = self.world.machines().find(|(number, _)| *number == node).map(|(_, machine)| machine);
        let machine = machine.ok_or_else(|| Trouble(format!("node {node} does not run")))?;
        let top = machine.tip().position.height.0;
        if let Some(at) = machine.store().location(&id).map_err(Trouble::new)? {
            return Ok(Whereabouts::Confirmed(top - at.height.0 + 1));
        }
        Ok(if self.world.is_pending(node, &id) { Whereabouts::Pending } else { Whereabouts::Unknown })
    }

    async fn split(&mut self, groups: &[Vec<u16>]) -> Outcome<()> {
        self.note(What::Split { groups: self.all_groups(groups) });
        let group =
            |node: usize| groups.iter().position(|group| group.iter().any(|member| usize::from(*member) == node));
        let all = (0..self.world.nodes()).map(|node| group(node).unwrap_or(World::REST)).collect();
        self.world.split(all);
        Ok(())
    }

    async fn heal(&mut self) -> Outcome<()> {
        self.note(What::Healed);
        self.world.heal();
        self.world.meet();
        // As with real nodes, it is over when they are connected again.
        self.world.run_for(1_000).map_err(Trouble::new)
    }

    async fn kill(&mut self, node: u16) -> Outcome<()> {
        if !self.world.kill(usize::from(node)) {
            return Err(Trouble(format!("node {node} does not run")));
        }
        self.note_of(node, killed());
        Ok(())
    }

    async fn pause(&mut self, node: u16) -> Outcome<()> {
        if !self.world.is_up(usize::from(node)) {
            return Err(Trouble(format!("node {node} does not run, so it cannot be paused")));
        }
        self.world.pause(usize::from(node));
        self.note_of(node, What::Paused);
        Ok(())
    }

    async fn resume(&mut self, node: u16) -> Outcome<()> {
        if !self.world.is_paused(usize::from(node)) {
            return Err(Trouble(format!("node {node} is not paused, so it cannot be resumed")));
        }
        self.world.resume(usize::from(node));
        self.note_of(node, What::Resumed);
        Ok(())
    }

    async fn restart(&mut self, node: u16) -> Outcome<()> {
        if self.removed.contains(&node) {
            return Err(Trouble(format!("node {node} was removed")));
        }
        if self.world.kill(usize::from(node)) {
            self.note_of(node, killed());
        }
        self.note_ready(node);
        self.world.restart(usize::from(node));
        self.world.run_for(1_000).map_err(Trouble::new)
    }

    async fn remove(&mut self, node: u16) -> Outcome<()> {
        if self.world.kill(usize::from(node)) {
            self.note_of(node, killed());
        }
        self.note_of(node, What::Removed);
        self.removed.insert(node);
        Ok(())
    }

    async fn add(&mut self) -> Outcome<u16> {
        let number = u16::try_from(self.world.add_node()).map_err(Trouble::new)?;
        self.note_ready(number);
        self.world.run_for(1_000).map_err(Trouble::new)?;
        Ok(number)
    }

    async fn set_link(&mut self, link: &Link) -> Outcome<()> {
        set_link(&mut self.world, link);
        if let Some(scribe) = &self.scribe {
            scribe.borrow_mut().link(self.world.now(), link);
        }
        Ok(())
    }

    async fn set_share(&mut self, node: u16, share: f64) -> Outcome<()> {
        self.world.set_power(usize::from(node), share);
        Ok(())
    }

    async fn set_strategy(&mut self, node: u16, strategy: Strategy) -> Outcome<()> {
        self.change(node, Some(machine_strategy(strategy)), None)
    }

    async fn prefer(&mut self, miner: u16, nodes: &[u16]) -> Outcome<()> {
        let miner = self.world.miner(usize::from(miner));
        nodes.iter().try_for_each(|node| self.change(*node, None, Some(Tie::Prefer(miner))))
    }

    async fn attack(&mut self, branch: &Branch) -> Outcome<()> {
        let instead = branch.instead.iter().filter_map(|id| self.sent.get(id).cloned());
        let attack = Attack {
            from: self.block_below(branch.by, branch.depth)?,
            confirmations: branch.confirmations,
            lead: None,
            give_up: branch.give_up.unwrap_or(u32::MAX),
            leave_out: branch.without.iter().copied().collect(),
            instead: instead.collect(),
        };
        self.change(branch.by, Some(machine::Strategy::Private(attack)), None)
    }

    async fn attack_over(&mut self, node: u16) -> Outcome<Option<bool>> {
        let status = self.world.strategy(usize::from(node));
        let status = status.ok_or_else(|| Trouble(format!("node {node} does not run")))?;
        Ok(status.ending.map(|ending| ending == Ending::Published))
    }

    async fn boost(&mut self, node: u16, on: bool) -> Outcome<()> {
        let number = usize::from(node);
        if on {
            self.unboosted = Some((self.world.power(number), self.world.mines(number)));
            self.world.set_power(number, self.power);
            self.world.set_mining(number, true);
        } else if let Some((power, mines)) = self.unboosted.take() {
            self.world.set_power(number, power);
            self.world.set_mining(number, mines);
        }
        Ok(())
    }

    fn note(&mut self, what: What) {
        if let Some(scribe) = &self.scribe {
            scribe.borrow_mut().network(self.world.now(), what);
        }
    }

    fn close(&mut self) -> Outcome<()> {
        let Some(scribe) = self.scribe.take() else { return Ok(()) };
        scribe.borrow_mut().close()
    }

    async fn measures(&mut self) -> Outcome<Measures> {
        let Some((tip, _)) = self.best_tip() else { return Ok(Measures::default()) };
        let tally = self.tally.borrow();
        let kept = tally.kept(tip, Height(1));
        Ok(Measures {
            found: tally.found.values().filter(|found| found.taken).count() as u64,
            kept: kept.length,
            kept_by: kept.by_miner,
            deepest: tally.reorganisations.keys().last().copied().unwrap_or(0),
            retracted: tally.retracted.clone(),
            confirmed: tally.confirmed.clone(),
        })
    }
}
