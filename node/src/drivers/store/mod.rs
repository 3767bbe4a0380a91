//! Where the chain is kept: in memory for the simulator, in a redb database for a real node. Both keep
//! the same promises, held to them by one test suite. What is written when is the machine's business.

mod memory;
mod redb;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use shared::{Height, LogEdge, Network, rules::header::Position};

#[cfg(test)]
pub use self::redb::{Repair, open_on};
pub use self::{
    memory::MemoryStore,
    redb::{CHAIN_FILE, Key, NAMES, OpenError, PageFault, RedbReader, RedbStore, Snapshot, Table},
};
use crate::machine::store::{Batch, Entry, Location, Standing, StoreError};

/// How many journal entries are kept: the newest.
pub const JOURNAL_KEPT: u64 = 100_000;

/// The lowest place on a chain.
const FIRST: Location = Location { height: Height::GENESIS, position: 0 };

/// The highest place on a chain.
const LAST: Location = Location { height: Height(u32::MAX), position: u32::MAX };

/// What every fresh store holds: the genesis block as the whole active chain.
fn genesis_batch(network: &Network) -> Batch {
    let genesis = network.genesis();
    let hash = network.genesis_hash();
    let entry =
        Entry { header: *genesis.header(), position: Position::genesis(network.spec()), standing: Standing::Valid };
    Batch {
        blocks: [(hash, (entry, Arc::clone(genesis)))].into(),
        active: [(Height::GENESIS, Some(hash))].into(),
        tip: Some((hash, LogEdge::default())),
        ..Batch::default()
    }
}

/// The refusal of a batch that gives `what` to a block that the store has never seen.
fn unknown_block(what: &str, hash: &shared::BlockHash) -> StoreError {
    StoreError::Damaged(format!("{what} was to be written for block {hash}, which is not stored"))
}
