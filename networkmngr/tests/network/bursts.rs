//! Mining: bursts that end in one chain at all nodes, continuous mining, and the next start that goes
//! on with the same chain.

use std::collections::BTreeSet;

use crate::support::{LIMIT, NODES, Network, hashes, wait_for};

#[test]
fn bursts_end_in_one_chain_and_the_next_start_goes_on_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let network = Network::start(dir.path(), &[]);
    let ids = network.ids();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), usize::from(NODES));
    for (number, id) in (0..).zip(&ids) {
        let identity = network.node(number, "/node/id").json();
        assert_eq!(&identity["id"], id);
        assert_eq!(identity["nodes"].as_object().unwrap().len(), usize::from(NODES) - 1, "node {number}");
    }
    network.mine(4);
    let chain = network.chain(NODES);
    assert!(hashes(&chain).len() >= 5);
    network.stop();

    let network = Network::start(dir.path(), &[]);
    assert_eq!(network.ids(), ids);
    assert!(network.chain(NODES) == chain, "the chain is another one after the restart");
    network.mine(2);
    let longer = hashes(&network.chain(NODES));
    assert!(longer.len() >= hashes(&chain).len() + 2 && longer.starts_with(&hashes(&chain)));
    for number in 0..NODES {
        let verdict = network.node(number, "/valid").json();
        assert_eq!(verdict["valid"], true, "node {number}: {verdict}");
    }
    network.stop();
}

#[test]
fn continuous_mining_goes_on_until_it_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let network = Network::start(dir.path(), &[]);
    let healths = || (0..NODES).map(|number| network.node(number, "/health").json()).collect::<Vec<_>>();
    assert_eq!(network.post("/start/mining?continuous=true")["kind"], "continuous");
    wait_for("every chain grows", LIMIT, || healths().iter().all(|at| at["height"].as_u64() > Some(4)).then_some(()));
    let another = network.ask("POST", "/start/mining");
    assert_eq!(another.status, 409, "{}", another.detail());
    assert_eq!(network.post("/stop/mining")["stopped"], true);
    // A tie may be left, for which one node goes on.
    assert!(healths().iter().filter(|at| at["mining"] == true).count() <= 1);
    let settled = || Some(network.get("/status")["job"].take()).filter(|job| job["state"] == "stopped");
    let job = wait_for("the nodes have come to one chain", LIMIT, settled);
    assert_eq!(job["settlement"]["survey"]["agree"], true, "{job}");
    network.chain(NODES);
    network.stop();
}
