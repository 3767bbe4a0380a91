//! The harness: nodes that talk to one another, and to strangers, in virtual time. A node carries out
//! its machine's effects by writing them down; [`exchange`] and [`elapse`] move things on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use shared::{
    Address, BlockHash, CheckedBlock, Header, Height, Millis, Work,
    wire::{Hello, Message, NodeId, PeerAddress, PeerId, VERSION},
};

use super::branch::{self, Branch};
use crate::{
    drivers::store::MemoryStore,
    machine::{
        Machine,
        config::Config,
        effect::{Effect, Reply},
        event::{Event, JobId, Request, RequestId},
        inbound,
        mining::Template,
        notice::Notice,
        peers::Fault,
        timers::Moment,
    },
};

/// A peer that no node of the test has.
pub fn stranger(number: u8) -> PeerId {
    PeerId([0xf0, number].repeat(16).try_into().unwrap())
}

/// What a stranger at the genesis block says first.
pub fn hello_of(peer: PeerId) -> Hello {
    let network = branch::network();
    Hello {
        version: VERSION,
        genesis: network.genesis_hash(),
        head: network.genesis_hash(),
        height: Height::GENESIS,
        work: Work::ZERO,
        node: NodeId(peer.0),
        http: String::new(),
        listens: Vec::new(),
    }
}

/// One node and everything that it did.
pub struct Node {
    pub machine: Machine<MemoryStore>,
    pub peer: PeerId,
    pub now: Millis,
    /// Seconds by which the system's clock is ahead of the steady one.
    pub clock_ahead: i64,
    /// Everybody that a connection stands to, as the transport sees it.
    links: BTreeSet<PeerId>,
    /// Messages on their way, oldest first.
    mail: Vec<(PeerId, Message)>,
    pub replies: BTreeMap<RequestId, Vec<Reply>>,
    pub bans: Vec<(PeerId, Fault)>,
    pub partings: Vec<(PeerId, String)>,
    pub notices: Vec<Notice>,
    pub dials: Vec<(Option<PeerId>, Vec<String>)>,
    pub kept_peers: Option<Vec<PeerAddress>>,
    pub job: Option<(JobId, Arc<Template>)>,
    pub jobs_given: usize,
    /// What miners outside may work on.
    pub offer: Option<(JobId, Arc<Template>)>,
    pub offers_made: usize,
    pub wakes: usize,
    wake_at: Option<Millis>,
    requests: u64,
}

impl Node {
    /// A fresh node; its number decides its keys.
    pub fn new(number: u8) -> Self {
        Self::over(number, MemoryStore::new(&branch::network()), |_| {})
    }

    /// A node over what another one left behind.
    pub fn over(number: u8, store: MemoryStore, configure: impl FnOnce(&mut Config)) -> Self {
        let peer = PeerId([number; 32]);
        let network = branch::network();
        let now = Millis::from(network.genesis().header().time).after(Duration::from_secs(200_000));
        let mut config = Config {
            network,
            node: NodeId([number; 32]),
            peer,
            http: format!("http://node-{number}"),
            listens: vec![format!("/node/{number}")],
            log_key: [number; 32],
            miner: Address::of(&branch::key(number)),
            strategy: Default::default(),
            tie: Default::default(),
            join: Vec::new(),
            known: Vec::new(),
            seed: u64::from(number),
        };
        configure(&mut config);
        let (machine, effects) = Machine::open(config, store, now).unwrap();
        let mut node = Self {
            machine,
            peer,
            now,
            clock_ahead: 0,
            links: BTreeSet::new(),
            mail: Vec::new(),
            replies: BTreeMap::new(),
            bans: Vec::new(),
            partings: Vec::new(),
            notices: Vec::new(),
            dials: Vec::new(),
            kept_peers: None,
            job: None,
            jobs_given: 0,
            offer: None,
            offers_made: 0,
            wakes: 0,
            wake_at: None,
            requests: 0,
        };
        node.carry_out(effects);
        node
    }

    /// The same node after its process ended and began again.
    pub fn restarted(self) -> Self {
        let (number, now) = (self.peer.0[0], self.now);
        let mut node = Self::over(number, self.machine.into_store(), |_| {});
        node.now = now;
        node
    }

    pub fn tip(&self) -> BlockHash {
        self.machine.tip().hash
    }

    pub fn height(&self) -> u32 {
        self.machine.tip().position.height.0
    }

    pub fn handle(&mut self, event: Event) {
        self.handle_all(vec![event]);
    }

    pub fn handle_all(&mut self, events: Vec<Event>) {
        let now = Moment { steady: self.now, wall: self.wall() };
        let effects = self.machine.handle_all(events, now).unwrap();
        self.carry_out(effects);
    }

    /// What the system's clock says.
    pub fn wall(&self) -> Millis {
        Millis(self.now.0.saturating_add_signed(self.clock_ahead * 1_000))
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Connect { peer, addresses } => self.dials.push((peer, addresses)),
                Effect::Send { to, message } => self.mail.extend(to.into_iter().map(|to| (to, message.clone()))),
                Effect::Disconnect { peer, reason } => {
                    self.links.remove(&peer);
                    self.partings.push((peer, reason));
                }
                Effect::Ban { peer, fault, .. } => {
                    self.links.remove(&peer);
                    self.bans.push((peer, fault));
                }
                Effect::StartMining { job, template } => {
                    self.job = Some((job, template));
                    self.jobs_given += 1;
                }
                Effect::StopMining => self.job = None,
                Effect::Offer { job, template } => {
                    self.offer = Some((job, template));
                    self.offers_made += 1;
                }
                Effect::Withdraw => self.offer = None,
                Effect::Reply { request, reply } => self.replies.entry(request).or_default().push(reply),
                Effect::WakeAt(at) => self.wake_at = Some(at),
                Effect::KeepPeers(peers) => self.kept_peers = Some(peers),
                Effect::Notice(notice) => self.notices.push(notice),
                Effect::Journal => {}
            }
        }
    }

    /// A connection that this node dialled.
    pub fn connect_to(&mut self, other: &mut Self) {
        self.link(other.peer, true);
        other.link(self.peer, false);
    }

    fn link(&mut self, peer: PeerId, outbound: bool) {
        self.links.insert(peer);
        self.handle(Event::PeerConnected { peer, outbound, address: format!("/node/{}", peer.0[0]) });
    }

    /// The transport says that a peer is gone.
    pub fn loses(&mut self, peer: PeerId) {
        self.links.remove(&peer);
        self.handle(Event::PeerDisconnected { peer });
    }

    /// A stranger connects and introduces itself.
    pub fn meets(&mut self, peer: PeerId) {
        self.link(peer, false);
        self.hears(peer, Message::Hello(hello_of(peer)));
    }

    /// A stranger that this node dialled connects and introduces itself.
    pub fn reaches(&mut self, peer: PeerId) {
        self.link(peer, true);
        self.hears(peer, Message::Hello(hello_of(peer)));
    }

    /// A stranger connects and claims a tip.
    pub fn meets_with(&mut self, peer: PeerId, branch: &Branch) {
        self.link(peer, false);
        let position = branch.position();
        let hello = Hello { head: branch.tip(), height: position.height, work: position.work, ..hello_of(peer) };
        self.hears(peer, Message::Hello(hello));
    }

    pub fn greets_silently(&mut self, peer: PeerId) {
        self.link(peer, false);
    }

    /// A peer says something, which the driver checks first.
    pub fn hears(&mut self, peer: PeerId, message: Message) {
        match inbound::check(message, &branch::network()) {
            Ok(message) => self.handle(Event::Message { peer, message }),
            Err(fault) => self.handle(Event::Misbehaved { peer, fault }),
        }
    }

    /// What was said to a stranger since the last look.
    pub fn said_to(&mut self, peer: PeerId) -> Vec<Message> {
        let (said, rest) = std::mem::take(&mut self.mail).into_iter().partition(|(to, _)| *to == peer);
        self.mail = rest;
        let said: Vec<(PeerId, Message)> = said;
        said.into_iter().map(|(_, message)| message).collect()
    }

    /// The blocks that a stranger was asked for since the last look.
    pub fn asked_of(&mut self, peer: PeerId) -> Vec<BlockHash> {
        let asked = self.said_to(peer).into_iter().filter_map(|message| match message {
            Message::GetBlocks(hashes) => Some(hashes),
            _ => None,
        });
        asked.flatten().collect()
    }

    /// Everything of a branch by headers, from a stranger that was asked for them.
    pub fn learns_headers(&mut self, peer: PeerId, headers: &[Header]) {
        self.hears(peer, Message::Headers(headers.to_vec()));
    }

    /// Whether a stranger is still welcome.
    pub fn keeps(&self, peer: PeerId) -> bool {
        self.links.contains(&peer)
    }

    pub fn has_banned(&self, peer: PeerId) -> bool {
        self.bans.iter().any(|(banned, _)| *banned == peer)
    }

    /// Takes blocks as somebody hands them over by HTTP.
    pub fn takes(&mut self, blocks: &[Arc<CheckedBlock>]) {
        for block in blocks {
            let request = self.asks(Request::SubmitBlock(block.clone()));
            let refused = self.reply(request).is_some_and(|reply| matches!(reply, Reply::Refused(_)));
            assert!(!refused, "block {} was refused: {:?}", block.height(), self.reply(request));
        }
    }

    pub fn asks(&mut self, request: Request) -> RequestId {
        self.requests += 1;
        let id = RequestId(self.requests);
        self.handle(Event::Request { id, request });
        id
    }

    /// The one reply to a request, if it has come.
    pub fn reply(&self, request: RequestId) -> Option<&Reply> {
        let replies = self.replies.get(&request)?;
        assert_eq!(replies.len(), 1, "a request has exactly one reply: {replies:?}");
        replies.first()
    }

    /// The sentence with which a request was refused.
    pub fn refusal(&self, request: RequestId) -> String {
        match self.reply(request) {
            Some(Reply::Refused(refused)) => refused.to_string(),
            other => panic!("not refused but {other:?}"),
        }
    }

    /// The miner finds a proof for its present job.
    pub fn proves(&mut self) -> Arc<CheckedBlock> {
        let (_, template) = self.job.clone().expect("there is a job");
        let block = solve(&template, self.wall());
        self.handle(Event::Mined { block: block.clone() });
        block
    }

    /// Miners outside come, or the last of them goes.
    pub fn has_miners_outside(&mut self, present: bool) {
        self.handle(Event::MinersOutside { present });
    }

    /// A miner outside finds a proof for what it was offered, paying somebody else.
    pub fn is_brought_a_block(&mut self, pays: Address) -> Arc<CheckedBlock> {
        let (_, template) = self.offer.clone().expect("there is an offer");
        let block = solve(&template.paying(pays), self.wall());
        self.handle(Event::Mined { block: block.clone() });
        block
    }

    /// Wakes the machine as often as it asks for up to a moment.
    fn run_until(&mut self, until: Millis) {
        while let Some(at) = self.wake_at.filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.wake_at = None;
            self.wakes += 1;
            self.handle(Event::Wake);
        }
        self.now = until;
    }

    /// Lets time pass for this node alone.
    pub fn waits(&mut self, seconds: u64) {
        self.run_until(self.now.after(Duration::from_secs(seconds)));
    }

    pub fn pooled(&self) -> usize {
        self.machine.pool.count()
    }
}

/// The block that a miner would make of a template.
pub fn solve(template: &Template, now: Millis) -> Arc<CheckedBlock> {
    let mut header = template.header(1, now);
    while header.proven_hash().is_err() {
        header.nonce += 1;
    }
    Arc::new(template.solve(header, 1, &branch::network()).unwrap())
}

/// Delivers messages between these nodes until nobody has anything to say; what is said to strangers
/// stays to be looked at.
pub fn exchange(nodes: &mut [&mut Node]) {
    loop {
        let mut quiet = true;
        for index in 0..nodes.len() {
            let from = nodes[index].peer;
            let mail = std::mem::take(&mut nodes[index].mail);
            for (to, message) in mail {
                let Some(receiver) = nodes.iter().position(|node| node.peer == to) else {
                    nodes[index].mail.push((to, message));
                    continue;
                };
                // What was sent before a connection ended may still arrive, as on a real one.
                if nodes[receiver].links.contains(&from) {
                    nodes[receiver].hears(from, message);
                    quiet = false;
                }
            }
            let parted: Vec<PeerId> = nodes
                .iter()
                .filter(|node| node.links.contains(&from) && !nodes[index].links.contains(&node.peer))
                .map(|node| node.peer)
                .collect();
            for other in parted {
                if let Some(other) = nodes.iter_mut().find(|node| node.peer == other) {
                    other.loses(from);
                    quiet = false;
                }
            }
        }
        if quiet {
            return;
        }
    }
}

/// Lets time pass for all of them, a second at a time, with all messages delivered at once.
pub fn elapse(nodes: &mut [&mut Node], seconds: u64) {
    for _ in 0..seconds {
        nodes.iter_mut().for_each(|node| node.waits(1));
        exchange(nodes);
    }
}
