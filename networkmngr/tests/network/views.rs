//! What the network's page asks the manager for, of a real network.

use serde_json::{Value, json};

use crate::support::{LIMIT, NODES, Network, wait_for};

fn mine(network: &Network, at: u16) -> Value {
    let block = network.order_at(at, "/mine", &Value::Null);
    assert_eq!(block.status, 201, "{}", String::from_utf8_lossy(&block.body));
    block.json()["hash"].take()
}

/// Waits until the timeline tells of so many nodes with this tip.
fn held(network: &Network, hash: &Value, nodes: usize) -> Value {
    wait_for("the tree has the block", LIMIT, || {
        let tree = network.get("/tree");
        let count = tree["nodes"].as_array()?.iter().filter(|node| node["tip"] == *hash).count();
        (count == nodes).then_some(tree)
    })
}

fn refused(network: &Network, path: &str, words: &str) {
    let answer = network.ask("GET", path);
    let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
    assert!(answer.status == 400 && detail.contains(words), "{path}: {} {detail}", answer.status);
}

#[test]
fn a_fork_is_on_the_tree_in_the_story_and_in_the_figures() {
    let dir = tempfile::tempdir().unwrap();
    let network = Network::start(dir.path(), &[]);
    let first = mine(&network, 0);
    held(&network, &first, NODES.into());
    network.order("/partition", json!({ "groups": [[0, 1, 2], [3, 4, 5]] }))();
    let lost = mine(&network, 1);
    mine(&network, 3);
    let kept = mine(&network, 4);
    held(&network, &lost, 3);
    let apart = held(&network, &kept, 3);
    assert_eq!(apart["groups"], json!([[0, 1, 2], [3, 4, 5]]));
    assert_eq!((&apart["nodes"][1]["height"], &apart["nodes"][5]["height"]), (&2.into(), &3.into()));
    let block = |tree: &Value, hash: &Value| {
        tree["blocks"].as_array().unwrap().iter().find(|block| block["hash"] == *hash).cloned().unwrap()
    };
    let told = block(&apart, &lost);
    assert_eq!((&told["previous"], &told["by"], &told["height"]), (&first, &1.into(), &2.into()));
    assert_eq!(told["seen"].as_object().unwrap().len(), 3);
    assert_eq!(told["miner"], apart["nodes"][1]["miner"]);
    assert_eq!(apart["blocks"][0]["hash"], kept);
    assert_eq!(network.get("/tree?blocks=1")["blocks"].as_array().unwrap().len(), 3);

    network.post("/heal");
    let now = held(&network, &kept, NODES.into());
    assert_eq!(now["groups"], json!([]));
    // As it was before, by number and by time.
    let (number, at) = (apart["number"].as_u64().unwrap(), apart["at"].as_u64().unwrap());
    assert_eq!(network.get(&format!("/timeline/state?at={number}")), apart);
    assert!(network.get(&format!("/timeline/state?time={at}"))["number"].as_u64().unwrap() >= number);

    let told = network.get("/stories");
    let stories = told["stories"].as_array().unwrap();
    let story = stories.iter().find(|story| story["kind"] == "reorganised").unwrap();
    let change = &story["change"];
    assert_eq!((&change["cause"], &change["left_blocks"][0]["hash"]), (&"split".into(), &lost));
    assert_eq!((&change["left_blocks"][0]["by"], &change["joined_blocks"][1]["hash"]), (&1.into(), &kept));
    let again = network.get(&format!("/stories?from={}&limit=1", story["number"]));
    assert!(again["stories"][0]["number"].as_u64() <= story["number"].as_u64(), "{again}");

    let figures = network.get("/figures");
    assert_eq!((&figures["found"], &figures["stale"]), (&4.into(), &1.into()), "{figures}");
    assert_eq!((&figures["blocks"][2]["hash"], &figures["blocks"][0]["nodes"]), (&kept, &NODES.into()));
    assert!(figures["blocks"][1]["difficulty"].as_f64().unwrap() > 1.0, "{figures}");

    let reach = network.get("/timeline");
    let last = reach["last"].as_u64().unwrap();
    assert_eq!((&reach["first"], &reach["simulated"]), (&1.into(), &false.into()));
    let (mut lines, mut next) = (Vec::new(), 1);
    while next <= last {
        let page = network.get(&format!("/timeline/entries?from={next}&limit=20"));
        lines.extend(page["entries"].as_array().unwrap().iter().cloned());
        next = page["next"].as_u64().unwrap();
    }
    let file = std::fs::read_to_string(dir.path().join("timeline.jsonl")).unwrap();
    for (line, (number, told)) in file.lines().zip((1_u64..).zip(&lines)) {
        assert_eq!(told, &json!({ "number": number, "entry": serde_json::from_str::<Value>(line).unwrap() }));
    }

    refused(&network, "/tree?blocks=0", "1 to 5000");
    refused(&network, "/tree?block=3", "unknown field");
    refused(&network, "/timeline/state?at=1&time=1", "not both");
    refused(&network, "/stories?limit=501", "1 to 500");
    refused(&network, "/figures?window=x", "invalid digit");
    network.stop();
}
