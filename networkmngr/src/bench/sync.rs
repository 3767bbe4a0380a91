//! How fast a fresh node catches up with another one over loopback: a chain of empty blocks, beside the bare decoding
//! and hashing of as many headers on one core; and blocks full of payments, beside the bare check of their signatures.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use node::client::Client;
use node::drivers::clock;
use node::generate::{self, ChainMaker, Plan};
use serde::de::IgnoredAny;
use shared::transaction::check_all;
use shared::{Block, ChainSpec, Network};

use super::report::{Aim, Row, Unit, digits};
use super::site::{ANSWER, Solo, health, wait_for};
use super::{Bench, Measured, What, computed};
use crate::proc;

/// Empty blocks, unless another number is asked for.
const BLOCKS: u32 = 30_000;
/// Full blocks, and the payments in each.
const FULL_BLOCKS: u32 = 12;
const PAYMENTS: u32 = 5_000;
/// How long catching up may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// Empty blocks a second that there should be.
const AIM: f64 = 10_000.0;

pub(super) async fn measure(bench: &Bench<'_>) -> anyhow::Result<Measured> {
    let (blocks, full_blocks, payments) = if bench.quick { (200, 2, 20) } else { (BLOCKS, FULL_BLOCKS, PAYMENTS) };
    let empty = Plan { blocks: bench.blocks.unwrap_or(blocks), payments: 0 };
    let full = Plan { blocks: full_blocks, payments };
    let bare = computed(move || hash_headers(empty.blocks.max(10_000))).await?;
    let of_empty = catch_up(bench, empty, 0.0).await?;
    let words = format!("{} empty blocks to a fresh node", empty.blocks);
    let rate = f64::from(empty.blocks) / of_empty.took.as_secs_f64();
    let mut rows = vec![
        Row::new(What::Sync, words, rate, Unit::Rate("blocks"))
            .beside("headers decoded and hashed, one core", bare)
            .aiming(Aim::AtLeast(AIM)),
    ];
    let checked = computed(move || check_payments(full)).await??;
    let of_full = catch_up(bench, full, 0.6).await?;
    let all = f64::from(full.blocks * full.payments);
    let words = format!("{} blocks of {} payments to a fresh node", full.blocks, full.payments);
    let rate = all / of_full.took.as_secs_f64();
    let row = Row::new(What::Sync, words, rate, Unit::Rate("payments"));
    rows.push(row.beside("signatures checked, one core", checked));
    let mut remarks = Vec::new();
    remarks.extend(of_empty.remark("each empty block", f64::from(empty.blocks)));
    remarks.extend(of_full.remark("each payment in full blocks", all));
    Ok(Measured { rows, remarks })
}

/// What catching up took.
struct CaughtUp {
    took: Duration,
    /// Processor time of the node that gave, and of the one that took.
    cpu: Option<[Duration; 2]>,
}

impl CaughtUp {
    fn remark(&self, what: &str, count: f64) -> Option<String> {
        let [gave, took] = self.cpu?.map(|time| digits(time.as_secs_f64() * 1e6 / count));
        Some(format!("sync: processor time for {what} was {took} µs at the fresh node and {gave} µs at the other."))
    }
}

/// Has a node with such a chain, and a fresh one that joins it.
async fn catch_up(bench: &Bench<'_>, plan: Plan, done: f64) -> anyhow::Result<CaughtUp> {
    let (folder, spec) = chain(bench, plan, done).await?;
    let spec = bench.site.write_spec(&spec)?;
    let full = bench.site.node(&folder, None).await?;
    let fresh = bench.site.node(&bench.site.place(), Some(&spec)).await?;
    let client = Client::new();
    let tip = health(&client, &full.identity.address).await?.tip;
    let cpu = || Some([proc::cpu_time(full.pid)?, proc::cpu_time(fresh.pid)?]);
    let (before, begun) = (cpu(), Instant::now());
    register(&client, &fresh, &full).await?;
    wait_for(PATIENCE, "the fresh node did not catch up", async || {
        let now = health(&client, &fresh.identity.address).await?;
        let share = f64::from(now.height) / f64::from(plan.blocks);
        bench.progress.show(done + 0.2 + 0.2 * share, &format!("{} of {} blocks", now.height, plan.blocks));
        Ok((now.tip == tip).then_some(()))
    })
    .await?;
    let took = begun.elapsed();
    let cpu =
        cpu().zip(before).map(|(after, before)| std::array::from_fn(|node| after[node].saturating_sub(before[node])));
    Ok(CaughtUp { took, cpu })
}

/// Makes a chain in a folder of its own; gives the folder and the chain spec.
pub(super) async fn chain(bench: &Bench<'_>, plan: Plan, done: f64) -> anyhow::Result<(std::path::PathBuf, ChainSpec)> {
    let folder = bench.site.place();
    // Made here, so that nothing makes it again once an interruption has taken it away.
    std::fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let (end, progress, to) = (clock::wall().seconds(), bench.progress, folder.clone());
    let told = move |height: u32| {
        let share = f64::from(height) / f64::from(plan.blocks.max(1));
        progress.show(done + 0.2 * share, &format!("making {height} of {} blocks", plan.blocks));
    };
    computed(move || generate::into_folder(&to, plan, end, told)).await?.context("a chain to measure with")?;
    Ok((folder, plan.spec(end)))
}

/// Makes one node known to the other, which connects to it.
async fn register(client: &Client, at: &Solo, other: &Solo) -> anyhow::Result<()> {
    let list = Bytes::from(serde_json::to_vec(&[&other.identity])?);
    client.post_json::<IgnoredAny>(&format!("{}/nodes/register", at.identity.address), list, ANSWER).await?;
    Ok(())
}

/// Decodes an empty block and hashes its header, so many times; how many that are a second.
fn hash_headers(count: u32) -> f64 {
    let bytes = node::sim::fixed_network().genesis().to_block().to_bytes();
    let begun = Instant::now();
    for _ in 0..count {
        let block = Block::from_bytes(black_box(&bytes));
        black_box(block.map(|block| block.header.hash()).ok());
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}

/// Checks as many payments as a full block has; how many that are a second.
fn check_payments(plan: Plan) -> anyhow::Result<f64> {
    let network = std::sync::Arc::new(Network::new(plan.spec(clock::wall().seconds()))?);
    let payments = ChainMaker::new(network.clone(), plan.payments as usize).payments();
    let begun = Instant::now();
    check_all(payments, &network.genesis_hash()).map_err(|(at, error)| anyhow::anyhow!("payment {at}: {error}"))?;
    Ok(f64::from(plan.payments) / begun.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_measured() {
        assert!(hash_headers(10) > 0.0);
        assert!(check_payments(Plan { blocks: 1, payments: 3 }).unwrap() > 0.0);
    }
}
