//! Makes a long valid chain in a node's folder, to measure with: how fast a node opens it, how others sync
//! from it, what its pages do with it.
//!
//!     cargo run --release -p node --example long_chain -- --blocks 1000000 FOLDER
//!     cargo run --release -p node --example long_chain -- --blocks 100 --payments 5000 FOLDER
//!     cargo run --release -- node --data-dir FOLDER

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use node::{drivers::clock, generate};

/// Makes a chain in a folder that a node can then run with.
#[derive(Parser)]
struct Args {
    /// The folder; it must not hold a chain yet.
    folder: PathBuf,
    /// Blocks of the chain.
    #[arg(long, default_value_t = 1_000_000)]
    blocks: u32,
    /// Payments in each block, of as many senders.
    #[arg(long, default_value_t = 0)]
    payments: u32,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let plan = generate::Plan { blocks: args.blocks, payments: args.payments };
    let begun = Instant::now();
    let mut last = 0;
    generate::into_folder(&args.folder, plan, clock::now().wall.seconds(), |height| {
        let rate = f64::from(height) / begun.elapsed().as_secs_f64();
        eprint!("\r{height} blocks, {rate:.0} blocks/s ");
        let _ = std::io::stderr().flush();
        last = height;
    })?;
    eprintln!();
    let bytes = std::fs::metadata(args.folder.join("chain.redb"))?.len();
    println!(
        "{last} blocks in {:.1} s, {} bytes a block",
        begun.elapsed().as_secs_f64(),
        bytes / u64::from(last.max(1))
    );
    Ok(())
}
