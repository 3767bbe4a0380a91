//! Measures a network of real nodes: start to ready, memory, how fast a small block spreads, and how
//! fast a new node catches up. Build the program first, then run this beside it:
//!
//! ```text
//! cargo build --release
//! cargo run --release -p networkmngr --example figures -- --nodes 6,60,200
//! ```

use std::collections::HashMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use clap::Parser;
use node::client::Client;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(300);

/// Measures a network of real nodes
#[derive(Parser)]
struct Args {
    /// Sizes of the networks to start
    #[arg(long, value_delimiter = ',', default_value = "6,60")]
    nodes: Vec<u16>,
    /// Blocks mined to measure how fast they spread, in the smallest network
    #[arg(long, default_value_t = 200)]
    spread: usize,
    /// Blocks that a new node catches up with
    #[arg(long, default_value_t = 20_000)]
    blocks: u64,
}

/// A program that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let client = Client::new();
    let smallest = args.nodes.iter().min().copied();
    for amount in &args.nodes {
        measure_network(&client, *amount, args.spread * usize::from(Some(*amount) == smallest)).await?;
    }
    measure_sync(&client, args.blocks).await
}

fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let beside = own.parent().and_then(Path::parent).context("this program lies nowhere")?.join("networkmngr");
    if !beside.exists() {
        bail!("{} is missing; build it with the same profile first", beside.display());
    }
    Ok(beside)
}

/// The first of `count` ports in a row that are free.
fn free_ports(count: u16) -> anyhow::Result<u16> {
    let free = |port: &u16| (*port..port + count).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    (10_000..30_000).step_by(usize::from(count)).find(free).context("there are not enough free ports in a row")
}

async fn wait_for<T>(mut poll: impl AsyncFnMut() -> Option<T>) -> anyhow::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = poll().await {
            return Ok(value);
        }
        if Instant::now() > deadline {
            bail!("waited {} s in vain", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn get(client: &Client, url: String) -> Option<Value> {
    client.get(&url, Duration::from_secs(10)).await.ok()
}

async fn measure_network(client: &Client, amount: u16, spread: usize) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let port = free_ports(amount + 1)?;
    let begun = Instant::now();
    let mut manager = Running(
        Command::new(program()?)
            .args(["-p", &port.to_string(), "-a", &amount.to_string(), "--data-dir"])
            .arg(folder.path().join("net"))
            .stdout(Stdio::null())
            .spawn()?,
    );
    let address = format!("http://127.0.0.1:{port}");
    // The manager answers once all its nodes are ready and know of each other.
    wait_for(async || get(client, format!("{address}/health")).await).await?;
    println!("{amount} nodes: ready after {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
    let nodes = get(client, format!("{address}/nodes")).await.context("the manager lists no nodes")?;
    let nodes = nodes["nodes"].as_array().cloned().unwrap_or_default();
    if spread > 0 {
        measure_spread(client, &nodes, spread).await?;
    }
    print_memory(&nodes);
    client.post_json::<Value>(&format!("{address}/shutdown/all"), Bytes::new(), PATIENCE).await?;
    let status = manager.0.wait()?;
    println!("{amount} nodes: stopped, {status}");
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

/// Mines blocks at one node after the other and times, from the first node that tells of a block to
/// the last, by all nodes' event streams.
async fn measure_spread(client: &Client, nodes: &[Value], rounds: usize) -> anyhow::Result<()> {
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

/// Lets one node mine blocks of hardly any work, then times how another one catches up with it.
async fn measure_sync(client: &Client, blocks: u64) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let spec = folder.path().join("easy.json");
    let easy = serde_json::json!({
        "name": "figures", "spacing": 1, "half_life": 1_000_000_000, "easiest_bits": "207fffff",
        "start_bits": "207fffff", "subsidy": 1, "max_block_bytes": 1_048_576, "genesis_time": 1_767_225_600,
    });
    std::fs::write(&spec, easy.to_string())?;
    let (first, one) = start_node(client, folder.path(), "first", &spec, &[]).await?;
    let health = |address: &str| get(client, format!("{address}/health"));
    client.post_json::<Value>(&format!("{one}/mining/start"), Bytes::new(), PATIENCE).await?;
    let height = async |address: &str| health(address).await.and_then(|health| health["height"].as_u64());
    wait_for(async || height(&one).await.filter(|height| *height >= blocks)).await?;
    client.post_json::<Value>(&format!("{one}/mining/stop"), Bytes::new(), PATIENCE).await?;
    let goal = height(&one).await.context("the first node is gone")?;

    let id = get(client, format!("{one}/node/id")).await.context("the first node is gone")?;
    let join = id["peer_addresses"][0].as_str().context("the first node accepts no peers")?.to_owned();
    let (second, other) = start_node(client, folder.path(), "second", &spec, &["--join", &join]).await?;
    let begun = Instant::now();
    wait_for(async || height(&other).await.filter(|height| *height >= goal)).await?;
    let seconds = begun.elapsed().as_secs_f64();
    println!("a new node catches up with {goal} small blocks in {seconds:.2} s: {:.0} blocks/s", goal as f64 / seconds);
    drop((first, second));
    Ok(())
}

async fn start_node(
    client: &Client,
    folder: &Path,
    name: &str,
    spec: &Path,
    more: &[&str],
) -> anyhow::Result<(Running, String)> {
    let port = free_ports(1)?;
    let node = Command::new(program()?)
        .args(["node", "--port", &port.to_string(), "--data-dir"])
        .arg(folder.join(name))
        .arg("--genesis")
        .arg(spec)
        .args(more)
        .stderr(std::fs::File::create(folder.join(format!("{name}.log")))?)
        .spawn()?;
    let node = Running(node);
    let address = format!("http://127.0.0.1:{port}");
    wait_for(async || get(client, format!("{address}/health")).await).await?;
    Ok((node, address))
}
