//! Greetings: who is let in, who is let go, and what each side then knows.

use shared::{
    BlockHash, Work,
    wire::{Hello, Message, NodeId},
};

use super::{
    branch::{Branch, key},
    conversation::{Node, elapse, exchange, hello_of, stranger},
};
use crate::machine::{
    effect::Reply,
    event::{Event, Request},
};

#[test]
fn two_nodes_greet_and_know_each_other() {
    let (mut alice, mut bob) = (Node::new(1), Node::new(2));
    alice.connect_to(&mut bob);
    exchange(&mut [&mut alice, &mut bob]);
    let request = alice.asks(Request::Status);
    let Some(Reply::Status(status)) = alice.reply(request) else { panic!("no status") };
    assert_eq!(*status.nodes, [(NodeId([2; 32]), "http://node-2".to_owned())].into());
    assert!(status.peers[0].outbound);
    assert_eq!(status.peers[0].id, Some(NodeId([2; 32])));
}

/// How a greeting is spoilt, and a part of the sentence that says so.
type Spoilt = (&'static str, fn(&mut Hello), &'static str);

#[test]
fn wrong_greetings_end_the_connection_without_a_ban() {
    let table: [Spoilt; 4] = [
        ("network", |hello| hello.genesis = BlockHash([9; 32]), "another network"),
        ("version", |hello| hello.version = 99, "version 99"),
        ("self by key", |hello| hello.node = NodeId([1; 32]), "itself"),
        ("both", |hello| (hello.version, hello.genesis) = (99, BlockHash([9; 32])), "version 99"),
    ];
    for (name, spoil, reason) in table {
        let mut node = Node::new(1);
        let peer = stranger(1);
        node.greets_silently(peer);
        let mut hello = hello_of(peer);
        spoil(&mut hello);
        node.hears(peer, Message::Hello(hello));
        assert!(!node.keeps(peer) && node.bans.is_empty(), "{name}");
        assert!(node.partings[0].1.contains(reason), "{name}: {}", node.partings[0].1);
    }
}

#[test]
fn a_node_that_reaches_itself_parts() {
    let mut node = Node::new(1);
    let own = node.peer;
    node.handle(Event::PeerConnected { peer: own, outbound: true, address: "/node/1".into() });
    assert!(node.partings.iter().any(|(peer, _)| *peer == own));
}

#[test]
fn who_says_nothing_is_let_go_and_who_says_anything_else_first_is_not_heard() {
    let mut node = Node::new(1);
    node.greets_silently(stranger(1));
    assert_eq!(node.said_to(stranger(1)).len(), 1, "only the greeting");
    node.hears(stranger(1), Message::GetAddresses);
    assert!(node.said_to(stranger(1)).is_empty());
    node.waits(9);
    assert!(node.keeps(stranger(1)));
    node.waits(2);
    assert!(!node.keeps(stranger(1)));
}

/// The patience with an earlier connection must not run out on the next one of the same peer.
#[test]
fn a_peer_that_comes_back_has_the_full_time_to_greet() {
    let mut node = Node::new(1);
    node.greets_silently(stranger(1));
    node.waits(9);
    node.loses(stranger(1));
    node.greets_silently(stranger(1));
    node.waits(3);
    assert!(node.keeps(stranger(1)), "{:?}", node.partings);
}

#[test]
fn a_second_greeting_changes_nothing() {
    let mut node = Node::new(1);
    node.meets(stranger(1));
    node.said_to(stranger(1));
    node.hears(stranger(1), Message::Hello(Hello { work: Work::from(1_000_000), ..hello_of(stranger(1)) }));
    assert!(node.keeps(stranger(1)));
    assert!(node.said_to(stranger(1)).is_empty());
}

/// A tip that changed between the connection and the greeting is told.
#[test]
fn a_block_found_during_the_greeting_is_not_missed() {
    let (mut alice, mut bob) = (Node::new(1), Node::new(2));
    let mut branch = Branch::of(&key(101));
    branch.grow(1);
    alice.connect_to(&mut bob);
    alice.takes(&branch.blocks);
    exchange(&mut [&mut alice, &mut bob]);
    elapse(&mut [&mut alice, &mut bob], 1);
    assert_eq!(bob.tip(), branch.tip());
}

#[test]
fn garbage_is_a_ban() {
    let mut node = Node::new(1);
    node.meets(stranger(1));
    let fault = crate::machine::inbound::check_frame(&[0xff, 1, 2, 3], &super::branch::network()).unwrap_err();
    node.handle(Event::Misbehaved { peer: stranger(1), fault });
    assert!(node.has_banned(stranger(1)));
}
