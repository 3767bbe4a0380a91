//! Every table of the database: its keys, its values, and the conversions between them and the
//! machine's types. A change of any of them is a new [`FORMAT`]. Nothing here opens a transaction.
//!
//! A transaction of the database rewrites each page that it touches, so keys of one block lie together:
//! what belongs to a block is keyed by height first and lands at the end of its table. The tables keyed
//! by something random hold as little as they can.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use redb::TableDefinition;
use shared::{BlockHash, Height};

use crate::machine::store::{Result, StoreError};

/// Version of everything below.
pub(super) const FORMAT: u32 = 1;

/// Length of an encoded [`crate::machine::store::Entry`].
pub(super) const ENTRY_SIZE: usize = 129;

/// A block's key: height, big-endian, then hash.
pub(super) type BlockKey = [u8; 36];

/// Single values by name; the names are in [`meta`].
pub(super) const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
/// Block hash → height: the way from a hash to a [`BlockKey`].
pub(super) const HEIGHTS: TableDefinition<&[u8; 32], u32> = TableDefinition::new("heights");
/// [`BlockKey`] → entry.
pub(super) const ENTRIES: TableDefinition<&BlockKey, &[u8; ENTRY_SIZE]> = TableDefinition::new("entries");
/// [`BlockKey`] → coinbase and transactions. The header is in the entry.
pub(super) const BODIES: TableDefinition<&BlockKey, &[u8]> = TableDefinition::new("bodies");
/// [`BlockKey`] → undo data.
pub(super) const UNDO: TableDefinition<&BlockKey, &[u8]> = TableDefinition::new("undo");
/// Height → hash of the active chain's block.
pub(super) const ACTIVE: TableDefinition<u32, &[u8; 32]> = TableDefinition::new("active");
/// Address → account; no row is the default account.
pub(super) const ACCOUNTS: TableDefinition<&[u8; 32], &[u8; 16]> = TableDefinition::new("accounts");
/// Transaction id → location.
pub(super) const LOCATIONS: TableDefinition<&[u8; 32], &[u8; 8]> = TableDefinition::new("locations");
/// Transaction id → transaction of an own user.
pub(super) const OWN: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("own");
/// Number, from 1 → journal entry.
pub(super) const JOURNAL: TableDefinition<u64, &[u8]> = TableDefinition::new("journal");

/// Names in [`META`].
pub(super) mod meta {
    /// [`super::FORMAT`] as u32, little-endian.
    pub(crate) const FORMAT: &str = "format";
    /// The genesis block's hash.
    pub(crate) const GENESIS: &str = "genesis";
    /// The tip's hash.
    pub(crate) const TIP: &str = "tip";
    /// The log up to the tip.
    pub(crate) const LOG: &str = "log";
}

/// The key of a block's rows.
pub(super) fn block_key(height: Height, hash: &BlockHash) -> BlockKey {
    let mut key = [0; 36];
    key[..4].copy_from_slice(&height.0.to_be_bytes());
    key[4..].copy_from_slice(&hash.0);
    key
}

/// The borsh encoding of a value whose type always takes `N` bytes.
pub(super) fn encode_fixed<const N: usize>(value: &impl BorshSerialize) -> [u8; N] {
    let mut bytes = [0; N];
    value.serialize(&mut &mut bytes[..]).expect("the type's encoding has N bytes");
    bytes
}

/// The borsh encoding.
pub(super) fn encode(value: &impl BorshSerialize) -> Vec<u8> {
    borsh::to_vec(value).expect("writing to memory cannot fail")
}

/// What `bytes` encode.
///
/// # Errors
/// [`StoreError::Damaged`], naming `what`, when that is nothing.
pub(super) fn decode<T: BorshDeserialize>(what: impl fmt::Display, bytes: &[u8]) -> Result<T> {
    T::try_from_slice(bytes).map_err(|error| StoreError::Damaged(format!("{what} does not decode: {error}")))
}

#[cfg(test)]
mod tests {
    use shared::{ChainSpec, Network, rules::ledger::Account};

    use super::*;
    use crate::{drivers::store::genesis_batch, machine::store::Location};

    #[test]
    fn fixed_rows_have_the_length_of_their_encoding() {
        let batch = genesis_batch(&Network::new(ChainSpec::practice()).unwrap());
        let (entry, _) = batch.blocks.values().next().unwrap();
        assert_eq!(encode(entry), encode_fixed::<ENTRY_SIZE>(entry));
        let account = Account { nonce: u64::MAX, ..Account::default() };
        assert_eq!(encode(&account), encode_fixed::<16>(&account));
        let location = Location { height: Height(1), position: 2 };
        assert_eq!(encode(&location), encode_fixed::<8>(&location));
    }

    #[test]
    fn block_keys_sort_by_height() {
        let key = |height, byte| block_key(Height(height), &BlockHash([byte; 32]));
        assert!(key(255, 9) < key(256, 1));
        assert!(key(256, 1) < key(256, 2));
    }
}
