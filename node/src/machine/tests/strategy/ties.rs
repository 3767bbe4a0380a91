//! Which of two tips with equal work is taken.

use shared::{Address, wire::Message};

use super::{
    super::{
        branch::{Branch, announcement, key},
        conversation::{Node, stranger},
    },
    journal, node_with,
};
use crate::machine::{event::Request, journal::ChainEvent, strategy::Tie};

#[test]
fn of_two_equal_tips_the_preferred_miners_is_taken_once() {
    let (plain, liked) = (Address::of(&key(101)), Address::of(&key(102)));
    for depth in [1, 3] {
        let branch = |miner: u8, grown: usize| {
            let mut branch = Branch::of(&key(miner));
            branch.grow(grown);
            branch
        };
        let (first, second, third) = (branch(101, depth), branch(102, depth), branch(103, depth));

        let mut node = node_with(1, |config| config.tie = Tie::Prefer(liked));
        node.takes(&first.blocks);
        node.takes(&second.blocks);
        assert_eq!(node.tip(), second.tip(), "depth {depth}");
        node.takes(&third.blocks);
        node.takes(&first.blocks);
        assert_eq!(node.tip(), second.tip(), "never back");
        let told = journal(&node, 1);
        assert_eq!(told.iter().filter(|event| matches!(event, ChainEvent::Disconnected { .. })).count(), depth);

        let mut node = Node::new(1);
        node.takes(&first.blocks);
        node.takes(&second.blocks);
        assert_eq!(node.tip(), first.tip(), "whoever prefers nobody keeps the first");
        node.asks(Request::SetStrategy { strategy: None, tie: Some(Tie::Prefer(plain)) });
        node.takes(&third.blocks);
        assert_eq!(node.tip(), first.tip());
    }
}

/// What makes up γ: a node that prefers the attacker's block passes it on, one that does not does not.
#[test]
fn a_preferred_tip_is_taken_from_an_announcement_and_passed_on() {
    for (prefers, taken) in [(true, true), (false, false)] {
        let (ours, theirs) = (Branch::of(&key(101)).grow(1), Branch::of(&key(102)).grow(1));
        let mut node = node_with(1, |config| {
            config.tie = if prefers { Tie::Prefer(Address::of(&key(102))) } else { Tie::FirstSeen };
        });
        node.meets(stranger(1));
        node.meets(stranger(2));
        node.hears(stranger(1), Message::Announce(announcement(&ours)));
        node.asks(Request::SetMining(true));
        node.waits(3);
        node.said_to(stranger(2));
        node.hears(stranger(1), Message::Announce(announcement(&theirs)));
        assert_eq!(node.tip() == theirs.hash(), taken);
        assert_eq!(node.said_to(stranger(2)).contains(&Message::Announce(announcement(&theirs))), taken);
        assert_eq!(node.proves().header().previous, if taken { theirs.hash() } else { ours.hash() });
    }
}
