//! Every table of the database: its keys, its values, and the conversions between them and the
//! machine's types. A change of any of them is a new [`FORMAT`]. Nothing here opens a transaction.
//!
//! A transaction of the database rewrites each page that it touches, so keys of one block lie together:
//! what belongs to a block is keyed by height first and lands at the end of its table. The tables keyed
//! by something random hold as little as they can.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use redb::TableDefinition;
use shared::{Address, BlockHash, Height, Topic, log::LogNode};

use crate::machine::store::{Location, Result, StoreError};

/// Version of everything below.
pub(super) const FORMAT: u32 = 2;

/// Length of an encoded [`crate::machine::store::Entry`].
pub(super) const ENTRY_SIZE: usize = 129;

/// A block's key: height, big-endian, then hash.
pub(super) type BlockKey = [u8; 36];

/// A place as the end of a key: height and position, big-endian.
const PLACE: usize = 8;

/// A key of [`HISTORY`].
pub(super) type HistoryKey = [u8; 32 + PLACE];

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
/// Kept node of the log, level first, then index, big-endian → its hash.
pub(super) const LOG: TableDefinition<&[u8; 9], &[u8; 32]> = TableDefinition::new("log");
/// Address, then place, big-endian → how what is there concerns the address.
pub(super) const HISTORY: TableDefinition<&HistoryKey, u8> = TableDefinition::new("history");
/// Topic, or nothing for all of them, then the place of data → nothing. Keys sort as topics do: a zero byte in a
/// topic is followed by 0xff, and two zero bytes end it.
pub(super) const FILED: TableDefinition<&[u8], ()> = TableDefinition::new("filed");
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
    /// How far this node stands for its log; absent until it does.
    pub(crate) const SEALED: &str = "sealed";
    /// All of them.
    pub(crate) const ALL: [&str; 5] = [FORMAT, GENESIS, TIP, LOG, SEALED];
}

/// The key of a block's rows.
pub(super) fn block_key(height: Height, hash: &BlockHash) -> BlockKey {
    let mut key = [0; 36];
    key[..4].copy_from_slice(&height.0.to_be_bytes());
    key[4..].copy_from_slice(&hash.0);
    key
}

/// Height and hash in a block's key.
pub(super) fn block_of(key: &BlockKey) -> (Height, BlockHash) {
    let (height, hash) = key.split_first_chunk().expect("the key is longer than a height");
    (Height(u32::from_be_bytes(*height)), BlockHash(hash.try_into().expect("a hash is behind the height")))
}

/// The key of a node of the log.
pub(super) fn log_key(node: LogNode) -> [u8; 9] {
    let mut key = [node.level; 9];
    key[1..].copy_from_slice(&node.index.to_be_bytes());
    key
}

/// The node of the log in a key.
pub(super) fn log_node(key: &[u8; 9]) -> LogNode {
    let [level, index @ ..] = *key;
    LogNode { level, index: u64::from_be_bytes(index) }
}

fn place_key(at: Location) -> [u8; PLACE] {
    let mut key = [0; PLACE];
    key[..4].copy_from_slice(&at.height.0.to_be_bytes());
    key[4..].copy_from_slice(&at.position.to_be_bytes());
    key
}

fn place_of(key: &[u8; PLACE]) -> Location {
    let [a, b, c, d, position @ ..] = *key;
    Location { height: Height(u32::from_be_bytes([a, b, c, d])), position: u32::from_be_bytes(position) }
}

/// The key of an address at a place.
pub(super) fn history_key(address: &Address, at: Location) -> HistoryKey {
    let mut key = [0; 32 + PLACE];
    key[..32].copy_from_slice(&address.0);
    key[32..].copy_from_slice(&place_key(at));
    key
}

/// The place in a key of [`HISTORY`].
pub(super) fn history_place(key: &HistoryKey) -> Location {
    history_of(key).1
}

/// Address and place in a key of [`HISTORY`].
pub(super) fn history_of(key: &HistoryKey) -> (Address, Location) {
    let (address, place) = key.split_last_chunk().expect("the key is longer than a place");
    (Address(address.try_into().expect("an address is before the place")), place_of(place))
}

/// The key of data at a place, under its topic or under none.
pub(super) fn filed_key(topic: Option<&Topic>, at: Location) -> Vec<u8> {
    let topic = topic.map_or("", Topic::as_str).bytes();
    let escaped = topic.flat_map(|byte| [Some(byte), (byte == 0).then_some(0xff)]).flatten();
    escaped.chain([0, 0]).chain(place_key(at)).collect()
}

/// Topic and place of a key of [`FILED`].
///
/// # Errors
/// When it is none.
pub(super) fn filed_place(key: &[u8]) -> Result<(Option<Topic>, Location)> {
    let damaged = || StoreError::Damaged("a row of the data's files has no proper key".into());
    let (topic, place) = key.split_last_chunk().ok_or_else(damaged)?;
    let topic = topic.strip_suffix(&[0, 0]).ok_or_else(damaged)?;
    // No UTF-8 has a byte 0xff, so each one here is the mark after a zero.
    let topic: Vec<u8> = topic.iter().copied().filter(|byte| *byte != 0xff).collect();
    let topic = String::from_utf8(topic).map_err(|_| damaged())?;
    let topic = if topic.is_empty() { None } else { Some(Topic::new(topic).map_err(|_| damaged())?) };
    Ok((topic, place_of(place)))
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
    fn keys_of_data_read_back_and_sort_as_their_topics() {
        let texts = ["", "a", "a\0", "a\0\0b", "a\0b", "a\u{1}", "aa", "b", "ä"];
        let topics = texts.map(|text| Topic::new(text).ok());
        let places = [Location { height: Height(2), position: 700 }, Location::reward(Height(70_000))];
        let pairs: Vec<_> = topics.iter().flat_map(|topic| places.map(|at| (topic.clone(), at))).collect();
        let keys: Vec<_> = pairs.iter().map(|(topic, at)| filed_key(topic.as_ref(), *at)).collect();
        assert!(keys.is_sorted());
        for (key, pair) in keys.iter().zip(&pairs) {
            assert_eq!(filed_place(key).unwrap(), *pair);
        }
        assert!(filed_place(b"short").is_err());
    }

    #[test]
    fn keys_read_back() {
        let (height, hash) = (Height(70_000), BlockHash([3; 32]));
        assert_eq!(block_of(&block_key(height, &hash)), (height, hash));
        let node = LogNode { level: 3, index: 70_000 };
        assert_eq!(log_node(&log_key(node)), node);
        let (address, at) = (Address([5; 32]), Location { height, position: 9 });
        assert_eq!(history_of(&history_key(&address, at)), (address, at));
    }

    #[test]
    fn block_keys_sort_by_height() {
        let key = |height, byte| block_key(Height(height), &BlockHash([byte; 32]));
        assert!(key(255, 9) < key(256, 1));
        assert!(key(256, 1) < key(256, 2));
    }
}
