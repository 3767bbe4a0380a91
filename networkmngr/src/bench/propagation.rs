//! How long a block takes to be everywhere: from when one of six nodes is given it, as by a miner outside, until the
//! events of the last one tell of it. What a node tells is on its disk. Beside it a message of a hundred bytes, there
//! and back on a bare connection of loopback.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use node::client::Client;
use node::drivers::clock;
use node::generate::{ChainMaker, Plan};
use serde::Deserialize;
use serde::de::IgnoredAny;
use shared::{BlockHash, ChainSpec, Network};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::report::{Aim, Row, Unit};
use super::sample::Spread;
use super::site::{ANSWER, Net, Wanted};
use super::{Bench, Measured, What, computed};

const NODES: u16 = 6;
/// Blocks that are followed.
const BLOCKS: u32 = 300;
/// Messages of the bare connection.
const MESSAGES: usize = 2_000;
/// How long one block may take to be everywhere.
const PATIENCE: Duration = Duration::from_secs(30);
/// Seconds in which nearly all blocks should be everywhere.
const AIM: f64 = 0.002;

/// A node told of a block.
struct Sight {
    hash: BlockHash,
    at: Instant,
}

pub(super) async fn measure(bench: &Bench<'_>) -> anyhow::Result<Measured> {
    let (blocks, messages) = if bench.quick { (5, 20) } else { (BLOCKS, MESSAGES) };
    let spec = Plan { blocks, payments: 0 }.spec(clock::wall().seconds());
    let blocks = prepare(&spec, blocks)?;
    let wanted = Wanted { nodes: NODES, hash_rate: "200k", spec: Some(&spec) };
    let network = bench.site.network(&wanted).await?;
    let client = Client::new();
    network.connected(&client).await?;
    let mut bare = computed(move || round_trips(messages / 2)).await??;
    let mut followers = JoinSet::new();
    let mut sights = follow_all(&network, &client, &mut followers).await?;
    let (mut first, mut last) = (Vec::new(), Vec::new());
    let count = blocks.len();
    for (number, block) in blocks.into_iter().enumerate() {
        bench.progress.show(number as f64 / count as f64, &format!("{number} of {count} blocks"));
        // Another node each time, as in a network where all mine.
        let giver = &network.members[number % network.members.len()].url;
        let told = spread_one(&network, &client, giver, block, &mut sights);
        let told = tokio::time::timeout(PATIENCE, told).await.context("a block did not reach all nodes")??;
        first.push(told.0);
        last.push(told.1);
    }
    bare.extend(computed(move || round_trips(messages / 2)).await??);
    let (first, last, bare) = (Spread::of_times(&first), Spread::of_times(&last), Spread::of_times(&bare));
    let (Some(first), Some(last), Some(bare)) = (first, last, bare) else { return Ok(Measured::default()) };
    let row = |words: &str, spread| Row::of_spread(What::Propagation, words, spread, Unit::Time);
    let last = row(&format!("a block given to one node, until the last of {NODES} has it"), last)
        .beside("100 bytes over TCP and back", bare.p50)
        .aiming(Aim::AtMost(AIM));
    Ok(Measured { rows: vec![last, row("of that, until the first has it", first)], remarks: Vec::new() })
}

/// Follows the events of all nodes, each in a task of its own.
async fn follow_all(
    network: &Net,
    client: &Client,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<mpsc::UnboundedReceiver<Sight>> {
    #[derive(Deserialize)]
    struct Connected {
        hash: BlockHash,
    }
    let (tell, sights) = mpsc::unbounded_channel();
    for member in &network.members {
        let mut events = client.follow(&format!("{}/events", member.url), None, ANSWER).await?;
        let tell = tell.clone();
        tasks.spawn(async move {
            while let Ok(Some(event)) = events.next().await {
                let at = Instant::now();
                if event.event != "connected" {
                    continue;
                }
                let Ok(Connected { hash }) = serde_json::from_str(&event.data) else { return };
                if tell.send(Sight { hash, at }).is_err() {
                    return;
                }
            }
        });
    }
    Ok(sights)
}

/// A chain of so many empty blocks, each as its node is given it.
fn prepare(spec: &ChainSpec, blocks: u32) -> anyhow::Result<Vec<Bytes>> {
    let mut chain = ChainMaker::new(Arc::new(Network::new(spec.clone())?), 0);
    let next = |_| Ok(Bytes::from(serde_json::to_vec(&chain.block(Vec::new())?.to_block())?));
    (0..blocks).map(next).collect()
}

/// Gives one block and waits until all nodes have told of it; how long the first and the last one took.
async fn spread_one(
    network: &Net,
    client: &Client,
    giver: &str,
    block: Bytes,
    sights: &mut mpsc::UnboundedReceiver<Sight>,
) -> anyhow::Result<(Duration, Duration)> {
    let url = format!("{giver}/block/new");
    let given = Instant::now();
    let give = async {
        client.post_json::<IgnoredAny>(&url, block, ANSWER).await?;
        Ok::<(), anyhow::Error>(())
    };
    let seen = async {
        let mut seen: HashMap<BlockHash, Vec<Duration>> = HashMap::new();
        loop {
            let Sight { hash, at } = sights.recv().await.context("a node's events have ended")?;
            let of_block = seen.entry(hash).or_default();
            of_block.push(at.saturating_duration_since(given));
            if of_block.len() == network.members.len() {
                return of_block.iter().min().copied().zip(of_block.iter().max().copied()).context("there are nodes");
            }
        }
    };
    let ((), spread) = futures::future::try_join(give, seen).await?;
    Ok(spread)
}

/// How long a hundred bytes take to another thread and back, so many times.
fn round_trips(count: usize) -> anyhow::Result<Vec<Duration>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut near = TcpStream::connect(listener.local_addr()?)?;
    let (mut far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let echo = std::thread::spawn(move || {
        let mut message = [0; 100];
        while far.read_exact(&mut message).is_ok() && far.write_all(&message).is_ok() {}
    });
    let mut message = [0x5a; 100];
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        near.write_all(&message)?;
        near.read_exact(&mut message)?;
        times.push(begun.elapsed());
    }
    drop(near);
    let _ = echo.join();
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_comes_back() {
        assert_eq!(round_trips(3).unwrap().len(), 3);
    }
}
