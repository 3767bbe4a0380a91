//! How long a block takes from its miner to the last of six nodes: from when the miner's events tell of it until the
//! last other node's do. Beside it a message of a hundred bytes, there and back on a bare connection of loopback.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use node::client::Client;
use serde::Deserialize;
use serde::de::IgnoredAny;
use shared::BlockHash;
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
    node: usize,
    hash: BlockHash,
    at: Instant,
}

pub(super) async fn measure(bench: &Bench<'_>) -> anyhow::Result<Measured> {
    let (blocks, messages) = if bench.quick { (5, 20) } else { (BLOCKS, MESSAGES) };
    // A proof costs two hashes, and stays at that.
    let spec = node::sim::fixed_network();
    let wanted = Wanted { nodes: NODES, hash_rate: "unlimited", spec: Some(spec.spec()) };
    let network = bench.site.network(&wanted).await?;
    let client = Client::new();
    network.connected(&client).await?;
    let mut bare = computed(move || round_trips(messages / 2)).await??;
    let mut followers = JoinSet::new();
    let mut sights = follow_all(&network, &client, &mut followers).await?;
    let mut times = Vec::new();
    for block in 0..blocks {
        bench.progress.show(f64::from(block) / f64::from(blocks), &format!("{block} of {blocks} blocks"));
        // Another miner each time, as in a network where all mine.
        let miner = block as usize % network.members.len();
        let told = spread_one(&network, &client, miner, &mut sights);
        let told = tokio::time::timeout(PATIENCE, told).await.context("a block did not reach all nodes")??;
        times.push(told);
    }
    bare.extend(computed(move || round_trips(messages / 2)).await??);
    let (last, bare) = (Spread::of_times(&times), Spread::of_times(&bare));
    let (Some(last), Some(bare)) = (last, bare) else { return Ok(Measured::default()) };
    let words = format!("a block from its miner to the last of {} others", NODES - 1);
    let row = Row::of_spread(What::Propagation, words, last, Unit::Time)
        .beside("100 bytes over TCP and back", bare.p50)
        .aiming(Aim::AtMost(AIM));
    Ok(Measured { rows: vec![row], remarks: Vec::new() })
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
    for (node, member) in network.members.iter().enumerate() {
        let mut events = client.follow(&format!("{}/events", member.url), None, ANSWER).await?;
        let tell = tell.clone();
        tasks.spawn(async move {
            while let Ok(Some(event)) = events.next().await {
                let at = Instant::now();
                if event.event != "connected" {
                    continue;
                }
                let Ok(Connected { hash }) = serde_json::from_str(&event.data) else { return };
                if tell.send(Sight { node, hash, at }).is_err() {
                    return;
                }
            }
        });
    }
    Ok(sights)
}

/// Mines one block and waits until all nodes have told of it; how much later the last one did than the miner.
async fn spread_one(
    network: &Net,
    client: &Client,
    miner: usize,
    sights: &mut mpsc::UnboundedReceiver<Sight>,
) -> anyhow::Result<Duration> {
    let url = format!("{}/mine", network.members[miner].url);
    let mine = async {
        client.post_json::<IgnoredAny>(&url, Bytes::new(), ANSWER).await?;
        Ok::<(), anyhow::Error>(())
    };
    let seen = async {
        let mut seen: HashMap<BlockHash, Vec<(usize, Instant)>> = HashMap::new();
        loop {
            let Sight { node, hash, at } = sights.recv().await.context("a node's events have ended")?;
            let of_block = seen.entry(hash).or_default();
            of_block.push((node, at));
            if of_block.len() == network.members.len() {
                let first = of_block.iter().find(|(node, _)| *node == miner).map(|(_, at)| *at);
                let last = of_block.iter().map(|(_, at)| *at).max();
                let (first, last) = first.zip(last).context("a block was told twice by one node")?;
                return Ok(last.saturating_duration_since(first));
            }
        }
    };
    let ((), spread) = futures::future::try_join(mine, seen).await?;
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
