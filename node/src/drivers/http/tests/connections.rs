//! What only sockets show: ending without hanging and without cutting answers, odd requests, and that
//! one client does not disturb another.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::harness::{LONG, Node};

async fn connect(node: &Node) -> TcpStream {
    TcpStream::connect(node.address).await.unwrap()
}

fn head(node: &Node, line: &str) -> String {
    format!("{line} HTTP/1.1\r\nhost: {}\r\n", node.address)
}

/// Reads until the head of an answer and `Content-Length` bytes after it are there.
async fn read_answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        let mut bytes = [0; 4096];
        let count = tokio::time::timeout(LONG, stream.read(&mut bytes)).await.unwrap().unwrap();
        assert!(count > 0, "the connection ended after {text:?}");
        text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() >= length.parse().unwrap() {
                return text;
            }
        }
    }
}

async fn read_to_end(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    tokio::time::timeout(LONG, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn shutdown_answers_and_closes_idle_and_following_connections() {
    let node = Node::start(1).await;
    let mut idle = connect(&node).await;
    idle.write_all(format!("{}\r\n", head(&node, "GET /health")).as_bytes()).await.unwrap();
    read_answer(&mut idle).await;
    let silent = connect(&node).await;
    let mut following = connect(&node).await;
    following.write_all(format!("{}\r\n", head(&node, "GET /events")).as_bytes()).await.unwrap();
    let mut first = [0; 15];
    following.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");

    let mut asking = connect(&node).await;
    asking.write_all(format!("{}\r\n", head(&node, "GET /shutdown")).as_bytes()).await.unwrap();
    let answer = read_to_end(asking).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("{\"stopping\":true}"), "{answer}");
    assert_eq!(read_to_end(idle).await, "");
    assert_eq!(read_to_end(silent).await, "");
    read_to_end(following).await;
    tokio::time::timeout(LONG, node.serving).await.unwrap().unwrap();
    node.engine.stop().await;
    node.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_answer_under_way_is_finished() {
    let node = Node::start(1).await;
    node.mine(200).await;
    let mut reading = connect(&node).await;
    reading.write_all(format!("{}\r\n", head(&node, "GET /chain")).as_bytes()).await.unwrap();
    let mut first = [0; 15];
    reading.read_exact(&mut first).await.unwrap();
    node.shutdown.begin();
    let text = read_to_end(reading).await;
    assert!(text.ends_with("]}\r\n0\r\n\r\n"), "{}", &text[text.len() - 60..]);
    tokio::time::timeout(LONG, node.serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn whoever_waits_for_the_machine_is_told_that_the_node_stops() {
    let node = super::harness::Setup { mines: false, ..super::harness::Setup::new(1) }.start().await;
    let mut mining = connect(&node).await;
    mining.write_all(format!("{}\r\n", head(&node, "GET /mine")).as_bytes()).await.unwrap();
    while node.get("/health").await.expect(200)["mining"] != true {
        tokio::task::yield_now().await;
    }
    node.shutdown.begin();
    let answer = read_to_end(mining).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    tokio::time::timeout(LONG, node.serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn nonsense_on_the_socket_disturbs_nobody() {
    let node = Node::start(1).await;
    for nonsense in [&b"\x16\x03\x01\x02\x00"[..], b"GET\r\n\r\n", b"POST /mine HTTP/1.1\r\ncontent-length: -1\r\n\r\n"]
    {
        let mut stream = connect(&node).await;
        stream.write_all(nonsense).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = read_to_end(stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    let without_host = "GET /health HTTP/1.1\r\n\r\n";
    let mut stream = connect(&node).await;
    stream.write_all(without_host.as_bytes()).await.unwrap();
    assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 403"));
    let mut broken_off = connect(&node).await;
    let start = head(&node, "POST /transactions") + "content-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    broken_off.write_all(start.as_bytes()).await.unwrap();
    drop(broken_off);
    assert_eq!(node.get("/health").await.status, 200);
}

#[tokio::test]
async fn a_panic_is_an_answer_too() {
    use axum::body::Body;
    use tower::ServiceExt as _;

    async fn faulty() {
        panic!("a test's panic");
    }
    let layer = tower_http::catch_panic::CatchPanicLayer::custom(super::super::after_panic);
    let router = axum::Router::new().route("/", axum::routing::get(faulty)).layer(layer);
    let answer = router.oneshot(axum::http::Request::new(Body::empty())).await.unwrap();
    assert_eq!(answer.status(), 500);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}
