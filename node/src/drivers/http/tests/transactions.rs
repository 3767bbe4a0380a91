//! Sending transactions and finding them again.

use serde_json::{Value, json};
use shared::{Address, Amount, Millis, Payload, Topic, Transaction};

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

fn fee(units: u64, transaction: Transaction, key: &Key, node: &Node) -> Transaction {
    key.sign(Transaction { fee: Amount::new(units).unwrap(), ..transaction }, &node.network.genesis_hash())
}

/// A refusal as it comes: the sentence, and what would be right.
async fn refusal(node: &Node, transaction: &Transaction) -> (String, Value, Value) {
    let answer = node.post("/transactions", transaction).await;
    let json = answer.json();
    (answer.problem(422), json["next_nonce"].clone(), json["enough_fee"].clone())
}

#[tokio::test]
async fn a_transaction_that_is_wrong_by_itself_is_refused_with_the_reason() {
    let node = Node::start(1).await;
    node.mine(1).await;
    let pay = || node.miner.transfer(0, Key::new(9).address(), 1, &node.network);
    let ours = |transaction: Transaction| node.miner.sign(transaction, &node.network.genesis_hash());
    let to = |to: Address| Payload::Transfer { to, amount: Amount::new(1).unwrap() };
    let body = |length: usize| Payload::Data { topic: Topic::new("t").unwrap(), body: vec![0; length] };
    let nothing = Payload::Transfer { to: Key::new(9).address(), amount: Amount::ZERO };
    let mut neutral = [0; 32];
    neutral[0] = 1;
    for (transaction, words) in [
        (ours(Transaction { payload: nothing, ..pay() }), "must move more than nothing"),
        (ours(Transaction { fee: Amount::MAX, ..pay() }), "more than can exist"),
        (ours(Transaction { version: 9, ..pay() }), "version 9 is not known"),
        (ours(Transaction { time: Millis(1 << 53), ..pay() }), "beyond 9007199254740991 milliseconds"),
        (ours(Transaction { payload: body(32 * 1024 + 1), ..pay() }), "has 32769 bytes; at most 32768"),
        (Transaction { fee: Amount::new(7).unwrap(), ..pay() }, "the signature does not match"),
        (Transaction { sender: Key::new(9).address(), ..pay() }, "the signature does not match"),
        (node.miner.sign(pay(), &shared::BlockHash([7; 32])), "signed for another network"),
        (ours(Transaction { payload: to(Address([0; 32])), ..pay() }), "would be lost"),
        (ours(Transaction { payload: to(Address(neutral)), ..pay() }), "would be lost"),
    ] {
        let (problem, ..) = refusal(&node, &transaction).await;
        assert!(problem.contains(words), "{words}: {problem}");
    }
    node.post("/transactions", &ours(Transaction { payload: body(32 * 1024), ..pay() })).await.expect(202);
}

#[tokio::test]
async fn a_transaction_that_cannot_take_effect_is_refused_with_the_reason_and_what_would_be_right() {
    let node = Node::start(1).await;
    node.mine(1).await;
    let subsidy = node.network.spec().subsidy.units();
    let to = Key::new(9).address();
    let pay = |key: &Key, nonce, amount| key.transfer(nonce, to, amount, &node.network);
    let none = Value::Null;

    let (why, ..) = refusal(&node, &pay(&Key::new(8), 0, 1)).await;
    assert!(why.contains("it costs 2 units, the sender has 0."), "{why}");
    let (why, ..) = refusal(&node, &pay(&node.miner, 0, Amount::MAX.units() - 1)).await;
    assert!(why.contains(&format!("the sender has {subsidy}.")), "{why}");
    let (why, next, _) = refusal(&node, &pay(&node.miner, 5, 1)).await;
    assert!(why.contains("what comes before it must be sent first"), "{why}");
    assert_eq!(next, 0);

    let first = fee(20, pay(&node.miner, 0, 100), &node.miner, &node);
    node.post("/transactions", &first).await.expect(202);
    let (why, next, enough) = refusal(&node, &first).await;
    assert!(why.contains("in the pool already"), "{why}");
    assert_eq!((next, enough), (none.clone(), none.clone()));
    let (why, ..) = refusal(&node, &pay(&node.miner, 1, subsidy - 120)).await;
    assert!(why.contains(&format!("has {} beside the 120 that its other", subsidy - 120)), "{why}");

    let bid = |units| fee(units, pay(&node.miner, 0, 100), &node.miner, &node);
    let (why, next, enough) = refusal(&node, &bid(21)).await;
    assert!(why.contains(&format!("{} with the same nonce waits already", first.id())), "{why}");
    assert_eq!((next, enough), (none, json!(22)));
    node.post("/transactions", &bid(22)).await.expect(202);
    node.get(&format!("/transactions/{}", first.id())).await.problem(404);

    node.mine(1).await;
    let (why, ..) = refusal(&node, &bid(22)).await;
    assert!(why.contains("confirmed already"), "{why}");
    let (why, next, _) = refusal(&node, &first).await;
    assert!(why.contains("nonce 0 was used by a confirmed transaction"), "{why}");
    assert_eq!(next, 1);
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
    let to = Key::new(9).address().to_string();
    let wrong_checksum = to.chars().rev().skip(1).collect::<String>().chars().rev().chain(['b']).collect::<String>();
    let transfer = |amount: Value, to: &str| with("payload", json!({"transfer": {"to": to, "amount": amount}}));
    for (json, word) in [
        (with("fee", json!(-1)), "`-1`, expected whole units between 0 and 9007199254740991"),
        (transfer(json!(-1), &to), "`-1`, expected whole units"),
        (transfer(json!(0.5), &to), "`0.5`, expected whole units"),
        (transfer(json!(1_u64 << 53), &to), "over the limit"),
        (transfer(json!(1), &wrong_checksum), "the checksum does not match"),
        (with("sender", json!(wrong_checksum)), "the checksum does not match"),
        (with("payload", json!({"data": {"topic": "", "body": ""}})), "a topic takes 1 to 64 bytes"),
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

#[tokio::test]
async fn each_of_a_batch_counts_by_itself() {
    let node = Node::start(1).await;
    node.mine(1).await;
    let to = Key::new(9).address();
    let pay = |nonce| node.miner.transfer(nonce, to, 5, &node.network);
    let forged = Transaction { signature: [7; 64], ..pay(2) };
    let early = pay(9);
    let nobodys = node.miner.transfer(2, Address([0; 32]), 5, &node.network);
    let sent = [pay(0), pay(1), forged, early, nobodys, pay(2)];
    let answer = node.post("/transactions/batch", &sent).await.expect(200);
    assert_eq!(answer["accepted"], 3);
    let outcomes = answer["outcomes"].as_array().unwrap();
    assert_eq!(outcomes.len(), sent.len());
    for (outcome, sent) in outcomes.iter().zip(&sent) {
        assert_eq!(outcome["id"], json!(sent.id()));
    }
    let error = |index: usize| outcomes[index]["error"]["detail"].as_str().unwrap_or("none");
    assert_eq!([0, 1, 5].map(error), ["none"; 3]);
    assert!(error(2).contains("signature"), "{}", error(2));
    assert!(error(3).contains("nonce") && outcomes[3]["error"]["next_nonce"] == 2, "{}", error(3));
    assert!(error(4).contains("would be lost"), "{}", error(4));
    assert_eq!(node.get("/transactions/pending").await.expect(200)["count"], 3);
    let known = node.post("/transactions/batch", &[pay(0)]).await.expect(200);
    assert!(known["accepted"] == 0 && known["outcomes"][0]["error"]["status"] == 422, "{known}");
    let none: [Transaction; 0] = [];
    assert_eq!(node.post("/transactions/batch", &none).await.expect(200), json!({"accepted": 0, "outcomes": []}));
    let too_many = vec![pay(3); 1_001];
    assert!(node.post("/transactions/batch", &too_many).await.expect(400)["detail"].as_str().unwrap().contains("1001"));
}
