//! Making nodes known and parting from them.

use serde_json::{Value, json};
use tokio::net::TcpSocket;

use super::harness::Node;
use super::samples::Key;

#[tokio::test]
async fn nodes_are_registered_by_what_they_tell_of_themselves() {
    let (one, two, three) = (Node::start(1).await, Node::start(2).await, Node::start(3).await);
    let list: Vec<Value> = vec![
        one.get("/node/id").await.expect(200),
        two.get("/node/id").await.expect(200),
        three.get("/node/id").await.expect(200),
    ];
    let answer = one.post("/nodes/register", &list).await.expect(200);
    let known = json!({
        "02".repeat(32): format!("http://{}", two.address),
        "03".repeat(32): format!("http://{}", three.address),
    });
    assert_eq!(answer, json!({"registered": 2, "nodes": known, "failed": []}));
    assert_eq!(one.get("/node/id").await.expect(200)["nodes"], known);
    assert_eq!(one.get("/nodes").await.expect(200), json!({"peers": [], "nodes": known}));
    assert_eq!(one.post("/nodes/register", &list).await.expect(200)["registered"], 0);
    assert_eq!(one.post("/nodes/register", &json!([])).await.expect(200)["registered"], 0);
}

#[tokio::test]
async fn an_http_address_is_asked_who_is_there() {
    let (one, two) = (Node::start(1).await, Node::start(2).await);
    for (text, new) in [(two.address.to_string(), 1), (format!("http://{}/", two.address), 0)] {
        let answer = one.post("/nodes/register", &json!([text])).await.expect(200);
        assert_eq!(answer["registered"], new);
        assert_eq!(answer["nodes"]["02".repeat(32)], format!("http://{}", two.address));
    }
    let three = Node::start(3).await;
    let answer = one.post("/nodes/register", &json!([{"address": three.address.to_string()}])).await.expect(200);
    assert_eq!(answer["registered"], 1);
}

#[tokio::test]
async fn what_cannot_be_used_is_named_and_the_rest_registered() {
    let (one, two) = (Node::start(1).await, Node::start(2).await);
    // Bound, so that nobody else gets the port, but not listening.
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nobody = deaf.local_addr().unwrap().to_string();
    let peer = Key::new(7).peer_id();
    let list = json!([
        two.get("/node/id").await.expect(200),
        nobody,
        "nonsense",
        format!("/ip4/127.0.0.1/tcp/4001/p2p/{peer}"),
        {"id": "xyz", "peer_addresses": ["/ip4/127.0.0.1/tcp/4001"]},
        {},
    ]);
    let answer = one.post("/nodes/register", &list).await.expect(200);
    assert_eq!(answer["registered"], 2);
    let failed: Vec<(u64, &str)> = answer["failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failed| (failed["item"].as_u64().unwrap(), failed["reason"].as_str().unwrap()))
        .collect();
    let expected = [(1, "no answer from"), (2, "no HTTP address"), (4, "xyz"), (5, "peer_addresses")];
    assert_eq!(failed.len(), expected.len(), "{failed:?}");
    for ((item, reason), (expected_item, word)) in failed.into_iter().zip(expected) {
        assert_eq!(item, expected_item);
        assert!(reason.contains(word), "{reason}");
    }
    let all_failed = one.post("/nodes/register", &json!(["nonsense", nobody])).await;
    assert_eq!(all_failed.json()["failed"].as_array().unwrap().len(), 2);
    assert!(all_failed.problem(422).contains("None of the 2 nodes"));
}

#[tokio::test]
async fn a_list_of_other_things_says_what_it_should_hold() {
    let node = Node::start(1).await;
    for wrong in [
        json!({}),
        json!("127.0.0.1:5000"),
        json!(7),
        json!([7]),
        json!([null]),
        json!([["127.0.0.1:5000"]]),
        json!([{"id": 7}]),
        json!([{"peer_addresses": "/ip4/127.0.0.1/tcp/1"}]),
    ] {
        let problem = node.post("/nodes/register", &wrong).await.problem(400);
        assert!(problem.contains("JSON list of nodes"), "{problem}");
    }
    let endless = vec!["localhost:1"; 5_000];
    assert!(node.post("/nodes/register", &endless).await.problem(400).contains("at most 4096"));
    assert_eq!(node.get("/nodes").await.expect(200)["nodes"], json!({}));
}

#[tokio::test]
async fn a_node_is_forgotten_by_its_id() {
    let (one, two) = (Node::start(1).await, Node::start(2).await);
    let id = "02".repeat(32);
    let list = json!([two.get("/node/id").await.expect(200)]);
    let delete =
        async |path: &str, body: Value| one.with_body("DELETE", path, "application/json", body.to_string()).await;
    one.post("/nodes/register", &list).await.expect(200);
    assert_eq!(delete("/nodes/register", json!({"id": id})).await.expect(200), json!({"removed": id}));
    assert_eq!(one.get("/nodes").await.expect(200)["nodes"], json!({}));
    delete("/nodes/register", json!({"id": id})).await.problem(404);
    one.post("/nodes/register", &list).await.expect(200);
    assert_eq!(delete(&format!("/nodes/{id}"), json!(null)).await.expect(200), json!({"removed": id}));
    delete(&format!("/nodes/{id}"), json!(null)).await.problem(404);
    delete("/nodes/xyz", json!(null)).await.problem(400);
    for wrong in [json!({}), json!({"id": 1}), json!({"id": "xyz"})] {
        delete("/nodes/register", wrong).await.problem(400);
    }
}
