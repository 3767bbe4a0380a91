//! How far the simulator goes: a network of many nodes, each dialling eight of those it has heard of,
//! through many blocks; tells stale share, how blocks spread, and what the run cost.

use std::time::Instant;

use clap::Parser;
use node::sim::{Conditions, Delay, Tally, Topology, World, WorldConfig, easy_network};
use shared::Height;

/// Examples:
///   cargo run --release -p node --example scale
///   cargo run --release -p node --example scale -- --nodes 10000 --blocks 1000
#[derive(Parser)]
#[command(verbatim_doc_comment)]
struct Args {
    /// Numbers of nodes, a run each.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000])]
    nodes: Vec<usize>,
    /// Blocks of the chain in each run.
    #[arg(long, default_value_t = 1_000)]
    blocks: u32,
    /// Mean delay of a link, in milliseconds; each message takes half to one and a half of it.
    #[arg(long, default_value_t = 20)]
    delay: u64,
    /// Seconds between blocks; as in a practice network unless given.
    #[arg(long, default_value_t = 2)]
    spacing: u32,
    /// Decides everything left to chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() {
    let args = Args::parse();
    for nodes in &args.nodes {
        run(&args, *nodes);
    }
}

fn run(args: &Args, nodes: usize) {
    let begun = Instant::now();
    let delay = Delay::Uniform { least: args.delay / 2, most: args.delay * 3 / 2 };
    let mut world = World::new(WorldConfig {
        network: easy_network(args.spacing),
        nodes,
        seed: args.seed,
        conditions: Conditions::taking(delay),
        topology: Topology::Acquainted(64),
        checked: false,
    });
    world.set_threads(std::thread::available_parallelism().map_or(1, usize::from));
    let tally = Tally::of(&mut world);
    (0..nodes).for_each(|node| world.set_mining(node, true));
    // Time to connect first.
    let outcome = world.run_for(60_000);
    outcome.unwrap_or_else(|violation| panic!("{violation}"));
    let (connected, events) = (begun.elapsed().as_secs_f64(), world.happened());
    world.set_block_gap(Some(f64::from(args.spacing)));
    let tip = loop {
        world.run_for(10_000).unwrap_or_else(|violation| panic!("{violation}"));
        let (_, machine) = world.machines().next().expect("nodes run");
        if machine.tip().position.height >= Height(args.blocks) {
            break machine.tip().hash;
        }
    };
    let kept = tally.borrow().kept(tip, Height(1));
    let spread = kept.spread.map(|time| time.map_or("-".into(), |time| format!("{time} ms")));
    println!(
        "{nodes} nodes, {} blocks kept, {} stale ({:.2} %); half of the nodes had a block after {}, 90 % after {}, \
         99 % after {}; {} events, connected after {connected:.1} s and {events} events, all in {:.1} s; {} MB resident",
        kept.length,
        kept.stale,
        100.0 * kept.stale_share(),
        spread[0],
        spread[1],
        spread[2],
        world.happened(),
        begun.elapsed().as_secs_f64(),
        resident(),
    );
}

/// Megabytes of memory at the most, as far as the system tells.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
