//! The coinbase: the part of a block that its miner writes, and through which the header commits to
//! the reward and to the log. Whether its contents are right is decided in [`crate::rules::ledger`].

use borsh::{BorshDeserialize, BorshSerialize};

use crate::{
    address::Address,
    amount::Amount,
    hash::{CoinbaseHash, LogRoot, sha256d},
    header::Height,
};

/// What the miner of a block claims and commits to. Encoded in borsh, fields in this order.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Coinbase {
    /// The block's height, which also makes every coinbase unique along a chain.
    pub height: Height,
    /// Who gets the reward.
    pub miner: Address,
    /// Exactly the subsidy at this height plus all fees of the block.
    pub reward: Amount,
    /// Transactions in the chain up to and including this block.
    pub log_size: u64,
    /// Root of the log over those transactions.
    pub log_root: LogRoot,
    /// Free bytes of the miner, at most [`Coinbase::MAX_EXTRA`]. Last, so that a miner varies an
    /// extranonce at a fixed place: the end of the encoding.
    pub extra: Vec<u8>,
}

impl Coinbase {
    /// Limit of `extra`, in bytes.
    pub const MAX_EXTRA: usize = 100;

    /// SHA-256d of the encoding: what the header carries.
    pub fn hash(&self) -> CoinbaseHash {
        CoinbaseHash(sha256d(&self.to_bytes()))
    }

    /// The borsh encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        borsh::to_vec(self).expect("writing to memory cannot fail")
    }
}
