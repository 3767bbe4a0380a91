//! Peers that break the rules, and what honest ones do about it.

use super::{
    super::{
        branch::{Branch, key},
        conversation::{Node, elapse, exchange},
    },
    set,
};
use crate::machine::{
    event::Request,
    strategy::{Lie, Strategy},
};

#[test]
fn whoever_announces_blocks_that_pay_too_much_is_banned() {
    let (mut liar, mut honest) = (Node::new(1), Node::new(2));
    liar.connect_to(&mut honest);
    exchange(&mut [&mut liar, &mut honest]);
    set(&mut liar, Strategy::Liar { what: Lie::InvalidBlocks });
    let request = liar.asks(Request::Mine { height: None });
    exchange(&mut [&mut liar, &mut honest]);
    liar.proves();
    assert!(liar.refusal(request).contains("reward"), "{}", liar.refusal(request));
    exchange(&mut [&mut liar, &mut honest]);
    assert!(honest.has_banned(liar.peer));
    assert_eq!((liar.height(), honest.height()), (0, 0));
}

#[test]
fn whoever_gives_no_blocks_is_let_go_and_not_waited_for() {
    let mut branch = Branch::of(&key(101));
    branch.grow(3);
    let (mut liar, mut honest) = (Node::new(1), Node::new(2));
    set(&mut liar, Strategy::Liar { what: Lie::WithheldBodies });
    liar.takes(&branch.blocks);
    liar.connect_to(&mut honest);
    elapse(&mut [&mut liar, &mut honest], 200);
    assert_eq!(honest.height(), 0);
    assert!(honest.partings.iter().any(|(_, reason)| reason.contains("in time")), "{:?}", honest.partings);
}

#[test]
fn whoever_asks_without_end_is_let_go() {
    let (mut liar, mut honest) = (Node::new(1), Node::new(2));
    set(&mut liar, Strategy::Liar { what: Lie::Floods });
    liar.connect_to(&mut honest);
    elapse(&mut [&mut liar, &mut honest], 3);
    assert!(honest.partings.iter().any(|(_, reason)| reason.contains("more than any peer")), "{:?}", honest.partings);
    set(&mut liar, Strategy::Honest);
    liar.waits(2);
    let wakes = liar.wakes;
    liar.waits(10);
    assert!(liar.wakes - wakes < 20, "it goes on: {}", liar.wakes - wakes);
}
