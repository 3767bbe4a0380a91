//! A group chat on a real node, held against a reader in Python that was written from the protocol's document alone
//! (`tests/third_party/chat.py`). What is said here, and who may read it, is what that has to find.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::http;
use crate::process::{LIMIT, Node, easy_genesis, text, wait_for};
use crate::third_party::PYTHON;

const PASSWORD: &str = "open sesame";

/// An account that is logged in and, once a block is mined, has a profile.
struct Person<'n> {
    node: &'n Node,
    name: &'static str,
    address: String,
    token: String,
}

impl<'n> Person<'n> {
    fn new(node: &'n Node, name: &'static str) -> Self {
        let body = json!({"name": name, "password": PASSWORD}).to_string();
        assert_eq!(node.ask("POST", "/wallet/accounts", body.as_bytes()).status, 201);
        let session = node.ask("POST", "/wallet/login", body.as_bytes()).json();
        let field = |name: &str| session[name].as_str().unwrap().to_owned();
        let person = Self { node, name, address: field("address"), token: field("token") };
        person.does("POST", "/chat/profile", &json!({"name": format!("{name} of the house")}));
        person
    }

    fn asks(&self, method: &str, path: &str, body: &[u8]) -> http::Answer {
        let head = format!("authorization: Bearer {}\r\n", self.token);
        http::receive(http::send_with(&self.node.host, method, path, &head, body).unwrap()).unwrap()
    }

    fn gets(&self, path: &str) -> Value {
        let answer = self.asks("GET", path, b"");
        assert_eq!(answer.status, 200, "{} gets {path}: {}", self.name, answer.detail());
        answer.json()
    }

    fn does(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.asks(method, path, body.to_string().as_bytes());
        assert_eq!(answer.status, 202, "{} {method} {path}: {}", self.name, answer.detail());
        answer.json()
    }

    /// Whether all that this account did is on the chain.
    fn settled(&self) -> bool {
        let confirmed = |thing: &Value| thing["state"] == "confirmed";
        let rooms = self.gets("/chat/rooms")["rooms"].clone();
        let mut ids = rooms.as_array().unwrap().iter().map(|room| room["id"].as_str().unwrap());
        confirmed(&self.gets("/chat/profile"))
            && ids.all(|id| {
                let room = self.gets(&format!("/chat/rooms/{id}"));
                let staying = room["people"].as_array().unwrap().iter().all(|member| member["leaving"] == false);
                let said = self.gets(&format!("/chat/rooms/{id}/messages"))["messages"].clone();
                staying && room["changes"] == json!([]) && said.as_array().unwrap().iter().all(confirmed)
            })
    }
}

/// A room, what was said in it, and who may read that.
struct Room<'n> {
    people: &'n [Person<'n>],
    id: String,
    /// Its present epoch, from 0.
    epoch: u64,
    said: Vec<Value>,
}

impl Room<'_> {
    fn path(&self, what: &str) -> String {
        format!("/chat/rooms/{}/{what}", self.id)
    }

    /// Somebody says something that these people are to read, and these alone; it gives the message's id.
    fn says(&mut self, author: &Person<'_>, text: &str, answers: Option<&str>, readers: &[&Person<'_>]) -> String {
        let told = author.does("POST", &self.path("messages"), &json!({"text": text, "reply_to": answers}));
        let id = told["id"].as_str().unwrap().to_owned();
        let readers: Vec<_> = readers.iter().map(|reader| reader.name).collect();
        let (author, time, epoch) = (&author.address, &told["time"], self.epoch);
        let said = json!({"id": id, "author": author, "text": text, "reply_to": answers, "time": time});
        self.said.push(json!({"epoch": epoch, "readers": readers, "message": said}));
        self.settle();
        id
    }

    /// Somebody does something that gives the room another epoch.
    fn changes(&mut self, person: &Person<'_>, method: &str, what: &str, body: &Value) {
        person.does(method, &self.path(what), body);
        self.settle();
        self.epoch += 1;
    }

    fn settle(&self) {
        settle(self.people);
    }
}

/// Mines until nobody waits for anything.
fn settle(people: &[Person<'_>]) {
    wait_for("all is on the chain", LIMIT, || {
        people[0].node.mine();
        people.iter().all(Person::settled).then_some(())
    });
}

/// A room that people found, join with and without its history, are put out of and leave.
fn talk<'n>(people: &'n [Person<'n>]) -> Room<'n> {
    let [anna, ben, carl, dora, emil, _] = people else { panic!("six people") };
    let founded = anna.does(
        "POST",
        "/chat/rooms",
        &json!({"name": "the kitchen", "members": [ben.address, "carl of the house"]}),
    );
    let mut room = Room { people, id: founded["id"].as_str().unwrap().to_owned(), epoch: 0, said: Vec::new() };
    let first = room.says(anna, "Who has the key to the cellar?", None, &[anna, ben, carl, dora]);
    room.says(ben, "It hangs behind the door.", Some(&first), &[anna, ben, carl, dora]);
    room.says(carl, &"a long story, and no end to it. ".repeat(40), None, &[anna, ben, carl, dora]);
    room.says(ben, &"\u{1F9C0}".repeat(4000), None, &[anna, ben, carl, dora]);
    room.changes(anna, "POST", "members", &json!({"member": dora.address, "history": true}));
    room.says(dora, "I looked there: it is gone.", Some(&first), &[anna, ben, carl, dora]);
    let last = room.says(carl, "<b>gone</b>\0 \u{202E}backwards\r\n\"quoted\"", None, &[anna, ben, carl, dora]);
    room.changes(anna, "POST", "members", &json!({"member": emil.address, "history": false}));
    room.says(ben, "Emil, have you seen it?", Some(&last), &[anna, ben, carl, dora, emil]);
    room.says(emil, "Seen what, please?", None, &[anna, ben, carl, dora, emil]);
    room.changes(anna, "DELETE", &format!("members/{}", ben.address), &json!({}));
    room.says(anna, "Ben is not with us any more.", None, &[anna, carl, dora, emil]);
    room.changes(carl, "POST", "leave", &json!({}));
    room.says(emil, "And Carl has gone too.", None, &[anna, dora, emil]);
    room.changes(anna, "POST", "admins", &json!({"member": dora.address}));
    room.changes(dora, "POST", "name", &json!({"name": "the pantry"}));
    room.says(dora, "A new sign is on the door.", None, &[anna, dora, emil]);
    room
}

/// What Python needs to check all of it.
fn told(room: &Room<'_>) -> Value {
    let tokens: Value = room.people.iter().map(|person| (person.name.to_owned(), json!(person.token))).collect();
    // Who made each epoch, and whether its members got the key of the one before. Whose turn it is when somebody has left
    // depends on how long they take.
    let changes = [
        (Some("anna"), false),
        (Some("anna"), true),
        (Some("anna"), false),
        (Some("anna"), true),
        (None, true),
        (Some("anna"), true),
        (Some("dora"), true),
    ];
    json!({"password": PASSWORD, "tokens": tokens, "room": room.id, "said": room.said,
        "names": ["the kitchen", "the pantry"], "members": ["anna", "dora", "emil"], "admins": ["anna", "dora"],
        "departed": ["carl"], "changes": changes})
}

#[test]
#[ignore = "needs a Python with the packages of tests/third_party/requirements.txt, named by THIRD_PARTY_PYTHON"]
fn a_reader_made_from_the_document_reads_a_chat_as_the_node_does() {
    let python = std::env::var_os(PYTHON).unwrap_or_else(|| panic!("{PYTHON} names no Python"));
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("node");
    let node = Node::start(&folder, &["--genesis", text(&easy_genesis(dir.path(), "third party chat"))]);
    let people = ["anna", "ben", "carl", "dora", "emil", "fritz"].map(|name| Person::new(&node, name));
    settle(&people);
    let told = told(&talk(&people));

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/third_party/chat_check.py");
    let mut command = Command::new(python);
    command.arg("-B").arg(script).args([&node.host, text(&folder.join("accounts"))]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut checking = command.spawn().unwrap();
    checking.stdin.take().unwrap().write_all(told.to_string().as_bytes()).unwrap();
    let done = checking.wait_with_output().unwrap();
    let (said, errors) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{said}{errors}");
    assert_eq!(said, "agreed on 11 messages of a room and 302 of other rooms\n");
    node.stop();
}
