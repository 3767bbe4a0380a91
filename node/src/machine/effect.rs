//! Everything that a node does to the world, as plain values for the drivers to carry out. By the time
//! an effect is handed out, whatever it depends on has been committed. Messages to peers depend on nothing.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use shared::{
    Amount, BlockHash, CheckedBlock, CheckedTransaction, Height, Millis, TxId, Work,
    rules::ledger::Account,
    wire::{Message, NodeId, PeerId},
};

pub use super::pool::PoolError;
use super::{
    event::{JobId, RequestId},
    mining::Template,
    notice::Notice,
    peers::{Fault, book::Nodes},
    strategy::StrategyStatus,
};

/// Something to be done outside the machine.
#[must_use]
#[derive(Debug, Clone)]
pub enum Effect {
    /// Dial a peer.
    Connect {
        /// Who is expected there, if that is known.
        peer: Option<PeerId>,
        /// Where to try.
        addresses: Vec<String>,
    },
    /// Send one message to each of these peers.
    Send {
        /// To whom.
        to: Vec<PeerId>,
        /// What.
        message: Message,
    },
    /// End a connection.
    Disconnect {
        /// Whose.
        peer: PeerId,
        /// Why, as a sentence for the log.
        reason: String,
    },
    /// End a connection and refuse new ones for a while.
    Ban {
        /// Who.
        peer: PeerId,
        /// How long.
        period: Duration,
        /// For what.
        fault: Fault,
    },
    /// Let this node's own miner work on this template instead of any other.
    StartMining {
        /// To be named with the proof.
        job: JobId,
        /// What to prove.
        template: Arc<Template>,
    },
    /// Let this node's own miner rest.
    StopMining,
    /// Let miners outside work on this template instead of any other.
    Offer {
        /// Which; they count together with the own miner's.
        job: JobId,
        /// What to prove.
        template: Arc<Template>,
    },
    /// What was offered last is out of date, and nothing follows as long as there are no miners outside.
    Withdraw,
    /// Answer a request.
    Reply {
        /// Which.
        request: RequestId,
        /// The answer.
        reply: Reply,
    },
    /// The journal grew: followers may read on.
    Journal,
    /// Tell followers in passing.
    Notice(Notice),
    /// Send [`super::event::Event::Wake`] at this time by the steady clock, or soon after.
    WakeAt(Millis),
    /// Keep these peers' addresses for the next start.
    KeepPeers(Vec<shared::wire::PeerAddress>),
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The block that this node mined for the request.
    Mined(Arc<CheckedBlock>),
    /// Another node's block came first.
    MineLost {
        /// That block.
        winner: BlockHash,
    },
    /// Whether the node mines without end now.
    Mining(bool),
    /// How the node mines now.
    Strategy(Box<StrategyStatus>),
    /// What asking the peers, or a new block, came to.
    Resolved {
        /// Whether the tip is another one than before.
        changed: bool,
        /// The tip's height.
        height: Height,
        /// The tip.
        tip: BlockHash,
    },
    /// The request was understood and not followed.
    Refused(Refused),
    /// Peers made known.
    Registered {
        /// How many of them were new.
        new: usize,
    },
    /// Whether there was such a peer.
    Unregistered(bool),
    /// A transaction is in the pool and kept until it is confirmed.
    Accepted(TxId),
    /// Each of the transactions handed in together: in the pool and kept until it is confirmed, or why not.
    Submitted(Vec<Result<(), PoolError>>),
    /// What only the machine knows.
    Status(Status),
    /// The transaction asked for, where it waits in the pool.
    Waiting(Option<Arc<CheckedTransaction>>),
    /// The pool, in the order in which it would be mined.
    Pending(Vec<Arc<CheckedTransaction>>),
    /// What the pool means for one address.
    Outlook(Outlook),
}

/// Why a request was not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A block or chain breaks a rule.
    #[error("{0}")]
    Invalid(String),
    /// A block or chain is in order but does not take this node further.
    #[error("{0}")]
    NotBetter(String),
    /// Mining was stopped before there was a proof.
    #[error("mining was stopped before there was a proof")]
    Stopped,
    /// A transaction cannot enter the pool.
    #[error(transparent)]
    Transaction(PoolError),
}

/// What the pool means for one address. Money that is on its way to it cannot be spent before it is
/// confirmed.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// Confirmed balance and nonce, as of the tip that the rest is told on top of.
    pub account: Account,
    /// The nonce of its next transaction: the account's and what it has pending.
    pub next_nonce: u64,
    /// What it can still spend: the balance without the cost of what it has pending.
    pub spendable: Amount,
    /// What its pending transactions cost, fees included.
    pub outgoing: Amount,
    /// What pending transfers move to it.
    pub incoming: Amount,
    /// How many transactions from it or to it wait.
    pub count: usize,
    /// The first [`Self::MAX_PENDING`] of these: those from it in order of nonce, then those to it. Where
    /// there are too many, each side has at least half of the places, as far as it needs them.
    pub pending: Vec<Arc<CheckedTransaction>>,
}

impl Outlook {
    /// Transactions listed, at most.
    pub const MAX_PENDING: usize = 100;
}

/// A peer as the node sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PeerStatus {
    /// The peer's key between nodes.
    #[serde(skip)]
    pub peer: PeerId,
    /// Its public id.
    pub id: Option<NodeId>,
    /// Its HTTP address, if it told one.
    pub http: String,
    /// The address dialled, or that it came from.
    pub address: String,
    /// Whether this node dialled.
    pub outbound: bool,
    /// The height that it last spoke of.
    pub height: Height,
}

/// What only the machine knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// The tip.
    pub tip: BlockHash,
    /// Its height.
    pub height: Height,
    /// Its accumulated work.
    pub work: Work,
    /// Connected peers whose greeting was right.
    pub peers: Vec<PeerStatus>,
    /// Every node known by id, with its HTTP address.
    pub nodes: Arc<Nodes>,
    /// Transactions in the pool.
    pub pending: usize,
    /// Whether this node's own miner has a job.
    pub mining: bool,
    /// Blocks known by header whose contents are still to come.
    pub missing: usize,
}
