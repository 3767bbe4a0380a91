//! Short runs of the simulator over many seeds (`cargo run --release -p node --example simulate` runs
//! thousands), and its checkers let loose on random trees of blocks without a network.

mod trees;

use super::storm::{Outcome, Trial};

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

#[test]
fn the_same_seed_gives_the_same_run() {
    assert_eq!(run(8, 7), run(8, 7));
    assert_ne!(run(8, 7).tip, run(8, 8).tip);
}
