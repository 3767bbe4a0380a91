//! `kill -9` at any moment: whatever the node had acknowledged is there when it comes back.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use ed25519_zebra::SigningKey;
use nix::sys::signal::Signal;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use shared::{Address, Amount, BlockHash, ChainSpec, Millis, Network, Payload, Topic, Transaction};

use crate::http;
use crate::process::{Node, easy_genesis, hashes, text};

const ROUNDS: u32 = 25;
const SEED: u64 = 1;
/// Requests that mine at the same time.
const MINERS: u32 = 2;

/// What a client of the node sees.
enum News {
    /// A request was sent.
    Asked,
    /// The node said that it has mined this block.
    Block(String),
    /// The node said that it keeps this transaction.
    Transaction(String),
}

/// All that the node has ever acknowledged.
#[derive(Default)]
struct Promised {
    blocks: BTreeSet<String>,
    transactions: BTreeSet<String>,
}

impl Promised {
    fn note(&mut self, news: News) {
        match news {
            News::Asked => false,
            News::Block(hash) => self.blocks.insert(hash),
            News::Transaction(id) => self.transactions.insert(id),
        };
    }

    fn check(&self, node: &Node, round: u32) {
        let kept: BTreeSet<String> = hashes(&node.chain()).into_iter().collect();
        let lost: Vec<_> = self.blocks.difference(&kept).collect();
        assert!(lost.is_empty(), "round {round}: blocks are lost: {lost:?}");
        if let Some(hash) = self.blocks.last() {
            assert_eq!(node.get(&format!("/blocks/{hash}"))["hash"], hash.as_str());
        }
        for id in &self.transactions {
            let status = node.get(&format!("/transactions/{id}"))["status"].clone();
            assert!(status == "pending" || status == "confirmed", "round {round}: {id} is {status}");
        }
        let verdict = node.get("/valid");
        assert_eq!(verdict["valid"], true, "round {round}: {verdict}");
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = easy_genesis(dir.path(), "easy");
    let folder = dir.path().join("node");
    let network = network(&genesis);
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut promised = Promised::default();
    for round in 0..ROUNDS {
        let node = Node::start(&folder, &["--genesis", text(&genesis)]);
        promised.check(&node, round);
        kill_at_work(node, &mut rng, &network, &mut promised);
    }
    let node = Node::start(&folder, &[]);
    promised.check(&node, ROUNDS);
    assert!(promised.blocks.len() > 10 && promised.transactions.len() > 10);
    println!("{} blocks and {} transactions", promised.blocks.len(), promised.transactions.len());
    node.stop();
}

/// Keeps the node busy, kills it after a number of requests and answers left to chance, and notes
/// what was acknowledged until then.
fn kill_at_work(node: Node, rng: &mut ChaCha8Rng, network: &Network, promised: &mut Promised) {
    let genesis = network.genesis_hash();
    let (sender, news) = channel();
    let moment = rng.random_range(1..60);
    let pause = rng.random_range(0..200_000_u32);
    std::thread::scope(|scope| {
        for _ in 0..MINERS {
            let (host, sender) = (&node.host, sender.clone());
            scope.spawn(move || mine_on(host, &sender));
        }
        let (host, mut rng) = (&node.host, ChaCha8Rng::from_rng(rng));
        scope.spawn(move || pay_on(host, &mut rng, &genesis, &sender));
        watch(&news, moment, promised);
        // Somewhere between two requests, too.
        (0..pause).for_each(|_| std::hint::spin_loop());
        node.process.signal(Signal::SIGKILL);
    });
    news.iter().for_each(|news| promised.note(news));
    let ended = node.process.ended();
    assert_eq!(ended.status.code(), None, "{:#?}", ended.log);
}

fn watch(news: &Receiver<News>, moment: u32, promised: &mut Promised) {
    for _ in 0..moment {
        promised.note(news.recv().expect("the node works until it is killed"));
    }
}

/// Asks for one block after another until the node is gone.
fn mine_on(host: &str, news: &Sender<News>) {
    while let Ok(stream) = http::send(host, "POST", "/mine", b"") {
        let _ = news.send(News::Asked);
        let Ok(answer) = http::receive(stream) else { return };
        match answer.status {
            201 => drop(news.send(News::Block(answer.json()["hash"].as_str().unwrap().to_owned()))),
            409 => {}
            status => panic!("{status}: {}", answer.detail()),
        }
    }
}

/// Sends one transaction after another, each from a new account, until the node is gone.
fn pay_on(host: &str, rng: &mut ChaCha8Rng, genesis: &BlockHash, news: &Sender<News>) {
    loop {
        let transaction = note_of(&SigningKey::from(rng.random::<[u8; 32]>()), genesis);
        let body = serde_json::to_vec(&transaction).unwrap();
        let Ok(stream) = http::send(host, "POST", "/transactions", &body) else { return };
        let _ = news.send(News::Asked);
        let Ok(answer) = http::receive(stream) else { return };
        assert_eq!(answer.status, 202, "{}", answer.detail());
        let _ = news.send(News::Transaction(answer.json()["id"].as_str().unwrap().to_owned()));
    }
}

fn note_of(key: &SigningKey, genesis: &BlockHash) -> Transaction {
    let unsigned = Transaction {
        version: shared::transaction::VERSION,
        sender: Address::default(),
        nonce: 0,
        fee: Amount::ZERO,
        time: Millis(0),
        payload: Payload::Data { topic: Topic::new("note").unwrap(), body: vec![7; 100] },
        signature: [0; 64],
    };
    unsigned.signed(key, genesis)
}

fn network(genesis: &Path) -> Network {
    let spec: ChainSpec = serde_json::from_slice(&fs::read(genesis).unwrap()).unwrap();
    Network::new(spec).unwrap()
}
