//! Starts that cannot succeed: each ends at once, with the right exit status and one sentence that
//! says what is wrong, and nothing is lost by it.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Stdio;

use crate::process::{Finished, Node, Process, easy_genesis, program, text};

/// What becomes of a node that is started with these words.
fn start(folder: &Path, more: &[&str]) -> Finished {
    let mut command = program(&["--port", "0", "--data-dir"]);
    let mut process = Process::start(command.arg(folder).args(more).stdin(Stdio::null()));
    if let Some(line) = process.line(" answers on http://") {
        panic!("{more:?} should be refused: {line}");
    }
    process.ended()
}

/// A folder with a chain of three blocks, and its bytes.
fn used(folder: &Path) -> Vec<u8> {
    let node = Node::start(folder, &[]);
    (0..3).for_each(|_| drop(node.mine()));
    let chain = node.chain();
    node.stop();
    chain
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_right() {
    let dir = tempfile::tempdir().unwrap();
    for (words, said) in [
        (["--hash-rate", "fast"], "write 200000, 200k, 1.5M or unlimited"),
        (["--hash-rate=-5", "--mdns"], "is no hash rate"),
        (["--hash-rate", "0"], "is no hash rate"),
        (["--hash-rate", "1e99"], "is no hash rate"),
        (["--peer-port", "65536"], "65536"),
        (["--host", "localhost.example"], "invalid IP address"),
        (["--join", "nonsense"], "is not a multiaddress"),
        (["--join", "/dns4/example.org/tcp/6000"], "/ip4/ADDRESS/tcp/PORT"),
        (["--unheard", "of"], "--unheard"),
    ] {
        let folder = dir.path().join("none");
        let refused = start(&folder, &words);
        assert_eq!(refused.status.code(), Some(2), "{words:?}: {:#?}", refused.log);
        assert!(refused.log.iter().any(|line| line.contains(said)), "{words:?}: {:#?}", refused.log);
        assert!(!folder.exists(), "{words:?}");
    }
}

#[test]
fn conditions_of_links_that_cannot_be_kept_are_refused_before_anybody_connects() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("links.json");
    let missing = start(&dir.path().join("a"), &["--links", text(&file)]);
    missing.refused(&["cannot read", "links.json"]);
    for (json, said) in [("{", "EOF"), (r#"{"rest": {"loss": 2}}"#, "from 0 to 1")] {
        fs::write(&file, json).unwrap();
        start(&dir.path().join("a"), &["--links", text(&file)]).refused(&["holds no conditions of links", said]);
    }
}

#[test]
fn busy_ports_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = program(&["--port", &port, "--data-dir"]);
    let http = Process::start(command.arg(dir.path().join("a")).stdin(Stdio::null())).ended();
    http.refused(&[&format!("cannot listen on 127.0.0.1:{port}"), "in use", "--port"]);
    assert!(!dir.path().join("a").exists());
    start(dir.path(), &["--peer-port", &port]).refused(&[&format!("peer port {port}"), "in use", "--peer-port"]);
    // 192.0.2.0/24 is nobody's.
    start(dir.path(), &["--host", "192.0.2.1"]).refused(&["cannot listen on 192.0.2.1", "--host"]);
    start(dir.path(), &["--peer-host", "192.0.2.1"]).refused(&["cannot listen for peers on 192.0.2.1"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "text").unwrap();
    start(&file, &[]).refused(&[text(&file)]);
    start(&file.join("below"), &[]).refused(&[text(&file), "below"]);
    assert_eq!(fs::read(&file).unwrap(), b"text");
}

#[test]
fn a_spec_that_makes_no_network_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("node");
    let spec = dir.path().join("spec.json");
    let good = fs::read_to_string(easy_genesis(dir.path(), "good")).unwrap();
    for (contents, reason) in [
        ("", "EOF"),
        ("{}", "missing field"),
        ("[1, 2]", "no usable chain spec"),
        (&good.replace("\"spacing\"", "\"spacings\""), "spacings"),
        (&good.replace("207fffff", "00000000"), "no compact target"),
        (&good.replace("207fffff", "2"), "no usable chain spec"),
        (&good.replace("1000000000", "0"), "half_life"),
        (&good.replace("1048576", "10"), "max_block_bytes"),
    ] {
        fs::write(&spec, contents).unwrap();
        start(&folder, &["--genesis", text(&spec)]).refused(&["spec.json", reason]);
    }
    start(&folder, &["--genesis", text(&dir.path().join("nowhere"))]).refused(&["cannot read", "nowhere"]);
    start(&folder, &["--genesis", text(dir.path())]).refused(&["cannot read"]);
    // None of this has settled what network the folder is of.
    Node::start(&folder, &["--genesis", text(&dir.path().join("good.json"))]).stop();
}

#[test]
fn another_networks_folder_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("node");
    let chain = used(&folder);
    let other = easy_genesis(dir.path(), "elsewhere");
    start(&folder, &["--genesis", text(&other)]).refused(&["\"practice\"", "\"elsewhere\"", "--data-dir"]);
    // Only the chain is another network's.
    let mixed = dir.path().join("mixed");
    Node::start(&mixed, &["--genesis", text(&other)]).stop();
    fs::copy(folder.join("chain.redb"), mixed.join("chain.redb")).unwrap();
    start(&mixed, &[]).refused(&["holds the chain of another network", "--genesis"]);
    let node = Node::start(&folder, &[]);
    assert_eq!(node.chain(), chain);
    node.stop();
}

#[test]
fn a_folder_in_use_is_refused_and_its_node_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path(), &[]);
    node.mine();
    start(dir.path(), &[]).refused(&["open in another process", "--data-dir"]);
    node.mine();
    assert_eq!(node.get("/valid")["valid"], true);
    node.stop();
}

#[test]
fn damaged_files_are_named_and_mending_them_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("node");
    let chain = used(&folder);
    for name in ["genesis.json", "node.id", "miner.seed", "peer.key"] {
        let path = folder.join(name);
        let whole = fs::read(&path).unwrap();
        let half = whole[..whole.len() / 2].to_vec();
        for wrong in [vec![], b"nonsense\n".to_vec(), vec![0xff; 64], half] {
            fs::write(&path, &wrong).unwrap();
            start(&folder, &[]).refused(&[name]);
            assert_eq!(fs::read(&path).unwrap(), wrong, "{name} is not to be replaced");
        }
        fs::write(&path, whole).unwrap();
    }
    // A list of peers is no loss.
    fs::write(folder.join("peers.json"), "nonsense").unwrap();
    let node = Node::start(&folder, &[]);
    assert_eq!(node.chain(), chain);
    node.stop();
}

#[test]
fn a_damaged_chain_is_refused_with_a_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("node");
    let chain = used(&folder);
    let path = folder.join("chain.redb");
    let whole = fs::read(&path).unwrap();
    let zeroed = [&[0; 4096], &whole[4096..]].concat();
    for wrong in [b"nonsense".to_vec(), vec![0xff; 100_000], zeroed, whole[..whole.len() / 2].to_vec(), vec![]] {
        fs::write(&path, &wrong).unwrap();
        let refused = start(&folder, &[]);
        refused.refused(&["chain.redb", "move the file away"]);
    }
    // What the sentence says helps: the node is the same, and its peers have the chain.
    fs::rename(&path, folder.join("aside.redb")).unwrap();
    let node = Node::start(&folder, &[]);
    assert_eq!(node.ask("POST", "/chain/replace", &chain).status, 200);
    assert_eq!(node.chain(), chain);
    node.stop();
}

#[test]
fn managed_needs_a_manager() {
    let dir = tempfile::tempdir().unwrap();
    start(dir.path(), &["--managed"]).refused(&["--managed is for nodes that a manager starts", "LISTEN_FDS"]);
}
