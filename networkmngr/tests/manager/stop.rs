//! Every way to end: asked, by signal, with nodes that will not, and by SIGKILL.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::{Manager, folder, run};

#[test]
fn shutdown_all_tells_how_each_node_ended() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 3, "", &[]);
    let stopped = manager.get("/shutdown/all").unwrap();
    assert_eq!(stopped["stopped"], 3);
    assert_eq!(stopped["nodes"][2], serde_json::json!({"number": 2, "how": "exit status 0"}));
    let ended = manager.ended();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert_eq!(ended.stderr, "");
}

#[test]
fn signals_end_the_network_in_order() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let dir = folder();
        let manager = Manager::start(dir.path(), 2, "", &[]);
        manager.signal(signal);
        let ended = manager.ended();
        assert_eq!(ended.status.code(), Some(0), "{signal}: {}", ended.stderr);
        assert!(ended.stdout.contains("nodes 0-1: exit status 0"), "{}", ended.stdout);
    }
}

#[test]
fn a_node_that_ignores_everything_is_killed_and_reported() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 3, "1=ignore-stop", &["--wait-for-exit", "1"]);
    let stopped = manager.post("/shutdown/all").unwrap();
    assert_eq!(stopped["nodes"][1]["how"], "ended by SIGKILL");
    let ended = manager.ended();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("node 1: ended by SIGKILL"), "{}", ended.stdout);
    assert!(ended.stdout.contains("nodes 0, 2: exit status 0"), "{}", ended.stdout);
}

#[test]
fn a_start_is_interrupted_in_order() {
    let dir = folder();
    let manager = Manager::begin(dir.path(), 3, "1=never-ready");
    manager.signal(Signal::SIGTERM);
    let ended = manager.ended();
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(ended.stderr, "error: SIGTERM came before the network was ready");
    let nodes = crate::support::record(dir.path())["nodes"].clone();
    assert!(nodes.as_array().unwrap().iter().all(|node| node["process"].is_null()), "{nodes}");
}

#[test]
fn a_second_ctrl_c_ends_everything_at_once() {
    let dir = folder();
    let mut manager = Manager::start(dir.path(), 2, "all=ignore-stop", &["--wait-for-exit", "3600"]);
    manager.signal(Signal::SIGINT);
    manager.expect("stopping after Ctrl-C; once more ends it at once");
    manager.signal(Signal::SIGINT);
    let ended = manager.ended();
    assert_eq!(ended.status.code(), Some(130), "{}", ended.stderr);
    assert!(ended.stdout.contains("nodes 0-1: ended by SIGKILL"), "{}", ended.stdout);
}

#[test]
fn stop_ends_the_network_and_later_commands_say_that_none_runs() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 2, "", &[]);
    let stopped = manager.run(&["stop"]);
    assert!(stopped.status.success(), "{}", stopped.stderr);
    assert_eq!(stopped.stdout, "nodes 0-1: exit status 0\nthe manager has ended\n");
    for command in ["stop", "status", "mine"] {
        let refused = manager.run(&[command]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(refused.stderr.contains("is not running"), "{}", refused.stderr);
    }
    assert_eq!(manager.ended().status.code(), Some(0));
    let nowhere = dir.path().join("nowhere");
    let refused = run(&["status", "--data-dir", nowhere.to_str().unwrap()]);
    assert!(refused.stderr.contains("there is no network in"), "{}", refused.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_manager_takes_stubborn_nodes_with_it() {
    leaves_no_orphan("all=ignore-stop");
}

#[test]
fn the_lifeline_alone_ends_the_nodes_of_a_killed_manager() {
    leaves_no_orphan("all=orphan");
}

/// Kills the manager and waits for the system to close the nodes' connections, which it does for a
/// process that ended.
fn leaves_no_orphan(faults: &str) {
    let dir = folder();
    let manager = Manager::start(dir.path(), 3, faults, &[]);
    let mut connections: Vec<TcpStream> = (0..3).map(|n| connected(manager.port + 1 + n)).collect();
    manager.signal(Signal::SIGKILL);
    let before = manager.record();
    manager.ended();
    for connection in &mut connections {
        let mut rest = Vec::new();
        match connection.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }
    // The folder is free again, and what was left in it does not confuse the next start.
    assert!(before["manager"].is_object());
    let refused = run(&["status", "--data-dir", dir.path().to_str().unwrap()]);
    assert!(refused.stderr.contains("is not running"), "{}", refused.stderr);
    Manager::start(dir.path(), 3, "", &[]).stop();
}

/// A connection that the node has taken, and answered on, and keeps open.
fn connected(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "GET /health HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n").unwrap();
    let mut first = [0; 15];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    stream
}

/// The timeline has what is done to a node in the order in which it was done, however quickly that goes.
#[test]
fn the_timeline_has_the_life_of_each_node_in_order() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 3, "", &[]);
    for number in 0..3 {
        for order in ["kill", "restart", "pause", "resume", "restart", "pause", "kill"] {
            manager.post(&format!("/nodes/{number}/{order}")).unwrap();
        }
    }
    manager.post("/nodes/2/remove").unwrap();
    manager.stop();
    let text = std::fs::read_to_string(dir.path().join("timeline.jsonl")).unwrap();
    let entries: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for number in 0..3 {
        let mut told: Vec<&str> = entries
            .iter()
            .filter(|entry| entry["node"] == number)
            .filter_map(|entry| entry["event"].as_str())
            .filter(|event| *event != "held")
            .collect();
        assert!(number != 2 || told.pop() == Some("removed"), "{told:?}");
        let [first, second] = [["started", "ready", "ended"], ["started", "ready", "paused"]];
        let third = ["resumed", "ended", "started", "ready", "paused", "ended"];
        assert_eq!(told, [&first[..], &second, &third].concat(), "node {number}");
    }
}
