//! What chat costs, beside what the same work costs without it:
//!
//!     cargo run --release -p node --example chat_cost -- [MESSAGES]
//!
//! A room of MESSAGES messages (10,000 unless given) in a database on disk, 50 to a block: how long it takes to open it
//! from chain and keys, against reading and decoding the same transactions; a page, a search, a block more; what a
//! message takes on the chain.

use std::{
    env, fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use node::{
    accounts::{seed::Seed, session::Unlocked},
    chat::{
        desk::{Desk, Part},
        envelope::GroupId,
        follow::follow,
        shelf::Shelf,
        text::{BUCKETS, Text},
    },
    drivers::{clock, store::RedbStore},
    machine::{
        Machine,
        config::Config,
        effect::{Effect, Refused, Reply},
        event::{Event, Request, RequestId},
        store::{ReadChain, Store},
    },
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use shared::{
    Amount, ChainSpec, CheckedTransaction, Header, Millis, Network, Payload, Transaction, transaction::VERSION,
};

const PER_BLOCK: usize = 50;

fn main() -> Result<()> {
    let messages: usize = env::args().nth(1).map_or(Ok(10_000), |text| text.parse()).context("MESSAGES is a number")?;
    let folder = env::temp_dir().join(format!("chat-cost-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let measured = measure(&folder, messages);
    fs::remove_dir_all(&folder)?;
    measured
}

/// A node without peers, and somebody who chats there.
struct Place<S> {
    machine: Machine<S>,
    network: Arc<Network>,
    desk: Desk,
    rng: ChaCha8Rng,
}

fn account(seed: u8) -> Result<Arc<Unlocked>> {
    let keys = Seed::from_bytes(&[seed; 32]).keys();
    let name = format!("account{seed}").parse().map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(Arc::new(Unlocked { name, email: None, address: keys.address(), keys }))
}

fn measure(folder: &Path, messages: usize) -> Result<()> {
    let easy = ChainSpec {
        start_bits: shared::Bits(0x207f_ffff),
        easiest_bits: shared::Bits(0x207f_ffff),
        ..ChainSpec::practice()
    };
    let network = Arc::new(Network::new(easy)?);
    let store = RedbStore::open(folder, &network)?;
    let reader = store.reader();
    let (anna, ben) = (account(1)?, account(2)?);
    let (machine, _) = Machine::open(
        Config { miner: shared::Address([1; 32]), ..Config::alone(network.clone(), 1) },
        store,
        clock::now(),
    )?;
    let desk = Desk::new(anna.clone(), network.genesis_hash(), Shelf::default());
    let mut place = Place { machine, network: network.clone(), desk, rng: ChaCha8Rng::seed_from_u64(1) };
    let mut other = Desk::new(ben.clone(), network.genesis_hash(), Shelf::default());
    place.desk.publish("Anna", &mut place.rng)?;
    other.publish("Ben", &mut place.rng)?;
    place.send(&anna)?;
    let profile = other.due(&mut place.rng).pop().context("a profile is due")?;
    place.submit(&ben, profile.payload)?;
    place.mine()?;
    let group = place.desk.found("room", &[ben.address], &mut place.rng)?;
    place.send(&anna)?;
    place.mine()?;

    let begun = Instant::now();
    let mut bytes = 0;
    for first in (0..messages).step_by(PER_BLOCK) {
        for number in first..(first + PER_BLOCK).min(messages) {
            let text = format!("message {number} of a conversation about nothing in particular");
            place.desk.say(&group, Text::written(text, None, clock::wall(), &mut place.rng))?;
        }
        bytes += place.send(&anna)?;
        place.mine()?;
    }
    println!("{messages} messages written, encrypted, signed, checked and mined in {}", shown(begun.elapsed()));
    println!("a message takes {} bytes on the chain (text of 61 bytes, padded to {})", bytes / messages, BUCKETS[0]);

    let chain = &*reader.snapshot();
    let (raw, count) = timed(|| raw_read(chain, &group));
    let fresh = || Desk::new(ben.clone(), network.genesis_hash(), Shelf::default());
    let (open, desk) = timed(|| -> Result<Desk> {
        let mut desk = fresh();
        follow(&mut desk, chain)?;
        Ok(desk)
    });
    let mut desk = desk?;
    if desk.page(&group, Part::Newest, messages).messages.len() != messages || count? != messages {
        bail!("not all messages were read");
    }
    println!(
        "opened from chain and keys in {}; reading the bare transactions takes {}: {:.1} times",
        shown(open),
        shown(raw),
        open.as_secs_f64() / raw.as_secs_f64()
    );
    let (page, _) = timed(|| desk.page(&group, Part::Newest, 50).messages.len());
    let (search, _) = timed(|| desk.search(&group, "nobody wrote this", None, 50).messages.len());
    let (unread, _) = timed(|| desk.count_unread(&group));
    println!(
        "a page of 50: {}; a search through all: {}; counting the unread: {}",
        shown(page),
        shown(search),
        shown(unread)
    );
    place.desk.say(&group, Text::written("one more".into(), None, clock::wall(), &mut place.rng))?;
    place.send(&anna)?;
    place.mine()?;
    let chain = &*reader.snapshot();
    let (more, followed) = timed(|| follow(&mut desk, chain));
    followed?;
    println!("a block with one more message: {}", shown(more));
    Ok(())
}

/// Reads the same transactions, and does nothing with them.
fn raw_read(chain: &impl ReadChain, group: &GroupId) -> Result<usize> {
    let places = chain.filed(Some(&group.topic()), None, usize::MAX)?;
    let mut found = 0;
    for of_block in places.chunk_by(|one, next| one.height == next.height) {
        let hash = chain.hash_at(of_block[0].height)?.context("a block")?;
        found += chain.block(&hash)?.context("a body")?.transactions().len();
    }
    Ok(found)
}

impl<S: Store> Place<S> {
    /// Sends what is due; how many bytes that took.
    fn send(&mut self, account: &Unlocked) -> Result<usize> {
        let mut bytes = 0;
        loop {
            let due = self.desk.due(&mut self.rng);
            if due.is_empty() {
                return Ok(bytes);
            }
            for errand in due {
                let transaction = self.submit(account, errand.payload.clone())?;
                bytes += transaction.size();
                self.desk.sent(&errand, &transaction.id());
            }
            let Reply::Pending(pool) = self.ask(Request::Pending)? else { bail!("a pool") };
            self.desk.wait(&pool);
        }
    }

    fn submit(&mut self, account: &Unlocked, payload: Payload) -> Result<Arc<CheckedTransaction>> {
        let nonce = match self.ask(Request::Outlook(account.address))? {
            Reply::Outlook(outlook) => outlook.next_nonce,
            other => bail!("{other:?}"),
        };
        let transaction = Transaction {
            version: VERSION,
            sender: account.address,
            nonce,
            fee: Amount::ZERO,
            time: Millis(0),
            payload,
            signature: [0; 64],
        };
        let genesis = self.network.genesis_hash();
        let signed = Arc::new(transaction.signed(account.keys.signing(), &genesis).check(&genesis)?);
        match self.ask(Request::SubmitTransaction(signed.clone()))? {
            Reply::Accepted(_) => Ok(signed),
            Reply::Refused(Refused::Transaction(why)) => bail!("{why}"),
            other => bail!("{other:?}"),
        }
    }

    fn ask(&mut self, request: Request) -> Result<Reply> {
        let effects = self.machine.handle_all([Event::Request { id: RequestId(1), request }], clock::now())?;
        let mut replies = effects.into_iter().filter_map(|effect| match effect {
            Effect::Reply { reply, .. } => Some(reply),
            _ => None,
        });
        replies.next().context("a request has a reply")
    }

    /// A block of all that waits; the desk sees it.
    fn mine(&mut self) -> Result<()> {
        let request = Request::Mine { height: None };
        let effects = self.machine.handle_all([Event::Request { id: RequestId(1), request }], clock::now())?;
        let template = effects.into_iter().find_map(|effect| match effect {
            Effect::StartMining { template, .. } => Some(template),
            _ => None,
        });
        let template = template.context("there is something to mine")?;
        let header = template.header(0, clock::wall());
        let proof = (0..).find_map(|nonce| template.solve(Header { nonce, ..header }, 0, &self.network).ok());
        let block = Arc::new(proof.context("targets are easy")?);
        let _ = self.machine.handle_all([Event::Mined { block }], clock::now())?;
        let Reply::Pending(pool) = self.ask(Request::Pending)? else { bail!("a pool") };
        follow(&mut self.desk, self.machine.store())?;
        self.desk.wait(&pool);
        Ok(())
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begun = Instant::now();
    let done = work();
    (begun.elapsed(), done)
}

fn shown(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}
