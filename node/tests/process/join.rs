//! Nodes that find each other by `--join`, part, and find each other again.

use std::time::Duration;

use crate::process::{LIMIT, Node, agreed, easy_genesis, free_port, text, wait_for};

/// The longest pause before a lost peer is dialled again is a minute.
const REDIAL: Duration = Duration::from_secs(120);

#[test]
fn who_joins_gets_the_chain_and_takes_part() {
    let dir = tempfile::tempdir().unwrap();
    let one = Node::start(&dir.path().join("one"), &[]);
    (0..3).for_each(|_| drop(one.mine()));
    let other = Node::start(&dir.path().join("other"), &["--join", &one.peer_address()]);
    assert_eq!(agreed(&[&one, &other], LIMIT), one.tip());
    // One that joins the second gets to know the first.
    let third = Node::start(&dir.path().join("third"), &["--join", &other.peer_address()]);
    wait_for("everyone has two peers", LIMIT, || [&one, &other, &third].iter().all(|n| n.peers() == 2).then_some(()));
    for node in [&third, &one, &other] {
        let mined = node.mine();
        assert_eq!(agreed(&[&one, &other, &third], LIMIT), mined.as_str());
    }
    assert_eq!(one.chain(), third.chain());
    assert_eq!(one.get("/node/id")["nodes"].as_object().unwrap().len(), 2);
    [one, other, third].into_iter().for_each(Node::stop);
}

#[test]
fn both_sides_may_restart_and_meet_again() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = easy_genesis(dir.path(), "easy");
    let (folder, other_folder) = (dir.path().join("one"), dir.path().join("other"));
    let port = free_port().to_string();
    let one = || Node::start(&folder, &["--genesis", text(&genesis), "--peer-port", &port]);
    let first = one();
    let join = first.peer_address();
    let other = || Node::start(&other_folder, &["--genesis", text(&genesis), "--join", &join]);
    let second = other();
    first.mine();
    agreed(&[&first, &second], LIMIT);

    // The one that joined goes, misses blocks, and comes back.
    second.stop();
    (0..5).for_each(|_| drop(first.mine()));
    let second = other();
    agreed(&[&first, &second], LIMIT);

    // The one that was joined goes, misses blocks, and comes back at the same place.
    let id = first.get("/node/id")["id"].clone();
    first.stop();
    (0..5).for_each(|_| drop(second.mine()));
    let first = one();
    assert_eq!(first.get("/node/id")["id"], id);
    agreed(&[&first, &second], REDIAL);
    let mined = first.mine();
    assert_eq!(agreed(&[&first, &second], LIMIT), mined.as_str());
    assert_eq!(first.chain(), second.chain());
}

#[test]
fn a_peer_that_is_not_there_yet_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port().to_string();
    let join = format!("/ip4/127.0.0.1/tcp/{port}");
    let early = Node::start(&dir.path().join("early"), &["--join", &join]);
    early.mine();
    let late = Node::start(&dir.path().join("late"), &["--peer-port", &port]);
    agreed(&[&early, &late], REDIAL);
}
