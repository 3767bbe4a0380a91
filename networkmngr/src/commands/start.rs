//! `networkmngr` without a subcommand: plan, take the folder and the sockets, start the nodes, serve,
//! and end in order, whatever the reason to end is.

use std::future::IntoFuture as _;
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use node::drivers::http::Admin;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::api::{self, Api, Closing};
use crate::cli::StartArgs;
use crate::folder;
use crate::mining::Mining;
use crate::network::{Ending, Network, describe};
use crate::plan::Plan;
use crate::prepare::prepare;
use crate::scenario::Runs;
use crate::term;

/// How long open requests may take when everything else has ended.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// Exit code after a second Ctrl-C, as shells give it.
const INTERRUPTED: u8 = 130;
/// Largest number of nodes of which each gets a row in the table at the start.
const SHOWN: usize = 40;

/// Starts a network and stays until it has ended.
pub(crate) fn run(args: StartArgs) -> anyhow::Result<ExitCode> {
    let plan = Plan::new(&args, folder::locate(args.data_dir.as_deref(), args.port)?)?;
    let prepared = prepare(plan)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (network, manager, _folder) = prepared.network()?;
        manage(network, manager).await
    })
}

async fn manage(network: Arc<Network>, manager: TcpListener) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let mut signals = Signals::new().context("cannot watch for Ctrl-C")?;
    let nodes = usize::from(network.plan().amount);
    let ports = if nodes == 1 { "port" } else { "ports" };
    term::say(&format!("starting {} on the {ports} after {}", term::nodes(nodes), network.plan().port));
    let started = tokio::select! {
        started = network.start() => started.map_err(anyhow::Error::from),
        name = signals.next() => Err(anyhow!("{name} came before the network was ready")),
    };
    if let Err(error) = started {
        term::warn("the network did not come up; ending what was started");
        end(&network, &mut signals).await;
        network.save_as_stopped();
        return Err(error);
    }
    greet(&network, begun.elapsed());
    let code = serve(&network, manager, &mut signals).await?;
    network.save_as_stopped();
    Ok(code)
}

/// Answers requests until the network is to end, and ends it.
async fn serve(network: &Arc<Network>, manager: TcpListener, signals: &mut Signals) -> anyhow::Result<ExitCode> {
    manager.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(manager)?;
    let mining = Mining::new(network.clone());
    let closing = Closing::new();
    let admin = Admin::with_token(&network.plan().folder).context("the administration token cannot be kept")?;
    let runs = Runs::new(&network.plan().folder, network.plan().amount);
    let api = Api::new(network.clone(), mining.clone(), runs.clone(), closing.clone(), admin);
    let router = api::router(api, listener.local_addr()?);
    let (finish, finished) = oneshot::channel::<()>();
    let server = axum::serve(listener, router).with_graceful_shutdown(async {
        let _ = finished.await;
    });
    let server = tokio::spawn(server.into_future());
    tokio::select! {
        () = closing.wanted() => term::say("stopping, as asked"),
        name = signals.next() => term::say(&format!("stopping after {name}; once more ends it at once")),
    }
    mining.end();
    let runs = tokio::spawn(async move { runs.end().await });
    let (endings, mut forced) = end(network, signals).await;
    // A run's nodes end with this process at the latest.
    let ended = async { !forced && runs.await.is_ok() };
    forced |= tokio::select! {
        _ = ended => false,
        _ = signals.next() => true,
    };
    closing.report(endings);
    let _ = finish.send(());
    let _ = tokio::time::timeout(LAST_ANSWERS, server).await;
    Ok(if forced { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
}

/// Ends every node and says how each ended; a signal meanwhile kills them all. Tells whether one came.
async fn end(network: &Network, signals: &mut Signals) -> (Vec<Ending>, bool) {
    let mut forced = false;
    let mut ending = std::pin::pin!(network.stop_all());
    let endings = loop {
        tokio::select! {
            endings = &mut ending => break endings,
            _ = signals.next() => {
                forced = true;
                network.kill_all();
            }
        }
    };
    for line in describe(&endings) {
        term::say(&line);
    }
    (endings, forced)
}

fn greet(network: &Network, took: Duration) {
    let nodes = network.running();
    let mut table = term::table(["node", "address", "id", "pid"]);
    for node in nodes.iter().take(if nodes.len() > SHOWN { SHOWN / 4 } else { SHOWN }) {
        let id = node.state.ready().map(|running| term::short(&running.identity.id));
        let pid = node.state.pid().map(|pid| pid.to_string());
        let cells = [Some(node.number.to_string()), Some(node.address.clone()), id, pid];
        table.add_row(cells.map(Option::unwrap_or_default));
    }
    let plan = network.plan();
    let (count, port) = (term::nodes(nodes.len()), plan.port);
    term::say(&format!("{count} ready after {:.2} s", took.as_secs_f64()));
    term::plain(&table.trim_fmt());
    if nodes.len() > SHOWN {
        term::plain(" …    (`networkmngr status` shows all)");
    }
    let miners = plan.stratum_ports().map(|ports| format!("miners   stratum+tcp://127.0.0.1, ports {ports}\n"));
    term::plain(&format!(
        "\nmanager  http://127.0.0.1:{port}\n\
         {}folder   {}\n\
         try      curl localhost:{port}/start/mining\n\
         \x20        curl localhost:{}/chain\n\
         \x20        curl localhost:{port}/shutdown/all\n",
        miners.unwrap_or_default(),
        plan.folder.display(),
        u32::from(port) + 1
    ));
}

/// The signals that end the manager.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one and names it.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "Ctrl-C",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.hangup.recv() => "SIGHUP",
        }
    }
}
