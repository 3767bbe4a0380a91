//! Reading the chain and its blocks.

use axum::body::Body;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::harness::Node;

#[tokio::test]
async fn a_fresh_node_has_the_genesis_block() {
    let node = Node::start(1).await;
    let chain = node.chain().await;
    assert_eq!(chain["length"], 1);
    assert_eq!(chain["chain"][0]["hash"], node.network.genesis_hash().to_string());
    assert_eq!(chain["chain"][0]["height"], 0);
}

#[tokio::test]
async fn a_long_chain_comes_in_pieces_and_whole() {
    let node = Node::start(1).await;
    node.mine(300).await;
    let response = node.send(node.request("GET", "/chain").body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    let (mut pieces, mut text) = (0, Vec::new());
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        pieces += 1;
        text.extend_from_slice(&frame.unwrap().into_data().unwrap());
    }
    assert!(pieces > 1, "one piece of {} bytes", text.len());
    let chain: Value = serde_json::from_slice(&text).unwrap();
    let blocks = chain["chain"].as_array().unwrap();
    assert_eq!((chain["length"].as_u64(), blocks.len()), (Some(301), 301));
    for (height, pair) in blocks.windows(2).enumerate() {
        assert_eq!(pair[1]["header"]["previous"], pair[0]["hash"]);
        assert_eq!(pair[1]["height"], height + 1);
    }
}

#[tokio::test]
async fn a_chain_being_read_is_the_one_that_was_asked_for() {
    let node = Node::start(1).await;
    node.mine(150).await;
    let before = node.tip().await.1;
    let response = node.send(node.request("GET", "/chain").body(Body::empty()).unwrap()).await;
    let mut body = response.into_body();
    let mut text = body.frame().await.unwrap().unwrap().into_data().unwrap().to_vec();

    // A longer chain takes the place of this one while it is being read.
    let other = Node::start(2).await;
    other.mine(151).await;
    node.post("/chain/replace", &other.chain().await).await.expect(200);
    assert_eq!(node.tip().await, other.tip().await);

    text.extend(body.collect().await.unwrap().to_bytes());
    let chain: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(chain["length"], 151);
    assert_eq!(chain["chain"][150]["hash"], before);
}

#[tokio::test]
async fn parts_of_the_chain_are_told_from_and_limit() {
    let node = Node::start(1).await;
    node.mine(5).await;
    for (query, expected) in [
        ("", vec![0, 1, 2, 3, 4, 5]),
        ("?from=4", vec![4, 5]),
        ("?limit=2", vec![0, 1]),
        ("?from=2&limit=2", vec![2, 3]),
        ("?from=5&limit=4294967295", vec![5]),
        ("?from=6", vec![]),
        ("?from=4294967295&limit=4294967295", vec![]),
        ("?limit=0", vec![]),
    ] {
        let part = node.get(&format!("/chain{query}")).await.expect(200);
        let heights: Vec<u64> =
            part["chain"].as_array().unwrap().iter().map(|block| block["height"].as_u64().unwrap()).collect();
        assert_eq!((part["length"].as_u64(), heights), (Some(6), expected), "{query}");
    }
    for query in ["from=-1", "from=x", "limit=4294967296", "from=1.5", "form=1", "from=1&from=2"] {
        assert!(!node.get(&format!("/chain?{query}")).await.problem(400).is_empty(), "{query}");
    }
}

#[tokio::test]
async fn blocks_are_found_by_height_and_hash() {
    let node = Node::start(1).await;
    node.mine(2).await;
    let block = node.get("/blocks/2").await.expect(200);
    assert_eq!(block["height"], 2);
    let hash = block["hash"].as_str().unwrap();
    assert_eq!(node.get(&format!("/blocks/{hash}")).await.expect(200), block);
    let above = node.get("/blocks/3").await;
    assert_eq!(above.json()["height"], 2);
    assert!(above.problem(404).contains("above the tip, which has height 2"));
    assert!(node.get(&format!("/blocks/{}", "0".repeat(64))).await.problem(404).contains("No block with the hash"));
    for wrong in ["-1", "x", "4294967296", "99999999999999999999999", "%ff", &"g".repeat(64)] {
        node.get(&format!("/blocks/{wrong}")).await.problem(400);
    }
}

#[tokio::test]
async fn accounts_have_what_the_chain_gave_them() {
    let node = Node::start(1).await;
    node.mine(2).await;
    let address = node.miner.address();
    let account = node.get(&format!("/accounts/{address}")).await.expect(200);
    let subsidy = node.network.spec().subsidy.units();
    let pending = json!({
        "next_nonce": 0, "spendable": 2 * subsidy, "outgoing": 0, "incoming": 0, "count": 0, "transactions": [],
    });
    let expected = json!({"address": address, "balance": 2 * subsidy, "nonce": 0, "pending": pending});
    assert_eq!(account, expected);
    let nobody = shared::Address([9; 32]);
    assert_eq!(node.get(&format!("/accounts/{nobody}")).await.expect(200)["balance"], 0);
    assert!(node.get("/accounts/nm1xyz").await.problem(400).contains("checksum"));
}
