//! The OpenAPI document and its pages, and that the document tells the truth.

use std::collections::BTreeSet;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::docs;
use super::harness::Node;
use super::samples::Key;

/// Set to write the golden file anew instead of comparing with it.
const UPDATE: &str = "UPDATE_GOLDEN";

#[tokio::test]
async fn the_document_is_as_agreed() {
    let node = Node::start(1).await;
    let document = serde_json::to_string_pretty(&node.get("/openapi.json").await.expect(200)).unwrap() + "\n";
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/drivers/http/tests/openapi.json");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&golden, &document).unwrap();
    }
    let agreed = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(document == agreed, "the document differs from {}: see with {UPDATE}=1 and git diff", golden.display());
}

#[tokio::test]
async fn every_answer_and_reference_in_the_document_is_there() {
    let node = Node::start(1).await;
    let document = node.get("/openapi.json").await.expect(200);
    let mut operations = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operations.insert(operation["operationId"].as_str().unwrap()), "{method} {path}");
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
        }
    }
    assert!(operations.len() >= 33, "{operations:?}");
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}

fn reads<T: DeserializeOwned>(json: &Value) {
    serde_json::from_value::<T>(json.clone()).unwrap_or_else(|error| panic!("{error}: {json}"));
}

#[tokio::test]
async fn the_described_shapes_are_the_real_ones() {
    let node = Node::start(1).await;
    node.mine(1).await;
    let payment = node.miner.transfer(0, Key::new(9).address(), 10, &node.network);
    reads::<docs::Transaction>(&serde_json::to_value(&payment).unwrap());
    let data = shared::Payload::Data { topic: shared::Topic::new("news").unwrap(), body: vec![1, 2] };
    reads::<docs::Transaction>(
        &serde_json::to_value(shared::Transaction { payload: data, ..payment.clone() }).unwrap(),
    );
    node.post("/transactions", &payment).await.expect(202);
    node.mine(1).await;
    reads::<docs::Chain>(&node.chain().await);
    reads::<docs::Block>(&node.get("/blocks/2").await.expect(200));
    reads::<docs::TransactionRefused>(&node.post("/transactions", &payment).await.json());
    node.mine(6).await;
    reads::<docs::Receipt>(&node.get(&format!("/transactions/{}/receipt", payment.id())).await.expect(200));
    reads::<docs::Problem>(&node.get("/blocks/99").await.json());
    reads::<docs::LinkState>(&node.get("/links").await.expect(200));
    let peer = crate::machine::effect::PeerStatus {
        peer: Default::default(),
        id: None,
        http: String::new(),
        address: String::new(),
        outbound: true,
        height: shared::Height(1),
    };
    reads::<docs::Peer>(&serde_json::to_value(peer).unwrap());
}

#[tokio::test]
async fn the_pages_need_nothing_from_elsewhere() {
    let node = Node::start(1).await;
    assert_eq!(node.get("/docs").await.headers["location"], "/docs/");
    let page = node.get("/docs/").await;
    assert_eq!(page.status, 200);
    let page = page.text();
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("src=\"//"), "{page}");
    for part in page.split(['"', '\'']).filter_map(|part| part.strip_prefix("./")) {
        assert_eq!(node.get(&format!("/docs/{part}")).await.status, 200, "{part}");
    }
    assert!(node.get("/docs/swagger-initializer.js").await.text().contains("/openapi.json"));
}
