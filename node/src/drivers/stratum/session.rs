//! One miner's conversation as a pure state machine: a line, an offer or the passing of time in, lines out. Sockets,
//! clocks and the machine are the server's business.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use shared::{Address, CheckedBlock, Millis, Network};

use super::{
    budget::{Budget, Cost},
    difficulty::{Difficulty, Pace},
    jobs::{Jobs, Proof},
    wire::{self, Line, Refusal, Request, Submission, notification, reply},
};
use crate::{drivers::outside::Offer, machine::timers::Moment};

/// Bits of the version that miners may roll (BIP 320).
pub const VERSION_MASK: u32 = 0x1fff_e000;
/// Bytes of the miner's part of the extranonce.
const EXTRANONCE2_SIZE: usize = 4;
/// Workers that may be named on one connection.
const WORKERS: usize = 16;
/// A job is given anew, with the time that it is then, after so long.
const RENEWAL: Duration = Duration::from_secs(30);
/// How long a miner may take to say who it is.
const INTRODUCTION: Duration = Duration::from_secs(30);
/// How long a miner may say nothing.
const SILENCE: Duration = Duration::from_secs(15 * 60);

/// What happened beyond the lines that are to be sent.
#[derive(Debug)]
pub enum Happening {
    /// A worker may send shares now.
    Joined {
        /// As it calls itself.
        worker: String,
        /// Whom its blocks pay.
        pays: Address,
    },
    /// A block was found.
    Found {
        /// By whom.
        worker: String,
        /// All of it.
        block: Box<CheckedBlock>,
    },
    /// The connection is to be ended, for this reason.
    Over(&'static str),
}

/// One miner's connection.
#[derive(Debug)]
pub struct Session {
    network: Arc<Network>,
    /// Whom blocks pay whose miner names nobody.
    host: Address,
    extranonce1: [u8; 4],
    subscribed: bool,
    workers: Vec<String>,
    /// Whom its blocks pay, as soon as it said who it is.
    pays: Option<Address>,
    mask: u32,
    pace: Pace,
    jobs: Jobs,
    offer: Option<Arc<Offer>>,
    budget: Budget,
    began: Millis,
    heard: Millis,
}

impl Session {
    /// A conversation that has not begun. `host` is paid unless the miner names somebody; no other miner may have the
    /// same `extranonce1`.
    pub fn new(network: Arc<Network>, host: Address, extranonce1: [u8; 4], now: Moment) -> Self {
        let at = now.steady;
        let (pace, budget) = (Pace::new(at), Budget::new(at));
        Self {
            network,
            host,
            extranonce1,
            subscribed: false,
            workers: Vec::new(),
            pays: None,
            mask: 0,
            pace,
            jobs: Jobs::default(),
            offer: None,
            budget,
            began: at,
            heard: at,
        }
    }

    /// Whether the miner is to be given work.
    pub fn works(&self) -> bool {
        self.subscribed && self.pays.is_some()
    }

    /// Takes a line from the miner. What it is to be told is put at the end of `out`.
    pub fn line(&mut self, line: &[u8], now: Moment, out: &mut Vec<u8>) -> Option<Happening> {
        self.heard = now.steady;
        let (cost, happening) = match Line::read(line) {
            Line::Nothing => (Cost::QUESTION, None),
            Line::Nonsense => {
                let refusal =
                    Refusal::Other("this is no line of Stratum: a JSON object with id, method, params".into());
                out.extend(reply(&Value::Null, Err(refusal)).into_bytes());
                (Cost::FAULT, None)
            }
            Line::Request(request) if request.method == "mining.submit" => self.submit(&request, now, out),
            Line::Request(request) => {
                let workers = self.workers.len();
                let answer = self.answer(&request);
                out.extend(reply(&request.id, answer).into_bytes());
                let happening = if self.workers.len() > workers { self.joined() } else { None };
                self.follow_up(&request, now, out);
                (Cost::QUESTION, happening)
            }
        };
        // A block is never lost to what else came.
        if !self.budget.pay(cost, now.steady) && !matches!(happening, Some(Happening::Found { .. })) {
            return Some(Happening::Over("it asks too much, or sends too much that is wrong"));
        }
        happening
    }

    /// There is another template, or none at the moment.
    pub fn offered(&mut self, offer: Option<Arc<Offer>>, now: Moment, out: &mut Vec<u8>) {
        self.offer = offer;
        self.notify(now, out);
    }

    /// Some time has passed: difficulty and time are brought up to date.
    pub fn tick(&mut self, now: Moment, out: &mut Vec<u8>) -> Option<Happening> {
        if !self.works() && now.steady.since(self.began) >= INTRODUCTION {
            return Some(Happening::Over(
                "it does not say who it is: mining.subscribe and mining.authorize are missing",
            ));
        }
        if now.steady.since(self.heard) >= SILENCE {
            return Some(Happening::Over("it has been silent for too long"));
        }
        if let Some(job) = self.jobs.newest() {
            let (in_force, since) = (job.difficulty(), job.since());
            self.pace.judge(in_force, now.steady);
            if now.steady.since(since) >= RENEWAL {
                self.notify(now, out);
            } else {
                self.keep_pace(now, out);
            }
        }
        None
    }

    fn answer(&mut self, request: &Request) -> Result<Value, Refusal> {
        match &request.method[..] {
            "mining.subscribe" => {
                self.subscribed = true;
                let id = wire::hex(&self.extranonce1);
                let subscriptions = json!([["mining.set_difficulty", id], ["mining.notify", id]]);
                Ok(json!([subscriptions, id, EXTRANONCE2_SIZE]))
            }
            "mining.authorize" => self.authorize(&request.params),
            "mining.configure" => self.configure(&request.params),
            // The extranonce never changes, so that nothing has to be told.
            "mining.extranonce.subscribe" => Ok(Value::Bool(true)),
            "mining.suggest_difficulty" => match request.params.first().and_then(Value::as_f64) {
                Some(number) if Difficulty::not_above(number).is_some() => Ok(Value::Bool(true)),
                _ => Err(Refusal::Other("mining.suggest_difficulty takes a number above zero".into())),
            },
            other => Err(Refusal::Other(format!("there is no method {:?} here", wire::shown(other)))),
        }
    }

    /// What follows from a question after its answer.
    fn follow_up(&mut self, request: &Request, now: Moment, out: &mut Vec<u8>) {
        match &request.method[..] {
            "mining.subscribe" | "mining.authorize" if self.jobs.newest().is_none() => self.notify(now, out),
            "mining.suggest_difficulty" => {
                let suggested = request.params.first().and_then(Value::as_f64).and_then(Difficulty::not_above);
                if let Some(difficulty) = suggested {
                    self.pace.suggest(difficulty, now.steady);
                    self.keep_pace(now, out);
                }
            }
            _ => {}
        }
    }

    fn authorize(&mut self, params: &[Value]) -> Result<Value, Refusal> {
        let worker = params.first().and_then(Value::as_str).unwrap_or_default();
        if worker.len() > wire::MAX_SHOWN {
            return Err(Refusal::Unauthorized(format!("a worker's name has at most {} bytes", wire::MAX_SHOWN)));
        }
        let pays = paid_by(worker, self.host).map_err(Refusal::Unauthorized)?;
        if self.pays.is_some_and(|before| before != pays) {
            let text = "this connection's blocks pay another address already; open one for each address";
            return Err(Refusal::Unauthorized(text.into()));
        }
        if !self.workers.iter().any(|known| known == worker) {
            if self.workers.len() >= WORKERS {
                return Err(Refusal::Unauthorized(format!("a connection takes at most {WORKERS} workers")));
            }
            self.workers.push(worker.to_owned());
        }
        self.pays = Some(pays);
        Ok(Value::Bool(true))
    }

    /// The last worker came just now.
    fn joined(&self) -> Option<Happening> {
        Some(Happening::Joined { worker: wire::shown(self.workers.last()?), pays: self.pays? })
    }

    /// BIP 310: each extension that is asked for is answered, with the version's bits as the only one that changes
    /// anything.
    fn configure(&mut self, params: &[Value]) -> Result<Value, Refusal> {
        let wrong = || Refusal::Other("mining.configure takes a list of extensions and their parameters".into());
        let names = params.first().and_then(Value::as_array).ok_or_else(wrong)?;
        let mut answer = serde_json::Map::new();
        for name in names.iter().filter_map(Value::as_str) {
            if name == "version-rolling" {
                let asked = params.get(1).and_then(|all| all.get("version-rolling.mask")).and_then(Value::as_str);
                self.mask = VERSION_MASK & asked.map_or(Some(u32::MAX), wire::read_number).ok_or_else(wrong)?;
                answer.insert("version-rolling.mask".into(), wire::number(self.mask).into());
            }
            let known = matches!(name, "version-rolling" | "subscribe-extranonce");
            answer.insert(wire::shown(name), known.into());
        }
        Ok(Value::Object(answer))
    }

    /// Gives the miner a job of the present offer, and first its difficulty if that is another one.
    fn notify(&mut self, now: Moment, out: &mut Vec<u8>) {
        let (Some(offer), Some(pays), true) = (self.offer.clone(), self.pays, self.subscribed) else { return };
        // A template has a target.
        let Ok(block) = offer.template.bits().target() else { return };
        let difficulty = self.pace.difficulty(block);
        if self.jobs.newest().map(|job| job.difficulty()) != Some(difficulty) {
            out.extend(notification("mining.set_difficulty", json!([difficulty.to_json()])).into_bytes());
        }
        let job = self.jobs.give(offer, pays, self.extranonce1, difficulty, now);
        out.extend(notification("mining.notify", job).into_bytes());
    }

    /// Tells the miner at once if its difficulty is another one than that of its job.
    fn keep_pace(&mut self, now: Moment, out: &mut Vec<u8>) {
        let Some(job) = self.jobs.newest() else { return };
        let block = job.offer().template.bits().target();
        if block.is_ok_and(|block| self.pace.difficulty(block) != job.difficulty()) {
            self.notify(now, out);
        }
    }

    fn submit(&mut self, request: &Request, now: Moment, out: &mut Vec<u8>) -> (Cost, Option<Happening>) {
        let judged = self.judge(&request.params, now);
        let cost = match &judged {
            Ok(_) | Err(Refusal::Stale) => Cost::SHARE,
            Err(_) => Cost::FAULT,
        };
        let (answer, happening) = match judged {
            Ok(happening) => (Ok(Value::Bool(true)), happening),
            Err(refusal) => (Err(refusal), None),
        };
        out.extend(reply(&request.id, answer).into_bytes());
        if cost == Cost::SHARE
            && let Some(job) = self.jobs.newest()
        {
            self.pace.judge(job.difficulty(), now.steady);
            self.keep_pace(now, out);
        }
        (cost, happening)
    }

    fn judge(&mut self, params: &[Value], now: Moment) -> Result<Option<Happening>, Refusal> {
        if !self.subscribed {
            return Err(Refusal::NotSubscribed);
        }
        let submission = Submission::read(params)?;
        if !self.workers.iter().any(|worker| worker == submission.worker) {
            return Err(Refusal::Unauthorized("this worker has not been authorized: send mining.authorize".into()));
        }
        let in_force = self.jobs.newest().ok_or(Refusal::Stale)?.difficulty();
        let share = self.jobs.submit(&submission, self.mask, in_force, now.wall.seconds())?;
        if share.counts {
            self.pace.share();
        }
        let worker = wire::shown(submission.worker);
        Ok(share.proof.and_then(|proof| self.prove(proof)).map(|block| Happening::Found { worker, block }))
    }

    /// Puts the block together, unless the template was solved before.
    fn prove(&self, Proof { offer, header, extranonce }: Proof) -> Option<Box<CheckedBlock>> {
        if !offer.is_first_proof() {
            return None;
        }
        let template = offer.template.paying(self.pays?);
        match template.solve(header, u64::from_le_bytes(extranonce), &self.network) {
            Ok(block) => Some(Box::new(block)),
            Err(error) => {
                tracing::error!("a proof that was checked makes no block: {error}");
                None
            }
        }
    }
}

/// Whom the blocks of a worker pay: the address that its name begins with, up to a full stop; otherwise `host`.
///
/// # Errors
/// When it begins as an address does and is none: nobody should mine for a misspelt name.
pub fn paid_by(worker: &str, host: Address) -> Result<Address, String> {
    let name = worker.split('.').next().unwrap_or_default();
    if !name.to_ascii_lowercase().starts_with("nm1") {
        return Ok(host);
    }
    name.parse().map_err(|error| format!("the worker's name is no address: {error}"))
}
