//! The event loop: commands and libp2p's events in, connections opened, settled and closed.
//! It never waits for the node: what the node has not taken yet stands in a backlog, and while
//! that is long nothing new is taken from the network.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt};
use libp2p::core::transport::TransportError;
use libp2p::identity::Keypair;
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{StreamProtocol, Swarm, mdns};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::behaviour::{self, Behaviour, BehaviourEvent};
use super::connections::{Connection, Report};
use super::dial::Dials;
use super::error::{ConnectError, Disconnect, NetError};
use super::events::Queued;
use super::links::{LinkControl, Links};
use super::outbox::QueueLimits;
use super::relay::{RelayEvent, StreamEvent};
use super::session::Pair;
use super::{Config, Listening, NetCommand, NetEvent, Timing, address};
use shared::peer::PeerId;

/// Events the node has not room for, at which the network has to wait.
const BACKLOG: usize = 256;
/// Time for the first interface to come up when listening on all of them.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(5);

/// The loop and what it knows.
pub(super) struct Driver {
    pub(super) local: PeerId,
    pub(super) swarm: Swarm<Behaviour>,
    listening: Listening,
    pub(super) queue: QueueLimits,
    pub(super) timing: Timing,
    pub(super) connections: HashMap<ConnectionId, Connection>,
    pub(super) pairs: HashMap<PeerId, Pair<ConnectionId>>,
    pub(super) dials: Dials,
    pub(super) links: LinkControl,
    /// Has every session write a beat.
    pub(super) beats: watch::Sender<()>,
    pub(super) links_wanted: watch::Receiver<Links>,
    pub(super) events: mpsc::Sender<Queued>,
    backlog: VecDeque<Queued>,
    /// From this loop's own tasks; unbounded, for each connection sends at most a handful.
    pub(super) reports: (mpsc::UnboundedSender<Report>, mpsc::UnboundedReceiver<Report>),
}

impl Driver {
    /// Binds, and waits for the addresses.
    pub(super) async fn listen(
        config: &Config,
        timing: Timing,
        key: &Keypair,
        listening: Listening,
        events: mpsc::Sender<Queued>,
    ) -> Result<Self, NetError> {
        let protocol = StreamProtocol::try_from_owned(config.protocol.clone())
            .map_err(|_| NetError::Protocol(config.protocol.clone()))?;
        let public = key.public().try_into_ed25519();
        let public = public.map_err(|error| NetError::Noise(error.to_string()))?;
        let mut swarm = behaviour::swarm(config, protocol, key)?;
        bind(&mut swarm, config.listen)?;
        let mut driver = Self {
            local: PeerId(public.to_bytes()),
            swarm,
            listening,
            queue: config.queue,
            timing,
            connections: HashMap::new(),
            pairs: HashMap::new(),
            dials: Dials::default(),
            links: config.links.clone(),
            beats: watch::channel(()).0,
            links_wanted: config.links.wanted(),
            events,
            backlog: VecDeque::new(),
            reports: mpsc::unbounded_channel(),
        };
        // Before anybody can connect.
        driver.set_links();
        driver.first_addresses(config.listen).await?;
        Ok(driver)
    }

    /// Handles events until the first address is there, and all that are ready with it.
    async fn first_addresses(&mut self, asked: SocketAddr) -> Result<(), NetError> {
        let deadline = tokio::time::Instant::now() + LISTEN_TIMEOUT;
        while self.listening.is_empty() {
            let event = tokio::time::timeout_at(deadline, self.swarm.select_next_some()).await;
            self.swarm_event(event.map_err(|_| NetError::NoInterface(asked))?);
        }
        while let Some(event) = self.swarm.select_next_some().now_or_never() {
            self.swarm_event(event);
        }
        Ok(())
    }

    pub(super) fn local_peer(&self) -> PeerId {
        self.local
    }

    /// Runs until told to stop, or until nobody gives commands or takes events any more.
    pub(super) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<NetCommand>) {
        let period = self.timing.sweep;
        let mut sweep = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let events = self.events.clone();
        loop {
            tokio::select! {
                biased;
                // What a command is an answer to has been reported before it.
                Some(report) = self.reports.1.recv() => self.report(report),
                command = commands.recv() => match command {
                    None | Some(NetCommand::Shutdown) => break,
                    Some(command) => self.command(command),
                },
                Ok(()) = self.links_wanted.changed() => self.set_links(),
                room = events.reserve(), if !self.backlog.is_empty() => {
                    let Ok(room) = room else { break };
                    if let Some(event) = self.backlog.pop_front() {
                        room.send(event);
                    }
                }
                () = events.closed() => break,
                // However long the backlog: the peers are to hear that this node lives.
                _ = sweep.tick() => self.sweep(),
                event = self.swarm.select_next_some(), if self.backlog.len() < BACKLOG => {
                    self.swarm_event(event);
                }
            }
        }
        // Sessions end with this reason rather than with the loss of the swarm, which goes next.
        for connection in self.connections.values_mut() {
            connection.end(Disconnect::Shutdown);
        }
    }

    fn command(&mut self, command: NetCommand) {
        match command {
            NetCommand::Connect { peer, addresses } => self.connect(peer, addresses),
            NetCommand::Disconnect { peer } => {
                self.drop_peer(peer, Disconnect::Requested, ConnectError::Cancelled);
            }
            NetCommand::Ban { peer, duration } => self.ban(peer, duration),
            // Frames go by the outboxes, and the loop itself sees to stopping.
            NetCommand::Send { .. } | NetCommand::Shutdown => {}
        }
    }

    fn connect(&mut self, peer: Option<PeerId>, addresses: Vec<String>) {
        let attempts = super::dial::attempts(peer, addresses);
        for attempt in attempts {
            let busy = attempt.peer.filter(|peer| {
                self.dials.under_way(*peer) || self.pairs.get(peer).is_some_and(|pair| pair.live().is_some())
            });
            if busy.is_some() {
                continue;
            }
            if attempt.peer == Some(self.local) {
                self.emit(attempt.failed(ConnectError::SelfDial));
                continue;
            }
            match attempt.options() {
                Err(reason) => self.emit(attempt.failed(reason)),
                Ok(options) => {
                    let connection = options.connection_id();
                    match self.swarm.dial(options) {
                        Ok(()) => self.dials.insert(connection, attempt),
                        Err(error) => self.emit(attempt.failed(error.into())),
                    }
                }
            }
        }
    }

    fn ban(&mut self, peer: PeerId, duration: Duration) {
        // A ban beyond what the clock can hold is as good as one of a century.
        let century = Duration::from_secs(100 * 365 * 86_400);
        if let Some(id) = address::to_libp2p(peer) {
            self.swarm.behaviour_mut().relay.ban(id, Instant::now() + duration.min(century));
        }
        self.drop_peer(peer, Disconnect::Banned, ConnectError::Banned);
    }

    pub(super) fn emit(&mut self, event: NetEvent) {
        self.backlog.push_back(Queued::Other(event));
    }

    fn swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.behaviour_event(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                // Others were refused by the relay behaviour.
                let Some(peer) = address::from_libp2p(&peer_id) else { return };
                let dialled = endpoint.is_dialer();
                let address = endpoint.get_remote_address().to_string();
                self.established(connection_id, Connection::new(peer, dialled, address));
            }
            SwarmEvent::ConnectionClosed { connection_id, .. } => {
                self.close(connection_id, Disconnect::Closed, ConnectError::ClosedByPeer);
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                self.fail_dial(connection_id, error.into());
            }
            SwarmEvent::NewListenAddr { address, .. } => {
                self.listening.change(|all| all.push(address));
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.listening.change(|all| all.retain(|known| *known != address));
            }
            SwarmEvent::ListenerError { error, .. } => {
                tracing::warn!(%error, "accepting peers");
            }
            SwarmEvent::ListenerClosed { reason, .. } => {
                tracing::error!(?reason, "no longer listening for peers");
            }
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
                tracing::debug!(from = %send_back_addr, %error, "a connection came to nothing");
            }
            _ => {}
        }
    }

    fn behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Relay(RelayEvent { connection, event }) => match event {
                StreamEvent::Open(stream) => self.opened(connection, stream),
                StreamEvent::Unsupported => {
                    self.close(connection, Disconnect::Closed, ConnectError::WrongNetwork);
                }
                StreamEvent::Failed => {
                    self.close(connection, Disconnect::Closed, ConnectError::ClosedByPeer);
                }
            },
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => {
                for (peer, at) in found {
                    if let Some(peer) = address::from_libp2p(&peer) {
                        self.emit(NetEvent::Discovered { peer, address: at.to_string() });
                    }
                }
            }
            _ => {}
        }
    }
}

/// Binds the listening socket.
fn bind(swarm: &mut Swarm<Behaviour>, address: SocketAddr) -> Result<(), NetError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => NetError::PortBusy(address),
        _ => NetError::Listen { address, source },
    };
    // libp2p binds with SO_REUSEPORT: two nodes of one user would silently share the port.
    // Binding once without it finds the other one.
    if address.port() != 0 {
        TcpListener::bind(address).map_err(failed)?;
    }
    swarm.listen_on(address::listen(address)).map(drop).map_err(|error| match error {
        TransportError::Other(source) => failed(source),
        TransportError::MultiaddrNotSupported(_) => failed(io::ErrorKind::Unsupported.into()),
    })
}
