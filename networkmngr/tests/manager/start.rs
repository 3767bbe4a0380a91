//! Starting: what stands when it worked, and what is said, and left, when it did not.

use std::net::{Ipv4Addr, TcpListener};

use serde_json::Value;

use crate::support::{Manager, failing, fake_node, folder, free_ports, get, record, run};

fn ids(record: &Value) -> Vec<String> {
    let nodes = record["nodes"].as_array().unwrap();
    nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_node_runs_and_knows_all_others() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 4, "", &[]);
    for number in 0..4 {
        let identity = get(&format!("{}/node/id", manager.node(number))).unwrap();
        assert_eq!(identity["nodes"].as_object().unwrap().len(), 3, "{identity}");
    }
    let record = manager.record();
    assert_eq!(record["version"], 1);
    assert_eq!(record["manager"]["pid"], manager.pid());
    assert_eq!(record["manager"]["address"], manager.address());
    for (number, node) in record["nodes"].as_array().unwrap().iter().enumerate() {
        assert_eq!(node["number"], number);
        assert_eq!(node["id"].as_str().unwrap().len(), 64);
        assert!(node["process"]["pid"].as_u64().unwrap() > 0);
        assert!(dir.path().join(node["folder"].as_str().unwrap()).is_dir());
        assert!(dir.path().join(node["log"].as_str().unwrap()).is_file());
    }
    let stopped = manager.stop();
    assert!(stopped.stdout.contains("nodes 0-3: exit status 0"), "{}", stopped.stdout);
    assert_eq!(crate::support::record(dir.path())["manager"], Value::Null);
}

#[test]
fn the_same_folder_goes_on_with_any_amount_of_nodes() {
    let dir = folder();
    let first = Manager::start(dir.path(), 2, "", &[]);
    let known = ids(&first.record());
    first.stop();
    let more = Manager::start(dir.path(), 3, "", &[]);
    let three = ids(&more.record());
    assert_eq!(three[..2], known[..]);
    more.stop();
    let fewer = Manager::start(dir.path(), 1, "", &[]);
    assert_eq!(ids(&fewer.record()), known[..1]);
    fewer.stop();
    let again = Manager::start(dir.path(), 3, "", &[]);
    assert_eq!(ids(&again.record()), three);
    again.stop();
    let fresh = Manager::start(dir.path(), 3, "", &["--fresh"]);
    assert!(ids(&fresh.record()).iter().all(|id| !three.contains(id)));
    fresh.stop();
}

#[test]
fn a_folder_in_use_is_refused_with_its_manager() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 1, "", &[]);
    let second = failing(dir.path(), 1, "", &["--fresh"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(second.stderr.contains(&manager.address()), "{}", second.stderr);
    assert!(second.stderr.contains(&format!("process {}", manager.pid())), "{}", second.stderr);
    get(&format!("{}/health", manager.node(0))).unwrap();
    manager.stop();
}

#[test]
fn busy_ports_are_named_and_nothing_is_started() {
    let dir = folder();
    let net = dir.path().join("net");
    let (base, _taken) = loop {
        let base = free_ports(4);
        if let Ok(taken) = TcpListener::bind((Ipv4Addr::LOCALHOST, base + 2)) {
            break (base, taken);
        }
    };
    let (port, folder) = (base.to_string(), net.to_str().unwrap());
    let node = fake_node();
    let refused = run(&["-p", &port, "-a", "3", "--data-dir", folder, "--node-bin", node.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.starts_with("error: port"), "{}", refused.stderr);
    assert!(refused.stderr.contains(&(base + 2).to_string()), "{}", refused.stderr);
    assert!(!net.exists());
}

#[test]
fn a_node_that_fails_at_once_is_quoted_and_the_others_are_ended() {
    let dir = folder();
    let failed = failing(dir.path(), 4, "2=exit-at-start", &[]);
    assert_eq!(failed.status.code(), Some(1));
    let stderr = &failed.stderr;
    assert!(stderr.starts_with("error: node 2 did not start: exit status 3"), "{stderr}");
    assert!(stderr.contains("| line before the last"), "{stderr}");
    assert!(stderr.contains("| error: told to fail at the start"), "{stderr}");
    assert_eq!(record(dir.path())["manager"], Value::Null);
    let left = record(dir.path())["nodes"].as_array().unwrap().iter().all(|node| node["process"].is_null());
    assert!(left);
    // Nothing is lost for the next try.
    Manager::start(dir.path(), 4, "", &[]).stop();
}

#[test]
fn a_node_that_is_never_ready_is_ended_after_the_deadline() {
    let dir = folder();
    let failed = failing(dir.path(), 2, "all=never-ready", &["--wait-for-ready", "0.3"]);
    assert_eq!(failed.status.code(), Some(1));
    let stderr = &failed.stderr;
    assert!(stderr.starts_with("error: node "), "{stderr}");
    assert!(stderr.contains("did not start: was not ready within 0.3 s"), "{stderr}");
    assert!(stderr.contains("| fake node on port") || stderr.contains("wrote nothing"), "{stderr}");
}

#[test]
fn a_node_that_says_something_else_or_refuses_the_list_ends_the_start() {
    let dir = folder();
    let failed = failing(dir.path(), 2, "0=garbage", &[]);
    assert!(failed.stderr.contains("printed no proper ready line"), "{}", failed.stderr);
    assert!(failed.stderr.contains("hello"), "{}", failed.stderr);
    let failed = failing(dir.path(), 2, "1=refuse-list", &[]);
    assert!(failed.stderr.contains("node 1 did not take the list of nodes"), "{}", failed.stderr);
    assert!(failed.stdout.contains("nodes 0-1: exit status 0"), "{}", failed.stdout);
}

#[test]
fn a_program_that_is_none_is_named() {
    let dir = folder();
    let failed = failing(dir.path(), 2, "", &["--node-bin", "/nowhere/node"]);
    assert_eq!(failed.status.code(), Some(2), "given twice: {}", failed.stderr);
    let port = free_ports(3).to_string();
    let net = dir.path().to_str().unwrap();
    let failed = run(&["-p", &port, "-a", "2", "--data-dir", net, "--node-bin", "/nowhere/node"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(failed.stderr.contains("there is no program /nowhere/node"), "{}", failed.stderr);
}

#[test]
fn too_few_open_files_are_said_before_anything_starts() {
    let dir = folder();
    let net = dir.path().join("net");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", r#"ulimit -n 200 && exec "$@""#, "sh", env!("CARGO_BIN_EXE_networkmngr")]);
    let refused = shell.args(["-a", "50", "--data-dir"]).arg(&net).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let stderr = String::from_utf8(refused.stderr).unwrap();
    assert!(stderr.starts_with("error: 50 nodes may need about 478 open files"), "{stderr}");
    assert!(stderr.contains("allows this program 200"), "{stderr}");
    assert!(!net.exists());
}

#[test]
fn wrong_usage_is_one_sentence_and_exit_code_2() {
    for words in [
        &["-a", "0"][..],
        &["-a", "2001"],
        &["-p", "65530", "-a", "6"],
        &["-p", "65536"],
        &["--hash-rate", "fast"],
        &["--peer-port", "4999"],
    ] {
        let refused = run(words);
        assert_eq!(refused.status.code(), Some(2), "{words:?}");
        assert!(refused.stderr.starts_with("error: "), "{}", refused.stderr);
        assert!(refused.stdout.is_empty());
    }
}

#[test]
fn other_folders_are_refused() {
    let dir = folder();
    std::fs::write(dir.path().join("thesis.txt"), "years of work").unwrap();
    let refused = failing(dir.path(), 1, "", &["--fresh"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("no network's folder"), "{}", refused.stderr);

    let newer = dir.path().join("newer");
    std::fs::create_dir(&newer).unwrap();
    std::fs::write(newer.join("network.json"), r#"{"version": 99}"#).unwrap();
    let refused = failing(&newer, 1, "", &[]);
    assert!(refused.stderr.contains("newer networkmngr"), "{}", refused.stderr);

    let refused = failing(&dir.path().join("thesis.txt/net"), 1, "", &[]);
    assert!(refused.stderr.contains("cannot write to"), "{}", refused.stderr);
}

#[test]
fn a_folder_of_another_chain_spec_is_refused() {
    let dir = folder();
    let (net, one, two) = (dir.path().join("net"), dir.path().join("1.json"), dir.path().join("2.json"));
    std::fs::write(&one, r#"{"name": "one"}"#).unwrap();
    std::fs::write(&two, r#"{"name": "two"}"#).unwrap();
    let spec = |path: &std::path::Path| ["--genesis".to_owned(), path.to_str().unwrap().to_owned()];
    let one = spec(&one);
    Manager::start(&net, 1, "", &[&one[0], &one[1]]).stop();
    let two = spec(&two);
    let refused = failing(&net, 1, "", &[&two[0], &two[1]]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("another network"), "{}", refused.stderr);
    Manager::start(&net, 1, "", &[]).stop();
}
