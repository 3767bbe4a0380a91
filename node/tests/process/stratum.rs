//! Miners of other makes on a node: a client that knows Stratum and getwork from their descriptions alone, over real
//! sockets.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};
use shared::{Address, hash::sha256d};

use crate::http;
use crate::process::{LIMIT, Node, Process, agreed, easy_genesis, program, text};

fn bytes(hex: &Value) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(hex.as_str().unwrap().as_bytes()).unwrap()
}

/// Every group of four bytes in reverse.
fn swapped(bytes: &[u8]) -> Vec<u8> {
    bytes.chunks(4).flat_map(|word| word.iter().rev().copied()).collect()
}

/// A nonce with which the 80 bytes are a block where half of all hashes are.
fn nonce_of(header: &[u8]) -> u32 {
    let is_block = |nonce: &u32| sha256d(&[&header[..76], &nonce.to_le_bytes()].concat())[31] < 0x7f;
    (0..).find(is_block).unwrap()
}

struct Miner {
    reader: BufReader<TcpStream>,
    user: String,
    extranonce1: Vec<u8>,
    asked: u64,
    job: Option<Value>,
}

/// A connection that nothing was said on.
fn dial(node: &Node) -> BufReader<TcpStream> {
    let identity = node.get("/node/id");
    let place = identity["stratum"].as_str().unwrap().strip_prefix("stratum+tcp://").unwrap();
    let stream = TcpStream::connect(place).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    BufReader::new(stream)
}

impl Miner {
    fn connect(node: &Node, user: &str) -> Self {
        let reader = dial(node);
        let mut miner = Self { reader, user: user.to_owned(), extranonce1: Vec::new(), asked: 0, job: None };
        let subscribed = miner.ask("mining.subscribe", json!(["test"]));
        assert_eq!(subscribed["result"][2], 4);
        miner.extranonce1 = bytes(&subscribed["result"][1]);
        assert_eq!(miner.ask("mining.authorize", json!([user, "x"]))["result"], true);
        miner
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        assert!(self.reader.read_line(&mut line).unwrap() > 0, "the node ended the connection");
        let told: Value = serde_json::from_str(&line).unwrap();
        if told["method"] == "mining.notify" {
            self.job = Some(told["params"].clone());
        }
        told
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let line = json!({ "id": self.asked, "method": method, "params": params });
        self.reader.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
        loop {
            let told = self.read();
            if told["id"] == self.asked {
                return told;
            }
        }
    }

    /// Waits for a job on this block, and finds a block for it: its hash as it is shown, and what to submit.
    fn search(&mut self, on: &str) -> (String, Value) {
        let mut previous = data_encoding::HEXLOWER.decode(on.as_bytes()).unwrap();
        previous.reverse();
        let told = json!(data_encoding::HEXLOWER.encode(&swapped(&previous)));
        while self.job.as_ref().is_none_or(|job| job[1] != told) {
            self.read();
        }
        let job = self.job.clone().unwrap();
        let coinbase = [bytes(&job[2]), self.extranonce1.clone(), vec![0, 0, 0, 5], bytes(&job[3])].concat();
        assert_eq!(job[4], json!([]));
        let little = |hex: &Value| bytes(hex).into_iter().rev().collect::<Vec<u8>>();
        let root = sha256d(&coinbase).to_vec();
        let mut header = [little(&job[5]), swapped(&bytes(&job[1])), root, little(&job[7]), little(&job[6])].concat();
        let nonce = nonce_of(&[&header[..], &[0; 4]].concat());
        header.extend(nonce.to_le_bytes());
        let mut hash = sha256d(&header);
        hash.reverse();
        let share = json!([self.user, job[0], "00000005", job[7], format!("{nonce:08x}")]);
        (data_encoding::HEXLOWER.encode(&hash), share)
    }
}

#[test]
fn a_block_mined_by_stratum_is_in_every_nodes_chain_and_pays_the_worker() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = easy_genesis(dir.path(), "easy");
    let more = ["--genesis", text(&genesis)];
    let node = Node::start(&dir.path().join("one"), &[&more[..], &["--stratum", "0"]].concat());
    let other = Node::start(&dir.path().join("other"), &[&more[..], &["--join", &node.peer_address()]].concat());
    let (one, two) = (Address([7; 32]).to_string(), Address([8; 32]).to_string());
    let mut miners = [Miner::connect(&node, &format!("{one}.shed")), Miner::connect(&node, &two)];
    assert_ne!(miners[0].extranonce1, miners[1].extranonce1);
    assert_eq!(node.get("/health")["mining"], false);
    for (turn, pays) in [(0, &one), (1, &two), (0, &one)] {
        let (hash, share) = miners[turn].search(node.tip().as_str().unwrap());
        assert_eq!(miners[turn].ask("mining.submit", share.clone())["result"], true);
        assert_eq!(agreed(&[&node, &other], LIMIT), hash.as_str());
        assert_eq!(&other.get(&format!("/blocks/{hash}"))["coinbase"]["miner"], pays.as_str());
        assert_eq!(miners[turn].ask("mining.submit", share)["result"], Value::Null, "it counts once");
    }
    drop(miners);
    [node, other].into_iter().for_each(Node::stop);
}

/// What a node says before it ends a connection.
fn farewell(reader: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(told["method"], "client.show_message");
    told["params"][0].as_str().unwrap().to_owned()
}

#[test]
fn miners_are_bounded_in_number_and_lines_in_length() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(&dir.path().join("one"), &["--stratum", "0"]);
    let mut miners: Vec<_> = (0..64).map(|_| dial(&node)).collect();
    assert!(farewell(&mut dial(&node)).contains("64 miners already"));
    let first = &mut miners[0];
    first.get_mut().write_all(&[b' '; 4_097]).unwrap();
    assert!(farewell(first).contains("too long"));
    assert!(farewell(&mut dial(&node)).contains("64 miners already"), "its place is not free at once");
    node.stop();
}

#[test]
fn a_port_for_miners_that_is_taken_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = program(&["--port", "0", "--stratum", &port, "--data-dir"]);
    let finished = Process::start(command.arg(dir.path())).ended();
    finished.refused(&[&port, "--stratum"]);
}

fn rpc(node: &Node, user: &str, method: &str, params: Value) -> Value {
    let credentials = data_encoding::BASE64.encode(format!("{user}:x").as_bytes());
    let more = format!("authorization: Basic {credentials}\r\nx-mining-extensions: midstate\r\n");
    let body = json!({ "method": method, "params": params, "id": 3 }).to_string();
    let stream = http::send_with(&node.host, "POST", "/getwork", &more, body.as_bytes()).unwrap();
    let answer = http::receive(stream).unwrap();
    assert_eq!(answer.status, 200);
    answer.json()
}

#[test]
fn a_block_mined_by_getwork_is_in_the_chain_and_pays_the_user() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = easy_genesis(dir.path(), "easy");
    let node = Node::start(&dir.path().join("one"), &["--genesis", text(&genesis)]);
    let user = Address([7; 32]).to_string();
    assert_eq!(rpc(&node, &user, "getblocktemplate", json!([]))["error"]["code"], -32_601);
    for height in 1..=2 {
        let work = rpc(&node, &user, "getwork", json!([]));
        assert_eq!(work["id"], 3);
        let data = swapped(&bytes(&work["result"]["data"]));
        assert_eq!((data.len(), &data[80..84], &data[124..]), (128, &[0x80, 0, 0, 0][..], &[0, 0, 2, 0x80][..]));
        let mut target = bytes(&work["result"]["target"]);
        target.reverse();
        assert_eq!(target[..3], [0x7f, 0xff, 0xff]);
        let nonce = nonce_of(&data[..80]);
        let solved = [&data[..76], &nonce.to_le_bytes(), &data[80..]].concat();
        let mut hash = sha256d(&solved[..80]);
        hash.reverse();
        let solution = json!([data_encoding::HEXLOWER.encode(&swapped(&solved))]);
        assert_eq!(rpc(&node, &user, "getwork", solution.clone())["result"], true);
        assert_eq!(agreed(&[&node], LIMIT), data_encoding::HEXLOWER.encode(&hash).as_str());
        assert_eq!(node.get(&format!("/blocks/{height}"))["coinbase"]["miner"], user.as_str());
        assert_eq!(rpc(&node, &user, "getwork", solution)["result"], false);
    }
    node.stop();
}
