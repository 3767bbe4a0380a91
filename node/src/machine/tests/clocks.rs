//! What a system clock that is set forward or back does: it dates and judges blocks, and nothing else.

use shared::wire::{MAX_HEADERS, Message};

use super::{
    branch::{Branch, announcement, key},
    conversation::{Node, stranger},
};
use crate::machine::{effect::Reply, event::Request};

const HOUR: i64 = 3_600;

#[test]
fn deadlines_do_not_move_with_the_system_clock() {
    for (before, after) in [(5 * HOUR, 0), (0, -5 * HOUR), (0, 5 * HOUR)] {
        let mut node = Node::new(1);
        node.clock_ahead = before;
        node.greets_silently(stranger(1));
        node.waits(1);
        node.clock_ahead = after;
        node.waits(8);
        assert!(node.keeps(stranger(1)), "from {before} to {after}");
        node.waits(2);
        assert!(!node.keeps(stranger(1)), "from {before} to {after}");
    }
}

#[test]
fn a_stalled_download_goes_on_elsewhere_after_the_clock_was_set_back() {
    let mut branch = Branch::of(&key(101));
    branch.grow(3);
    let mut node = Node::new(1);
    node.clock_ahead = 5 * HOUR;
    for number in [1, 2] {
        node.meets_with(stranger(number), &branch);
        node.learns_headers(stranger(number), &branch.headers());
    }
    assert_eq!(node.asked_of(stranger(1)).len(), 3);
    node.clock_ahead = 0;
    node.waits(11);
    assert_eq!(node.asked_of(stranger(2)).len(), 3);
}

#[test]
fn blocks_are_judged_by_the_clock_as_it_is_now() {
    let mut branch = Branch::of(&key(101));
    let block = branch.grow(1);
    let mut node = Node::new(1);
    let right = i64::from(block.header().time.0) - (node.now.0 / 1_000) as i64;
    node.meets(stranger(1));
    // Whatever the clock said before.
    node.clock_ahead = 5 * HOUR;
    node.waits(1);
    node.clock_ahead = right - HOUR;
    node.hears(stranger(1), Message::Announce(announcement(&block)));
    assert_eq!(node.height(), 0, "it lies an hour ahead");
    assert!(node.keeps(stranger(1)), "which is no fault");
    node.clock_ahead = right;
    node.hears(stranger(1), Message::Announce(announcement(&block)));
    assert_eq!(node.tip(), block.hash());
}

/// A node that mined while its clock was ahead cannot go on from there before that time has come. Who
/// asks for a block is told so, and does not wait for ever.
#[test]
fn a_miner_whose_clock_was_set_back_says_why_it_mines_nothing() {
    let mut node = Node::new(1);
    node.clock_ahead = 3 * HOUR;
    for _ in 0..12 {
        node.asks(Request::Mine { height: None });
        node.proves();
    }
    assert_eq!(node.height(), 12);
    node.clock_ahead = 0;
    let request = node.asks(Request::Mine { height: None });
    node.proves();
    assert!(node.refusal(request).contains("ahead of"), "{}", node.refusal(request));
    assert_eq!(node.height(), 12);
    node.clock_ahead = 3 * HOUR;
    let request = node.asks(Request::Mine { height: None });
    node.proves();
    assert!(matches!(node.reply(request), Some(Reply::Mined(_))));
}

/// Honest peers give it the same headers each time it asks, and it can take none of them.
#[test]
fn a_node_whose_clock_is_slow_does_not_ask_for_headers_without_pause() {
    let mut branch = Branch::of(&key(101));
    branch.grow(MAX_HEADERS);
    let mut node = Node::new(1);
    node.clock_ahead = -200_000 - HOUR;
    node.meets_with(stranger(1), &branch);
    let mut asked = 0;
    while node.said_to(stranger(1)).iter().any(|said| matches!(said, Message::GetHeaders { .. })) && asked < 10 {
        asked += 1;
        node.learns_headers(stranger(1), &branch.headers());
    }
    assert_eq!(asked, 1);
    assert!(node.keeps(stranger(1)), "which is no fault");
}
