//! The simulated world: nodes, the links between them, the order of what happens, and mining as a
//! Poisson process shared out by hash power. What a machine wants done is carried out in [`carry`]; what
//! befalls it is in [`fate`], what its users do in [`users`], what strangers do in [`lies`].

mod carry;
mod fate;
mod forge;
mod lies;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shared::{
    BlockHash, CheckedBlock, Millis, Network,
    wire::{NodeId, PeerAddress, PeerId},
};

use self::users::Users;
use super::{
    link::{Conditions, Link},
    oracle::{Fates, Oracle, Violation},
};
use crate::{
    drivers::store::MemoryStore,
    machine::{
        Machine,
        config::Config,
        effect::Effect,
        event::{Event, JobId, Request, RequestId},
        inbound::Incoming,
        mining::Template,
    },
};

/// What a world is made of.
#[derive(Debug, Clone)]
pub struct WorldConfig {
    /// Rules of the network.
    pub network: Arc<Network>,
    /// How many nodes.
    pub nodes: usize,
    /// Decides everything left to chance.
    pub seed: u64,
    /// What links are like.
    pub conditions: Conditions,
}

/// One simulated node.
struct SimNode {
    /// Off while it is crashed.
    machine: Option<Machine<MemoryStore>>,
    /// What it finds when it starts; the machine has it while it runs.
    disk: Option<MemoryStore>,
    job: Option<(JobId, Arc<Template>)>,
    /// Share of the network's hash power, relative to the others'.
    power: f64,
    restarts: u64,
}

/// Something that will happen.
enum Happening {
    Deliver { link: u64, from: usize, to: usize, message: Incoming },
    Misbehave { link: u64, from: usize, to: usize, fault: crate::machine::peers::Fault },
    Dial { from: usize, restarts: u64, peer: Option<PeerId>, address: String },
    Wake { node: usize, restarts: u64 },
    Proof,
    Restart { node: usize },
}

/// A simulated network.
pub struct World {
    config: WorldConfig,
    now: Millis,
    queue: BTreeMap<(Millis, u64), Happening>,
    happened: u64,
    scheduled: u64,
    nodes: Vec<SimNode>,
    links: BTreeMap<(usize, usize), Link>,
    links_so_far: u64,
    bans: BTreeSet<(usize, usize)>,
    /// The group of each node while the network is split.
    groups: Option<Vec<usize>>,
    users: Users,
    rng: ChaCha8Rng,
    oracle: Oracle,
    violation: Option<Violation>,
    mean_block_gap: Option<f64>,
}

fn peer_id(node: usize) -> PeerId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&(node as u64).to_be_bytes());
    PeerId(bytes)
}

/// The node that has this id.
fn peer_number(peer: PeerId) -> Option<usize> {
    let (number, _) = peer.0.split_first_chunk()?;
    usize::try_from(u64::from_be_bytes(*number)).ok()
}

fn address(node: usize) -> String {
    format!("sim-{node}")
}

fn node_at(address: &str) -> Option<usize> {
    address.strip_prefix("sim-")?.parse().ok()
}

fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

impl World {
    /// A world in which every node knows the addresses of all others and nobody mines.
    pub fn new(config: WorldConfig) -> Self {
        let start = Millis::from(config.network.spec().genesis_time).after(std::time::Duration::from_secs(3600));
        let nodes = (0..config.nodes).map(|_| SimNode {
            machine: None,
            disk: Some(MemoryStore::new(&config.network)),
            job: None,
            power: 1.0,
            restarts: 0,
        });
        let mut world = Self {
            nodes: nodes.collect(),
            now: start,
            queue: BTreeMap::new(),
            happened: 0,
            scheduled: 0,
            links: BTreeMap::new(),
            links_so_far: 0,
            bans: BTreeSet::new(),
            groups: None,
            users: Users::new(config.nodes, config.seed),
            rng: ChaCha8Rng::seed_from_u64(config.seed),
            oracle: Oracle::new(config.network.clone()),
            violation: None,
            mean_block_gap: None,
            config,
        };
        (0..world.nodes.len()).for_each(|node| world.start(node));
        world
    }

    /// The present moment.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// How many things have happened.
    pub fn happened(&self) -> u64 {
        self.happened
    }

    /// What links are like from now on.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.config.conditions = conditions;
    }

    /// Everybody mines; blocks come `gap` seconds apart on average as long as all are at work. `None`
    /// ends mining.
    pub fn set_block_gap(&mut self, gap: Option<f64>) {
        let was = std::mem::replace(&mut self.mean_block_gap, gap);
        if was.is_none() && gap.is_some() {
            self.schedule_proof();
        }
    }

    /// Lets everything happen that is due within so many milliseconds.
    ///
    /// # Errors
    /// The first rule that was broken.
    pub fn run_for(&mut self, period: u64) -> Result<(), Violation> {
        let until = Millis(self.now.0 + period);
        while let Some(entry) = self.queue.first_entry()
            && entry.key().0 <= until
        {
            let ((at, _), happening) = entry.remove_entry();
            self.now = at;
            self.happened += 1;
            self.happen(happening);
            if let Some(violation) = self.violation.take() {
                return Err(violation);
            }
        }
        self.now = until;
        Ok(())
    }

    /// The tips of all running nodes, and how many have each.
    pub fn tips(&self) -> BTreeMap<BlockHash, usize> {
        let mut tips = BTreeMap::new();
        for machine in self.nodes.iter().filter_map(|node| node.machine.as_ref()) {
            *tips.entry(machine.tip().hash).or_default() += 1;
        }
        tips
    }

    /// Every node that runs.
    pub fn machines(&self) -> impl Iterator<Item = (usize, &Machine<MemoryStore>)> {
        self.nodes.iter().enumerate().filter_map(|(node, sim)| Some((node, sim.machine.as_ref()?)))
    }

    /// The checker.
    pub fn oracle(&self) -> &Oracle {
        &self.oracle
    }

    /// Holds everything that a node has against what the rules make of its chain; nothing while it is down.
    ///
    /// # Errors
    /// The rule that was broken.
    pub fn audit(&mut self, node: usize) -> Result<(), Violation> {
        let Some(waiting) = self.waiting(node) else { return Ok(()) };
        let somebody = waiting.first().map_or(self.users.miner(node), |transaction| transaction.sender);
        let Some(outlook) = self.outlook(node, somebody) else { return Ok(()) };
        let Some(machine) = &self.nodes[node].machine else { return Ok(()) };
        let (tip, store) = (machine.tip(), machine.store());
        self.oracle.audit(node, tip, store)?;
        self.oracle.audit_pool(node, tip, &waiting)?;
        self.oracle.audit_outlook(node, tip, &waiting, &somebody, &outlook)?;
        self.oracle.audit_offers(node, tip, store, &waiting)?;
        self.oracle.audit_journal(node, tip, store, waiting.iter().map(|transaction| &**transaction))
    }

    /// What has become of everything that the running nodes acknowledged.
    ///
    /// # Errors
    /// When something was forgotten.
    pub fn fates(&self) -> Result<Fates, Violation> {
        let mut all = Fates::default();
        for (node, machine) in self.machines() {
            all += self.oracle.audit_promises(node, machine.tip(), machine.store())?;
        }
        Ok(all)
    }

    /// Draws from the world's seed.
    pub fn rng(&mut self) -> &mut ChaCha8Rng {
        &mut self.rng
    }

    fn start(&mut self, node: usize) {
        let Some(disk) = self.nodes[node].disk.take() else { return };
        let known = (0..self.nodes.len()).filter(|other| *other != node);
        let config = Config {
            network: self.config.network.clone(),
            node: NodeId(shared::hash::sha256(&[&(node as u64).to_le_bytes()])),
            peer: peer_id(node),
            http: String::new(),
            listens: vec![address(node)],
            log_key: self.users.miner(node).0,
            miner: self.users.miner(node),
            strategy: Default::default(),
            tie: Default::default(),
            join: Vec::new(),
            known: known.map(|other| PeerAddress { peer: peer_id(other), address: address(other) }).collect(),
            seed: self.rng.random(),
        };
        match Machine::open(config, disk, self.now) {
            Ok((machine, effects)) => {
                self.nodes[node].machine = Some(machine);
                self.carry_out(node, effects);
                if let Err(violation) = self.audit(node) {
                    self.violation.get_or_insert(violation);
                }
                self.tell(node, Event::Request { id: RequestId(0), request: Request::SetMining(true) });
            }
            Err(error) => self.violate(node, &format!("it did not start: {error}")),
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Deliver { link, from, to, message } => {
                if self.links.get(&pair(from, to)).is_some_and(|current| current.id == link) {
                    self.tell(to, Event::Message { peer: peer_id(from), message });
                }
            }
            Happening::Misbehave { link, from, to, fault } => {
                if self.links.get(&pair(from, to)).is_some_and(|current| current.id == link) {
                    self.tell(to, Event::Misbehaved { peer: peer_id(from), fault });
                }
            }
            Happening::Dial { from, restarts, peer, address } => {
                if self.nodes[from].restarts == restarts {
                    self.dialled(from, peer, address);
                }
            }
            Happening::Wake { node, restarts } => {
                if self.nodes[node].restarts == restarts {
                    self.tell(node, Event::Wake);
                }
            }
            Happening::Proof => self.proof(),
            Happening::Restart { node } => {
                self.nodes[node].restarts += 1;
                self.start(node);
            }
        }
    }

    fn can_meet(&self, a: usize, b: usize) -> bool {
        self.groups.as_ref().is_none_or(|groups| groups[a] == groups[b])
    }

    fn schedule(&mut self, at: Millis, happening: Happening) {
        self.scheduled += 1;
        self.queue.insert((at, self.scheduled), happening);
    }

    fn schedule_proof(&mut self) {
        if let Some(gap) = self.mean_block_gap {
            let wait = -(1.0 - self.rng.random::<f64>()).ln() * gap * 1_000.0;
            self.schedule(Millis(self.now.0 + wait as u64), Happening::Proof);
        }
    }

    /// Somebody finds a proof, by share of hash power; the share of a crashed node finds nothing.
    fn proof(&mut self) {
        self.schedule_proof();
        let total: f64 = self.nodes.iter().map(|node| node.power).sum();
        let mut drawn = self.rng.random::<f64>() * total;
        let found = self.nodes.iter().position(|node| {
            drawn -= node.power;
            drawn < 0.0
        });
        let Some(node) = found else { return };
        let Some((_, template)) = self.nodes[node].job.clone() else { return };
        let extranonce = self.rng.random();
        let mut header = template.header(extranonce, self.now);
        while header.proven_hash().is_err() {
            header.nonce = header.nonce.wrapping_add(1);
        }
        match template.solve(header, extranonce, &self.config.network) {
            Ok(block) => self.mined(node, Arc::new(block)),
            Err(error) => self.violate(node, &format!("its template makes no block: {error}")),
        }
    }

    /// A node gets its miner's block. If that builds on its tip, nothing may be wrong with it.
    fn mined(&mut self, node: usize, block: Arc<CheckedBlock>) {
        let tip = |world: &Self| world.nodes[node].machine.as_ref().map(|machine| machine.tip().hash);
        let on_tip = tip(self) == Some(block.header().previous);
        let hash = block.hash();
        self.tell(node, Event::Mined { block });
        if on_tip && tip(self) != Some(hash) {
            self.violate(node, &format!("it refused its own block {hash}"));
        }
    }

    /// Tells a node of an event and carries out what it does.
    fn tell(&mut self, node: usize, event: Event) {
        let effects = self.handle(node, event);
        self.carry_out(node, effects);
    }

    fn handle(&mut self, node: usize, event: Event) -> Vec<Effect> {
        let now = self.now;
        let Some(machine) = &mut self.nodes[node].machine else { return Vec::new() };
        match machine.handle(event, now) {
            Ok(effects) => {
                if let Err(violation) = self.oracle.observe(node, machine.tip(), machine.store()) {
                    self.violation.get_or_insert(violation);
                }
                effects
            }
            Err(error) => {
                self.violate(node, &error.to_string());
                Vec::new()
            }
        }
    }

    fn violate(&mut self, node: usize, what: &str) {
        self.violation.get_or_insert(Violation { node, what: what.into() });
    }
}
