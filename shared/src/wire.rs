//! The messages between nodes, as values and as bytes (borsh, one message a frame). Limits are kept while
//! decoding, so that no bytes make a node hold many times their own size. When a message is sent and
//! what its receiver does about it is the machine's business.

use std::{fmt, str::FromStr};

use borsh::{BorshDeserialize, BorshSerialize, io};

pub use crate::peer::PeerId;
use crate::{
    block::Block,
    coinbase::Coinbase,
    hash::{BlockHash, ParseHashError, TxId, parse_hex},
    header::{Header, Height},
    spec::ChainSpec,
    transaction::Transaction,
    work::Work,
};

/// Version of this message set. Peers of another version part at the handshake.
pub const VERSION: u16 = 1;

/// Longest encoded message, in bytes. A frame beyond it ends the connection.
pub const MAX_MESSAGE: usize = 8 * 1024 * 1024;

/// Most headers in one message.
pub const MAX_HEADERS: usize = 2_000;
/// Most hashes in a locator.
pub const MAX_LOCATOR: usize = 64;
/// Most blocks asked for at once: as many small ones as make a commit to disk cheap for each of them.
pub const MAX_BLOCKS: usize = 1_024;
/// Most transaction ids or transactions in one message that is not about a block.
pub const MAX_TRANSACTIONS: usize = 1_000;
/// Most transactions of one block that a message can speak of: more than the largest block can hold.
pub const MAX_BLOCK_TRANSACTIONS: usize = 32_768;
/// Most peer addresses in one message.
pub const MAX_ADDRESSES: usize = 256;
/// Longest peer or HTTP address, in bytes.
pub const MAX_ADDRESS: usize = 256;
/// Most addresses that a node says it listens on.
pub const MAX_LISTENS: usize = 16;
/// Bytes of blocks or transactions after which a reply stops and leaves the rest for the next request.
/// With one more of the largest blocks it still fits a message.
pub const REPLY_BYTES: usize = MAX_MESSAGE - *ChainSpec::BLOCK_BYTES.end() as usize - 1024;

/// A node's public id: SHA-256 of a UUID that it drew once and keeps on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct NodeId(pub [u8; 32]);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl FromStr for NodeId {
    type Err = ParseHashError;
    fn from_str(text: &str) -> Result<Self, ParseHashError> {
        parse_hex(text).map(Self)
    }
}

/// Where a peer can be reached: a multiaddress without the peer id, as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct PeerAddress {
    /// Who answers there.
    pub peer: PeerId,
    /// At most [`MAX_ADDRESS`] bytes.
    #[borsh(deserialize_with = "address")]
    pub address: String,
}

/// The first message on every connection, in both directions.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Hello {
    /// [`VERSION`] of the sender.
    pub version: u16,
    /// Which network it is on.
    pub genesis: BlockHash,
    /// The tip of its active chain.
    pub head: BlockHash,
    /// The tip's height.
    pub height: Height,
    /// The tip's accumulated work.
    pub work: Work,
    /// Its public id.
    pub node: NodeId,
    /// Where its HTTP interface answers; empty when it does not say.
    #[borsh(deserialize_with = "address")]
    pub http: String,
    /// Where it accepts peers, at most [`MAX_LISTENS`]; empty when it does not say.
    #[borsh(deserialize_with = "addresses")]
    pub listens: Vec<String>,
}

/// A new block in short: the receiver rebuilds it from its pool and asks for what it lacks.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Announcement {
    /// The block's header.
    pub header: Header,
    /// The block's coinbase.
    pub coinbase: Coinbase,
    /// Its transactions' ids, in order.
    #[borsh(deserialize_with = "at_most::<MAX_BLOCK_TRANSACTIONS, _, _>")]
    pub transactions: Vec<TxId>,
}

/// Everything that one node can say to another.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Message {
    /// Who I am and what I have. First, and only once.
    Hello(Hello),
    /// My tip is now this block.
    Announce(Announcement),
    /// Send headers that follow the first hash of the locator that is on your active chain.
    GetHeaders {
        /// From the tip backwards, first densely, then in doubling steps, ending with genesis.
        #[borsh(deserialize_with = "at_most::<MAX_LOCATOR, _, _>")]
        locator: Vec<BlockHash>,
    },
    /// Headers in order, each the parent of the next; empty when there are none.
    Headers(#[borsh(deserialize_with = "at_most::<MAX_HEADERS, _, _>")] Vec<Header>),
    /// Send these blocks.
    GetBlocks(#[borsh(deserialize_with = "at_most::<MAX_BLOCKS, _, _>")] Vec<BlockHash>),
    /// The one answer to a request for blocks: those that are to be had here, in the order asked, up to
    /// [`REPLY_BYTES`] but at least one of them.
    Blocks(#[borsh(deserialize_with = "at_most::<MAX_BLOCKS, _, _>")] Vec<Block>),
    /// Send the transactions at these positions of this block, counted from 0, rising.
    GetBlockTransactions {
        /// The announced block.
        block: BlockHash,
        /// Positions in it.
        #[borsh(deserialize_with = "rising")]
        positions: Vec<u32>,
    },
    /// The transactions asked for, in the same order.
    BlockTransactions {
        /// The announced block.
        block: BlockHash,
        /// Empty when the block is not to be had here.
        #[borsh(deserialize_with = "at_most::<MAX_BLOCK_TRANSACTIONS, _, _>")]
        transactions: Vec<Transaction>,
    },
    /// Transactions that are in my pool.
    Pooled(#[borsh(deserialize_with = "at_most::<MAX_TRANSACTIONS, _, _>")] Vec<TxId>),
    /// Send these transactions.
    GetTransactions(#[borsh(deserialize_with = "at_most::<MAX_TRANSACTIONS, _, _>")] Vec<TxId>),
    /// The one answer to a request for transactions: those that are still in the pool, in the order asked,
    /// up to [`REPLY_BYTES`]; possibly none.
    Transactions(#[borsh(deserialize_with = "at_most::<MAX_TRANSACTIONS, _, _>")] Vec<Transaction>),
    /// Send addresses of other peers.
    GetAddresses,
    /// Addresses of other peers.
    Addresses(#[borsh(deserialize_with = "at_most::<MAX_ADDRESSES, _, _>")] Vec<PeerAddress>),
}

/// Why bytes are no message: not borsh of any, with bytes to spare, or with a part beyond its limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message does not decode: {0}")]
pub struct MessageError(String);

impl Message {
    /// The borsh encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        borsh::to_vec(self).expect("writing to memory cannot fail")
    }

    /// A message of these exact bytes, within all limits.
    ///
    /// # Errors
    /// When the bytes are no message, or one that is too long in any part.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MessageError> {
        if bytes.len() > MAX_MESSAGE {
            return Err(MessageError(format!("{} bytes are over the limit of {MAX_MESSAGE}", bytes.len())));
        }
        Self::try_from_slice(bytes).map_err(|error| MessageError(error.to_string()))
    }

    /// The message's name, for logs and counters.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Announce(_) => "announce",
            Self::GetHeaders { .. } => "get headers",
            Self::Headers(_) => "headers",
            Self::GetBlocks(_) => "get blocks",
            Self::Blocks(_) => "blocks",
            Self::GetBlockTransactions { .. } => "get block transactions",
            Self::BlockTransactions { .. } => "block transactions",
            Self::Pooled(_) => "pooled",
            Self::GetTransactions(_) => "get transactions",
            Self::Transactions(_) => "transactions",
            Self::GetAddresses => "get addresses",
            Self::Addresses(_) => "addresses",
        }
    }
}

fn count<const MAX: usize, R: io::Read>(reader: &mut R, what: &str) -> io::Result<usize> {
    let count = u32::deserialize_reader(reader)? as usize;
    if count > MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{count} {what} are over the limit of {MAX}")));
    }
    Ok(count)
}

/// A list of at most `MAX` items.
fn at_most<const MAX: usize, T: BorshDeserialize, R: io::Read>(reader: &mut R) -> io::Result<Vec<T>> {
    (0..count::<MAX, R>(reader, "items")?).map(|_| T::deserialize_reader(reader)).collect()
}

/// Positions in a block, each greater than the one before: none can be asked for twice.
fn rising<R: io::Read>(reader: &mut R) -> io::Result<Vec<u32>> {
    let positions = at_most::<MAX_BLOCK_TRANSACTIONS, u32, R>(reader)?;
    if !positions.is_sorted_by(|one, next| one < next) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the positions do not rise"));
    }
    Ok(positions)
}

/// A text of at most [`MAX_ADDRESS`] bytes.
fn address<R: io::Read>(reader: &mut R) -> io::Result<String> {
    let mut bytes = vec![0; count::<MAX_ADDRESS, R>(reader, "bytes of an address")?];
    reader.read_exact(&mut bytes)?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// At most [`MAX_LISTENS`] such texts.
fn addresses<R: io::Read>(reader: &mut R) -> io::Result<Vec<String>> {
    (0..count::<MAX_LISTENS, R>(reader, "addresses")?).map(|_| address(reader)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_back_and_spare_bytes_do_not() {
        let message = Message::GetHeaders { locator: vec![BlockHash([1; 32]), BlockHash::ZERO] };
        let bytes = message.to_bytes();
        assert_eq!(Message::from_bytes(&bytes), Ok(message));
        assert!(Message::from_bytes(&[bytes, vec![0]].concat()).is_err());
    }

    fn refusal(message: &Message) -> String {
        Message::from_bytes(&message.to_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn lists_and_texts_beyond_their_limit_are_refused_with_it() {
        let refused = refusal(&Message::GetBlocks(vec![BlockHash::ZERO; MAX_BLOCKS + 1]));
        assert!(refused.contains("1025 items are over the limit of 1024"), "{refused}");
        let address = PeerAddress { peer: PeerId::default(), address: "x".repeat(MAX_ADDRESS + 1) };
        let refused = refusal(&Message::Addresses(vec![address]));
        assert!(refused.contains("257 bytes of an address are over the limit of 256"), "{refused}");
    }

    #[test]
    fn a_count_over_the_limit_is_refused_before_any_item_is_read() {
        let tags_with_counts_at =
            [(1, 169), (2, 1), (3, 1), (4, 1), (5, 1), (6, 33), (7, 33), (8, 1), (9, 1), (10, 1), (12, 1)];
        for (tag, at) in tags_with_counts_at {
            let mut bytes = vec![0; at];
            bytes[0] = tag;
            bytes.extend(u32::MAX.to_le_bytes());
            let refused = Message::from_bytes(&bytes).unwrap_err().to_string();
            assert!(refused.contains("4294967295 items are over the limit"), "tag {tag}: {refused}");
        }
    }

    #[test]
    fn positions_rise() {
        let refused = |positions: &[u32]| {
            let message = Message::GetBlockTransactions { block: BlockHash::ZERO, positions: positions.to_vec() };
            Message::from_bytes(&message.to_bytes()).is_err()
        };
        assert!(!refused(&[]) && !refused(&[0, 1, 7]));
        assert!(refused(&[3, 3]) && refused(&[3, 2]));
    }

    #[test]
    fn the_largest_reply_fits_a_message() {
        let largest_block = *ChainSpec::BLOCK_BYTES.end() as usize;
        assert!(REPLY_BYTES + largest_block + Message::Blocks(Vec::new()).to_bytes().len() <= MAX_MESSAGE);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_decoding_panic_and_what_decodes_encodes_back(bytes: Vec<u8>) {
            if let Ok(message) = Message::from_bytes(&bytes) {
                proptest::prop_assert_eq!(message.to_bytes(), bytes);
            }
        }
    }
}
