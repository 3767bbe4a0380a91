//! Accounts from the command line, beside a running node and in its place, and where rewards go.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Output, Stdio};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::endings::managed;
use crate::http;
use crate::process::{Node, Process, program, text};

const PASSWORD: &str = "open sesame";

/// The command with these words and this on stdin.
fn account(folder: &Path, words: &[&str], typed: &str) -> Output {
    let mut command = program(&["account"]);
    command.args(words).arg("--data-dir").arg(folder).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that is refused does not read.
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    child.wait_with_output().unwrap()
}

/// What a command that must succeed prints as JSON.
#[track_caller]
fn done(output: Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The sentence of a command that must fail.
#[track_caller]
fn failed(output: Output, code: i32) -> String {
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(output.stdout.is_empty() && said.starts_with("error: "), "{said}");
    assert!(!said.contains(PASSWORD) && !said.contains("panicked"), "{said}");
    said
}

fn words_of(value: &Value) -> String {
    value["words"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

fn post(node: &Node, path: &str, body: &Value) -> Value {
    let answer = node.ask("POST", path, body.to_string().as_bytes());
    assert!(answer.status < 300, "{path}: {}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

#[test]
fn an_account_is_made_listed_exported_changed_and_restored() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("node");
    assert_eq!(done(account(&folder, &["list", "--json"], "")), json!([]));
    let made = done(account(&folder, &["new", "Anna", "--json"], "open sesame\n"));
    let words = words_of(&made);
    assert_eq!((made["name"].as_str(), words.split(' ').count()), (Some("Anna"), 24));
    let listed = done(account(&folder, &["list", "--json"], ""));
    assert_eq!(listed, json!([{"name": "Anna", "address": made["address"]}]));
    let mode = |path: &str| fs::metadata(folder.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("accounts"), mode("accounts/anna.json")), (0o700, 0o600));

    assert_eq!(done(account(&folder, &["export", "anna", "--json"], "open sesame\n")), made);
    assert!(failed(account(&folder, &["export", "anna"], "guess\n"), 1).contains("password is wrong"));
    let changed =
        account(&folder, &["password", "anna", "--json", "--password-stdin"], "open sesame\r\nsesame close\n");
    assert_eq!(done(changed), json!({"name": "Anna", "changed": true}));
    failed(account(&folder, &["export", "anna"], "open sesame\n"), 1);
    done(account(&folder, &["export", "anna", "--json"], "sesame close\n"));

    let elsewhere = dir.path().join("elsewhere");
    let typed = format!("{words}\nanother one\n");
    let restored = done(account(&elsewhere, &["restore", "a2", "--json"], &typed));
    assert_eq!(restored, json!({"name": "a2", "address": made["address"]}));
    // A forgotten password.
    done(account(&folder, &["restore", "anna", "--json"], &typed));
    assert_eq!(done(account(&folder, &["export", "anna", "--json"], "another one\n")), made);
    let shown = account(&folder, &["export", "anna"], "another one\n");
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(words.split(' ').all(|word| shown.contains(word)) && shown.contains("24 "), "{shown}");
}

#[test]
fn what_cannot_be_done_is_told() {
    let dir = tempfile::tempdir().unwrap();
    done(account(dir.path(), &["new", "anna", "--json"], "open sesame\n"));
    for (words, typed, said) in [
        (&["new", "anna"][..], "open sesame\n", "already"),
        (&["new", "ANNA"], "open sesame\n", "already"),
        (&["new", "miner"], "open sesame\n", "rewards"),
        (&["new", "bert"], "short\n", "8 characters"),
        (&["new", "bert"], "", "nothing to read on stdin"),
        (&["export", "bert"], "open sesame\n", "no account bert"),
        (&["export", "miner"], "", "no node has run"),
        (&["password", "miner"], "", "no password"),
        (&["password", "anna"], "open sesame\nshort\n", "8 characters"),
        (&["restore", "bert"], "one two three\n", "24 words"),
        (&["restore", "bert"], &format!("{}\n", "abandon ".repeat(24)), "do not belong together"),
    ] {
        let error = failed(account(dir.path(), words, typed), 1);
        assert!(error.contains(said), "{words:?}: {error}");
    }
    for words in [&["new"][..], &["new", "a/b"], &["new", "bert", "--email", "bert"], &["burn", "anna"]] {
        failed(account(dir.path(), words, ""), 2);
    }
    let file = dir.path().join("accounts/bert.json");
    fs::write(file, "{}").unwrap();
    let listed = account(dir.path(), &["list"], "");
    assert!(String::from_utf8_lossy(&listed.stderr).contains("bert.json is damaged"));
    assert!(String::from_utf8_lossy(&listed.stdout).starts_with("anna"));
}

#[test]
fn on_a_terminal_nothing_that_is_typed_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let pty = nix::pty::openpty(None, None).unwrap();
    let mut terminal = fs::File::from(pty.master);
    let mut command = program(&["account", "new", "anna", "--data-dir", text(dir.path())]);
    command.stdin(Stdio::from(pty.slave)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut asked = BufReader::new(child.stderr.take().unwrap());
    for prompt in ["New password of anna: ", "The same again: "] {
        let mut said = vec![0; prompt.len()];
        asked.read_exact(&mut said).unwrap();
        assert_eq!(String::from_utf8(said).unwrap(), prompt);
        writeln!(terminal, "{PASSWORD}").unwrap();
        asked.read_until(b'\n', &mut Vec::new()).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    fcntl(&terminal, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let mut echoed = Vec::new();
    let _ = terminal.read_to_end(&mut echoed);
    assert!(!String::from_utf8_lossy(&echoed).contains("sesame"), "{}", String::from_utf8_lossy(&echoed));
    assert!(String::from_utf8_lossy(&output.stdout).contains("Write these words down"));
}

#[test]
fn an_account_made_beside_a_running_node_can_spend_at_once() {
    let dir = tempfile::tempdir().unwrap();
    done(account(dir.path(), &["new", "shop", "--json"], "open sesame\n"));
    let node = Node::start(dir.path(), &["--miner", "Shop"]);
    node.mine();
    let anna = done(account(dir.path(), &["new", "anna", "--json"], "open sesame\n"));
    let shop = post(&node, "/wallet/login", &json!({"name": "shop", "password": PASSWORD}));
    let token = shop["token"].as_str().unwrap();
    let payment = json!({"to": anna["address"], "amount": 250, "password": PASSWORD}).to_string();
    let sent = http::ask_as(&node.host, token, "POST", "/wallet/send", payment.as_bytes()).unwrap();
    assert_eq!(sent.status, 202, "{}", sent.detail());
    // The payment was acknowledged, so it outlives the node.
    node.process.signal(Signal::SIGKILL);
    let log = node.process.ended().log.join("\n");
    let node = Node::start(dir.path(), &["--miner", shop["address"].as_str().unwrap()]);
    node.mine();
    let balance = |address: &Value| node.get(&format!("/accounts/{}", address.as_str().unwrap()))["balance"].clone();
    assert_eq!(balance(&anna["address"]), 250);
    assert!(balance(&shop["address"]).as_u64().unwrap() > 50_000_000);
    assert_eq!(
        http::ask_as(&node.host, token, "GET", "/wallet", b"").unwrap().status,
        401,
        "sessions end with the node"
    );
    node.stop();
    for secret in [PASSWORD, token, &words_of(&anna)[..30]] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn rewards_go_where_they_are_sent() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Process::start(program(&["-p", "0", "--miner", "shop", "--data-dir"]).arg(dir.path())).ended();
    missing.refused(&["no account shop", "account new shop"]);
    let misspelt = Process::start(program(&["-p", "0", "--miner", "nm1qqq", "--data-dir"]).arg(dir.path())).ended();
    assert_eq!(misspelt.status.code(), Some(2));
    let node = Node::start(dir.path(), &[]);
    let miner = done(account(dir.path(), &["export", "miner", "--json"], ""));
    let hash = node.mine();
    assert_eq!(node.get(&format!("/blocks/{hash}"))["coinbase"]["miner"], miner["address"]);
    assert_eq!(node.ask("GET", "/wallet", b"").status, 401, "the miner's account is not everybody's");
    node.stop();
}

#[test]
fn a_key_of_an_earlier_version_keeps_its_rewards() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("miner.key"), "01".repeat(32)).unwrap();
    let mut process = Process::start(program(&["-p", "0", "--data-dir"]).arg(dir.path()).stdin(Stdio::null()));
    // The address of the secret key of 32 bytes 01, as docs/protocol.md has it.
    let said = process.expect("earlier ones remain");
    assert!(said.contains("nm132yw8ht5p8cetl2jmvknewjawt9xwzdlrk2pyxlnwjyqrdq0dawqvslclr"), "{said}");
    process.expect(" answers on http://");
    process.signal(Signal::SIGTERM);
    process.ended().well();
    assert!(dir.path().join("miner.key").exists() && dir.path().join("miner.seed").exists());
}

#[test]
fn in_a_managed_network_the_miners_account_is_ready() {
    let dir = tempfile::tempdir().unwrap();
    let node = managed(dir.path());
    node.mine();
    let wallet = node.get("/wallet");
    assert!(wallet["note"].as_str().unwrap().contains("practice account"));
    let sent = post(&node, "/wallet/send", &json!({"to": wallet["address"], "amount": 1}));
    assert!(sent["note"].as_str().unwrap().contains("practice account"));
    node.stop();
}
