//! Who the node is, how it is doing, who may ask, and paths that do not exist.

use axum::body::Body;
use serde_json::json;

use super::harness::{Node, Setup};

#[tokio::test]
async fn a_node_tells_who_it_is_and_how_it_does() {
    let node = Node::start(1).await;
    let id = node.get("/node/id").await.expect(200);
    assert_eq!(id["id"], "01".repeat(32));
    assert_eq!(id["address"], format!("http://{}", node.address));
    assert!(id["peer_id"].as_str().unwrap().starts_with("12D3KooW"));
    assert_eq!(id["peer_addresses"].as_array().unwrap().len(), 1);
    assert_eq!(id["nodes"], json!({}));

    let genesis = node.network.genesis_hash().to_string();
    let health = node.get("/health").await.expect(200);
    assert_eq!(health["status"], "ok");
    assert_eq!((&health["height"], &health["tip"]), (&json!(0), &json!(genesis)));
    assert_eq!((&health["peers"], &health["pending"], &health["mining"]), (&json!(0), &json!(0), &json!(false)));
    assert_eq!(health["hash_rate"], 200_000);
    assert_eq!(health["work"].as_str().unwrap().len(), 64);

    let index = node.get("/").await;
    assert!(index.text().contains("GET  /chain"), "{}", index.text());
}

#[tokio::test]
async fn the_index_names_only_paths_that_exist() {
    let node = Node::start(1).await;
    let document = node.get("/openapi.json").await.expect(200);
    for line in include_str!("../index.txt").lines().filter(|line| line.contains("  /")) {
        let path = line.split_whitespace().nth(1).unwrap();
        let pattern = match path {
            "/blocks/HASH-OR-HEIGHT" => "/blocks/{id}",
            "/accounts/ADDRESS" => "/accounts/{address}",
            "/transactions/ID/receipt" => "/transactions/{id}/receipt",
            "/docs" | "/openapi.json" => continue,
            path => path,
        };
        assert!(document["paths"].get(pattern).is_some(), "{path}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let node = Node::start(1).await;
    assert!(node.get("/nowhere").await.problem(404).contains("/nowhere"));
    let wrong = node.post_empty("/health").await;
    assert_eq!(wrong.headers["allow"], "GET,HEAD");
    assert!(wrong.problem(405).contains("POST"));
    let head = node.answer(node.request("HEAD", "/mine").body(Body::empty()).unwrap()).await;
    assert_eq!(head.status, 405);
}

#[tokio::test]
async fn only_its_own_names_are_answered() {
    let node = Node::start(1).await;
    for host in ["evil.example", "evil.example:5000", "127.0.0.1:1"] {
        let request = axum::http::Request::builder().uri("/health").header("host", host);
        let answer = node.answer(request.body(Body::empty()).unwrap()).await;
        answer.problem(403);
    }
    let local =
        axum::http::Request::builder().uri("/health").header("host", format!("localhost:{}", node.address.port()));
    assert_eq!(node.answer(local.body(Body::empty()).unwrap()).await.status, 200);
}

#[tokio::test]
async fn other_sites_can_neither_use_verbs_nor_write() {
    let node = Node::start(1).await;
    for path in ["/mine", "/shutdown", "/block/new", "/resolve"] {
        let foreign = node.request("GET", path).header("sec-fetch-site", "cross-site");
        node.answer(foreign.body(Body::empty()).unwrap()).await.problem(403);
        let foreign = node.request("POST", path).header("origin", "http://evil.example");
        node.answer(foreign.body(Body::empty()).unwrap()).await.problem(403);
    }
    assert!(!node.shutdown.has_begun());
    assert_eq!(node.tip().await.0, 0);
    let own = node.request("GET", "/mine").header("sec-fetch-site", "none");
    node.answer(own.body(Body::empty()).unwrap()).await.expect(201);
}

#[tokio::test]
async fn off_loopback_administration_needs_the_token() {
    let bound = "192.0.2.7:5000".parse().unwrap();
    let node = Setup { bound: Some(bound), ..Setup::new(1) }.start().await;
    let ask = |method: &str, path: &str, token: &str| {
        let request = axum::http::Request::builder().method(method).uri(path).header("host", "192.0.2.7:5000");
        let request = request.header("authorization", token).header("content-type", "application/json");
        node.answer(request.body(Body::from("[]")).unwrap())
    };
    let admin = [
        ("GET", "/shutdown"),
        ("POST", "/shutdown"),
        ("POST", "/chain/replace"),
        ("POST", "/nodes/register"),
        ("DELETE", "/nodes/register"),
        ("DELETE", "/nodes/00"),
        ("POST", "/mining/start"),
        ("POST", "/mining/stop"),
        ("POST", "/hash-rate"),
        ("POST", "/links"),
    ];
    for (method, path) in admin {
        let refused = ask(method, path, "Bearer wrong").await;
        assert_eq!(refused.headers["www-authenticate"], "Bearer", "{path}");
        assert!(refused.problem(401).contains("admin.token"), "{path}");
    }
    assert!(!node.shutdown.has_begun());
    for path in ["/health", "/node/id", "/chain", "/mine"] {
        assert!(ask("GET", path, "").await.status.is_success(), "{path}");
    }
    let token = format!("Bearer {}", std::fs::read_to_string(node.folder().join("admin.token")).unwrap().trim());
    ask("POST", "/mining/stop", &token).await.expect(200);
    ask("POST", "/nodes/register", &token).await.expect(200);
    ask("POST", "/chain/replace", &token).await.problem(400);
    ask("GET", "/shutdown", &token).await.expect(200);
    assert!(node.shutdown.has_begun());
}

#[tokio::test]
async fn figures_are_told() {
    let node = Node::start(1).await;
    node.mine(3).await;
    let answer = node.get("/metrics").await;
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    let text = answer.text();
    for line in ["node_height 3", "node_peers 0", "node_blocks_connected_total 3", "node_journal_entries 3"] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
    let again = node.get("/metrics").await.text();
    assert!(again.contains("node_blocks_connected_total 3"), "{again}");
}
