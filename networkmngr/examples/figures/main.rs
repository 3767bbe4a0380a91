//! Measures networks of real nodes: start to ready, memory, how fast a small block spreads, how many payments a
//! second are confirmed, and how fast a new node catches up. Build the program first, then run this beside it:
//!
//! ```text
//! cargo build --release
//! cargo run --release -p networkmngr --example figures -- --nodes 6,60,200
//! ```

mod network;
mod payments;
mod spread;
mod sync;

use clap::Parser;
use node::client::Client;
use serde_json::Value;

use self::network::Network;

/// Measures networks of real nodes
#[derive(Parser)]
struct Args {
    /// Sizes of the networks to start
    #[arg(long, value_delimiter = ',', default_value = "6,60")]
    nodes: Vec<u16>,
    /// Blocks mined to measure how fast they spread, in the smallest network
    #[arg(long, default_value_t = 200)]
    spread: usize,
    /// Payments sent to six nodes
    #[arg(long, default_value_t = 24_000)]
    payments: u64,
    /// Blocks that a new node catches up with
    #[arg(long, default_value_t = 20_000)]
    blocks: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let client = Client::new();
    let smallest = args.nodes.iter().min().copied();
    for amount in &args.nodes {
        measure_network(&client, *amount, args.spread * usize::from(Some(*amount) == smallest)).await?;
    }
    if args.payments > 0 {
        payments::measure_payments(&client, args.payments).await?;
    }
    if args.blocks > 0 {
        sync::measure_sync(&client, args.blocks).await?;
    }
    Ok(())
}

async fn measure_network(client: &Client, amount: u16, spread: usize) -> anyhow::Result<()> {
    let network = Network::start(client, amount, &[]).await?;
    println!("{amount} nodes: ready after {:.0} ms", network.ready_after.as_secs_f64() * 1e3);
    if spread > 0 {
        spread::measure_spread(client, &network.nodes, spread).await?;
    }
    print_memory(&network.nodes);
    println!("{amount} nodes: stopped, {}", network.stop(client).await?);
    Ok(())
}

fn print_memory(nodes: &[Value]) {
    let measured: Vec<(u64, u64)> = nodes.iter().filter_map(|node| memory(node["pid"].as_u64()?)).collect();
    if measured.is_empty() {
        return println!("memory: this system does not tell");
    }
    let mean = |part: fn(&(u64, u64)) -> u64| measured.iter().map(part).sum::<u64>() as f64 / measured.len() as f64;
    println!(
        "{} nodes: {:.1} MB resident each, {:.1} MB of it their own",
        nodes.len(),
        mean(|(resident, _)| *resident) / 1024.0,
        mean(|(_, own)| *own) / 1024.0
    );
}

/// Resident and private memory of a process, in KiB.
fn memory(pid: u64) -> Option<(u64, u64)> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let field = |name: &str| {
        let line = rollup.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    Some((field("Rss:")?, field("Private_Clean:")? + field("Private_Dirty:")?))
}
