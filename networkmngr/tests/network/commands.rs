//! The commands that attach to a running network.

use serde_json::Value;

use crate::support::{NODES, Network};

#[test]
fn status_mine_logs_and_stop_work_on_a_running_network() {
    let dir = tempfile::tempdir().unwrap();
    let network = Network::start(dir.path(), &[]);
    let mined = network.run(&["mine", "--times", "3", "--min", "0", "--max", "0.1"]);
    assert!(mined.status.success(), "{}{}", mined.stdout, mined.stderr);
    assert_eq!(mined.stdout.matches("all 6 nodes agree").count(), 3, "{}", mined.stdout);
    network.chain(NODES);

    let status = network.run(&["status"]);
    assert_eq!(status.stdout.matches("running").count(), usize::from(NODES), "{}", status.stdout);
    assert!(status.stdout.contains("all 6 nodes agree"), "{}", status.stdout);
    let status: Value = serde_json::from_str(&network.run(&["status", "--json"]).stdout).unwrap();
    assert_eq!(status["status"]["job"]["state"], "done");
    for (node, process) in status["nodes"].as_array().unwrap().iter().zip(network.processes()) {
        assert_eq!(node["pid"], process.pid);
        assert_eq!(node["tip"], status["status"]["agreement"]["tips"][0]["tip"]);
    }

    let log = network.run(&["logs", "2"]);
    assert!(log.stdout.contains(&format!("answers on http://127.0.0.1:{}", network.port_of(2))), "{}", log.stdout);
    let peers = network.record()["nodes"][2]["peer_addresses"][0].as_str().unwrap().to_owned();
    assert!(peers.contains("/p2p/"), "{peers}");
    assert!(log.stdout.contains(&format!("peers connect to {peers}\n")), "{}", log.stdout);
    assert!(log.stdout.contains("joined the chain"), "{}", log.stdout);
    let logs = network.run(&["logs", "-n", "1"]);
    assert!(logs.stdout.lines().count() >= usize::from(NODES), "{}", logs.stdout);
    network.run(&["logs", "6"]).refused(&["6"]);

    let processes = network.processes();
    let stopped = network.run(&["stop"]);
    assert_eq!(stopped.stdout, "nodes 0-5: exit status 0\nthe manager has ended\n", "{}", stopped.stderr);
    assert!(!processes.iter().any(|process| process.is_alive()));
    network.run(&["status"]).refused(&["is not running"]);
    assert_eq!(network.ended().status.code(), Some(0));
}
