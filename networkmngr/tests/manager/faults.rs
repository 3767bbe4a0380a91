//! Faults made on purpose, as far as the manager is concerned: who is told what, and when.

use serde_json::{Value, json};

use crate::support::{Finished, Manager, folder, get};

/// Whom the node is connected to, by number.
fn connected(manager: &Manager, number: u16) -> Vec<usize> {
    let peer =
        |number: u16| get(&format!("{}/node/id", manager.node(number))).ok()?["peer_id"].as_str().map(str::to_owned);
    let links = get(&format!("{}/links", manager.node(number))).unwrap();
    let connected: Vec<&str> = links["connected"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let nodes = manager.record()["nodes"].as_array().unwrap().len();
    let there = |other: &usize| peer(*other as u16).is_some_and(|peer| connected.contains(&peer.as_str()));
    (0..nodes).filter(there).collect()
}

fn says(finished: Finished, words: &str) {
    assert!(finished.status.success(), "{}", finished.stderr);
    assert!(finished.stdout.contains(words), "{}", finished.stdout);
}

fn fails(finished: Finished, words: &str) {
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stdout);
    assert!(finished.stderr.contains(words), "{}", finished.stderr);
}

#[test]
fn a_split_holds_for_nodes_that_restart_or_come_later() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 4, "", &[]);
    assert_eq!(connected(&manager, 0), [1, 2, 3]);
    says(
        manager.run(&["partition", "0-1", "2-3"]),
        "nodes 0-1 and 2-3 cannot reach each other any more (verified at 4 nodes)",
    );
    assert_eq!(connected(&manager, 0), [1]);
    assert_eq!(connected(&manager, 3), [2]);
    let status = manager.get("/status").unwrap();
    assert_eq!(status["faults"], json!({"groups": [[0, 1], [2, 3]], "rules": []}));
    says(manager.run(&["status"]), "split    0-1 | 2-3");

    says(manager.run(&["restart", "1"]), "node 1 was restarted");
    let started = get(&format!("{}/fake/start", manager.node(1))).unwrap();
    assert!(started["links"].as_str().unwrap().ends_with("node-001/links.json"), "{started}");
    assert_eq!(connected(&manager, 1), [0]);
    assert_eq!(connected(&manager, 0), [1]);

    says(manager.run(&["add"]), "node 4 was added");
    assert_eq!(connected(&manager, 4), [0; 0]);
    assert_eq!(manager.get("/status").unwrap()["faults"]["groups"], json!([[0, 1], [2, 3], [4]]));
    let replayed = manager.run(&["replay", "--json"]);
    let replayed: Value = serde_json::from_str(&replayed.stdout).unwrap();
    assert_eq!(replayed["groups"], json!([[0, 1], [2, 3], [4]]));
    let refused = manager.refused("/start/mining?times=1");
    assert!(refused.0 == 409 && refused.1.contains("The network is split"), "{refused:?}");

    says(manager.run(&["heal"]), "the network is whole again: 5 nodes are connected");
    (0..5).for_each(|number| assert_eq!(connected(&manager, number).len(), 4));
    says(manager.run(&["heal"]), "the network was not split");
    assert_eq!(manager.post("/nodes/1/restart").unwrap()["state"], "running");
    assert_eq!(get(&format!("{}/fake/start", manager.node(1))).unwrap()["links"], Value::Null);
    manager.stop();
}

#[test]
fn a_paused_node_is_refused_at_once_and_told_when_it_goes_on() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 3, "", &[]);
    says(manager.run(&["pause", "2"]), "node 2 was paused");
    let split = manager.order("/partition", json!({"groups": [[0], "2"]})).unwrap();
    assert_eq!(split, json!({"groups": [[0], [2], [1]], "verified": 2, "absent": [2]}));
    says(manager.run(&["resume", "all"]), "node 2 was resumed");
    assert_eq!(connected(&manager, 2), [0; 0]);
    let again = manager.order("/partition", json!({"groups": [[0, 1]]})).unwrap();
    assert_eq!(again, json!({"groups": [[0, 1], [2]], "verified": 3, "absent": []}));
    manager.stop();
}

#[test]
fn splits_that_are_none_and_nodes_that_do_not_take_them_are_told() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 3, "2=refuse-links", &[]);
    for (groups, status, words) in [
        (json!([]), 400, "all nodes in one group"),
        (json!([[0, 1, 2]]), 400, "all nodes in one group"),
        (json!(["all"]), 400, "all nodes in one group"),
        (json!([[0, 1], [1, 2]]), 400, "Node 1 is named twice"),
        (json!([[0], [7]]), 404, "There is no node 7"),
        (json!([[0], []]), 422, "empty"),
        (json!([["a"]]), 422, "list of numbers"),
    ] {
        let refused = manager.order_refused("/partition", json!({"groups": groups}));
        assert!(refused.0 == status && refused.1.contains(words), "{groups}: {refused:?}");
    }
    assert_eq!(manager.get("/status").unwrap()["faults"]["groups"], json!([]));
    fails(manager.run(&["partition", "0", "1-2"]), "Node 2 does not take the conditions: told to refuse the links");
    manager.stop();
}

#[test]
fn a_healing_that_not_all_nodes_took_can_be_repeated() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 2, "1=refuse-second-links", &[]);
    manager.order("/partition", json!({"groups": [[0], [1]]})).unwrap();
    fails(manager.run(&["heal"]), "Node 1 does not take the conditions: told to refuse the links");
    assert_eq!(connected(&manager, 1), [0; 0]);
    says(manager.run(&["heal"]), "the network was not split: 2 nodes are connected, if only through others");
    assert_eq!(connected(&manager, 1), [0]);
    manager.stop();
}

#[test]
fn rules_for_links_reach_both_ends_and_are_taken_back() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 3, "", &[]);
    let kept = "between 0 and 1-2: 100 ms later, give or take 20 ms; 5 % are lost (kept by 3 nodes)";
    says(manager.run(&["link", "0", "1-2", "--delay", "100", "--jitter", "20ms", "--loss", "5%"]), kept);
    let delays = |number: u16| {
        let links = get(&format!("{}/links", manager.node(number))).unwrap();
        let delay = |conditions: &Value| conditions["delay_ms"].as_u64().unwrap();
        links["peers"].as_object().unwrap().values().map(delay).collect::<Vec<_>>()
    };
    assert_eq!((delays(0), delays(1), delays(2)), (vec![100, 100], vec![100], vec![100]));
    says(manager.run(&["link", "1", "0", "--delay", "7", "--one-way"]), "from 1 to 0: 7 ms later");
    assert_eq!((delays(0), delays(1)), (vec![100, 100], vec![7]));
    says(manager.run(&["status"]), "links    from 1 to 0: 7 ms later");
    for (rule, words) in [
        (json!({"loss": 2}), "from 0 to 1"),
        (json!({"delay_ms": 70_000}), "longer than the longest"),
        (json!({"from": 1, "to": 1}), "the way between two nodes; 1 names only one"),
    ] {
        let refused = manager.order_refused("/links", json!({"rules": [rule]}));
        assert!(refused.0 == 400 && refused.1.contains(words), "{refused:?}");
    }
    says(manager.run(&["link", "--clear", "--json"]), "\"rules\": []");
    assert_eq!((delays(0), delays(1)), (vec![], vec![]));
    manager.stop();
}

#[test]
fn a_removed_node_is_gone_for_good_and_its_folder_stays() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 3, "", &[]);
    says(manager.run(&["remove", "1"]), "node 1 was removed");
    let nodes = manager.get("/nodes").unwrap();
    assert_eq!((&nodes["nodes"][1]["state"], &nodes["nodes"][1]["pid"]), (&"removed".into(), &Value::Null));
    assert_eq!(manager.get("/status").unwrap()["nodes"]["removed"], 1);
    assert_eq!(get(&format!("{}/health", manager.node(1))).unwrap_err().status().unwrap(), 410);
    assert_eq!(get(&format!("{}/node/id", manager.node(0))).unwrap()["nodes"].as_object().unwrap().len(), 1);
    for order in ["restart", "kill", "remove", "pause"] {
        let refused = manager.refused(&format!("/nodes/1/{order}"));
        assert!(refused.0 == 410 && refused.1.contains("removed from the network for good"), "{refused:?}");
    }
    assert_eq!(manager.post("/nodes").unwrap()["number"], 3);
    assert!(dir.path().join("node-001").is_dir());
    says(manager.run(&["kill", "all"]), "nodes 0, 2-3 were killed");
    fails(manager.run(&["pause", "all"]), "there is no node that could be paused");
    manager.stop();
}

#[test]
fn a_node_keeps_its_own_hash_rate_and_command_when_it_is_restarted() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 2, "", &[]);
    let started = |number: u16| get(&format!("{}/fake/start", manager.node(number))).unwrap();
    says(manager.run(&["hash-rate", "1", "1.5M"]), "node 1 was given a hash rate of 1500000");
    let answer = manager.order("/nodes/0/hash-rate", json!({"hash_rate": "unlimited"})).unwrap();
    assert_eq!(answer, json!({"number": 0, "hash_rate": null}));
    says(manager.run(&["restart", "all", "--with", "--mdns"]), "nodes 0-1 were restarted");
    says(manager.run(&["restart", "1"]), "node 1 was restarted");
    assert_eq!((&started(1)["hash_rate"], &started(1)["mdns"]), (&1_500_000.into(), &true.into()));
    assert_eq!((&started(0)["hash_rate"], &started(0)["mdns"]), (&Value::Null, &true.into()));

    // What does not start is not kept.
    fails(manager.run(&["restart", "1", "--with", "--bogus"]), "unexpected argument '--bogus'");
    fails(manager.run(&["hash-rate", "1", "5"]), "is ended, so it cannot be given another hash rate");
    says(manager.run(&["restart", "1"]), "restarted");
    assert_eq!(started(1)["mdns"], true);
    says(manager.run(&["restart", "1", "--as-usual"]), "restarted");
    assert_eq!(started(1)["mdns"], false);
    manager.stop();
}

#[test]
fn only_who_can_read_the_folder_has_another_program_started() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 1, "", &[]);
    let refused = manager.order_refused("/nodes/0/restart", json!({"program": "/bin/true"}));
    assert!(refused.0 == 401 && refused.1.contains("admin.token"), "{refused:?}");
    assert_eq!(manager.get("/nodes").unwrap()["nodes"][0]["state"], "running");
    fails(manager.run(&["restart", "0", "--node-bin", "/nowhere/node"]), "there is no program /nowhere/node");
    let fake = crate::support::fake_node();
    says(manager.run(&["restart", "0", "--node-bin", fake.to_str().unwrap()]), "node 0 was restarted");
    manager.stop();
}
