//! The libp2p behaviours this node runs, and the swarm around them.
//! Identify is not among them: peers tell each other what they need over the relay stream.

use std::num::NonZeroUsize;

use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::{self, NetworkBehaviour};
use libp2p::{StreamProtocol, Swarm, mdns, memory_connection_limits};

use super::error::NetError;
use super::relay::{self, Limits};
use super::{Config, muxer};

/// Connections accepted and still in their handshake.
const MAX_PENDING_INBOUND: u32 = 64;
/// Dials beyond the dialled peers: what is under way, and peers asked for by hand.
pub(super) const SPARE_DIALS: usize = 8;
/// Above this resident memory of the process no connection is added. All queues of all peers full
/// come to about as much.
const MEMORY_LIMIT: usize = 1 << 30;
/// Streams a peer may be negotiating at once, on one connection.
const MAX_NEGOTIATING: usize = 8;

/// All behaviours; the events that matter come from `relay` and `mdns`. Whether a peer lives shows in its session, which
/// costs less than libp2p's ping with its two streams for each connection.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pending: connection_limits::Behaviour,
    memory: memory_connection_limits::Behaviour,
    pub(super) relay: relay::Behaviour,
    mdns: Toggle<mdns::tokio::Behaviour>,
}

/// A swarm that neither listens nor dials yet.
pub(super) fn swarm(config: &Config, protocol: StreamProtocol, key: &Keypair) -> Result<Swarm<Behaviour>, NetError> {
    let peer = key.public().to_peer_id();
    let dials = config.max_outbound.saturating_add(SPARE_DIALS);
    let pending = ConnectionLimits::default()
        .with_max_pending_incoming(Some(MAX_PENDING_INBOUND))
        .with_max_pending_outgoing(Some(dials.try_into().unwrap_or(u32::MAX)));
    let limits = Limits { inbound: config.max_inbound, outbound: dials };
    let discovery = config
        .mdns
        .then(|| mdns::tokio::Behaviour::new(mdns::Config::default(), peer))
        .transpose()
        .map_err(NetError::Mdns)?;
    let behaviour = Behaviour {
        pending: connection_limits::Behaviour::new(pending),
        memory: memory_connection_limits::Behaviour::with_max_bytes(MEMORY_LIMIT),
        relay: relay::Behaviour::new(protocol, limits, config.links.wanted().borrow().clone()),
        mdns: discovery.into(),
    };
    let swarm_config = swarm::Config::with_tokio_executor()
        .with_notify_handler_buffer_size(NonZeroUsize::MIN)
        .with_per_connection_event_buffer_size(1)
        .with_max_negotiating_inbound_streams(MAX_NEGOTIATING);
    Ok(Swarm::new(muxer::transport(key)?, behaviour, peer, swarm_config))
}
