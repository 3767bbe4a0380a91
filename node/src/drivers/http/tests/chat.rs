//! Chat over HTTP: two accounts on one node, what they are told, and what they are refused.

use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::harness::{LONG, Node, Setup};
use super::sessions::{log_in, sign_up, with_token};

/// Somebody who is logged in.
struct User<'a> {
    node: &'a Node,
    token: Value,
    address: String,
}

impl<'a> User<'a> {
    /// Signs up, logs in, and is known under a name.
    async fn new(node: &'a Node, name: &str) -> Self {
        let address = sign_up(node, name).await["address"].as_str().unwrap().to_owned();
        let token = log_in(node, name).await["token"].clone();
        let user = Self { node, token, address };
        user.post("/chat/profile", json!({"name": name})).await.expect(202);
        user
    }

    async fn get(&self, path: &str) -> Value {
        with_token(self.node, "GET", path, &self.token, json!({})).await.expect(200)
    }

    async fn post(&self, path: &str, body: Value) -> super::harness::Answer {
        with_token(self.node, "POST", path, &self.token, body).await
    }

    async fn delete(&self, path: &str) -> super::harness::Answer {
        with_token(self.node, "DELETE", path, &self.token, json!({})).await
    }

    /// Asks until the answer is as wanted; the chain is not mined meanwhile.
    async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let ask = async {
            loop {
                let answer = self.get(path).await;
                if wanted(&answer) {
                    return answer;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, ask).await.unwrap_or_else(|_| panic!("{path} never became as wanted"))
    }

    /// Mines until the answer is as wanted.
    async fn mined(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..40 {
            self.node.mine(1).await;
            let answer = self.get(path).await;
            if wanted(&answer) {
                return answer;
            }
            // What waits is sent by a task of its own.
            for _ in 0..64 {
                tokio::task::yield_now().await;
            }
        }
        panic!("{path} never became as wanted: {}", self.get(path).await)
    }
}

/// Anna and Ben know each other and have a room.
async fn room<'a>(node: &'a Node) -> (User<'a>, User<'a>, String) {
    let (anna, ben) = (User::new(node, "anna").await, User::new(node, "ben").await);
    for user in [&anna, &ben] {
        user.mined("/chat/profile", |profile| profile["state"] == "confirmed").await;
    }
    let room = anna.post("/chat/rooms", json!({"name": "kitchen", "members": ["ben"]})).await.expect(202);
    let path = format!("/chat/rooms/{}", room["id"].as_str().unwrap());
    anna.mined(&path, |room| room["standing"] == "member").await;
    ben.until("/chat/rooms", |rooms| rooms["rooms"][0]["standing"] == "member").await;
    (anna, ben, path)
}

#[tokio::test]
async fn two_people_talk_at_once_and_the_chain_confirms_it() {
    let node = Node::start(1).await;
    let (anna, ben, room) = room(&node).await;
    let messages = format!("{room}/messages");
    let said = anna.post(&messages, json!({"text": "coffee?"})).await.expect(202);
    assert!(["waiting", "pending"].contains(&said["state"].as_str().unwrap()), "{said}");
    let page = ben.until(&messages, |page| page["messages"][0]["text"] == "coffee?").await;
    let message = &page["messages"][0];
    assert_eq!(
        (&message["state"], &message["author_name"], &message["mine"]),
        (&json!("pending"), &json!("anna"), &json!(false))
    );
    assert_eq!(ben.get("/chat/rooms").await["rooms"][0]["unread"], 1);
    let reply = json!({"text": "yes!", "reply_to": message["id"]});
    ben.post(&messages, reply).await.expect(202);
    anna.until(&messages, |page| page["messages"].as_array().unwrap().len() == 2).await;
    let confirmed = |page: &Value| page["messages"].as_array().unwrap().iter().all(|one| one["state"] == "confirmed");
    let page = anna.mined(&messages, confirmed).await;
    // Which of the two stands first in their block is the miner's choice.
    let reply = page["messages"].as_array().unwrap().iter().find(|one| one["text"] == "yes!").unwrap();
    assert_eq!(reply["reply_to"]["text"], "coffee?");
    let read = json!({"message": page["messages"][0]["id"]});
    assert_eq!(ben.post(&format!("{room}/read"), read).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ben.get("/chat/rooms").await["rooms"][0]["unread"], 0);
    let found = ben.get(&format!("{messages}?search=COFF")).await;
    assert_eq!(found["messages"].as_array().unwrap().len(), 1);
    let around = ben.get(&format!("{messages}?around={}&limit=1", message["id"].as_str().unwrap())).await;
    assert_eq!((&around["messages"][0]["text"], &around["next"]), (&json!("coffee?"), &Value::Null));
    let newer = ben.get(&format!("{messages}?after={}", around["previous"].as_str().unwrap())).await;
    assert_eq!((&newer["messages"][0]["text"], &newer["previous"]), (&json!("yes!"), &Value::Null));
    let both = with_token(&node, "GET", &format!("{messages}?before=1.0&after=1.0"), &ben.token, json!({})).await;
    both.problem(400);
    let tagged = json!({"text": "again", "tag": "0f".repeat(16)});
    let first = ben.post(&messages, tagged.clone()).await.expect(202);
    assert_eq!(ben.post(&messages, tagged).await.expect(202)["id"], first["id"]);
    ben.post(&messages, json!({"text": "x", "tag": "short"})).await.problem(400);
    let export = ben.get(&format!("{room}/export")).await;
    assert_eq!(export["messages"].as_array().unwrap().len(), 3);
    let id = export["messages"][0]["transaction"].as_str().unwrap();
    assert_eq!(node.get(&format!("/transactions/{id}")).await.expect(200)["status"], "confirmed");
}

#[tokio::test]
async fn rooms_are_changed_by_their_admins() {
    let node = Node::start(1).await;
    let (anna, ben, room) = room(&node).await;
    let carl = User::new(&node, "carl").await;
    carl.mined("/chat/profile", |profile| profile["state"] == "confirmed").await;
    let members = format!("{room}/members");
    assert!(ben.post(&members, json!({"member": "carl"})).await.problem(403).contains("admin"));
    assert!(anna.post(&members, json!({"member": "nobody"})).await.problem(422).contains("nobody"));
    assert!(anna.post(&members, json!({"member": "ben"})).await.problem(409).contains("already"));
    assert!(carl.post(&format!("{room}/messages"), json!({"text": "hi"})).await.problem(404).contains("no room"));
    let change = anna.post(&members, json!({"member": "carl", "history": false})).await.expect(202);
    assert_eq!(
        (&change["what"], &change["member"], &change["history"]),
        (&json!("add"), &json!(carl.address), &json!(false))
    );
    let shown =
        anna.mined(&room, |room| room["people"].as_array().unwrap().len() == 3 && room["changes"] == json!([])).await;
    assert_eq!(shown["epoch"]["number"], 2);
    let safety = |room: &Value, of: &str| {
        let people = room["people"].as_array().unwrap().clone();
        people.into_iter().find(|person| person["address"] == of).unwrap()["safety_number"].clone()
    };
    let theirs = carl.until(&room, |room| room["standing"] == "member").await;
    assert_eq!(safety(&shown, &carl.address), safety(&theirs, &anna.address));
    assert_eq!(safety(&shown, &anna.address), Value::Null);
    anna.post(&format!("{room}/name"), json!({"name": "cellar"})).await.expect(202);
    anna.post(&format!("{room}/admins"), json!({"member": ben.address})).await.expect(202);
    anna.delete(&format!("{members}/{}", carl.address)).await.expect(202);
    let shown =
        ben.mined(&room, |room| room["admin"] == true && room["name"] == "cellar" && room["members"] == 2).await;
    assert_eq!(shown["people"].as_array().unwrap().len(), 2);
    assert_eq!(carl.get(&room).await["standing"], "removed");
    assert!(
        carl.post(&format!("{room}/messages"), json!({"text": "hi"})).await.problem(409).contains("not in the room")
    );
    // Each desk follows the chain by itself.
    let admins = |room: &Value| room["people"].as_array().unwrap().iter().filter(|one| one["admin"] == true).count();
    anna.until(&room, |room| room["members"] == 2 && admins(room) == 2).await;
    anna.post(&format!("{room}/leave"), json!({})).await.expect(202);
    ben.mined(&room, |room| room["members"] == 1).await;
    assert!(ben.delete(&format!("{members}/{}", ben.address)).await.status.is_success(), "the last one may go");
    assert_eq!(anna.get(&room).await["standing"], "left");
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_words_and_the_draft_is_not_lost() {
    let node = Node::start(1).await;
    node.get("/chat/rooms").await.problem(401);
    let (anna, _, room) = room(&node).await;
    let messages = format!("{room}/messages");
    assert!(anna.post(&messages, json!({"text": "x".repeat(16_001)})).await.problem(422).contains("16000"));
    assert!(anna.post(&messages, json!({"text": ""})).await.problem(422).contains("1 to"));
    assert!(anna.post(&messages, json!({})).await.problem(400).contains("text"));
    let nothing = "00".repeat(16);
    anna.post(&messages, json!({"text": "x", "reply_to": nothing})).await.problem(404);
    anna.post(&format!("/chat/rooms/{nothing}/messages"), json!({"text": "x"})).await.problem(404);
    anna.post("/chat/rooms/xyz/messages", json!({"text": "x"})).await.problem(400);
    anna.post("/chat/rooms", json!({"name": ""})).await.problem(422);
    assert!(anna.post(&format!("{room}/leave"), json!({})).await.problem(409).contains("only admin"));
    anna.post(&format!("{messages}/{nothing}/send"), json!({})).await.problem(409);
    anna.delete(&format!("{messages}/{nothing}")).await.problem(404);
    anna.delete(&format!("{room}/changes/{nothing}")).await.problem(409);
    let newcomer = User { node: &node, ..User::new(&node, "dora").await };
    let other = sign_up(&node, "eve").await["address"].as_str().unwrap().to_owned();
    let refused = newcomer.post("/chat/rooms", json!({"name": "x", "members": [other]})).await;
    assert!(refused.problem(422).contains("profile"));
}

#[tokio::test]
async fn what_waits_is_kept_through_a_restart_and_only_its_owner_can_read_it() {
    let node = Setup { mines: false, ..Setup::new(1) }.start().await;
    let anna = User::new(&node, "anna").await;
    let room = anna.post("/chat/rooms", json!({"name": "diary"})).await.expect(202)["id"].as_str().unwrap().to_owned();
    anna.post(&format!("/chat/rooms/{room}/messages"), json!({"text": "dear diary"})).await.expect(202);
    let file = node.folder().join("chat").join(&anna.address);
    let bytes = std::fs::read(&file).unwrap();
    assert!(!bytes.windows(5).any(|window| window == b"diary"));
    let token = anna.token.clone();
    with_token(&node, "POST", "/wallet/logout", &token, json!({})).await.expect(200);
    with_token(&node, "GET", "/chat/rooms", &token, json!({})).await.problem(401);
    let folder = node.stop().await;
    let node = Setup { folder: Some(folder), ..Setup::new(1) }.start().await;
    let token = log_in(&node, "anna").await["token"].clone();
    let anna = User { node: &node, token, address: String::new() };
    let path = format!("/chat/rooms/{room}/messages");
    let page = anna.mined(&path, |page| page["messages"][0]["state"] == "confirmed").await;
    assert_eq!(page["messages"][0]["text"], "dear diary");
    assert_eq!(page["messages"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn followers_hear_of_their_own_rooms_alone() {
    let node = Node::start(1).await;
    let (anna, ben, room) = room(&node).await;
    let bearer = |user: &User<'_>| format!("Bearer {}", user.token.as_str().unwrap());
    let follow = |token: Option<String>| {
        let request = node.request("GET", "/events");
        let request = match token {
            Some(token) => request.header("authorization", token),
            None => request,
        };
        node.send(request.body(axum::body::Body::empty()).unwrap())
    };
    let mut to_ben = follow(Some(bearer(&ben))).await.into_body();
    let mut to_all = follow(None).await.into_body();
    anna.post(&format!("{room}/messages"), json!({"text": "psst"})).await.expect(202);
    let heard = async {
        let mut heard = String::new();
        while !heard.contains("psst") {
            let frame = to_ben.frame().await.unwrap().unwrap();
            heard += &String::from_utf8_lossy(frame.data_ref().unwrap());
        }
        heard
    };
    let heard = tokio::time::timeout(LONG, heard).await.unwrap();
    let event = heard.lines().find(|line| line.contains("psst")).unwrap().strip_prefix("data: ").unwrap();
    let event: Value = serde_json::from_str(event).unwrap();
    assert_eq!((&event["event"], &event["account"]), (&json!("chat"), &json!(ben.address)));
    assert_eq!(event["message"]["text"], "psst");
    // Everybody else hears that there is a transaction, and nothing more.
    let first = tokio::time::timeout(LONG, to_all.frame()).await.unwrap().unwrap().unwrap();
    let first = String::from_utf8_lossy(first.data_ref().unwrap()).into_owned();
    assert!(first.contains("pooled") && !first.contains("chat"), "{first}");
}
