//! The block header: 80 bytes in Bitcoin's layout, so that published Bitcoin headers check this code
//! and unmodified miners can mine for it. Rules that need other blocks live in [`crate::rules::header`].

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    hash::{BlockHash, CoinbaseHash, sha256d},
    time::Seconds,
    work::{Bits, BitsError},
};

/// A block's distance from the genesis block, which has height 0.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Height(pub u32);

impl Height {
    /// The genesis block's height.
    pub const GENESIS: Self = Self(0);

    /// The height above.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The height below; none below genesis.
    pub fn previous(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }
}

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A block header. Its borsh encoding is Bitcoin's 80 bytes, integers little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Free for the miner, as far as consensus is concerned; 1 unless a miner rolls it.
    pub version: i32,
    /// Hash of the block this one builds on.
    pub previous: BlockHash,
    /// SHA-256d of the coinbase bytes, through which the header commits to everything in the block.
    pub coinbase_hash: CoinbaseHash,
    /// When the miner says it began.
    pub time: Seconds,
    /// The target that the hash meets.
    pub bits: Bits,
    /// What the miner varied.
    pub nonce: u32,
}

/// Why a header alone, without its chain, is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderProofError {
    /// The bits encode no target.
    #[error("the header's bits are no target: {0}")]
    Bits(#[from] BitsError),
    /// The work is missing.
    #[error("the proof of work is wrong: hash {hash} does not meet the target of bits {bits}")]
    NotMet {
        /// The header's hash.
        hash: BlockHash,
        /// What it claims to meet.
        bits: Bits,
    },
}

impl Header {
    /// Bytes of an encoded header.
    pub const SIZE: usize = 80;

    /// The encoding that is hashed.
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..4].copy_from_slice(&self.version.to_le_bytes());
        bytes[4..36].copy_from_slice(&self.previous.0);
        bytes[36..68].copy_from_slice(&self.coinbase_hash.0);
        bytes[68..72].copy_from_slice(&self.time.0.to_le_bytes());
        bytes[72..76].copy_from_slice(&self.bits.0.to_le_bytes());
        bytes[76..].copy_from_slice(&self.nonce.to_le_bytes());
        bytes
    }

    /// The block's hash: SHA-256d of the 80 bytes.
    pub fn hash(&self) -> BlockHash {
        BlockHash(sha256d(&self.to_bytes()))
    }

    /// The header's hash, once it is shown to meet the target that the header itself claims.
    ///
    /// # Errors
    /// When the bits encode no target or the hash lies above it.
    pub fn proven_hash(&self) -> Result<BlockHash, HeaderProofError> {
        let hash = self.hash();
        if self.bits.target()?.is_met_by(&hash) {
            Ok(hash)
        } else {
            Err(HeaderProofError::NotMet { hash, bits: self.bits })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bitcoin's genesis header, the best-known 80 bytes of this layout.
    fn bitcoin_genesis() -> Header {
        Header {
            version: 1,
            previous: BlockHash::ZERO,
            coinbase_hash: "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b".parse().unwrap(),
            time: Seconds(1_231_006_505),
            bits: Bits(0x1d00_ffff),
            nonce: 2_083_236_893,
        }
    }

    #[test]
    fn bitcoins_genesis_header_hashes_as_published() {
        let hash = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f".parse().unwrap();
        assert_eq!(bitcoin_genesis().proven_hash(), Ok(hash));
    }

    #[test]
    fn another_nonce_is_no_proof() {
        let header = Header { nonce: 1, ..bitcoin_genesis() };
        assert!(matches!(header.proven_hash(), Err(HeaderProofError::NotMet { .. })));
    }

    #[test]
    fn borsh_gives_the_same_80_bytes() {
        let header = bitcoin_genesis();
        assert_eq!(borsh::to_vec(&header).unwrap(), header.to_bytes());
        assert_eq!(Header::try_from_slice(&header.to_bytes()).unwrap(), header);
    }
}
