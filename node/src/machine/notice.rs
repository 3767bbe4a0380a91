//! What followers of a node are told in passing: why something did not happen, and who is to blame. Peers
//! can cause any number of these, so they are neither kept nor numbered, and whoever is slow misses some.

use serde::Serialize;
use shared::{BlockHash, wire::NodeId};

/// Something that happened and left no trace in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Notice {
    /// A block whose parent is not known here: there is a branch that this node has yet to hear of.
    Orphan {
        /// The block.
        hash: BlockHash,
        /// Its parent.
        parent: BlockHash,
        /// The public id of the peer that told of it; none when it was a user.
        peer: Option<NodeId>,
    },
    /// A peer did something wrong and was warned, let go, or banned.
    Penalty {
        /// Its public id, if it told one.
        peer: Option<NodeId>,
        /// What it did, as a sentence without its subject's name.
        fault: String,
        /// Whether it is refused from now on.
        banned: bool,
    },
}
