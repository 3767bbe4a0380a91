//! Hashes a second of the miner's search on one core, beside the ways without it.

use std::time::Duration;

use node::drivers::miner::kernel::Method;

use super::report::{Aim, Row, Unit};
use super::sample::Spread;
use super::{Bench, Measured, What, computed};

/// How often each way is measured. The ways take turns, so that what slows the machine slows all.
const ROUNDS: usize = 5;
/// Hashes a second that a core with AVX-512 should reach.
const WITH_AVX512: f64 = 25e6;
/// How many times plain hashing the search should be.
const TIMES_PLAIN: f64 = 3.5;

pub(super) async fn measure(bench: &Bench<'_>) -> anyhow::Result<Measured> {
    let best = Method::best();
    let methods = [best, Method::Plain, Method::Midstate];
    let (rounds, time) = if bench.quick { (1, Duration::from_millis(5)) } else { (ROUNDS, Duration::from_millis(150)) };
    let mut rates = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..rounds {
        bench.progress.show(round as f64 / rounds as f64, &format!("method {best}"));
        for (method, rates) in methods.into_iter().zip(&mut rates) {
            rates.push(computed(move || method.hashes_per_second(time)).await?);
        }
    }
    let [ours, plain, midstate] = rates.map(Spread::of);
    let (Some(ours), Some(plain), Some(midstate)) = (ours, plain, midstate) else { return Ok(Measured::default()) };
    let row = || Row::of_spread(What::Hash, format!("nonce search ({best}), one core"), ours, Unit::HashRate);
    let beside_midstate = row().beside("midstate, sha2", midstate.p50);
    let rows = vec![
        row().beside("plain SHA-256d", plain.p50).aiming(Aim::RatioAtLeast(TIMES_PLAIN)),
        if best == Method::Avx512 { beside_midstate.aiming(Aim::AtLeast(WITH_AVX512)) } else { beside_midstate },
    ];
    Ok(Measured { rows, remarks: Vec::new() })
}
