//! How requests and answers look as JSON where their real types say nothing of it: blocks and what is
//! in them, errors, and bodies that may be one thing or another. These types only describe; a test holds
//! them to the real ones.

use std::collections::BTreeMap;

#[cfg(test)]
use serde::Deserialize;
use utoipa::{IntoParams, IntoResponses, ToSchema};

use super::super::{NodeInfo, blocks::Notice};
use super::{address, hash};
pub use crate::drivers::http::openapi::{Body, Foreign, Problem};
use crate::drivers::net::LinkConditions;

/// Another node's block came first.
#[derive(ToSchema)]
#[cfg_attr(test, derive(Deserialize))]
pub struct MineLost {
    /// The error as always.
    #[serde(flatten)]
    pub problem: Problem,
    /// The other node's block.
    #[schema(example = hash)]
    pub winner: String,
}

/// Why a transaction is not taken, and what would be.
#[derive(ToSchema)]
#[cfg_attr(test, derive(Deserialize))]
pub struct TransactionRefused {
    /// The error as always.
    #[serde(flatten)]
    pub problem: Problem,
    /// Where the nonce is wrong: the sender's next one, after all that it has pending here.
    pub next_nonce: Option<u64>,
    /// Where another transaction with the same nonce waits: the least fee that takes its place, in whole
    /// units.
    pub enough_fee: Option<u64>,
}

/// A block.
#[derive(ToSchema)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Distance from the genesis block. May be left out in requests.
    pub height: Option<u32>,
    /// Hash of the header. May be left out in requests; must be right where it stands.
    #[schema(example = hash)]
    pub hash: Option<String>,
    /// The 80 bytes that are hashed.
    pub header: Header,
    /// What the miner claims and commits to.
    pub coinbase: Coinbase,
    /// In the order in which they take effect.
    #[serde(default)]
    pub transactions: Vec<Transaction>,
}

/// A block's header, in Bitcoin's layout.
#[derive(ToSchema)]
#[cfg_attr(test, derive(Deserialize))]
pub struct Header {
    /// 1 unless a miner rolls it.
    pub version: i32,
    /// Hash of the block before.
    #[schema(example = hash)]
    pub previous: String,
    /// Hash of the coinbase.
    #[schema(example = hash)]
    pub coinbase_hash: String,
    /// Seconds since 1970.
    pub time: u32,
    /// The target in compact form, eight hexadecimal digits.
    #[schema(example = "1f00ffff")]
    pub bits: String,
    /// What the miner varied.
    pub nonce: u32,
}

/// What a miner claims and commits to.
#[derive(ToSchema)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(deny_unknown_fields)]
pub struct Coinbase {
    /// The block's height.
    pub height: u32,
    /// Who gets the reward.
    #[schema(example = address)]
    pub miner: String,
    /// Subsidy and fees, in whole units.
    pub reward: u64,
    /// Transactions in the chain up to and including this block.
    pub log_size: u64,
    /// Root of the Merkle tree over them.
    #[schema(example = hash)]
    pub log_root: String,
    /// Free bytes, hexadecimal.
    #[serde(default)]
    pub extra: String,
}

/// A signed transaction.
#[derive(ToSchema)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// Its identity. May be left out in requests; must be right where it stands.
    #[schema(example = hash)]
    pub id: Option<String>,
    /// Always 1.
    pub version: u8,
    /// Whose account pays, and whose key signs.
    #[schema(example = address)]
    pub sender: String,
    /// How many transactions of this sender came before it.
    pub nonce: u64,
    /// What the miner gets, in whole units.
    pub fee: u64,
    /// Milliseconds since 1970, as the author says.
    pub time: u64,
    /// What it does.
    pub payload: Payload,
    /// Ed25519, 128 hexadecimal digits.
    pub signature: String,
}

/// What a transaction does.
#[derive(ToSchema)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Payload {
    /// Moves money.
    Transfer {
        /// Who receives.
        #[schema(example = address)]
        to: String,
        /// Whole units, more than none.
        amount: u64,
    },
    /// Puts data on the chain.
    Data {
        /// Where it is filed: 1 to 64 bytes.
        topic: String,
        /// At most 32 KiB, hexadecimal.
        body: String,
    },
}

/// Blocks of the active chain.
#[derive(ToSchema)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// Blocks in the whole active chain, genesis included.
    pub length: u64,
    /// From low to high.
    pub chain: Vec<Block>,
}

/// A connected peer.
#[derive(ToSchema)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Its id.
    #[schema(example = hash)]
    pub id: Option<String>,
    /// Its HTTP address, empty if it told none.
    pub http: String,
    /// The address dialled, or that it came from.
    pub address: String,
    /// Whether this node dialled.
    pub outbound: bool,
    /// The height that it last spoke of.
    pub height: u32,
}

/// What has become of the conditions that a node was given.
#[derive(ToSchema)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(deny_unknown_fields)]
pub struct LinkState {
    /// To every peer that is not named below.
    pub rest: LinkConditions,
    /// To these peers, by peer id.
    pub peers: BTreeMap<String, LinkConditions>,
    /// The peers in session, by peer id. One whose way is cut stays here until its session is over.
    pub connected: Vec<String>,
}

/// Requests only: a chain as `GET /chain` gives it, or the bare list.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum ChainOrList {
    /// As `GET /chain` gives it.
    Chain(Chain),
    /// The bare list.
    List(Vec<Block>),
}

/// Requests only: a block, or news of one.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum NewBlock {
    /// The whole block.
    Block(Box<Block>),
    /// Its hash, and who has it.
    Notice(Notice),
}

/// Requests only: a node to make known.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum NodeOrAddress {
    /// As `GET /node/id` gives it. Without `peer_addresses`, the node at `address` is asked for them.
    Node(NodeInfo),
    /// An HTTP address or a multiaddress.
    Address(String),
}

/// What a node that is stopping or busy answers.
#[derive(IntoResponses)]
#[response(status = 503, description = "The node is stopping or busy; `Retry-After` says when to try again")]
pub struct Unavailable(Problem);

/// What administration off loopback needs.
#[derive(IntoResponses)]
#[response(status = 401, description = "The node is open to other machines, and the admin token is missing or wrong")]
pub struct Admin(Problem);

/// What accounts need besides.
#[derive(IntoResponses)]
#[response(
    status = 403,
    description = "Asked from another machine, by a web page of another origin, under another host name, with the \
                   cookie but without its CSRF token, or with a wrong password"
)]
pub struct NotHere(Problem);

/// What whoever is not logged in gets.
#[derive(IntoResponses)]
#[response(status = 401, description = "Nobody is logged in, or the session has ended")]
pub struct LogInFirst(Problem);

/// What whoever is not in a room gets.
#[derive(IntoResponses)]
pub enum NoRoom {
    /// No room's, member's or message's id
    #[response(status = 400)]
    Id(Problem),
    /// This account is in no such room, or the room has no such thing
    #[response(status = 404)]
    Missing(Problem),
}

/// A room's id in a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct Room {
    /// The room's id.
    #[param(example = super::room_id)]
    pub room: String,
}

/// What wrong passwords come to.
#[derive(IntoResponses)]
#[response(status = 429, description = "After wrong passwords; `Retry-After` says when to try again")]
pub struct PasswordTried(Problem);

/// What a page shows besides the cookie.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Csrf {
    /// With the cookie only: the `csrf` that `POST /wallet/login` and `GET /wallet` give.
    #[param(rename = "x-csrf-token")]
    pub csrf: Option<String>,
}

/// What a transaction's receipt holds.
#[derive(ToSchema)]
#[cfg_attr(test, derive(Deserialize))]
pub(crate) struct Receipt {
    /// The format's version.
    #[schema(example = 1)]
    receipt: u32,
    /// For whoever opens the file.
    about: String,
    /// The chain spec, from which the genesis block follows.
    network: serde_json::Value,
    /// The transaction's exact bytes, in hexadecimal.
    transaction: String,
    /// Its place in the log: a C2SP tlog-proof with a signed checkpoint.
    proof: String,
    /// The key that the checkpoint is signed with.
    log_key: String,
    /// The coinbase's exact bytes, in hexadecimal.
    coinbase: String,
    /// Headers of the transaction's block and of those on top of it, lowest first, each 80 bytes in hexadecimal.
    headers: Vec<String>,
}
