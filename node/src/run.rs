//! Puts one node together: folder, store, machine and drivers; says when it is ready; and takes it
//! apart again in order when it is to end.

use std::future::Future;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};

use anyhow::{Context as _, bail};
use jiff::tz::TimeZone;
use serde::Serialize;
use shared::{
    Address,
    wire::{MAX_ADDRESS, MAX_LISTENS},
};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tracing::{error, info, warn};
use tracing_subscriber::fmt::{format::Writer, time::FormatTime};

use crate::{
    accounts::{
        directory::{self, Directory},
        password::Cost,
        vault::Vault,
    },
    cli::{NodeArgs, RewardsTo},
    drivers::{
        chronicle, clock, engine,
        folder::Folder,
        http::{Admin, Api, Identity, LogSigner, NodeInfo, Shutdown, router, serve, sweep},
        miner::{HashCap, Miner, Proof},
        net::{self, LinkControl, Links, Net, NetCommand},
        outside::Outside,
        progress,
        store::RedbStore,
        stratum::{self, Hall},
        traffic,
    },
    machine::{
        Machine,
        config::{Config, MAX_INBOUND, MAX_OUTBOUND, NEWCOMERS},
        event::Event,
        strategy::Tie,
    },
};

/// Runs a node until it is asked to stop.
pub(crate) async fn run(args: NodeArgs) -> anyhow::Result<()> {
    start_log();
    // From here on a signal ends the node in order, however early it comes.
    let told_to_end = told_to_end()?;
    if args.managed {
        die_with_parent()?;
    }
    let http = http_listener(&args).await?;
    let miners = stratum_listener(&args).await?;
    let folder = Arc::new(open_folder(&args)?);
    let network = Arc::new(folder.network().clone());
    let store = RedbStore::open(folder.path(), &network)?;
    let links = LinkControl::new(first_links(&args)?);
    let (net, net_events) = start_net(&args, &folder, links.clone()).await?;
    let bound = http.local_addr().context("the HTTP socket has no address")?;
    let identity = identity(&folder, &net, bound, miners.as_ref())?;
    let reader = store.reader();

    let log = LogSigner::new(folder.log_key()?, &network);
    let vault = Arc::new(Vault::open(folder.path(), Cost::STANDARD, args.managed)?);
    let pays = rewards_to(&args, &folder)?;
    let config = machine_config(&args, &folder, &net, &identity, &log, pays);
    let (machine, first) = Machine::open(config, store, clock::now())?;
    let (effects_in, effects_out) = mpsc::unbounded_channel();
    let (engine, mut engine_end) = engine::start(machine, first, effects_in).context("no thread for the machine")?;
    let (proofs, hash_cap) = (engine.clone(), HashCap::new(args.hash_rate));
    let miner = Miner::start(network.clone(), hash_cap.clone(), move |Proof { block, .. }| {
        // A machine that has ended needs no proofs.
        let _ = proofs.event_blocking(Event::Mined { block });
    });
    let miner = miner.context("no thread for the miner")?;
    let outside = Outside::default();
    tokio::spawn(outside.clone().tell(engine.clone()));
    tokio::spawn(traffic::outbound(effects_out, net.clone(), miner, outside.clone(), folder.clone()));
    tokio::spawn(traffic::inbound(net_events, net.clone(), engine.clone(), network.clone(), args.join.clone()));
    tokio::spawn(chronicle::follow(reader.clone(), engine.journal()));
    tokio::spawn(chronicle::follow_notices(engine.notices()));
    let (showing, progress) = watch::channel(None);
    tokio::spawn(progress::follow(engine.shown(), showing));

    let shutdown = Shutdown::new();
    if let Some(listener) = miners {
        let hall = Hall::new(engine.clone(), outside.clone(), network.clone(), pays, shutdown.clone());
        tokio::spawn(stratum::serve(listener, hall));
    }
    let admin = Admin::for_address(bound, folder.path()).context("the administration token cannot be kept")?;
    let api = Api {
        engine: engine.clone(),
        reader,
        progress,
        network,
        identity: identity.clone(),
        log,
        hash_cap,
        outside,
        miner: pays,
        links,
        bound,
        admin,
        vault: vault.clone(),
        shutdown: shutdown.clone(),
    };
    tokio::spawn(sweep(vault.clone(), shutdown.clone()));
    let router = router(api).map_err(|problem| anyhow::anyhow!("the HTTP interface cannot start: {problem:?}"))?;
    let server = tokio::spawn(serve(http, router, shutdown.clone()));
    info!("node {} answers on {}", identity.id, identity.address);
    info!("peers connect to {}", identity.peer_addresses.join(" or "));
    if let Some(address) = &identity.stratum {
        info!("miners connect to {address}; whoever names no address as its user mines for {pays}");
    }
    if !bound.ip().is_loopback() {
        warn!("HTTP is open to other machines and encrypts nothing: accounts answer to this machine alone");
    }
    if args.managed {
        say_ready(&identity, pays)?;
        end_with_stdin(shutdown.clone())?;
    }

    let machine_ended = tokio::select! {
        () = shutdown.begun() => None,
        () = told_to_end => None,
        ended = &mut engine_end => Some(ended),
    };
    shutdown.begin();
    let _ = server.await;
    vault.close();
    engine.stop().await;
    let ended = match machine_ended {
        Some(ended) => ended,
        None => engine_end.await,
    };
    net.command(NetCommand::Shutdown);
    match ended {
        Ok(Ok(())) => info!("stopped"),
        Ok(Err(fault)) => {
            error!("{fault}");
            bail!(
                "{fault}; nothing that was acknowledged is lost, and what was not may have reached other nodes: make room \
                 or mend the disk, start again, and look before sending anything once more"
            );
        }
        Err(_) => bail!("the machine's thread ended by a fault in this program; its last words are in the log"),
    }
    Ok(())
}

/// The system's time zone, by its file where nothing else is set: looked up by its name it would have the whole
/// database of zones listed first, which takes longer than the rest of a node's start.
static LOCAL: LazyLock<TimeZone> = LazyLock::new(|| {
    let file = if std::env::var_os("TZ").is_none() { std::fs::read("/etc/localtime").ok() } else { None };
    let zone = file.and_then(|bytes| TimeZone::tzif("Local", &bytes).ok());
    zone.unwrap_or_else(TimeZone::system)
});

/// Local time, to the millisecond.
struct LocalTime;

impl FormatTime for LocalTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        let now = jiff::Timestamp::now().to_zoned(LOCAL.clone());
        write!(writer, "{}", now.strftime("%Y-%m-%d %H:%M:%S%.3f"))
    }
}

fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,libp2p=warn"));
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).with_timer(LocalTime);
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
    // A second node in one process, as in tests, shares the first one's log.
    let _ = log.with_ansi(colour).with_target(false).try_init();
}

/// Under a manager that is killed, the node must not live on.
fn die_with_parent() -> anyhow::Result<()> {
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL).context("cannot bind to the manager's life")?;
    Ok(())
}

async fn http_listener(args: &NodeArgs) -> anyhow::Result<TcpListener> {
    if args.managed {
        let socket = listenfd::ListenFd::from_env().take_tcp_listener(0).context("LISTEN_FDS names no TCP socket")?;
        let socket = socket.context("--managed is for nodes that a manager starts: LISTEN_FDS is not set")?;
        socket.set_nonblocking(true).context("the socket from LISTEN_FDS cannot be used")?;
        return TcpListener::from_std(socket).context("the socket from LISTEN_FDS cannot be used");
    }
    let address = SocketAddr::new(args.host, args.port);
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; choose another port with --port, or another --host"))
}

/// Where miners of other makes connect, if they may.
async fn stratum_listener(args: &NodeArgs) -> anyhow::Result<Option<TcpListener>> {
    let Some(port) = args.stratum else { return Ok(None) };
    let address = SocketAddr::new(args.host, port);
    let listener = TcpListener::bind(address).await;
    listener.map(Some).with_context(|| format!("cannot listen on {address}; choose another port with --stratum"))
}

fn open_folder(args: &NodeArgs) -> anyhow::Result<Folder> {
    let path = match &args.data_dir {
        Some(path) => path.clone(),
        None => crate::cli::data_home()?.join(format!("node-{}", args.port)),
    };
    Ok(Folder::open(&path, args.genesis.as_deref())?)
}

/// The conditions of the ways to peers at the start: none are made up unless the command line says so.
fn first_links(args: &NodeArgs) -> anyhow::Result<Links> {
    let Some(path) = &args.links else { return Ok(Links::default()) };
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let wrong = || format!("{} holds no conditions of links", path.display());
    let links: Links = serde_json::from_slice(&text).with_context(wrong)?;
    links.check().with_context(wrong)?;
    Ok(links)
}

async fn start_net(args: &NodeArgs, folder: &Folder, links: LinkControl) -> anyhow::Result<(Net, net::NetEvents)> {
    let genesis = folder.network().genesis_hash().to_string();
    let config = net::Config {
        mdns: args.mdns,
        links,
        max_inbound: MAX_INBOUND + NEWCOMERS,
        max_outbound: MAX_OUTBOUND,
        ..net::Config::new(
            folder.path().to_owned(),
            SocketAddr::new(args.peer_host, args.peer_port),
            format!("/networkmngr/{}/2", &genesis[..16]),
        )
    };
    Ok(net::start(config).await?)
}

fn identity(folder: &Folder, net: &Net, bound: SocketAddr, miners: Option<&TcpListener>) -> anyhow::Result<Identity> {
    let peer_addresses = net.listen_addresses();
    let shown = |bound: SocketAddr| match bound.ip().is_unspecified() {
        true => SocketAddr::new(own_address(&peer_addresses).unwrap_or(IpAddr::from([127, 0, 0, 1])), bound.port()),
        false => bound,
    };
    let miners = miners.map(TcpListener::local_addr).transpose().context("the socket for miners has no address")?;
    Ok(Identity {
        id: folder.node(),
        address: format!("http://{}", shown(bound)),
        stratum: miners.map(|miners| format!("stratum+tcp://{}", shown(miners))),
        peer_id: net.local_peer().to_string(),
        peer_addresses,
    })
}

/// The first address in the list that other machines may reach.
fn own_address(peer_addresses: &[String]) -> Option<IpAddr> {
    let ips = peer_addresses.iter().filter_map(|address| address.split('/').nth(2)?.parse::<IpAddr>().ok());
    ips.into_iter().find(|ip| !ip.is_loopback())
}

/// Who gets the rewards: the folder's own account, unless another one is named.
fn rewards_to(args: &NodeArgs, folder: &Folder) -> anyhow::Result<Address> {
    match &args.miner {
        None => Ok(folder.miner()),
        Some(RewardsTo::Address(address)) => Ok(*address),
        Some(RewardsTo::Account(name)) if name.is_miner() => Ok(folder.miner()),
        Some(RewardsTo::Account(name)) => {
            let found = Directory::of(folder.path()).find(name)?;
            let place = folder.path().join(directory::FOLDER);
            let missing = || {
                anyhow::anyhow!(
                    "there is no account {name} in {}: make it with `networkmngr node account new {name}`, or give \
                     --miner an address",
                    place.display()
                )
            };
            Ok(found.ok_or_else(missing)?.address())
        }
    }
}

fn machine_config(
    args: &NodeArgs,
    folder: &Folder,
    net: &Net,
    identity: &Identity,
    log: &LogSigner,
    miner: Address,
) -> Config {
    let without_peer = |address: &String| address.split("/p2p/").next().map(str::to_owned);
    let listens = identity.peer_addresses.iter().filter_map(without_peer);
    Config {
        network: Arc::new(folder.network().clone()),
        node: folder.node(),
        peer: net.local_peer(),
        http: Some(identity.address.clone()).filter(|address| address.len() <= MAX_ADDRESS).unwrap_or_default(),
        listens: listens.filter(|address| address.len() <= MAX_ADDRESS).take(MAX_LISTENS).collect(),
        log_key: *log.key().bytes(),
        miner,
        strategy: args.strategy.into(),
        tie: args.prefer.map_or(Tie::FirstSeen, Tie::Prefer),
        join: args.join.clone(),
        known: folder.peers(),
        seed: rand::random(),
    }
}

/// What the manager is told: what `GET /node/id` tells, and whom this node's blocks pay.
#[derive(Serialize)]
struct Ready {
    #[serde(flatten)]
    node: NodeInfo,
    miner: Address,
}

fn say_ready(identity: &Identity, miner: Address) -> anyhow::Result<()> {
    let node = NodeInfo { identity: identity.clone(), nodes: Default::default() };
    let line = serde_json::to_string(&Ready { node, miner })?;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).context("the manager does not listen")
}

/// The manager holds the other end of standard input; when that closes, the manager is gone.
fn end_with_stdin(shutdown: Shutdown) -> anyhow::Result<()> {
    let wait = move || {
        let mut byte = [0];
        while std::io::stdin().read(&mut byte).is_ok_and(|count| count > 0) {}
        shutdown.begin();
    };
    std::thread::Builder::new().name("lifeline".into()).stack_size(64 * 1024).spawn(wait).context("no thread")?;
    Ok(())
}

fn told_to_end() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be listened to")?;
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be listened to")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
