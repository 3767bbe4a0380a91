//! The driver on loopback: real sockets, free ports. Every wait is for an event; the timeout
//! behind it only turns a hang into a failure.

mod abuse;
mod conditions;
mod figures;
mod limits;
mod links;
mod sessions;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::swarm::SwarmEvent;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::{Stream, StreamProtocol};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::behaviour::{self, BehaviourEvent};
use super::relay::StreamEvent;
use super::*;

const PROTOCOL: &str = "/test/1";
const PATIENCE: Duration = Duration::from_secs(60);

/// A running driver and its folder.
struct Node {
    net: Net,
    events: NetEvents,
    folder: TempDir,
    links: LinkControl,
}

fn config(folder: &TempDir) -> Config {
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    Config::new(folder.path().to_owned(), any, PROTOCOL.into())
}

async fn node() -> Node {
    node_with(|_| {}, Timing::default()).await
}

async fn node_with(change: impl FnOnce(&mut Config), timing: Timing) -> Node {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&folder);
    change(&mut config);
    let links = config.links.clone();
    let (net, events) = start_with(config, timing).await.unwrap();
    Node { net, events, folder, links }
}

/// Two nodes, the first of which has the smaller id and so decides.
async fn ordered_pair() -> (Node, Node) {
    let (a, b) = (node().await, node().await);
    if a.id() < b.id() { (a, b) } else { (b, a) }
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("nothing happened in time")
}

impl Node {
    fn id(&self) -> PeerId {
        self.net.local_peer()
    }

    fn address(&self) -> String {
        self.net.listen_addresses().remove(0)
    }

    /// The listening address without the peer id.
    fn bare_address(&self) -> String {
        self.address().split("/p2p/").next().unwrap().to_owned()
    }

    fn port(&self) -> u16 {
        self.bare_address().rsplit('/').next().unwrap().parse().unwrap()
    }

    fn dial(&self, other: &Node) {
        self.dial_at(other, other.address());
    }

    fn dial_at(&self, other: &Node, address: String) {
        let peer = Some(other.id());
        self.net.command(NetCommand::Connect { peer, addresses: vec![address] });
    }

    fn send(&self, to: &Node, frame: impl Into<Bytes>) {
        self.net.command(NetCommand::Send { peer: to.id(), frame: frame.into() });
    }

    async fn next(&mut self) -> NetEvent {
        in_time(self.events.recv()).await.expect("the driver stopped")
    }

    /// The next event, which is a session's beginning.
    async fn connected(&mut self) -> PeerId {
        match self.next().await {
            NetEvent::Connected { peer, .. } => peer,
            other => panic!("expected Connected, got {other:?}"),
        }
    }

    async fn disconnected(&mut self) -> (PeerId, Disconnect) {
        match self.next().await {
            NetEvent::Disconnected { peer, reason } => (peer, reason),
            other => panic!("expected Disconnected, got {other:?}"),
        }
    }

    async fn failed(&mut self) -> ConnectError {
        match self.next().await {
            NetEvent::ConnectFailed { reason, .. } => reason,
            other => panic!("expected ConnectFailed, got {other:?}"),
        }
    }

    async fn frame(&mut self) -> Vec<u8> {
        match self.next().await {
            NetEvent::Frame { frame, .. } => frame,
            other => panic!("expected Frame, got {other:?}"),
        }
    }
}

/// Dials, and takes `Connected` on both sides.
async fn connect(from: &mut Node, to: &mut Node) {
    from.dial(to);
    assert_eq!(from.connected().await, to.id());
    assert_eq!(to.connected().await, from.id());
}

/// Frames pass both ways, and nothing else happens.
async fn assert_exchange(a: &mut Node, b: &mut Node) {
    a.send(b, "there");
    assert_eq!(b.frame().await, b"there");
    b.send(a, "and back");
    assert_eq!(a.frame().await, b"and back");
}

/// A peer whose behaviour the test decides: real connections, and the bare relay stream.
struct RawPeer {
    /// The relay stream of the first connection, if asked for.
    stream: mpsc::Receiver<Stream>,
    closed: mpsc::Receiver<()>,
}

impl RawPeer {
    /// Connects to the node; opens the relay stream if told to.
    fn dial(node: &Node, open: bool) -> Self {
        Self::dial_as(&Keypair::generate_ed25519(), node, open)
    }

    fn dial_as(key: &Keypair, node: &Node, open: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let protocol = StreamProtocol::new(PROTOCOL);
        let mut swarm = behaviour::swarm(&config(&folder), protocol, key).unwrap();
        let address = node.bare_address().parse().unwrap();
        swarm.dial(DialOpts::unknown_peer_id().address(address).build()).unwrap();
        let (streams, stream) = mpsc::channel(1);
        let (closing, closed) = mpsc::channel(1);
        tokio::spawn(async move {
            loop {
                let step = match swarm.select_next_some().await {
                    SwarmEvent::ConnectionEstablished { connection_id, .. } if open => {
                        swarm.behaviour_mut().relay.open(connection_id);
                        ControlFlow::Continue(())
                    }
                    SwarmEvent::Behaviour(BehaviourEvent::Relay(event)) => match event.event {
                        StreamEvent::Open(stream) => {
                            streams.send(stream).await.map_or(ControlFlow::Break(()), ControlFlow::Continue)
                        }
                        other => panic!("no stream: {other:?}"),
                    },
                    SwarmEvent::ConnectionClosed { .. } => ControlFlow::Break(()),
                    SwarmEvent::OutgoingConnectionError { .. } => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                };
                if step.is_break() {
                    // The test may not look at this end of the connection at all.
                    let _ = closing.send(()).await;
                    return;
                }
            }
        });
        Self { stream, closed }
    }

    async fn stream(&mut self) -> Stream {
        in_time(self.stream.recv()).await.expect("no relay stream")
    }

    async fn closed(&mut self) {
        in_time(self.closed.recv()).await.expect("the raw peer failed");
    }
}

/// A key whose peer id orders before or after the node's.
fn key_ordered(node: &Node, smaller: bool) -> Keypair {
    loop {
        let key = Keypair::generate_ed25519();
        let peer = PeerId(key.public().try_into_ed25519().unwrap().to_bytes());
        if (peer < node.id()) == smaller {
            return key;
        }
    }
}
