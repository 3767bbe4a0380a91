//! Connected peers: greeting them, knowing what they have, and parting from those who misbehave. Whom
//! to dial is decided in [`book`] and `dial`; what to fetch from peers in `sync`.

pub mod book;
mod dial;
mod fault;

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    TxId,
    wire::{self, Hello, Message, NodeId, PeerId},
};

pub use self::fault::{Fault, MAX_STRIKES, Severity};
use super::{
    Machine,
    config::{BAN_PERIOD, HELLO_TIMEOUT, MAX_INBOUND},
    effect::{Effect, PeerStatus},
    store::{Result, Store},
    sync::PeerChain,
    timers::Timer,
};

/// Transaction ids remembered for each peer, so that it is not told what it knows.
const KNOWN_TRANSACTIONS: usize = 20_000;

/// A connection that stands.
#[derive(Debug)]
pub struct Session {
    /// Whether this node dialled.
    pub outbound: bool,
    /// The address dialled, or that the peer came from.
    pub address: String,
    /// What it said of itself; nothing else is listened to before.
    pub greeting: Option<Greeting>,
    /// What is known of its chain.
    pub chain: PeerChain,
    known_transactions: BTreeSet<TxId>,
    strikes: u32,
}

/// What a peer said of itself.
#[derive(Debug, Clone)]
pub struct Greeting {
    /// Its public id.
    pub node: NodeId,
    /// Its HTTP address, or empty.
    pub http: String,
}

impl Session {
    /// Notes that the peer knows a transaction; true when that is news.
    pub fn learn_transaction(&mut self, id: TxId) -> bool {
        if self.known_transactions.len() >= KNOWN_TRANSACTIONS {
            self.known_transactions.clear();
        }
        self.known_transactions.insert(id)
    }
}

/// All connections that stand.
#[derive(Debug, Default)]
pub struct Peers {
    sessions: BTreeMap<PeerId, Session>,
}

impl Peers {
    /// The connection to a peer.
    pub fn get(&self, peer: &PeerId) -> Option<&Session> {
        self.sessions.get(peer)
    }

    /// The connection to a peer, to be changed.
    pub fn get_mut(&mut self, peer: &PeerId) -> Option<&mut Session> {
        self.sessions.get_mut(peer)
    }

    /// Whether there is a connection, greeted or not.
    pub fn is_connected(&self, peer: &PeerId) -> bool {
        self.sessions.contains_key(peer)
    }

    /// Connections this node dialled.
    pub fn outbound(&self) -> impl Iterator<Item = (&PeerId, &Session)> {
        self.sessions.iter().filter(|(_, session)| session.outbound)
    }

    /// Connections on which the greeting was right, in order of peer id.
    pub fn greeted(&self) -> impl Iterator<Item = (PeerId, &Session)> {
        self.sessions.iter().filter(|(_, session)| session.greeting.is_some()).map(|(peer, session)| (*peer, session))
    }

    /// The same, to be changed.
    pub fn greeted_mut(&mut self) -> impl Iterator<Item = (PeerId, &mut Session)> {
        let greeted = self.sessions.iter_mut().filter(|(_, session)| session.greeting.is_some());
        greeted.map(|(peer, session)| (*peer, session))
    }

    /// All greeted peers for people to see.
    pub fn statuses(&self) -> Vec<PeerStatus> {
        let status = |(peer, session): (PeerId, &Session)| PeerStatus {
            peer,
            id: session.greeting.as_ref().map(|greeting| greeting.node),
            http: session.greeting.as_ref().map(|greeting| greeting.http.clone()).unwrap_or_default(),
            address: session.address.clone(),
            outbound: session.outbound,
            height: session.chain.height,
        };
        self.greeted().map(status).collect()
    }
}

impl<S: Store> Machine<S> {
    pub(super) fn peer_connected(&mut self, peer: PeerId, outbound: bool, address: String) {
        self.book.connected(&peer, &address);
        let session = Session {
            outbound,
            address,
            greeting: None,
            chain: PeerChain::default(),
            known_transactions: BTreeSet::new(),
            strikes: 0,
        };
        self.peers.sessions.insert(peer, session);
        let inbound = self.peers.sessions.values().filter(|session| !session.outbound).count();
        if !outbound && inbound > MAX_INBOUND {
            return self.part(peer, format!("{MAX_INBOUND} peers are connected already"));
        }
        let hello = self.hello();
        self.send(peer, Message::Hello(hello));
        self.timers.set(self.now.after(HELLO_TIMEOUT), Timer::Hello(peer));
    }

    pub(super) fn peer_disconnected(&mut self, peer: PeerId) {
        if self.peers.sessions.remove(&peer).is_some() {
            self.sync.forget_peer(&peer);
            self.waiting.answered(&peer);
            self.book.lost(&peer, self.now, &mut self.rng);
            self.dial_if_needed();
        }
    }

    fn hello(&self) -> Hello {
        let tip = self.chain.tip();
        Hello {
            version: wire::VERSION,
            genesis: self.config.network.genesis_hash(),
            head: tip.hash,
            height: tip.position.height,
            work: tip.position.work,
            node: self.config.node,
            http: self.config.http.clone(),
            listens: self.config.listens.clone(),
        }
    }

    pub(super) fn on_hello(&mut self, peer: PeerId, hello: Hello) -> Result<()> {
        let ours = self.config.network.genesis_hash();
        if hello.version != wire::VERSION {
            self.punish(peer, Fault::OtherVersion(hello.version));
            return Ok(());
        }
        if hello.genesis != ours {
            self.punish(peer, Fault::OtherNetwork { theirs: hello.genesis, ours });
            return Ok(());
        }
        let Some(session) = self.peers.get_mut(&peer) else { return Ok(()) };
        if session.greeting.is_some() {
            return Ok(());
        }
        session.greeting = Some(Greeting { node: hello.node, http: hello.http.clone() });
        session.chain.claims(hello.head, hello.height, hello.work);
        let outbound = session.outbound;
        self.book.greeted(peer, hello.node, hello.http, hello.listens);
        if outbound {
            self.send(peer, Message::GetAddresses);
            self.make_room_after_rotation(peer);
        }
        self.offer_pool(peer);
        if hello.work > self.chain.tip().position.work {
            self.ask_headers(peer)?;
        }
        Ok(())
    }

    pub(super) fn hello_due(&mut self, peer: PeerId) {
        if self.peers.get(&peer).is_some_and(|session| session.greeting.is_none()) {
            self.punish(peer, Fault::Silent);
        }
    }

    /// Weighs a fault and acts on it.
    pub(super) fn punish(&mut self, peer: PeerId, fault: Fault) {
        match fault.severity() {
            Severity::Strike => {
                let Some(session) = self.peers.get_mut(&peer) else { return };
                session.strikes += 1;
                if session.strikes >= MAX_STRIKES {
                    self.part(peer, fault.to_string());
                }
            }
            Severity::Part => {
                self.book.useless(&peer, self.now);
                self.part(peer, fault.to_string());
            }
            Severity::Ban => {
                self.book.remove(&peer);
                self.out.push(Effect::Ban { peer, period: BAN_PERIOD, fault });
                self.peer_disconnected(peer);
            }
        }
    }

    /// Ends a connection.
    pub(super) fn part(&mut self, peer: PeerId, reason: String) {
        if self.peers.is_connected(&peer) {
            self.out.push(Effect::Disconnect { peer, reason });
            self.peer_disconnected(peer);
        }
    }

    pub(super) fn send(&mut self, to: PeerId, message: Message) {
        self.out.push(Effect::Send { to: vec![to], message });
    }
}
