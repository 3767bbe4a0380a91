//! One node's process: how it is spawned, how it says that it is ready, how its end reads. Which
//! nodes there are and what is done with them is [`crate::network`]'s.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use command_fds::{CommandFdExt as _, FdMapping};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use shared::Address;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::oneshot;

use crate::plan::Program;

/// The descriptor at which a process finds the first socket handed to it.
const FIRST_SOCKET: i32 = 3;
/// Longest ready line, in bytes.
const MAX_READY_LINE: u64 = 1 << 20;
/// How many of its last log lines are shown of a node that died.
const LAST_LINES: usize = 20;
/// How far back, in bytes, those lines are looked for.
const LAST_BYTES: u64 = 16 << 10;

/// What a node says of itself when it is ready, and at `GET /node/id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Permanent id, 64 hex digits.
    pub(crate) id: String,
    /// Where it answers HTTP.
    pub(crate) address: String,
    /// Its name among peers.
    pub(crate) peer_id: String,
    /// Where its peers connect.
    pub(crate) peer_addresses: Vec<String>,
    /// Whom its blocks pay, if it says so. That is for the manager alone.
    #[serde(default, skip_serializing)]
    pub(crate) miner: Option<Address>,
}

/// All that is needed to start one node.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) program: Program,
    /// What follows the program's name (and `node`, if the program is this one).
    pub(crate) args: Vec<OsString>,
    /// The node's listening socket.
    pub(crate) socket: TcpListener,
    /// File that its stderr is appended to.
    pub(crate) log: PathBuf,
}

/// A node's process, with the lifeline that ends it when this value, or the manager, is gone.
#[derive(Debug)]
pub(crate) struct NodeProcess {
    /// Its pid; valid until [`NodeProcess::ended`] has returned.
    pub(crate) pid: u32,
    child: Child,
    stdout: Option<ChildStdout>,
    _lifeline: Option<ChildStdin>,
    log: PathBuf,
    log_from: u64,
}

/// How a node's process came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It could not be spawned at all.
    NotStarted(String),
    /// It ended, by itself or by a signal.
    Ended(ExitStatus),
    /// It was killed, because it did not say in time, or not rightly, that it is ready.
    NotReady(String),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(reason) => write!(f, "could not be started: {reason}"),
            Self::NotReady(reason) => f.write_str(reason),
            Self::Ended(status) => match (status.code(), status.signal()) {
                (Some(code), _) => write!(f, "exit status {code}"),
                (None, Some(number)) => match Signal::try_from(number) {
                    Ok(signal) => write!(f, "ended by {signal}"),
                    Err(_) => write!(f, "ended by signal {number}"),
                },
                (None, None) => write!(f, "{status}"),
            },
        }
    }
}

impl NodeProcess {
    /// Waits for the ready line. Returns also when the process ends or says something else before.
    pub(crate) async fn ready(&mut self) -> Result<Identity, Exit> {
        let Some(stdout) = self.stdout.take() else {
            return Err(Exit::NotReady("was asked twice whether it is ready".to_owned()));
        };
        let mut line = String::new();
        let mut reader = BufReader::new(stdout.take(MAX_READY_LINE));
        if !matches!(reader.read_line(&mut line).await, Ok(1..)) {
            return Err(Exit::Ended(self.ended().await.map_err(|e| Exit::NotReady(e.to_string()))?));
        }
        serde_json::from_str(&line)
            .map_err(|error| Exit::NotReady(format!("printed no proper ready line ({error}): {}", line.trim())))
    }

    /// Waits until the process has ended, and reaps it.
    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Kills the process and reaps it.
    pub(crate) async fn kill(&mut self) {
        let _ = self.child.kill().await;
    }

    /// Kills the process and waits here until it is reaped, which takes no longer than the system does.
    pub(crate) fn end_now(&mut self) {
        let _ = self.child.start_kill();
        while matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The last lines that it wrote to its log since it was spawned.
    pub(crate) fn last_lines(&self) -> Vec<String> {
        last_lines(&self.log, self.log_from).unwrap_or_default()
    }
}

/// The last lines of the log file, of what was written after the first `from` bytes.
fn last_lines(log: &Path, from: u64) -> io::Result<Vec<String>> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    let begin = from.max(length.saturating_sub(LAST_BYTES));
    file.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::new();
    file.take(LAST_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().skip(usize::from(begin > from)).collect();
    let first = lines.len().saturating_sub(LAST_LINES);
    Ok(lines[first..].iter().map(|line| (*line).to_owned()).collect())
}

/// The one thread that spawns processes, so that starting a thousand does not hold up everything else.
///
/// It must live as long as the manager: the system takes the end of the thread that spawned a process
/// for the death of its parent, and the nodes end with their parent.
#[derive(Debug)]
pub(crate) struct Spawner {
    orders: mpsc::Sender<Order>,
}

type Order = (Launch, oneshot::Sender<io::Result<NodeProcess>>);

impl Spawner {
    /// Starts the thread. Must be called within a tokio runtime, which will watch the processes.
    pub(crate) fn start() -> io::Result<Self> {
        let (orders, queue) = mpsc::channel::<Order>();
        let runtime = tokio::runtime::Handle::current();
        std::thread::Builder::new().name("spawner".to_owned()).spawn(move || {
            let _runtime = runtime.enter();
            for (launch, reply) in queue {
                // A process that nobody waits for any more is killed when it is dropped here.
                let _ = reply.send(spawn(launch));
            }
            // The manager is about to end, and with it the process; until then this thread stays.
            loop {
                std::thread::park();
            }
        })?;
        Ok(Self { orders })
    }

    /// Has the process spawned; the answer comes when that is done.
    pub(crate) fn spawn(&self, launch: Launch) -> oneshot::Receiver<io::Result<NodeProcess>> {
        let (reply, answer) = oneshot::channel();
        // If the thread were gone, the reply is dropped and the receiver says so.
        let _ = self.orders.send((launch, reply));
        answer
    }
}

fn spawn(launch: Launch) -> io::Result<NodeProcess> {
    let Launch { program, args, socket, log } = launch;
    let stderr = File::options().create(true).append(true).open(&log)?;
    let log_from = stderr.metadata()?.len();
    let mut command = match &program {
        Program::Own => {
            let mut command = std::process::Command::new(own_executable()?);
            command.arg("node");
            command
        }
        Program::Other(path) => std::process::Command::new(path),
    };
    command
        .args(args)
        .env("LISTEN_FDS", "1")
        .env_remove("LISTEN_PID")
        .env_remove("LISTEN_FDNAMES")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(stderr)
        // A group of its own, so that Ctrl-C reaches the manager alone and the nodes end in order.
        .process_group(0);
    command
        .fd_mappings(vec![FdMapping { parent_fd: OwnedFd::from(socket), child_fd: FIRST_SOCKET }])
        .map_err(io::Error::other)?;
    let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    let pid = child.id().ok_or_else(|| io::Error::other("it ended before it had a pid"))?;
    let (stdout, lifeline) = (child.stdout.take(), child.stdin.take());
    Ok(NodeProcess { pid, child, stdout, _lifeline: lifeline, log, log_from })
}

/// This program's file, also when another build has since taken its place on disk.
pub(crate) fn own_executable() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    if path.exists() || !Path::new("/proc/self/exe").exists() {
        return Ok(path);
    }
    Ok(PathBuf::from("/proc/self/exe"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_this_run_are_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "old\nnew 1\nnew 2\n").unwrap();
        assert_eq!(last_lines(file.path(), 4).unwrap(), ["new 1", "new 2"]);
        assert!(last_lines(file.path(), 16).unwrap().is_empty());
        let long: String = (0..10_000).map(|n| format!("line {n}\n")).collect();
        std::fs::write(file.path(), long).unwrap();
        let lines = last_lines(file.path(), 0).unwrap();
        assert_eq!((lines.len(), lines[19].as_str()), (20, "line 9999"));
    }

    #[test]
    fn ends_are_told_in_words() {
        assert_eq!(Exit::Ended(ExitStatus::from_raw(3 << 8)).to_string(), "exit status 3");
        assert_eq!(Exit::Ended(ExitStatus::from_raw(9)).to_string(), "ended by SIGKILL");
    }
}
