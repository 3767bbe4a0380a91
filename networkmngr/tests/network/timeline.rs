//! What a real network did, told and replayed by its timeline alone.

use serde_json::Value;

use crate::http;
use crate::support::{LIMIT, NODES, Network, wait_for};

fn mine(network: &Network, at: u16, holders: std::ops::Range<u16>) -> String {
    let block = network.order_at(at, "/mine", &Value::Null);
    assert_eq!(block.status, 201, "{}", String::from_utf8_lossy(&block.body));
    let hash = block.json()["hash"].as_str().unwrap().to_owned();
    for number in holders {
        wait_for("the block spreads", LIMIT, || (tip(network, number).1 == hash).then_some(()));
    }
    hash
}

/// Height and hash of a node's tip, as it says itself.
fn tip(network: &Network, number: u16) -> (u64, String) {
    let health = network.node(number, "/health").json();
    (health["height"].as_u64().unwrap(), health["tip"].as_str().unwrap().to_owned())
}

fn json(network: &Network, words: &[&str]) -> Value {
    let finished = network.run(&[words, &["--json"]].concat());
    assert_eq!((finished.status.code(), finished.stderr.as_str()), (Some(0), ""), "{}", finished.stdout);
    serde_json::from_str(&finished.stdout).unwrap()
}

/// What waits in a node's pool, as it says itself, in the order of the ids.
fn pool(network: &Network, number: u16) -> Vec<Value> {
    let pending = network.node(number, "/transactions/pending").json();
    let mut ids: Vec<Value> =
        pending["transactions"].as_array().unwrap().iter().map(|transaction| transaction["id"].clone()).collect();
    ids.sort_unstable_by(|one, other| one.as_str().cmp(&other.as_str()));
    ids
}

/// A node pays its neighbour; gives the transaction's id.
fn pay(network: &Network, at: u16) -> Value {
    let to = network.node((at + 1) % NODES, "/wallet").json()["address"].take();
    let sent = network.order_at(at, "/wallet/send", &serde_json::json!({ "to": to, "amount": 1 }));
    assert_eq!(sent.status, 202, "{}", String::from_utf8_lossy(&sent.body));
    sent.json()["id"].take()
}

/// Waits until the timeline tells of every node what that says itself.
fn replay_agrees(network: &Network) {
    for number in 0..NODES {
        wait_for("the timeline has what the node holds", LIMIT, || {
            let node = json(network, &["replay"])["nodes"][number.to_string()].take();
            let told = (node["height"].as_u64()?, node["tip"].as_str()?.to_owned());
            (node["state"] == "running").then_some(())?;
            (told == tip(network, number)).then_some(())?;
            (*node["pool"].as_array()? == pool(network, number)).then_some(())
        });
    }
}

fn stories<'s>(explained: &'s Value, kind: &str) -> Vec<&'s Value> {
    let stories = explained["stories"].as_array().unwrap().iter();
    stories.filter(|story| story["kind"] == kind).collect()
}

#[test]
fn a_split_is_explained_and_what_every_node_held_is_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let network = Network::start(dir.path(), &[]);
    replay_agrees(&network);
    assert_eq!(network.run(&["partition", "0-2", "3-5"]).status.code(), Some(0));
    let lost = mine(&network, 0, 0..3);
    mine(&network, 3, 3..6);
    let kept = mine(&network, 4, 3..6);
    replay_agrees(&network);
    let split = json(&network, &["replay"]);
    assert_eq!(split["groups"].to_string(), "[[0,1,2],[3,4,5]]");
    let apart = split["at"].as_u64().unwrap();

    assert_eq!(network.run(&["heal"]).status.code(), Some(0));
    for number in 0..NODES {
        wait_for("the longer chain wins", LIMIT, || (tip(&network, number).1 == kept).then_some(()));
    }
    replay_agrees(&network);
    // The moment before can still be replayed.
    let text = std::fs::read_to_string(dir.path().join("timeline.jsonl")).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let at = format!("+{}ms", apart - first["at"].as_u64().unwrap());
    let nodes = json(&network, &["replay", "--at", &at])["nodes"].take();
    assert_eq!((&nodes["1"]["tip"], &nodes["5"]["tip"]), (&lost.clone().into(), &kept.clone().into()));

    let explained = json(&network, &["explain"]);
    let changes = stories(&explained, "reorganised");
    let nodes: Vec<u64> =
        changes.iter().flat_map(|story| story["nodes"].as_array().unwrap()).filter_map(Value::as_u64).collect();
    assert_eq!(nodes, [0, 1, 2], "{explained:#}");
    for story in changes {
        let change = &story["change"];
        assert_eq!((&change["from"], &change["cause"]), (&lost.clone().into(), &"split".into()), "{story:#}");
        assert_eq!(change["miners"].to_string(), "[3,4]");
    }
    let told = network.run(&["explain", "--from", "-10m"]).stdout;
    let sentence = format!(
        "nodes 0-2 left {}… for {}…: one block more work, mined by nodes 3-4 while the network was split (0-2 | 3-5)\n",
        &lost[..8],
        &kept[..8]
    );
    assert!(told.contains(&sentence), "{told}");
    network.stop();
}

#[test]
fn the_timeline_goes_on_where_it_ended() {
    let dir = tempfile::tempdir().unwrap();
    let network = Network::start(dir.path(), &[]);
    let first = mine(&network, 2, 0..NODES);
    assert_eq!(network.post("/nodes/1/kill")["state"], "ended");
    let second = mine(&network, 2, 2..NODES);
    assert_eq!(network.post("/nodes/1/restart")["state"], "running");
    wait_for("node 1 catches up", LIMIT, || (tip(&network, 1).1 == second).then_some(()));
    let payment = pay(&network, 2);
    wait_for("the payment spreads", LIMIT, || (0..NODES).all(|number| pool(&network, number).len() == 1).then_some(()));
    replay_agrees(&network);
    // What waits goes with the process, but for what is its own user's.
    assert_eq!(network.post("/nodes/1/restart")["state"], "running");
    assert_eq!(network.post("/nodes/2/restart")["state"], "running");
    assert_eq!(pool(&network, 2), [payment]);
    replay_agrees(&network);
    network.stop();

    let network = Network::start(dir.path(), &[]);
    replay_agrees(&network);
    let third = mine(&network, 3, 0..NODES);
    replay_agrees(&network);
    let told = network.run(&["explain", "--node", "1"]).stdout;
    assert!(told.contains("node 1 ended as asked: ended by SIGKILL"), "{told}");
    network.stop();
    // Every node's every block was told exactly once.
    let text = std::fs::read_to_string(dir.path().join("timeline.jsonl")).unwrap();
    let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let connected: Vec<Value> = entries.filter(|entry| entry["event"] == "connected").collect();
    for hash in [first, second, third] {
        let of = connected.iter().filter(|entry| entry["hash"] == *hash);
        let mut nodes: Vec<u64> = of.map(|entry| entry["node"].as_u64().unwrap()).collect();
        nodes.sort_unstable();
        assert_eq!(nodes, [0, 1, 2, 3, 4, 5]);
    }
}

#[test]
fn followers_of_the_manager_get_everything_in_order_and_go_on_where_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let network = Network::start(dir.path(), &[]);
    let host = format!("127.0.0.1:{}", network.port_of(0) - 1);
    let follower = http::send(&host, "GET", "/events?from=1", b"").unwrap();
    let resumed = http::send(&host, "GET", "/events?from=4", b"").unwrap();
    assert_eq!(network.ask("GET", "/events?from=x").status, 400);
    mine(&network, 0, 0..NODES);
    assert_eq!(network.run(&["pause", "1"]).status.code(), Some(0));
    assert_eq!(network.run(&["resume", "1"]).status.code(), Some(0));
    network.stop();
    let ids = |stream| {
        let text = String::from_utf8(http::receive(stream).unwrap().body).unwrap();
        let ids = text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse::<u64>().ok()).collect::<Vec<_>>();
        (ids, text)
    };
    let (all, text) = ids(follower);
    let lines = std::fs::read_to_string(dir.path().join("timeline.jsonl")).unwrap();
    let last = u64::try_from(lines.lines().count()).unwrap();
    assert_eq!(all, (1..=last).collect::<Vec<_>>());
    for line in lines.lines() {
        assert!(text.contains(&format!("data: {line}\n")), "{line} is missing");
    }
    for event in ["begun", "ready", "connected", "paused", "resumed", "ended"] {
        assert!(text.contains(&format!("event: {event}\n")), "no {event}");
    }
    assert_eq!(ids(resumed).0, (4..=last).collect::<Vec<_>>());
}
