//! Fork choice: which branch wins, and that what a lost branch did is undone without a trace.

use std::collections::BTreeSet;

use shared::{Address, Height};

use super::{
    branch::{Branch, key, pay},
    conversation::Node,
};
use crate::machine::{
    journal::ChainEvent,
    store::{ReadChain, Standing},
};

/// Everything that a store says of its active chain.
fn state(node: &Node, addresses: &[Address]) -> impl PartialEq + std::fmt::Debug + use<> {
    let store = node.machine.store();
    let active: Vec<_> = (0..=node.height() + 3).map(|height| store.hash_at(Height(height)).unwrap()).collect();
    let accounts: Vec<_> = addresses.iter().map(|address| store.account(address).unwrap()).collect();
    let undo: Vec<_> = active.iter().flatten().map(|hash| store.undo(hash).unwrap()).collect();
    (store.tip().unwrap(), store.log().unwrap(), active, accounts, undo)
}

#[test]
fn a_reorganisation_of_any_depth_leaves_the_state_of_a_node_that_saw_the_winner_alone() {
    for depth in [1, 3, 100] {
        let (ann, ben) = (key(101), key(102));
        let addresses = [Address::of(&ann), Address::of(&ben), Address::of(&key(103))];
        let mut trunk = Branch::of(&ann);
        trunk.grow(2);
        let (mut loser, mut winner) = (trunk.fork(&ann), trunk.fork(&ben));
        let payments: Vec<_> = (0..depth).map(|nonce| pay(&ann, nonce, addresses[2], 5, 1)).collect();
        payments.iter().for_each(|payment| drop(loser.grow_with(vec![payment.clone()])));
        winner.grow_with(vec![payments[0].clone()]);
        winner.grow(depth as usize);

        let mut node = Node::new(1);
        node.takes(&loser.blocks);
        assert_eq!(node.tip(), loser.tip());
        node.takes(&winner.blocks);
        assert_eq!(node.tip(), winner.tip(), "depth {depth}");

        let mut fresh = Node::new(2);
        fresh.takes(&winner.blocks);
        assert_eq!(
            format!("{:?}", state(&node, &addresses)),
            format!("{:?}", state(&fresh, &addresses)),
            "depth {depth}"
        );
        let earliest = [&node, &fresh].map(|node| node.machine.chain.earliest_time().unwrap());
        assert_eq!(earliest[0], winner.median_time(), "what the next block's time is judged by, depth {depth}");
        assert_eq!(earliest[0], earliest[1], "depth {depth}");
        for block in &loser.blocks[2..] {
            assert_eq!(node.machine.store().undo(&block.hash()).unwrap(), None);
        }
        // All but the payment that the winner has too wait again, in order of nonce.
        let waiting: Vec<_> = node.machine.pool.select(usize::MAX).iter().map(|tx| tx.nonce).collect();
        assert_eq!(waiting, (1..depth).collect::<Vec<_>>(), "depth {depth}");
        for payment in &payments[1..] {
            assert_eq!(node.machine.store().location(&payment.id()).unwrap(), None);
        }
    }
}

#[test]
fn a_tie_keeps_the_first_seen() {
    let trunk = Branch::of(&key(101));
    let (mut first, mut second) = (trunk.fork(&key(102)), trunk.fork(&key(103)));
    first.grow(2);
    second.grow(2);
    let mut node = Node::new(1);
    node.takes(&first.blocks);
    node.takes(&second.blocks);
    assert_eq!(node.tip(), first.tip());
    second.grow(1);
    node.takes(&second.blocks[2..]);
    assert_eq!(node.tip(), second.tip());
}

#[test]
fn the_journal_retracts_from_the_top_and_then_confirms_from_below() {
    let trunk = Branch::of(&key(101));
    let (mut first, mut second) = (trunk.fork(&key(102)), trunk.fork(&key(103)));
    first.grow(2);
    second.grow(3);
    let mut node = Node::new(1);
    node.takes(&first.blocks);
    let before = node.machine.store().journal_end().unwrap();
    node.takes(&second.blocks);
    let told: Vec<_> =
        node.machine.store().journal(before + 1, 100).unwrap().into_iter().map(|entry| entry.1).collect();
    let better = second.tip();
    let side = second.blocks[..2].iter().map(|block| ChainEvent::Side {
        height: block.height(),
        hash: block.hash(),
        previous: block.header().previous,
    });
    let moved = ChainEvent::Reorganised {
        from: first.tip(),
        from_work: first.position().work,
        to: better,
        to_work: second.position().work,
        fork: Height(0),
        left: 2,
        joined: 3,
        returned: 0,
    };
    let left = first.blocks.iter().rev();
    let left = left.map(|block| ChainEvent::Disconnected { height: block.height(), hash: block.hash(), better });
    let joined = second.blocks.iter();
    let joined =
        joined.map(|block| ChainEvent::Connected { height: block.height(), hash: block.hash(), transactions: 0 });
    assert_eq!(told, side.chain([moved]).chain(left).chain(joined).collect::<Vec<_>>());
}

#[test]
fn a_branch_that_breaks_a_rule_leaves_no_trace_but_its_marks() {
    let mut trunk = Branch::of(&key(101));
    trunk.grow(1);
    let (mut ours, mut theirs) = (trunk.fork(&key(102)), trunk.fork(&key(103)));
    ours.grow(2);
    theirs.grow(1);
    let mut cheat = theirs.draft(Vec::new());
    cheat.coinbase.reward = cheat.coinbase.reward.checked_add(shared::Amount::new(1).unwrap()).unwrap();
    let cheat = cheat.checked();
    theirs.push(cheat.clone());
    let on_top = theirs.grow(1);

    let mut node = Node::new(1);
    node.takes(&ours.blocks);
    let addresses = [key(101), key(102), key(103)].map(|key| Address::of(&key));
    let before = format!("{:?}", state(&node, &addresses));
    node.takes(&theirs.blocks[1..3]);
    let request = node.asks(crate::machine::event::Request::SubmitBlock(on_top.clone()));
    // The block at fault is another one than the block handed in, and is named.
    let refusal = node.refusal(request);
    assert!(refusal.contains("the reward is") && refusal.contains(&cheat.hash().short()), "{refusal}");
    assert_eq!(format!("{:?}", state(&node, &addresses)), before);
    let standings: Vec<_> = theirs.blocks[1..]
        .iter()
        .map(|block| node.machine.store().entry(&block.hash()).unwrap().unwrap().standing)
        .collect();
    assert_eq!(standings, [Standing::Untried, Standing::Invalid, Standing::Invalid]);

    // An honest chain through the valid part is still taken.
    let mut honest = trunk.fork(&key(103));
    honest.push(theirs.blocks[1].clone());
    honest.grow(2);
    node.takes(&honest.blocks);
    assert_eq!(node.tip(), honest.tip());
}

/// A reorganisation takes back what somebody received; what they then cannot afford must not stay in
/// the pool, or every template from there on is worthless.
#[test]
fn payments_out_of_money_that_a_reorganisation_took_back_do_not_spoil_templates() {
    for how in ["reward", "payment"] {
        let (ann, ben, cleo) = (key(101), key(102), key(103));
        let mut trunk = Branch::of(&ann);
        trunk.grow(2);
        let (mut loser, mut winner) = (trunk.fork(&ben), trunk.fork(&cleo));
        if how == "reward" {
            loser.grow(1);
        } else {
            loser.miner = Address::of(&ann);
            loser.grow_with(vec![pay(&ann, 0, Address::of(&ben), 1_000_000, 0)]);
        }
        winner.grow(2);
        let mut node = Node::new(1);
        node.takes(&loser.blocks);
        let spend = pay(&ben, 0, Address::of(&cleo), 500, 1);
        node.asks(crate::machine::event::Request::SubmitTransaction(super::branch::checked(spend)));
        assert_eq!(node.pooled(), 1);
        node.takes(&winner.blocks);
        assert_eq!(node.tip(), winner.tip());
        node.asks(crate::machine::event::Request::SetMining(true));
        let block = node.proves();
        assert_eq!(node.tip(), block.hash(), "{how}: the node's own block was refused");
    }
}

#[test]
fn memory_of_places_does_not_grow_with_the_chain() {
    let mut branch = Branch::of(&key(101));
    branch.grow(6_000);
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    let held = node.machine.chain.held_places();
    assert!(held <= 4_001, "{held} places are in memory");
    assert_eq!(node.height(), 6_000);
}

#[test]
fn every_block_is_confirmed_once_in_the_journal() {
    let mut branch = Branch::of(&key(101));
    branch.grow(5);
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    node.takes(&branch.blocks);
    let told = node.machine.store().journal(1, 100).unwrap();
    let hashes: BTreeSet<_> = branch.blocks.iter().map(|block| block.hash()).collect();
    assert_eq!(told.len(), hashes.len());
}

#[test]
fn a_reorganisation_counts_what_waits_again() {
    let (ann, ben) = (key(101), key(102));
    let mut trunk = Branch::of(&ann);
    trunk.grow(2);
    let (mut loser, mut winner) = (trunk.fork(&ann), trunk.fork(&ben));
    let payments: Vec<_> = (0..3).map(|nonce| pay(&ann, nonce, Address::of(&ben), 5, 1)).collect();
    loser.grow_with(payments.clone());
    winner.grow_with(vec![payments[0].clone()]);
    winner.grow(1);
    let mut node = Node::new(1);
    node.takes(&loser.blocks);
    node.takes(&winner.blocks);
    let told = node.machine.store().journal(1, 100).unwrap();
    let told: Vec<_> = told
        .iter()
        .filter_map(|(_, event)| match event {
            ChainEvent::Reorganised { fork, left, joined, returned, .. } => Some((fork.0, *left, *joined, *returned)),
            _ => None,
        })
        .collect();
    assert_eq!(told, [(2, 1, 2, 2)]);
}
