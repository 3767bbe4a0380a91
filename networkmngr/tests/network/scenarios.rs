//! Scenario files on real processes, where these differ from simulated ones.

use serde_json::Value;

use crate::support::{Finished, finish, free_ports, program};

/// Runs a scenario on real processes; other ports are tried when somebody took one meanwhile.
fn run(text: &str) -> (Finished, Value) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("scenario.toml");
    std::fs::write(&file, text).unwrap();
    let run = || {
        let place = tempfile::tempdir_in(&dir).unwrap();
        let port = free_ports().to_string();
        let mut command = program(&["run", file.to_str().unwrap(), "-p", &port, "--json", "--data-dir"]);
        let finished = finish(command.arg(place.path().join("net")));
        (!finished.stderr.contains("in use by another program")).then_some(finished)
    };
    let finished = (0..20).find_map(|_| run()).unwrap();
    let reports: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{}", finished.stderr));
    let report = reports[0].clone();
    (finished, report)
}

#[test]
fn a_node_that_is_restarted_goes_on_mining() {
    let (finished, report) = run(r#"
name = "Restart"
[network]
nodes = 1
spacing = "200ms"
hash-rate = 50000
[[step]]
start-mining = "all"
[[step]]
wait = { height = 2 }
[[step]]
restart = "0"
[[step]]
wait = { height = 8 }
[[expect]]
height = { at-least = 8 }
"#);
    assert!(finished.status.success(), "{report:#}");
    assert_eq!((&report["engine"], &report["passed"]), (&"real".into(), &true.into()));
}

#[test]
fn a_block_that_its_own_node_refuses_is_named_at_once() {
    let (finished, report) = run(r#"
name = "A liar mines"
[network]
nodes = 2
spacing = "200ms"
hash-rate = 50000
[[step]]
strategy = { node = 1, follow = "invalid-blocks" }
[[step]]
mine = { by = "1" }
"#);
    assert_eq!(finished.status.code(), Some(1));
    let failure = report["steps"][1]["failure"].as_str().unwrap();
    assert!(failure.contains("reward"), "{failure}");
}

#[test]
fn what_was_taken_back_and_who_won_is_counted() {
    let (finished, report) = run(include_str!("../fixtures/double-spend.toml"));
    assert!(finished.status.success(), "{report:#}");
    let [blocks, kept, deepest] =
        ["blocks", "kept", "deepest_reorganisation"].map(|name| report[name].as_u64().unwrap());
    // How many blocks the new branch takes to have more work depends on how long the old one took: on a slow
    // machine the target has grown meanwhile. What is taken back is three in any case.
    assert!(kept >= 7, "{report:#}");
    assert_eq!([blocks - kept, deepest], [3, 3], "{report:#}");
}

#[test]
fn a_prediction_that_is_none_is_wrong_usage() {
    for words in [&["lesson", "1", "--answer", "9", "--simulate"][..], &["lesson", "99", "--simulate"]] {
        let refused = finish(&mut program(words));
        assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
        assert!(refused.stderr.starts_with("error: "), "{}", refused.stderr);
    }
}
