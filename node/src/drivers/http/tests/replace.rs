//! Replacing the chain by one that somebody sends.

use axum::body::Body;
use serde_json::{Value, json};
use shared::{Amount, Bits, Block, ChainSpec, LogEdge, Network};

use super::harness::{Node, Setup};
use super::samples::{self, Key, prove_from, unprove};
use crate::client::Client;

use super::harness::LONG;

#[tokio::test]
async fn what_one_node_tells_another_takes_though_they_never_met() {
    let (one, two) = (Node::start(1).await, Node::start(2).await);
    one.mine(20).await;
    two.mine(3).await;
    let client = Client::new();
    let chain: Value = client.get(&format!("http://{}/chain", one.address), LONG).await.unwrap();
    let url = format!("http://{}/chain/replace", two.address);
    let taken: Value = client.post(&url, &chain, LONG).await.unwrap();
    let (height, tip) = one.tip().await;
    assert_eq!(taken, json!({"changed": true, "height": height, "tip": tip}));
    assert_eq!(two.chain().await, chain);
    let again: Value = client.post(&url, &chain, LONG).await.unwrap();
    assert_eq!(again["changed"], false);
}

#[tokio::test]
async fn a_bare_list_and_a_part_will_do() {
    let (one, two) = (Node::start(1).await, Node::start(2).await);
    one.mine(4).await;
    let list = one.get("/chain?limit=3").await.expect(200)["chain"].take();
    assert_eq!(two.post("/chain/replace", &list).await.expect(200)["height"], 2);
    let rest = one.get("/chain?from=3").await.expect(200);
    assert_eq!(two.post("/chain/replace", &rest).await.expect(200)["height"], 4);
    // One that leaves the active chain below its tip is weighed with all that lies under it.
    let three = Node::start(3).await;
    three.post("/chain/replace", &one.get("/chain?limit=2").await.expect(200)).await.expect(200);
    three.mine(5).await;
    let branch = three.get("/chain?from=2").await.expect(200);
    assert_eq!(two.post("/chain/replace", &branch).await.expect(200)["height"], 6);
    assert_eq!(two.tip().await, three.tip().await);
}

#[tokio::test]
async fn a_chain_without_more_work_is_a_conflict() {
    let (one, two) = (Node::start(1).await, Node::start(2).await);
    one.mine(2).await;
    two.mine(2).await;
    assert!(two.post("/chain/replace", &one.chain().await).await.problem(409).contains("just as much work"));
    two.mine(1).await;
    let before = two.tip().await;
    assert!(two.post("/chain/replace", &one.chain().await).await.problem(409).contains("less work"));
    assert_eq!(two.tip().await, before);
}

/// Two nodes, and a chain of the first that the second would take: nine blocks, with a payment in the
/// sixth.
async fn contest() -> (Node, Node, Vec<Block>) {
    let (one, two) = (Node::start(1).await, Node::start(2).await);
    one.mine(5).await;
    let payment = one.miner.transfer(0, Key::new(9).address(), 10, &one.network);
    one.post("/transactions", &payment).await.expect(202);
    one.mine(4).await;
    two.mine(1).await;
    let blocks = one.blocks().await;
    assert_eq!(blocks[6].transactions, [payment]);
    (one, two, blocks)
}

#[tokio::test]
async fn a_chain_that_cheats_is_refused_with_the_block_and_the_rule() {
    let (_one, two, blocks) = contest().await;
    let before = two.chain().await;
    type Cheat = (usize, &'static str, fn(&mut Block));
    let cheats: [Cheat; 10] = [
        (6, "reward", |block| block.coinbase.reward = Amount::MAX),
        (6, "difficulty", |block| block.header.bits = Bits(0x207f_fffe)),
        (6, "median", |block| block.header.time.0 = 1_600_000_000),
        (6, "ahead", |block| block.header.time.0 = u32::MAX),
        (6, "height", |block| block.coinbase.height.0 = 7),
        (6, "another log", |block| block.coinbase.log_size = 0),
        (6, "another log", |block| {
            block.transactions.clear();
            block.coinbase.reward = samples::spec().subsidy;
        }),
        (6, "signature", |block| block.transactions[0].fee = Amount::new(2).unwrap()),
        (6, "nonce", |block| {
            block.transactions.push(block.transactions[0].clone());
            // No block below has transactions, so the log is those of this one.
            let mut log = LogEdge::default();
            block.transactions.iter().for_each(|transaction| log.append(transaction.id()));
            (block.coinbase.log_size, block.coinbase.log_root) = (log.size(), log.root());
        }),
        (6, "builds on", |block| block.header.previous.0[0] ^= 1),
    ];
    for (position, word, cheat) in cheats {
        let mut chain = blocks.clone();
        cheat(&mut chain[position]);
        prove_from(&mut chain, position);
        let answer = two.post("/chain/replace", &chain).await;
        let json = answer.json();
        let reason = answer.problem(409);
        assert!(reason.contains(word), "{word}: {reason}");
        assert_eq!(json["hash"], chain[position].header.hash().to_string(), "{reason}");
    }
    assert_eq!(two.chain().await, before);
    two.post("/chain/replace", &blocks).await.expect(200);
}

#[tokio::test]
async fn work_must_be_proved_and_blocks_must_follow_one_another() {
    let (_one, two, blocks) = contest().await;
    let mut lazy = blocks.clone();
    unprove(&mut lazy[9]);
    assert!(two.post("/chain/replace", &lazy).await.problem(409).contains("proof of work"));
    let mut swapped = blocks.clone();
    swapped.swap(4, 5);
    assert!(two.post("/chain/replace", &swapped).await.problem(409).contains("builds on"));
    let mut twice = blocks.clone();
    twice.insert(1, blocks[0].clone());
    assert!(two.post("/chain/replace", &twice).await.problem(409).contains("in the middle"));
    let mut false_genesis = blocks.clone();
    false_genesis[0].coinbase.reward = Amount::MAX;
    assert!(two.post("/chain/replace", &false_genesis).await.problem(409).contains("genesis"));
    assert_eq!(two.tip().await.0, 1);
}

#[tokio::test]
async fn spending_what_is_not_there_is_found_on_a_part_of_a_chain_too() {
    let (one, two, blocks) = contest().await;
    two.post("/chain/replace", &blocks).await.expect(200);
    two.mine(2).await;
    // From block 6 on, as if the payment had not been affordable.
    let mut part = blocks[6..].to_vec();
    let payment = one.miner.transfer(0, Key::new(9).address(), Amount::MAX.units() - 1, &one.network);
    let mut log = shared::LogEdge::default();
    log.append(payment.id());
    part[0].transactions = vec![payment];
    part.iter_mut().for_each(|block| block.coinbase.log_root = log.root());
    prove_from(&mut part, 0);
    let reason = two.post("/chain/replace", &part).await.problem(409);
    assert!(reason.contains("block 6") && reason.contains("it costs"), "{reason}");
}

#[tokio::test]
async fn another_networks_chain_and_an_unknown_beginning_are_told_apart() {
    let two = Node::start(2).await;
    let spec = ChainSpec { name: "other".into(), ..samples::spec() };
    let other = Setup { network: Network::new(spec).unwrap().into(), ..Setup::new(1) }.start().await;
    other.mine(2).await;
    assert!(two.post("/chain/replace", &other.chain().await).await.problem(409).contains("another network"));
    let part = other.get("/chain?from=2").await.expect(200);
    assert!(two.post("/chain/replace", &part).await.problem(409).contains("not known here"));
}

#[tokio::test]
async fn what_is_no_chain_is_told_as_such() {
    let node = Node::start(1).await;
    let genesis = node.chain().await["chain"][0].to_string();
    for (body, word) in [
        ("{\"chain\":[", "not JSON"),
        ("\"chain\"", "list of blocks"),
        ("{}", "missing field `chain`"),
        ("{\"chain\":{}}", "list of blocks"),
        ("{\"chain\":[],\"chain\":[]}", "duplicate"),
        ("[]", "no blocks"),
        ("[1]", "entry 0"),
        (&format!("[{genesis},{{\"header\":1}}]"), "entry 1"),
        (&format!("[{genesis}] x"), "trailing"),
    ] {
        let answer = node.with_body("POST", "/chain/replace", "application/json", body.to_owned()).await;
        let problem = answer.problem(400);
        assert!(problem.contains(word), "{body}: {problem}");
    }
    node.with_body("POST", "/chain/replace", "application/json", "").await.problem(400);
    node.with_body("POST", "/chain/replace", "application/x-www-form-urlencoded", "[]").await.problem(415);
    node.get("/chain/replace").await.problem(405);
    assert_eq!(node.tip().await.0, 0);
}

#[tokio::test]
async fn a_chain_of_more_than_256_mib_is_not_even_read() {
    let node = Node::start(1).await;
    let request = node.request("POST", "/chain/replace").header("content-type", "application/json");
    let request = request.header("content-length", (256_u64 << 20) + 1).body(Body::from("[")).unwrap();
    assert!(node.answer(request).await.problem(413).contains("256 MiB"));
}

#[tokio::test]
async fn one_chain_is_weighed_at_a_time() {
    let node = Node::start(1).await;
    // Its body never ends, and it waits for it at its place.
    let (sender, body) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(body));
    let request = node.request("POST", "/chain/replace").header("content-type", "application/json");
    let first = tokio::spawn({
        let (router, request) = (node.router.clone(), request.body(body).unwrap());
        async move { tower::ServiceExt::oneshot(router, request).await.unwrap() }
    });
    // Once this is taken from the channel, the first request is at its body.
    sender.send(Ok(b"[".to_vec())).await.unwrap();
    sender.send(Ok(b" ".to_vec())).await.unwrap();
    sender.reserve().await.unwrap();
    let second = node.with_body("POST", "/chain/replace", "application/json", "[]").await;
    assert_eq!(second.headers["retry-after"], "2");
    assert!(second.problem(503).contains("another chain"));
    assert_eq!(node.get("/health").await.status, 200);
    drop(sender);
    assert_eq!(first.await.unwrap().status(), 400);
    node.with_body("POST", "/chain/replace", "application/json", "[]").await.problem(400);
}
