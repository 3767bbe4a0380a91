//! Nodes that die, pause, restart or join later, in a network that goes on mining meanwhile.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::support::{LIMIT, NODES, Network, wait_for};

/// Waits until node `number` holds the tip of node 0.
fn caught_up(network: &Network, number: u16) {
    let tip = |number| network.node(number, "/health").json()["tip"].take();
    wait_for("the node has caught up", LIMIT, || (tip(number) == tip(0)).then_some(()));
}

#[test]
fn a_node_that_was_killed_is_reported_restarted_and_catches_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut network = Network::start(dir.path(), &[]);
    network.mine(1);
    let victim = &network.processes()[2];
    kill(Pid::from_raw(victim.pid.try_into().unwrap()), Signal::SIGKILL).unwrap();
    network.expect("node 2 ended by itself: ended by SIGKILL");
    let seen = network.get("/nodes")["nodes"][2].take();
    assert_eq!((&seen["state"], &seen["exit"]), (&"ended".into(), &"ended by SIGKILL".into()));
    assert_eq!(network.node(2, "/chain").status, 503);
    network.mine(2);

    let ids = network.ids();
    assert_eq!(network.post("/nodes/2/restart")["state"], "running");
    caught_up(&network, 2);
    assert_eq!(network.ids(), ids);
    network.mine(1);
    network.chain(NODES);
    network.stop();
}

#[test]
fn paused_and_added_nodes_catch_up() {
    let dir = tempfile::tempdir().unwrap();
    let network = Network::start(dir.path(), &[]);
    assert_eq!(network.post("/nodes/1/pause")["state"], "paused");
    network.mine(2);
    assert_eq!(network.post("/nodes/1/resume")["state"], "running");
    caught_up(&network, 1);

    assert_eq!(network.post("/nodes")["number"], NODES);
    caught_up(&network, NODES);
    network.mine(1);
    network.chain(NODES + 1);
    network.stop();
}

#[test]
fn one_reorganisation_to_order_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let network = Network::start(dir.path(), &[]);
    network.mine(2);
    // The node does not answer, so whichever order comes first is still under way when the other one comes.
    let node = Pid::from_raw(network.processes()[1].pid.try_into().unwrap());
    kill(node, Signal::SIGSTOP).unwrap();
    let (answered, answers) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (order, answered) = (network.order("/reorg", json!({"node": 1, "depth": 1})), answered.clone());
            scope.spawn(move || answered.send(order()));
        }
        let refused = answers.recv_timeout(LIMIT).unwrap();
        kill(node, Signal::SIGCONT).unwrap();
        let text = String::from_utf8_lossy(&refused.body);
        assert!(refused.status == 409 && text.contains("reorganisation is under way"), "{text}");
        let done = answers.recv_timeout(LIMIT).unwrap();
        assert_eq!(done.status, 200, "{}", String::from_utf8_lossy(&done.body));
    });
    network.stop();
}
