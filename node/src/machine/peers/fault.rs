//! What peers do wrong, and how much that weighs.

use shared::BlockHash;

/// Something a peer did that an honest, healthy one does not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Bytes that are no message, or one beyond its limits.
    #[error("it sent bytes that are no message: {0}")]
    Garbage(String),
    /// A header, block or transaction that breaks a rule of the network.
    #[error("it sent something that breaks a rule: {0}")]
    Invalid(String),
    /// It speaks for another network.
    #[error("it belongs to another network: its genesis block is {theirs}, ours is {ours}")]
    OtherNetwork {
        /// Its genesis block.
        theirs: BlockHash,
        /// This node's.
        ours: BlockHash,
    },
    /// It speaks another version of the messages.
    #[error("it speaks version {0} of the protocol, this node speaks {ours}", ours = shared::wire::VERSION)]
    OtherVersion(u16),
    /// It said nothing where it owed an answer.
    #[error("it did not answer in time")]
    Stalled,
    /// It answered a request for blocks without the ones that it said it has.
    #[error("it did not send blocks that it said it has")]
    Withheld,
    /// It asks for more than it is given, and more again.
    #[error("it asks for more than any peer is given")]
    Greedy,
    /// It has this node's own key or id.
    #[error("it is this node itself, or a copy of it")]
    Oneself,
    /// It never said hello.
    #[error("it did not introduce itself in time")]
    Silent,
}

/// What a fault leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// One of several strikes: it happens to honest peers on a bad link.
    Strike,
    /// The connection ends.
    Part,
    /// The connection ends and the peer is refused for a while.
    Ban,
}

impl Fault {
    /// How much it weighs.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Stalled | Self::Withheld | Self::Greedy => Severity::Strike,
            Self::OtherNetwork { .. } | Self::OtherVersion(_) | Self::Oneself | Self::Silent => Severity::Part,
            Self::Garbage(_) | Self::Invalid(_) => Severity::Ban,
        }
    }
}

/// Strikes in a row after which the connection ends.
pub const MAX_STRIKES: u32 = 4;
