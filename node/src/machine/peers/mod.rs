//! Connected peers: greeting them, knowing what they have, and parting from those who misbehave. Whom
//! to dial is decided in [`book`] and `dial`, who makes room for whom in `slots`; what to fetch from
//! peers in `sync`.

pub mod book;
mod dial;
mod fault;
mod slots;

use std::collections::BTreeMap;

use shared::{
    BlockHash, Millis,
    wire::{self, Hello, Message, NodeId, PeerId},
};

pub use self::fault::{Fault, MAX_STRIKES, Severity};
use self::slots::Merit;
use super::{
    Machine,
    config::{BAN_PERIOD, HELLO_TIMEOUT},
    effect::{Effect, PeerStatus},
    notice::Notice,
    relay::Told,
    serve::Service,
    store::{Result, Store},
    sync::PeerChain,
    timers::Timer,
};

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
    /// What is known of its transactions.
    pub told: Told,
    /// The tip that our greeting named.
    greeted_with: BlockHash,
    /// Whether its answer to a request for addresses is awaited.
    addresses_asked: bool,
    /// What it asks for and is given.
    pub service: Service,
    /// What speaks for keeping it.
    pub merit: Merit,
    strikes: u32,
    slow: u32,
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
    /// How often it owed an answer, or was slow to give one, since it last gave a good one.
    pub fn doubt(&self) -> u32 {
        self.strikes.saturating_add(self.slow)
    }

    /// It was slow.
    pub fn doubt_more(&mut self) {
        self.slow = self.slow.saturating_add(1);
    }

    /// It gave a good answer.
    pub fn forgive(&mut self) {
        (self.strikes, self.slow) = (0, 0);
    }
}

/// All connections that stand.
#[derive(Debug, Default)]
pub struct Peers {
    sessions: BTreeMap<PeerId, Session>,
    /// When an accepted peer last had to go for another one.
    room_made: Option<Millis>,
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

    /// Connections that the other end dialled.
    pub fn accepted(&self) -> impl Iterator<Item = (PeerId, &Session)> {
        self.sessions.iter().filter(|(_, session)| !session.outbound).map(|(peer, session)| (*peer, session))
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
    pub(super) fn peer_connected(&mut self, peer: PeerId, outbound: bool, address: String) -> Result<()> {
        self.end_session(&peer)?;
        self.book.connected(&peer, &address);
        let session = Session {
            outbound,
            address,
            greeting: None,
            chain: PeerChain::default(),
            told: Told::default(),
            greeted_with: self.chain.tip().hash,
            addresses_asked: false,
            service: Service::new(self.now),
            merit: Merit::new(self.now),
            strikes: 0,
            slow: 0,
        };
        self.peers.sessions.insert(peer, session);
        if peer == self.config.peer {
            return self.punish(peer, Fault::Oneself);
        }
        if !outbound {
            self.make_room_among_accepted(peer)?;
        }
        if !self.peers.is_connected(&peer) {
            return Ok(());
        }
        let hello = self.hello();
        self.send(peer, Message::Hello(hello));
        self.timers.set(self.now.after(HELLO_TIMEOUT), Timer::Hello(peer));
        Ok(())
    }

    pub(super) fn peer_disconnected(&mut self, peer: PeerId) -> Result<()> {
        if let Some(session) = self.end_session(&peer)? {
            self.book.lost(&peer, session.greeting.is_some(), self.now, &mut self.rng);
            self.dial_if_needed();
        }
        Ok(())
    }

    /// Nothing that a peer owes on this connection will come any more.
    fn end_session(&mut self, peer: &PeerId) -> Result<Option<Session>> {
        let Some(session) = self.peers.sessions.remove(peer) else { return Ok(None) };
        self.sync.forget_peer(peer);
        self.relay.forget_session(peer, &session);
        self.waiting.answered(peer);
        self.ask_transactions_of_all()?;
        Ok(Some(session))
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
        if let Err(fault) = self.judge_hello(&hello) {
            return self.punish(peer, fault);
        }
        let Some(session) = self.peers.get_mut(&peer) else { return Ok(()) };
        if session.greeting.is_some() {
            return Ok(());
        }
        session.greeting = Some(Greeting { node: hello.node, http: hello.http.clone() });
        let (outbound, greeted_with) = (session.outbound, session.greeted_with);
        let curious = outbound && self.book.wants_more();
        session.addresses_asked = curious;
        self.claimed(peer, hello.head, hello.height, hello.work);
        self.book.greeted(peer, hello.node, hello.http, hello.listens);
        if curious {
            self.send(peer, Message::GetAddresses);
        }
        if outbound {
            self.make_room_after_rotation(peer)?;
        }
        self.offer_pool(peer);
        if hello.work > self.chain.tip().position.work {
            self.ask_headers(peer)?;
        }
        // A tip that changed meanwhile was told to those who had greeted already.
        if greeted_with != self.relay.announced() { self.announce_tip(|whom| whom == peer) } else { Ok(()) }
    }

    fn judge_hello(&self, hello: &Hello) -> std::result::Result<(), Fault> {
        let ours = self.config.network.genesis_hash();
        if hello.version != wire::VERSION {
            Err(Fault::OtherVersion(hello.version))
        } else if hello.genesis != ours {
            Err(Fault::OtherNetwork { theirs: hello.genesis, ours })
        } else if hello.node == self.config.node {
            Err(Fault::Oneself)
        } else {
            Ok(())
        }
    }

    pub(super) fn hello_due(&mut self, peer: PeerId) -> Result<()> {
        let silent = self.peers.get(&peer).is_some_and(|session| session.greeting.is_none());
        if silent { self.punish(peer, Fault::Silent) } else { Ok(()) }
    }

    /// Weighs a fault and acts on it.
    pub(super) fn punish(&mut self, peer: PeerId, fault: Fault) -> Result<()> {
        let banned = fault.severity() == Severity::Ban;
        let notice = Notice::Penalty { peer: self.node_of(&peer), fault: fault.to_string(), banned };
        self.out.push(Effect::Notice(notice));
        match fault.severity() {
            Severity::Strike => {
                let Some(session) = self.peers.get_mut(&peer) else { return Ok(()) };
                session.strikes += 1;
                if session.strikes >= MAX_STRIKES { self.part(peer, fault.to_string()) } else { Ok(()) }
            }
            Severity::Part => {
                self.book.useless(&peer, self.now);
                self.part(peer, fault.to_string())
            }
            Severity::Ban => {
                self.book.ban(peer, self.now.after(BAN_PERIOD));
                self.out.push(Effect::Ban { peer, period: BAN_PERIOD, fault });
                self.peer_disconnected(peer)
            }
        }
    }

    /// Tells followers of a block whose parent is not known here.
    pub(super) fn tell_of_orphan(&mut self, from: Option<PeerId>, hash: BlockHash, parent: BlockHash) {
        let peer = from.and_then(|peer| self.node_of(&peer));
        self.out.push(Effect::Notice(Notice::Orphan { hash, parent, peer }));
    }

    /// A peer's public id, if it told one.
    fn node_of(&self, peer: &PeerId) -> Option<NodeId> {
        self.peers.get(peer)?.greeting.as_ref().map(|greeting| greeting.node)
    }

    /// Ends a connection.
    pub(super) fn part(&mut self, peer: PeerId, reason: String) -> Result<()> {
        if self.peers.is_connected(&peer) {
            self.out.push(Effect::Disconnect { peer, reason });
            self.peer_disconnected(peer)?;
        }
        Ok(())
    }

    pub(super) fn send(&mut self, to: PeerId, message: Message) {
        self.out.push(Effect::Send { to: vec![to], message });
    }
}
