//! Peers that lie, withhold and flood. None of them may stop a node from following honest ones, make it
//! hold ever more, or get an honest peer banned.

use shared::{
    Amount, TxId, Work,
    wire::{Hello, MAX_HEADERS, Message},
};

use super::{
    branch::{Branch, announcement, key, note},
    conversation::{Node, exchange, hello_of, stranger},
};
use crate::machine::{chain::MAX_HEADERS_AHEAD, event::Request};

fn chain(length: usize) -> Branch {
    let mut branch = Branch::of(&key(101));
    branch.grow(length);
    branch
}

/// A better chain whose top is spoilt: the honest peer has only the part that is right.
#[test]
fn an_honest_peer_does_not_answer_for_blocks_that_another_one_sent() {
    let mut honest_part = chain(2);
    let mut whole = honest_part.clone();
    let mut cheat = whole.draft(Vec::new());
    cheat.coinbase.reward = Amount::new(1).unwrap();
    whole.push(cheat.checked());
    let (honest, liar) = (stranger(1), stranger(2));
    let mut node = Node::new(1);
    // The honest peer is asked for everything it has, the liar for the rest.
    node.meets_with(honest, &honest_part);
    node.learns_headers(honest, &honest_part.headers());
    node.meets_with(liar, &whole);
    node.learns_headers(liar, &whole.headers());
    assert_eq!(node.asked_of(liar), [whole.tip()]);
    node.hears(liar, Message::Blocks(vec![whole.blocks[2].to_block()]));
    let blocks = honest_part.blocks.iter().map(|block| block.to_block()).collect();
    node.hears(honest, Message::Blocks(blocks));
    assert_eq!(node.tip(), honest_part.tip());
    assert!(!node.has_banned(honest), "the honest peer was banned");
    assert!(node.has_banned(liar), "the liar was not");
    assert_eq!(node.machine.sync.missing(), 0);
    let block = honest_part.grow(1);
    node.hears(honest, Message::Announce(announcement(&block)));
    assert_eq!(node.tip(), block.hash());
}

/// Blocks that nobody asked for are no answer.
#[test]
fn a_peer_that_answers_with_other_blocks_does_not_hold_the_node_up() {
    let branch = chain(20);
    let (liar, honest) = (stranger(1), stranger(2));
    let mut node = Node::new(1);
    let mut longer = branch.clone();
    longer.grow(1);
    for (peer, branch) in [(liar, &longer), (honest, &branch)] {
        node.meets_with(peer, branch);
        node.learns_headers(peer, &branch.headers());
    }
    for _ in 0..50 {
        if !node.keeps(liar) || node.asked_of(liar).is_empty() {
            break;
        }
        node.hears(liar, Message::Blocks(vec![branch.blocks[19].to_block()]));
        let asked = node.asked_of(honest);
        let blocks = branch.blocks.iter().filter(|block| asked.contains(&block.hash()));
        node.hears(honest, Message::Blocks(blocks.map(|block| block.to_block()).collect()));
    }
    assert_eq!(node.tip(), branch.tip());
    assert!(!node.has_banned(honest));
}

#[test]
fn a_peer_that_gives_all_but_the_first_block_is_no_source_any_more() {
    let branch = chain(20);
    let (liar, honest) = (stranger(1), stranger(2));
    let mut node = Node::new(1);
    for peer in [liar, honest] {
        node.meets_with(peer, &branch);
        node.learns_headers(peer, &branch.headers());
    }
    let rest = branch.blocks[1..].iter().map(|block| block.to_block()).collect();
    node.hears(liar, Message::Blocks(rest));
    assert!(node.asked_of(honest).contains(&branch.blocks[0].hash()));
    node.hears(honest, Message::Blocks(vec![branch.blocks[0].to_block()]));
    assert_eq!(node.tip(), branch.tip());
}

/// Small blocks fit one answer, so who sends them one by one is slow on purpose.
#[test]
fn a_peer_that_trickles_is_let_go() {
    let branch = chain(20);
    let mut node = Node::new(1);
    node.meets_with(stranger(1), &branch);
    node.learns_headers(stranger(1), &branch.headers());
    for block in &branch.blocks[..4] {
        node.waits(4);
        node.hears(stranger(1), Message::Blocks(vec![block.to_block()]));
    }
    assert!(!node.keeps(stranger(1)) && node.bans.is_empty());
    assert_eq!(node.height(), 4, "what came is kept");
}

/// A false list of ids says nothing against the header.
#[test]
fn an_announcement_with_too_many_transactions_does_not_hide_the_block() {
    let mut branch = chain(2);
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    let many: Vec<_> = (0..40).map(|nonce| note(&key(101), nonce, 32_000, 0)).collect();
    for transaction in &many {
        node.meets(stranger(1));
        node.hears(stranger(1), Message::Transactions(vec![transaction.clone()]));
    }
    let block = branch.grow(1);
    let mut false_ids = announcement(&block);
    false_ids.transactions = many.iter().map(|transaction| transaction.id()).collect();
    node.meets_with(stranger(2), &branch);
    node.learns_headers(stranger(2), &[*block.header()]);
    node.hears(stranger(1), Message::Announce(false_ids));
    assert!(node.has_banned(stranger(1)));
    node.hears(stranger(2), Message::Blocks(vec![block.to_block()]));
    assert_eq!(node.tip(), block.hash());
}

#[test]
fn the_same_block_twice_in_an_answer_is_counted_once() {
    let branch = chain(3);
    let mut node = Node::new(1);
    node.meets_with(stranger(1), &branch);
    node.learns_headers(stranger(1), &branch.headers());
    let twice = vec![branch.blocks[1].to_block(), branch.blocks[1].to_block(), branch.blocks[0].to_block()];
    node.hears(stranger(1), Message::Blocks(twice));
    assert_eq!(node.machine.sync.held(), 0);
}

/// Easy headers are cheap to make near the genesis block, so many of them must not keep better ones out.
#[test]
fn a_flood_of_headers_with_little_work_does_not_keep_a_node_from_following() {
    let mut ours = chain(200);
    let mut node = Node::new(1);
    node.takes(&ours.blocks);
    for number in 1..=12 {
        let mut junk = Branch::of(&key(number));
        junk.grow(150);
        node.meets_with(stranger(number), &junk);
        node.hears(stranger(number), Message::Headers(junk.headers()));
        for block in junk.blocks.iter().rev().take(3).rev() {
            node.hears(stranger(number), Message::Announce(announcement(block)));
        }
    }
    assert!(node.machine.chain.headers_ahead() <= 12, "{} are kept", node.machine.chain.headers_ahead());
    node.meets_with(stranger(100), &ours);
    let block = ours.grow(1);
    node.hears(stranger(100), Message::Announce(announcement(&block)));
    assert_eq!(node.tip(), block.hash());
}

/// Announced headers take the same room as those that were asked for.
#[test]
fn a_flood_of_announcements_does_not_fill_the_memory() {
    let mut node = Node::new(1);
    node.takes(&chain(1).blocks);
    node.meets(stranger(1));
    let draft = Branch::of(&key(102)).draft(Vec::new());
    for number in 0..10_010_u32 {
        let mut draft = draft.clone();
        draft.coinbase.extra = number.to_le_bytes().to_vec();
        let mut lacking = announcement(&draft.checked());
        lacking.transactions = vec![TxId([7; 32])];
        node.hears(stranger(1), Message::Announce(lacking));
    }
    assert_eq!(node.machine.chain.headers_ahead(), MAX_HEADERS_AHEAD / 2);
}

/// A newcomer that one peer feeds with headers as far as it takes any, and no blocks, must still get
/// the honest chain from another.
#[test]
fn a_newcomer_whose_room_for_headers_is_full_of_a_liars_gets_the_honest_chain() {
    let mut junk = Branch::of(&key(102));
    junk.grow(21_000);
    let mut honest = Branch::of(&key(103));
    honest.grow(21_100);
    let (mut alice, mut bob) = (Node::new(1), Node::new(2));
    bob.takes(&honest.blocks);
    let liar = stranger(1);
    alice.meets_with(liar, &junk);
    for part in junk.headers().chunks(MAX_HEADERS) {
        alice.hears(liar, Message::Headers(part.to_vec()));
    }
    alice.connect_to(&mut bob);
    for _ in 0..120 {
        exchange(&mut [&mut alice, &mut bob]);
        alice.waits(1);
        bob.waits(1);
    }
    assert_eq!(alice.height(), 21_100, "with {} headers ahead", alice.machine.chain.headers_ahead());
    assert!(!alice.has_banned(bob.peer));
}

/// Forgetting a long refused branch is one pass, not one for each header.
#[test]
fn a_long_branch_on_a_spoilt_block_is_dropped_quickly() {
    let mut branch = Branch::of(&key(102));
    let mut cheat = branch.draft(Vec::new());
    cheat.coinbase.reward = Amount::new(1).unwrap();
    branch.push(cheat.checked());
    branch.grow(15_000);
    let mut node = Node::new(1);
    node.reaches(stranger(1));
    node.hears(stranger(1), Message::Announce(announcement(&branch.blocks[1])));
    for part in branch.headers().chunks(MAX_HEADERS) {
        node.hears(stranger(1), Message::Headers(part.to_vec()));
    }
    assert_eq!(node.machine.chain.headers_ahead(), 15_001);
    node.hears(stranger(1), Message::Blocks(vec![branch.blocks[0].to_block()]));
    assert_eq!(node.machine.chain.headers_ahead(), 0);
    assert!(node.has_banned(stranger(1)));
}

/// Full answers that lead no further are not asked for again and again.
#[test]
fn a_peer_that_always_sends_the_same_headers_is_not_asked_for_ever() {
    let branch = chain(MAX_HEADERS);
    let mut node = Node::new(1);
    node.meets_with(stranger(1), &branch);
    let mut answers = 0;
    while node.said_to(stranger(1)).iter().any(|message| matches!(message, Message::GetHeaders { .. })) {
        answers += 1;
        assert!(answers < 10, "asked {answers} times");
        node.hears(stranger(1), Message::Headers(branch.headers()));
    }
}

#[test]
fn a_claim_of_much_work_without_headers_leads_nowhere_and_does_no_harm() {
    let branch = chain(3);
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    let boaster = stranger(1);
    node.greets_silently(boaster);
    node.hears(boaster, Message::Hello(Hello { work: Work::from(u64::MAX), ..hello_of(boaster) }));
    node.hears(boaster, Message::Headers(Vec::new()));
    let mine = node.asks(Request::Mine { height: None });
    assert!(node.job.is_none(), "peers are asked first");
    node.hears(boaster, Message::Headers(Vec::new()));
    assert!(node.job.is_some());
    node.proves();
    assert!(node.reply(mine).is_some());
    // It said it is ahead, and once that is disproved it is told of blocks like anybody else.
    let told = node.said_to(boaster);
    assert!(told.iter().any(|message| matches!(message, Message::Announce(_))), "{told:?}");
}

#[test]
fn unasked_answers_are_not_heard() {
    let branch = chain(3);
    let mut node = Node::new(1);
    node.meets(stranger(1));
    let ids: Vec<_> = vec![note(&key(1), 0, 1, 0)];
    for message in [
        Message::Headers(branch.headers()),
        Message::Blocks(branch.blocks.iter().map(|block| block.to_block()).collect()),
        Message::BlockTransactions { block: branch.tip(), transactions: ids },
    ] {
        node.hears(stranger(1), message);
    }
    assert_eq!(node.height(), 0);
    assert_eq!(node.machine.chain.headers_ahead(), 0);
    assert!(node.keeps(stranger(1)));
}

#[test]
fn words_from_a_peer_that_is_gone_are_not_heard() {
    let branch = chain(1);
    let mut node = Node::new(1);
    node.meets(stranger(1));
    node.loses(stranger(1));
    node.hears(stranger(1), Message::Announce(announcement(&branch.blocks[0])));
    assert_eq!(node.height(), 0);
}
