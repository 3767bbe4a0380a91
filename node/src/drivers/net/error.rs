//! Why starting, connecting or a session failed, each with the sentence a user reads.
//! Only reasons live here; what follows from one (a penalty, another attempt) is the machine's.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use shared::peer::PeerId;

/// Why the driver did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// Another program, or another node, listens there.
    #[error("peer port {} of {} is in use: choose another with --peer-port", .0.port(), .0.ip())]
    PortBusy(SocketAddr),
    /// The system refused the listening address for another reason.
    #[error("cannot listen for peers on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Bound to every interface, and none has an address.
    #[error("cannot listen for peers on {0}: no network interface has an address")]
    NoInterface(SocketAddr),
    /// The key file could not be read or written.
    #[error("cannot use the peer key {}: {source}", path.display())]
    KeyFile {
        /// The key file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key file does not hold a key.
    #[error(
        "{} is not a peer key (64 hex digits): restore it, or move it away to get a new identity",
        .0.display()
    )]
    KeyMalformed(PathBuf),
    /// Discovery on the local network was asked for and could not start.
    #[error("cannot start discovery on the local network (mDNS): {0}")]
    Mdns(io::Error),
    /// A stream protocol name starts with a slash.
    #[error("{0:?} is not a stream protocol name: it must start with '/'")]
    Protocol(String),
    /// The noise handshake could not be prepared from the key.
    #[error("cannot prepare the encryption of peer connections: {0}")]
    Noise(String),
}

/// Why a [`NetCommand::Connect`](super::NetCommand::Connect) led to no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Not an address this node can dial.
    #[error("cannot use the address: {0}")]
    BadAddress(String),
    /// Nothing answered, or not as a peer does.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// Somebody else than expected answered.
    #[error("another peer answers there: {0}")]
    WrongPeer(String),
    /// The address is this node's own.
    #[error("that is this node itself")]
    SelfDial,
    /// The peer does not speak this network's protocol.
    #[error("the peer belongs to another network, or runs another version")]
    WrongNetwork,
    /// The peer is banned here for now.
    #[error("the peer is banned by this node")]
    Banned,
    /// The way to the peer is cut, see [`LinkConditions`](super::LinkConditions).
    #[error("the way to the peer is cut")]
    Cut,
    /// This node may not dial more at the moment.
    #[error("this node has no room for more dialled connections")]
    Full,
    /// This node's process uses too much memory to accept more.
    #[error("this node is short of memory")]
    Memory,
    /// The peer at that address is in session, or being asked, already.
    #[error("already connected, or connecting, to {0}")]
    AlreadyConnected(PeerId),
    /// The peer closed the connection instead of beginning a session.
    #[error("the peer closed the connection before a session began: it has no room, or refuses this node")]
    ClosedByPeer,
    /// The peer accepted the connection and began no session in time.
    #[error("the peer began no session within {} s", .0.as_secs())]
    Timeout(Duration),
    /// This node gave the attempt up (disconnect or shutdown).
    #[error("given up by this node")]
    Cancelled,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Disconnect {
    /// The peer closed the connection, or it broke.
    #[error("the connection ended")]
    Closed,
    /// The connection ended within a frame. A crash or a cut line does that too, so it is no fault.
    #[error("the connection ended in the middle of a frame")]
    Truncated,
    /// The peer announced a frame beyond [`MAX_FRAME`](super::MAX_FRAME).
    #[error("the peer announced a frame of {0} bytes, over the limit")]
    FrameTooLong(u32),
    /// The peer sent frames of no bytes, over and over.
    #[error("the peer sent empty frames over and over")]
    EmptyFrames,
    /// The peer takes its frames slower than they come, and its queue is full.
    #[error("the peer is too slow: its outbound queue is full")]
    SlowPeer,
    /// Nothing came from the peer for too long.
    #[error("the peer has gone silent")]
    Unresponsive,
    /// A newer connection of the same peer took this one's place.
    #[error("replaced by a newer connection of the same peer")]
    Replaced,
    /// This node asked for it.
    #[error("disconnected by this node")]
    Requested,
    /// This node banned the peer.
    #[error("banned by this node")]
    Banned,
    /// The way to the peer was cut, see [`LinkConditions`](super::LinkConditions).
    #[error("the way to the peer was cut")]
    Cut,
    /// This node is stopping.
    #[error("this node is stopping")]
    Shutdown,
}
