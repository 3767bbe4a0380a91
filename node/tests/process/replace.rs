//! A chain handed from one node to another that never heard of it: `GET /chain` into `/chain/replace`.

use std::process::{Command, Stdio};

use crate::process::Node;

#[test]
fn a_chain_goes_from_node_to_node_by_http_alone() {
    let dir = tempfile::tempdir().unwrap();
    let one = Node::start(&dir.path().join("one"), &[]);
    let other = Node::start(&dir.path().join("other"), &[]);
    (0..3).for_each(|_| drop(one.mine()));
    let chain = one.chain();
    let adopted = other.ask("POST", "/chain/replace", &chain);
    assert_eq!((adopted.status, &adopted.json()["changed"]), (200, &true.into()));
    assert_eq!(other.chain(), chain);

    let again = other.ask("POST", "/chain/replace", &chain);
    assert_eq!((again.status, &again.json()["changed"]), (200, &false.into()));

    other.mine();
    let refused = other.ask("POST", "/chain/replace", &chain);
    assert_eq!(refused.status, 409);
    assert!(refused.detail().contains("less work"), "{}", refused.detail());
    assert_eq!(one.ask("POST", "/chain/replace", &other.chain()).status, 200);
    assert_eq!(one.chain(), other.chain());
    assert_eq!((one.peers(), other.peers()), (0, 0));
    one.stop();
    other.stop();
}

#[test]
fn the_readmes_two_curls_work() {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("skipped: there is no curl on this machine");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let one = Node::start(&dir.path().join("one"), &[]);
    let other = Node::start(&dir.path().join("other"), &[]);
    (0..2).for_each(|_| drop(one.mine()));
    let pipe = format!(
        "curl --fail-with-body -s {}/chain | \
         curl --fail-with-body -s -X POST {}/chain/replace -H 'content-type: application/json' -d @-",
        one.host, other.host
    );
    let piped = Command::new("sh").args(["-c", &pipe]).output().unwrap();
    assert!(piped.status.success(), "{piped:?}");
    assert_eq!(other.chain(), one.chain());
    let refused = Command::new("sh").args(["-c", &pipe.replace("/chain |", "/chain?limit=2 |")]).output().unwrap();
    assert!(!refused.status.success() && refused.stdout.starts_with(b"{"), "{refused:?}");
    assert_eq!(other.chain(), one.chain());
}
