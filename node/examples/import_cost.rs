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
use node::{
    drivers::store::RedbStore,
    generate::ChainMaker,
    machine::{
        Machine,
        config::Config,
        effect::{Effect, Reply},
        event::{Event, Request, RequestId},
    },
};
use shared::{
    Block, Millis, Network, Transaction,
    signature::{SignatureCheck, verify_all},
};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let mut number = |preset| arguments.next().map_or(Ok(preset), |text| text.parse::<usize>());
    let (payments, blocks) = (number(5_000).context("PAYMENTS")?, number(10).context("BLOCKS")?);
    let folder = tempfile::tempdir()?;
    let network = node::sim::easy_network(5);
    let mut chain = ChainMaker::new(network.clone(), payments);
    let store = RedbStore::open(folder.path(), &network)?;
    let (mut machine, _) = Machine::open(Config::alone(network.clone(), 1), store, chain.now())?;
    for block in chain.fund()? {
        import(&mut machine, &network, &block.to_block().to_bytes(), chain.now())?;
    }
    let mut ratios = Vec::new();
    for _ in 0..blocks {
        let block = chain.pay()?.to_block();
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
