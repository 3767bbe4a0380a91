//! Bursts and continuous mining, over HTTP and from the command line.

use serde_json::{Value, json};

use crate::support::{Manager, folder, get, post};

/// Waits for the end of the job under way and returns what `/status` says of it.
fn done(manager: &mut Manager) -> Value {
    manager.expect("mining is done");
    manager.get("/status").unwrap()["job"].clone()
}

#[test]
fn bursts_end_with_every_node_on_one_tip() {
    let dir = folder();
    let mut manager = Manager::start(dir.path(), 6, "", &[]);
    let started = manager.get("/start/mining?times=20&min=0&max=0").unwrap();
    assert_eq!(started["job"], 1);
    assert_eq!((&started["times"], &started["min"]), (&json!(20), &json!(0.0)));
    let job = done(&mut manager);
    assert_eq!((&job["state"], &job["done"]), (&json!("done"), &json!(20)));
    let bursts = job["bursts"].as_array().unwrap();
    assert_eq!(bursts.len(), 20);
    let mut height = 0;
    for burst in bursts {
        assert_eq!(burst["survey"]["agree"], true, "{burst}");
        assert!(!burst["mined"].as_array().unwrap().is_empty());
        let tip = burst["survey"]["tips"][0]["height"].as_u64().unwrap();
        assert!(tip > height);
        height = tip;
    }
    assert_eq!(manager.get("/status").unwrap()["agreement"]["tips"][0]["nodes"], json!([0, 1, 2, 3, 4, 5]));
    manager.stop();
}

#[test]
fn a_tie_is_settled_by_one_more_block_at_the_right_node() {
    let dir = folder();
    let mut manager = Manager::start(dir.path(), 4, "all=tie", &[]);
    manager.post("/start/mining?times=3&min=0&max=0").unwrap();
    let job = done(&mut manager);
    for burst in job["bursts"].as_array().unwrap() {
        let mined = burst["mined"].as_array().unwrap();
        assert_eq!(mined.len(), 4, "{burst}");
        let settled = burst["settled"].as_array().unwrap();
        assert_eq!(settled.len(), 1, "{burst}");
        // Each node holds its own block, so the first proof's node is the one that goes on.
        assert_eq!(settled[0]["tied"], json!([0, 1, 2, 3]));
        assert_eq!(settled[0]["by"]["node"], mined[0]["node"]);
        assert_eq!(settled[0]["by"]["height"], mined[0]["height"].as_u64().unwrap() + 1);
        assert_eq!(burst["survey"]["agree"], true);
    }
    let finished = manager.stop();
    assert!(finished.stdout.contains("tied at height 1; block 2 by node "), "{}", finished.stdout);
    assert!(finished.stdout.contains("settled it; all 4 nodes agree"), "{}", finished.stdout);
}

#[test]
fn a_race_that_a_block_from_elsewhere_has_ended_is_run_again_a_few_times() {
    let dir = folder();
    let mut manager = Manager::start(dir.path(), 3, "all=outrun,1=patient,2=patient", &[]);
    manager.post("/start/mining?times=2&min=0&max=0").unwrap();
    let job = done(&mut manager);
    let bursts = &job["bursts"];
    // Heights 1 to 5 go to others, and so do 6 and 7. The next one is node 0's: in a tie there would be no end.
    assert_eq!(bursts[0]["failure"], "blocks from elsewhere came first, 5 times");
    assert_eq!((&bursts[1]["failure"], &bursts[1]["mined"][0]["height"]), (&Value::Null, &json!(8)), "{job}");
    for burst in bursts.as_array().unwrap() {
        assert_eq!(burst["survey"]["agree"], true, "{burst}");
    }
    manager.stop();
}

#[test]
fn one_job_at_a_time_and_it_can_be_ended() {
    let dir = folder();
    let mut manager = Manager::start(dir.path(), 2, "", &[]);
    manager.post("/start/mining?times=5&min=3600&max=3600").unwrap();
    let (status, detail) = manager.refused("/start/mining");
    assert_eq!(status, 409);
    assert!(detail.contains("Mining job 1 is under way"), "{detail}");
    assert_eq!(manager.get("/stop/mining").unwrap()["stopped"], true);
    assert_eq!(manager.get("/stop/mining").unwrap(), json!({"stopped": false}));
    manager.expect("mining was stopped after ");
    manager.expect("both nodes agree");
    assert_eq!(manager.get("/status").unwrap()["job"]["state"], "stopped");
    assert_eq!(manager.post("/start/mining?times=1").unwrap()["job"], 2);
    manager.stop();
}

#[test]
fn a_tie_that_is_left_when_mining_is_stopped_is_settled() {
    let dir = folder();
    let mut manager = Manager::start(dir.path(), 3, "all=tie", &[]);
    manager.post("/start/mining?continuous=true").unwrap();
    assert_eq!(manager.post("/stop/mining").unwrap(), json!({"stopped": true, "job": 1, "done": 0}));
    manager.expect("continuous mining was stopped");
    manager.expect("a tie at height 1; block 2 by node ");
    let status = manager.get("/status").unwrap();
    let settlement = &status["job"]["settlement"];
    assert_eq!(status["job"]["state"], "stopped");
    assert_eq!((&settlement["settled"][0]["height"], &settlement["settled"][1]), (&json!(1), &Value::Null));
    assert_eq!((&settlement["survey"], &settlement["failure"]), (&status["agreement"], &Value::Null));
    assert_eq!((&status["agreement"]["agree"], &status["agreement"]["tips"][0]["height"]), (&json!(true), &json!(2)));
    manager.stop();
}

#[test]
fn settling_holds_up_neither_other_orders_nor_the_end() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 3, "all=tie,all=endless", &[]);
    let job = || manager.get("/status").unwrap()["job"].take();
    let mines = |node: &Value| node["mining"] == true;
    for number in 1..3 {
        assert_eq!(manager.post("/start/mining?continuous=true").unwrap()["job"], number);
        assert_eq!(manager.post("/stop/mining").unwrap()["job"], number);
        // One node was asked for a block, and will never have it.
        while !manager.get("/nodes").unwrap()["nodes"].as_array().unwrap().iter().any(mines) {
            assert_eq!((&job()["state"], &job()["settlement"]), (&json!("settling"), &Value::Null));
        }
        assert_eq!(manager.post("/stop/mining").unwrap(), json!({"stopped": false}));
        assert!(manager.run(&["status"]).stdout.contains(": continuous, stopped, settling"));
    }
    let stopped = manager.stop();
    assert!(stopped.stdout.contains("nodes 0-2: exit status 0"), "{}", stopped.stdout);
    assert!(!stopped.stdout.contains("agree"), "{}", stopped.stdout);
}

#[test]
fn continuous_mining_reaches_every_node_and_later_ones() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 2, "", &[]);
    let mining = |number: u16| get(&format!("{}/health", manager.node(number))).unwrap()["mining"].clone();
    let started = manager.get("/start/mining?continuous=true").unwrap();
    assert_eq!(started["kind"], "continuous");
    manager.post("/nodes").unwrap();
    manager.post("/nodes/1/restart").unwrap();
    assert_eq!((mining(1), mining(2)), (json!(true), json!(true)));
    manager.post("/stop/mining").unwrap();
    assert_eq!([mining(0), mining(1), mining(2)], [json!(false), json!(false), json!(false)]);
    manager.stop();
}

#[test]
fn a_node_that_dies_between_bursts_disturbs_nothing() {
    let dir = folder();
    let mut manager = Manager::start(dir.path(), 4, "", &[]);
    manager.post("/start/mining?times=30&min=0&max=0").unwrap();
    manager.expect("mined block");
    post(&format!("{}/fake/die?status=9", manager.node(2))).unwrap_err();
    let job = done(&mut manager);
    assert_eq!((&job["state"], &job["done"]), (&json!("done"), &json!(30)));
    let last = &job["bursts"][29];
    assert_eq!((&last["survey"]["agree"], &last["failure"]), (&json!(true), &Value::Null), "{last}");
    assert_eq!(last["survey"]["tips"][0]["nodes"], json!([0, 1, 3]));
    manager.stop();
}

#[test]
fn without_nodes_nothing_is_mined() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 1, "", &[]);
    manager.post("/nodes/0/kill").unwrap();
    let (status, detail) = manager.refused("/start/mining");
    assert_eq!(status, 503);
    assert!(detail.contains("No node is running"), "{detail}");
    manager.stop();
}

#[test]
fn senseless_wishes_are_400_with_a_sentence() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 1, "", &[]);
    for query in [
        "times=0",
        "times=-1",
        "times=1e9",
        "min=-1",
        "min=NaN",
        "max=inf",
        "min=3&max=1",
        "time=3",
        "times=3&continuous=true",
        "continuous=maybe",
    ] {
        let (status, detail) = manager.refused(&format!("/start/mining?{query}"));
        assert_eq!(status, 400, "{query}");
        assert!(detail.ends_with('.'), "{detail}");
    }
    assert_eq!(manager.get("/status").unwrap()["job"], Value::Null);
    manager.stop();
}

#[test]
fn the_command_line_mines_and_shows() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 3, "", &[]);
    let mined = manager.run(&["mine", "--times", "2", "--min", "0", "--max", "0.1"]);
    assert!(mined.status.success(), "{}", mined.stderr);
    assert!(mined.stdout.contains("1/2  ") && mined.stdout.contains("2/2  "), "{}", mined.stdout);
    assert_eq!(mined.stdout.matches("all 3 nodes agree").count(), 2, "{}", mined.stdout);
    assert!(manager.run(&["mine", "--times", "1"]).status.success());
    let shown = manager.run(&["status"]).stdout;
    assert!(shown.contains("job 2: 1 of 1 burst, done"), "{shown}");
    let wrong = manager.run(&["mine", "--times", "0"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(wrong.stderr.contains("value of times"), "{}", wrong.stderr);
    assert!(manager.run(&["mine", "--continuous"]).status.success());
    assert_eq!(manager.run(&["mine", "--stop"]).stdout, "mining was stopped\n");

    let shown = manager.run(&["status"]).stdout;
    assert!(shown.contains("all 3 nodes agree") && shown.contains(&manager.node(2)), "{shown}");
    let json: Value = serde_json::from_str(&manager.run(&["status", "--json"]).stdout).unwrap();
    assert_eq!(json["nodes"].as_array().unwrap().len(), 3);
    assert_eq!(json["status"]["manager"]["pid"], manager.pid());
    let logs = manager.run(&["logs", "1", "--lines", "1"]).stdout;
    assert!(logs.contains("fake node on port"), "{logs}");
    assert_eq!(manager.run(&["logs", "9"]).status.code(), Some(1));
    manager.stop();
}
