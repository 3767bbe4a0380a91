//! Short runs of the simulator over many seeds. `cargo run --release -p node --example simulate` runs
//! thousands.

use super::storm::Trial;

fn run(nodes: usize, seed: u64) -> super::storm::Outcome {
    let trial = Trial { nodes, seed, storm: 60 };
    trial.run().unwrap_or_else(|error| panic!("seed {seed} with {nodes} nodes: {error}"))
}

#[test]
fn small_networks_come_through_many_storms() {
    for seed in 0..40 {
        let outcome = run(5, seed);
        assert!(outcome.height > 0, "seed {seed} mined nothing");
    }
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
