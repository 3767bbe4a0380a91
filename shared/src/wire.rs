//! The messages between nodes, as values and as bytes (borsh, one message a frame). When a message is
//! sent and what its receiver does about it is the machine's business.

use std::{fmt, str::FromStr};

use borsh::{BorshDeserialize, BorshSerialize, io};

use crate::{
    block::Block,
    coinbase::Coinbase,
    hash::{BlockHash, ParseHashError, TxId, parse_hex},
    header::{Header, Height},
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
/// Most blocks asked for at once.
pub const MAX_BLOCKS: usize = 128;
/// Most transaction ids or transactions in one message, block announcements apart.
pub const MAX_TRANSACTIONS: usize = 1_000;
/// Most peer addresses in one message.
pub const MAX_ADDRESSES: usize = 256;
/// Longest peer or HTTP address, in bytes.
pub const MAX_ADDRESS: usize = 256;
/// Bytes of blocks or transactions after which a reply stops and leaves the rest for the next request.
pub const REPLY_BYTES: usize = 4 * 1024 * 1024;

/// A peer's identity between nodes: its raw Ed25519 public key, which the transport authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct PeerId(pub [u8; 32]);

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
    pub http: String,
    /// Where it accepts peers; empty when it does not say.
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
        locator: Vec<BlockHash>,
    },
    /// Headers in order, each the parent of the next; empty when there are none.
    Headers(Vec<Header>),
    /// Send these blocks.
    GetBlocks(Vec<BlockHash>),
    /// The one answer to a request for blocks: those that are to be had here, in the order asked, up to
    /// [`REPLY_BYTES`] but at least one of them.
    Blocks(Vec<Block>),
    /// Send the transactions at these positions of this block, counted from 0, rising.
    GetBlockTransactions {
        /// The announced block.
        block: BlockHash,
        /// Positions in it.
        positions: Vec<u32>,
    },
    /// The transactions asked for, in the same order.
    BlockTransactions {
        /// The announced block.
        block: BlockHash,
        /// Empty when the block is not to be had here.
        transactions: Vec<Transaction>,
    },
    /// Transactions that are in my pool.
    Pooled(Vec<TxId>),
    /// Send these transactions.
    GetTransactions(Vec<TxId>),
    /// Transactions that were asked for, as far as they are still in the pool.
    Transactions(Vec<Transaction>),
    /// Send addresses of other peers.
    GetAddresses,
    /// Addresses of other peers.
    Addresses(Vec<PeerAddress>),
}

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Not borsh of any message, or with bytes to spare.
    #[error("the message does not decode: {0}")]
    Decode(String),
    /// A list or text beyond its limit.
    #[error("the message has too many {0}")]
    TooMany(&'static str),
}

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
        let message =
            Self::try_from_slice(bytes).map_err(|error: io::Error| MessageError::Decode(error.to_string()))?;
        message.check_limits()?;
        Ok(message)
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

    fn check_limits(&self) -> Result<(), MessageError> {
        let (length, limit, what) = match self {
            Self::Hello(hello) => {
                let texts = hello.listens.iter().chain([&hello.http]);
                let longest = texts.map(String::len).max().unwrap_or(0);
                return within(longest, MAX_ADDRESS, "bytes in an address").and(within(
                    hello.listens.len(),
                    16,
                    "listening addresses",
                ));
            }
            Self::Addresses(list) => {
                let longest = list.iter().map(|entry| entry.address.len()).max().unwrap_or(0);
                within(longest, MAX_ADDRESS, "bytes in an address")?;
                (list.len(), MAX_ADDRESSES, "addresses")
            }
            Self::GetHeaders { locator } => (locator.len(), MAX_LOCATOR, "locator hashes"),
            Self::Headers(headers) => (headers.len(), MAX_HEADERS, "headers"),
            Self::GetBlocks(hashes) => (hashes.len(), MAX_BLOCKS, "block hashes"),
            Self::Blocks(blocks) => (blocks.len(), MAX_BLOCKS, "blocks"),
            Self::Pooled(ids) | Self::GetTransactions(ids) => (ids.len(), MAX_TRANSACTIONS, "transaction ids"),
            Self::Transactions(list) => (list.len(), MAX_TRANSACTIONS, "transactions"),
            Self::Announce(_)
            | Self::GetBlockTransactions { .. }
            | Self::BlockTransactions { .. }
            | Self::GetAddresses => return Ok(()),
        };
        within(length, limit, what)
    }
}

fn within(length: usize, limit: usize, what: &'static str) -> Result<(), MessageError> {
    if length > limit { Err(MessageError::TooMany(what)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_back_and_spare_bytes_do_not() {
        let message = Message::GetHeaders { locator: vec![BlockHash([1; 32]), BlockHash::ZERO] };
        let bytes = message.to_bytes();
        assert_eq!(Message::from_bytes(&bytes), Ok(message));
        assert!(matches!(Message::from_bytes(&[bytes, vec![0]].concat()), Err(MessageError::Decode(_))));
    }

    #[test]
    fn lists_beyond_their_limit_are_named() {
        let message = Message::GetBlocks(vec![BlockHash::ZERO; MAX_BLOCKS + 1]);
        assert_eq!(Message::from_bytes(&message.to_bytes()), Err(MessageError::TooMany("block hashes")));
        let address = PeerAddress { peer: PeerId::default(), address: "x".repeat(MAX_ADDRESS + 1) };
        let message = Message::Addresses(vec![address]);
        assert_eq!(Message::from_bytes(&message.to_bytes()), Err(MessageError::TooMany("bytes in an address")));
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
