//! Nodes that die, are killed, paused, resumed, restarted, added.

use serde_json::Value;

use crate::support::{Manager, folder, get, post};

fn state(manager: &Manager, number: usize) -> Value {
    manager.get("/nodes").unwrap()["nodes"][number].clone()
}

#[test]
fn a_death_is_reported_at_once_and_the_node_can_be_restarted() {
    let dir = folder();
    let mut manager = Manager::start(dir.path(), 3, "", &[]);
    let before = state(&manager, 1);
    // The node ends while it is asked, so no answer comes.
    post(&format!("{}/fake/die?status=3", manager.node(1))).unwrap_err();
    manager.expect("node 1 ended by itself: exit status 3; the last lines of its log:");
    manager.expect("error: told to die with status 3");

    let dead = state(&manager, 1);
    assert_eq!((&dead["state"], &dead["exit"]), (&"ended".into(), &"exit status 3".into()));
    assert_eq!(dead["id"], before["id"]);
    assert_eq!(manager.record()["nodes"][1]["process"], Value::Null);

    // Its port stays the network's, and somebody answers there.
    let error = get(&format!("{}/chain", manager.node(1))).unwrap_err();
    assert_eq!(error.status().unwrap().as_u16(), 503);
    assert!(error.to_string().contains("Node 1 is not running (exit status 3)"), "{error}");

    manager.post("/nodes/1/restart").unwrap();
    let after = state(&manager, 1);
    assert_eq!(after["state"], "running");
    assert_eq!(after["id"], before["id"]);
    assert_ne!(after["pid"], before["pid"]);
    let identity = get(&format!("{}/node/id", manager.node(1))).unwrap();
    assert_eq!(identity["nodes"].as_object().unwrap().len(), 2);
    assert_eq!(manager.record()["nodes"][1]["process"]["pid"], after["pid"]);
    manager.stop();
}

#[test]
fn a_node_is_killed_and_started_again_as_asked() {
    let dir = folder();
    let mut manager = Manager::start(dir.path(), 2, "", &[]);
    let killed = manager.post("/nodes/0/kill").unwrap();
    assert_eq!(killed["exit"], "ended by SIGKILL");
    let line = manager.expect("node 0");
    assert!(line.ends_with("node 0 was killed, as asked"), "{line}");
    let (status, detail) = manager.refused("/nodes/0/kill");
    assert_eq!((status, detail.as_str()), (409, "Node 0 is ended, so it cannot be killed."));
    manager.post("/nodes/0/restart").unwrap();
    // A node that runs is restarted as well.
    let before = state(&manager, 1)["pid"].clone();
    let after = manager.post("/nodes/1/restart").unwrap();
    assert_ne!(after["pid"], before);
    manager.stop();
}

#[test]
fn a_paused_node_is_silent_until_it_is_resumed() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 2, "", &[]);
    assert_eq!(manager.post("/nodes/1/pause").unwrap()["state"], "paused");
    assert_eq!(manager.refused("/nodes/1/pause").0, 409);
    let status = manager.get("/status").unwrap();
    assert_eq!(status["nodes"]["paused"], 1);
    assert_eq!(status["agreement"]["agree"], true);
    assert_eq!(manager.post("/nodes/1/resume").unwrap()["state"], "running");
    assert_eq!(manager.refused("/nodes/1/resume").0, 409);
    get(&format!("{}/health", manager.node(1))).unwrap();
    manager.post("/nodes/0/pause").unwrap();
    let stopped = manager.stop();
    assert!(stopped.stdout.contains("nodes 0-1: exit status 0"), "{}", stopped.stdout);
}

#[test]
fn a_node_more_is_added_and_known_to_all() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 2, "", &[]);
    let added = manager.post("/nodes").unwrap();
    assert_eq!(added["number"], 2);
    assert_eq!(added["address"], manager.node(2));
    for number in 0..3 {
        let identity = get(&format!("{}/node/id", manager.node(number))).unwrap();
        assert_eq!(identity["nodes"].as_object().unwrap().len(), 2, "node {number}");
    }
    assert_eq!(manager.record()["nodes"].as_array().unwrap().len(), 3);
    manager.stop();
}

#[test]
fn orders_to_nodes_that_are_none_are_refused() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 1, "", &[]);
    assert_eq!(manager.refused("/nodes/1/kill"), (404, "There is no node 1; the last one is 0.".into()));
    assert_eq!(manager.refused("/nodes/x/kill").0, 400);
    assert_eq!(manager.refused("/nodes/99999/restart").0, 400);
    assert_eq!(manager.refused("/nodes/0/explode").0, 404);
    manager.stop();
}
