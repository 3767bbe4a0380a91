//! How fast a new node catches up.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Context as _;
use bytes::Bytes;
use node::client::Client;
use serde_json::Value;

use crate::network::{PATIENCE, Running, free_ports, get, program, wait_for};

/// Lets one node mine blocks of hardly any work, then times how another one catches up with it.
pub(crate) async fn measure_sync(client: &Client, blocks: u64) -> anyhow::Result<()> {
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
