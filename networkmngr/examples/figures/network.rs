//! Networks of real nodes to measure: the program beside this one, on free ports, ended when the measuring is.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use node::client::Client;
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// A program that ends with this value.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A manager and its nodes.
pub(crate) struct Network {
    manager: Running,
    address: String,
    /// As the manager lists them.
    pub(crate) nodes: Vec<Value>,
    /// From the start until all were ready.
    pub(crate) ready_after: Duration,
    _folder: TempDir,
}

impl Network {
    /// Starts a network of `amount` nodes; `more` are further options of the command.
    pub(crate) async fn start(client: &Client, amount: u16, more: &[&str]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_ports(amount + 1)?;
        let begun = Instant::now();
        let manager = Running(
            Command::new(program()?)
                .args(["-p", &port.to_string(), "-a", &amount.to_string(), "--data-dir"])
                .arg(folder.path().join("net"))
                .args(more)
                .stdout(Stdio::null())
                .spawn()?,
        );
        let address = format!("http://127.0.0.1:{port}");
        // The manager answers once all its nodes are ready and know of each other.
        wait_for(async || get(client, format!("{address}/health")).await).await?;
        let ready_after = begun.elapsed();
        let nodes = get(client, format!("{address}/nodes")).await.context("the manager lists no nodes")?;
        let nodes = nodes["nodes"].as_array().cloned().unwrap_or_default();
        Ok(Self { manager, address, nodes, ready_after, _folder: folder })
    }

    /// The nodes' addresses.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.nodes.iter().filter_map(|node| node["address"].as_str().map(str::to_owned)).collect()
    }

    /// Asks the manager for something.
    pub(crate) async fn order(&self, client: &Client, path: &str) -> anyhow::Result<Value> {
        Ok(client.post_json::<Value>(&format!("{}{path}", self.address), Bytes::new(), PATIENCE).await?)
    }

    /// Ends it in order.
    pub(crate) async fn stop(mut self, client: &Client) -> anyhow::Result<ExitStatus> {
        self.order(client, "/shutdown/all").await?;
        Ok(self.manager.0.wait()?)
    }
}

pub(crate) fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let beside = own.parent().and_then(Path::parent).context("this program lies nowhere")?.join("networkmngr");
    if !beside.exists() {
        bail!("{} is missing; build it with the same profile first", beside.display());
    }
    Ok(beside)
}

/// The first of `count` ports in a row that are free.
pub(crate) fn free_ports(count: u16) -> anyhow::Result<u16> {
    let free = |port: &u16| (*port..port + count).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    (10_000..30_000).step_by(usize::from(count)).find(free).context("there are not enough free ports in a row")
}

pub(crate) async fn wait_for<T>(mut poll: impl AsyncFnMut() -> Option<T>) -> anyhow::Result<T> {
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

pub(crate) async fn get(client: &Client, url: String) -> Option<Value> {
    client.get(&url, Duration::from_secs(10)).await.ok()
}
