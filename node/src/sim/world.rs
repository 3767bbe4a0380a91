//! The simulated world: nodes, the links between them, the order of what happens, and mining as a
//! Poisson process shared out by hash power. It carries out the machine's effects and decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ed25519_zebra::SigningKey;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shared::{
    Address, Amount, BlockHash, Millis, Network, Payload, Transaction,
    wire::{Message, NodeId, PeerAddress, PeerId},
};

use super::{
    link::{Conditions, Link},
    oracle::{Oracle, Violation},
};
use crate::{
    drivers::store::MemoryStore,
    machine::{
        Machine,
        config::Config,
        effect::Effect,
        event::{Event, JobId, Request, RequestId},
        inbound::{self, Incoming},
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
    key: SigningKey,
    job: Option<(JobId, Arc<Template>)>,
    /// Share of the network's hash power, relative to the others'.
    power: f64,
    restarts: u64,
    next_nonce: u64,
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
        let nodes = (0..config.nodes).map(|node| SimNode {
            machine: None,
            disk: Some(MemoryStore::new(&config.network)),
            key: SigningKey::from(shared::hash::sha256(&[&config.seed.to_le_bytes(), &(node as u64).to_le_bytes()])),
            job: None,
            power: 1.0,
            restarts: 0,
            next_nonce: 0,
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

    /// Splits the network into groups by node number modulo their count.
    pub fn split(&mut self, groups: usize) {
        self.groups = Some((0..self.nodes.len()).map(|node| node % groups.max(1)).collect());
        let torn: Vec<_> = self.links.keys().copied().filter(|(a, b)| !self.can_meet(*a, *b)).collect();
        torn.into_iter().for_each(|(a, b)| self.disconnect(a, b));
    }

    /// Ends a split. Nodes find each other again by themselves.
    pub fn heal(&mut self) {
        self.groups = None;
    }

    /// Ends a node's process at once; what it had not committed is lost. It starts again later.
    pub fn crash(&mut self, node: usize, down_for: u64) {
        let Some(machine) = self.nodes[node].machine.take() else { return };
        self.nodes[node].disk = Some(machine.into_store());
        self.nodes[node].job = None;
        let linked: Vec<_> = self.links.keys().copied().filter(|(a, b)| *a == node || *b == node).collect();
        linked.into_iter().for_each(|(a, b)| self.disconnect(a, b));
        self.schedule(Millis(self.now.0 + down_for), Happening::Restart { node });
    }

    /// A node pays another one a random amount, if it has it.
    pub fn pay(&mut self, from: usize, to: usize) {
        let genesis = self.config.network.genesis_hash();
        let receiver = Address::of(&self.nodes[to].key);
        let amount = Amount::new(self.rng.random_range(1..Amount::COIN)).unwrap_or_default();
        let node = &self.nodes[from];
        let Some(machine) = &node.machine else { return };
        let sender = Address::of(&node.key);
        let account = crate::machine::store::ReadChain::account(machine.store(), &sender).unwrap_or_default();
        let transaction = Transaction {
            version: shared::transaction::VERSION,
            sender,
            nonce: account.nonce.max(node.next_nonce),
            fee: Amount::new(self.rng.random_range(0..1_000)).unwrap_or_default(),
            time: self.now,
            payload: Payload::Transfer { to: receiver, amount },
            signature: [0; 64],
        };
        let signed = transaction.signed(&node.key, &genesis);
        let next = signed.nonce + 1;
        if let Ok(checked) = signed.check(&genesis) {
            self.nodes[from].next_nonce = next;
            self.tell(
                from,
                Event::Request { id: RequestId(0), request: Request::SubmitTransaction(Arc::new(checked)) },
            );
        }
    }

    /// A stranger connects to a node and announces a block with valid work that gives its miner too
    /// much. The node must refuse it and ban the stranger.
    pub fn lie_to(&mut self, node: usize) {
        let Some((_, template)) = self.nodes[node].job.clone() else { return };
        let Some(announcement) = super::storm::forge(&template, self.now, &self.config.network) else { return };
        let liar = peer_id(usize::MAX - node);
        let genesis = self.config.network.genesis_hash();
        let hello = shared::wire::Hello {
            version: shared::wire::VERSION,
            genesis,
            head: genesis,
            height: shared::Height::GENESIS,
            work: shared::Work::ZERO,
            node: NodeId([0xee; 32]),
            http: String::new(),
            listens: Vec::new(),
        };
        self.tell(node, Event::PeerConnected { peer: liar, outbound: false, address: "liar".into() });
        let mut banned = false;
        for message in [Message::Hello(hello), Message::Announce(announcement)] {
            let Ok(message) = inbound::check(message, &self.config.network) else { continue };
            let effects = self.handle(node, Event::Message { peer: liar, message });
            banned |= effects.iter().any(|effect| matches!(effect, Effect::Ban { peer, .. } if *peer == liar));
            self.carry_out(node, effects);
        }
        let tip_moved = self.nodes[node].job.as_ref().is_none_or(|(_, now)| *now != template);
        if !banned && !tip_moved {
            self.violate(node, "it did not ban a peer that announced a forged reward");
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

    /// Draws from the world's seed.
    pub fn rng(&mut self) -> &mut ChaCha8Rng {
        &mut self.rng
    }

    fn start(&mut self, node: usize) {
        let Some(disk) = self.nodes[node].disk.take() else { return };
        let sim = &self.nodes[node];
        let known = (0..self.nodes.len()).filter(|other| *other != node);
        let config = Config {
            network: self.config.network.clone(),
            node: NodeId(shared::hash::sha256(&[&(node as u64).to_le_bytes()])),
            peer: peer_id(node),
            http: String::new(),
            listens: vec![address(node)],
            miner: Address::of(&sim.key),
            join: Vec::new(),
            known: known.map(|other| PeerAddress { peer: peer_id(other), address: address(other) }).collect(),
            seed: self.rng.random(),
        };
        match Machine::open(config, disk, self.now) {
            Ok((machine, effects)) => {
                self.nodes[node].machine = Some(machine);
                self.carry_out(node, effects);
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

    fn dialled(&mut self, from: usize, peer: Option<PeerId>, address: String) {
        let reachable = node_at(&address)
            .filter(|to| *to < self.nodes.len() && *to != from && self.can_meet(from, *to))
            .filter(|to| self.nodes[*to].machine.is_some() && !self.bans.contains(&pair(from, *to)));
        let Some(to) = reachable else {
            return self.tell(from, Event::ConnectFailed { peer, addresses: vec![address] });
        };
        if self.links.contains_key(&pair(from, to)) {
            return;
        }
        self.links_so_far += 1;
        let link = Link { id: self.links_so_far, last_arrival: [self.now; 2] };
        self.links.insert(pair(from, to), link);
        self.tell(from, Event::PeerConnected { peer: peer_id(to), outbound: true, address });
        self.tell(to, Event::PeerConnected { peer: peer_id(from), outbound: false, address: String::new() });
    }

    fn disconnect(&mut self, a: usize, b: usize) {
        if self.links.remove(&pair(a, b)).is_some() {
            self.tell(a, Event::PeerDisconnected { peer: peer_id(b) });
            self.tell(b, Event::PeerDisconnected { peer: peer_id(a) });
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
        let Some((job, template)) = self.nodes[node].job.clone() else { return };
        let extranonce = self.rng.random();
        let mut header = template.header(extranonce, self.now);
        while header.proven_hash().is_err() {
            header.nonce = header.nonce.wrapping_add(1);
        }
        match template.solve(header, extranonce, &self.config.network) {
            Ok(block) => self.tell(node, Event::Mined { job, block: Arc::new(block) }),
            Err(error) => self.violate(node, &format!("its template makes no block: {error}")),
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
                if let Err(violation) = self.oracle.observe(node, machine) {
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

    fn carry_out(&mut self, node: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Connect { peer, addresses } => {
                    let restarts = self.nodes[node].restarts;
                    let at = Millis(self.now.0 + self.config.conditions.delay(&mut self.rng));
                    let address = addresses.into_iter().next().unwrap_or_default();
                    self.schedule(at, Happening::Dial { from: node, restarts, peer, address });
                }
                Effect::Send { to, message } => self.send(node, &to, message),
                Effect::Disconnect { peer, .. } => self.part(node, peer),
                Effect::Ban { peer, .. } => {
                    if let Some(other) = self.index(peer) {
                        self.bans.insert(pair(node, other));
                        self.violate(node, &format!("it banned node {other}, which is honest"));
                    }
                    self.part(node, peer);
                }
                Effect::StartMining { job, template } => self.nodes[node].job = Some((job, template)),
                Effect::StopMining => self.nodes[node].job = None,
                Effect::WakeAt(at) => {
                    let restarts = self.nodes[node].restarts;
                    self.schedule(at.max(self.now), Happening::Wake { node, restarts });
                }
                Effect::Reply { .. } | Effect::Journal | Effect::KeepPeers(_) => {}
            }
        }
    }

    fn index(&self, peer: PeerId) -> Option<usize> {
        (0..self.nodes.len()).find(|node| peer_id(*node) == peer)
    }

    /// The machine that asked to part has forgotten the peer already; only the other end is told.
    fn part(&mut self, node: usize, peer: PeerId) {
        if let Some(other) = self.index(peer)
            && self.links.remove(&pair(node, other)).is_some()
        {
            self.tell(other, Event::PeerDisconnected { peer: peer_id(node) });
        }
    }

    fn send(&mut self, from: usize, to: &[PeerId], message: Message) {
        let checked = inbound::check(message, &self.config.network);
        for peer in to {
            let Some(to) = self.index(*peer) else { continue };
            let Some(link) = self.links.get_mut(&pair(from, to)) else { continue };
            let direction = usize::from(to > from);
            let arrivals = self.config.conditions.arrivals(self.now, link.last_arrival[direction], &mut self.rng);
            let id = link.id;
            if let Some(last) = arrivals.last() {
                link.last_arrival[direction] = *last;
            }
            for at in arrivals {
                let happening = match checked.clone() {
                    Ok(message) => Happening::Deliver { link: id, from, to, message },
                    Err(fault) => Happening::Misbehave { link: id, from, to, fault },
                };
                self.schedule(at, happening);
            }
        }
    }
}
