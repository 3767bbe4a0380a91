//! The simulator: another driver of the same machine. Many machines, virtual time, one seed. Delay,
//! loss, duplication, reordering, partition, crash and restart come from the seed, so that a run that
//! went wrong can be played again; the checkers in [`oracle`] know nothing of how the machine works.

mod link;
pub mod oracle;
pub mod storm;
mod tally;
#[cfg(test)]
mod tests;
mod topology;
mod world;

pub use self::{
    link::{Conditions, Delay},
    tally::{Found, Kept, SHARES, Tally},
    topology::Topology,
    world::{Sight, Witness, World, WorldConfig},
};

use std::sync::Arc;

use shared::{Amount, Bits, ChainSpec, Network, Seconds};

/// The easiest target there is: a proof costs two hashes.
const EASIEST: Bits = Bits(0x207f_ffff);

/// How much easier than at first the target of [`following_network`] can become.
pub const EASIER: u64 = 256;

/// A network for simulations: proof of work costs two hashes, and `spacing` seconds lie between blocks
/// at the difficulty it starts with. The half-life is long, so that difficulty follows the simulated
/// hash rate slowly.
///
/// # Panics
/// When `spacing` is not between 1 and 1000000 seconds.
pub fn easy_network(spacing: u32) -> Arc<Network> {
    network(spacing, spacing.saturating_mul(1_000), EASIEST)
}

/// The same with a difficulty that does not move.
pub fn fixed_network() -> Arc<Network> {
    network(1, 1_000_000_000, EASIEST)
}

/// The same with a difficulty that follows the hash power, and that has room to both sides at first
/// ([`EASIER`]): a proof costs 512 hashes.
///
/// # Panics
/// When one of them is not between 1 and 1000000000 seconds.
pub fn following_network(spacing: u32, half_life: u32) -> Arc<Network> {
    network(spacing, half_life, Bits(0x1f7f_ffff))
}

fn network(spacing: u32, half_life: u32, start_bits: Bits) -> Arc<Network> {
    let spec = ChainSpec {
        name: "simulation".into(),
        spacing,
        half_life,
        easiest_bits: EASIEST,
        start_bits,
        subsidy: Amount::new(50 * Amount::COIN).unwrap_or_default(),
        max_block_bytes: 1_048_576,
        genesis_time: Seconds(1_700_000_000),
    };
    Arc::new(Network::new(spec).expect("the parameters are in range"))
}
