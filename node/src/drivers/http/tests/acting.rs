//! Mining, new blocks, asking peers, and ending the node.

use std::sync::Arc;

use serde_json::json;
use shared::{Amount, Block};

use super::harness::{Node, Setup};
use super::samples::{prove, unprove};
use crate::machine::event::{Event, Request};

#[tokio::test]
async fn mining_makes_a_block_on_the_tip() {
    let node = Node::start(1).await;
    let answer = node.get("/mine").await;
    let place = answer.headers["location"].to_str().unwrap().to_owned();
    let block = answer.expect(201);
    assert_eq!((&block["height"], &block["header"]["previous"]), (&json!(1), &json!(node.network.genesis_hash())));
    assert_eq!(node.get(&place).await.expect(200), block);
    let next = node.post_empty("/mine").await.expect(201);
    assert_eq!(next["header"]["previous"], block["hash"]);
}

#[tokio::test]
async fn a_lost_race_names_the_winner() {
    let node = Setup { mines: false, ..Setup::new(1) }.start().await;
    let other = Node::start(2).await;
    other.mine(1).await;
    let block = other.blocks().await.remove(1);
    let winner = block.header.hash();
    let mut mining = Box::pin(node.get("/mine"));
    // The node is known to be mining once it says so.
    let mut started = Box::pin(async {
        while node.get("/health").await.expect(200)["mining"] != true {
            tokio::task::yield_now().await;
        }
    });
    tokio::select! { biased; answer = &mut mining => panic!("{answer:?}"), () = &mut started => {} }
    drop(started);
    let brought = node.post("/block/new", &block);
    let (lost, brought) = tokio::join!(mining, brought);
    assert_eq!(brought.expect(201)["tip"], winner.to_string());
    assert_eq!(lost.json()["winner"], winner.to_string());
    assert!(lost.problem(409).contains(&winner.to_string()));
}

#[tokio::test]
async fn mining_without_end_is_switched_on_and_off() {
    let node = Setup { mines: false, ..Setup::new(1) }.start().await;
    assert_eq!(node.post_empty("/mining/start").await.expect(200), json!({"mining": true}));
    assert_eq!(node.get("/health").await.expect(200)["mining"], true);
    assert_eq!(node.post_empty("/mining/stop").await.expect(200), json!({"mining": false}));
    assert_eq!(node.get("/health").await.expect(200)["mining"], false);
    node.get("/mining/start").await.problem(405);
}

#[tokio::test]
async fn asking_peers_without_peers_changes_nothing() {
    let node = Node::start(1).await;
    node.mine(1).await;
    let (height, tip) = node.tip().await;
    let same = json!({"changed": false, "height": height, "tip": tip});
    assert_eq!(node.get("/resolve").await.expect(200), same);
    assert_eq!(node.post_empty("/resolve").await.expect(200), same);
    assert_eq!(node.get("/block/new").await.expect(200), same);
    assert_eq!(node.post_empty("/block/new").await.expect(200), same);
    for notice in [json!({"hash": tip}), json!({"hash": "ab".repeat(32), "sender": "http://127.0.0.1:1"})] {
        assert_eq!(node.post("/block/new", &notice).await.expect(200), same);
    }
}

#[tokio::test]
async fn a_block_brought_over_is_taken_once() {
    let (one, two) = (Node::start(1).await, Node::start(2).await);
    let block = one.post_empty("/mine").await.expect(201);
    let taken = two.post("/block/new", &block).await.expect(201);
    assert_eq!(taken, json!({"changed": true, "height": 1, "tip": block["hash"]}));
    let known = two.post("/block/new", &block).await.expect(200);
    assert_eq!(known, json!({"changed": false, "height": 1, "tip": block["hash"]}));
    let genesis = two.chain().await["chain"][0].take();
    assert_eq!(two.post("/block/new", &genesis).await.expect(200)["changed"], false);
}

#[tokio::test]
async fn a_block_that_is_no_better_or_has_no_parent_is_a_conflict() {
    let (one, two) = (Node::start(1).await, Node::start(2).await);
    one.mine(3).await;
    two.mine(1).await;
    let blocks = one.blocks().await;
    assert!(two.post("/block/new", &blocks[1]).await.problem(409).contains("more work"));
    assert!(two.post("/block/new", &blocks[3]).await.problem(409).contains("not known here"));
    assert_eq!(two.post("/block/new", &blocks[2]).await.expect(201)["height"], 2);
}

#[tokio::test]
async fn a_block_that_breaks_a_rule_is_refused_with_the_rule() {
    let (one, two) = (Node::start(1).await, Node::start(2).await);
    one.mine(1).await;
    let good = one.blocks().await.remove(1);
    let refused = async |change: fn(&mut Block), word: &str| {
        let mut block = good.clone();
        change(&mut block);
        let reason = two.post("/block/new", &block).await.problem(422);
        assert!(reason.contains(word), "{reason}");
    };
    refused(unprove, "proof of work").await;
    refused(|block| block.coinbase.reward = Amount::MAX, "does not commit").await;
    let greedy = |block: &mut Block| {
        block.coinbase.reward = Amount::MAX;
        prove(block);
    };
    refused(greedy, "reward").await;
    let early = |block: &mut Block| {
        block.header.time.0 = 1;
        prove(block);
    };
    refused(early, "median").await;
    let high = |block: &mut Block| {
        block.coinbase.height.0 = u32::MAX;
        prove(block);
    };
    refused(high, "height").await;
    assert_eq!(two.tip().await.0, 0);
    two.post("/block/new", &good).await.expect(201);
}

#[tokio::test]
async fn news_that_cannot_be_read_is_told_as_such() {
    let node = Node::start(1).await;
    let mut block = node.chain().await["chain"][0].take();
    for (body, word) in [
        ("{", "not JSON"),
        ("[]", "not what this path takes"),
        ("7", "not what this path takes"),
        ("{}", "hash"),
        (r#"{"hash": 5}"#, "string"),
        (r#"{"hash": "xyz"}"#, "64 hexadecimal digits"),
        (r#"{"hash": "00", "more": 1}"#, "not what this path takes"),
        (r#"{"header": {}}"#, "missing field"),
    ] {
        let problem = node.with_body("POST", "/block/new", "application/json", body).await.problem(400);
        assert!(problem.contains(word), "{body}: {problem}");
    }
    block["hash"] = json!("ab".repeat(32));
    assert!(node.post("/block/new", &block).await.problem(400).contains("not the hash of its header"));
    block["hash"].take();
    block["header"]["time"] = json!(-5);
    node.post("/block/new", &block).await.problem(400);
    node.with_body("POST", "/block/new", "text/plain", "{}").await.problem(415);
    let large = vec![b' '; (8 << 20) + 1];
    assert!(node.with_body("POST", "/block/new", "application/json", large).await.problem(413).contains("8 MiB"));
}

#[tokio::test]
async fn a_proof_for_an_outdated_job_does_no_harm() {
    let (node, other) = (Node::start(1).await, Node::start(2).await);
    other.mine(1).await;
    let block = other.blocks().await.remove(1).check(&other.network).unwrap();
    let stale = Event::Mined { block: Arc::new(block) };
    node.engine.event(stale).await.unwrap();
    assert_eq!(node.tip().await.0, 0);
}

#[tokio::test]
async fn a_node_whose_engine_has_stopped_says_so() {
    let node = Node::start(1).await;
    node.engine.stop().await;
    while node.engine.request(Request::Status).await.is_ok() {}
    let answer = node.get("/health").await;
    assert_eq!(answer.headers["retry-after"], "2");
    assert!(answer.problem(503).contains("stopping"));
    node.get(&format!("/accounts/{}", node.miner.address())).await.problem(503);
    // What stands in the database can still be read.
    assert_eq!(node.chain().await["length"], 1);
}
