//! Lessons and scenarios that the manager runs beside its network, with real nodes of their own.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Manager, folder};

const LIMIT: Duration = Duration::from_secs(90);

/// Waits until the run is as wanted, and gives it.
pub(crate) fn until(manager: &Manager, id: u64, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + LIMIT;
    loop {
        let run = manager.get(&format!("/runs/{id}")).unwrap();
        if wanted(&run) {
            return run;
        }
        assert!(Instant::now() < deadline, "{run:#}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn over(run: &Value) -> bool {
    !matches!(run["state"].as_str(), Some("starting" | "running"))
}

fn begin(manager: &Manager, order: Value) -> Value {
    let run = manager.order("/runs", order).unwrap();
    let id = run["id"].as_u64().unwrap();
    // Its network may still be on its way, but can be looked at already.
    manager.get(&format!("/runs/{id}/tree")).unwrap();
    until(manager, id, |run| run["state"] != "starting")
}

/// The processes of a run's nodes, as its own `network.json` has them, that still run.
fn alive(folder: &Path) -> Vec<u64> {
    let record = crate::support::record(folder);
    let pids = record["nodes"].as_array().unwrap().iter().map(|node| node["process"]["pid"].as_u64().unwrap());
    let lives = |pid: &u64| {
        let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        command.contains("networkmngr")
    };
    pids.filter(lives).collect()
}

const TWO_MINE: &str = r#"
name = "Two mine"
about = "Until somebody stops them."
[network]
nodes = 2
spacing = "200ms"
hash-rate = 50000
[[step]]
say = "Now they begin."
[[step]]
start-mining = "all"
[[step]]
wait = "1h"
[[expect]]
height = { at-least = 1 }
"#;

#[test]
fn a_lesson_is_run_in_the_simulator_and_told_as_the_network_is() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 1, "", &[]);
    let lessons = manager.get("/lessons").unwrap();
    let fourth = &lessons["lessons"][3];
    assert_eq!((&fourth["number"], &fourth["nodes"]), (&4.into(), &6.into()));
    assert!(fourth["choices"].as_array().unwrap().len() > 1 && fourth["answer"].is_null());
    assert_eq!(&manager.get("/lessons/4").unwrap(), fourth);
    assert_eq!(manager.get("/runs").unwrap(), json!({ "runs": [] }));

    begin(&manager, json!({ "lesson": 4, "engine": "simulated", "answer": 1, "seed": 7 }));
    let run = until(&manager, 1, over);
    assert_eq!((&run["state"], &run["lesson"], &run["seed"]), (&"passed".into(), &4.into(), &7.into()), "{run:#}");
    assert_eq!((&run["verdict"], &run["report"]["seed"]), (&"Everything was as expected.".into(), &7.into()));
    assert!(run["right"].is_boolean() && run["because"].as_str().unwrap().len() > 20);
    assert_eq!(run["step"]["of"], 19);
    assert!(run["said"][0].as_str().unwrap().starts_with("Six nodes"), "{run:#}");
    let expectations = run["expectations"].as_array().unwrap();
    assert!(expectations.iter().all(|expected| expected["passed"] == true && expected["reason"].is_null()));

    let tree = manager.get("/runs/1/tree").unwrap();
    assert_eq!((&tree["simulated"], tree["nodes"].as_array().unwrap().len()), (&true.into(), 6));
    assert_ne!(tree["genesis"], manager.get("/tree").unwrap()["genesis"]);
    let reach = manager.get("/runs/1/timeline").unwrap();
    assert_eq!((&reach["first"], &reach["last"]), (&1.into(), &tree["number"]));
    let split = manager.get("/runs/1/stories").unwrap();
    let story = split["stories"].as_array().unwrap().iter().find(|story| story["kind"] == "reorganised").unwrap();
    assert_eq!(story["change"]["cause"], "split");
    // Virtual time is told from its beginning on.
    assert!(story["details"][1].as_str().unwrap().contains(" at 1"), "{story:#}");
    let before = manager.get(&format!("/runs/1/timeline/state?at={}", story["number"].as_u64().unwrap() - 1)).unwrap();
    assert_ne!(before["nodes"][0]["tip"], before["nodes"][3]["tip"]);
    let figures = manager.get("/runs/1/figures").unwrap();
    assert_eq!((&figures["stale"], &figures["blocks"][1]["nodes"]), (&2.into(), &6.into()), "{figures:#}");
    assert!(figures["blocks"][1]["difficulty"].as_f64().is_some_and(|hashes| hashes > 1.0), "{figures:#}");
    let entries = manager.get("/runs/1/timeline/entries?from=2&limit=2").unwrap();
    assert_eq!((&entries["entries"][1]["number"], &entries["next"]), (&3.into(), &4.into()));
    manager.stop();
    assert!(!dir.path().join("runs").exists());
}

#[test]
fn real_nodes_run_beside_the_network_until_they_are_stopped() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 1, "", &[]);
    let run = begin(&manager, json!({ "scenario": TWO_MINE }));
    assert_eq!((&run["engine"], &run["name"], &run["report"]), (&"real".into(), &"Two mine".into(), &Value::Null));
    let place = Path::new(run["folder"].as_str().unwrap());
    assert_eq!(place, dir.path().join("runs").join("1"));
    let (status, why) = manager.order_refused("/runs", json!({ "lesson": 1 }));
    assert!(status == 409 && why.contains("POST /runs/1/stop"), "{status} {why}");
    until(&manager, 1, |run| run["step"]["text"] == "wait 3600 s" && run["said"][0] == "Now they begin.");
    let deadline = Instant::now() + LIMIT;
    while manager.get("/runs/1/tree").unwrap()["nodes"][1]["height"].as_u64().unwrap() < 2 {
        assert!(Instant::now() < deadline);
    }
    assert_eq!(alive(place).len(), 2);
    let stopped = manager.post("/runs/1/stop").unwrap();
    assert_eq!((&stopped["state"], &stopped["verdict"]), (&"stopped".into(), &"It was stopped.".into()));
    assert_eq!((&stopped["report"], &stopped["expectations"][0]["passed"]), (&Value::Null, &Value::Null));
    assert_eq!(manager.post("/runs/1/stop").unwrap(), stopped);
    assert!(place.join("logs").join("node-001.log").exists());

    // Virtual time is stopped as well; and one that is under way ends with the manager.
    begin(&manager, json!({ "scenario": TWO_MINE.replace("1h", "1000h"), "engine": "simulated" }));
    assert_eq!(manager.post("/runs/2/stop").unwrap()["state"], "stopped");
    let run = begin(&manager, json!({ "scenario": TWO_MINE }));
    let place = Path::new(run["folder"].as_str().unwrap()).to_owned();
    let pids = alive(&place);
    assert_eq!(pids.len(), 2);
    manager.stop();
    assert!(pids.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()), "{pids:?}");
    assert!(!dir.path().join("runs").exists());
}

#[test]
fn what_cannot_be_run_is_told_with_the_line() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 1, "", &[]);
    for (order, status, words) in [
        (json!({ "scenario": "name = 1" }), 422, "line 1"),
        (json!({ "scenario": TWO_MINE.replace("\"1h\"", "\"long\"") }), 422, "line 12"),
        (json!({ "scenario": TWO_MINE.replace("\"all\"", "\"0-5\"") }), 422, "there is no node 2"),
        (json!({ "scenario": TWO_MINE, "answer": 1 }), 422, "asks nothing"),
        (json!({ "lesson": 4, "answer": 9 }), 422, "`answer` takes 1 to"),
        (json!({ "lesson": 4, "scenario": TWO_MINE }), 422, "`lesson`, or the text of a `scenario`"),
        (json!({}), 422, "`lesson`, or the text of a `scenario`"),
        (json!({ "lesson": 4, "engine": "steam" }), 422, "unknown variant `steam`"),
        (json!({ "lesson": 99 }), 404, "GET /lessons"),
    ] {
        let (got, why) = manager.order_refused("/runs", order.clone());
        assert!(got == status && why.contains(words), "{order}: {got} {why}");
    }
    for path in ["/runs/5", "/runs/5/tree", "/runs/5/events", "/lessons/99"] {
        let error = manager.get(path).unwrap_err();
        assert_eq!(error.status().unwrap().as_u16(), 404, "{path}: {error}");
    }
    assert_eq!(manager.refused("/runs/5/stop").0, 404);
    manager.stop();
}
