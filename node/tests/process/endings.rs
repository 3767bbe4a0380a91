//! Every way to end a node that is no fault: exit status 0, whatever it is doing at the moment.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;

use command_fds::{CommandFdExt as _, FdMapping};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::http;
use crate::process::{LIMIT, Node, easy_genesis, program, text, wait_for};

/// A node under a manager, which is this test: its socket is handed over, its stdin is the lifeline.
pub(crate) fn managed(folder: &Path) -> Node {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut command = program(&["--managed", "--data-dir"]);
    command.arg(folder).env("LISTEN_FDS", "1").stdin(Stdio::piped()).stdout(Stdio::piped());
    command.fd_mappings(vec![FdMapping { parent_fd: OwnedFd::from(socket), child_fd: 3 }]).unwrap();
    Node::answering(&mut command)
}

#[test]
fn signals_end_a_node_and_its_chain_stays() {
    let dir = tempfile::tempdir().unwrap();
    let mut chain = Vec::new();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let node = Node::start(dir.path(), &[]);
        assert!(chain.is_empty() || node.chain() == chain, "{signal}");
        node.mine();
        chain = node.chain();
        node.process.signal(signal);
        node.process.ended().well();
    }
}

#[test]
fn a_busy_node_ends_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = easy_genesis(dir.path(), "easy");
    let folder = dir.path().join("node");
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let node = Node::start(&folder, &["--genesis", text(&genesis)]);
        let before = node.get("/health")["height"].as_u64().unwrap();
        assert_eq!(node.ask("POST", "/mining/start", b"").json()["mining"], true);
        wait_for("it mines", LIMIT, || (node.get("/health")["height"].as_u64()? > before + 10).then_some(()));
        // Requests without an end, half a request, and a connection that says nothing.
        let events = http::send(&node.host, "GET", "/events", b"").unwrap();
        let mut half = TcpStream::connect(&node.host).unwrap();
        half.write_all(b"POST /mine HTTP/1.1\r\nhost:").unwrap();
        let silent = TcpStream::connect(&node.host).unwrap();
        node.process.signal(signal);
        node.process.ended().well();
        drop((events, half, silent));
    }
    let node = Node::start(&folder, &[]);
    assert_eq!(node.get("/valid")["valid"], true);
    node.stop();
}

#[test]
fn a_request_to_mine_does_not_hold_up_the_end() {
    let dir = tempfile::tempdir().unwrap();
    // One hash a second finds no block in this test.
    let node = Node::start(dir.path(), &["--hash-rate", "1"]);
    let waiting = http::send(&node.host, "POST", "/mine", b"").unwrap();
    wait_for("it mines", LIMIT, || node.get("/health")["mining"].as_bool()?.then_some(()));
    node.process.signal(Signal::SIGTERM);
    let answer = http::receive(waiting).unwrap();
    assert_eq!((answer.status, answer.detail().contains("stopping")), (503, true), "{}", answer.detail());
    node.process.ended().well();
}

#[test]
fn a_managed_node_says_who_it_is_and_ends_with_its_lifeline() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = managed(dir.path());
    let mut stdout = BufReader::new(node.process.stdout());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let mut said: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(said["miner"].take(), node.get("/wallet")["address"]);
    said.as_object_mut().unwrap().remove("miner");
    assert_eq!(said, node.get("/node/id"));
    assert_eq!(said["address"], format!("http://{}", node.host));
    node.mine();
    node.process.close_stdin();
    node.process.ended().well();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "stdout is for the ready line alone");
}

#[test]
fn a_managed_node_ends_by_request_and_signal_too() {
    let dir = tempfile::tempdir().unwrap();
    managed(dir.path()).stop();
    let node = managed(dir.path());
    node.process.signal(Signal::SIGTERM);
    node.process.ended().well();
}
