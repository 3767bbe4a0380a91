//! Messages from peers, after every check that needs no chain: decoding, limits, proof of work,
//! commitments, signatures. Drivers call [`check`] off the machine's thread, once for each message; the
//! simulator calls the same function.

use std::sync::Arc;

use shared::{
    BlockHash, CheckedBlock, CheckedTransaction, Header, Network, TxId, block, transaction,
    wire::{Announcement, Hello, Message, PeerAddress},
};

use super::peers::Fault;

/// A header whose proof of work was checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProvenHeader {
    /// The header's hash.
    pub hash: BlockHash,
    /// The header.
    pub header: Header,
}

/// What a peer said, as far as it can be checked without a chain.
#[derive(Debug, Clone)]
pub enum Incoming {
    /// [`Message::Hello`].
    Hello(Hello),
    /// [`Message::Announce`]: the header is proven and commits to the coinbase.
    Announce(BlockHash, Arc<Announcement>),
    /// [`Message::GetHeaders`].
    GetHeaders(Vec<BlockHash>),
    /// [`Message::Headers`], each the parent of the next.
    Headers(Vec<ProvenHeader>),
    /// [`Message::GetBlocks`].
    GetBlocks(Vec<BlockHash>),
    /// [`Message::Blocks`].
    Blocks(Vec<Arc<CheckedBlock>>),
    /// [`Message::GetBlockTransactions`].
    GetBlockTransactions(BlockHash, Vec<u32>),
    /// [`Message::BlockTransactions`].
    BlockTransactions(BlockHash, Vec<Arc<CheckedTransaction>>),
    /// [`Message::Pooled`].
    Pooled(Vec<TxId>),
    /// [`Message::GetTransactions`].
    GetTransactions(Vec<TxId>),
    /// [`Message::Transactions`].
    Transactions(Vec<Arc<CheckedTransaction>>),
    /// [`Message::GetAddresses`].
    GetAddresses,
    /// [`Message::Addresses`].
    Addresses(Vec<PeerAddress>),
}

/// Decodes and checks a frame.
///
/// # Errors
/// The fault of whoever sent it.
pub fn check_frame(frame: &[u8], network: &Network) -> Result<Incoming, Fault> {
    let message = Message::from_bytes(frame).map_err(|error| Fault::Garbage(error.to_string()))?;
    check(message, network)
}

/// Checks a decoded message.
///
/// # Errors
/// The fault of whoever sent it.
pub fn check(message: Message, network: &Network) -> Result<Incoming, Fault> {
    Ok(match message {
        Message::Hello(hello) => Incoming::Hello(hello),
        Message::Announce(announcement) => {
            let hash = check_announcement(&announcement, network)?;
            Incoming::Announce(hash, Arc::new(announcement))
        }
        Message::GetHeaders { locator } => Incoming::GetHeaders(locator),
        Message::Headers(headers) => Incoming::Headers(check_headers(headers, network)?),
        Message::GetBlocks(hashes) => Incoming::GetBlocks(hashes),
        Message::Blocks(blocks) => {
            let checked = blocks.into_iter().map(|block| block.check(network).map(Arc::new));
            Incoming::Blocks(checked.collect::<Result<_, _>>().map_err(invalid)?)
        }
        Message::GetBlockTransactions { block, positions } => Incoming::GetBlockTransactions(block, positions),
        Message::BlockTransactions { block, transactions } => {
            Incoming::BlockTransactions(block, check_transactions(transactions, network)?)
        }
        Message::Pooled(ids) => Incoming::Pooled(ids),
        Message::GetTransactions(ids) => Incoming::GetTransactions(ids),
        Message::Transactions(transactions) => Incoming::Transactions(check_transactions(transactions, network)?),
        Message::GetAddresses => Incoming::GetAddresses,
        Message::Addresses(addresses) => Incoming::Addresses(addresses),
    })
}

fn invalid(error: impl std::fmt::Display) -> Fault {
    Fault::Invalid(error.to_string())
}

fn check_announcement(announcement: &Announcement, network: &Network) -> Result<BlockHash, Fault> {
    let hash = block::check_header(&announcement.header, network).map_err(invalid)?;
    block::check_coinbase(&announcement.header, &announcement.coinbase).map_err(invalid)?;
    Ok(hash)
}

fn check_headers(headers: Vec<Header>, network: &Network) -> Result<Vec<ProvenHeader>, Fault> {
    let mut proven: Vec<ProvenHeader> = Vec::with_capacity(headers.len());
    for header in headers {
        if proven.last().is_some_and(|last| last.hash != header.previous) {
            return Err(Fault::Invalid("headers that do not follow one another".into()));
        }
        proven.push(ProvenHeader { hash: block::check_header(&header, network).map_err(invalid)?, header });
    }
    Ok(proven)
}

fn check_transactions(
    transactions: Vec<shared::Transaction>,
    network: &Network,
) -> Result<Vec<Arc<CheckedTransaction>>, Fault> {
    let checked = transaction::check_all(transactions, &network.genesis_hash());
    let checked = checked.map_err(|(_, error)| invalid(error))?;
    Ok(checked.into_iter().map(Arc::new).collect())
}
