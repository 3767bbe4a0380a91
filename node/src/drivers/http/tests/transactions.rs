//! Sending transactions and finding them again.

use serde_json::{Value, json};
use shared::{Amount, Transaction};

use super::harness::Node;
use super::samples::Key;

#[tokio::test]
async fn a_payment_is_pending_then_confirmed() {
    let node = Node::start(1).await;
    node.mine(1).await;
    let to = Key::new(9).address();
    let payment = node.miner.transfer(0, to, 250, &node.network);
    let id = payment.id().to_string();
    let answer = node.post("/transactions", &payment).await;
    let place = answer.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(answer.expect(202), json!({"id": id}));

    let pending = node.get("/transactions/pending").await.expect(200);
    assert_eq!((&pending["count"], &pending["transactions"][0]["id"]), (&json!(1), &json!(id)));
    assert_eq!(node.get(&place).await.expect(200)["status"], "pending");
    let ours = node.get(&format!("/accounts/{}", node.miner.address())).await.expect(200);
    let subsidy = node.network.spec().subsidy.units();
    assert_eq!((&ours["balance"], &ours["nonce"]), (&json!(subsidy), &json!(0)));
    let waiting = json!({
        "next_nonce": 1, "spendable": subsidy - 251, "outgoing": 251, "incoming": 0, "count": 1, "transactions": [id],
    });
    assert_eq!(ours["pending"], waiting);
    let theirs = node.get(&format!("/accounts/{to}")).await.expect(200);
    assert_eq!((&theirs["balance"], &theirs["pending"]["incoming"]), (&json!(0), &json!(250)));
    let none = node.get("/transactions/pending?limit=0").await.expect(200);
    assert_eq!(none, json!({"count": 1, "transactions": []}));

    let block = node.post_empty("/mine").await.expect(201);
    node.mine(1).await;
    let confirmed = node.get(&place).await.expect(200);
    let expected = json!({
        "status": "confirmed", "block": block["hash"], "height": 2, "position": 0, "confirmations": 2,
        "transaction": payment,
    });
    assert_eq!(confirmed, expected);
    assert_eq!(node.get(&format!("/accounts/{to}")).await.expect(200)["balance"], 250);
    let sender = node.get(&format!("/accounts/{}", node.miner.address())).await.expect(200);
    assert_eq!(sender["nonce"], 1);
    assert_eq!(node.get("/transactions/pending").await.expect(200)["count"], 0);
}

#[tokio::test]
async fn a_transaction_that_cannot_take_effect_is_refused_with_the_reason() {
    let node = Node::start(1).await;
    node.mine(1).await;
    let to = Key::new(9).address();
    let pay = |key: &Key, nonce, amount| key.transfer(nonce, to, amount, &node.network);
    let changed = Transaction { fee: Amount::new(7).unwrap(), ..pay(&node.miner, 0, 1) };
    let nothing = Transaction { version: 9, ..pay(&node.miner, 0, 1) };
    for (transaction, word) in [
        (pay(&node.miner, 0, Amount::MAX.units() - 1), "it costs"),
        (pay(&node.miner, 5, 1), "nonce"),
        (pay(&Key::new(8), 0, 1), "balance"),
        (changed, "signature"),
        (nothing, "version"),
    ] {
        let problem = node.post("/transactions", &transaction).await.problem(422);
        assert!(problem.contains(word) || problem.contains("has 0"), "{word}: {problem}");
    }
    let good = pay(&node.miner, 0, 1);
    node.post("/transactions", &good).await.expect(202);
    assert!(node.post("/transactions", &good).await.problem(422).contains("already"));
}

#[tokio::test]
async fn what_is_no_transaction_is_told_as_such() {
    let node = Node::start(1).await;
    let good = serde_json::to_value(node.miner.transfer(0, Key::new(9).address(), 1, &node.network)).unwrap();
    let with = |field: &str, value: Value| {
        let mut json = good.clone();
        json[field] = value;
        json
    };
    for (json, word) in [
        (with("fee", json!(-1)), "-1"),
        (with("fee", json!(1_u64 << 53)), "over the limit"),
        (with("fee", json!(1.5)), "1.5"),
        (with("nonce", json!(1e30)), "floating point"),
        (with("nonce", json!("0")), "string"),
        (with("sender", json!("nm1x")), "not an address"),
        (with("signature", json!("00")), "wrong length"),
        (with("signature", json!("zz")), "hexadecimal"),
        (with("id", json!("ab".repeat(32))), "does not belong"),
        (with("payload", json!({"burn": {}})), "burn"),
        (with("memo", json!("hello")), "memo"),
        (json!([]), "not what this path takes"),
        (json!(null), "not what this path takes"),
    ] {
        let problem = node.post("/transactions", &json).await.problem(400);
        assert!(problem.contains(word), "{word}: {problem}");
    }
    let deep = "[".repeat(200_000);
    node.with_body("POST", "/transactions", "application/json", deep).await.problem(400);
    node.with_body("POST", "/transactions", "application/json", vec![0xff, 0xfe]).await.problem(400);
    let large = vec![b' '; (1 << 20) + 1];
    assert!(node.with_body("POST", "/transactions", "application/json", large).await.problem(413).contains("1 MiB"));
    assert_eq!(node.get("/transactions/pending").await.expect(200)["count"], 0);
}

#[tokio::test]
async fn unknown_transactions_are_not_found() {
    let node = Node::start(1).await;
    assert!(node.get(&format!("/transactions/{}", "ab".repeat(32))).await.problem(404).contains("Neither"));
    for wrong in ["xyz", "-1", &"g".repeat(64)] {
        node.get(&format!("/transactions/{wrong}")).await.problem(400);
    }
    node.get("/transactions/pending?limit=-1").await.problem(400);
}
