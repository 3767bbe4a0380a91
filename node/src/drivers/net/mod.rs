//! The net driver: moves opaque frames between peers over libp2p (TCP, noise, yamux).
//! It knows bytes, connections and limits. Whom to dial, what frames mean, and what a peer's
//! fault costs is decided by the machine, which is told what happened and answers with commands.
//!
//! - `swarm` is the event loop and `connections` its larger part, on `behaviour` (what libp2p runs), `relay` (admission, one stream
//!   per connection) and `muxer` (the transport).
//! - `session` settles which connection carries the one session with a peer; `stream` is that
//!   session's reader and writer, one task; `outbox` and `events` are its bounded queues.
//! - `links` holds the conditions that are made up to try a network out: cut, slow or lossy ways.
//! - `identity`, `address`, `error` are what their names say.
//!
//! A frame goes from [`Net::command`] into its peer's outbox and from the reader into the event
//! queue; the event loop is on neither way.

mod address;
mod behaviour;
mod connections;
mod dial;
mod error;
mod events;
mod identity;
mod links;
mod muxer;
mod outbox;

mod relay;
mod session;
mod stream;
mod swarm;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

pub use address::check_address;
pub use error::{ConnectError, Disconnect, NetError};
pub use events::NetEvents;
pub use links::{LinkConditions, LinkControl, LinkError, LinkState, Links, MAX_DELAY_MS};
pub use outbox::QueueLimits;
pub use shared::peer::PeerId;

use events::Outboxes;

/// Longest frame, in bytes.
pub const MAX_FRAME: usize = 8 << 20;

/// What the driver needs to know before it starts.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder of the key file `peer.key`; created when absent.
    pub data_dir: PathBuf,
    /// Where peers connect. Port 0 takes any free port.
    pub listen: SocketAddr,
    /// Whether to announce this node, and look for others, on the local network.
    pub mdns: bool,
    /// Most peers whose connections are accepted at a time.
    pub max_inbound: usize,
    /// Most peers the node means to dial. A few more are allowed, for dials under way.
    pub max_outbound: usize,
    /// Name of the stream protocol, starting with `/`. Peers with another name get no session, so
    /// a name holding the genesis hash keeps other networks apart.
    pub protocol: String,
    /// What may wait for one peer.
    pub queue: QueueLimits,
    /// The conditions of the ways to other peers, from the start on and as they are set later.
    pub links: LinkControl,
}

impl Config {
    /// The usual limits: 32 accepted peers, 8 dialled, no discovery.
    pub fn new(data_dir: PathBuf, listen: SocketAddr, protocol: String) -> Self {
        Self {
            data_dir,
            listen,
            mdns: false,
            max_inbound: 32,
            max_outbound: 8,
            protocol,
            queue: QueueLimits::default(),
            links: LinkControl::default(),
        }
    }
}

/// What the node wants done. Nothing here waits, and nothing is answered but by events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetCommand {
    /// Dial. Each attempt ends in one [`NetEvent::ConnectFailed`], or in a
    /// [`NetEvent::Connected`] of that peer, which may also come of a connection it dialled.
    /// With a peer that is in session or being dialled already, nothing more is done.
    Connect {
        /// Whom to expect. `None`: the peer named in the address by `/p2p/…`, or whoever answers.
        /// Then each address is an attempt of its own.
        peer: Option<PeerId>,
        /// Multiaddresses, `/ip4/…/tcp/…` with or without `/p2p/…`; the first eight count.
        addresses: Vec<String>,
    },
    /// Queue a frame of 1 to [`MAX_FRAME`] bytes. Without a session it is dropped. It belongs to
    /// the session whose `Connected` was taken last from [`NetEvents`], and never to a later one.
    Send {
        /// The receiver.
        peer: PeerId,
        /// The frame, without its length.
        frame: Bytes,
    },
    /// End the session, if there is one. Frames still queued are dropped.
    Disconnect {
        /// The peer.
        peer: PeerId,
    },
    /// End the session and refuse the peer, both ways, for a time. The ban does not outlive the
    /// process.
    Ban {
        /// The peer.
        peer: PeerId,
        /// For how long, from now.
        duration: Duration,
    },
    /// End all sessions and stop; [`NetEvents::recv`] gives the last events, then `None`.
    Shutdown,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetEvent {
    /// A session began. Before the next `Connected` of the same peer comes its `Disconnected`.
    Connected {
        /// The peer, proven by its key.
        peer: PeerId,
        /// Whether this node dialled.
        outbound: bool,
        /// The address dialled, or the one the peer connected from (whose port is of no use).
        address: String,
    },
    /// The session ended. No frame of it follows.
    Disconnected {
        /// The peer.
        peer: PeerId,
        /// Why.
        reason: Disconnect,
    },
    /// A [`NetCommand::Connect`] came to nothing.
    ConnectFailed {
        /// Whom the attempt expected.
        peer: Option<PeerId>,
        /// The addresses, as they were given.
        addresses: Vec<String>,
        /// Why.
        reason: ConnectError,
    },
    /// A frame of the peer's session, 1 to [`MAX_FRAME`] bytes, in the order sent.
    Frame {
        /// The sender.
        peer: PeerId,
        /// The frame, without its length.
        frame: Vec<u8>,
    },
    /// A peer announced itself on the local network. It may be of another network.
    Discovered {
        /// The peer, not proven.
        peer: PeerId,
        /// Its address.
        address: String,
    },
}

/// Handle of a running driver. The driver stops when the last one is dropped.
#[derive(Debug, Clone)]
pub struct Net {
    peer: PeerId,
    listening: Listening,
    /// Unbounded: only the node's own machine sends here, it must not wait, and dropping a ban or
    /// a disconnect would be wrong. Frames do not pass here, and the loop takes commands before the
    /// network's events.
    commands: mpsc::UnboundedSender<NetCommand>,
    outboxes: Outboxes,
}

/// The addresses listened on, kept up to date by the event loop.
#[derive(Debug, Clone, Default)]
struct Listening(Arc<Mutex<Vec<libp2p::Multiaddr>>>);

impl Listening {
    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn change(&self, change: impl FnOnce(&mut Vec<libp2p::Multiaddr>)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Net {
    /// This node's id, the same at every start with the same data folder.
    pub fn local_peer(&self) -> PeerId {
        self.peer
    }

    /// Where peers reach this node, each with `/p2p/…`. Bound to every interface, this lists the
    /// interfaces' addresses as they are now.
    pub fn listen_addresses(&self) -> Vec<String> {
        let mut texts = Vec::new();
        self.listening.change(|addresses| {
            texts.extend(addresses.iter().map(|address| format!("{address}/p2p/{}", self.peer)));
        });
        texts
    }

    /// Gives a command. Never waits; after the driver stopped it does nothing.
    pub fn command(&self, command: NetCommand) {
        match command {
            NetCommand::Send { peer, frame } => self.send(peer, frame),
            // The driver has stopped when this fails, and what was asked no longer matters.
            other => drop(self.commands.send(other)),
        }
    }

    fn send(&self, peer: PeerId, frame: Bytes) {
        if frame.is_empty() || frame.len() > MAX_FRAME {
            tracing::error!(%peer, bytes = frame.len(), "a frame of this length cannot be sent");
            return;
        }
        if let Some(outbox) = self.outboxes.lock().get(&peer) {
            outbox.push(frame);
        }
    }
}

/// How long the driver waits, for what.
#[derive(Debug, Clone, Copy)]
struct Timing {
    /// From a connection's establishment to its session.
    session: Duration,
    /// A stream waits this long while the session it would replace seems alive. More than a round
    /// trip, so that dials crossing do not break a session.
    grace: Duration,
    /// How often this node says that it lives, and counts the silence of others. Counting these and not seconds
    /// spares the peers when this process was itself stopped or starved for a while.
    sweep: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { session: Duration::from_secs(10), grace: Duration::from_secs(2), sweep: Duration::from_secs(5) }
    }
}

/// Starts the driver on the current tokio runtime, of either kind, and waits until it listens.
pub async fn start(config: Config) -> Result<(Net, NetEvents), NetError> {
    start_with(config, Timing::default()).await
}

async fn start_with(config: Config, timing: Timing) -> Result<(Net, NetEvents), NetError> {
    let key = identity::load_or_create(&config.data_dir)?;
    let (sender, events, outboxes) = events::queue();
    let (commands, receiver) = mpsc::unbounded_channel();
    let listening = Listening::default();
    let driver = swarm::Driver::listen(&config, timing, &key, listening.clone(), sender).await?;
    let peer = driver.local_peer();
    tokio::spawn(driver.run(receiver));
    Ok((Net { peer, listening, commands, outboxes }, events))
}
