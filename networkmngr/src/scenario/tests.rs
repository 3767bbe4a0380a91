//! Files that are understood and files that are not; runs in the simulator.

use super::file::Scenario;
use super::run::Report;
use super::simulate_once;

const SPLIT: &str = r#"
name = "Split and heal"

[network]
nodes = 6
spacing = "2s"
delay = "10ms..50ms"

[[step]]
mine = 3

[[step]]
pay = { from = 0, to = 1, amount = 5000, name = "riches" }

[[step]]
split = ["0-2", "3-5"]

[[step]]
mine = { blocks = 2, by = "0-2" }

[[step]]
mine = { blocks = 4, by = "3-5" }

[[step]]
expect = { tips = 2 }

[[step]]
heal = true

[[expect]]
agreement = "30s"

[[expect]]
reorg-depth = 2

[[expect]]
height = 7
"#;

fn parse(text: &str) -> Result<Scenario, String> {
    Scenario::parse(text).map_err(|error| error.to_string())
}

fn simulate(text: &str, seed: u64) -> Report {
    simulate_once(&parse(text).unwrap(), seed, false, None)
}

#[test]
fn a_split_heals_with_a_reorganisation() {
    let text = SPLIT.replace(r#"pay = { from = 0, to = 1, amount = 5000, name = "riches" }"#, r#"wait = "1s""#);
    for seed in 1..5 {
        let report = simulate(&text, seed);
        assert_eq!(report.failure(), None, "{report:#?}");
        assert_eq!((report.blocks, report.kept, report.deepest_reorganisation), (9, 7, 2));
    }
}

#[test]
fn the_same_seed_gives_the_same_report() {
    let text = SPLIT.replace("nodes = 6", "nodes = 7");
    assert_eq!(simulate(&text, 9), simulate(&text, 9));
}

#[test]
fn a_step_that_fails_ends_the_run() {
    let report = simulate(SPLIT, 1);
    let failure = report.failure().unwrap();
    assert!(failure.starts_with("node 0 pays node 1 (\"riches\"): "), "{failure}");
    assert!(!report.passed && report.expectations.is_empty());
}

#[test]
fn payments_are_confirmed_contradicted_and_taken_back() {
    let report = simulate(
        r#"
name = "Two payments of the same money"
[network]
nodes = 4
[[step]]
mine = { blocks = 2, by = "0" }
[[step]]
wait = { agreement = true }
[[step]]
split = ["0-1", "2-3"]
[[step]]
pay = { from = 0, to = 1, amount = 20, name = "first" }
[[step]]
pay = { from = 0, to = 2, amount = 30, at = 2, instead-of = "first", name = "second" }
[[step]]
mine = { blocks = 1, by = "1" }
[[step]]
wait = { confirmed = "first", at = "0-1" }
[[step]]
record = { by = 3, topic = "notes", record = { text = "hello", n = 3 }, fee = 0, name = "note" }
[[step]]
mine = { blocks = 3, by = "3" }
[[step]]
heal = true
[[step]]
wait = { confirmed = "second", confirmations = 3, within = "1m" }
[[expect]]
agreement = "30s"
[[expect]]
retracted = "first"
[[expect]]
confirmed = "note"
"#,
        3,
    );
    assert_eq!(report.failure(), None, "{report:#?}");
}

#[test]
fn nodes_are_killed_paused_added_and_removed() {
    let report = simulate(
        r#"
name = "Life and death"
[network]
nodes = 4
topology = "ring"
shares = [1, 2, 3, 4]
[[step]]
start-mining = "all"
[[step]]
wait = { height = 3 }
[[step]]
kill = "1"
[[step]]
pause = "2"
[[step]]
add = true
[[step]]
wait = "10s"
[[step]]
restart = "1"
[[step]]
resume = "2"
[[step]]
remove = "3"
[[step]]
stop-mining = "all"
[[step]]
mine = { by = "0" }
[[expect]]
agreement = "60s"
[[expect]]
height = { at-least = 4 }
[[expect]]
stale-share = { at-most = 0.9 }
"#,
        2,
    );
    assert_eq!(report.failure(), None, "{report:#?}");
}

/// Nodes that are in no named group, and those that join later, form one group on both engines.
#[test]
fn whoever_is_added_during_a_split_joins_those_in_no_named_group() {
    let report = simulate(
        r#"
name = "A late guest"
[network]
nodes = 3
[[step]]
split = ["0"]
[[step]]
add = true
[[step]]
mine = { by = "1" }
[[step]]
wait = { height = 1, at = "3", within = "30s" }
[[expect]]
tips = 2
"#,
        1,
    );
    assert_eq!(report.failure(), None, "{report:#?}");
}

#[test]
fn mistakes_are_told_with_line_and_field() {
    let wrong = |from: &str, to: &str| parse(&SPLIT.replace(from, to)).unwrap_err();
    let form = wrong("mine = 3", "mien = 3");
    assert!(form.contains("line 10") && form.contains("unknown variant `mien`"), "{form}");
    let form = wrong("spacing = \"2s\"", "spacing = 2");
    assert!(form.contains("line 6") && form.contains("spacing"), "{form}");
    let form = wrong("nodes = 6", "nodes = 6\nhops = 3");
    assert!(form.contains("unknown field `hops`"), "{form}");
    for (from, to, told) in [
        ("nodes = 6", "nodes = 0", "[network]: nodes takes 1 to 1000"),
        ("to = 1,", "to = 9,", "there is no node 9; the last one is 5"),
        ("\"3-5\"]", "\"3-6\"]", "there is no node 6; the last one is 5"),
        ("expect = { tips = 2 }", "expect = { confirmed = \"x\" }", "no earlier step pays or records anything"),
        ("mine = 3", "wait = { within = \"3s\" }", "wait says what for"),
        ("amount = 5000", "amount = 0", "a payment is of more than nothing"),
        ("nodes = 6", "nodes = 6\nshares = [1]", "shares has 1 numbers for 6 nodes"),
        ("\"3-5\"]", "\"2-5\"]", "node 2 stands in two groups"),
        ("[\"0-2\", \"3-5\"]", "[]", "a split has two sides or more"),
        ("[\"0-2\", \"3-5\"]", "[\"0-5\"]", "a split has two sides or more"),
        ("heal = true", "link = { from = 0, to = 0 }", "a link is between two nodes"),
        ("mine = 3", "wait = { agreement = true, confirmations = 3 }", "confirmations says of what"),
        ("reorg-depth = 2", "reorg-depth = { at-least = 3, at-most = 2 }", "at-least is more than at-most"),
        ("reorg-depth = 2", "won = { node = 0 }", "say at-least, at-most or both"),
    ] {
        let error = wrong(from, to);
        assert!(error.contains(told) && error.starts_with("line "), "{error}");
    }
    assert!(wrong("nodes = 6", "nodes = 0").starts_with("line 4:"), "{}", wrong("nodes = 6", "nodes = 0"));
    assert!(wrong("10ms..50ms", "2m").contains("up to 4s"), "{}", wrong("10ms..50ms", "2m"));
    assert!(wrong("to = 1,", "to = 9,").starts_with("line 12:"), "{}", wrong("to = 1,", "to = 9,"));
}

/// Also run on real processes, in `tests/network/scenarios.rs`.
const ATTACK: &str = include_str!("../../tests/fixtures/double-spend.toml");

#[test]
fn a_forced_reorganisation_spends_money_twice() {
    let report = simulate(ATTACK, 5);
    assert_eq!(report.failure(), None, "{report:#?}");
}

#[test]
fn a_selfish_miner_with_reach_wins_more_than_its_share() {
    let report = simulate(
        r#"
name = "Selfish"
[network]
nodes = 3
shares = [4, 1, 5]
spacing = "1s"
[[step]]
strategy = { node = 0, follow = "selfish", preferred-by = "1-2" }
[[step]]
start-mining = "all"
[[step]]
wait = { height = 400, within = "1h" }
[[expect]]
won = { node = 0, at-least = 0.48 }
[[expect]]
stale-share = { at-least = 0.15 }
"#,
        1,
    );
    assert_eq!(report.failure(), None, "{:?} {:?}", report.expectations, report.failure());
}

#[test]
fn the_same_seed_gives_the_same_timeline_which_tells_why() {
    let folder = tempfile::tempdir().unwrap();
    let timeline = |name: &str, seed| {
        let path = folder.path().join(name);
        let report = simulate_once(&parse(ATTACK).unwrap(), seed, false, Some(&path));
        assert_eq!(report.failure(), None);
        std::fs::read_to_string(path).unwrap()
    };
    let (first, again, other) = (timeline("a", 4), timeline("b", 4), timeline("c", 5));
    assert_eq!(first, again);
    assert_ne!(first, other);
    let count = |event: &str| first.matches(&format!("\"event\":\"{event}\"")).count();
    assert!(count("reorganised") >= 3 && count("disconnected") >= 9 && count("step") == 11, "{first}");
}

#[test]
fn a_simulated_timeline_names_who_and_why() {
    use crate::timeline::{Clock, Reader, State, Stretch, explain};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timeline.jsonl");
    let text = r#"
name = "a split"
[network]
nodes = 5
[[step]]
mine = 2
[[step]]
split = ["0-1"]
[[step]]
mine = { blocks = 1, by = "0" }
[[step]]
mine = { blocks = 2, by = "3" }
[[step]]
heal = true
[[step]]
wait = { agreement = true }
"#;
    let report = simulate_once(&parse(text).unwrap(), 7, false, Some(&path));
    assert_eq!(report.failure(), None);
    let whole = Stretch { from: 0, to: u64::MAX, node: None, all: false, clock: Clock::Since(0) };
    let stories = explain(Reader::open(&path).unwrap(), &whole).unwrap();
    let told: Vec<&str> =
        stories.iter().filter(|story| story.kind == "reorganised").map(|story| &*story.text).collect();
    let [told] = told.as_slice() else { panic!("{stories:#?}") };
    assert!(told.starts_with("nodes 0-1 left "), "{told}");
    assert!(told.ends_with(": one block more work, mined by node 3 while the network was split (0-1 | 2-4)"), "{told}");
    let state = Reader::open(&path).unwrap().fold(State::default(), |mut state, entry| {
        state.apply(&entry.unwrap());
        state
    });
    assert!(state.nodes.values().all(|node| (node.height, node.tip) == (4, state.nodes[&3].tip)), "{:?}", state.nodes);
}

#[test]
fn every_lesson_passes_and_its_answer_is_one_of_its_choices() {
    let lessons = super::lesson::all(None).unwrap();
    let orders: Vec<u32> = lessons.iter().map(|(_, _, lesson)| lesson.order).collect();
    assert_eq!(orders, (1..=u32::try_from(lessons.len()).unwrap()).collect::<Vec<_>>());
    assert!(lessons.len() >= 6);
    for (file, scenario, _) in &lessons {
        for seed in 1..=3 {
            let report = simulate_once(scenario, seed, false, None);
            assert_eq!(report.failure(), None, "{file}, seed {seed}");
        }
    }
}

#[test]
fn what_json_has_not_becomes_text() {
    let text = ATTACK.replace(
        "[[step]]\nwait = { agreement = true }\n[[step]]\npay",
        "[[step]]\nrecord = { by = 0, topic = \"t\", record = { on = 2026-01-02, n = [1, 2.5] } }\n[[step]]\npay",
    );
    let scenario = parse(&text).unwrap();
    let record = scenario.steps.iter().find_map(|step| match step.get_ref() {
        super::step::Step::Record(record) => Some(record.record.to_json()),
        _ => None,
    });
    assert_eq!(record, Some(serde_json::json!({ "on": "2026-01-02", "n": [1, 2.5] })));
}

#[test]
fn only_a_running_node_is_paused_and_only_a_paused_one_resumed() {
    for (steps, told) in [
        ("pause = 0\n[[step]]\npause = 0", "node 0 does not run, so it cannot be paused"),
        ("resume = 0", "node 0 is not paused, so it cannot be resumed"),
    ] {
        let report = simulate(&format!("name = \"x\"\n[network]\nnodes = 2\n[[step]]\n{steps}\n"), 1);
        assert!(report.failure().is_some_and(|failure| failure.contains(told)), "{:?}", report.failure());
    }
}
