//! Starts networks and watches them. Waits are for lines, answers and ends; each has a generous limit,
//! so that a test that would hang fails with what was seen. No process outlives its test.

use std::io::{BufRead as _, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::Value;

use crate::http::{self, Answer};

/// Longest that anything may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);
/// How many nodes the networks here have.
pub(crate) const NODES: u16 = 6;

/// What a finished program left.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// Checks that it failed, with one sentence on stderr that holds all `words`.
    pub(crate) fn refused(&self, words: &[&str]) {
        assert_eq!(self.status.code(), Some(1), "{}{}", self.stdout, self.stderr);
        assert!(self.stderr.starts_with("error: "), "{}", self.stderr);
        words.iter().for_each(|word| assert!(self.stderr.contains(word), "{word:?} is not in: {}", self.stderr));
    }
}

/// The program with these words.
pub(crate) fn program(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_networkmngr"));
    command.args(words).stdin(Stdio::null()).env_remove("RUST_LOG").env_remove("LISTEN_FDS");
    command
}

/// The program to start a network of [`NODES`] nodes.
pub(crate) fn starting(folder: &Path, port: u16, more: &[&str]) -> Command {
    let mut command = program(&["-p", &port.to_string(), "-a", &NODES.to_string(), "--data-dir"]);
    command.arg(folder).args(more);
    command
}

/// Runs a program to its end.
pub(crate) fn finish(command: &mut Command) -> Finished {
    let output = command.output().unwrap();
    Finished {
        status: output.status,
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The first of neighbouring ports for a whole network and one node more, free now. They lie below
/// those that the system gives out on its own.
pub(crate) fn free_ports() -> u16 {
    let mut tried = (0..1000).map(|_| rand::random_range(15_000..32_000_u16));
    let free = |base: u16| (base..base + NODES + 2).map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
    tried.find(|base| free(*base).collect::<Result<Vec<_>, _>>().is_ok()).unwrap()
}

/// A running network. When it is dropped, its manager is killed, and with it its nodes.
pub(crate) struct Network {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    stderr: Receiver<String>,
    port: u16,
    folder: PathBuf,
}

impl Network {
    /// Starts a network and waits until it is ready. Other ports are tried when somebody took one of
    /// the first in the meantime.
    pub(crate) fn start(folder: &Path, more: &[&str]) -> Self {
        (0..20).find_map(|_| Self::try_start(folder, more)).unwrap()
    }

    fn try_start(folder: &Path, more: &[&str]) -> Option<Self> {
        let port = free_ports();
        let mut command = starting(folder, port, more);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        let stderr = lines_of(child.stderr.take().unwrap());
        let mut network = Self { child, lines, seen: Vec::new(), stderr, port, folder: folder.to_owned() };
        if network.line("shutdown/all").is_some() {
            return Some(network);
        }
        let errors = network.errors();
        assert!(errors.contains("in use by another program"), "{errors}");
        None
    }

    /// Waits for the next line with `words` in it; `None` if the output ends before.
    fn line(&mut self, words: &str) -> Option<String> {
        let until = Instant::now() + LIMIT;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(words) {
                        return Some(line);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => panic!("no line with {words:?}, but: {:#?}", self.seen),
            }
        }
    }

    /// Waits for a line that must come.
    pub(crate) fn expect(&mut self, words: &str) -> String {
        self.line(words).unwrap_or_else(|| panic!("no line with {words:?}, but: {:#?}", self.seen))
    }

    fn errors(&self) -> String {
        self.stderr.iter().collect::<Vec<_>>().join("\n")
    }

    /// Sends the manager a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        nix::sys::signal::kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Waits for the manager's end.
    pub(crate) fn ended(mut self) -> Finished {
        assert_eq!(self.line("\0"), None);
        let status = self.child.wait().unwrap();
        Finished { status, stdout: self.seen.join("\n"), stderr: self.errors() }
    }

    /// Ends the network as users do; checks that all ended well and nothing is left.
    pub(crate) fn stop(self) {
        let processes = self.processes();
        let answer = self.ask("POST", "/shutdown/all");
        assert_eq!(answer.json()["stopped"], processes.len());
        let finished = self.ended();
        assert_eq!((finished.status.code(), finished.stderr.as_str()), (Some(0), ""), "{}", finished.stdout);
        let left: Vec<_> = processes.into_iter().filter(Process::is_alive).collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// Asks the manager.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Answer {
        let answer = http::ask(&format!("127.0.0.1:{}", self.port), method, path, b"");
        answer.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// An order with a JSON body for the manager, to be given from any thread.
    pub(crate) fn order(&self, path: &'static str, body: Value) -> impl FnOnce() -> Answer + Send + 'static {
        let (address, body) = (format!("127.0.0.1:{}", self.port), serde_json::to_vec(&body).unwrap());
        move || http::ask(&address, "POST", path, &body).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Gives the manager an order that it must take.
    pub(crate) fn post(&self, path: &str) -> Value {
        let answer = self.ask("POST", path);
        assert!(matches!(answer.status, 200 | 201), "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// What a GET of the manager gives.
    pub(crate) fn get(&self, path: &str) -> Value {
        self.ask("GET", path).json()
    }

    /// What a GET of node `number` gives.
    pub(crate) fn node(&self, number: u16, path: &str) -> Answer {
        let answer = http::ask(&format!("127.0.0.1:{}", self.port + 1 + number), "GET", path, b"");
        answer.unwrap_or_else(|error| panic!("node {number}, {path}: {error}"))
    }

    /// What a POST to node `number` gives; no body is sent for null.
    pub(crate) fn order_at(&self, number: u16, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() };
        let answer = http::ask(&format!("127.0.0.1:{}", self.port_of(number)), "POST", path, &body);
        answer.unwrap_or_else(|error| panic!("node {number}, {path}: {error}"))
    }

    /// The port of node `number`.
    pub(crate) fn port_of(&self, number: u16) -> u16 {
        self.port + 1 + number
    }

    /// Mines so many bursts in quick succession; each must end in agreement.
    pub(crate) fn mine(&self, bursts: u32) {
        self.post(&format!("/start/mining?times={bursts}&min=0&max=0.1"));
        let job = wait_for("the job is done", LIMIT, || {
            let job = self.get("/status")["job"].take();
            (job["state"] == "done").then_some(job)
        });
        for burst in job["bursts"].as_array().unwrap() {
            assert_eq!((&burst["survey"]["agree"], &burst["failure"]), (&true.into(), &Value::Null), "{burst}");
        }
    }

    /// The one chain that the first `nodes` nodes hold, byte for byte.
    pub(crate) fn chain(&self, nodes: u16) -> Vec<u8> {
        let first = self.node(0, "/chain").body;
        (1..nodes).for_each(|number| assert!(self.node(number, "/chain").body == first, "node {number} differs"));
        first
    }

    /// What `network.json` says.
    pub(crate) fn record(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.folder.join("network.json")).unwrap()).unwrap()
    }

    /// The nodes' ids, by number.
    pub(crate) fn ids(&self) -> Vec<String> {
        let record = self.record();
        let nodes = record["nodes"].as_array().unwrap().iter();
        nodes.map(|node| node["id"].as_str().unwrap().to_owned()).collect()
    }

    /// The nodes' processes, as `network.json` has them.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let record = self.record();
        let nodes = record["nodes"].as_array().unwrap().iter();
        let process = |node: &Value| Process {
            pid: node["process"]["pid"].as_u64().unwrap(),
            started: node["process"]["pid_started"].as_u64(),
        };
        nodes.map(process).collect()
    }

    /// Runs a command on this network, such as `status`.
    pub(crate) fn run(&self, words: &[&str]) -> Finished {
        finish(program(words).arg("--data-dir").arg(&self.folder))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process, told by its start time from a later one with the same pid.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: u64,
    started: Option<u64>,
}

impl Process {
    /// Whether it still runs; one that nobody has reaped yet does not. Without `/proc`: no.
    pub(crate) fn is_alive(&self) -> bool {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)) else { return false };
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let fields: Vec<&str> = fields.split(' ').collect();
        !matches!(fields[0], "Z" | "X") && fields[19].parse().ok() == self.started
    }
}

/// Waits until `condition` gives something.
pub(crate) fn wait_for<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + limit;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < until, "not within {} s: {what}", limit.as_secs());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The hashes of a chain as `GET /chain` gives it.
pub(crate) fn hashes(chain: &[u8]) -> Vec<String> {
    let chain: Value = serde_json::from_slice(chain).unwrap();
    let blocks = chain["chain"].as_array().unwrap().iter();
    blocks.map(|block| block["hash"].as_str().unwrap().to_owned()).collect()
}

fn lines_of(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
