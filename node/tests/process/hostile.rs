//! Strangers on the peer port: garbage, silence, nodes of other networks. The node goes on, and so do
//! its peers.

use std::io::Write as _;
use std::net::TcpStream;

use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::process::{LIMIT, Node, agreed, easy_genesis, text, wait_for};

const SEED: u64 = 2;
const STRANGERS: usize = 60;

/// Where the node's peers connect, as a socket address.
fn peer_port(node: &Node) -> (String, u16) {
    let address = node.peer_address();
    let parts: Vec<&str> = address.split('/').collect();
    (parts[2].to_owned(), parts[4].parse().unwrap())
}

#[test]
fn garbage_on_the_peer_port_disturbs_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(&dir.path().join("node"), &[]);
    let peer = Node::start(&dir.path().join("peer"), &["--join", &node.peer_address()]);
    wait_for("the peer is there", LIMIT, || (node.peers() == 1 && peer.peers() == 1).then_some(()));
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut strangers = Vec::new();
    for stranger in 0..STRANGERS {
        let mut stream = TcpStream::connect(peer_port(&node)).unwrap();
        let mut noise = vec![0; rng.random_range(1..100_000)];
        rng.fill_bytes(&mut noise);
        // The node may well hang up in the middle of it.
        let _ = match stranger % 5 {
            0 => stream.write_all(&noise),
            1 => stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"),
            2 => stream.write_all(b"\x13/multistream/1.0.0\n\x07/noise\n").and_then(|()| stream.write_all(&noise)),
            3 => stream.write_all(&noise[..1]),
            _ => Ok(()),
        };
        strangers.push(stream);
    }
    let mined = node.mine();
    assert_eq!(agreed(&[&node, &peer], LIMIT), mined.as_str());
    drop(strangers);
    let late = Node::start(&dir.path().join("late"), &["--join", &node.peer_address()]);
    assert_eq!(agreed(&[&node, &peer, &late], LIMIT), mined.as_str());
    [node, peer, late].into_iter().for_each(Node::stop);
}

#[test]
fn a_node_of_another_network_is_turned_away_and_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(&dir.path().join("node"), &[]);
    let peer = Node::start(&dir.path().join("peer"), &["--join", &node.peer_address()]);
    wait_for("the peer is there", LIMIT, || (node.peers() == 1).then_some(()));
    let genesis = easy_genesis(dir.path(), "elsewhere");
    let mut stranger =
        Node::start(&dir.path().join("stranger"), &["--genesis", text(&genesis), "--join", &node.peer_address()]);
    let told = stranger.process.expect("cannot join /ip4/127.0.0.1/tcp/");
    assert!(told.contains("another network"), "{told}");
    stranger.mine();
    let mined = node.mine();
    assert_eq!(agreed(&[&node, &peer], LIMIT), mined.as_str());
    assert_eq!((node.peers(), stranger.peers()), (1, 0));

    // By hand neither: the chain of another network is refused, with the reason.
    let refused = node.ask("POST", "/chain/replace", &stranger.chain());
    assert_eq!(refused.status, 409);
    assert!(refused.detail().contains("network"), "{}", refused.detail());
    [node, peer, stranger].into_iter().for_each(Node::stop);
}
