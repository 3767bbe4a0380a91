//! What happened to the chain and the pool, as told to whoever follows a node: each entry is numbered
//! and kept with the chain, so that a follower resumes after its own or the node's restart. Nothing
//! here decides anything. Entries are kept on disk: new kinds go to the end, and none changes.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;
use shared::{BlockHash, Height, TxId, Work};

/// One thing that happened, in the order in which it took effect.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ChainEvent {
    /// A block became part of the active chain; its transactions are confirmed.
    Connected {
        /// The block's height.
        height: Height,
        /// The block.
        hash: BlockHash,
        /// How many transactions it confirms.
        transactions: u32,
    },
    /// A block left the active chain: everything said about it is retracted.
    Disconnected {
        /// The block's height.
        height: Height,
        /// The block.
        hash: BlockHash,
        /// The tip that takes its place.
        better: BlockHash,
    },
    /// A transaction entered the pool.
    Pooled {
        /// The transaction.
        id: TxId,
        /// Whether it came back from a block that left the active chain.
        returned: bool,
    },
    /// A transaction left the pool without being confirmed.
    Dropped {
        /// The transaction.
        id: TxId,
        /// Why, as a sentence.
        reason: String,
    },
    /// An alarm: a block left the active chain although this node has signed the log up to it. The node
    /// signs no checkpoints until that block is back, or with another key.
    Contradicted {
        /// The block's height.
        height: Height,
        /// The block.
        hash: BlockHash,
        /// The tip that has more work.
        better: BlockHash,
    },
    /// The active chain is about to move to another branch: what follows retracts the blocks of the old one
    /// and confirms those of the new one.
    Reorganised {
        /// The tip that is left.
        from: BlockHash,
        /// The work up to it.
        from_work: Work,
        /// The tip that is moved to.
        to: BlockHash,
        /// The work up to it: more, or as much and the block of a preferred miner.
        to_work: Work,
        /// The height of the last block that both have.
        fork: Height,
        /// How many blocks leave.
        left: u32,
        /// How many join.
        joined: u32,
        /// How many transactions of blocks that leave wait in the pool again.
        returned: u32,
    },
    /// A block is stored on a branch that is not the active one, as it has not more work.
    Side {
        /// The block's height.
        height: Height,
        /// The block.
        hash: BlockHash,
        /// The block that it builds on.
        previous: BlockHash,
    },
    /// The node was started again: nothing waits in its pool but what the entries after this one put there.
    Restarted,
}
