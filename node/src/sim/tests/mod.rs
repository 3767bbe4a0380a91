//! Short runs of the simulator over many seeds (`cargo run --release -p node --example simulate` runs
//! thousands), and its checkers let loose on random trees of blocks without a network.

mod fate;
mod trees;

use shared::{BlockHash, Height, Millis};

use super::{
    Conditions, Delay, Kept, Sight, Tally, Topology, World, WorldConfig, easy_network, fixed_network,
    storm::{Outcome, Trial},
};
use crate::machine::journal::ChainEvent;

fn run(nodes: usize, seed: u64) -> Outcome {
    let trial = Trial { nodes, seed, storm: 60 };
    trial.run().unwrap_or_else(|error| panic!("seed {seed} with {nodes} nodes: {error}"))
}

#[test]
fn small_networks_come_through_many_storms() {
    let outcomes: Vec<Outcome> = (0..40).map(|seed| run(5, seed)).collect();
    for (seed, outcome) in outcomes.iter().enumerate() {
        assert!(outcome.height > 0 && outcome.transactions > 0, "seed {seed} mined nothing: {outcome:?}");
    }
    // The checkers had something to check.
    let reorganised = outcomes.iter().filter(|outcome| outcome.blocks > outcome.height as usize).count();
    let spent_twice: usize = outcomes.iter().map(|outcome| outcome.promises.impossible).sum();
    assert!(reorganised > 20 && spent_twice > 0, "{reorganised} runs had forks, {spent_twice} promises were overtaken");
}

#[test]
fn a_larger_network_comes_through_a_storm() {
    assert!(run(40, 1).height > 0);
}

/// Within one millisecond a node had a chain on which a transaction was impossible, forgot it, and left that chain.
#[test]
fn a_chain_that_a_node_had_for_less_than_a_millisecond_is_a_reason_too() {
    run(5, 2469);
}

/// Within one millisecond a node came to stand for a block, and its chain left the block.
#[test]
fn a_block_that_is_stood_for_may_leave_the_chain_in_the_same_millisecond() {
    run(100, 5023);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    assert_eq!(run(8, 7), run(8, 7));
    assert_ne!(run(8, 7).tip, run(8, 8).tip);
}

/// Peace, measured: many nodes that each know a few, and what came of three minutes.
fn peace(seed: u64, threads: usize) -> (Option<BlockHash>, Kept, u64) {
    let mut world = World::new(WorldConfig {
        network: easy_network(10),
        nodes: 200,
        seed,
        conditions: Conditions::taking(Delay::Uniform { least: 50, most: 150 }),
        topology: Topology::Acquainted(20),
        checked: false,
    });
    world.set_threads(threads);
    let tally = Tally::of(&mut world);
    (0..200).for_each(|node| world.set_mining(node, true));
    world.set_block_gap(Some(10.0));
    world.run_for(200_000).unwrap();
    let tip = world.machines().next().map(|(_, machine)| machine.tip().hash);
    let kept = tally.borrow().kept(tip.unwrap_or_default(), Height(1));
    (tip, kept, world.happened())
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let (tip, kept, happened) = peace(3, 1);
    assert!(kept.length > 5 && kept.spread[1].is_some_and(|most| (100..1_000).contains(&most)), "{kept:?}");
    assert_eq!(peace(3, 3), (tip, kept, happened));
}

/// As a liar's invalid block, of which no node's journal tells.
#[test]
fn a_block_that_no_node_took_is_told_from_a_stale_one() {
    let block = fixed_network().genesis().clone();
    let (height, hash) = (block.height(), block.hash());
    let previous = block.header().previous;
    let mut tally = Tally::new(2);
    tally.see(Millis(0), 1, &Sight::Mined(block));
    assert!(!tally.found[&hash].taken);
    tally.see(Millis(0), 1, &Sight::Told(ChainEvent::Side { height, hash, previous }));
    assert!(tally.found[&hash].taken && tally.found[&hash].reached == 0);
}

/// A node that leaves a block and comes back to it had it all the time.
#[test]
fn a_node_is_counted_once_for_each_block() {
    let block = fixed_network().genesis().clone();
    let (height, hash) = (block.height(), block.hash());
    let connected = Sight::Told(ChainEvent::Connected { height, hash, transactions: 0 });
    let left = Sight::Told(ChainEvent::Disconnected { height, hash, better: BlockHash::ZERO });
    let mut tally = Tally::new(2);
    for sight in [Sight::Mined(block), connected.clone(), left, connected] {
        tally.see(Millis(0), 1, &sight);
    }
    let found = &tally.found[&hash];
    assert_eq!((found.reached, found.spread), (1, [Some(0), None, None]));
}

#[test]
fn nodes_agree_over_the_slowest_links_there_may_be() {
    let mut world = World::new(WorldConfig {
        network: easy_network(60),
        nodes: 4,
        seed: 1,
        conditions: Conditions::taking(Delay::Constant(crate::drivers::net::MAX_DELAY_MS.into())),
        topology: Topology::Full,
        checked: true,
    });
    (0..4).for_each(|node| world.set_mining(node, true));
    world.set_block_gap(Some(60.0));
    world.run_for(1_200_000).unwrap();
    world.set_block_gap(None);
    world.run_for(60_000).unwrap();
    assert_eq!(world.tips().len(), 1, "{:?}", world.tips());
    assert!(world.best_tip().is_some_and(|(_, height)| height > Height(8)));
}
