//! What befalls simulated nodes, in calm worlds where nothing else does.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::{Conditions, Delay, Sight, Tally, Topology, World, WorldConfig, fixed_network};
use crate::machine::journal::ChainEvent;

/// Nodes that mine when told to, with links that take as long as this.
fn world(nodes: usize, delay: u64) -> World {
    World::new(WorldConfig {
        network: fixed_network(),
        nodes,
        seed: 1,
        conditions: Conditions::taking(Delay::Constant(delay)),
        topology: Topology::Full,
        checked: true,
    })
}

/// How many peers a node is in session with.
fn peers(world: &mut World, node: usize) -> usize {
    let id = world.request(node, crate::machine::event::Request::Status);
    match world.take_reply(node, id) {
        Some(crate::machine::effect::Reply::Status(status)) => status.peers.len(),
        other => panic!("no status but {other:?}"),
    }
}

/// A process that is stopped does not search.
#[test]
fn a_paused_node_finds_no_blocks() {
    let mut world = world(1, 1);
    world.set_mining(0, true);
    world.set_block_gap(Some(10.0));
    world.run_for(1_000).unwrap();
    let before = world.best_tip().unwrap().1;
    world.pause(0);
    world.run_for(600_000).unwrap();
    world.resume(0);
    world.run_for(1).unwrap();
    assert_eq!(world.best_tip().unwrap().1, before);
    world.run_for(600_000).unwrap();
    assert!(world.best_tip().unwrap().1 > before, "it goes on");
}

/// Killing says that it stays away.
#[test]
fn a_crashed_node_that_is_killed_does_not_come_back() {
    let mut world = world(1, 1);
    world.crash(0, 1_000);
    world.kill(0);
    world.run_for(5_000).unwrap();
    assert_eq!(world.tips().len(), 0);
    world.restart(0);
    assert_eq!(world.tips().len(), 1);
}

/// Who dialled a paused node is told when that one's process ends instead of going on.
#[test]
fn whoever_dialled_a_paused_node_that_is_killed_dials_again() {
    let mut world = world(2, 1_000);
    world.run_for(500).unwrap();
    world.pause(1);
    world.run_for(5_000).unwrap();
    world.kill(1);
    world.run_for(5_000).unwrap();
    world.restart(1);
    world.run_for(300_000).unwrap();
    assert_eq!(peers(&mut world, 0), 1);
}

/// It hears of the other's end when it goes on.
#[test]
fn a_paused_node_does_nothing_when_another_ends() {
    let mut world = world(2, 1);
    world.run_for(10_000).unwrap();
    world.pause(1);
    world.kill(0);
    assert_eq!(peers(&mut world, 1), 1);
    world.resume(1);
    world.run_for(1_000).unwrap();
    assert_eq!(peers(&mut world, 1), 0);
}

/// Nor when the network is split, and healed again, around it.
#[test]
fn a_paused_node_does_nothing_when_the_network_is_split() {
    let mut world = world(2, 1);
    world.run_for(10_000).unwrap();
    world.pause(1);
    world.split(vec![0, 1]);
    assert_eq!([0, 1].map(|node| peers(&mut world, node)), [0, 1]);
    world.heal();
    world.resume(1);
    world.run_for(300_000).unwrap();
    assert_eq!([0, 1].map(|node| peers(&mut world, node)), [1, 1]);
}

/// What a node does on an order is seen before what is ordered next.
#[test]
fn a_witness_sees_what_an_order_led_to_at_once() {
    let mut world = world(1, 1);
    world.set_mining(0, true);
    world.set_block_gap(Some(10.0));
    world.run_for(300_000).unwrap();
    let seen = Rc::new(RefCell::new(0));
    let counter = seen.clone();
    world.set_witness(Box::new(move |_, _, sight| {
        if matches!(sight, Sight::Told(ChainEvent::Pooled { .. })) {
            *counter.borrow_mut() += 1;
        }
    }));
    world.send_payment(0, world.miner(0), shared::Amount::new(1).unwrap(), None, None, Some(0)).unwrap();
    assert_eq!(*seen.borrow(), 1);
}

/// As in a network of real nodes.
#[test]
fn whoever_joins_during_a_split_is_of_the_group_of_the_rest() {
    let mut world = world(3, 1);
    world.run_for(10_000).unwrap();
    world.split(vec![0, World::REST, World::REST]);
    let newcomers = [world.add_node(), world.add_node()];
    world.run_for(60_000).unwrap();
    assert_eq!(peers(&mut world, 0), 0);
    assert_eq!(newcomers.map(|node| peers(&mut world, node)), [3, 3]);
}

/// Counts the blocks that a node says it connects from now on.
fn connected(world: &mut World, at: usize) -> Rc<RefCell<u32>> {
    let seen = Rc::new(RefCell::new(0));
    let counter = seen.clone();
    world.set_witness(Box::new(move |_, node, sight| {
        if node == at && matches!(sight, Sight::Told(ChainEvent::Connected { .. })) {
            *counter.borrow_mut() += 1;
        }
    }));
    seen
}

#[test]
fn a_witness_that_comes_later_sees_what_happens_from_then_on() {
    let mut world = world(1, 1);
    world.set_mining(0, true);
    world.set_block_gap(Some(10.0));
    world.run_for(300_000).unwrap();
    let before = world.best_tip().unwrap().1.0;
    let seen = connected(&mut world, 0);
    world.run_for(300_000).unwrap();
    assert_eq!(*seen.borrow(), world.best_tip().unwrap().1.0 - before);
}

/// As with a real miner, one proof ends a job.
#[test]
fn a_node_whose_block_was_refused_does_not_find_another_unasked() {
    let mut world = world(1, 1);
    let what = crate::machine::strategy::Lie::InvalidBlocks;
    world.set_strategy(0, Some(crate::machine::strategy::Strategy::Liar { what }), None).unwrap();
    world.set_block_gap(Some(10.0));
    let tally = Tally::of(&mut world);
    world.request(0, crate::machine::event::Request::Mine { height: None });
    world.run_for(300_000).unwrap();
    assert_eq!(tally.borrow().found.len(), 1);
}

/// In a network that is larger than what a node dials, each half has peers of its own when the split ends.
#[test]
fn halves_of_a_large_network_find_each_other_within_a_second() {
    for after in [2_000, 9_000, 60_000] {
        let mut world = world(20, 1);
        world.run_for(10_000).unwrap();
        world.split((0..20).map(|node| node / 10).collect());
        world.set_mining(0, true);
        world.set_block_gap(Some(1.0));
        world.run_for(after).unwrap();
        world.set_mining(0, false);
        world.run_for(100).unwrap();
        assert_eq!(world.tips().len(), 2, "after {after} ms");
        world.heal();
        world.meet();
        world.run_for(1_000).unwrap();
        assert_eq!(world.tips().len(), 1, "after {after} ms");
    }
}
