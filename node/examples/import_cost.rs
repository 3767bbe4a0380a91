//! What importing a full block costs, beside the bare batch check of its signatures in the same run:
//!
//!     cargo run --release -p node --example import_cost -- [PAYMENTS] [BLOCKS]
//!
//! Each of BLOCKS blocks (10 unless given) holds PAYMENTS payments (5,000 unless given) of as many senders.
//! Importing is all that a node does with a block that it was sent: decoding, all checks, the machine, and the
//! commit to disk.

use std::{
    env,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use ed25519_zebra::SigningKey;
use node::{
    drivers::store::RedbStore,
    machine::{
        Machine,
        config::Config,
        effect::{Effect, Reply},
        event::{Event, Request, RequestId},
    },
};
use shared::{
    Address, Amount, Block, Coinbase, Header, LogEdge, Millis, Network, Payload, Transaction,
    rules::header::Position,
    signature::{SignatureCheck, verify_all},
    transaction::VERSION,
    wire::{NodeId, PeerId},
};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let mut number = |preset| arguments.next().map_or(Ok(preset), |text| text.parse::<usize>());
    let (payments, blocks) = (number(5_000).context("PAYMENTS")?, number(10).context("BLOCKS")?);
    let folder = tempfile::tempdir()?;
    let network = node::sim::easy_network(5);
    let mut chain = Chain::new(network.clone(), payments);
    let store = RedbStore::open(folder.path(), &network)?;
    let (mut machine, _) = Machine::open(config(&network), store, chain.now())?;
    for block in [chain.mine(Vec::new()), chain.fund()] {
        import(&mut machine, &network, &block, chain.now())?;
    }
    let mut ratios = Vec::new();
    for _ in 0..blocks {
        let block = chain.pay();
        let raw = bare_check(&block, &network);
        let whole = import(&mut machine, &network, &block.to_bytes(), chain.now())?;
        ratios.push((whole.as_secs_f64() / raw.as_secs_f64(), raw, whole));
    }
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, raw, whole) = ratios[ratios.len() / 2];
    let each = |time: Duration| time.as_secs_f64() * 1e6 / payments as f64;
    println!("blocks of {payments} payments, median of {blocks}:");
    println!("bare batch check of the signatures  {:6.1} us per payment", each(raw));
    println!("importing the block                 {:6.1} us per payment", each(whole));
    println!("ratio                               {ratio:6.2}");
    Ok(())
}

fn config(network: &Arc<Network>) -> Config {
    Config {
        network: network.clone(),
        node: NodeId([1; 32]),
        peer: PeerId([1; 32]),
        http: String::new(),
        listens: Vec::new(),
        log_key: [1; 32],
        miner: Address::default(),
        strategy: Default::default(),
        tie: Default::default(),
        join: Vec::new(),
        known: Vec::new(),
        seed: 0,
    }
}

fn bare_check(block: &Block, network: &Network) -> Duration {
    let genesis = network.genesis_hash();
    let check = |tx: &Transaction| SignatureCheck::new(&tx.sender, &tx.signature, &tx.signed_bytes(&genesis));
    let checks: Vec<SignatureCheck> = block.transactions.iter().map(check).collect();
    let begun = Instant::now();
    assert_eq!(verify_all(&checks), Ok(()));
    begun.elapsed()
}

fn import(machine: &mut Machine<RedbStore>, network: &Network, bytes: &[u8], now: Millis) -> Result<Duration> {
    let begun = Instant::now();
    let block = Block::from_bytes(bytes)?.check(network)?;
    let (hash, request) = (block.hash(), Request::SubmitBlock(Arc::new(block)));
    let effects = machine.handle(Event::Request { id: RequestId(1), request }, now)?;
    let taken = begun.elapsed();
    let is_tip =
        |effect: &Effect| matches!(effect, Effect::Reply { reply: Reply::Resolved { tip, .. }, .. } if *tip == hash);
    ensure!(effects.iter().any(is_tip), "the block was not taken: {effects:?}");
    Ok(taken)
}

/// A chain that this program mines.
struct Chain {
    network: Arc<Network>,
    miner: SigningKey,
    senders: Vec<SigningKey>,
    nonce: u64,
    tip: Header,
    position: Position,
    log: LogEdge,
}

impl Chain {
    fn new(network: Arc<Network>, senders: usize) -> Self {
        let key = |number: usize| {
            let mut seed = [1; 32];
            seed[..8].copy_from_slice(&number.to_le_bytes());
            SigningKey::from(seed)
        };
        let (tip, position) = (*network.genesis().header(), Position::genesis(network.spec()));
        let (miner, senders) = (SigningKey::from([9; 32]), (0..senders).map(key).collect());
        Self { network, miner, senders, nonce: 0, tip, position, log: LogEdge::default() }
    }

    fn now(&self) -> Millis {
        Millis(u64::from(self.tip.time.0) * 1_000 + 60_000)
    }

    fn transfer(&self, from: &SigningKey, nonce: u64, to: Address, amount: u64) -> Transaction {
        let payload = Payload::Transfer { to, amount: Amount::new(amount).unwrap_or_default() };
        let (sender, fee, time) = (Address::default(), Amount::ZERO, Millis(0));
        let unsigned = Transaction { version: VERSION, sender, nonce, fee, time, payload, signature: [0; 64] };
        unsigned.signed(from, &self.network.genesis_hash())
    }

    /// Gives every sender something.
    fn fund(&mut self) -> Vec<u8> {
        let to = self.senders.iter().map(Address::of);
        let transfers = (0..).zip(to).map(|(nonce, to)| self.transfer(&self.miner, nonce, to, 1_000)).collect();
        self.mine(transfers)
    }

    /// Every sender pays the next one.
    fn pay(&mut self) -> Block {
        let next = self.senders.iter().cycle().skip(1).map(Address::of);
        let payments = self.senders.iter().zip(next);
        let payments = payments.map(|(from, to)| self.transfer(from, self.nonce, to, 1)).collect();
        self.nonce += 1;
        self.mined(payments)
    }

    fn mine(&mut self, transactions: Vec<Transaction>) -> Vec<u8> {
        self.mined(transactions).to_bytes()
    }

    fn mined(&mut self, transactions: Vec<Transaction>) -> Block {
        transactions.iter().for_each(|transaction| self.log.append(transaction.id()));
        let (spec, height) = (self.network.spec(), self.position.height.next());
        let coinbase = Coinbase {
            height,
            miner: Address::of(&self.miner),
            reward: spec.subsidy_at(height),
            log_size: self.log.size(),
            log_root: self.log.root(),
            extra: Vec::new(),
        };
        let mut header = Header {
            version: 1,
            previous: self.tip.hash(),
            coinbase_hash: coinbase.hash(),
            time: shared::Seconds(self.tip.time.0 + spec.spacing),
            bits: self.position.next_bits(spec),
            nonce: 0,
        };
        while header.proven_hash().is_err() {
            header.nonce += 1;
        }
        self.position = self.position.follow(&header, spec).expect("the header keeps every rule");
        self.tip = header;
        Block { header, coinbase, transactions }
    }
}
