//! Attempts to connect: what was asked, what libp2p is told, and the one outcome of each.
//! Whether a dialled connection is needed is settled elsewhere.

use std::collections::HashMap;
use std::io;

use libp2p::core::transport::TransportError;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionDenied, ConnectionId, DialError};
use libp2p::{Multiaddr, connection_limits, memory_connection_limits};

use super::NetEvent;
use super::address::{self, MAX_ADDRESSES};
use super::error::ConnectError;
use super::relay::Refusal;
use shared::peer::PeerId;

/// One attempt: several addresses of a known peer, or one address.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) peer: Option<PeerId>,
    addresses: Vec<String>,
    targets: Result<Vec<Multiaddr>, ConnectError>,
    /// The peer is in session by another connection; the attempt has had its outcome.
    settled: bool,
}

/// What a connect command asks for: one attempt, or without a peer one for each address.
pub(super) fn attempts(peer: Option<PeerId>, addresses: Vec<String>) -> Vec<Attempt> {
    let mut addresses = addresses;
    if peer.is_some() || addresses.is_empty() {
        addresses.truncate(MAX_ADDRESSES);
        return vec![Attempt::new(peer, addresses)];
    }
    addresses.into_iter().map(|address| Attempt::new(None, vec![address])).collect()
}

impl Attempt {
    fn new(peer: Option<PeerId>, addresses: Vec<String>) -> Self {
        let mut attempt = Self { peer, addresses, targets: Ok(Vec::new()), settled: false };
        attempt.targets = attempt.read();
        attempt
    }

    /// Reads the addresses. One that cannot be used does not spoil the others.
    fn read(&mut self) -> Result<Vec<Multiaddr>, ConnectError> {
        let mut refused = ConnectError::BadAddress("no address was given".into());
        let mut targets = Vec::new();
        for text in &self.addresses {
            match address::parse(text) {
                Err(reason) => refused = reason,
                Ok(target) => match (self.peer, target.peer) {
                    (Some(expected), Some(named)) if expected != named => {
                        refused = ConnectError::BadAddress(format!("{text:?} is of another peer"));
                    }
                    (expected, named) => {
                        self.peer = expected.or(named);
                        targets.push(target.address);
                    }
                },
            }
        }
        if targets.is_empty() { Err(refused) } else { Ok(targets) }
    }

    /// What to tell libp2p. Dialling from a port of its own keeps two nodes that dial each other
    /// from meeting on one and the same TCP connection.
    pub(super) fn options(&self) -> Result<DialOpts, ConnectError> {
        let targets = self.targets.clone()?;
        let Some(peer) = self.peer else {
            let target = targets.into_iter().next().unwrap_or_else(Multiaddr::empty);
            let options = DialOpts::unknown_peer_id().address(target);
            return Ok(options.allocate_new_port().build());
        };
        let unknown = || ConnectError::BadAddress(format!("no peer can have the id {peer}"));
        let options = DialOpts::peer_id(address::to_libp2p(peer).ok_or_else(unknown)?);
        let options = options.condition(PeerCondition::Always).addresses(targets);
        Ok(options.allocate_new_port().build())
    }

    /// The event that tells of the failure.
    pub(super) fn failed(self, reason: ConnectError) -> NetEvent {
        NetEvent::ConnectFailed { peer: self.peer, addresses: self.addresses, reason }
    }
}

/// The attempts under way, each by the connection it may become.
#[derive(Debug, Default)]
pub(super) struct Dials(HashMap<ConnectionId, Attempt>);

impl Dials {
    pub(super) fn insert(&mut self, connection: ConnectionId, attempt: Attempt) {
        self.0.insert(connection, attempt);
    }

    /// Whether the peer is being dialled by its id.
    pub(super) fn under_way(&self, peer: PeerId) -> bool {
        self.0.values().any(|attempt| attempt.peer == Some(peer) && !attempt.settled)
    }

    /// A session began: the outcome of the attempt on this connection, and of all for the peer.
    pub(super) fn connected(&mut self, peer: PeerId, connection: ConnectionId) {
        self.0.remove(&connection);
        for attempt in self.0.values_mut().filter(|attempt| attempt.peer == Some(peer)) {
            attempt.settled = true;
        }
    }

    /// The attempt on this connection failed; gives the event unless it had its outcome.
    pub(super) fn failed(&mut self, id: ConnectionId, reason: ConnectError) -> Option<NetEvent> {
        let attempt = self.0.remove(&id)?;
        (!attempt.settled).then(|| attempt.failed(reason))
    }
}

impl From<DialError> for ConnectError {
    fn from(error: DialError) -> Self {
        match error {
            // libp2p leaves out the addresses this node listens on, and here none was left.
            DialError::LocalPeerId { .. } | DialError::NoAddresses => Self::SelfDial,
            DialError::WrongPeerId { obtained, .. } => Self::WrongPeer(obtained.to_string()),
            DialError::Denied { cause } => denied(&cause),
            DialError::Transport(failures) => unreachable(&failures),
            DialError::Aborted | DialError::DialPeerConditionFalse(_) => Self::Cancelled,
        }
    }
}

fn denied(cause: &ConnectionDenied) -> ConnectError {
    if let Some(refusal) = cause.downcast_ref::<Refusal>() {
        return match refusal {
            Refusal::Banned => ConnectError::Banned,
            Refusal::Cut => ConnectError::Cut,
            Refusal::Full | Refusal::Duplicate => ConnectError::Full,
            Refusal::ForeignKey => ConnectError::Unreachable(refusal.to_string()),
        };
    }
    if cause.downcast_ref::<connection_limits::Exceeded>().is_some() {
        return ConnectError::Full;
    }
    if cause.downcast_ref::<memory_connection_limits::MemoryUsageLimitExceeded>().is_some() {
        return ConnectError::Memory;
    }
    ConnectError::Unreachable(cause.to_string())
}

/// One sentence for each address that failed.
fn unreachable(failures: &[(Multiaddr, TransportError<io::Error>)]) -> ConnectError {
    let texts: Vec<_> = failures
        .iter()
        .map(|(address, error)| match error {
            TransportError::MultiaddrNotSupported(_) => format!("{address}: not a usable address"),
            TransportError::Other(error) => format!("{address}: {}", innermost(error)),
        })
        .collect();
    ConnectError::Unreachable(texts.join("; "))
}

/// libp2p wraps each error in several that say nothing more.
fn innermost(error: &io::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = match inner.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|e| e as &dyn std::error::Error).or_else(|| inner.source()),
        None => inner.source(),
    } {
        inner = source;
    }
    inner.to_string()
}
