//! A disk without room: the node says so and ends, and with room again it has all that it had
//! acknowledged.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::http;
use crate::process::{Finished, Node, easy_genesis, hashes, text};

/// Room beyond what an empty chain takes, in bytes.
const ROOM: u64 = 256 << 10;
/// More blocks than fit into it.
const MANY: usize = 10_000;

/// Mines until the node fails; returns the hashes of the blocks that it acknowledged, and its end.
fn mine_until_full(node: Node) -> (Vec<String>, Finished) {
    let mut mined = Vec::new();
    for _ in 0..MANY {
        match http::ask(&node.host, "POST", "/mine", b"") {
            Ok(answer) if answer.status == 201 => mined.push(answer.json()["hash"].as_str().unwrap().to_owned()),
            _ => return (mined, node.process.ended()),
        }
    }
    panic!("{MANY} blocks fit");
}

/// Checks the end of a node on a full disk, and that another with room goes on where it was.
fn check(mined: &[String], full: &Finished, more_room: impl FnOnce(), folder: &Path) {
    full.refused(&["nothing that was acknowledged is lost", "make room"]);
    assert!(mined.len() > 10, "{}", mined.len());
    more_room();
    let node = Node::start(folder, &[]);
    let kept = hashes(&node.chain());
    assert!(kept[1..].starts_with(mined), "{} of {}", kept.len(), mined.len());
    assert_eq!(node.get("/valid")["valid"], true);
    node.mine();
    node.stop();
}

#[test]
fn a_file_that_may_not_grow_ends_the_node_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("node");
    Node::start(&folder, &["--genesis", text(&easy_genesis(dir.path(), "easy"))]).stop();
    let limit = (folder.join("chain.redb").metadata().unwrap().len() + ROOM) / 512;
    // Writes beyond the limit then fail, instead of ending the program by a signal.
    let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" --port 0 --data-dir \"$1\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_node")]).arg(&folder).env_remove("RUST_LOG");
    let (mined, full) = mine_until_full(Node::answering(command.stdin(Stdio::null())));
    check(&mined, &full, || {}, &folder);
}

/// A small disk in memory.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: PathBuf) -> Option<Self> {
        std::fs::create_dir(&at).unwrap();
        mount(&["-t", "tmpfs", "-o", "size=2m", "tmpfs", text(&at)]).then_some(Self(at))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(words: &[&str]) -> bool {
    Command::new("mount").args(words).status().is_ok_and(|status| status.success())
}

#[test]
#[ignore = "needs root, to mount a small disk"]
fn a_full_disk_ends_the_node_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(dir.path().join("disk")) else {
        println!("skipped: no disk can be mounted here");
        return;
    };
    let folder = disk.0.join("node");
    let node = Node::start(&folder, &["--genesis", text(&easy_genesis(dir.path(), "easy"))]);
    let (mined, full) = mine_until_full(node);
    // While it is full, the node says so as well.
    let more_room = || assert!(mount(&["-o", "remount,size=64m", text(&disk.0)]));
    check(&mined, &full, more_room, &folder);
}
