//! A miner as descriptions of Stratum tell it, and a node's machine that has work for it. It knows nothing of the
//! server's code: it puts the header together from what it was told, and hashes it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use shared::{Address, Bits, ChainSpec, CheckedBlock, Millis, Network, hash::sha256d};

use super::super::session::{Happening, Session, VERSION_MASK};
use crate::{
    drivers::{outside::Offer, store::MemoryStore},
    machine::{Machine, config::Config, effect::Effect, event::Event, timers::Moment},
};

/// Whose node it is.
pub const HOST: Address = Address([1; 32]);
/// Who mines.
pub const GUEST: Address = Address([9; 32]);
/// Half of all hashes are blocks.
pub const EASY: Bits = Bits(0x207f_ffff);
/// One in 65,536 is, and every share is one.
pub const HARD: Bits = Bits(0x1f00_ffff);

/// A node's machine, as far as a session has to do with it.
pub struct Host {
    pub machine: Machine<MemoryStore>,
    pub network: Arc<Network>,
    pub now: Moment,
}

impl Host {
    pub fn new(bits: Bits) -> Self {
        let spec =
            ChainSpec { easiest_bits: EASY, start_bits: bits, half_life: 1_000_000_000, ..ChainSpec::practice() };
        let network = Arc::new(Network::new(spec).unwrap());
        let wall = Millis::from(network.genesis().header().time).after(Duration::from_secs(1_000));
        let config = Config { miner: HOST, ..Config::alone(network.clone(), 1) };
        let now = Moment { steady: Millis(0), wall };
        let (machine, _) = Machine::open(config, MemoryStore::new(&network), now).unwrap();
        Self { machine, network, now }
    }

    /// What the machine offers after an event.
    pub fn after(&mut self, event: Event) -> Option<Arc<Offer>> {
        let effects = self.machine.handle(event, self.now).unwrap();
        let offers = effects.into_iter().filter_map(|effect| match effect {
            Effect::Offer { job, template } => Some(Arc::new(Offer::new(job, template))),
            _ => None,
        });
        offers.last()
    }

    pub fn offer(&mut self) -> Arc<Offer> {
        self.after(Event::MinersOutside { present: false });
        self.after(Event::MinersOutside { present: true }).unwrap()
    }

    pub fn take(&mut self, block: CheckedBlock) -> Option<Arc<Offer>> {
        self.after(Event::Mined { block: Arc::new(block) })
    }

    pub fn pass(&mut self, seconds: u64) {
        let later = Duration::from_secs(seconds);
        self.now = Moment { steady: self.now.steady.after(later), wall: self.now.wall.after(later) };
    }
}

/// A miner and its session.
pub struct Miner {
    pub session: Session,
    pub host: Host,
    pub asked: u64,
    pub extranonce1: Vec<u8>,
    /// What was told and not looked at yet.
    pub told: Vec<Value>,
    pub found: Vec<CheckedBlock>,
    pub over: bool,
}

/// What mining.notify told.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: String,
    pub previous: Vec<u8>,
    pub coinb1: Vec<u8>,
    pub coinb2: Vec<u8>,
    pub branch: Vec<Vec<u8>>,
    pub version: u32,
    pub bits: u32,
    pub time: u32,
    pub clean: bool,
}

/// What a miner sends as a share.
#[derive(Clone, Copy, Debug, Default)]
pub struct Guess {
    pub extranonce2: u32,
    pub time: u32,
    pub nonce: u32,
    pub version: Option<u32>,
}

pub fn bytes(hex: &Value) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(hex.as_str().unwrap().as_bytes()).unwrap()
}

pub fn word(hex: &Value) -> u32 {
    u32::from_be_bytes(bytes(hex).try_into().unwrap())
}

impl Job {
    pub fn read(params: &Value) -> Self {
        let mut previous = bytes(&params[1]);
        assert_eq!(previous.len(), 32);
        previous.chunks_mut(4).for_each(<[u8]>::reverse);
        Self {
            id: params[0].as_str().unwrap().to_owned(),
            previous,
            coinb1: bytes(&params[2]),
            coinb2: bytes(&params[3]),
            branch: params[4].as_array().unwrap().iter().map(bytes).collect(),
            version: word(&params[5]),
            bits: word(&params[6]),
            time: word(&params[7]),
            clean: params[8].as_bool().unwrap(),
        }
    }

    pub fn header(&self, extranonce1: &[u8], guess: Guess) -> Vec<u8> {
        let coinbase = [&self.coinb1[..], extranonce1, &guess.extranonce2.to_be_bytes(), &self.coinb2].concat();
        let start = sha256d(&coinbase);
        let root = self.branch.iter().fold(start, |root, beside| sha256d(&[&root[..], beside].concat()));
        let version = guess.version.unwrap_or(self.version);
        let mut header = version.to_le_bytes().to_vec();
        header.extend(&self.previous);
        header.extend(root);
        for number in [guess.time, self.bits, guess.nonce] {
            header.extend(number.to_le_bytes());
        }
        header
    }

    /// The first guess from here on of which the hash meets `wanted`, and its hash, most significant byte first.
    pub fn search(
        &self,
        extranonce1: &[u8],
        mut guess: Guess,
        wanted: impl Fn(&[u8; 32]) -> bool,
    ) -> (Guess, [u8; 32]) {
        loop {
            let mut hash = sha256d(&self.header(extranonce1, guess));
            hash.reverse();
            if wanted(&hash) {
                return (guess, hash);
            }
            guess.nonce += 1;
        }
    }

    pub fn guess(&self) -> Guess {
        Guess { time: self.time, ..Guess::default() }
    }
}

/// Whether a hash is a block where half of them are.
pub fn is_block(hash: &[u8; 32]) -> bool {
    hash[0] < 0x7f
}

impl Miner {
    /// One that is connected, and no more.
    pub fn silent(bits: Bits) -> Self {
        let host = Host::new(bits);
        let session = Session::new(host.network.clone(), HOST, [0, 0, 0, 7], host.now);
        let (told, found) = (Vec::new(), Vec::new());
        Self { session, host, asked: 0, extranonce1: Vec::new(), told, found, over: false }
    }

    /// One that works.
    pub fn working(bits: Bits, user: &str) -> Self {
        let mut miner = Self::silent(bits);
        miner.subscribe();
        assert_eq!(miner.ask("mining.authorize", json!([user, "x"])), Ok(json!(true)));
        let offer = miner.host.offer();
        miner.is_offered(offer);
        miner
    }

    pub fn subscribe(&mut self) {
        let subscribed = self.ask("mining.subscribe", json!(["a miner/1.0"])).unwrap();
        assert_eq!(subscribed[0][1][0], "mining.notify");
        assert_eq!(subscribed[2], 4);
        self.extranonce1 = bytes(&subscribed[1]);
    }

    pub fn says(&mut self, line: &[u8]) {
        let mut out = Vec::new();
        let happening = self.session.line(line, self.host.now, &mut out);
        self.hears(out, happening);
    }

    pub fn hears(&mut self, out: Vec<u8>, happening: Option<Happening>) {
        let out = String::from_utf8(out).unwrap();
        assert!(out.is_empty() || out.ends_with('\n'));
        self.told.extend(out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        match happening {
            Some(Happening::Found { block, .. }) => self.found.push(*block),
            Some(Happening::Over(_)) => self.over = true,
            Some(Happening::Joined { .. }) | None => {}
        }
    }

    /// The result, or the number of the error.
    pub fn ask(&mut self, method: &str, params: Value) -> Result<Value, u64> {
        self.asked += 1;
        let line = json!({ "id": self.asked, "method": method, "params": params }).to_string();
        self.says(line.as_bytes());
        let place = self.told.iter().position(|told| told["id"] == self.asked).expect("an answer");
        let answer = self.told.remove(place);
        match &answer["error"] {
            Value::Null => Ok(answer["result"].clone()),
            error => {
                assert!(error[1].is_string() && answer["result"].is_null(), "{answer}");
                Err(error[0].as_u64().unwrap())
            }
        }
    }

    pub fn is_offered(&mut self, offer: Arc<Offer>) {
        let mut out = Vec::new();
        self.session.offered(Some(offer), self.host.now, &mut out);
        self.hears(out, None);
    }

    pub fn waits(&mut self, seconds: u64) {
        self.host.pass(seconds);
        let mut out = Vec::new();
        let happening = self.session.tick(self.host.now, &mut out);
        self.hears(out, happening);
    }

    /// The values of all messages of this kind that came since the last look.
    pub fn heard(&mut self, method: &str) -> Vec<Value> {
        let (heard, rest) = std::mem::take(&mut self.told).into_iter().partition(|told| told["method"] == method);
        self.told = rest;
        let heard: Vec<Value> = heard;
        heard.into_iter().map(|mut told| told["params"].take()).collect()
    }

    pub fn job(&mut self) -> Job {
        let jobs = self.heard("mining.notify");
        Job::read(jobs.last().expect("a job"))
    }

    pub fn submit_as(&mut self, user: &str, job: &str, guess: Guess) -> Result<Value, u64> {
        let hex = |number: u32| format!("{number:08x}");
        let mut params = vec![json!(user), json!(job)];
        params.extend([guess.extranonce2, guess.time, guess.nonce].map(|number| json!(hex(number))));
        // What is sent of the version are the bits that may be rolled.
        params.extend(guess.version.map(|version| json!(hex(version & VERSION_MASK))));
        self.ask("mining.submit", params.into())
    }

    pub fn submit(&mut self, job: &Job, guess: Guess) -> Result<Value, u64> {
        self.submit_as("me", &job.id, guess)
    }

    /// A block for a job, found from this guess on.
    pub fn solve(&mut self, job: &Job, from: Guess) -> Guess {
        job.search(&self.extranonce1, from, is_block).0
    }
}
