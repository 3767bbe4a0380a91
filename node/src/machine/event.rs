//! Everything that can happen to a node, as plain values. Events carry no channels and no closures, so
//! that a recorded run can be played again; whoever waits for an answer is named by a request id.

use std::sync::Arc;

use shared::{
    Address, BlockHash, CheckedBlock, CheckedTransaction, Height, TxId,
    wire::{NodeId, PeerId},
};

use super::{
    inbound::Incoming,
    strategy::{Strategy, Tie},
};

/// Names a request, so that its reply finds the one who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Names a mining job, so that work for an outdated one is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct JobId(pub u64);

/// Something that happened outside the machine.
#[derive(Debug, Clone)]
pub enum Event {
    /// A connection to a peer stands, and messages can be sent.
    PeerConnected {
        /// Who it is; the transport has authenticated it.
        peer: PeerId,
        /// Whether this node dialled.
        outbound: bool,
        /// The address that was dialled, or that the peer came from.
        address: String,
    },
    /// A connection is gone.
    PeerDisconnected {
        /// Whose.
        peer: PeerId,
    },
    /// A peer that should have been dialled could not be reached.
    ConnectFailed {
        /// Who, if that is known.
        peer: Option<PeerId>,
        /// The addresses tried.
        addresses: Vec<String>,
    },
    /// Another node showed itself on the local network.
    Discovered {
        /// Who it is.
        peer: PeerId,
        /// Where it listens.
        address: String,
    },
    /// A peer said something that passed all checks that need no chain.
    Message {
        /// Who.
        peer: PeerId,
        /// What.
        message: Incoming,
    },
    /// A peer said something that no honest peer says.
    Misbehaved {
        /// Who.
        peer: PeerId,
        /// What was wrong with it.
        fault: super::peers::Fault,
    },
    /// A miner found a proof: this node's own, or one outside that was offered work.
    Mined {
        /// The whole block.
        block: Arc<CheckedBlock>,
    },
    /// Miners outside want work from now on, or none of them is left.
    MinersOutside {
        /// Whether there are any.
        present: bool,
    },
    /// Somebody asks for something and waits for the reply.
    Request {
        /// To be named in the reply.
        id: RequestId,
        /// What is asked.
        request: Request,
    },
    /// A moment that the machine asked to be woken at has come. Waking it without need does no harm.
    Wake,
}

/// What users and their programs ask of a node.
#[derive(Debug, Clone)]
pub enum Request {
    /// Bring the chain up to date, then prove work on the tip, once.
    Mine {
        /// Only a block of this height is wanted: if the chain is as high already, another node won.
        height: Option<Height>,
    },
    /// Mine without end, or stop doing so.
    SetMining(bool),
    /// Mine in another way from now on. The reply tells what is in force then.
    SetStrategy {
        /// How; as before unless given.
        strategy: Option<Strategy>,
        /// Which of two tips with equal work to take; as before unless given.
        tie: Option<Tie>,
    },
    /// Tell how this node mines.
    Strategy,
    /// Ask all peers for better chains now.
    Resolve,
    /// Somebody speaks of a block that may be new here.
    NoteBlock {
        /// The block spoken of.
        hash: BlockHash,
    },
    /// Take this block.
    SubmitBlock(Arc<CheckedBlock>),
    /// Adopt this chain, given from low to high, if it is valid and has more work.
    ReplaceChain(Vec<Arc<CheckedBlock>>),
    /// Get to know these peers and connect to them.
    Register(Vec<Registration>),
    /// Part from a peer and forget it.
    Unregister(NodeId),
    /// Take this transaction from this node's own user.
    SubmitTransaction(Arc<CheckedTransaction>),
    /// Take these transactions from this node's own user, in this order, each by itself.
    SubmitTransactions(Vec<Arc<CheckedTransaction>>),
    /// Tell what only the machine knows.
    Status,
    /// Tell whether this transaction waits in the pool.
    Waiting(TxId),
    /// Tell what is in the pool.
    Pending,
    /// Tell what the pool means for this address.
    Outlook(Address),
}

impl Request {
    /// Bytes of the blocks and transactions in it.
    pub fn bytes(&self) -> usize {
        match self {
            Self::SubmitBlock(block) => block.size(),
            Self::ReplaceChain(blocks) => blocks.iter().map(|block| block.size()).sum(),
            Self::SubmitTransaction(transaction) => transaction.size(),
            Self::SubmitTransactions(transactions) => transactions.iter().map(|transaction| transaction.size()).sum(),
            _ => 0,
        }
    }
}

/// A peer as somebody makes it known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Its public id, if told.
    pub node: Option<NodeId>,
    /// Its HTTP address, or empty.
    pub http: String,
    /// Its key between nodes, if told.
    pub peer: Option<PeerId>,
    /// Where it accepts peers.
    pub addresses: Vec<String>,
}
