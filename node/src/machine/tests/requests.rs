//! What users ask: every request has exactly one reply, whatever happens meanwhile.

use shared::wire::{Message, NodeId, PeerId};

use super::{
    branch::{Branch, announcement, checked, key, note},
    conversation::{Node, exchange, stranger},
};
use crate::machine::{
    effect::Reply,
    event::{Event, Registration, Request},
};

fn chain(length: usize) -> Branch {
    let mut branch = Branch::of(&key(101));
    branch.grow(length);
    branch
}

#[test]
fn a_chain_of_another_node_is_adopted_without_any_peer() {
    let branch = chain(30);
    let mut node = Node::new(1);
    let mut whole = vec![super::branch::network().genesis().clone()];
    whole.extend(branch.blocks.iter().cloned());
    let request = node.asks(Request::ReplaceChain(whole.clone()));
    assert!(matches!(node.reply(request), Some(Reply::Resolved { changed: true, .. })));
    assert_eq!(node.tip(), branch.tip());
    let request = node.asks(Request::ReplaceChain(whole));
    assert!(matches!(node.reply(request), Some(Reply::Resolved { changed: false, .. })), "our own chain is no fault");
}

#[test]
fn a_chain_from_the_fork_on_is_enough_and_its_losers_return() {
    let trunk = chain(3);
    let (mut ours, mut theirs) = (trunk.clone(), trunk.fork(&key(102)));
    let payment = note(&key(101), 0, 5, 0);
    ours.grow_with(vec![payment.clone()]);
    theirs.grow(2);
    let mut node = Node::new(1);
    node.takes(&ours.blocks);
    let request = node.asks(Request::ReplaceChain(theirs.blocks[3..].to_vec()));
    assert!(matches!(node.reply(request), Some(Reply::Resolved { changed: true, .. })));
    assert_eq!(node.pooled(), 1);
}

#[test]
fn a_chain_may_begin_on_a_stored_side_branch() {
    let trunk = chain(1);
    let (mut ours, mut theirs) = (trunk.fork(&key(103)), trunk.fork(&key(102)));
    ours.grow(2);
    theirs.grow(3);
    let mut node = Node::new(1);
    node.takes(&ours.blocks);
    node.takes(&theirs.blocks[1..2]);
    let request = node.asks(Request::ReplaceChain(theirs.blocks[2..].to_vec()));
    assert!(matches!(node.reply(request), Some(Reply::Resolved { changed: true, .. })));
    assert_eq!(node.tip(), theirs.tip());
}

#[test]
fn an_adopted_chain_is_passed_on_and_ends_a_download_of_the_same() {
    let branch = chain(30);
    let mut node = Node::new(1);
    node.meets_with(stranger(1), &branch);
    node.learns_headers(stranger(1), &branch.headers());
    node.meets(stranger(2));
    node.said_to(stranger(2));
    node.asks(Request::ReplaceChain(branch.blocks.clone()));
    assert_eq!(node.tip(), branch.tip());
    assert_eq!(node.machine.sync.missing(), 0);
    assert!(node.said_to(stranger(2)).contains(&Message::Announce(announcement(branch.blocks.last().unwrap()))));
}

#[test]
fn a_block_handed_in_before_its_parent_is_taken_once_the_peers_gave_that() {
    let branch = chain(3);
    let (mut alice, mut bob) = (Node::new(1), Node::new(2));
    alice.connect_to(&mut bob);
    exchange(&mut [&mut alice, &mut bob]);
    bob.takes(&branch.blocks[..2]);
    bob.said_to(alice.peer);
    let request = alice.asks(Request::SubmitBlock(branch.blocks[2].clone()));
    assert!(alice.reply(request).is_none());
    exchange(&mut [&mut alice, &mut bob]);
    assert!(matches!(alice.reply(request), Some(Reply::Resolved { changed: true, .. })), "{:?}", alice.reply(request));
    assert_eq!(alice.tip(), branch.tip());
}

#[test]
fn a_block_whose_parent_nobody_has_is_refused_in_the_end() {
    let branch = chain(3);
    let mut node = Node::new(1);
    let request = node.asks(Request::SubmitBlock(branch.blocks[2].clone()));
    assert!(node.refusal(request).contains("not known here"), "{}", node.refusal(request));
}

#[test]
fn word_of_a_block_brings_the_chain_up_to_date() {
    let branch = chain(3);
    let (mut alice, mut bob) = (Node::new(1), Node::new(2));
    alice.connect_to(&mut bob);
    exchange(&mut [&mut alice, &mut bob]);
    bob.takes(&branch.blocks);
    bob.said_to(alice.peer);
    let request = alice.asks(Request::NoteBlock { hash: branch.tip() });
    exchange(&mut [&mut alice, &mut bob]);
    assert!(matches!(alice.reply(request), Some(Reply::Resolved { changed: true, tip, .. }) if *tip == branch.tip()));
    let known = alice.asks(Request::NoteBlock { hash: branch.blocks[0].hash() });
    assert!(matches!(alice.reply(known), Some(Reply::Resolved { changed: false, .. })));
}

fn every_request(branch: &Branch) -> Vec<Request> {
    let registration =
        Registration { node: None, http: String::new(), peer: Some(PeerId([77; 32])), addresses: vec!["/a".into()] };
    vec![
        Request::Mine { height: None },
        Request::SetMining(false),
        Request::Resolve,
        Request::NoteBlock { hash: shared::BlockHash([1; 32]) },
        Request::SubmitBlock(branch.blocks[0].clone()),
        Request::SubmitBlock(branch.blocks[2].clone()),
        Request::ReplaceChain(branch.blocks.clone()),
        Request::ReplaceChain(Vec::new()),
        Request::Register(vec![registration]),
        Request::Unregister(NodeId([1; 32])),
        Request::Unregister(NodeId([99; 32])),
        Request::SubmitTransaction(checked(note(&key(101), 0, 4, 0))),
        Request::SubmitTransaction(checked(note(&key(101), 9, 4, 0))),
        Request::Status,
        Request::Pending,
        Request::Outlook(branch.miner),
    ]
}

/// In the worst company: one silent peer, one that leaves, one that is banned in the middle.
#[test]
fn every_request_is_answered_exactly_once() {
    let branch = chain(3);
    for (index, request) in every_request(&branch).into_iter().enumerate() {
        for with_peers in [false, true] {
            let mut node = Node::new(1);
            if with_peers {
                (1..=3).for_each(|number| node.meets_with(stranger(number), &branch));
            }
            let id = node.asks(request.clone());
            let same = node.asks(request.clone());
            if with_peers {
                node.loses(stranger(2));
                let fault = crate::machine::peers::Fault::Garbage("x".into());
                node.handle(Event::Misbehaved { peer: stranger(3), fault });
            }
            node.waits(60);
            if node.job.is_some() {
                node.proves();
            }
            assert!(node.reply(id).is_some(), "request {index}, peers: {with_peers}");
            assert!(node.reply(same).is_some(), "request {index} again, peers: {with_peers}");
        }
    }
}

#[test]
fn registered_peers_are_dialled_and_counted_once() {
    let mut node = Node::new(1);
    let own = Registration {
        node: Some(NodeId([1; 32])),
        http: String::new(),
        peer: Some(node.peer),
        addresses: vec!["/node/1".into()],
    };
    let other = Registration {
        node: Some(NodeId([2; 32])),
        http: "http://node-2".into(),
        peer: Some(PeerId([2; 32])),
        addresses: vec!["/node/2".into()],
    };
    let request = node.asks(Request::Register(vec![own, other.clone(), other]));
    assert!(matches!(node.reply(request), Some(Reply::Registered { new: 1 })));
    assert_eq!(node.dials, [(Some(PeerId([2; 32])), vec!["/node/2".to_owned()])]);
}
