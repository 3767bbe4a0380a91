//! Who keeps a place when all for accepted peers are taken.

use shared::wire::{Message, PeerId};

use super::{
    branch::{Branch, announcement, key, note},
    conversation::{Node, stranger},
};
use crate::machine::config::MAX_INBOUND;

/// A node all of whose places are taken by strangers that say hello and nothing else, a second apart.
fn full_of_idle_ones() -> Node {
    let mut node = Node::new(1);
    for number in 0..MAX_INBOUND as u8 {
        node.meets(stranger(number));
        node.waits(1);
    }
    node
}

fn newcomer(number: u8) -> PeerId {
    stranger(100 + number)
}

#[test]
fn idle_strangers_cannot_keep_others_out() {
    let mut node = full_of_idle_ones();
    for number in 0..20 {
        node.waits(10);
        node.meets(newcomer(number));
        assert!(node.keeps(newcomer(number)), "newcomer {number}");
    }
    assert_eq!(node.partings.len(), 20);
    assert!((0..20).all(|number| node.keeps(newcomer(number))), "newcomers pushed out newcomers");
    assert!((0..8).all(|number| node.keeps(stranger(number))), "those who were here longest stay");
}

#[test]
fn of_many_that_come_at_once_one_is_let_in() {
    let mut node = full_of_idle_ones();
    node.waits(10);
    (0..50).for_each(|number| node.meets(newcomer(number)));
    assert!(node.keeps(newcomer(0)));
    assert!((1..50).all(|number| !node.keeps(newcomer(number))));
    assert_eq!(node.partings.len(), 50);
    assert!(node.partings[1..].iter().all(|(_, why)| why == "32 peers are connected already"));
    node.waits(9);
    node.meets(newcomer(60));
    assert!(!node.keeps(newcomer(60)));
    node.waits(1);
    node.meets(newcomer(61));
    assert!(node.keeps(newcomer(61)));
}

/// Somebody connects again and again under new names, as often as it is let in and oftener.
#[test]
fn who_is_of_use_stays_whoever_else_comes_and_goes() {
    let mut branch = Branch::of(&key(101));
    branch.grow(1);
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    let dialled = stranger(200);
    node.reaches(dialled);
    let all: Vec<PeerId> = (0..MAX_INBOUND as u8).map(stranger).collect();
    all.iter().for_each(|peer| node.meets(*peer));
    // Ties are broken by name, so the first eight are those that were here longest.
    let (longest, rest) = all.split_at(8);
    let (miners, rest) = rest.split_at(8);
    let (payers, idle) = rest.split_at(4);
    let mut churn = 0_u8;
    for round in 0..24 {
        node.waits(12);
        let block = branch.grow(1);
        node.hears(miners[round % 8], Message::Announce(announcement(&block)));
        assert_eq!(node.tip(), block.hash(), "round {round}");
        node.hears(payers[round % 4], Message::Transactions(vec![note(&key(101), round as u64, 8, 0)]));
        // Everybody is given the time to be of use once.
        for _ in 0..if round < 8 { 0 } else { 5 } {
            churn = churn.wrapping_add(1);
            node.meets(PeerId([churn; 32]));
            node.waits(2);
        }
    }
    assert_eq!(node.partings.iter().filter(|(peer, _)| all.contains(peer)).count(), idle.len());
    for peer in longest.iter().chain(miners).chain(payers).chain([&dialled]) {
        assert!(node.keeps(*peer));
    }
    assert!(idle.iter().all(|peer| !node.keeps(*peer)));
}

#[test]
fn one_that_gives_something_now_and_then_outlives_those_that_give_nothing() {
    let mut branch = Branch::of(&key(101));
    branch.grow(1);
    let mut node = full_of_idle_ones();
    node.takes(&branch.blocks);
    let honest = newcomer(0);
    node.waits(10);
    node.meets(honest);
    for round in 0..30 {
        if round % 8 == 0 {
            node.hears(honest, Message::Transactions(vec![note(&key(101), round / 8, 8, 0)]));
        }
        node.waits(10);
        node.meets(newcomer(1 + round as u8));
    }
    assert!(node.keeps(honest));
    assert_eq!(node.partings.len(), 31);
}

#[test]
fn the_same_events_let_the_same_ones_go() {
    let gone = || {
        let mut node = full_of_idle_ones();
        for number in 0..30 {
            node.waits(10);
            node.meets(newcomer(number));
        }
        node.partings
    };
    assert_eq!(gone(), gone());
}
