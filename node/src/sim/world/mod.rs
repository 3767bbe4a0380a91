//! The simulated world: all nodes and the links between them. What one of them does by itself is in
//! [`node`], how time passes in [`window`], what befalls nodes in [`fate`], who finds blocks in [`mining`],
//! what users do in [`users`], what strangers do in [`lies`].

mod fate;
mod forge;
mod lies;
mod mining;
mod node;
mod orders;
mod users;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shared::{
    BlockHash, CheckedBlock, Height, Millis, Network,
    wire::{NodeId, PeerAddress, PeerId},
};

use self::{
    mining::Power,
    node::{Ground, SimNode},
    users::Users,
    window::Agenda,
};
use super::{
    link::{Conditions, Links},
    oracle::{Fates, Oracle, Violation},
    topology::Topology,
};
use crate::{
    drivers::store::MemoryStore,
    machine::{
        Machine,
        config::Config,
        effect::Effect,
        event::{Event, Request, RequestId},
        journal::ChainEvent,
    },
};

/// Journal entries that a node keeps where no checker reads them later.
const UNCHECKED_JOURNAL: u64 = 256;

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
    /// Who may meet whom.
    pub topology: Topology,
    /// Whether the checkers look at every step. They cost several times what the nodes do.
    pub checked: bool,
}

/// Something that a witness sees.
#[derive(Debug, Clone)]
pub enum Sight {
    /// The node's miner found a block.
    Mined(Arc<CheckedBlock>),
    /// The node has another tip.
    Tip {
        /// The tip.
        hash: BlockHash,
        /// Its height.
        height: Height,
    },
    /// The node's journal has one entry more.
    Told(ChainEvent),
}

/// Sees what happens, in order: when, at which node, what.
pub type Witness = Box<dyn FnMut(Millis, usize, &Sight)>;

/// A simulated network.
pub struct World {
    config: WorldConfig,
    now: Millis,
    happened: u64,
    nodes: Vec<SimNode>,
    ground: Ground,
    agenda: Agenda,
    /// Crashed nodes that start again, and when.
    restarts: BTreeSet<(Millis, usize)>,
    power: Power,
    users: Users,
    rng: ChaCha8Rng,
    oracle: Oracle,
    violation: Option<Violation>,
    witness: Option<Witness>,
    threads: usize,
    /// How many requests were made from outside.
    requests: u64,
}

fn peer_id(node: usize) -> PeerId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&(node as u64).to_be_bytes());
    PeerId(bytes)
}

/// What a node finds that has never run.
fn empty_disk(config: &WorldConfig) -> MemoryStore {
    let empty = MemoryStore::new(&config.network);
    if config.checked { empty } else { empty.keeping_journal(UNCHECKED_JOURNAL) }
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

impl World {
    /// A world at its network's genesis time, in which every node knows the addresses of all others and nobody mines.
    pub fn new(config: WorldConfig) -> Self {
        let start = Millis::from(config.network.spec().genesis_time);
        let empty = empty_disk(&config);
        let nodes = (0..config.nodes).map(|node| SimNode::new(node, config.seed, empty.clone()));
        let mut world = Self {
            nodes: nodes.collect(),
            now: start,
            happened: 0,
            ground: Ground {
                network: config.network.clone(),
                topology: config.topology.clone(),
                first_nodes: config.nodes,
                links: Links::all(config.nodes, config.conditions),
                groups: None,
                watched: false,
                liars: BTreeSet::new(),
            },
            agenda: Agenda::default(),
            restarts: BTreeSet::new(),
            power: Power::default(),
            users: Users::new(config.nodes, config.seed),
            rng: ChaCha8Rng::seed_from_u64(config.seed),
            oracle: Oracle::new(config.network.clone()),
            violation: None,
            witness: None,
            threads: 1,
            requests: 0,
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

    /// How many nodes there are, running or not.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// What links are like from now on, except those that were set one by one.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.ground.links.set_rest(conditions);
    }

    /// What one link is like from now on, in one direction.
    pub fn set_link(&mut self, from: usize, to: usize, conditions: Conditions) {
        self.ground.links.set(from, to, conditions);
    }

    /// Who is told of everything from now on.
    pub fn set_witness(&mut self, witness: Witness) {
        self.witness = Some(witness);
        self.ground.watched = true;
        for node in &mut self.nodes {
            // What happened before is not shown.
            node.look(self.now);
            node.sights.clear();
        }
    }

    /// How many threads may run nodes; 1 at first. The outcome is the same with any number.
    pub fn set_threads(&mut self, threads: usize) {
        self.threads = threads.max(1);
    }

    /// Tells a node to mine without end, or to stop; it does so also after a restart.
    pub fn set_mining(&mut self, node: usize, mines: bool) {
        self.nodes[node].mines = mines;
        self.tell(node, Event::Request { id: RequestId(0), request: Request::SetMining(mines) });
    }

    /// The tips of all running nodes, and how many have each.
    pub fn tips(&self) -> BTreeMap<BlockHash, usize> {
        let mut tips = BTreeMap::new();
        for machine in self.nodes.iter().filter_map(|node| node.machine.as_ref()) {
            *tips.entry(machine.tip().hash).or_default() += 1;
        }
        tips
    }

    /// The tip with the most work that any running node has, and its height.
    pub fn best_tip(&self) -> Option<(BlockHash, Height)> {
        let tips = self.machines().map(|(_, machine)| machine.tip());
        tips.max_by_key(|tip| tip.position.work).map(|tip| (tip.hash, tip.position.height))
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

    /// Whom a node knows when it starts.
    fn acquaintances(&mut self, node: usize) -> Vec<usize> {
        let first = self.ground.first_nodes;
        if node >= first {
            return (0..node).collect();
        }
        self.ground.topology.known_to(node, first, &mut self.rng)
    }

    fn start(&mut self, node: usize) {
        let Some(disk) = self.nodes[node].disk.take() else { return };
        let known = self.acquaintances(node);
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
            known: known
                .into_iter()
                .map(|other| PeerAddress { peer: peer_id(other), address: address(other) })
                .collect(),
            seed: self.rng.random(),
        };
        match Machine::open(config, disk, self.now) {
            Ok((machine, effects)) => {
                self.nodes[node].machine = Some(machine);
                self.carry_out(node, effects);
                if self.config.checked
                    && let Err(violation) = self.audit(node)
                {
                    self.violation.get_or_insert(violation);
                }
                if self.nodes[node].mines {
                    self.set_mining(node, true);
                }
            }
            Err(error) => self.violate(node, &format!("it did not start: {error}")),
        }
    }

    /// Tells a node of an event and carries out what it does.
    fn tell(&mut self, node: usize, event: Event) {
        let effects = self.handle(node, event);
        self.carry_out(node, effects);
    }

    fn handle(&mut self, node: usize, event: Event) -> Vec<Effect> {
        let effects = self.nodes[node].handle(event, self.now, &self.ground);
        self.observe(node);
        effects
    }

    fn carry_out(&mut self, node: usize, effects: Vec<Effect>) {
        self.nodes[node].carry_out(effects, self.now, &self.ground);
        self.after(node);
    }

    /// Looks at a node that something was done to, sends off what it sent, and shows what came of it before
    /// anything else is done.
    fn after(&mut self, node: usize) {
        self.observe(node);
        self.collect(node);
        self.show_sights(&[node]);
    }

    /// The checker looks at a node.
    fn observe(&mut self, node: usize) {
        if self.config.checked
            && let Some(machine) = &self.nodes[node].machine
            && let Err(violation) = self.oracle.observe(node, machine.tip(), machine.store())
        {
            self.violation.get_or_insert(violation);
        }
    }

    fn violate(&mut self, node: usize, what: &str) {
        self.violation.get_or_insert(Violation { node, what: what.into() });
    }
}
