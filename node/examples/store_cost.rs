//! What keeping the chain costs, beside what the disk asks for the same bytes:
//!
//!     cargo run --release -p node --example store_cost -- [SMALL_BLOCKS] [FOLDER]
//!
//! First blocks of 5,000 payments, one durable commit each, against writing and syncing the bare blocks;
//! then a chain of SMALL_BLOCKS blocks of one payment (100,000 unless given), what one more block costs
//! on it, and how long and with how much memory another process opens it, closed and killed.

use std::{
    collections::BTreeMap,
    env, fs,
    fs::File,
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use node::{
    drivers::store::RedbStore,
    machine::{
        journal::ChainEvent,
        store::{Batch, Entry, ReadChain, Standing, Store},
    },
};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shared::{
    Address, Amount, Block, BlockHash, ChainSpec, CheckedBlock, Coinbase, Header, Height, LogEdge, Millis, Network,
    Payload, Transaction,
    rules::{
        header::Position,
        ledger::{Account, Undo},
    },
    transaction::VERSION,
};

const PAYMENTS: usize = 5_000;
const LARGE_BLOCKS: usize = 200;
const BLOCKS_PER_COMMIT: usize = 500;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [command, folder] = arguments.as_slice()
        && command == "reopen"
    {
        return reopen(Path::new(folder));
    }
    let blocks = arguments.first().map_or(Ok(100_000), |text| text.parse()).context("SMALL_BLOCKS is a number")?;
    let folder = arguments.get(1).map_or_else(env::temp_dir, PathBuf::from).join(format!("store_cost-{blocks}"));
    let measured =
        measure_payments(&folder.join("payments")).and_then(|()| measure_chain(&folder.join("chain"), blocks));
    fs::remove_dir_all(&folder).ok();
    measured
}

/// A chain that is long enough to be stored; it keeps no rule that the store does not know.
struct Chain {
    random: ChaCha8Rng,
    accounts: Vec<Address>,
    balances: BTreeMap<Address, Account>,
    tip: Entry,
    log: LogEdge,
}

impl Chain {
    fn new(network: &Network, accounts: usize) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let accounts = (0..accounts).map(|_| Address(random.random())).collect();
        let header = *network.genesis().header();
        let tip = Entry { header, position: Position::genesis(network.spec()), standing: Standing::Valid };
        Self { random, accounts, balances: BTreeMap::new(), tip, log: LogEdge::default() }
    }

    fn payment(&mut self) -> Transaction {
        let mut any = || self.accounts[self.random.random_range(0..self.accounts.len())];
        let (sender, to) = (any(), any());
        let mut signature = [0; 64];
        self.random.fill_bytes(&mut signature);
        let amount = Amount::new(1).unwrap_or_default();
        let payload = Payload::Transfer { to, amount };
        Transaction { version: VERSION, sender, nonce: 0, fee: amount, time: Millis(0), payload, signature }
    }

    /// Adds a block of this many payments, and all that it changes, to the batch.
    fn extend(&mut self, payments: usize, batch: &mut Batch) -> Arc<CheckedBlock> {
        let transactions = (0..payments).map(|_| self.payment()).collect();
        let height = self.tip.position.height.next();
        let coinbase = Coinbase {
            height,
            miner: self.accounts[0],
            reward: Amount::ZERO,
            log_size: self.log.size(),
            log_root: self.log.root(),
            extra: vec![0; 8],
        };
        let header = Header { previous: self.tip.header.hash(), coinbase_hash: coinbase.hash(), ..self.tip.header };
        let block = Arc::new(CheckedBlock::trusted(Block { header, coinbase, transactions }));
        self.tip = Entry { header, position: Position { height, ..self.tip.position }, standing: Standing::Valid };
        self.connect(&block, batch);
        block
    }

    fn connect(&mut self, block: &Arc<CheckedBlock>, batch: &mut Batch) {
        let (hash, height) = (block.hash(), block.height());
        let mut undo = Undo { accounts: Vec::new(), log: self.log.clone() };
        let mut touched = BTreeMap::from([(block.coinbase().miner, ())]);
        batch.file(block, self.log.clone());
        for transaction in block.transactions() {
            touched.insert(transaction.sender, ());
            if let Payload::Transfer { to, .. } = transaction.payload {
                touched.insert(to, ());
            }
            self.log.append(transaction.id());
        }
        for address in touched.into_keys() {
            let account = self.balances.entry(address).or_default();
            undo.accounts.push((address, *account));
            account.nonce += 1;
            batch.accounts.insert(address, *account);
        }
        batch.blocks.insert(hash, (self.tip, Arc::clone(block)));
        batch.active.insert(height, Some(hash));
        batch.undo.insert(hash, Some(undo));
        batch.tip = Some((hash, self.log.clone()));
        let transactions = block.transactions().len() as u32;
        batch.journal.push(ChainEvent::Connected { height, hash, transactions });
    }
}

fn network() -> Result<Network> {
    Ok(Network::new(ChainSpec::practice())?)
}

fn measure_payments(folder: &Path) -> Result<()> {
    let network = network()?;
    let mut store = RedbStore::open(folder, &network)?;
    let mut chain = Chain::new(&network, 100_000);
    let mut bare = File::create(folder.join("bare"))?;
    let (mut committing, mut syncing) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..LARGE_BLOCKS {
        let mut batch = Batch::default();
        let block = chain.extend(PAYMENTS, &mut batch);
        let bytes = block.to_block().to_bytes();
        syncing += timed(|| bare.write_all(&bytes).and_then(|()| bare.sync_data()))?;
        committing += timed(|| store.commit(batch))?;
    }
    drop(store);
    let payments = (LARGE_BLOCKS * PAYMENTS) as f64;
    let per_payment = |duration: Duration| duration.as_secs_f64() * 1e6 / payments;
    println!("blocks of {PAYMENTS} payments, {LARGE_BLOCKS} of them, one durable commit each");
    println!("  commit          {:8.2} µs a payment", per_payment(committing));
    println!("  bare fsync      {:8.2} µs a payment", per_payment(syncing));
    println!("  database        {:8.1} bytes a payment", size(folder, "chain.redb")? / payments);
    println!("  bare blocks     {:8.1} bytes a payment", size(folder, "bare")? / payments);
    Ok(())
}

fn measure_chain(folder: &Path, blocks: usize) -> Result<()> {
    let network = network()?;
    let mut store = RedbStore::open(folder, &network)?;
    let mut chain = Chain::new(&network, 10_000);
    let mut committing = Duration::ZERO;
    for done in (0..blocks).step_by(BLOCKS_PER_COMMIT) {
        let mut batch = Batch::default();
        for _ in 0..BLOCKS_PER_COMMIT.min(blocks - done) {
            chain.extend(1, &mut batch);
        }
        committing += timed(|| store.commit(batch))?;
    }
    println!("{blocks} blocks of one payment, {BLOCKS_PER_COMMIT} in a commit");
    println!("  commit          {:8.2} µs a block", committing.as_secs_f64() * 1e6 / blocks as f64);
    measure_single_commits(&mut store, &mut chain, folder)?;
    let killed = folder.join("killed");
    fs::create_dir_all(&killed)?;
    fs::copy(folder.join("chain.redb"), killed.join("chain.redb"))?;
    File::open(killed.join("chain.redb"))?.sync_all()?;
    println!("  database        {:8.1} bytes a block", size(&killed, "chain.redb")? / blocks as f64);
    drop(store);
    println!("  once closed     {:8.1} bytes a block", size(folder, "chain.redb")? / blocks as f64);
    for (state, folder) in [("closed", folder), ("killed", &killed)] {
        print!("  {state}: ");
        io::stdout().flush()?;
        let status = Command::new(env::current_exe()?).arg("reopen").arg(folder).status()?;
        anyhow::ensure!(status.success(), "opening the chain again failed");
    }
    Ok(())
}

fn measure_single_commits(store: &mut RedbStore, chain: &mut Chain, folder: &Path) -> Result<()> {
    let mut bare = File::create(folder.join("bare"))?;
    let (mut committing, mut syncing) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        let mut batch = Batch::default();
        let block = chain.extend(1, &mut batch);
        let bytes = block.to_block().to_bytes();
        syncing.push(timed(|| bare.write_all(&bytes).and_then(|()| bare.sync_data()))?);
        committing.push(timed(|| store.commit(batch))?);
    }
    committing.sort();
    syncing.sort();
    println!("  one more block  {:8.0} µs (median of 200)", committing[100].as_secs_f64() * 1e6);
    println!("  bare fsync      {:8.0} µs", syncing[100].as_secs_f64() * 1e6);
    Ok(())
}

/// What a process that does nothing else sees.
fn reopen(folder: &Path) -> Result<()> {
    let network = network()?;
    let idle = resident()?;
    let begun = Instant::now();
    let store = RedbStore::open(folder, &network)?;
    let opened = begun.elapsed();
    let tip = store.tip()?.context("the chain has no tip")?;
    let entry = store.entry(&tip)?.context("the tip is not stored")?;
    let memory = resident()?;
    print!(
        "height {} opened in {:.1} ms, {memory} KiB resident, {idle} before; ",
        entry.position.height,
        opened.as_secs_f64() * 1e3
    );
    walk(&store, entry.position.height)?;
    println!("{} KiB after reading 20,000 blocks", resident()?);
    Ok(())
}

fn walk(store: &RedbStore, tip: Height) -> Result<()> {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for _ in 0..20_000 {
        let hash: BlockHash = store.hash_at(Height(random.random_range(0..=tip.0)))?.context("a block is missing")?;
        store.block(&hash)?.context("a block is missing")?;
        store.undo(&hash)?;
    }
    Ok(())
}

fn timed<E>(work: impl FnOnce() -> Result<(), E>) -> Result<Duration, E> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed())
}

/// Bytes that a file takes on the disk: the database makes its file longer ahead of need.
fn size(folder: &Path, file: &str) -> Result<f64> {
    Ok((fs::metadata(folder.join(file))?.blocks() * 512) as f64)
}

/// Resident memory of this process in KiB, where the system tells.
fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
