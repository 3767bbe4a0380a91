//! The feed of events: complete, resumable, and honest about what is gone.

use axum::body::{Body, Bytes};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::harness::{LONG, Node};
use super::samples::Key;

/// A follower of a node's events.
struct Follower(Body);

/// One event as it came.
#[derive(Debug, PartialEq)]
struct Told {
    name: String,
    /// Empty where it has none.
    id: String,
    data: Value,
}

impl Follower {
    async fn new(node: &Node, query: &str, last: Option<&str>) -> Self {
        let mut request = node.request("GET", &format!("/events{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = node.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self(response.into_body())
    }

    /// The next frame; `None` at the stream's end.
    async fn frame(&mut self) -> Option<Bytes> {
        let frame = tokio::time::timeout(LONG, self.0.frame()).await.expect("an event in time")?;
        frame.unwrap().into_data().ok()
    }

    async fn next(&mut self) -> Told {
        loop {
            let text = String::from_utf8(self.frame().await.expect("another event").to_vec()).unwrap();
            let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            if let Some(name) = field("event:") {
                let data = serde_json::from_str(field("data:").unwrap()).unwrap();
                let told = Told { name: name.into(), id: field("id:").unwrap_or_default().into(), data };
                assert_eq!(told.data["event"], told.name);
                return told;
            }
        }
    }

    async fn next_named(&mut self, names: &[&str]) -> Vec<Told> {
        let mut told = Vec::new();
        for name in names {
            let next = self.next().await;
            assert_eq!(next.name, *name, "{next:?} after {told:?}");
            told.push(next);
        }
        told
    }
}

/// A node with two blocks, the second with two payments.
async fn busy_node() -> Node {
    let node = Node::start(1).await;
    node.mine(1).await;
    for nonce in 0..2 {
        let payment = node.miner.transfer(nonce, Key::new(9).address(), 10, &node.network);
        node.post("/transactions", &payment).await.expect(202);
    }
    node.mine(1).await;
    node
}

const BUSY: [&str; 6] = ["connected", "pooled", "pooled", "connected", "confirmed", "confirmed"];

#[tokio::test]
async fn everything_is_told_in_order_with_its_transactions() {
    let node = busy_node().await;
    let mut follower = Follower::new(&node, "?from=1", None).await;
    let told = follower.next_named(&BUSY).await;
    let ids: Vec<&str> = told.iter().map(|told| told.id.as_str()).collect();
    assert_eq!(ids, ["1", "2", "3", "4.0", "4.1", "4"]);
    let tip = node.tip().await.1;
    let header = &node.chain().await["chain"][2]["header"];
    let work = &node.get("/health").await.expect(200)["work"];
    let miner = node.miner.address().to_string();
    assert_eq!(
        told[3].data,
        json!({
            "event": "connected", "height": 2, "hash": tip, "transactions": 2, "miner": miner, "work": work,
            "previous": header["previous"], "time": header["time"],
        })
    );
    assert_eq!(told[4].data["id"], told[1].data["id"]);
    assert_eq!((&told[5].data["block"], &told[5].data["position"]), (&json!(tip), &json!(1)));
    node.mine(1).await;
    assert_eq!(follower.next().await.data["height"], 3);
}

#[tokio::test]
async fn without_a_place_the_feed_begins_now() {
    let node = busy_node().await;
    let mut follower = Follower::new(&node, "", None).await;
    node.mine(1).await;
    let told = follower.next().await;
    assert_eq!((told.id.as_str(), &told.data["height"]), ("5", &json!(3)));
}

#[tokio::test]
async fn a_follower_that_comes_back_misses_nothing_and_gets_nothing_twice() {
    let node = busy_node().await;
    let whole = Follower::new(&node, "?from=1", None).await.next_named(&BUSY).await;
    for (position, told) in whole.iter().enumerate() {
        let mut follower = Follower::new(&node, "?from=1", Some(&told.id)).await;
        let rest = follower.next_named(&BUSY[position + 1..]).await;
        assert_eq!(rest, whole[position + 1..]);
    }
    let mut follower = Follower::new(&node, "", Some("4")).await;
    node.mine(1).await;
    assert_eq!(follower.next().await.id, "5");
}

#[tokio::test]
async fn a_reorganisation_retracts_what_was_told() {
    let (node, other) = (busy_node().await, Node::start(2).await);
    other.mine(3).await;
    let mut follower = Follower::new(&node, "", None).await;
    node.post("/chain/replace", &other.chain().await).await.expect(200);
    let mut told = Vec::new();
    while told.last().is_none_or(|told: &Told| told.data["height"] != 3) {
        told.push(follower.next().await);
    }
    let told: Vec<Told> = told.into_iter().filter(|told| told.name.ends_with("connected")).collect();
    let names: Vec<&str> = told.iter().map(|told| told.name.as_str()).collect();
    assert_eq!(names, ["disconnected", "disconnected", "connected", "connected", "connected"]);
    assert_eq!(told[0].data["height"], 2);
    assert_eq!(told[0].data["better"], other.tip().await.1);
    // The payments spent rewards that are gone: they are dropped, with the reason.
    let mut follower = Follower::new(&node, "?from=5", None).await;
    let dropped = loop {
        let told = follower.next().await;
        if told.name == "dropped" {
            break told;
        }
    };
    assert!(!dropped.data["reason"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn a_place_that_does_not_exist_is_a_gap() {
    let node = busy_node().await;
    let mut follower = Follower::new(&node, "?from=1000", None).await;
    let gap = follower.next().await;
    assert_eq!((gap.name.as_str(), gap.id.as_str()), ("gap", "4"));
    assert_eq!((&gap.data["asked"], &gap.data["next"]), (&json!(1000), &json!(5)));
    node.mine(1).await;
    assert_eq!(follower.next().await.id, "5");
    let huge = u64::MAX.to_string();
    assert_eq!(Follower::new(&node, "", Some(&huge)).await.next().await.name, "gap");
    for wrong in ["-1", "x", "18446744073709551616"] {
        node.get(&format!("/events?from={wrong}")).await.problem(400);
    }
    let request = node.request("GET", "/events").header("last-event-id", "x");
    node.answer(request.body(Body::empty()).unwrap()).await.problem(400);
}

#[tokio::test]
async fn followers_are_bounded_in_number() {
    let node = Node::start(1).await;
    let mut followers = Vec::new();
    for _ in 0..super::super::events::MAX_FOLLOWERS {
        followers.push(Follower::new(&node, "", None).await);
    }
    node.get("/events").await.problem(503);
    followers.pop();
    followers.push(Follower::new(&node, "", None).await);
    node.mine(1).await;
    for follower in &mut followers {
        assert_eq!(follower.next().await.data["height"], 1);
    }
}

#[tokio::test]
async fn the_feed_ends_with_the_node() {
    let node = Node::start(1).await;
    let mut follower = Follower::new(&node, "", None).await;
    node.get("/shutdown").await.expect(200);
    assert_eq!(follower.frame().await, None);
}

#[tokio::test]
async fn the_alarm_about_the_log_is_told() {
    let (node, other) = (Node::start(1).await, Node::start(2).await);
    node.mine(7).await;
    other.mine(9).await;
    let signed = node.get("/log").await.expect(200)["signed"]["block"].take();
    node.post("/chain/replace", &other.chain().await).await.expect(200);
    let mut follower = Follower::new(&node, "?from=1", None).await;
    let mut told = follower.next().await;
    while told.name != "contradicted" {
        told = follower.next().await;
    }
    let better = other.tip().await.1;
    assert_eq!(told.data, json!({"event": "contradicted", "height": 1, "hash": signed, "better": better}));
}

#[tokio::test]
async fn a_reorganisation_comes_with_its_cause() {
    let (node, other) = (busy_node().await, Node::start(2).await);
    let two = serde_json::to_value(node.blocks().await).unwrap();
    other.mine(3).await;
    let place = Follower::new(&node, "?from=1", None).await.next_named(&BUSY).await.pop().unwrap().id;
    let before = node.get("/health").await.expect(200);
    node.post("/chain/replace", &other.chain().await).await.expect(200);
    let after = node.get("/health").await.expect(200);
    let mut follower = Follower::new(&node, "", Some(&place)).await;
    let told = follower.next_named(&["side", "side", "reorganised", "disconnected", "disconnected", "connected"]).await;
    let theirs = other.blocks().await;
    let hash = |block: &shared::Block| block.header.hash().to_string();
    assert_eq!((&told[1].data["height"], &told[1].data["hash"]), (&json!(2), &json!(hash(&theirs[2]))));
    assert_eq!(told[1].data["previous"], hash(&theirs[1]));
    assert_eq!(told[1].data["miner"], other.miner.address().to_string());
    assert_eq!(told[1].data["time"], theirs[2].header.time.0);
    assert_eq!(
        told[2].data,
        json!({
            "event": "reorganised", "from": two[2]["hash"], "from_work": before["work"], "to": after["tip"],
            "to_work": after["work"], "fork": 0, "left": 2, "joined": 3, "returned": 0,
            "from_miner": node.miner.address().to_string(), "to_miner": other.miner.address().to_string(),
        })
    );
    assert_eq!(told[3].data["better"], after["tip"]);
}

/// What peers cause is told in passing: it has no id, so a follower comes back to the same place.
#[tokio::test]
async fn an_orphan_is_told_without_an_id() {
    let (node, other) = (Node::start(1).await, Node::start(2).await);
    other.mine(2).await;
    let mut follower = Follower::new(&node, "?from=1", None).await;
    node.mine(1).await;
    assert_eq!(follower.next().await.id, "1");
    let orphan = other.blocks().await.pop().unwrap();
    node.post("/block/new", &orphan).await;
    let told = follower.next().await;
    assert_eq!((told.name.as_str(), told.id.as_str()), ("orphan", ""));
    let (hash, parent) = (orphan.header.hash().to_string(), orphan.header.previous.to_string());
    assert_eq!(told.data, json!({"event": "orphan", "hash": hash, "parent": parent, "peer": null}));
}
