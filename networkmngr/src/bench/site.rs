//! Where measurements run: a temporary folder, with networks and single nodes in it, on free ports of loopback.
//! Whatever of these is dropped has ended, and is reaped, when that returns: so an interrupted measurement leaves
//! nothing behind. What is measured is not known here.

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use clap::Parser as _;
use node::client::Client;
use serde::Deserialize;
use serde::de::IgnoredAny;
use shared::ChainSpec;
use tokio::sync::oneshot;

use crate::bind::{self, BindError};
use crate::child::{Identity, Launch, NodeProcess, Spawner};
use crate::cli::Cli;
use crate::limits;
use crate::network::Network;
use crate::plan::{Plan, Program};
use crate::prepare::prepare;

/// How long a node may take to answer what it need not work for.
pub(super) const ANSWER: Duration = Duration::from_secs(30);
/// How long nodes may take to connect, all with all.
const CONNECT: Duration = Duration::from_secs(60);
/// How often other ports are tried when somebody has taken one meanwhile.
const TRIES: usize = 20;
/// How often the folder is deleted again when something still came into it.
const DELETIONS: usize = 10;

/// A temporary folder that is deleted when this is dropped.
pub(super) struct Site {
    folder: PathBuf,
    places: AtomicU32,
    spawner: Spawner,
}

/// What networks are started with.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) nodes: u16,
    /// As on the command line.
    pub(super) hash_rate: &'a str,
    /// The chain spec, if it is not the one built in.
    pub(super) spec: Option<&'a ChainSpec>,
}

/// A network that was started as the manager starts one, on a thread of its own.
pub(super) struct Net {
    pub(super) members: Vec<Member>,
    /// From the first look at the plan until all nodes were ready and knew each other.
    pub(super) took: Duration,
    /// The manager's thread.
    pub(super) thread: i32,
    _running: Running,
}

/// A node of a network.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// `http://127.0.0.1:PORT`
    pub(super) url: String,
    pub(super) socket: SocketAddr,
    pub(super) pid: u32,
    pub(super) folder: PathBuf,
}

/// A node without a manager.
pub(super) struct Solo {
    process: Ending,
    pub(super) pid: u32,
    pub(super) identity: Identity,
    pub(super) socket: SocketAddr,
    /// From the order to spawn it until it said that it is ready.
    pub(super) took: Duration,
}

/// A process that ends when this is dropped.
struct Ending(NodeProcess);

/// Ends the network's thread, and waits for that.
struct Running {
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What a network's thread tells once all nodes are ready.
type Told = anyhow::Result<(Vec<Member>, Duration, i32)>;

impl Site {
    /// Makes the folder, which only this user may look into. Needs a tokio runtime.
    pub(super) fn make() -> anyhow::Result<Self> {
        let name = format!("networkmngr-bench-{}-{:08x}", std::process::id(), rand::random::<u32>());
        let folder = std::env::temp_dir().join(name);
        let spawner = Spawner::start()?;
        let made = fs::DirBuilder::new().mode(0o700).create(&folder);
        made.with_context(|| format!("cannot make {}; name a folder that can be written in TMPDIR", folder.display()))?;
        Ok(Self { folder, places: AtomicU32::new(0), spawner })
    }

    /// A path within the folder where nothing is yet.
    pub(super) fn place(&self) -> PathBuf {
        self.folder.join(self.places.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Writes a chain spec down, for nodes to read.
    pub(super) fn write_spec(&self, spec: &ChainSpec) -> anyhow::Result<PathBuf> {
        let path = self.place();
        fs::write(&path, serde_json::to_vec(spec)?).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Starts a network, and waits until all its nodes are ready.
    ///
    /// # Errors
    /// It does not come up.
    pub(super) async fn network(&self, wanted: &Wanted<'_>) -> anyhow::Result<Net> {
        let genesis = wanted.spec.map(|spec| self.write_spec(spec)).transpose()?;
        for tried in 1.. {
            let port = bind::free_ports(wanted.nodes.saturating_add(1))?;
            let words = ["networkmngr", "-p", &port.to_string(), "-a", &wanted.nodes.to_string(), "--hash-rate"];
            let mut args = Cli::try_parse_from(words.iter().chain([&wanted.hash_rate]))?.start;
            args.genesis = genesis.clone();
            match Net::start(Plan::new(&args, self.place())?).await {
                Err(error) if tried < TRIES && matches!(error.downcast_ref(), Some(BindError::Busy { .. })) => {}
                started => return started,
            }
        }
        unreachable!("the last try returns")
    }

    /// Starts one node in a folder, without a manager, and waits until it is ready.
    ///
    /// # Errors
    /// It does not come up; what it wrote last is told.
    pub(super) async fn node(&self, folder: &Path, spec: Option<&Path>) -> anyhow::Result<Solo> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = socket.local_addr()?;
        let mut args: Vec<OsString> = Vec::new();
        let mut option = |name: &str, value: OsString| args.extend([name.into(), value]);
        option("--port", address.port().to_string().into());
        option("--data-dir", folder.into());
        if let Some(spec) = spec {
            option("--genesis", spec.into());
        }
        args.push("--managed".into());
        let begun = Instant::now();
        let launch = Launch { program: Program::Own, args, socket, log: self.place() };
        let spawned = self.spawner.spawn(launch).await.map_err(|_| anyhow!("the program is ending"))?;
        let mut process = Ending(spawned.context("a node cannot be started")?);
        let ready = process.0.ready().await;
        let took = begun.elapsed();
        let identity = ready.map_err(|exit| {
            anyhow!("a node did not start: {exit}{}", crate::network::quoted(&process.0.last_lines()))
        })?;
        Ok(Solo { pid: process.0.pid, process, identity, socket: address, took })
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // All processes have ended; the last ones may have been about to write when they did.
        let deleted = (0..DELETIONS).any(|_| fs::remove_dir_all(&self.folder).is_ok() || !self.folder.exists());
        if !deleted {
            crate::term::warn(&format!("{} could not be deleted", self.folder.display()));
        }
    }
}

impl Net {
    async fn start(plan: Plan) -> anyhow::Result<Self> {
        let (tell, told) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("network".to_owned()).spawn(move || carry(plan, tell, ended))?;
        // From here on a drop ends the thread.
        let running = Running { end: Some(end), thread: Some(thread) };
        let told: Told = told.await.context("the network's thread has ended")?;
        let (members, took, thread) = told?;
        Ok(Self { members, took, thread, _running: running })
    }

    /// Waits until every node is connected with every other.
    pub(super) async fn connected(&self, client: &Client) -> anyhow::Result<()> {
        let others = self.members.len() - 1;
        for member in &self.members {
            wait_for(CONNECT, "the nodes are not connected, all with all", async || {
                Ok((health(client, &member.url).await?.peers >= others).then_some(()))
            })
            .await?;
        }
        Ok(())
    }
}

/// Runs a network until it is to end.
fn carry(plan: Plan, tell: oneshot::Sender<Told>, ended: oneshot::Receiver<()>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = tell.send(Err(error.into()));
            return;
        }
    };
    runtime.block_on(async {
        let begun = Instant::now();
        let prepared = limits::raise_open_files(plan.amount).map_err(Into::into).and_then(|()| prepare(plan));
        let network = prepared.and_then(|prepared| Ok(prepared.network()?));
        let (network, _manager, _folder) = match network {
            Ok(network) => network,
            Err(error) => {
                let _ = tell.send(Err(error));
                return;
            }
        };
        let mut ended = ended;
        let started = tokio::select! {
            started = network.start() => started.map_err(anyhow::Error::from),
            _ = &mut ended => Err(anyhow!("the network was to end before it was ready")),
        };
        let told = started.and_then(|()| Ok((members(&network)?, begun.elapsed(), nix::unistd::gettid().as_raw())));
        let runs = told.is_ok();
        if tell.send(told).is_ok() && runs {
            let _ = ended.await;
        }
        // Nothing of it is kept, so nobody needs to end in order.
        network.kill_all();
        network.stop_all().await;
    });
}

fn members(network: &Arc<Network>) -> anyhow::Result<Vec<Member>> {
    let plan = network.plan();
    let of = |node: crate::network::Seen| {
        let planned = plan.node(node.number)?;
        let socket = SocketAddr::from((Ipv4Addr::LOCALHOST, planned.port));
        Some(Member { url: node.address, socket, pid: node.state.pid()?, folder: planned.folder })
    };
    let members: Option<Vec<Member>> = network.seen().into_iter().map(of).collect();
    members.context("a node ended as soon as it was ready")
}

impl Solo {
    /// Ends the node in order, so that its files are as it leaves them.
    ///
    /// # Errors
    /// It cannot be asked, or does not end well.
    pub(super) async fn end(mut self, client: &Client) -> anyhow::Result<()> {
        let url = format!("{}/shutdown", self.identity.address);
        client.post_json::<IgnoredAny>(&url, Bytes::new(), ANSWER).await?;
        let ended = tokio::time::timeout(ANSWER, self.process.0.ended()).await;
        let status = ended.context("a node did not end when it was asked to")??;
        anyhow::ensure!(status.success(), "a node ended with {status}");
        Ok(())
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end_now();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What a node says of itself.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Health {
    pub(super) height: u32,
    pub(super) tip: String,
    pub(super) peers: usize,
    pub(super) pending: usize,
}

/// Asks a node how it is doing.
pub(super) async fn health(client: &Client, url: &str) -> anyhow::Result<Health> {
    Ok(client.get(&format!("{url}/health"), ANSWER).await?)
}

/// Asks again and again until there is an answer; says `what` if there is none in time.
pub(super) async fn wait_for<T>(
    limit: Duration,
    what: &str,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let until = Instant::now() + limit;
    loop {
        if let Some(found) = ask().await? {
            return Ok(found);
        }
        anyhow::ensure!(Instant::now() < until, "{what} within {} s", limit.as_secs());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
