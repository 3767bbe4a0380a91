//! The chain as books: histories, records, topics and files of them.

use serde_json::{Value, json};
use shared::{
    TxId,
    record::{Content, Record},
};

use super::harness::Node;
use super::samples::Key;

/// A node whose miner has paid and filed things, two records to a block.
struct Shop {
    node: Node,
    nonce: u64,
}

impl Shop {
    async fn open() -> Self {
        let node = Node::start(1).await;
        node.mine(1).await;
        Self { node, nonce: 0 }
    }

    async fn file(&mut self, topic: &str, body: Vec<u8>) -> TxId {
        let transaction = self.node.miner.file(self.nonce, topic, body, &self.node.network);
        self.nonce += 1;
        self.node.post("/transactions", &transaction).await.expect(202);
        transaction.id()
    }

    async fn record(&mut self, topic: &str, json: &str, corrects: Option<TxId>) -> TxId {
        let record = Record { corrects, content: Content::Json(json.into()) };
        self.file(topic, record.to_body().unwrap()).await
    }

    async fn records(&self, query: &str) -> Value {
        self.node.get(&format!("/records?{query}")).await.expect(200)
    }
}

fn ids(page: &Value) -> Vec<&str> {
    page["records"].as_array().unwrap().iter().map(|record| record["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_record_is_told_with_all_that_is_known_of_it() {
    let mut shop = Shop::open().await;
    let first = shop.record("till", "{ \"sold\": 3, \"price\": 1.50 }", None).await;
    let second = shop.record("till", "{\"sold\":4}", Some(first)).await;
    let block = shop.node.post_empty("/mine").await.expect(201);
    shop.node.mine(2).await;
    let page = shop.records("").await;
    let author = shop.node.miner.address().to_string();
    let common = |id: TxId, position: u32| {
        json!({
            "id": id.to_string(), "topic": "till", "author": author, "author_time": 0, "height": 2,
            "position": position, "block": block["hash"], "confirmations": 3, "fee": 1,
            "block_time": block["header"]["time"],
        })
    };
    let mut newer = common(second, 1);
    newer["corrects"] = first.to_string().into();
    newer["record"] = json!({"sold": 4});
    let mut older = common(first, 0);
    older["record"] = json!({"sold": 3, "price": 1.50});
    assert_eq!(page, json!({"records": [newer, older]}));
    let text = shop.node.get("/records").await.text();
    assert!(text.contains("{ \"sold\": 3, \"price\": 1.50 }"), "kept to the letter: {text}");
}

#[tokio::test]
async fn data_that_is_no_record_is_shown_as_it_is() {
    let mut shop = Shop::open().await;
    shop.file("raw", b"hello".to_vec()).await;
    let commitment = Record { corrects: None, content: Content::Commitment([7; 32]) };
    shop.file("secret", commitment.to_body().unwrap()).await;
    shop.node.mine(1).await;
    let page = shop.records("").await;
    assert_eq!(page["records"][0]["commitment"], "07".repeat(32));
    assert_eq!(page["records"][1]["data"], "68656c6c6f");
}

#[tokio::test]
async fn records_are_found_by_topic_author_and_time() {
    let mut shop = Shop::open().await;
    let other = Key::new(7);
    let fund = shop.node.miner.transfer(0, other.address(), 100, &shop.node.network);
    shop.nonce = 1;
    shop.node.post("/transactions", &fund).await.expect(202);
    shop.node.mine(1).await;
    let body = Record { corrects: None, content: Content::Json("1".into()) }.to_body().unwrap();
    let theirs = other.file(0, "till", body, &shop.node.network);
    shop.node.post("/transactions", &theirs).await.expect(202);
    let till = shop.record("till", "1", None).await;
    let stock = shop.record("stock", "2", None).await;
    shop.node.mine(1).await;
    let [till, stock, theirs] = [till, stock, theirs.id()].map(|id| id.to_string());
    let me = shop.node.miner.address();
    let sorted = |page: &Value| {
        let mut ids: Vec<String> = ids(page).into_iter().map(str::to_owned).collect();
        ids.sort();
        ids
    };
    let sort = |mut ids: Vec<&String>| {
        ids.sort();
        ids.into_iter().cloned().collect::<Vec<_>>()
    };
    assert_eq!(sorted(&shop.records("topic=till").await), sort(vec![&till, &theirs]));
    assert_eq!(sorted(&shop.records(&format!("author={me}")).await), sort(vec![&till, &stock]));
    assert_eq!(sorted(&shop.records(&format!("author={}&topic=till", other.address())).await), sort(vec![&theirs]));
    assert_eq!(sorted(&shop.records("topic=none").await), Vec::<String>::new());
    let time = shop.records("").await["records"][0]["block_time"].as_u64().unwrap();
    assert_eq!(ids(&shop.records(&format!("since={time}&until={time}")).await).len(), 3);
    assert_eq!(ids(&shop.records(&format!("since={}", time + 1)).await).len(), 0);
    assert_eq!(ids(&shop.records("until=1000").await).len(), 0);
    assert_eq!(shop.node.get("/records/topics").await.expect(200), json!({"topics": ["stock", "till"]}));
    assert_eq!(shop.node.get("/records/topics?after=stock").await.expect(200), json!({"topics": ["till"]}));
}

#[tokio::test]
async fn pages_follow_one_another_without_gap_or_repeat() {
    let mut shop = Shop::open().await;
    let mut all = Vec::new();
    for number in 0..7 {
        all.insert(0, shop.record("till", &number.to_string(), None).await.to_string());
        if number % 3 == 2 {
            shop.node.mine(1).await;
        }
    }
    shop.node.mine(1).await;
    let (mut seen, mut query) = (Vec::new(), "limit=2".to_owned());
    loop {
        let page = shop.records(&query).await;
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        match page["next"].as_str() {
            Some(next) => query = format!("limit=2&before={next}"),
            None => break,
        }
    }
    assert_eq!(seen, all);
    let (mut kinds, mut query) = (Vec::new(), "limit=3".to_owned());
    let path = format!("/accounts/{}/history", shop.node.miner.address());
    loop {
        let page = shop.node.get(&format!("{path}?{query}")).await.expect(200);
        kinds
            .extend(page["entries"].as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => query = format!("limit=3&before={next}"),
            None => break,
        }
    }
    let expected = "mined filed mined filed filed filed mined filed filed filed mined";
    assert_eq!(kinds.join(" "), expected);
}

#[tokio::test]
async fn both_sides_of_a_payment_have_it_in_their_history() {
    let node = Node::start(1).await;
    node.mine(1).await;
    let to = Key::new(9).address();
    let payment = node.miner.transfer(0, to, 250, &node.network);
    node.post("/transactions", &payment).await.expect(202);
    let block = node.post_empty("/mine").await.expect(201);
    let history = node.get(&format!("/accounts/{to}/history")).await.expect(200);
    let from = node.miner.address();
    let entry = json!({
        "height": 2, "block": block["hash"], "time": block["header"]["time"], "confirmations": 1, "kind": "received",
        "id": payment.id().to_string(), "author_time": 0, "from": from.to_string(), "to": to.to_string(),
        "amount": 250, "fee": 1,
    });
    assert_eq!(history, json!({"address": to.to_string(), "entries": [entry]}));
    let history = node.get(&format!("/accounts/{from}/history?limit=2")).await.expect(200);
    assert_eq!(
        (&history["entries"][0]["kind"], &history["entries"][0]["reward"]),
        (&json!("mined"), &json!(50_000_001))
    );
    assert_eq!(history["entries"][1]["kind"], "sent");
    assert_eq!(history["next"], "2.0");
}

#[tokio::test]
async fn files_hold_all_records() {
    let mut shop = Shop::open().await;
    let first = shop.record("till", "{\"note\":\"a, \\\"b\\\"\"}", None).await;
    let second = shop.record("=till", "\"=1+1\"", Some(first)).await;
    shop.node.mine(1).await;
    let answer = shop.node.get("/records/export?format=jsonl").await;
    assert_eq!(answer.headers["content-type"], "application/jsonl");
    let lines: Vec<Value> = answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(Value::from(lines), shop.records("").await["records"]);
    let answer = shop.node.get("/records/export?format=csv").await;
    assert!(answer.headers["content-disposition"].to_str().unwrap().contains("records.csv"));
    let text = answer.text();
    let rows: Vec<csv::StringRecord> =
        csv::Reader::from_reader(text.as_bytes()).records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0][0], &rows[0][1], &rows[0][10]), (&*second.to_string(), "'=till", &*first.to_string()));
    assert_eq!(&rows[1][11], "{\"note\":\"a, \\\"b\\\"\"}");
    let none = shop.node.get("/records/export?format=csv&topic=none").await.text();
    assert_eq!(none.lines().count(), 1, "the names of the columns: {none}");
}

#[tokio::test]
async fn senseless_questions_are_refused() {
    let node = Node::start(1).await;
    let me = node.miner.address();
    for path in [
        "/records?limit=0".to_owned(),
        "/records?limit=1001".to_owned(),
        "/records?before=x".to_owned(),
        "/records?since=-1".to_owned(),
        "/records?topic=".to_owned(),
        "/records?author=nm1x".to_owned(),
        "/records?colour=blue".to_owned(),
        "/records/topics?limit=0".to_owned(),
        "/records/export".to_owned(),
        "/records/export?format=xls".to_owned(),
        "/accounts/nm1x/history".to_owned(),
        format!("/accounts/{me}/history?before=1"),
        format!("/accounts/{me}/history?limit=0"),
    ] {
        let sentence = node.get(&path).await.problem(400);
        assert!(sentence.len() > 10, "{path}: {sentence}");
    }
}
