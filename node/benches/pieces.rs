//! What a payment costs inside one node, piece by piece: its signature alone and among others, the pool, and its block,
//! with the chain in memory (rules) and on disk (rules and store). Says nothing about peers or HTTP.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use node::{
    drivers::store::{MemoryStore, RedbStore},
    generate::ChainMaker,
    machine::{
        Machine,
        config::Config,
        event::{Event, Request, RequestId},
        store::Store,
    },
};
use shared::{
    CheckedBlock, CheckedTransaction, Millis, Network, Transaction,
    signature::{SignatureCheck, verify_all},
};

/// Payments of a block, each of another sender.
const PAYMENTS: usize = 1_000;

/// A chain that has given every sender something, and what comes next.
struct Prepared {
    network: Arc<Network>,
    funded: Vec<Arc<CheckedBlock>>,
    payments: Vec<Transaction>,
    block: Arc<CheckedBlock>,
    now: Millis,
}

fn prepared() -> Prepared {
    let network = node::sim::easy_network(5);
    let mut chain = ChainMaker::new(network.clone(), PAYMENTS);
    let funded = chain.fund().expect("it fits").into_iter().map(Arc::new).collect();
    let payments = chain.payments();
    let block = Arc::new(chain.block(payments.clone()).expect("it fits"));
    Prepared { network, funded, payments, block, now: chain.now() }
}

impl Prepared {
    /// A node that has the chain, without the block.
    fn node<S: Store>(&self, store: S) -> Machine<S> {
        let config = Config::alone(self.network.clone(), 1);
        let (mut machine, _) = Machine::open(config, store, self.now).expect("a new store opens");
        self.funded.iter().for_each(|block| give(&mut machine, block.clone(), self.now));
        machine
    }
}

fn give<S: Store>(machine: &mut Machine<S>, block: Arc<CheckedBlock>, now: Millis) {
    ask(machine, Request::SubmitBlock(block.clone()), now);
    assert_eq!(machine.tip().hash, block.hash());
}

fn ask<S: Store>(machine: &mut Machine<S>, request: Request, now: Millis) {
    machine.handle(Event::Request { id: RequestId(1), request }, now).expect("the store works");
}

fn signatures(criterion: &mut Criterion) {
    let Prepared { network, payments, .. } = prepared();
    let genesis = network.genesis_hash();
    let check = |tx: &Transaction| SignatureCheck::new(&tx.sender, &tx.signature, &tx.signed_bytes(&genesis));
    let checks: Vec<SignatureCheck> = payments.iter().map(check).collect();
    let mut group = criterion.benchmark_group("signatures checked together");
    for together in [1, 10, 100, PAYMENTS] {
        group.throughput(Throughput::Elements(together as u64));
        group.bench_function(BenchmarkId::from_parameter(together), |bencher| {
            bencher.iter(|| assert_eq!(verify_all(black_box(&checks[..together])), Ok(())));
        });
    }
    group.finish();
}

fn pool(criterion: &mut Criterion) {
    let prepared = prepared();
    let trusted = |payment: &Transaction| Arc::new(CheckedTransaction::trusted(payment.clone()));
    let payments: Vec<Arc<CheckedTransaction>> = prepared.payments.iter().map(trusted).collect();
    let mut group = criterion.benchmark_group("payments taken into the pool");
    group.sample_size(20).throughput(Throughput::Elements(PAYMENTS as u64));
    group.bench_function(BenchmarkId::from_parameter(PAYMENTS), |bencher| {
        let node = || prepared.node(MemoryStore::new(&prepared.network));
        let take = |mut machine: Machine<MemoryStore>| {
            ask(&mut machine, Request::SubmitTransactions(payments.clone()), prepared.now);
            machine
        };
        bencher.iter_batched(node, take, BatchSize::PerIteration);
    });
    group.finish();
}

fn blocks(criterion: &mut Criterion) {
    let prepared = prepared();
    let mut group = criterion.benchmark_group("a block of 1,000 payments joins the chain");
    group.sample_size(20).throughput(Throughput::Elements(PAYMENTS as u64));
    group.bench_function("in memory", |bencher| {
        let node = || prepared.node(MemoryStore::new(&prepared.network));
        let take = |mut machine| {
            give(&mut machine, prepared.block.clone(), prepared.now);
            machine
        };
        bencher.iter_batched(node, take, BatchSize::PerIteration);
    });
    group.bench_function("on disk", |bencher| {
        let node = || {
            let folder = tempfile::tempdir().expect("a folder for the time being");
            let store = RedbStore::open(folder.path(), &prepared.network).expect("a new store opens");
            (folder, prepared.node(store))
        };
        let take = |(folder, mut machine)| {
            give(&mut machine, prepared.block.clone(), prepared.now);
            (folder, machine)
        };
        bencher.iter_batched(node, take, BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(pieces, signatures, pool, blocks);
criterion_main!(pieces);
