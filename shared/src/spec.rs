//! The chain spec: the few numbers in which one network differs from another, and the genesis block
//! that commits to them. Two networks with different specs can never take each other's blocks.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    address::Address,
    amount::Amount,
    asert::Anchor,
    block::{Block, CheckedBlock},
    coinbase::Coinbase,
    hash::{BlockHash, SpecHash, sha256d},
    header::{Header, Height},
    log::LogEdge,
    time::Seconds,
    work::{Bits, Target},
};

/// The parameters of a network, as `genesis.json` holds them.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainSpec {
    /// What people call the network: 1 to 64 bytes.
    pub name: String,
    /// Intended seconds between blocks.
    pub spacing: u32,
    /// Seconds of lag or lead after which the target has doubled or halved.
    pub half_life: u32,
    /// No target may be easier than this.
    pub easiest_bits: Bits,
    /// Target of the genesis block, from which difficulty starts.
    pub start_bits: Bits,
    /// New units for the miner of each block, until [`Amount::MAX`] would be passed.
    pub subsidy: Amount,
    /// Longest encoded block, in bytes.
    pub max_block_bytes: u32,
    /// Time of the genesis block.
    pub genesis_time: Seconds,
}

/// Why a spec makes no usable network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// The name is empty or long.
    #[error("\"name\" takes 1 to 64 bytes")]
    Name,
    /// A time span is zero, or so long that sums could overflow.
    #[error("\"{0}\" takes 1 to 1000000000 seconds")]
    Span(&'static str),
    /// Bits that are no target, or not in canonical form.
    #[error("\"{0}\" is no compact target in its shortest form")]
    Bits(&'static str),
    /// Starting easier than the easiest.
    #[error("\"start_bits\" must not be easier than \"easiest_bits\"")]
    StartTooEasy,
    /// A block size out of range.
    #[error("\"max_block_bytes\" takes {} to {}", ChainSpec::BLOCK_BYTES.start(), ChainSpec::BLOCK_BYTES.end())]
    BlockBytes,
}

impl ChainSpec {
    /// Allowed values of `max_block_bytes`: large enough for any one transaction, small enough for
    /// one message between nodes.
    pub const BLOCK_BYTES: std::ops::RangeInclusive<u32> = 65_536..=4_194_304;

    /// The network that nodes join unless told otherwise: blocks every two seconds or so, easy enough
    /// for one laptop running dozens of nodes.
    pub fn practice() -> Self {
        Self {
            name: "practice".into(),
            spacing: 2,
            half_life: 60,
            easiest_bits: Bits(0x1f0f_ffff),
            start_bits: Bits(0x1f00_ffff),
            subsidy: Amount::new(50 * Amount::COIN).unwrap_or_default(),
            max_block_bytes: 1_048_576,
            genesis_time: Seconds(1_767_225_600),
        }
    }

    /// SHA-256d of the borsh encoding.
    pub fn hash(&self) -> SpecHash {
        SpecHash(sha256d(&borsh::to_vec(self).expect("writing to memory cannot fail")))
    }

    /// The easiest target; [`Target::MAX`] only for a spec that was not validated.
    pub fn easiest_target(&self) -> Target {
        self.easiest_bits.target().unwrap_or(Target::MAX)
    }

    /// What difficulty is anchored to.
    pub fn anchor(&self) -> Anchor {
        Anchor {
            target: self.start_bits.target().unwrap_or(Target::MAX),
            easiest: self.easiest_target(),
            spacing: self.spacing,
            half_life: self.half_life,
        }
    }

    /// New units at this height: the subsidy, as long as all subsidies so far fit the supply limit.
    pub fn subsidy_at(&self, height: Height) -> Amount {
        let so_far = u64::from(height.0).checked_mul(self.subsidy.units()).and_then(Amount::new);
        if height == Height::GENESIS || so_far.is_none() { Amount::ZERO } else { self.subsidy }
    }

    fn validate(&self) -> Result<(), SpecError> {
        if !(1..=64).contains(&self.name.len()) {
            return Err(SpecError::Name);
        }
        for (name, span) in [("spacing", self.spacing), ("half_life", self.half_life)] {
            if !(1..=1_000_000_000).contains(&span) {
                return Err(SpecError::Span(name));
            }
        }
        for (name, bits) in [("easiest_bits", self.easiest_bits), ("start_bits", self.start_bits)] {
            if bits.target().map(Target::bits) != Ok(bits) {
                return Err(SpecError::Bits(name));
            }
        }
        if self.anchor().target > self.easiest_target() {
            return Err(SpecError::StartTooEasy);
        }
        if !Self::BLOCK_BYTES.contains(&self.max_block_bytes) {
            return Err(SpecError::BlockBytes);
        }
        Ok(())
    }

    fn genesis_block(&self) -> Block {
        let empty = LogEdge::default();
        let coinbase = Coinbase {
            height: Height::GENESIS,
            miner: Address::default(),
            reward: Amount::ZERO,
            log_size: 0,
            log_root: empty.root(),
            extra: self.hash().0.to_vec(),
        };
        let header = Header {
            version: 1,
            previous: BlockHash::ZERO,
            coinbase_hash: coinbase.hash(),
            time: self.genesis_time,
            bits: self.start_bits,
            nonce: 0,
        };
        Block { header, coinbase, transactions: Vec::new() }
    }
}

/// A network: a valid spec and the genesis block made from it. The genesis block carries no work; it
/// is valid because every node computes it for itself.
#[derive(Debug, Clone)]
pub struct Network {
    spec: ChainSpec,
    genesis: Arc<CheckedBlock>,
}

impl Network {
    /// The network of this spec.
    ///
    /// # Errors
    /// When a parameter is out of range.
    pub fn new(spec: ChainSpec) -> Result<Self, SpecError> {
        spec.validate()?;
        let genesis = Arc::new(CheckedBlock::trusted(spec.genesis_block()));
        Ok(Self { spec, genesis })
    }

    /// The parameters.
    pub fn spec(&self) -> &ChainSpec {
        &self.spec
    }

    /// The first block.
    pub fn genesis(&self) -> &Arc<CheckedBlock> {
        &self.genesis
    }

    /// The first block's hash: the network's identity.
    pub fn genesis_hash(&self) -> BlockHash {
        self.genesis.hash()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_parameter_is_another_genesis() {
        let practice = Network::new(ChainSpec::practice()).unwrap();
        let other = Network::new(ChainSpec { spacing: 3, ..ChainSpec::practice() }).unwrap();
        assert_ne!(practice.genesis_hash(), other.genesis_hash());
        assert_eq!(practice.genesis_hash(), Network::new(ChainSpec::practice()).unwrap().genesis_hash());
    }

    #[test]
    fn parameters_out_of_range_are_named() {
        let practice = ChainSpec::practice;
        let refused = |spec| Network::new(spec).unwrap_err();
        assert_eq!(refused(ChainSpec { name: String::new(), ..practice() }), SpecError::Name);
        assert_eq!(refused(ChainSpec { spacing: 0, ..practice() }), SpecError::Span("spacing"));
        assert_eq!(refused(ChainSpec { start_bits: Bits(0), ..practice() }), SpecError::Bits("start_bits"));
        assert_eq!(refused(ChainSpec { start_bits: Bits(0x2000_ffff), ..practice() }), SpecError::StartTooEasy);
        assert_eq!(refused(ChainSpec { max_block_bytes: 10, ..practice() }), SpecError::BlockBytes);
    }

    #[test]
    fn all_subsidies_together_stay_below_the_supply_limit() {
        let spec = ChainSpec { subsidy: Amount::new(1 << 50).unwrap(), ..ChainSpec::practice() };
        let total: u64 = (0..100).map(|height| spec.subsidy_at(Height(height)).units()).sum();
        assert_eq!(total, 7 << 50);
        assert_eq!(spec.subsidy_at(Height::GENESIS), Amount::ZERO);
    }
}
