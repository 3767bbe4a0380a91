//! `node audit`: what it says of a sound chain, of one that a node has open, and of a damaged one.

use std::fs;
use std::path::Path;
use std::process::Output;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::process::{Node, easy_genesis, program, text};

fn audit(folder: &Path, more: &[&str]) -> Output {
    program(&["audit", "--data-dir", text(folder)]).args(more).output().unwrap()
}

/// What an audit with this exit code wrote: stdout, and stderr.
#[track_caller]
fn ended(output: &Output, code: i32) -> (&str, &str) {
    let (out, err) = (std::str::from_utf8(&output.stdout).unwrap(), std::str::from_utf8(&output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    (out, err)
}

#[test]
fn a_sound_chain_is_told_in_words_and_in_json() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("node");
    let node = Node::start(&folder, &["--genesis", text(&easy_genesis(dir.path(), "easy"))]);
    let hashes: Vec<String> = (0..4).map(|_| node.mine()).collect();
    let running = audit(&folder, &[]);
    let (out, err) = ended(&running, 2);
    assert!(out.is_empty() && err.starts_with("error: ") && err.contains("stop that node first"), "{out}{err}");
    let verdict = node.get("/valid");
    node.process.signal(Signal::SIGKILL);
    assert!(!node.process.ended().status.success());

    let file = folder.join("chain.redb");
    let before = fs::read(&file).unwrap();
    let words = audit(&folder, &[]);
    let (out, err) = ended(&words, 0);
    assert!(err.is_empty(), "{err}");
    let first = "checked 5 blocks, 0 transactions, 1 account: everything is as it should be\n";
    assert!(out.starts_with(first) && out.contains(&format!("tip   height 4, {}\n", hashes[3])), "{out}");
    assert!(out.contains("log   0 transactions, root e3b0c442"), "{out}");
    let json: Value = serde_json::from_str(ended(&audit(&folder, &["--json"]), 0).0).unwrap();
    assert_eq!((&json["valid"], &json["height"], &json["checked"]), (&true.into(), &4.into(), &verdict["checked"]));
    assert!(fs::read(&file).unwrap() == before, "an audit leaves the file as it is");
    Node::start(&folder, &[]).stop();
}

#[test]
fn a_damaged_file_is_told_with_the_place_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("node");
    let node = Node::start(&folder, &["--genesis", text(&easy_genesis(dir.path(), "easy"))]);
    (0..4).for_each(|_| drop(node.mine()));
    let coinbase = node.get("/blocks/3")["coinbase"]["log_root"].as_str().unwrap().to_owned();
    node.stop();
    let root: Vec<u8> = (0..64).step_by(2).map(|at| u8::from_str_radix(&coinbase[at..at + 2], 16).unwrap()).collect();
    let file = folder.join("chain.redb");
    let sound = fs::read(&file).unwrap();
    let places = sound.windows(32).enumerate().filter(|(_, bytes)| *bytes == root).map(|(at, _)| at);
    let mut damaged = sound.clone();
    places.for_each(|at| damaged[at] ^= 1);
    assert!(damaged != sound);
    fs::write(&file, &damaged).unwrap();
    let words = audit(&folder, &[]);
    let (out, _) = ended(&words, 1);
    assert!(out.contains("in table bodies") && out.contains("bytes ") && out.contains("Move it away"), "{out}");
    let json: Value = serde_json::from_str(ended(&audit(&folder, &["--json"]), 1).0).unwrap();
    assert_eq!((&json["valid"], &json["wrong"]["table"]), (&false.into(), &"bodies".into()), "{json}");
    assert!(json["wrong"]["offset"].as_u64().unwrap() >= 4096, "{json}");

    fs::write(&file, b"no database").unwrap();
    assert!(ended(&audit(&folder, &[]), 1).0.contains("too short"));
    fs::remove_file(&file).unwrap();
    assert!(ended(&audit(&folder, &[]), 2).1.contains("does not exist"));
    let nowhere = audit(dir.path(), &[]);
    assert!(ended(&nowhere, 2).1.contains("is no node's folder"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "an audit makes nothing");
}
