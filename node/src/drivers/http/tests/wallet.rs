//! Spending: from an account with its password, and from the practice account without.

use serde_json::{Value, json};

use super::harness::{Answer, Node, Setup};
use super::samples::Key;
use super::sessions::{PASSWORD, ask, log_in, sign_up, with_token, wrong_before};
use crate::accounts::session::SessionId;

/// An account of anna's that has 1000 units, and a session of hers.
async fn funded(node: &Node) -> Value {
    let account = sign_up(node, "anna").await;
    node.mine(1).await;
    let address = account["address"].as_str().unwrap().parse().unwrap();
    node.post("/transactions", &node.miner.transfer(0, address, 1_000, &node.network)).await.expect(202);
    node.mine(1).await;
    log_in(node, "anna").await["token"].take()
}

async fn send(node: &Node, token: &Value, body: Value) -> Answer {
    with_token(node, "POST", "/wallet/send", token, body).await
}

fn payee() -> String {
    Key::new(9).address().to_string()
}

#[tokio::test]
async fn a_payment_is_signed_sent_and_confirmed() {
    let node = Node::start(1).await;
    let token = funded(&node).await;
    let answer = send(&node, &token, json!({"to": payee(), "amount": 250, "password": PASSWORD})).await;
    let place = answer.headers["location"].to_str().unwrap().to_owned();
    let sent = answer.expect(202);
    assert_eq!(sent, json!({"id": sent["id"], "nonce": 0, "fee": 2}));
    assert_eq!(place, format!("/transactions/{}", sent["id"].as_str().unwrap()));
    assert_eq!(node.get(&place).await.expect(200)["status"], "pending");

    let wallet = with_token(&node, "GET", "/wallet", &token, json!({})).await.expect(200);
    assert_eq!((&wallet["balance"], &wallet["nonce"]), (&json!(1_000), &json!(0)));
    assert_eq!((&wallet["pending"]["spendable"], &wallet["pending"]["next_nonce"]), (&json!(748), &json!(1)));
    node.mine(1).await;
    assert_eq!(node.get(&place).await.expect(200)["status"], "confirmed");
    assert_eq!(node.get(&format!("/accounts/{}", payee())).await.expect(200)["balance"], 250);
    let wallet = with_token(&node, "GET", "/wallet", &token, json!({})).await.expect(200);
    assert_eq!((&wallet["balance"], &wallet["nonce"]), (&json!(748), &json!(1)));
    assert_eq!(node.get("/valid").await.expect(200)["valid"], true);
}

#[tokio::test]
async fn payments_made_at_once_follow_each_other() {
    let node = Node::start(1).await;
    let token = funded(&node).await;
    let pay = |amount: u64| send(&node, &token, json!({"to": payee(), "amount": amount, "password": PASSWORD}));
    let answers = futures::future::join_all((1..=12).map(pay)).await;
    let mut nonces: Vec<u64> =
        answers.into_iter().map(|answer| answer.expect(202)["nonce"].as_u64().unwrap()).collect();
    nonces.sort_unstable();
    assert_eq!(nonces, (0..12).collect::<Vec<_>>());
    node.mine(1).await;
    assert_eq!(node.get(&format!("/accounts/{}", payee())).await.expect(200)["balance"], 78);
}

#[tokio::test]
async fn spending_needs_the_password_again() {
    let node = Node::start(1).await;
    let token = funded(&node).await;
    let pay = |password: Value| send(&node, &token, json!({"to": payee(), "amount": 1, "password": password}));
    assert!(pay(Value::Null).await.problem(400).contains("password again"));
    assert_eq!(pay(json!("guess")).await.problem(403), "The password is wrong.");
    let session = SessionId::of(token.as_str().unwrap());
    wrong_before(|guess, at| drop(node.vault.confirm(&session, guess, at)));
    let wait = pay(json!(PASSWORD)).await;
    assert!(wait.headers.contains_key("retry-after"));
    wait.problem(429);
    // Another session is not held up by it.
    let other = log_in(&node, "anna").await["token"].take();
    send(&node, &other, json!({"to": payee(), "amount": 1, "password": PASSWORD})).await.expect(202);
}

#[tokio::test]
async fn a_payment_that_cannot_be_made_is_refused_with_the_reason() {
    let node = Node::start(1).await;
    let token = funded(&node).await;
    let mut misspelt = payee();
    misspelt.replace_range(10..11, if &misspelt[10..11] == "q" { "p" } else { "q" });
    let pay = |change: Value| {
        let mut body = json!({"to": payee(), "amount": 1, "password": PASSWORD});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        send(&node, &token, body)
    };
    for (change, status, word) in [
        (json!({"to": misspelt}), 400, "checksum"),
        (json!({"to": "anna"}), 400, "not an address"),
        (json!({"amount": -1}), 400, "-1"),
        (json!({"amount": 1.5}), 400, "1.5"),
        (json!({"amount": 1_u64 << 53}), 400, "over the limit"),
        (json!({"amount": 0}), 422, "more than nothing"),
        (json!({"amount": 999}), 422, "1001"),
        (json!({"amount": 1, "fee": 1_000}), 422, "1001"),
        (json!({"amount": (1_u64 << 53) - 1, "fee": 1}), 422, "more than can exist"),
        (json!({"nonce": 1}), 422, "nonce"),
        (json!({"memo": "hello"}), 400, "memo"),
    ] {
        let problem = pay(change).await.problem(status);
        assert!(problem.contains(word), "{word}: {problem}");
    }
    pay(json!({"amount": 600, "fee": 0, "nonce": 0})).await.expect(202);
    assert!(pay(json!({"amount": 600})).await.problem(422).contains("602"), "what is pending counts");
    let twice = pay(json!({"amount": 600, "fee": 0, "nonce": 0})).await;
    twice.problem(422);
}

#[tokio::test]
async fn words_are_shown_and_the_password_changed_for_the_password_only() {
    let node = Node::start(1).await;
    let account = sign_up(&node, "anna").await;
    let token = log_in(&node, "anna").await["token"].take();
    let post = |path: &'static str, body: Value| with_token(&node, "POST", path, &token, body);
    assert!(post("/wallet/export", json!({})).await.problem(400).contains("password again"));
    post("/wallet/export", json!({"password": "guess"})).await.problem(403);
    let shown = post("/wallet/export", json!({"password": PASSWORD})).await.expect(200);
    assert_eq!((&shown["words"], &shown["address"]), (&account["words"], &account["address"]));

    let other = log_in(&node, "anna").await["token"].take();
    let change = |old: &str, new: &str| post("/wallet/password", json!({"password": old, "new_password": new}));
    change("guess", "sesame close").await.problem(403);
    change(PASSWORD, "short").await.problem(400);
    assert_eq!(change(PASSWORD, "sesame close").await.expect(200), json!({"changed": true}));
    post("/wallet/export", json!({"password": "sesame close"})).await.expect(200);
    with_token(&node, "GET", "/wallet", &other, json!({})).await.problem(401);
    node.post("/wallet/login", &json!({"name": "anna", "password": PASSWORD})).await.problem(401);
    node.post("/wallet/login", &json!({"name": "anna", "password": "sesame close"})).await.expect(200);
}

#[tokio::test]
async fn in_a_practice_network_the_miners_account_needs_no_password() {
    let node = Setup { practice: true, ..Setup::new(1) }.start().await;
    node.mine(1).await;
    let wallet = node.get("/wallet").await.expect(200);
    let note = "practice account: everybody who reaches this node may spend from it";
    assert_eq!((&wallet["name"], &wallet["note"]), (&json!("miner"), &json!(note)));
    assert!(wallet["balance"].as_u64().unwrap() > 0);
    let listed = node.get("/wallet/accounts").await.expect(200);
    assert_eq!(listed, json!([{"name": "miner", "address": wallet["address"], "note": note}]));
    let sent = node.post("/wallet/send", &json!({"to": payee(), "amount": 5})).await.expect(202);
    assert_eq!((&sent["nonce"], &sent["note"]), (&json!(0), &json!(note)));
    let shown = node.post("/wallet/export", &json!({})).await.expect(200);
    assert_eq!((shown["words"].as_array().unwrap().len(), &shown["note"]), (24, &json!(note)));
    let change = json!({"password": "", "new_password": PASSWORD});
    assert!(node.post("/wallet/password", &change).await.problem(409).contains("no password"));
    assert!(
        node.post("/wallet/login", &json!({"name": "miner", "password": ""})).await.problem(409).contains("without")
    );
    assert_eq!(node.post("/wallet/logout", &json!({})).await.expect(200), json!({"logged_out": false}));

    // Whoever logs in acts for themselves, and a session that is over is not the practice account.
    sign_up(&node, "anna").await;
    let token = log_in(&node, "anna").await["token"].take();
    let wallet = with_token(&node, "GET", "/wallet", &token, json!({})).await.expect(200);
    assert_eq!((&wallet["name"], wallet.get("note")), (&json!("anna"), None));
    assert!(send(&node, &token, json!({"to": payee(), "amount": 5})).await.problem(400).contains("password again"));
    let over =
        ask(&node, "POST", "/wallet/send", &[("authorization", "Bearer 00")], json!({"to": payee(), "amount": 5}));
    over.await.problem(401);
    // Nor is a page's whose cookie is gone.
    let page = [("x-csrf-token", "ab")];
    ask(&node, "POST", "/wallet/send", &page, json!({"to": payee(), "amount": 5})).await.problem(401);
}

#[tokio::test]
async fn when_the_node_ends_nothing_is_signed_any_more() {
    let node = Setup { practice: true, ..Setup::new(1) }.start().await;
    node.mine(1).await;
    node.vault.close();
    node.post("/wallet/send", &json!({"to": payee(), "amount": 5})).await.problem(401);
}
