//! How fast a small block spreads from the first node to the last.

use std::collections::HashMap;
use std::time::Instant;

use anyhow::Context as _;
use bytes::Bytes;
use node::client::Client;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::network::PATIENCE;

/// Mines blocks at one node after the other and times, from the first node that tells of a block to
/// the last, by all nodes' event streams.
pub(crate) async fn measure_spread(client: &Client, nodes: &[Value], rounds: usize) -> anyhow::Result<()> {
    let (heard, mut events) = mpsc::unbounded_channel();
    for node in nodes {
        let address = node["address"].as_str().context("a node without address")?.to_owned();
        follow(address, heard.clone()).await?;
    }
    let mut seen: HashMap<String, Vec<Instant>> = HashMap::new();
    let mut times = Vec::new();
    for round in 0..rounds {
        let address = nodes[round % nodes.len()]["address"].as_str().unwrap_or_default();
        client.post_json::<Value>(&format!("{address}/mine"), Bytes::new(), PATIENCE).await?;
        loop {
            let (hash, at) = tokio::time::timeout(PATIENCE, events.recv()).await?.context("the streams ended")?;
            let moments = seen.entry(hash.clone()).or_default();
            moments.push(at);
            if moments.len() == nodes.len() {
                let (first, last) = (moments.iter().min(), moments.iter().max());
                times.extend(first.zip(last).map(|(first, last)| *last - *first));
                seen.remove(&hash);
                break;
            }
        }
    }
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{} nodes: a small block is seen by all within {:.2} ms (median), {:.2} ms (p99) of the first, {rounds} blocks",
        nodes.len(),
        at(0.5),
        at(0.99)
    );
    Ok(())
}

/// Follows a node's events and passes on each connected block's hash with the moment it was told.
async fn follow(address: String, heard: mpsc::UnboundedSender<(String, Instant)>) -> anyhow::Result<()> {
    let host = address.trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&host).await?;
    stream.write_all(format!("GET /events HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes()).await?;
    let mut lines = BufReader::new(stream).lines();
    // The answer's head ends before anything is mined, so that no event is missed.
    while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            let at = Instant::now();
            let event = line.strip_prefix("data:").and_then(|json| serde_json::from_str::<Value>(json).ok());
            let Some(event) = event.filter(|event| event["event"] == "connected") else { continue };
            if heard.send((event["hash"].as_str().unwrap_or_default().to_owned(), at)).is_err() {
                return;
            }
        }
    });
    Ok(())
}
