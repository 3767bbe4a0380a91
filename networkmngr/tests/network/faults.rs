//! A network that is split while it works: both sides mine on, and the longer chain wins when it is healed.

use serde_json::{Value, json};

use crate::support::{LIMIT, NODES, Network, wait_for};

fn health(network: &Network, number: u16) -> Value {
    network.node(number, "/health").json()
}

/// Has a node mine one block, which these hold soon afterwards.
fn mine(network: &Network, at: u16, holders: std::ops::Range<u16>) {
    let block = network.order_at(at, "/mine", &Value::Null);
    assert_eq!(block.status, 201, "{}", String::from_utf8_lossy(&block.body));
    let hash = block.json()["hash"].take();
    for number in holders {
        wait_for("the block spreads", LIMIT, || (health(network, number)["tip"] == hash).then_some(()));
    }
}

/// Whether the node has a session with as many as that.
fn has_peers(network: &Network, number: u16, count: usize) -> bool {
    network.node(number, "/links").json()["connected"].as_array().unwrap().len() == count
}

#[test]
fn both_sides_of_a_split_go_on_alone_and_agree_when_it_is_healed() {
    let dir = tempfile::tempdir().unwrap();
    let network = Network::start(dir.path(), &[]);
    network.mine(1);
    let before = health(&network, 0)["height"].as_u64().unwrap();
    let split = network.run(&["partition", "0-2", "3-5"]);
    let sentence = "nodes 0-2 and 3-5 cannot reach each other any more (verified at 6 nodes)\n";
    assert_eq!((split.stdout.as_str(), split.stderr.as_str()), (sentence, ""));
    (0..NODES).for_each(|number| assert!(has_peers(&network, number, 2), "node {number}"));

    mine(&network, 0, 0..3);
    mine(&network, 4, 3..6);
    mine(&network, 5, 3..6);
    // Neither a node that restarts nor one that is told of the others gets across.
    assert_eq!(network.post("/nodes/1/restart")["state"], "running");
    let list: Vec<Value> = (3..6).map(|number| network.node(number, "/node/id").json()).collect();
    assert_eq!(network.order_at(0, "/nodes/register", &json!(list)).status, 200);
    mine(&network, 3, 3..6);
    mine(&network, 2, 0..3);
    let heights: Vec<_> = (0..NODES).map(|number| health(&network, number)["height"].as_u64().unwrap()).collect();
    assert_eq!(heights, [2, 2, 2, 3, 3, 3].map(|mined| before + mined));
    for number in 0..NODES {
        wait_for("nobody else is connected", LIMIT, || has_peers(&network, number, 2).then_some(()));
    }

    let healed = network.run(&["heal"]);
    assert_eq!(healed.stdout, "the network is whole again: 6 nodes are connected, if only through others\n");
    let longer = health(&network, 3)["tip"].take();
    for number in 0..NODES {
        wait_for("the longer chain wins", LIMIT, || (health(&network, number)["tip"] == longer).then_some(()));
    }
    network.mine(1);
    network.chain(NODES);
    network.stop();
}

#[test]
fn slow_links_are_slow_and_the_hash_rate_is_changed_while_it_works() {
    let dir = tempfile::tempdir().unwrap();
    let network = Network::start(dir.path(), &[]);
    let slow = network.run(&["link", "all", "all", "--delay", "300"]);
    assert_eq!(slow.stdout, "between all nodes: 300 ms later (kept by 6 nodes)\n");
    let begun = std::time::Instant::now();
    mine(&network, 0, 0..NODES);
    assert!(begun.elapsed() >= std::time::Duration::from_millis(300));
    assert_eq!(network.run(&["link", "--clear"]).stdout, "all links are as they were\n");
    assert_eq!(network.run(&["hash-rate", "2-3", "1.5M"]).status.code(), Some(0));
    let rate = |number| health(&network, number)["hash_rate"].as_u64().unwrap();
    assert_eq!((rate(1), rate(2), rate(3)), (200_000, 1_500_000, 1_500_000));
    assert_eq!(network.post("/nodes/2/restart")["state"], "running");
    assert_eq!(rate(2), 1_500_000);
    network.mine(1);
    network.chain(NODES);
    network.stop();
}
