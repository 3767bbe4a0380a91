//! Starts the program and talks to it. Waits are for lines, answers and ends, never for time to pass;
//! each has a generous limit, so that a test that would hang fails with what was seen.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use node::client::{Client, ClientError};
use serde_json::Value;
use tempfile::TempDir;

/// Longest that anything may take.
const LIMIT: Duration = Duration::from_secs(60);

/// What a finished program left.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A running manager. When it is dropped, it is killed, and with it its nodes.
pub(crate) struct Manager {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    stderr: Receiver<String>,
    pub(crate) port: u16,
    pub(crate) folder: PathBuf,
}

/// A folder for one test, in which its networks live.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The built fake node.
pub(crate) fn fake_node() -> PathBuf {
    let bin = Path::new(env!("CARGO_BIN_EXE_networkmngr"));
    let path = bin.with_file_name("examples").join("fake_node");
    assert!(path.exists(), "build it first: cargo build -p networkmngr --examples");
    path
}

/// The program with these words.
pub(crate) fn program(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_networkmngr"));
    command.args(words).stdin(Stdio::null()).env_remove("FAKE_NODE_FAULTS");
    command
}

/// Runs the program with these words to its end.
pub(crate) fn run(words: &[&str]) -> Finished {
    finish(program(words))
}

fn finish(mut command: Command) -> Finished {
    let output = command.output().unwrap();
    Finished {
        status: output.status,
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The first of `count` neighbouring ports that are free now. They lie below those that the system
/// gives out on its own.
pub(crate) fn free_ports(count: u16) -> u16 {
    for _ in 0..1000 {
        let base = rand::random_range(15_000..32_000_u16);
        let bound = (0..count).map(|n| TcpListener::bind((Ipv4Addr::LOCALHOST, base + n)));
        if bound.collect::<Result<Vec<_>, _>>().is_ok() {
            return base;
        }
    }
    panic!("no {count} neighbouring ports are free");
}

fn command(folder: &Path, port: u16, amount: u16, faults: &str, more: &[&str]) -> Command {
    let mut command = program(&["-p", &port.to_string(), "-a", &amount.to_string(), "--data-dir"]);
    command.arg(folder).arg("--node-bin").arg(fake_node()).args(more);
    command.env("FAKE_NODE_FAULTS", faults);
    command
}

/// Starts a network that is expected not to come up, and returns what it left. Another try is made
/// when somebody else took one of its ports in the meantime.
pub(crate) fn failing(folder: &Path, amount: u16, faults: &str, more: &[&str]) -> Finished {
    loop {
        let port = free_ports(amount + 1);
        let finished = finish(command(folder, port, amount, faults, more));
        if !finished.stderr.contains("in use by another program") {
            return finished;
        }
    }
}

impl Manager {
    /// Starts a network of fake nodes and waits until it is ready.
    pub(crate) fn start(folder: &Path, amount: u16, faults: &str, more: &[&str]) -> Self {
        Self::start_until("shutdown/all", folder, amount, faults, more)
    }

    /// Starts a network of fake nodes and waits only for its first line.
    pub(crate) fn begin(folder: &Path, amount: u16, faults: &str) -> Self {
        Self::start_until("starting", folder, amount, faults, &[])
    }

    fn start_until(words: &str, folder: &Path, amount: u16, faults: &str, more: &[&str]) -> Self {
        loop {
            // One port more, for a node that a test may add.
            let port = free_ports(amount + 2);
            let mut manager = Self::spawn(command(folder, port, amount, faults, more), folder, port);
            if manager.line(words).is_some() {
                return manager;
            }
            let errors = manager.errors();
            assert!(errors.contains("in use by another program"), "{errors}");
        }
    }

    fn spawn(mut command: Command, folder: &Path, port: u16) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        let stderr = lines_of(child.stderr.take().unwrap());
        Self { child, lines, seen: Vec::new(), stderr, port, folder: folder.to_owned() }
    }

    /// Waits for the next line with `words` in it; `None` if the output ends before.
    pub(crate) fn line(&mut self, words: &str) -> Option<String> {
        loop {
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(words) {
                        return Some(line);
                    }
                }
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(_) => panic!("no line with {words:?}, but: {:#?}", self.seen),
            }
        }
    }

    /// Like [`Manager::line`], for a line that must come.
    pub(crate) fn expect(&mut self, words: &str) -> String {
        self.line(words).unwrap_or_else(|| panic!("no line with {words:?}, but: {:#?}", self.seen))
    }

    fn errors(&self) -> String {
        self.stderr.iter().collect::<Vec<_>>().join("\n")
    }

    /// Waits for the manager's end; returns its exit status and all that it printed.
    pub(crate) fn ended(mut self) -> Finished {
        while self.line("\0").is_some() {}
        let status = self.child.wait().unwrap();
        Finished { status, stdout: self.seen.join("\n"), stderr: self.errors() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends the manager a signal.
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.pid().try_into().unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// Address of the manager.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Address of node `number`.
    pub(crate) fn node(&self, number: u16) -> String {
        format!("http://127.0.0.1:{}", self.port + 1 + number)
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value, ClientError> {
        get(&format!("{}{path}", self.address()))
    }

    pub(crate) fn post(&self, path: &str) -> Result<Value, ClientError> {
        post(&format!("{}{path}", self.address()))
    }

    /// Gives the manager an order with a JSON body.
    pub(crate) fn order(&self, path: &str, body: Value) -> Result<Value, ClientError> {
        block_on(Client::new().post(&format!("{}{path}", self.address()), &body, LIMIT))
    }

    /// The error that the manager answers to an order: status and sentence.
    pub(crate) fn order_refused(&self, path: &str, body: Value) -> (u16, String) {
        let error = self.order(path, body).unwrap_err();
        let status = error.status().unwrap_or_else(|| panic!("{error}"));
        (status.as_u16(), error.to_string())
    }

    /// The error that the manager answers to a POST: status and sentence.
    pub(crate) fn refused(&self, path: &str) -> (u16, String) {
        let error = self.post(path).unwrap_err();
        let status = error.status().unwrap_or_else(|| panic!("{error}"));
        (status.as_u16(), error.to_string())
    }

    /// What `network.json` says.
    pub(crate) fn record(&self) -> Value {
        record(&self.folder)
    }

    /// Runs a command on this network, such as `status`.
    pub(crate) fn run(&self, words: &[&str]) -> Finished {
        let mut command = program(words);
        command.arg("--data-dir").arg(&self.folder);
        finish(command)
    }

    /// Ends the network as users do, and checks that all ended well.
    pub(crate) fn stop(self) -> Finished {
        self.post("/shutdown/all").unwrap();
        let finished = self.ended();
        assert!(finished.status.success(), "{}", finished.stderr);
        finished
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The body of the manager's answer to a GET, which must succeed.
pub(crate) fn text(manager: &Manager, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", manager.port)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nhost: 127.0.0.1:{}\r\n\r\n", manager.port).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.split(' ').nth(1) == Some("200"), "{path}: {head}");
    body.to_owned()
}

/// What `network.json` in this folder says.
pub(crate) fn record(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("network.json")).unwrap()).unwrap()
}

pub(crate) fn get(url: &str) -> Result<Value, ClientError> {
    block_on(Client::new().get(url, LIMIT))
}

pub(crate) fn post(url: &str) -> Result<Value, ClientError> {
    block_on(Client::new().post_json(url, bytes::Bytes::new(), LIMIT))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(future)
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
