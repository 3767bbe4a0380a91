//! Conditions of the ways to peers, and the cap of the hash rate.

use serde_json::{Value, json};
use shared::peer::PeerId;

use super::harness::Node;

fn conditions(blocked: bool, delay: u32, jitter: u32, loss: f64) -> Value {
    json!({"blocked": blocked, "delay_ms": delay, "jitter_ms": jitter, "loss": loss})
}

#[tokio::test]
async fn conditions_are_set_shown_and_lifted() {
    let node = Node::start(1).await;
    let (near, far) = (PeerId([1; 32]), PeerId([2; 32]));
    let clear = json!({"rest": conditions(false, 0, 0, 0.0), "peers": {}, "connected": []});
    assert_eq!(node.get("/links").await.expect(200), clear);
    node.links.tell(|state| {
        state.connected.insert(near);
    });

    let wanted = json!({
        "rest": {"blocked": true},
        "peers": {near.to_string(): {"delay_ms": 100, "jitter_ms": 20, "loss": 0.5}, far.to_string(): {}},
    });
    let kept = json!({
        "rest": conditions(true, 0, 0, 0.0),
        "peers": {near.to_string(): conditions(false, 100, 20, 0.5), far.to_string(): conditions(false, 0, 0, 0.0)},
        "connected": [near.to_string()],
    });
    assert_eq!(node.post("/links", &wanted).await.expect(200), kept);
    assert_eq!(node.get("/links").await.expect(200), kept);
    assert_eq!(node.post("/links", &json!({})).await.expect(200)["rest"], clear["rest"]);
}

#[tokio::test]
async fn conditions_that_cannot_be_kept_are_refused() {
    let node = Node::start(1).await;
    for (wrong, why) in [
        (json!({"rest": {"delay_ms": 60_001}}), "longer than the longest"),
        (json!({"rest": {"delay_ms": 5, "jitter_ms": 6}}), "more than the delay"),
        (json!({"rest": {"loss": 1.5}}), "from 0 to 1"),
        (json!({"rest": {"speed": 1}}), "speed"),
        (json!({"peers": {"somebody": {}}}), "not a peer id"),
        (json!("cut"), "invalid"),
    ] {
        let problem = node.post("/links", &wrong).await.problem(400);
        assert!(problem.contains(why), "{wrong}: {problem}");
    }
    assert_eq!(node.get("/links").await.expect(200)["peers"], json!({}));
}

#[tokio::test]
async fn the_hash_rate_is_changed_and_shown() {
    let node = Node::start(1).await;
    for (wanted, kept) in
        [(json!("1.5M"), json!(1_500_000)), (json!("unlimited"), Value::Null), (json!(200_000), json!(200_000))]
    {
        let answer = node.post("/hash-rate", &json!({"hash_rate": wanted})).await.expect(200);
        assert_eq!(answer, json!({"hash_rate": kept}));
        assert_eq!(node.get("/health").await.expect(200)["hash_rate"], kept);
    }
    for wrong in [json!({"hash_rate": "fast"}), json!({"hash_rate": 0}), json!({}), json!({"rate": 5})] {
        node.post("/hash-rate", &wrong).await.problem(400);
    }
    assert_eq!(node.get("/health").await.expect(200)["hash_rate"], 200_000);
}
