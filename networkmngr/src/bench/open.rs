//! How long a node takes to open a long chain, the memory that it then holds and the disk that the chain takes, beside
//! the same for a short one.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use node::client::Client;
use node::drivers::store::CHAIN_FILE;
use node::generate::Plan;

use super::report::{Aim, Row, Unit};
use super::sample::{Spread, mean};
use super::sync::chain;
use super::{Bench, Measured, What};
use crate::proc;

/// Blocks of the long chain, unless another number is asked for, and of the short one.
const LONG: u32 = 100_000;
const SHORT: u32 = 1_000;
/// How often each is opened. They take turns.
const TURNS: usize = 5;
/// Seconds in which a chain of any length should be open.
const AIM: f64 = 1.0;
/// How much more memory a long chain should take than a short one, at most.
const SAME: f64 = 1.1;

/// What opening came to, time after time.
#[derive(Default)]
struct Opened {
    times: Vec<Duration>,
    /// Bytes.
    resident: Vec<f64>,
}

pub(super) async fn measure(bench: &Bench<'_>) -> anyhow::Result<Measured> {
    let (long, short, turns) = if bench.quick { (300, 50, 1) } else { (LONG, SHORT, TURNS) };
    let long = bench.blocks.unwrap_or(long);
    let (long_folder, _) = chain(bench, Plan { blocks: long, payments: 0 }, 0.0).await?;
    let (short_folder, _) = chain(bench, Plan { blocks: short, payments: 0 }, 0.2).await?;
    let bytes = disk(&long_folder)? as f64 / f64::from(long);
    let short_bytes = disk(&short_folder)? as f64 / f64::from(short);
    let client = Client::new();
    let (mut of_long, mut of_short) = (Opened::default(), Opened::default());
    for turn in 0..turns {
        bench.progress.show(0.4 + 0.6 * turn as f64 / turns as f64, "opening");
        open(bench, &client, &long_folder, &mut of_long).await?;
        open(bench, &client, &short_folder, &mut of_short).await?;
    }
    let (Some(time), Some(short_time)) = (Spread::of_times(&of_long.times), Spread::of_times(&of_short.times)) else {
        return Ok(Measured::default());
    };
    let beside = format!("{short} blocks");
    let mut rows = vec![
        Row::of_spread(What::Open, format!("a node opens {long} blocks"), time, Unit::Time)
            .beside(&beside, short_time.p50)
            .aiming(Aim::AtMost(AIM)),
    ];
    if let (Some(resident), Some(of_short)) = (mean(&of_long.resident), mean(&of_short.resident)) {
        let row = Row::new(What::Open, format!("its memory, {long} blocks"), resident, Unit::Bytes);
        rows.push(row.beside(&beside, of_short).aiming(Aim::RatioAtMost(SAME)));
    }
    rows.push(Row::new(What::Open, "disk for each empty block", bytes, Unit::Bytes).beside(&beside, short_bytes));
    Ok(Measured { rows, remarks: Vec::new() })
}

/// Opens the chain in a node of its own, which then ends in order.
async fn open(bench: &Bench<'_>, client: &Client, folder: &Path, opened: &mut Opened) -> anyhow::Result<()> {
    let node = bench.site.node(folder, None).await?;
    opened.times.push(node.took);
    opened.resident.extend(proc::memory(node.pid).map(|memory| memory.resident as f64));
    node.end(client).await
}

/// Bytes that a chain takes on the disk; its file is longer ahead of need.
fn disk(folder: &Path) -> anyhow::Result<u64> {
    let file = folder.join(CHAIN_FILE);
    let data = std::fs::metadata(&file).with_context(|| format!("cannot look at {}", file.display()))?;
    Ok(data.blocks() * 512)
}
