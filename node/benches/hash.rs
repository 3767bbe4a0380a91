//! The miner's kernel, each method this processor has, beside plain SHA-256d through `sha2`. Says nothing
//! about caps, jobs or threads.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use node::drivers::miner::kernel::{Method, Puzzle};
use shared::work::{Target, U256};

/// Nonces of one search, about as many as the miner tries between two looks at its job.
const NONCES: u64 = 16_384;

fn nonce_search(criterion: &mut Criterion) {
    let target = Target::new(U256::ONE).expect("one is no zero");
    let puzzle = Puzzle::new(&[0x5a; 80], target);
    let mut group = criterion.benchmark_group("nonce search");
    group.throughput(Throughput::Elements(NONCES));
    for method in Method::ALL.into_iter().filter(|method| method.is_available()) {
        group.bench_function(BenchmarkId::from_parameter(method), |bencher| {
            bencher.iter(|| black_box(&puzzle).search(method, black_box(0), NONCES));
        });
    }
    group.finish();
}

criterion_group!(hash, nonce_search);
criterion_main!(hash);
