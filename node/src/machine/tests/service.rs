//! Serving peers: at full speed whoever catches up, and no more than that whoever only asks.

use std::time::Duration;

use shared::wire::{MAX_BLOCKS, MAX_HEADERS, Message, PeerId};

use super::{
    branch::{Branch, key, note},
    conversation::{Node, stranger},
};
use crate::machine::config::{SERVICE_AT_ONCE, SERVICE_RATE};

/// A node with so many small blocks, and somebody who asks it.
fn asked_for_small_blocks(count: usize) -> (Node, Branch, PeerId) {
    let mut branch = Branch::of(&key(101));
    branch.grow(count);
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    node.meets(stranger(1));
    node.said_to(stranger(1));
    (node, branch, stranger(1))
}

fn passes(node: &mut Node, millis: u64) {
    node.waits(0);
    node.now = node.now.after(Duration::from_millis(millis));
}

/// The first blocks of a branch, as a request.
fn some_blocks(branch: &Branch, count: usize) -> Message {
    Message::GetBlocks(branch.blocks[..count].iter().map(|block| block.hash()).collect())
}

fn all_headers(branch: &Branch) -> Message {
    Message::GetHeaders { locator: vec![branch.blocks[0].header().previous] }
}

#[test]
fn who_catches_up_with_20_000_small_blocks_a_second_is_never_kept_waiting() {
    let (mut node, branch, peer) = asked_for_small_blocks(MAX_HEADERS);
    let blocks = some_blocks(&branch, MAX_BLOCKS);
    for tenth in 0..50 {
        node.hears(peer, all_headers(&branch));
        assert!(matches!(&node.said_to(peer)[..], [Message::Headers(headers)] if headers.len() == MAX_HEADERS));
        for step in 0..2 {
            node.hears(peer, blocks.clone());
            let said = node.said_to(peer);
            let full = matches!(&said[..], [Message::Blocks(blocks)] if blocks.len() == MAX_BLOCKS);
            assert!(full, "after {tenth} tenths of a second, request {step}");
            passes(&mut node, 50);
        }
    }
}

/// Bytes of the blocks that somebody was sent.
fn sent(messages: &[Message]) -> usize {
    let blocks = messages.iter().map(|message| match message {
        Message::Blocks(blocks) => blocks.iter().map(|block| borsh::to_vec(block).unwrap().len()).sum(),
        _ => 0,
    });
    blocks.sum()
}

/// A node with one block of about a megabyte.
fn asked_for_a_large_block() -> (Node, Branch, PeerId) {
    let mut branch = Branch::of(&key(101));
    branch.grow(1);
    branch.grow_with((0..31).map(|nonce| note(&key(101), nonce, 32_000, 0)).collect());
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    node.meets(stranger(1));
    node.said_to(stranger(1));
    (node, branch, stranger(1))
}

#[test]
fn a_flood_of_requests_gets_little_and_ends_the_connection() {
    let (mut node, branch, peer) = asked_for_a_large_block();
    let large = Message::GetBlocks(vec![branch.tip()]);
    let mut requests = 0;
    while node.keeps(peer) {
        node.hears(peer, large.clone());
        requests += 1;
        assert!(requests < 100, "it may ask for ever");
    }
    let limit = SERVICE_AT_ONCE as usize + 1_048_576;
    assert!(sent(&node.said_to(peer)) <= limit);
    assert!(node.bans.is_empty());
    assert!(node.partings[0].1.contains("more than any peer is given"), "{}", node.partings[0].1);
    // Nobody else is kept waiting, and who comes back begins with little.
    node.meets(stranger(2));
    node.said_to(stranger(2));
    node.hears(stranger(2), large.clone());
    assert!(sent(&node.said_to(stranger(2))) > 0);
    node.meets(peer);
    node.said_to(peer);
    (0..20).for_each(|_| node.hears(peer, large.clone()));
    assert!(sent(&node.said_to(peer)) <= limit);
}

#[test]
fn who_always_asks_for_more_gets_no_more_than_the_rate_and_everything_in_order() {
    let (mut node, branch, peer) = asked_for_a_large_block();
    let (large, small) = (Message::GetBlocks(vec![branch.tip()]), some_blocks(&branch, 1));
    let (mut asked, mut answers, mut bytes) = (0, Vec::new(), 0);
    for _ in 0..1_000 {
        while asked < answers.len() + 10 {
            node.hears(peer, if asked % 2 == 0 { large.clone() } else { small.clone() });
            asked += 1;
        }
        node.waits(0);
        let said = node.said_to(peer);
        bytes += sent(&said);
        answers.extend(said.iter().map(|message| sent(std::slice::from_ref(message)) > 1_000));
        passes(&mut node, 10);
    }
    assert!(node.keeps(peer), "patience is no fault");
    let limit = SERVICE_AT_ONCE as usize + 10 * SERVICE_RATE as usize + 1_048_576;
    assert!(bytes <= limit && bytes > limit * 9 / 10, "{bytes} of {limit}");
    assert!((0..).zip(&answers).all(|(index, large)| (index % 2 == 0) == *large), "requests overtook one another");
}

/// What costs the node is what counts, not what it says.
#[test]
fn small_questions_about_large_things_are_not_free() {
    let (_, branch, _) = asked_for_a_large_block();
    let unknown: Vec<_> = (0..MAX_BLOCKS).map(|number| shared::BlockHash([(number % 251) as u8; 32])).collect();
    for (name, question, least) in [
        ("one transaction", Message::GetBlockTransactions { block: branch.tip(), positions: vec![0] }, 900_000),
        ("no transaction", Message::GetBlockTransactions { block: branch.tip(), positions: Vec::new() }, 900_000),
        ("blocks that are not here", Message::GetBlocks(unknown.clone()), 500_000),
        ("headers after nothing known", Message::GetHeaders { locator: unknown[..64].to_vec() }, 30_000),
        ("addresses", Message::GetAddresses, 500),
    ] {
        let (mut node, _, peer) = asked_for_a_large_block();
        let mut answers = 0;
        while node.keeps(peer) {
            node.hears(peer, question.clone());
            answers += node.said_to(peer).len();
            assert!(answers <= SERVICE_AT_ONCE as usize / least + 1, "{name}: {answers} answers at once");
        }
    }
}

#[test]
fn what_was_put_off_is_not_given_to_the_next_connection() {
    let (mut node, branch, peer) = asked_for_a_large_block();
    (0..12).for_each(|_| node.hears(peer, Message::GetBlocks(vec![branch.tip()])));
    node.loses(peer);
    node.meets(peer);
    node.said_to(peer);
    node.waits(5);
    assert_eq!(sent(&node.said_to(peer)), 0);
}
