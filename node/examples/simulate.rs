//! Runs the simulator's standard trial for many seeds on all cores, and prints the command that
//! reproduces each failure. Exit status 1 if there was one.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
use node::sim::{
    oracle::Fates,
    storm::{Outcome, Trial},
};

/// Simulated networks go through faults, are healed, and must agree.
///
/// Examples:
///   cargo run --release -p node --example simulate
///   cargo run --release -p node --example simulate -- --nodes 100 --seeds 1000
///   cargo run --release -p node --example simulate -- --nodes 100 --first 17 --seeds 1
#[derive(Parser)]
#[command(verbatim_doc_comment)]
struct Args {
    /// Nodes in each network.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    nodes: u64,
    /// How many seeds to try.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Seconds of faults in each run, in virtual time.
    #[arg(long, default_value_t = 60)]
    storm: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let begun = Instant::now();
    let next = AtomicU64::new(args.first);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let results: Vec<(u64, Result<Outcome, String>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(|| work(&args, &next))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    let failures: Vec<_> = results.iter().filter_map(|(seed, result)| Some((seed, result.as_ref().err()?))).collect();
    for (seed, error) in &failures {
        println!("seed {seed}: {error}");
        println!(
            "  cargo run --release -p node --example simulate -- --nodes {} --storm {} --first {seed} --seeds 1",
            args.nodes, args.storm
        );
    }
    let finished: Vec<Outcome> = results.iter().filter_map(|(_, result)| result.as_ref().ok().copied()).collect();
    let events: u64 = finished.iter().map(|outcome| outcome.happened).sum();
    let slowest = finished.iter().map(|outcome| outcome.agreed_after).max().unwrap_or(0);
    let blocks: usize = finished.iter().map(|outcome| outcome.blocks).sum();
    let transactions: usize = finished.iter().map(|outcome| outcome.transactions).sum();
    let mut promises = Fates::default();
    finished.iter().for_each(|outcome| promises += outcome.promises);
    let kept: u64 = finished.iter().map(|outcome| u64::from(outcome.height)).sum();
    println!(
        "{} of {} seeds agreed ({} nodes each; {blocks} blocks adopted by somebody, {kept} kept; {transactions} \
         transactions confirmed; of {} acknowledged {} confirmed, {} overtaken, {} waiting; {events} events; slowest \
         agreement {slowest} s after healing) in {:.1} s",
        finished.len(),
        args.seeds,
        args.nodes,
        promises.all(),
        promises.confirmed,
        promises.impossible,
        promises.kept,
        begun.elapsed().as_secs_f64()
    );
    let complete = finished.len() as u64 == args.seeds;
    if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn work(args: &Args, next: &AtomicU64) -> Vec<(u64, Result<Outcome, String>)> {
    let mut results = Vec::new();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= args.first + args.seeds {
            return results;
        }
        let nodes = usize::try_from(args.nodes).unwrap_or(usize::MAX);
        results.push((seed, Trial { nodes, seed, storm: args.storm }.run()));
        if std::io::stderr().is_terminal() {
            eprint!("\r{} of {} seeds begun", seed - args.first + 1, args.seeds);
        }
    }
}
