//! One simulated node: its machine, what is on its way to it, and the carrying out of what the machine
//! wants. A node touches nothing but itself: what it sends to others is collected, with the time when it
//! arrives there, so that nodes may run side by side without the outcome depending on it.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use shared::{
    BlockHash, Millis, Network,
    wire::{Message, PeerId},
};

use super::{Sight, node_at, peer_id, peer_number};
use crate::{
    drivers::store::MemoryStore,
    machine::{
        Machine,
        effect::{Effect, Reply},
        event::{Event, JobId, RequestId},
        inbound::{self, Incoming},
        mining::Template,
        peers::Fault,
        store::ReadChain as _,
    },
    sim::{
        link::{End, LinkId, Links},
        topology::Topology,
    },
};

/// What all nodes share and none changes.
pub(super) struct Ground {
    pub(super) network: Arc<Network>,
    /// Holds for the nodes that were there at first; those that came later may meet anybody.
    pub(super) topology: Topology,
    pub(super) first_nodes: usize,
    pub(super) links: Links,
    /// The group of each node while the network is split.
    pub(super) groups: Option<Vec<usize>>,
    /// Whether somebody wants to see what happens.
    pub(super) watched: bool,
    /// Nodes that were told to lie: others may ban them.
    pub(super) liars: BTreeSet<usize>,
}

impl Ground {
    pub(super) fn can_meet(&self, a: usize, b: usize) -> bool {
        self.groups.as_ref().is_none_or(|groups| groups[a] == groups[b])
            && (a.max(b) >= self.first_nodes || self.topology.joins(a, b))
    }
}

/// Something that comes to a node.
#[derive(Debug, Clone)]
pub(super) enum Arrival {
    /// A moment that the machine asked to be woken at.
    Wake { restarts: u64 },
    /// The miner found a proof, if the node works.
    Proof { generation: u64 },
    /// Somebody dials.
    Dialled { link: LinkId },
    /// Somebody who was dialled accepts.
    Accepted { link: LinkId },
    /// Somebody who was dialled does not; or nobody is there.
    Refused { link: LinkId },
    /// The other end closed the connection, or does not know of it.
    Closed { link: LinkId },
    /// A message, checked as drivers do, once for all who get it.
    Message { link: LinkId, message: Arc<Result<Incoming, Fault>> },
}

/// An arrival and its place in the order of all: by time, then by sender, then as they were sent.
#[derive(Debug)]
pub(super) struct Scheduled {
    pub(super) at: Millis,
    pub(super) from: usize,
    pub(super) number: u64,
    pub(super) what: Arrival,
}

impl Scheduled {
    fn place(&self) -> (Millis, usize, u64) {
        (self.at, self.from, self.number)
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    /// The earliest is the greatest, as a heap gives the greatest first.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.place().cmp(&self.place())
    }
}

/// One simulated node.
pub(super) struct SimNode {
    pub(super) number: usize,
    /// Off while it is crashed.
    pub(super) machine: Option<Machine<MemoryStore>>,
    /// What it finds when it starts; the machine has it while it runs.
    pub(super) disk: Option<MemoryStore>,
    pub(super) job: Option<(JobId, Arc<Template>)>,
    /// Its connections, by the other end.
    pub(super) links: BTreeMap<usize, End>,
    /// Dials under way, by the other end, each with the address that the machine named.
    dialling: BTreeMap<usize, (LinkId, Option<PeerId>, String)>,
    banned: BTreeSet<usize>,
    /// Share of the network's hash power, relative to the others'.
    pub(super) power: f64,
    /// Whether it is to mine without end, also after a restart.
    pub(super) mines: bool,
    pub(super) restarts: u64,
    /// Nothing reaches it while it is paused; what comes waits.
    pub(super) paused: bool,
    held: Vec<Scheduled>,
    pub(super) queue: BinaryHeap<Scheduled>,
    /// What it sends: to whom, and when it arrives. Emptied by the world.
    pub(super) sent: Vec<(usize, Scheduled)>,
    /// What a witness has still to be told, and what it was told last.
    pub(super) sights: Vec<(Millis, Sight)>,
    seen_tip: BlockHash,
    seen_journal: u64,
    /// Answers of the machine to requests that are not answered at once.
    pub(super) replies: BTreeMap<RequestId, Reply>,
    /// What it did that no node may do.
    pub(super) fault: Option<String>,
    numbered: u64,
    pub(super) rng: ChaCha8Rng,
}

impl SimNode {
    pub(super) fn new(number: usize, seed: u64, disk: MemoryStore) -> Self {
        let seed = shared::hash::sha256(&[b"node", &seed.to_le_bytes(), &(number as u64).to_le_bytes()]);
        Self {
            number,
            machine: None,
            seen_tip: disk.tip().ok().flatten().unwrap_or_default(),
            disk: Some(disk),
            job: None,
            links: BTreeMap::new(),
            dialling: BTreeMap::new(),
            banned: BTreeSet::new(),
            power: 1.0,
            mines: false,
            restarts: 0,
            paused: false,
            held: Vec::new(),
            queue: BinaryHeap::new(),
            sent: Vec::new(),
            sights: Vec::new(),
            seen_journal: 0,
            replies: BTreeMap::new(),
            fault: None,
            numbered: 0,
            rng: ChaCha8Rng::from_seed(seed),
        }
    }

    /// Takes everything that comes before `end`, in order. Tells how much that was.
    pub(super) fn run_before(&mut self, end: Millis, ground: &Ground, generation: u64) -> u64 {
        let mut count = 0;
        while self.take_before(end, ground, generation) {
            count += 1;
        }
        count
    }

    /// Takes what comes next, if it comes before `end`. Tells whether it does.
    pub(super) fn take_before(&mut self, end: Millis, ground: &Ground, generation: u64) -> bool {
        if self.queue.peek().is_none_or(|next| next.at >= end) {
            return false;
        }
        let Some(next) = self.queue.pop() else { return false };
        match next.what {
            // Who stands still does not search.
            Arrival::Proof { .. } if self.paused => {}
            _ if self.paused => self.held.push(next),
            _ => self.take(next, ground, generation),
        }
        true
    }

    fn take(&mut self, Scheduled { at, from, what, .. }: Scheduled, ground: &Ground, generation: u64) {
        match what {
            Arrival::Wake { restarts } if restarts == self.restarts => self.tell(Event::Wake, at, ground),
            Arrival::Proof { generation: of } if of == generation => self.prove(at, ground),
            Arrival::Wake { .. } | Arrival::Proof { .. } => {}
            Arrival::Dialled { link } => self.dialled(from, link, at, ground),
            Arrival::Accepted { link } => self.accepted(from, link, at, ground),
            Arrival::Refused { link } => self.refused(from, link, at, ground),
            Arrival::Closed { link } => {
                if self.unlink(from, link) {
                    self.tell(Event::PeerDisconnected { peer: peer_id(from) }, at, ground);
                }
            }
            Arrival::Message { link, message } => {
                let peer = peer_id(from);
                if !self.is_linked(from, link) {
                    self.post(from, at, Arrival::Closed { link }, ground);
                } else {
                    let event = match Arc::unwrap_or_clone(message) {
                        Ok(message) => Event::Message { peer, message },
                        Err(fault) => Event::Misbehaved { peer, fault },
                    };
                    self.tell(event, at, ground);
                }
            }
        }
    }

    /// Two that dial each other at once keep the lower-numbered one's connection.
    fn dialled(&mut self, from: usize, link: LinkId, at: Millis, ground: &Ground) {
        let crossing = self.dialling.contains_key(&from) && self.number < from;
        let welcome = self.machine.is_some() && !self.banned.contains(&from) && ground.can_meet(self.number, from);
        if !welcome || crossing || self.links.contains_key(&from) {
            return self.post(from, at, Arrival::Refused { link }, ground);
        }
        self.dialling.remove(&from);
        self.links.insert(from, End::new(link));
        self.post(from, at, Arrival::Accepted { link }, ground);
        self.tell(Event::PeerConnected { peer: peer_id(from), outbound: false, address: String::new() }, at, ground);
    }

    fn accepted(&mut self, from: usize, link: LinkId, at: Millis, ground: &Ground) {
        if self.dialling.get(&from).is_none_or(|(dialled, ..)| *dialled != link) {
            return self.post(from, at, Arrival::Closed { link }, ground);
        }
        if !ground.can_meet(self.number, from) {
            return self.refused(from, link, at, ground);
        }
        let Some((_, _, address)) = self.dialling.remove(&from) else { return };
        self.links.insert(from, End::new(link));
        self.tell(Event::PeerConnected { peer: peer_id(from), outbound: true, address }, at, ground);
    }

    fn refused(&mut self, from: usize, link: LinkId, at: Millis, ground: &Ground) {
        if self.dialling.get(&from).is_some_and(|(dialled, ..)| *dialled == link)
            && let Some((_, peer, address)) = self.dialling.remove(&from)
            && !self.links.contains_key(&from)
        {
            self.tell(Event::ConnectFailed { peer, addresses: vec![address] }, at, ground);
        }
    }

    pub(super) fn is_linked(&self, other: usize, link: LinkId) -> bool {
        self.links.get(&other).is_some_and(|end| end.link == link)
    }

    /// Forgets a connection; tells whether there was one.
    fn unlink(&mut self, other: usize, link: LinkId) -> bool {
        self.is_linked(other, link) && self.links.remove(&other).is_some()
    }

    /// Parts from another node without a word to it. While it is paused it hears nothing of that either.
    pub(super) fn tear(&mut self, other: usize, now: Millis, ground: &Ground) {
        let Some(End { link, .. }) = self.links.get(&other).copied() else { return };
        if self.paused {
            // Before what the other one sends on a later connection.
            self.held.push(Scheduled { at: now, from: other, number: 0, what: Arrival::Closed { link } });
        } else if self.unlink(other, link) {
            self.tell(Event::PeerDisconnected { peer: peer_id(other) }, now, ground);
        }
    }

    /// Tells the machine of an event and carries out what it wants.
    pub(super) fn tell(&mut self, event: Event, now: Millis, ground: &Ground) {
        let effects = self.handle(event, now, ground);
        self.carry_out(effects, now, ground);
    }

    pub(super) fn handle(&mut self, event: Event, now: Millis, ground: &Ground) -> Vec<Effect> {
        let Some(machine) = &mut self.machine else { return Vec::new() };
        match machine.handle(event, now) {
            Ok(effects) => {
                if ground.watched {
                    self.look(now);
                }
                effects
            }
            Err(error) => {
                self.blame(error.to_string());
                Vec::new()
            }
        }
    }

    /// Notes what is new here, for the witness.
    pub(super) fn look(&mut self, now: Millis) {
        let Some(machine) = &self.machine else { return };
        let end = machine.store().journal_end().unwrap_or(self.seen_journal);
        if end != self.seen_journal {
            let entries = machine.store().journal(self.seen_journal + 1, usize::MAX).unwrap_or_default();
            self.sights.extend(entries.into_iter().map(|(_, event)| (now, Sight::Told(event))));
            self.seen_journal = end;
        }
        let tip = machine.tip();
        if tip.hash != self.seen_tip {
            self.seen_tip = tip.hash;
            self.sights.push((now, Sight::Tip { hash: tip.hash, height: tip.position.height }));
        }
    }

    pub(super) fn blame(&mut self, what: String) {
        self.fault.get_or_insert(what);
    }

    pub(super) fn carry_out(&mut self, effects: Vec<Effect>, now: Millis, ground: &Ground) {
        for effect in effects {
            match effect {
                Effect::Connect { peer, addresses } => {
                    self.dial(peer, addresses.into_iter().next().unwrap_or_default(), now, ground);
                }
                Effect::Send { to, message } => self.send(&to, message, now, ground),
                Effect::Disconnect { peer, .. } => self.part(peer, now, ground),
                Effect::Ban { peer, fault, .. } => {
                    if let Some(other) = self.other(peer) {
                        self.banned.insert(other);
                    }
                    if let Some(other) = self.other(peer).filter(|other| !ground.liars.contains(other)) {
                        self.blame(format!("it banned node {other}, which is honest: {fault}"));
                    }
                    self.part(peer, now, ground);
                }
                Effect::StartMining { job, template } => self.job = Some((job, template)),
                Effect::StopMining => self.job = None,
                Effect::WakeAt(at) => {
                    let restarts = self.restarts;
                    self.schedule(at.max(now), Arrival::Wake { restarts });
                }
                Effect::Reply { request, reply } => {
                    if request != RequestId(0) {
                        self.replies.insert(request, reply);
                    }
                }
                // In a simulation nobody mines from outside.
                Effect::Offer { .. } | Effect::Withdraw => {}
                Effect::Journal | Effect::Notice(_) | Effect::KeepPeers(_) => {}
            }
        }
    }

    /// Something that comes to the node itself.
    pub(super) fn schedule(&mut self, at: Millis, what: Arrival) {
        self.numbered += 1;
        self.queue.push(Scheduled { at, from: self.number, number: self.numbered, what });
    }

    fn dial(&mut self, peer: Option<PeerId>, address: String, now: Millis, ground: &Ground) {
        let to = node_at(&address).filter(|to| *to != self.number && ground.links.reaches(*to));
        let Some(to) = to else {
            return self.tell(Event::ConnectFailed { peer, addresses: vec![address] }, now, ground);
        };
        if self.links.contains_key(&to) || self.dialling.contains_key(&to) {
            return;
        }
        self.numbered += 1;
        let link = (self.number, self.numbered);
        self.dialling.insert(to, (link, peer, address));
        self.post(to, now, Arrival::Dialled { link }, ground);
    }

    /// The machine has forgotten the peer already; only the other end is told.
    fn part(&mut self, peer: PeerId, now: Millis, ground: &Ground) {
        if let Some(other) = self.other(peer)
            && let Some(end) = self.links.get(&other)
        {
            let link = end.link;
            self.post(other, now, Arrival::Closed { link }, ground);
            self.links.remove(&other);
        }
    }

    /// The number of a node of this world.
    fn other(&self, peer: PeerId) -> Option<usize> {
        peer_number(peer).filter(|other| self.links.contains_key(other))
    }

    /// What is no message arrives for certain, and nothing sent later on the same link comes before it.
    fn post(&mut self, to: usize, now: Millis, what: Arrival, ground: &Ground) {
        let conditions = ground.links.between(self.number, to);
        let drawn = Millis(now.0 + conditions.delay.draw(&mut self.rng));
        let at = match self.links.get_mut(&to) {
            Some(end) => end.hold(drawn),
            None => drawn,
        };
        self.dispatch(to, at, what);
    }

    fn send(&mut self, to: &[PeerId], message: Message, now: Millis, ground: &Ground) {
        let checked = Arc::new(inbound::check(message, &ground.network));
        for peer in to {
            let Some(to) = peer_number(*peer) else { continue };
            let Some(end) = self.links.get_mut(&to) else { continue };
            let link = end.link;
            for at in end.arrivals(ground.links.between(self.number, to), now, &mut self.rng) {
                self.dispatch(to, at, Arrival::Message { link, message: checked.clone() });
            }
        }
    }

    fn dispatch(&mut self, to: usize, at: Millis, what: Arrival) {
        self.numbered += 1;
        self.sent.push((to, Scheduled { at, from: self.number, number: self.numbered, what }));
    }

    /// Lets what came during a pause come now.
    pub(super) fn resume(&mut self, now: Millis) {
        self.paused = false;
        for scheduled in std::mem::take(&mut self.held) {
            self.queue.push(Scheduled { at: now.max(scheduled.at), ..scheduled });
        }
    }

    /// Ends the node's process: everything but the disk is gone. Tells whom it was connected with.
    pub(super) fn end(&mut self, now: Millis) -> Option<Vec<usize>> {
        let machine = self.machine.take()?;
        self.disk = Some(machine.into_store());
        self.job = None;
        // What came during a pause finds nobody, and whoever sent it hears of that.
        self.resume(now);
        self.dialling.clear();
        self.banned.clear();
        Some(std::mem::take(&mut self.links).into_keys().collect())
    }
}
