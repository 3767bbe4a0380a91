//! Catching up: headers first, bodies from several peers, and whoever stalls is replaced.

use shared::wire::{MAX_BLOCKS, MAX_HEADERS, Message};

use super::{
    branch::{Branch, announcement, key, note},
    conversation::{Node, elapse, exchange, stranger},
};

fn chain(length: usize) -> Branch {
    let mut branch = Branch::of(&key(101));
    branch.grow(length);
    branch
}

#[test]
fn a_newcomer_catches_up_with_a_chain_longer_than_one_message() {
    let branch = chain(MAX_HEADERS + 500);
    let (mut alice, mut bob) = (Node::new(1), Node::new(2));
    alice.takes(&branch.blocks);
    alice.connect_to(&mut bob);
    exchange(&mut [&mut alice, &mut bob]);
    assert_eq!(bob.tip(), alice.tip());
    assert_eq!(bob.machine.sync.missing(), 0);
}

#[test]
fn bodies_come_from_all_peers_that_have_them() {
    let branch = chain(3 * MAX_BLOCKS);
    let mut node = Node::new(1);
    for number in 1..=3 {
        node.meets_with(stranger(number), &branch);
        node.learns_headers(stranger(number), &branch.headers());
    }
    // The first was asked when it was alone.
    for number in 1..=3 {
        assert_eq!(node.asked_of(stranger(number)).len(), MAX_BLOCKS, "stranger {number}");
    }
}

#[test]
fn bodies_in_any_order_are_put_together() {
    let branch = chain(3 * MAX_BLOCKS);
    let mut node = Node::new(1);
    for number in 1..=3 {
        node.meets_with(stranger(number), &branch);
        node.learns_headers(stranger(number), &branch.headers());
    }
    for number in [3, 2, 1] {
        answer(&mut node, number, &branch);
    }
    assert_eq!(node.tip(), branch.tip());
    assert_eq!(node.machine.sync.held(), 0);
}

/// A stranger answers honestly what it was asked for.
fn answer(node: &mut Node, number: u8, branch: &Branch) {
    let asked = node.asked_of(stranger(number));
    let blocks = branch.blocks.iter().filter(|block| asked.contains(&block.hash()));
    let blocks = blocks.map(|block| block.to_block()).collect();
    node.hears(stranger(number), Message::Blocks(blocks));
}

#[test]
fn a_stalled_peer_is_replaced() {
    let branch = chain(20);
    let mut node = Node::new(1);
    let (slow, quick) = (stranger(1), stranger(2));
    node.meets_with(slow, &branch);
    node.learns_headers(slow, &branch.headers());
    assert_eq!(node.asked_of(slow).len(), 20);
    node.meets_with(quick, &branch);
    node.learns_headers(quick, &branch.headers());
    assert!(node.asked_of(quick).is_empty(), "all is asked for already");
    node.waits(11);
    answer(&mut node, 2, &branch);
    assert_eq!(node.tip(), branch.tip());
    assert!(node.bans.is_empty());
}

#[test]
fn a_peer_that_leaves_is_replaced_at_once() {
    let branch = chain(20);
    let mut node = Node::new(1);
    for number in [1, 2] {
        node.meets_with(stranger(number), &branch);
        node.learns_headers(stranger(number), &branch.headers());
    }
    node.loses(stranger(1));
    answer(&mut node, 2, &branch);
    assert_eq!(node.tip(), branch.tip());
}

#[test]
fn a_connection_that_replaces_another_of_the_same_peer_begins_anew() {
    let branch = chain(20);
    let mut node = Node::new(1);
    for _ in 0..2 {
        node.meets_with(stranger(1), &branch);
        node.learns_headers(stranger(1), &branch.headers());
    }
    answer(&mut node, 1, &branch);
    assert_eq!(node.tip(), branch.tip());
}

#[test]
fn an_honest_answer_that_stops_at_its_size_is_continued() {
    let mut branch = chain(2);
    for block in 0..12 {
        branch.grow_with((0..30).map(|nonce| note(&key(101), 30 * block + nonce, 32_000, 0)).collect());
    }
    let (mut alice, mut bob) = (Node::new(1), Node::new(2));
    alice.takes(&branch.blocks);
    alice.connect_to(&mut bob);
    exchange(&mut [&mut alice, &mut bob]);
    elapse(&mut [&mut alice, &mut bob], 1);
    assert_eq!(bob.tip(), branch.tip());
    assert!(bob.partings.is_empty());
}

#[test]
fn a_fork_deeper_than_one_message_of_headers_is_followed_to_its_end() {
    let trunk = chain(10);
    let (mut ours, mut theirs) = (trunk.fork(&key(102)), trunk.fork(&key(103)));
    ours.grow(MAX_HEADERS + 300);
    theirs.grow(MAX_HEADERS + 301);
    let (mut alice, mut bob) = (Node::new(1), Node::new(2));
    alice.takes(&ours.blocks);
    bob.takes(&theirs.blocks);
    alice.connect_to(&mut bob);
    exchange(&mut [&mut alice, &mut bob]);
    elapse(&mut [&mut alice, &mut bob], 1);
    assert_eq!(alice.tip(), theirs.tip());
}

#[test]
fn a_deep_fork_that_several_peers_follow_is_followed_to_its_end() {
    let (mut ours, mut theirs) = (Branch::of(&key(102)), Branch::of(&key(103)));
    ours.grow(2 * MAX_HEADERS + 100);
    theirs.grow(2 * MAX_HEADERS + 102);
    let [mut alice, mut bob, mut cleo] = [1, 2, 3].map(Node::new);
    alice.takes(&ours.blocks);
    bob.takes(&theirs.blocks[..2 * MAX_HEADERS + 101]);
    cleo.takes(&theirs.blocks);
    alice.connect_to(&mut bob);
    alice.connect_to(&mut cleo);
    exchange(&mut [&mut alice, &mut bob, &mut cleo]);
    elapse(&mut [&mut alice, &mut bob, &mut cleo], 30);
    assert_eq!(alice.tip(), theirs.tip());
}

/// The next block may be announced while only the end of its branch is remembered.
#[test]
fn a_block_announced_on_a_surveyed_branch_does_not_lead_astray() {
    let (mut ours, mut theirs) = (Branch::of(&key(102)), Branch::of(&key(103)));
    ours.grow(MAX_HEADERS);
    theirs.grow(MAX_HEADERS + 1);
    let mut node = Node::new(1);
    node.takes(&ours.blocks);
    node.meets_with(stranger(1), &theirs);
    node.learns_headers(stranger(1), &theirs.headers()[..MAX_HEADERS]);
    node.hears(stranger(1), Message::Announce(announcement(theirs.blocks.last().unwrap())));
    node.learns_headers(stranger(1), &theirs.headers()[MAX_HEADERS..]);
    node.learns_headers(stranger(1), &theirs.headers()[..MAX_HEADERS]);
    node.learns_headers(stranger(1), &theirs.headers()[MAX_HEADERS..]);
    while node.tip() != theirs.tip() {
        let asked = node.asked_of(stranger(1));
        assert!(!asked.is_empty(), "at height {} with {} missing", node.height(), node.machine.sync.missing());
        let blocks = theirs.blocks.iter().filter(|block| asked.contains(&block.hash()));
        node.hears(stranger(1), Message::Blocks(blocks.map(|block| block.to_block()).collect()));
    }
}

/// However deep: while a branch has not shown more work than ours, its headers are not kept.
#[test]
fn a_fork_deeper_than_all_headers_that_are_kept_is_followed_to_its_end() {
    let (mut ours, mut theirs) = (Branch::of(&key(102)), Branch::of(&key(103)));
    ours.grow(24_000);
    theirs.grow(24_001);
    let (mut alice, mut bob) = (Node::new(1), Node::new(2));
    alice.takes(&ours.blocks);
    bob.takes(&theirs.blocks);
    alice.connect_to(&mut bob);
    exchange(&mut [&mut alice, &mut bob]);
    elapse(&mut [&mut alice, &mut bob], 30);
    assert_eq!(alice.height(), 24_001);
    assert_eq!(alice.tip(), theirs.tip());
    assert_eq!(alice.machine.chain.headers_ahead(), 0);
}

#[test]
fn two_equal_chains_leave_both_nodes_where_they_are_until_one_grows() {
    let (mut ours, mut theirs) = (Branch::of(&key(102)), Branch::of(&key(103)));
    ours.grow(5);
    theirs.grow(5);
    let (mut alice, mut bob) = (Node::new(1), Node::new(2));
    alice.takes(&ours.blocks);
    bob.takes(&theirs.blocks);
    alice.connect_to(&mut bob);
    exchange(&mut [&mut alice, &mut bob]);
    elapse(&mut [&mut alice, &mut bob], 60);
    assert_eq!([alice.tip(), bob.tip()], [ours.tip(), theirs.tip()]);
    let block = ours.grow(1);
    alice.takes(&[block]);
    exchange(&mut [&mut alice, &mut bob]);
    assert_eq!(bob.tip(), ours.tip());
}

#[test]
fn an_announcement_in_the_middle_of_catching_up_moves_the_goal() {
    let mut branch = chain(300);
    let mut node = Node::new(1);
    node.meets_with(stranger(1), &branch);
    node.learns_headers(stranger(1), &branch.headers());
    answer(&mut node, 1, &branch);
    let block = branch.grow(1);
    node.hears(stranger(1), Message::Announce(announcement(&block)));
    while node.tip() != branch.tip() {
        let before = node.height();
        answer(&mut node, 1, &branch);
        assert!(node.height() > before);
    }
}

#[test]
fn headers_whose_blocks_never_come_are_forgotten_with_their_peer() {
    let branch = chain(50);
    let mut node = Node::new(1);
    node.meets_with(stranger(1), &branch);
    node.learns_headers(stranger(1), &branch.headers());
    assert_eq!(node.machine.chain.headers_ahead(), 50);
    node.loses(stranger(1));
    node.waits(25);
    assert_eq!(node.machine.chain.headers_ahead(), 0);
    assert_eq!(node.machine.sync.missing(), 0);
}
