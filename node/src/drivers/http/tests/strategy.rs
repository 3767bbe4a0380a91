//! Setting and reading how a node mines.

use axum::{body::Body, http::Request};
use serde_json::json;

use super::harness::{Node, Setup};
use super::samples::Key;

#[tokio::test]
async fn a_node_is_honest_until_it_is_told_otherwise() {
    let node = Node::start(1).await;
    let told = node.get("/strategy").await.expect(200);
    assert_eq!(
        told,
        json!({"strategy": "honest", "tie": "first_seen", "withheld": 0, "public_height": 0, "private_height": 0, "ended": null})
    );
    let told = node.post("/strategy", &json!({"strategy": "selfish"})).await.expect(200);
    assert_eq!((&told["strategy"], &told["tie"]), (&json!("selfish"), &json!("first_seen")));
    let miner = Key::new(9).address().to_string();
    let told = node.post("/strategy", &json!({"tie": {"prefer": miner}})).await.expect(200);
    assert_eq!((&told["strategy"], &told["tie"]["prefer"]), (&json!("selfish"), &json!(miner)));
    let told = node.post("/strategy", &json!({"strategy": {"liar": "floods"}, "tie": "first_seen"})).await.expect(200);
    assert_eq!((&told["strategy"]["liar"], &told["tie"]), (&json!("floods"), &json!("first_seen")));
}

#[tokio::test]
async fn what_is_kept_back_is_counted_and_nowhere_else_to_be_seen() {
    let node = Node::start(1).await;
    node.post("/strategy", &json!({"strategy": "selfish"})).await.expect(200);
    let hidden = node.post_empty("/mine").await.expect(201);
    let told = node.get("/strategy").await.expect(200);
    assert_eq!((&told["withheld"], &told["public_height"], &told["private_height"]), (&json!(1), &json!(0), &json!(1)));
    assert_eq!(node.tip().await.0, 0);
    node.get(&format!("/blocks/{}", hidden["hash"].as_str().unwrap())).await.problem(404);
    node.post("/strategy", &json!({"strategy": "honest"})).await.expect(200);
    assert_eq!(node.tip().await.1, hidden["hash"].as_str().unwrap());
}

#[tokio::test]
async fn a_forced_reorganisation_takes_a_payment_back() {
    let node = Node::start(1).await;
    node.mine(2).await;
    let (payment, back) = (
        node.miner.transfer(0, Key::new(9).address(), 10, &node.network),
        node.miner.transfer(0, Key::new(8).address(), 10, &node.network),
    );
    node.post("/transactions", &payment).await.expect(202);
    let from = node.tip().await.1;
    node.mine(2).await;
    let plan = json!({"private": {"from": from, "confirmations": 2, "leave_out": [payment.id()], "instead": [back]}});
    let told = node.post("/strategy", &json!({ "strategy": plan })).await.expect(200);
    assert_eq!(told["strategy"]["private"]["give_up"], json!(null));
    node.mine(2).await;
    assert_eq!(node.get("/strategy").await.expect(200)["withheld"], 2);
    assert_eq!(node.get(&format!("/transactions/{}", payment.id())).await.expect(200)["status"], "confirmed");
    node.mine(1).await;
    let told = node.get("/strategy").await.expect(200);
    assert_eq!((&told["ended"], &told["withheld"]), (&json!("published"), &json!(0)));
    assert_eq!(node.get(&format!("/transactions/{}", back.id())).await.expect(200)["status"], "confirmed");
    node.get(&format!("/transactions/{}", payment.id())).await.problem(404);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_reason() {
    let node = Node::start(1).await;
    let plan = |from: &str, give_up: u32| json!({"strategy": {"private": {"from": from, "confirmations": 1, "give_up": give_up}}});
    let detail = node.post("/strategy", &plan(&"9".repeat(64), 5)).await.problem(422);
    assert!(detail.contains("not known here"), "{detail}");
    node.mine(2).await;
    let genesis = node.network.genesis_hash().to_string();
    let detail = node.post("/strategy", &plan(&genesis, 2)).await.problem(422);
    assert!(detail.contains("begins 2 blocks behind"), "{detail}");
    let mut forged = node.miner.transfer(0, Key::new(9).address(), 10, &node.network);
    forged.nonce = 1;
    let plan = json!({"strategy": {"private": {"confirmations": 1, "instead": [forged]}}});
    let detail = node.post("/strategy", &plan).await.problem(422);
    assert!(detail.contains("transaction 0"), "{detail}");
    node.post("/strategy", &json!({"strategy": "greedy"})).await.problem(400);
    node.post("/strategy", &json!({"stratgy": "selfish"})).await.problem(400);
    assert_eq!(node.get("/strategy").await.expect(200)["strategy"], "honest");
}

#[tokio::test]
async fn off_loopback_it_is_administration() {
    let node = Setup { bound: Some("192.0.2.1:5000".parse().unwrap()), ..Setup::new(1) }.start().await;
    let request = |method| Request::builder().method(method).uri("/strategy").header("host", "192.0.2.1:5000");
    for method in ["GET", "POST"] {
        let answer = node.answer(request(method).body(Body::empty()).unwrap()).await;
        answer.problem(401);
    }
}
