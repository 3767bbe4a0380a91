//! Starts the node's program and watches it. Waits are for lines, answers and ends; each has a
//! generous limit, so that a test that would hang fails with what was seen. No process outlives its test.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::Value;
use shared::{Amount, ChainSpec};

use crate::http::{self, Answer};

/// Longest that anything may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// The node's program with these words.
pub(crate) fn program(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_node"));
    command.args(words).env_remove("RUST_LOG").env_remove("LISTEN_FDS");
    command
}

/// A running program whose log is read. When it is dropped, the program is killed.
pub(crate) struct Process {
    child: Child,
    log: Receiver<String>,
    seen: Vec<String>,
}

/// What a program that has ended left.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    /// All lines that it wrote on stderr.
    pub(crate) log: Vec<String>,
}

impl Process {
    /// Starts the program with nothing to read on stdin, unless the command says otherwise.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, log) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, log, seen: Vec::new() }
    }

    /// Waits for the next line of the log with `words` in it; `None` if the log ends before.
    pub(crate) fn line(&mut self, words: &str) -> Option<String> {
        let until = Instant::now() + LIMIT;
        loop {
            match self.log.recv_timeout(until.saturating_duration_since(Instant::now())) {
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

    /// Like [`Process::line`], for a line that must come.
    pub(crate) fn expect(&mut self, words: &str) -> String {
        self.line(words).unwrap_or_else(|| panic!("no line with {words:?}, but: {:#?}", self.seen))
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        nix::sys::signal::kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Closes the program's stdin, if it is a pipe.
    pub(crate) fn close_stdin(&mut self) {
        drop(self.child.stdin.take());
    }

    /// The program's stdout, if it is a pipe.
    pub(crate) fn stdout(&mut self) -> std::process::ChildStdout {
        self.child.stdout.take().unwrap()
    }

    /// Waits for the program's end.
    pub(crate) fn ended(mut self) -> Finished {
        // Its log ends with it.
        assert_eq!(self.line("\0"), None);
        let status = self.child.wait().unwrap();
        Finished { status, log: std::mem::take(&mut self.seen) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// Checks that the program ended because of a fault, told in one sentence that holds all `words`.
    pub(crate) fn refused(&self, words: &[&str]) {
        assert_eq!(self.status.code(), Some(1), "{:#?}", self.log);
        let errors: Vec<_> = self.log.iter().filter(|line| line.starts_with("error: ")).collect();
        let [error] = errors.as_slice() else { panic!("one line should tell the error: {:#?}", self.log) };
        assert_eq!(self.log.last(), Some(*error), "{:#?}", self.log);
        words.iter().for_each(|word| assert!(error.contains(word), "{word:?} is not in: {error}"));
        for odd in ["panicked", "Os {", "Error(", "os error 0"] {
            assert!(!self.log.iter().any(|line| line.contains(odd)), "{:#?}", self.log);
        }
    }

    /// Checks that the program ended as it was asked to.
    pub(crate) fn well(&self) {
        assert_eq!(self.status.code(), Some(0), "{:?}: {:#?}", self.status.signal(), self.log);
        assert!(self.log.iter().any(|line| line.ends_with("stopped")), "{:#?}", self.log);
    }
}

/// A node that answers.
pub(crate) struct Node {
    pub(crate) process: Process,
    /// Address and port of its HTTP interface.
    pub(crate) host: String,
}

impl Node {
    /// Starts a node on any free ports and waits until it answers.
    pub(crate) fn start(folder: &Path, more: &[&str]) -> Self {
        let mut command = program(&["--port", "0", "--data-dir"]);
        Self::answering(command.arg(folder).args(more).stdin(Stdio::null()))
    }

    /// Starts a node by this command and waits until it answers.
    pub(crate) fn answering(command: &mut Command) -> Self {
        let mut process = Process::start(command);
        let line = process.expect(" answers on http://");
        let (_, host) = line.rsplit_once("http://").unwrap();
        Self { process, host: host.to_owned() }
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let answer = http::ask(&self.host, method, path, body);
        answer.unwrap_or_else(|error| panic!("{method} {path} at {}: {error}", self.host))
    }

    /// What a GET that must succeed gives.
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, b"");
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// The bytes of the whole chain.
    pub(crate) fn chain(&self) -> Vec<u8> {
        let answer = self.ask("GET", "/chain", b"");
        assert_eq!(answer.status, 200);
        answer.body
    }

    /// Mines a block and gives its hash.
    pub(crate) fn mine(&self) -> String {
        let answer = self.ask("POST", "/mine", b"");
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()["hash"].as_str().unwrap().to_owned()
    }

    pub(crate) fn tip(&self) -> Value {
        self.get("/health")["tip"].clone()
    }

    pub(crate) fn peers(&self) -> u64 {
        self.get("/health")["peers"].as_u64().unwrap()
    }

    /// Where peers connect, with the node's key.
    pub(crate) fn peer_address(&self) -> String {
        self.get("/node/id")["peer_addresses"][0].as_str().unwrap().to_owned()
    }

    /// Ends the node as users do, and checks that it ended well.
    pub(crate) fn stop(self) {
        assert_eq!(self.ask("POST", "/shutdown", b"").status, 200);
        self.process.ended().well();
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
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until all these nodes hold one tip, and gives it.
pub(crate) fn agreed(nodes: &[&Node], limit: Duration) -> Value {
    wait_for("all nodes hold one tip", limit, || {
        let tips: Vec<Value> = nodes.iter().map(|node| node.tip()).collect();
        tips.windows(2).all(|pair| pair[0] == pair[1]).then(|| tips[0].clone())
    })
}

/// A port that is free now. It lies below those that the system gives out on its own.
pub(crate) fn free_port() -> u16 {
    let mut tried = (0..1000).map(|_| rand::random_range(15_000..32_000_u16));
    tried.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).unwrap()
}

/// Writes the spec of a network where nearly every hash is a proof, however many blocks there are.
pub(crate) fn easy_genesis(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(format!("{name}.json"));
    let easiest = "207fffff".parse().unwrap();
    let spec = ChainSpec {
        name: name.into(),
        half_life: 1_000_000_000,
        easiest_bits: easiest,
        start_bits: easiest,
        subsidy: Amount::new(1000).unwrap(),
        ..ChainSpec::practice()
    };
    fs::write(&path, serde_json::to_vec(&spec).unwrap()).unwrap();
    path
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The hashes of a chain as `GET /chain` gives it.
pub(crate) fn hashes(chain: &[u8]) -> Vec<String> {
    let chain: Value = serde_json::from_slice(chain).unwrap();
    let blocks = chain["chain"].as_array().unwrap().iter();
    blocks.map(|block| block["hash"].as_str().unwrap().to_owned()).collect()
}
