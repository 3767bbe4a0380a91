//! The log: what is signed and when, proofs, tiles, receipts.

use serde_json::{Value, json};
use shared::{
    BlockHash, Height, LogRoot, Transaction, TxId,
    log::{checkpoint::Checkpoint, checkpoint::LogKey, leaf_hash, node_hash, verify_consistency, verify_inclusion},
    receipt::{Outcome, Receipt, Wanted, verify},
};

use super::harness::Node;
use super::samples::Key;

/// Blocks that lie on top of one whose log is signed.
const DEPTH: usize = 6;

impl Node {
    /// Sends so many payments of the miner, the first with this nonce.
    async fn pay(&self, first: u64, count: u64) -> Vec<Transaction> {
        let mut sent = Vec::new();
        for nonce in first..first + count {
            let payment = self.miner.transfer(nonce, Key::new(9).address(), 10, &self.network);
            self.post("/transactions", &payment).await.expect(202);
            sent.push(payment);
        }
        sent
    }

    async fn log_key(&self) -> LogKey {
        read(&self.get("/log").await.expect(200)["key"])
    }

    /// The signed checkpoint, opened.
    async fn checkpoint(&self) -> Checkpoint {
        let answer = self.get("/log/checkpoint").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/plain"));
        Checkpoint::open(&answer.text(), &self.log_key().await).unwrap()
    }

    async fn tile(&self, path: &str) -> Vec<u8> {
        let answer = self.get(&format!("/log/tile/{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.headers["content-type"], "application/octet-stream");
        assert!(answer.headers["cache-control"].to_str().unwrap().contains("immutable"));
        answer.body
    }
}

/// What a text of JSON stands for.
fn read<T: std::str::FromStr<Err: std::fmt::Debug>>(json: &Value) -> T {
    json.as_str().unwrap().parse().unwrap()
}

fn hashes(json: &Value) -> Vec<[u8; 32]> {
    json.as_array().unwrap().iter().map(|hash| read::<LogRoot>(hash).0).collect()
}

fn receipt_path(transaction: &Transaction) -> String {
    format!("/transactions/{}/receipt", transaction.id())
}

#[tokio::test]
async fn nothing_is_signed_before_six_blocks_lie_on_one() {
    let node = Node::start(1).await;
    node.mine(DEPTH - 1).await;
    let log = node.get("/log").await.expect(200);
    let key: LogKey = read(&log["key"]);
    assert_eq!(log, json!({"origin": key.name(), "key": key.to_string(), "depth": DEPTH}));
    for path in ["/log/checkpoint", "/log/tile/0/000", "/log/tile/entries/000.p/1"] {
        assert!(node.get(path).await.problem(409).contains("once 6 blocks lie on top"), "{path}");
    }
    node.mine(1).await;
    assert_eq!(node.checkpoint().await.size, 0);
    node.get("/log/tile/0/000").await.problem(404);
}

#[tokio::test]
async fn the_checkpoint_is_of_the_block_with_six_on_top() {
    let node = Node::start(1).await;
    node.mine(1).await;
    node.pay(0, 3).await;
    node.mine(1).await;
    node.pay(3, 2).await;
    node.mine(DEPTH).await;
    let log = node.get("/log").await.expect(200);
    assert_eq!(log.get("alarm"), None);
    let block = node.get("/blocks/2").await.expect(200);
    let root = &block["coinbase"]["log_root"];
    assert_eq!(log["signed"], json!({"size": 3, "root": root, "height": 2, "block": block["hash"]}));
    let checkpoint = node.checkpoint().await;
    assert_eq!((checkpoint.size, checkpoint.root), (3, read(root)));
    assert_eq!(checkpoint.origin, log["origin"]);
    node.mine(1).await;
    assert_eq!(node.checkpoint().await.size, 5);
}

#[tokio::test]
async fn a_receipt_verifies_offline_and_never_changes() {
    let node = Node::start(1).await;
    node.mine(1).await;
    let payments = node.pay(0, 3).await;
    node.mine(1).await;
    node.mine(DEPTH).await;
    let path = receipt_path(&payments[1]);
    let answer = node.get(&path).await;
    let file = format!("attachment; filename=\"receipt-{}.json\"", payments[1].id().short());
    assert_eq!(answer.headers["content-disposition"], file);
    let receipt = Receipt::read(&answer.body).unwrap();
    assert_eq!(receipt.headers.len(), 1 + DEPTH);

    let genesis = Some(node.network.genesis_hash());
    let wanted = Wanted { genesis, log_key: Some(node.log_key().await), opening: None };
    let report = verify(&receipt, &wanted);
    assert!(report.steps.iter().all(|step| matches!(step.outcome, Outcome::Good(_))), "{report:#?}");
    let shown = report.shows.unwrap();
    assert_eq!(shown.transaction, payments[1]);
    assert_eq!((shown.height, shown.blocks_on_top), (Height(2), DEPTH));
    assert_eq!(shown.block, read::<BlockHash>(&node.get("/blocks/2").await.expect(200)["hash"]));
    let other = Wanted { log_key: Some(Node::start(2).await.log_key().await), ..wanted.clone() };
    assert_eq!(verify(&receipt, &other).shows, None);

    node.pay(3, 1).await;
    node.mine(3).await;
    assert_eq!(node.get(&path).await.body, answer.body);
    for (headers, on_top) in [(8, 8), (2000, DEPTH + 3)] {
        let deeper = node.get(&format!("{path}?headers={headers}")).await.body;
        let shown = verify(&Receipt::read(&deeper).unwrap(), &wanted).shows.unwrap();
        assert_eq!(shown.blocks_on_top, on_top);
    }
}

#[tokio::test]
async fn what_has_no_receipt_yet_is_told_what_is_missing() {
    let node = Node::start(1).await;
    node.mine(1).await;
    let payment = node.pay(0, 1).await.remove(0);
    let path = receipt_path(&payment);
    assert!(node.get(&path).await.problem(404).contains("waits to be mined has no receipt"));
    for on_top in 0..DEPTH {
        node.mine(1).await;
        let answer = node.get(&path).await;
        let json = answer.json();
        assert_eq!((&json["confirmations"], &json["needed"]), (&json!(on_top + 1), &json!(DEPTH + 1)));
        assert!(answer.problem(409).contains(&format!("once 6 blocks lie on the transaction's; so far {on_top} do")));
    }
    node.mine(1).await;
    node.get(&path).await.expect(200);
    for headers in ["0", "5", "2001", "-1", "x"] {
        node.get(&format!("{path}?headers={headers}")).await.problem(400);
    }
    node.get(&format!("{path}?depth=6")).await.problem(400);
    node.get(&format!("/transactions/{}/receipt", "ab".repeat(32))).await.problem(404);
    node.get("/transactions/xyz/receipt").await.problem(400);
}

#[tokio::test]
async fn inclusion_proofs_verify_by_id_and_by_index() {
    let node = Node::start(1).await;
    node.mine(1).await;
    let mut payments = node.pay(0, 4).await;
    node.mine(1).await;
    payments.extend(node.pay(4, 3).await);
    node.mine(1).await;
    for (index, payment) in (0_u64..).zip(&payments) {
        let by_id = node.get(&format!("/log/inclusion?id={}", payment.id())).await.expect(200);
        assert_eq!(by_id, node.get(&format!("/log/inclusion?index={index}&size=7")).await.expect(200));
        assert_eq!((&by_id["index"], &by_id["size"]), (&json!(index), &json!(7)));
        let (leaf, root): (TxId, LogRoot) = (read(&by_id["leaf"]), read(&by_id["root"]));
        assert_eq!(leaf, payment.id());
        assert_eq!(verify_inclusion(&leaf.0, index, 7, &hashes(&by_id["path"]), &root.0), Ok(()));
    }
    let tip = node.get("/blocks/3").await.expect(200);
    assert_eq!(node.get("/log/inclusion?index=0").await.expect(200)["root"], tip["coinbase"]["log_root"]);
    for wrong in ["", "?index=7", "?index=3&size=3", "?index=0&size=8", "?index=-1", "?id=zz", "?leaf=0"] {
        node.get(&format!("/log/inclusion{wrong}")).await.problem(400);
    }
    let both = format!("?index=0&id={}", payments[0].id());
    assert!(node.get(&format!("/log/inclusion{both}")).await.problem(400).contains("either"));
    let unknown = format!("?id={}", "ab".repeat(32));
    node.get(&format!("/log/inclusion{unknown}")).await.problem(404);
}

#[tokio::test]
async fn consistency_proofs_verify_from_every_size() {
    let node = Node::start(1).await;
    node.mine(1).await;
    node.pay(0, 7).await;
    node.mine(1).await;
    for from in 1..=7 {
        let proof = node.get(&format!("/log/consistency?from={from}")).await.expect(200);
        assert_eq!((&proof["from"], &proof["to"]), (&json!(from), &json!(7)));
        let (old, new): (LogRoot, LogRoot) = (read(&proof["from_root"]), read(&proof["to_root"]));
        assert_eq!(verify_consistency(from, 7, &hashes(&proof["proof"]), &old.0, &new.0), Ok(()));
        let smaller = node.get(&format!("/log/inclusion?index=0&size={from}")).await.expect(200);
        assert_eq!(smaller["root"], proof["from_root"]);
    }
    assert_eq!(node.get("/log/consistency?from=2&to=5").await.expect(200)["to"], 5);
    for wrong in ["", "?from=0", "?from=8", "?from=5&to=4", "?from=1&to=8", "?from=-1", "?from=1&size=2"] {
        node.get(&format!("/log/consistency{wrong}")).await.problem(400);
    }
}

#[tokio::test]
async fn tiles_hold_the_signed_log_and_nothing_beyond() {
    let node = Node::start(1).await;
    node.mine(1).await;
    let payments = node.pay(0, 260).await;
    node.mine(1).await;
    node.mine(DEPTH - 1).await;
    node.pay(260, 1).await;
    node.mine(1).await;
    let ids: Vec<u8> = payments.iter().flat_map(|payment| payment.id().0).collect();
    assert_eq!(node.tile("0/000").await, ids[..256 * 32]);
    assert_eq!(node.tile("0/000.p/7").await, ids[..7 * 32]);
    assert_eq!(node.tile("0/001.p/4").await, ids[256 * 32..]);

    // The one complete node of the next level is half of what the checkpoint commits to.
    let complete: [u8; 32] = node.tile("1/000.p/1").await.try_into().unwrap();
    let [a, b, c, d] = [256, 257, 258, 259].map(|index: usize| payments[index].id().0);
    let rest = node_hash(&node_hash(&a, &b), &node_hash(&c, &d));
    let checkpoint = node.checkpoint().await;
    assert_eq!((checkpoint.size, checkpoint.root.0), (260, node_hash(&complete, &rest)));

    for (path, first) in [("entries/000", 0), ("entries/001.p/4", 256), ("entries/000.p/3", 0)] {
        let (mut bundle, mut leaves) = (&*node.tile(path).await, Vec::new());
        while let Some((length, rest)) = bundle.split_first_chunk() {
            let (entry, rest) = rest.split_at(u16::from_be_bytes(*length).into());
            leaves.extend(leaf_hash(entry));
            bundle = rest;
        }
        assert_eq!(leaves, ids[first * 32..][..leaves.len()], "{path}");
        assert_eq!(leaves, node.tile(&path.replace("entries", "0")).await, "{path}");
    }

    for beyond in ["0/001", "0/001.p/5", "0/002.p/1", "1/000", "1/000.p/2", "2/000.p/1", "63/000", "entries/001"] {
        assert!(
            node.get(&format!("/log/tile/{beyond}")).await.problem(404).contains("of 260 transactions"),
            "{beyond}"
        );
    }
    let far = "x999/".repeat(5) + "999";
    node.get(&format!("/log/tile/0/{far}")).await.problem(404);
    for malformed in ["0/0", "0/x000", "0/000.p/0", "0/000.p/256", "0/000.p/01", "64/000", "00/000", "x/000", "0/000/"]
    {
        let problem = node.get(&format!("/log/tile/{malformed}")).await.problem(400);
        assert!(problem.contains("/log/tile/LEVEL/INDEX"), "{malformed}: {problem}");
    }
    assert_eq!(node.get("/log/tile/0").await.status, 404);
}

/// A chain that leaves out a block whose log was signed may come, and is followed; but not signed for.
#[tokio::test]
async fn after_a_deep_reorganisation_there_is_an_alarm_and_no_signature() {
    let (node, other) = (Node::start(1).await, Node::start(2).await);
    node.mine(1).await;
    let lost = node.pay(0, 1).await.remove(0);
    node.mine(1 + DEPTH).await;
    let receipt = node.get(&receipt_path(&lost)).await;
    assert_eq!(receipt.status, 200);
    let signed = node.get("/log").await.expect(200)["signed"].take();

    other.mine(1).await;
    let there = other.pay(0, 1).await.remove(0);
    other.mine(4 + DEPTH).await;
    node.post("/chain/replace", &other.chain().await).await.expect(200);
    assert_eq!(node.tip().await, other.tip().await);
    node.get(&receipt_path(&lost)).await.problem(404);

    let silent = async |node: &Node| {
        let log = node.get("/log").await.expect(200);
        assert_eq!(log.get("signed"), None);
        let alarm = log["alarm"].as_str().unwrap().to_owned();
        let block = signed["block"].as_str().unwrap();
        assert!(alarm.contains("signs no more") && alarm.contains(block), "{alarm}");
        for path in ["/log/checkpoint", "/log/tile/0/000.p/1", &receipt_path(&there)] {
            let answer = node.get(path).await;
            assert!(!answer.text().contains('\u{2014}'), "{path}: {}", answer.text());
            assert_eq!(answer.problem(409), alarm, "{path}");
        }
    };
    silent(&node).await;
    node.mine(DEPTH + 1).await;
    silent(&node).await;
    // What was given before holds for whoever has it.
    assert!(verify(&Receipt::read(&receipt.body).unwrap(), &Wanted::default()).shows.is_some());
    // The proofs that are not signed are still to be had.
    node.get(&format!("/log/inclusion?id={}", there.id())).await.expect(200);
    // The other node never signed for anything else.
    other.get(&receipt_path(&there)).await.expect(200);
}
