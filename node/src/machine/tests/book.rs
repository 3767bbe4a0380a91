//! The address book and dialling: bounded, fair, and hard to poison.

use std::collections::BTreeSet;

use shared::wire::{Message, NodeId, PeerAddress, PeerId};

use super::conversation::{Node, hello_of, stranger};
use crate::{
    drivers::store::MemoryStore,
    machine::{
        config::{DIAL_PAUSE, DIALS_AT_ONCE, MAX_OUTBOUND},
        effect::Reply,
        event::{Event, Registration, Request},
    },
};

fn made_up(number: u32) -> PeerAddress {
    let mut bytes = [0xaa; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    PeerAddress { peer: PeerId(bytes), address: format!("/nowhere/{number}") }
}

fn registration(number: u8) -> Registration {
    Registration {
        node: Some(NodeId([number; 32])),
        http: String::new(),
        peer: Some(PeerId([number; 32])),
        addresses: vec![format!("/node/{number}")],
    }
}

fn joining(addresses: &[&str]) -> Node {
    let addresses: Vec<String> = addresses.iter().map(|address| (*address).to_owned()).collect();
    Node::over(1, MemoryStore::new(&super::branch::network()), |config| config.join = addresses)
}

/// Peers that this node could dial, answered to somebody who asks for addresses.
fn known_to(node: &mut Node) -> usize {
    node.machine.book.known_count()
}

#[test]
fn a_node_dials_as_many_as_it_wants_and_no_more_the_first_at_once_and_the_others_one_by_one() {
    let mut node = Node::new(1);
    node.asks(Request::Register((10..40).map(registration).collect()));
    let mut dials = vec![node.dials.len()];
    for _ in DIALS_AT_ONCE..MAX_OUTBOUND + 1 {
        node.waits(DIAL_PAUSE.as_secs());
        dials.push(node.dials.len());
    }
    let wanted = (DIALS_AT_ONCE..=MAX_OUTBOUND).chain([MAX_OUTBOUND]);
    assert_eq!(dials, wanted.collect::<Vec<_>>());
    let dialled: BTreeSet<_> = node.dials.iter().filter_map(|(peer, _)| *peer).collect();
    assert_eq!(dialled.len(), MAX_OUTBOUND);
}

#[test]
fn failures_are_tried_again_ever_later() {
    let mut node = Node::new(1);
    node.asks(Request::Register(vec![registration(10)]));
    let mut gaps = Vec::new();
    for _ in 0..8 {
        let (peer, addresses) = node.dials.pop().unwrap();
        let failed = node.now;
        node.handle(Event::ConnectFailed { peer, addresses });
        while node.dials.is_empty() {
            node.waits(1);
        }
        gaps.push(node.now.since(failed).as_secs());
    }
    assert!(gaps[0] <= 3 && gaps[7] >= 30 && gaps.iter().all(|gap| *gap <= 61), "{gaps:?}");
}

#[test]
fn who_is_named_again_is_dialled_at_once_however_often_it_failed() {
    let mut node = Node::new(1);
    node.asks(Request::Register(vec![registration(10)]));
    for _ in 0..8 {
        let (peer, addresses) = node.dials.pop().unwrap();
        node.handle(Event::ConnectFailed { peer, addresses });
        while node.dials.is_empty() {
            node.waits(1);
        }
    }
    let (peer, addresses) = node.dials.pop().unwrap();
    node.handle(Event::ConnectFailed { peer, addresses });
    node.waits(1);
    assert!(node.dials.is_empty());
    node.asks(Request::Register(vec![registration(10)]));
    assert_eq!(node.dials.len(), 1);
}

#[test]
fn of_those_that_are_back_one_is_dialled_even_if_there_are_peers_enough() {
    let mut node = Node::new(1);
    node.asks(Request::Register((10..30).map(registration).collect()));
    let failed: Vec<_> = std::mem::take(&mut node.dials);
    for (peer, addresses) in failed {
        node.handle(Event::ConnectFailed { peer, addresses });
    }
    (0..8).for_each(|number| node.reaches(stranger(number)));
    node.dials.clear();
    // Who never failed is no reason.
    node.asks(Request::Register((40..50).map(registration).collect()));
    assert!(node.dials.is_empty());
    node.asks(Request::Register((10..30).map(registration).collect()));
    assert_eq!(node.dials.len(), 1);
    // Nor is a peer that is being dialled, or that was forgiven, dialled again.
    node.asks(Request::Register((10..30).map(registration).collect()));
    assert_eq!(node.dials.len(), 1);
}

#[test]
fn who_is_back_is_dialled_at_once_by_a_node_that_would_otherwise_wait() {
    let mut node = Node::new(1);
    (0..DIALS_AT_ONCE as u8).for_each(|number| node.reaches(stranger(number)));
    node.asks(Request::Register(vec![registration(10)]));
    let (peer, addresses) = node.dials.pop().unwrap();
    node.handle(Event::ConnectFailed { peer, addresses });
    node.asks(Request::Register(vec![registration(20), registration(21)]));
    node.dials.clear();
    node.asks(Request::Register(vec![registration(10)]));
    assert_eq!(node.dials, [(Some(PeerId([10; 32])), vec!["/node/10".to_owned()])]);
}

#[test]
fn a_dial_that_fails_holds_up_no_other() {
    let mut node = Node::new(1);
    (0..DIALS_AT_ONCE as u8).for_each(|number| node.reaches(stranger(number)));
    node.asks(Request::Register((10..20).map(registration).collect()));
    for dialled in 1..=10 {
        assert_eq!(node.dials.len(), dialled);
        let (peer, addresses) = node.dials.last().unwrap().clone();
        node.handle(Event::ConnectFailed { peer, addresses });
    }
}

#[test]
fn addresses_to_join_at_wait_for_no_other_dial() {
    let mut node = joining(&["/node/10"]);
    let (peer, addresses) = node.dials.pop().unwrap();
    node.handle(Event::ConnectFailed { peer, addresses });
    (0..DIALS_AT_ONCE as u8).for_each(|number| node.reaches(stranger(number)));
    node.asks(Request::Register((10..20).map(registration).collect()));
    node.dials.clear();
    node.waits(2);
    assert_eq!(node.dials, [(None, vec!["/node/10".to_owned()])]);
}

#[test]
fn a_peer_that_hangs_up_before_greeting_is_tried_again_ever_later() {
    let mut node = Node::new(1);
    node.asks(Request::Register(vec![registration(10)]));
    for _ in 0..8 {
        while node.dials.is_empty() {
            node.waits(1);
        }
        node.dials.clear();
        let peer = PeerId([10; 32]);
        node.handle(Event::PeerConnected { peer, outbound: true, address: "/node/10".into() });
        node.loses(peer);
    }
    node.waits(20);
    assert!(node.dials.is_empty(), "a peer that is full is dialled as often as ever");
}

#[test]
fn only_addresses_that_were_asked_for_are_learnt_and_once() {
    let mut node = Node::new(1);
    node.meets(stranger(1));
    node.hears(stranger(1), Message::Addresses((0..200).map(made_up).collect()));
    assert_eq!(known_to(&mut node), 1, "nobody asked");
    node.reaches(stranger(2));
    assert!(node.said_to(stranger(2)).contains(&Message::GetAddresses));
    for round in 0..20 {
        node.hears(stranger(2), Message::Addresses((round * 200..(round + 1) * 200).map(made_up).collect()));
    }
    assert_eq!(known_to(&mut node), 202, "one answer");
}

/// However much is told, whom the user or the node itself met stays, and can be added.
#[test]
fn a_flood_of_addresses_pushes_out_nobody_who_was_met_or_named() {
    let mut node = Node::new(1);
    node.asks(Request::Register(vec![registration(10)]));
    node.meets(stranger(1));
    for round in 0..60 {
        node.reaches(stranger(2));
        node.hears(stranger(2), Message::Addresses((round * 200..(round + 1) * 200).map(made_up).collect()));
        node.loses(stranger(2));
    }
    assert!(known_to(&mut node) <= 4_000);
    let request = node.asks(Request::Register(vec![registration(11)]));
    assert!(matches!(node.reply(request), Some(Reply::Registered { new: 1 })));
    let request = node.asks(Request::Status);
    let Some(Reply::Status(status)) = node.reply(request) else { panic!("no status") };
    let ids: Vec<_> = status.nodes.keys().copied().collect();
    for expected in [NodeId([10; 32]), NodeId([11; 32]), NodeId(stranger(1).0)] {
        assert!(ids.contains(&expected), "{expected} is gone");
    }
}

/// Hearsay about a known peer must not displace where it is known to answer.
#[test]
fn hearsay_does_not_displace_an_address() {
    let mut node = Node::new(1);
    node.reaches(stranger(2));
    let lies = (0..8).map(|number| PeerAddress { peer: PeerId([10; 32]), address: format!("/lie/{number}") });
    node.asks(Request::Register(vec![registration(10)]));
    node.hears(stranger(2), Message::Addresses(lies.collect()));
    node.dials.clear();
    node.handle(Event::ConnectFailed { peer: Some(PeerId([10; 32])), addresses: vec!["/node/10".into()] });
    node.waits(5);
    let addresses = &node.dials.iter().find(|(peer, _)| *peer == Some(PeerId([10; 32]))).unwrap().1;
    assert_eq!(addresses[0], "/node/10");
}

#[test]
fn hearsay_that_never_answers_is_forgotten() {
    let mut node = Node::new(1);
    node.reaches(stranger(2));
    node.hears(stranger(2), Message::Addresses(vec![made_up(1)]));
    assert_eq!(known_to(&mut node), 2);
    for _ in 0..400 {
        for (peer, addresses) in std::mem::take(&mut node.dials) {
            node.handle(Event::ConnectFailed { peer, addresses });
        }
        node.waits(1);
    }
    assert_eq!(known_to(&mut node), 1);
}

#[test]
fn many_addresses_to_join_at_do_not_make_connections_come_and_go() {
    let addresses: Vec<String> = (10..30).map(|number| format!("/node/{number}")).collect();
    let mut node = joining(&addresses.iter().map(String::as_str).collect::<Vec<_>>());
    for _ in 0..60 {
        for (_, addresses) in std::mem::take(&mut node.dials) {
            let number: u8 = addresses[0].rsplit('/').next().unwrap().parse().unwrap();
            let peer = PeerId([number; 32]);
            node.handle(Event::PeerConnected { peer, outbound: true, address: addresses[0].clone() });
            node.hears(peer, Message::Hello(hello_of(peer)));
        }
        node.waits(1);
    }
    // A place changes hands every twenty seconds at the most.
    assert!(node.partings.len() <= 3, "{} partings in a minute", node.partings.len());
    assert_eq!(node.machine.peers.outbound().count(), MAX_OUTBOUND);
}

#[test]
fn an_address_to_join_at_is_dialled_until_somebody_answers() {
    let mut node = joining(&["/node/10"]);
    assert_eq!(node.dials, [(None, vec!["/node/10".to_owned()])]);
    node.dials.clear();
    node.handle(Event::ConnectFailed { peer: None, addresses: vec!["/node/10".into()] });
    node.waits(5);
    assert_eq!(node.dials.len(), 1);
    let peer = PeerId([10; 32]);
    node.handle(Event::PeerConnected { peer, outbound: true, address: "/node/10/p2p/x".into() });
    node.hears(peer, Message::Hello(hello_of(peer)));
    node.dials.clear();
    node.waits(60);
    assert!(node.dials.is_empty());
    node.loses(peer);
    node.waits(5);
    assert_eq!(node.dials.len(), 1);
}

#[test]
fn a_banned_peer_is_forgotten_and_not_dialled_by_hearsay() {
    let mut node = Node::new(1);
    node.reaches(stranger(1));
    node.asks(Request::Register(vec![registration(10)]));
    let fault = crate::machine::peers::Fault::Garbage("x".into());
    node.handle(Event::Misbehaved { peer: PeerId([10; 32]), fault });
    node.dials.clear();
    let told = PeerAddress { peer: PeerId([10; 32]), address: "/node/10".into() };
    node.hears(stranger(1), Message::Addresses(vec![told]));
    node.waits(30);
    assert!(node.dials.is_empty(), "{:?}", node.dials);
}

#[test]
fn who_is_known_is_kept_for_the_next_start() {
    let mut node = Node::new(1);
    node.asks(Request::Register(vec![registration(10)]));
    node.waits(21);
    assert_eq!(node.kept_peers, Some(vec![PeerAddress { peer: PeerId([10; 32]), address: "/node/10".into() }]));
}
