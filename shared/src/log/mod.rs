//! The log: an RFC 6962 Merkle tree over all transactions of a chain. Here are its hashes, the right
//! edge that lets it grow in constant memory, and the subtrees that are worth keeping; proofs are made in
//! [`prove`] and verified in [`verify`], a log's statement of its size and root is in [`checkpoint`].
//! Which transactions enter it, and when, is decided in [`crate::rules::ledger`].

pub mod checkpoint;
pub mod prove;
#[cfg(test)]
mod tests;
pub mod verify;

use borsh::{BorshDeserialize, BorshSerialize, io};

pub use self::verify::{ProofError, verify_consistency, verify_inclusion};

use crate::hash::{LogRoot, TxId, sha256};

/// Hash of a leaf holding `data`: SHA-256(0x00 ‖ data).
pub fn leaf_hash(data: &[u8]) -> [u8; 32] {
    sha256(&[&[0], data])
}

/// Hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    sha256(&[&[1], left, right])
}

/// Levels of the tree between two that are kept: a kept hash is that of 256 kept ones below it, as in the
/// tiles of C2SP tlog-tiles.
pub const TILE_HEIGHT: u32 = 8;

/// Names the root of a complete subtree that is kept: the leaves from `index` · 256^`level` on, 256^`level`
/// of them. On level 0 these are the leaves themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogNode {
    /// Kept levels below it, at most 7.
    pub level: u8,
    /// Its place among those of its level, from the left, counted from 0.
    pub index: u64,
}

impl LogNode {
    /// The leaf with this index.
    pub fn leaf(index: u64) -> Self {
        Self { level: 0, index }
    }

    /// The kept nodes that a log of `size` leaves has and one of `smaller` leaves does not.
    pub fn between(smaller: u64, size: u64) -> impl Iterator<Item = Self> {
        let levels = (0..u64::BITS / TILE_HEIGHT).map(move |level| (level, level * TILE_HEIGHT));
        levels.flat_map(move |(level, shift)| {
            (smaller >> shift..size >> shift).map(move |index| Self { level: level as u8, index })
        })
    }
}

/// The right edge of a log: the roots of its largest complete subtrees, left to right. That is all
/// that appending needs: one hash for each bit set in the size.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize)]
pub struct LogEdge {
    size: u64,
    subtrees: Vec<[u8; 32]>,
}

impl LogEdge {
    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a transaction at the end.
    pub fn append(&mut self, id: TxId) {
        self.append_keeping(id, |_, _| {});
    }

    /// Adds a transaction at the end, and tells every kept node that is complete with it.
    pub fn append_keeping(&mut self, id: TxId, mut keep: impl FnMut(LogNode, [u8; 32])) {
        let mut node = id.0;
        let mut index = self.size;
        keep(LogNode::leaf(index), node);
        let mut height = 0;
        while index & 1 == 1 {
            let Some(left) = self.subtrees.pop() else { break };
            node = node_hash(&left, &node);
            index >>= 1;
            height += 1;
            if height % TILE_HEIGHT == 0 {
                keep(LogNode { level: (height / TILE_HEIGHT) as u8, index }, node);
            }
        }
        self.subtrees.push(node);
        self.size += 1;
    }

    /// The Merkle tree hash; SHA-256 of nothing for an empty log.
    pub fn root(&self) -> LogRoot {
        let right_to_left = self.subtrees.iter().rev().copied();
        LogRoot(right_to_left.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(|| sha256(&[])))
    }
}

impl BorshDeserialize for LogEdge {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let (size, subtrees) = <(u64, Vec<[u8; 32]>)>::deserialize_reader(reader)?;
        if subtrees.len() != size.count_ones() as usize {
            let problem = format!("a log of {size} leaves does not have {} subtrees", subtrees.len());
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        Ok(Self { size, subtrees })
    }
}
