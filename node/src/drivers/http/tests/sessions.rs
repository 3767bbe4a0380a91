//! Accounts over HTTP: signing up, logging in and out, and who is let in at all.

use axum::body::Body;
use serde_json::{Value, json};
use shared::Millis;

use super::harness::{Answer, Node, Setup};
use crate::accounts::password::Password;
use crate::drivers::clock;
use crate::drivers::http::wallet::Caller;

/// The password of every account here.
pub(super) const PASSWORD: &str = "open sesame";

/// Makes an account; gives the whole answer.
pub(super) async fn sign_up(node: &Node, name: &str) -> Value {
    node.post("/wallet/accounts", &json!({"name": name, "password": PASSWORD})).await.expect(201)
}

/// Logs in; gives the whole answer.
pub(super) async fn log_in(node: &Node, name: &str) -> Value {
    node.post("/wallet/login", &json!({"name": name, "password": PASSWORD})).await.expect(200)
}

/// Asks with these headers.
pub(super) async fn ask(node: &Node, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
    let mut request = node.request(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if method == "GET" { Body::empty() } else { Body::from(body.to_string()) };
    node.answer(request.header("content-type", "application/json").body(body).unwrap()).await
}

/// Asks in the name of whoever has this token.
pub(super) async fn with_token(node: &Node, method: &str, path: &str, token: &Value, body: Value) -> Answer {
    let bearer = format!("Bearer {}", token.as_str().unwrap());
    ask(node, method, path, &[("authorization", &bearer)], body).await
}

/// Wrong tries, half a minute apart, the last of them just when a later one would have to wait for half a minute.
pub(super) fn wrong_before(guess: impl Fn(&Password, Millis)) {
    let now = clock::steady();
    (0..9).for_each(|tries| guess(&Password::from("guess".to_owned()), Millis(now.0 + tries * 31_000)));
}

#[tokio::test]
async fn signing_up_shows_the_words_once_and_logging_in_gives_a_session() {
    let node = Node::start(1).await;
    let sign_up = json!({"name": "Anna", "password": PASSWORD, "email": "anna@example.org"});
    let answer = node.post("/wallet/accounts", &sign_up).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let account = answer.expect(201);
    assert_eq!((account["name"].as_str(), account["words"].as_array().unwrap().len()), (Some("Anna"), 24));
    assert!(account["note"].as_str().unwrap().contains("shown once"));
    let listed = node.get("/wallet/accounts").await.expect(200);
    assert_eq!(listed, json!([{"name": "Anna", "address": account["address"]}]));

    let session = log_in(&node, "anna").await;
    assert_eq!((&session["name"], &session["address"]), (&account["name"], &account["address"]));
    assert_eq!(session["idle_seconds"], 1800);
    let wallet = with_token(&node, "GET", "/wallet", &session["token"], json!({})).await.expect(200);
    assert_eq!((&wallet["name"], &wallet["email"]), (&json!("Anna"), &json!("anna@example.org")));
    assert_eq!((&wallet["address"], &wallet["balance"], &wallet["nonce"]), (&account["address"], &json!(0), &json!(0)));
    assert_eq!(wallet["pending"]["next_nonce"], 0);
    assert_eq!(wallet.get("csrf"), None, "a token needs none");

    let out = with_token(&node, "POST", "/wallet/logout", &session["token"], json!({})).await.expect(200);
    assert_eq!(out, json!({"logged_out": true}));
    let over = with_token(&node, "GET", "/wallet", &session["token"], json!({})).await;
    assert!(over.problem(401).contains("log in again"));
}

#[tokio::test]
async fn what_is_wrong_with_a_new_account_is_told() {
    let node = Node::start(1).await;
    sign_up(&node, "anna").await;
    for (body, status, word) in [
        (json!({"name": "ANNA", "password": PASSWORD}), 409, "already"),
        (json!({"name": "miner", "password": PASSWORD}), 409, "rewards"),
        (json!({"name": "../anna", "password": PASSWORD}), 400, "letters"),
        (json!({"name": "", "password": PASSWORD}), 400, "1 to 32"),
        (json!({"name": "bert", "password": "1234567"}), 400, "8 characters"),
        (json!({"name": "bert", "password": "x".repeat(1025)}), 400, "1024 bytes"),
        (json!({"name": "bert", "password": PASSWORD, "email": "bert"}), 400, "name@example.org"),
        (json!({"name": "bert"}), 400, "password"),
        (json!({"name": "bert", "password": PASSWORD, "admin": true}), 400, "admin"),
        (json!([]), 400, "not what this path takes"),
    ] {
        let problem = node.post("/wallet/accounts", &body).await.problem(status);
        assert!(problem.contains(word) && problem.ends_with('.'), "{word}: {problem}");
    }
    let empty = json!({"name": "bert", "password": PASSWORD, "email": ""});
    node.post("/wallet/accounts", &empty).await.expect(201);
}

#[tokio::test]
async fn words_bring_an_account_to_another_node() {
    let (one, two) = (Node::start(1).await, Node::start(2).await);
    let account = sign_up(&one, "anna").await;
    let list = json!({"name": "anna", "password": "another one", "words": account["words"]});
    let restored = two.post("/wallet/restore", &list).await.expect(201);
    assert_eq!(restored, json!({"name": "anna", "address": account["address"]}));
    let words: Vec<&str> = account["words"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let text = |name: &str, words: &str| json!({"name": name, "password": "a third one", "words": words});
    two.post("/wallet/restore", &text("anna", &words.join("  "))).await.expect(201);
    assert!(two.post("/wallet/restore", &text("bert", &words.join(" "))).await.problem(409).contains("account anna"));
    for (wrong, word) in [(words[1..].join(" "), "24 words"), (words.join(" ") + "x", "Word 24"), (String::new(), "24")]
    {
        let problem = two.post("/wallet/restore", &text("carl", &wrong)).await.problem(400);
        assert!(problem.contains(word), "{problem}");
    }
    let odd = json!({"name": "carl", "password": PASSWORD, "words": 24});
    assert!(two.post("/wallet/restore", &odd).await.problem(400).contains("a list of texts"));
}

#[tokio::test]
async fn wrong_passwords_and_unknown_names_get_one_answer_and_have_to_wait() {
    let node = Node::start(1).await;
    sign_up(&node, "anna").await;
    let guess = async |name: &str| node.post("/wallet/login", &json!({"name": name, "password": "guess"})).await;
    for name in ["anna", "nobody"] {
        let wrong = guess(name).await;
        assert_eq!(wrong.headers["www-authenticate"], "Bearer");
        assert_eq!(wrong.problem(401), "The name or the password is wrong.");
    }
    for name in ["anna", "nobody"] {
        wrong_before(|guess, at| drop(node.vault.log_in(&name.parse().unwrap(), guess, at)));
        let wait = guess(name).await;
        let seconds: u64 = wait.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=30).contains(&seconds), "{name}: {seconds}");
        assert!(wait.problem(429).contains("wrong passwords"));
    }
    let right = json!({"name": "anna", "password": PASSWORD});
    node.post("/wallet/login", &right).await.problem(429);
    assert!(
        node.post("/wallet/login", &json!({"name": "miner", "password": ""})).await.problem(409).contains("export")
    );
}

#[tokio::test]
async fn a_browser_has_a_cookie_and_shows_that_its_page_acts() {
    let node = Node::start(1).await;
    sign_up(&node, "anna").await;
    let answer = node.post("/wallet/login", &json!({"name": "anna", "password": PASSWORD})).await;
    let set = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    let session = answer.expect(200);
    let (cookie, rest) = set.split_once(';').unwrap();
    assert_eq!(cookie, format!("networkmngr-0101010101010101={}", session["token"].as_str().unwrap()));
    assert_eq!(rest, " Path=/; HttpOnly; SameSite=Strict");

    let wallet = ask(&node, "GET", "/wallet", &[("cookie", cookie)], json!({})).await.expect(200);
    let csrf = wallet["csrf"].as_str().unwrap().to_owned();
    assert_eq!(session["csrf"], csrf);
    for shown in [None, Some(""), Some("00"), session["token"].as_str()] {
        let headers: Vec<_> =
            [("cookie", cookie)].into_iter().chain(shown.map(|shown| ("x-csrf-token", shown))).collect();
        for path in ["/wallet/send", "/wallet/export", "/wallet/password", "/wallet/logout"] {
            let refused = ask(&node, "POST", path, &headers, json!({})).await;
            assert!(refused.problem(403).contains("x-csrf-token"), "{path}");
        }
    }
    let headers = [("cookie", cookie), ("x-csrf-token", &csrf)];
    let out = ask(&node, "POST", "/wallet/logout", &headers, json!({})).await;
    assert!(out.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    out.expect(200);
    let over = ask(&node, "GET", "/wallet", &headers, json!({})).await;
    assert!(over.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    over.problem(401);
}

#[tokio::test]
async fn without_a_session_there_is_no_account() {
    let node = Node::start(1).await;
    for (method, path) in [
        ("GET", "/wallet"),
        ("POST", "/wallet/send"),
        ("POST", "/wallet/export"),
        ("POST", "/wallet/password"),
        ("POST", "/wallet/logout"),
    ] {
        for headers in [
            &[][..],
            &[("authorization", "Bearer ")],
            &[("authorization", "Basic YTpi")],
            &[("authorization", &format!("Bearer {}", "0".repeat(64)))],
            &[("cookie", "networkmngr-0202020202020202=0")],
        ] {
            let answer = ask(&node, method, path, headers, json!({})).await;
            assert!(answer.problem(401).contains("log in"), "{path} {headers:?}");
        }
    }
}

#[tokio::test]
async fn accounts_answer_to_their_own_machine_only() {
    let node = Setup { bound: Some("192.0.2.7:5000".parse().unwrap()), ..Setup::new(1) }.start().await;
    let from = |theirs: Option<&str>, method: &str, path: &str| {
        let body = json!({"name": "anna", "password": PASSWORD}).to_string();
        let mut request = axum::http::Request::builder().method(method).uri(path).header("host", "192.0.2.7:5000");
        if let Some(theirs) = theirs {
            let caller = Caller { theirs: theirs.parse().unwrap(), ours: "192.0.2.7:5000".parse().unwrap() };
            request = request.extension(caller);
        }
        node.answer(request.header("content-type", "application/json").body(Body::from(body)).unwrap())
    };
    for elsewhere in [None, Some("192.0.2.8:40000")] {
        for (method, path) in [
            ("POST", "/wallet/accounts"),
            ("GET", "/wallet/accounts"),
            ("POST", "/wallet/restore"),
            ("POST", "/wallet/login"),
            ("GET", "/wallet"),
            ("POST", "/wallet/send"),
        ] {
            assert!(from(elsewhere, method, path).await.problem(403).contains("tunnel"), "{path}");
        }
    }
    from(Some("192.0.2.7:40000"), "POST", "/wallet/accounts").await.expect(201);
    from(Some("127.0.0.1:40000"), "POST", "/wallet/login").await.expect(200);
    // A proxy or a tunnel on the machine names the node as it is reached there.
    assert_eq!(from(None, "GET", "/health").await.status, 200);
}

#[tokio::test]
async fn other_pages_cannot_use_accounts() {
    let node = Node::start(1).await;
    let body = json!({"name": "anna", "password": PASSWORD});
    for headers in [[("origin", "http://evil.example")], [("sec-fetch-site", "same-site")]] {
        ask(&node, "POST", "/wallet/accounts", &headers, body.clone()).await.problem(403);
    }
    let simple = node.with_body("POST", "/wallet/accounts", "text/plain", body.to_string()).await;
    simple.problem(415);
    assert_eq!(node.get("/wallet/accounts").await.expect(200), json!([]));
}

#[tokio::test]
async fn a_real_connection_from_this_machine_is_let_in() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let node = Setup { bound: Some("192.0.2.7:5000".parse().unwrap()), ..Setup::new(1) }.start().await;
    let mut stream = tokio::net::TcpStream::connect(node.address).await.unwrap();
    let head = "GET /wallet/accounts HTTP/1.1\r\nhost: 192.0.2.7:5000\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(super::harness::LONG, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("[]"), "{answer}");
}

#[tokio::test]
async fn so_many_passwords_are_checked_at_once_and_no_more() {
    let node = Node::start(1).await;
    let tries = (0..60).map(|number| {
        let body = json!({"name": format!("nobody{number}"), "password": "guess"});
        let node = &node;
        async move { node.post("/wallet/login", &body).await }
    });
    let answers = futures::future::join_all(tries).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!(count(401) + count(503), 60);
    assert!(count(401) >= 18, "{} were checked", count(401));
    for refused in answers.iter().filter(|answer| answer.status == 503) {
        assert!(refused.headers.contains_key("retry-after"));
    }
}
