//! A server with nothing behind it: one route with one body that never changes, on the same kind of event loop as a
//! node's. It is the limit that a node's answers are measured beside. It runs in a process of its own, as a node does,
//! and ends with its standard input.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};

use anyhow::Context as _;
use axum::Router;
use axum::http::header;
use axum::routing::get;
use bytes::Bytes;
use clap::Args;

use crate::child::own_executable;

/// Where it answers.
pub(super) const PATH: &str = "/bare";

/// Options of the server.
#[derive(Debug, Args)]
pub(crate) struct BareArgs {
    /// Bytes of its answer
    bytes: usize,
}

/// Serves until standard input ends. Says first where, on standard output.
pub(crate) fn serve(args: &BareArgs) -> anyhow::Result<ExitCode> {
    let body = Bytes::from(vec![b' '; args.bytes]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{}", listener.local_addr()?).and_then(|()| stdout.flush())?;
        let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], body) };
        let router = Router::new().route(PATH, get(answer));
        std::thread::spawn(|| {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            std::process::exit(0);
        });
        axum::serve(listener, router).await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// Such a server. It has ended when this is dropped.
pub(super) struct Bare {
    child: Child,
    lifeline: Option<ChildStdin>,
    pub(super) socket: SocketAddr,
}

impl Bare {
    /// Starts one that answers with so many bytes.
    pub(super) fn start(bytes: usize) -> anyhow::Result<Self> {
        let mut command = Command::new(own_executable()?);
        // A group of its own, so that Ctrl-C reaches only the one who ends it.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.args(["bare-server", &bytes.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("the server to compare with cannot be started")?;
        let (lifeline, stdout) = (child.stdin.take(), child.stdout.take());
        let mut bare = Self { child, lifeline, socket: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) };
        let mut line = String::new();
        stdout.map(|stdout| BufReader::new(stdout).read_line(&mut line)).transpose()?;
        bare.socket = line.trim().parse().context("the server to compare with does not say where it is")?;
        Ok(bare)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.child.wait();
    }
}
