//! Measurements in their smallest form: that each figure is told, and that nothing stays. How large one is decides
//! nothing here.

use std::path::Path;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::{LIMIT, finish, program, wait_for};

/// Begins of what the rows are about, in their order.
const ROWS: [(&str, &str); 19] = [
    ("hash", "nonce search"),
    ("hash", "nonce search"),
    ("start", "start of 2 nodes"),
    ("start", "memory of a node, resident"),
    ("start", "memory of a node, shared"),
    ("start", "processor time of a node"),
    ("start", "memory of the manager"),
    ("start", "processor time of the manager"),
    ("propagation", "a block given to one node"),
    ("payments", "48 payments confirmed"),
    ("payments", "the same blocks imported"),
    ("payments", "handed in"),
    ("sync", "200 empty blocks"),
    ("sync", "2 blocks of 20 payments"),
    ("open", "a node opens 300 blocks"),
    ("open", "its memory"),
    ("open", "disk"),
    ("http", "GET /node/id"),
    ("http", "GET /chain?limit=10"),
];

/// Processes whose command line names something in this folder.
fn processes_in(folder: &Path) -> Vec<String> {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = all.filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(folder.to_str().unwrap())).collect()
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn every_figure_is_told_and_nothing_stays() {
    let temp = tempfile::tempdir().unwrap();
    let finished = finish(program(&["bench", "--quick", "--nodes", "2", "--json"]).env("TMPDIR", temp.path()));
    assert!(finished.status.success(), "{}{}", finished.stdout, finished.stderr);
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(report["failures"], serde_json::json!([]));
    let rows = report["rows"].as_array().unwrap();
    for (bench, begin) in ROWS {
        let row = rows.iter().find(|row| row["bench"] == bench && row["measured"].as_str().unwrap().starts_with(begin));
        let row = row.unwrap_or_else(|| panic!("no row {bench}: {begin}"));
        assert!(row["value"].as_f64().is_some_and(|value| value >= 0.0), "{row:#}");
    }
    assert!(processes_in(temp.path()).is_empty());
    assert!(is_empty(temp.path()));

    let finished = finish(program(&["bench", "hash", "--quick"]).env("TMPDIR", temp.path()));
    for words in ["measured", "limit beside it", "plain SHA-256d", "build"] {
        assert!(finished.stdout.contains(words), "{words:?} is not in: {}", finished.stdout);
    }
}

/// Processes are found where there is `/proc`.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_it_and_nothing_stays() {
    let temp = tempfile::tempdir().unwrap();
    let mut command = program(&["bench", "propagation"]);
    command.env("TMPDIR", temp.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let nodes = wait_for("nodes run", LIMIT, || Some(processes_in(temp.path())).filter(|nodes| nodes.len() == 6));
    assert!(nodes.iter().all(|line| line.contains("--managed")));
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("ended by Ctrl-C"), "{stderr}");
    assert!(processes_in(temp.path()).is_empty());
    assert!(is_empty(temp.path()));
}
