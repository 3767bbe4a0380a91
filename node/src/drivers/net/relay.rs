//! The libp2p behaviour that admits connections and opens the one relay stream on each.
//! It applies limits, bans and cuts; which connection carries a session is settled elsewhere.
//!
//! libp2p-stream is not used: it names streams by peer alone, and with two connections to one
//! peer the driver has to know on which of them a stream was opened.

use std::collections::{HashMap, HashSet, VecDeque};
use std::task::{Context, Poll};
use std::time::Instant;

use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::ReadyUpgrade;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour,
    NotifyHandler, StreamUpgradeError, SubstreamProtocol, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{PeerId, Stream, StreamProtocol};

use super::address;
use super::links::Links;

/// Connections with one peer at a time: two from dialling at once, and as many half-dead ones.
const MAX_PER_PEER: usize = 4;

/// Why a connection was not admitted. The peer only sees it close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("banned")]
    Banned,
    #[error("the way to it is cut")]
    Cut,
    #[error("no room for more connections")]
    Full,
    #[error("too many connections with this peer")]
    Duplicate,
    #[error("its key is not Ed25519")]
    ForeignKey,
}

/// How many peers may be connected, by who dialled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) inbound: usize,
    pub(super) outbound: usize,
}

/// What happened to the relay stream of a connection.
#[derive(Debug)]
pub(super) enum StreamEvent {
    /// Open: by this end on a connection it dialled, by the peer on one it dialled.
    Open(Stream),
    /// The peer does not know the protocol.
    Unsupported,
    /// The connection failed meanwhile.
    Failed,
}

/// A [`StreamEvent`] and where it happened.
#[derive(Debug)]
pub(super) struct RelayEvent {
    pub(super) connection: ConnectionId,
    pub(super) event: StreamEvent,
}

/// Asks the handler of a dialled connection to open the stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenStream;

struct Link {
    peer: PeerId,
    dialled: bool,
}

/// See the head of this file.
pub(super) struct Behaviour {
    protocol: StreamProtocol,
    limits: Limits,
    bans: HashMap<PeerId, Instant>,
    conditions: Links,
    links: HashMap<ConnectionId, Link>,
    actions: VecDeque<ToSwarm<RelayEvent, OpenStream>>,
}

impl Behaviour {
    pub(super) fn new(protocol: StreamProtocol, limits: Limits, conditions: Links) -> Self {
        let (bans, links, actions) = (HashMap::new(), HashMap::new(), VecDeque::new());
        Self { protocol, limits, bans, conditions, links, actions }
    }

    /// Refuses the peer, both ways, until then. The driver closes what is open.
    pub(super) fn ban(&mut self, peer: PeerId, until: Instant) {
        let now = Instant::now();
        self.bans.retain(|_, end| *end > now);
        self.bans.insert(peer, until);
    }

    pub(super) fn is_banned(&self, peer: &PeerId) -> bool {
        self.bans.get(peer).is_some_and(|end| *end > Instant::now())
    }

    /// Refuses peers to which the way is cut. The driver closes what is open.
    pub(super) fn set_conditions(&mut self, conditions: Links) {
        self.conditions = conditions;
    }

    /// The conditions of the ways to peers.
    pub(super) fn conditions(&self) -> &Links {
        &self.conditions
    }

    /// Opens the stream on a dialled connection.
    pub(super) fn open(&mut self, connection: ConnectionId) {
        if let Some(link) = self.links.get(&connection) {
            self.actions.push_back(ToSwarm::NotifyHandler {
                peer_id: link.peer,
                handler: NotifyHandler::One(connection),
                event: OpenStream,
            });
        }
    }

    /// A connection being closed takes no room any more, however long closing takes.
    pub(super) fn forget(&mut self, connection: ConnectionId) {
        self.links.remove(&connection);
    }

    fn admit(&self, peer: PeerId, dialled: bool) -> Result<Handler, ConnectionDenied> {
        match self.refusal(peer, dialled) {
            Some(refusal) => Err(ConnectionDenied::new(refusal)),
            None => Ok(Handler::new(self.protocol.clone(), dialled)),
        }
    }

    fn refusal(&self, peer: PeerId, dialled: bool) -> Option<Refusal> {
        let others = self.links.values().filter(|link| link.dialled == dialled && link.peer != peer);
        let others: HashSet<_> = others.map(|link| link.peer).collect();
        let limit = if dialled { self.limits.outbound } else { self.limits.inbound };
        let same = self.links.values().filter(|link| link.peer == peer).count();
        let Some(id) = address::from_libp2p(&peer) else { return Some(Refusal::ForeignKey) };
        if self.is_banned(&peer) {
            Some(Refusal::Banned)
        } else if self.conditions.to(&id).blocked {
            Some(Refusal::Cut)
        } else if others.len() >= limit {
            Some(Refusal::Full)
        } else if same >= MAX_PER_PEER {
            Some(Refusal::Duplicate)
        } else {
            None
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = RelayEvent;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        self.admit(peer, false)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        match peer.and_then(|peer| self.refusal(peer, true)) {
            Some(refusal) => Err(ConnectionDenied::new(refusal)),
            None => Ok(Vec::new()),
        }
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        self.admit(peer, true)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(new) => {
                let link = Link { peer: new.peer_id, dialled: new.endpoint.is_dialer() };
                self.links.insert(new.connection_id, link);
            }
            FromSwarm::ConnectionClosed(closed) => self.forget(closed.connection_id),
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, connection: ConnectionId, event: THandlerOutEvent<Self>) {
        self.actions.push_back(ToSwarm::GenerateEvent(RelayEvent { connection, event }));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<RelayEvent, THandlerInEvent<Self>>> {
        // What queues an action also polls the swarm afterwards, so no waker is kept.
        self.actions.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

/// The relay stream's part of one connection.
pub(super) struct Handler {
    protocol: StreamProtocol,
    dialled: bool,
    /// The connection's one stream is there or on its way; more are dropped.
    taken: bool,
    actions: VecDeque<Action>,
}

type Action = ConnectionHandlerEvent<ReadyUpgrade<StreamProtocol>, (), StreamEvent>;

impl Handler {
    fn new(protocol: StreamProtocol, dialled: bool) -> Self {
        Self { protocol, dialled, taken: false, actions: VecDeque::new() }
    }

    fn upgrade(&self) -> SubstreamProtocol<ReadyUpgrade<StreamProtocol>> {
        SubstreamProtocol::new(ReadyUpgrade::new(self.protocol.clone()), ())
    }

    fn report(&mut self, event: StreamEvent) {
        self.actions.push_back(ConnectionHandlerEvent::NotifyBehaviour(event));
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = OpenStream;
    type ToBehaviour = StreamEvent;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        self.upgrade()
    }

    /// The driver closes what has no session; libp2p's idle timeout has no say.
    fn connection_keep_alive(&self) -> bool {
        true
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<Action> {
        self.actions.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn on_behaviour_event(&mut self, _: OpenStream) {
        if self.dialled && !self.taken {
            self.taken = true;
            let protocol = self.upgrade();
            self.actions.push_back(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol>) {
        match event {
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: stream, .. }) => {
                self.report(StreamEvent::Open(stream))
            }
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol: stream, .. })
                if !self.dialled && !self.taken =>
            {
                self.taken = true;
                self.report(StreamEvent::Open(stream));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { error, .. }) => {
                self.report(match error {
                    StreamUpgradeError::NegotiationFailed => StreamEvent::Unsupported,
                    _ => StreamEvent::Failed,
                });
            }
            _ => {}
        }
    }
}
