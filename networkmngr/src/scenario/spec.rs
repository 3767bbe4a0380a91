//! The chain spec of a scenario's network: difficulty starts where the wanted hash power gives the wanted
//! spacing. In the simulator a proof costs next to nothing; only the ratios are the same.

use node::sim;
use shared::{Amount, Bits, ChainSpec, Seconds, Target};

use super::file::Plan;

/// Half-life of a difficulty that stays as it is, in seconds: the longest there is.
const FIXED: u32 = 1_000_000_000;

/// The spec for real processes.
///
/// # Errors
/// When there is no such target.
pub(super) fn real(plan: &Plan) -> anyhow::Result<ChainSpec> {
    let hashes = plan.hash_rate.saturating_mul(plan.spacing.0) / 1_000;
    let hashes = hashes.max(2 * sim::EASIER);
    Ok(ChainSpec {
        name: "scenario".into(),
        spacing: seconds(plan.spacing.0),
        half_life: plan.half_life.map_or(FIXED, |half_life| seconds(half_life.0)),
        easiest_bits: bits(hashes / sim::EASIER)?,
        start_bits: bits(hashes)?,
        subsidy: Amount::new(50 * Amount::COIN).unwrap_or_default(),
        max_block_bytes: 1_048_576,
        // Now, so that difficulty does not begin with a chain that is far behind its schedule.
        genesis_time: Seconds(u32::try_from(jiff::Timestamp::now().as_second()).unwrap_or(u32::MAX)),
    })
}

fn seconds(millis: u64) -> u32 {
    u32::try_from(millis.div_ceil(1_000)).unwrap_or(FIXED).clamp(1, FIXED)
}

/// The target that so many hashes meet once, on average.
fn bits(hashes: u64) -> anyhow::Result<Bits> {
    let target = Target::met_once_in(hashes);
    target.map(Target::bits).ok_or_else(|| anyhow::anyhow!("no target is met once in {hashes} hashes"))
}

/// The spec for the simulator.
pub(super) fn simulated(plan: &Plan) -> std::sync::Arc<shared::Network> {
    let half_life = plan.half_life.map_or(FIXED, |half_life| seconds(half_life.0));
    sim::following_network(seconds(plan.spacing.0), half_life)
}
