//! Making proofs about the log from the nodes that are kept of it: at most 256 of them are read for each
//! kept level of the tree. The shapes are those of RFC 6962 section 2.1; where nodes are kept is the
//! caller's business.

use std::ops::Range;

use super::{LogNode, TILE_HEIGHT, node_hash};
use crate::hash::{LogRoot, sha256};

/// Nodes kept of a log, by whoever keeps them. `E` is the keeper's own error.
pub trait KeptNodes<E> {
    /// The hash of a node that a log of the size in question has.
    ///
    /// # Errors
    /// When it is not to be had.
    fn node(&self, node: LogNode) -> Result<[u8; 32], E>;
}

impl<E, F: Fn(LogNode) -> Result<[u8; 32], E>> KeptNodes<E> for F {
    fn node(&self, node: LogNode) -> Result<[u8; 32], E> {
        self(node)
    }
}

/// The root of the log's first `size` leaves.
///
/// # Errors
/// The keeper's.
pub fn root<E>(size: u64, kept: &impl KeptNodes<E>) -> Result<LogRoot, E> {
    if size == 0 { Ok(LogRoot(sha256(&[]))) } else { subtree(0..size, kept).map(LogRoot) }
}

/// The audit path of leaf `index` in the log of the first `size` leaves (RFC 6962 section 2.1.1), from the
/// leaf's sibling upwards; `None` when the leaf is not among them.
///
/// # Errors
/// The keeper's.
pub fn inclusion<E>(index: u64, size: u64, kept: &impl KeptNodes<E>) -> Result<Option<Vec<[u8; 32]>>, E> {
    if index >= size {
        return Ok(None);
    }
    let mut path = Vec::new();
    let mut leaves = 0..size;
    while leaves.end - leaves.start > 1 {
        let (left, right) = halves(leaves);
        let (inside, beside) = if index < left.end { (left, right) } else { (right, left) };
        path.push(subtree(beside, kept)?);
        leaves = inside;
    }
    path.reverse();
    Ok(Some(path))
}

/// The proof that the log of `larger` leaves begins with that of `smaller` (RFC 6962 section 2.1.2); empty
/// when they are one. `None` when `smaller` is 0, of which there is nothing to prove, or above `larger`.
///
/// # Errors
/// The keeper's.
pub fn consistency<E>(smaller: u64, larger: u64, kept: &impl KeptNodes<E>) -> Result<Option<Vec<[u8; 32]>>, E> {
    if smaller == 0 || smaller > larger {
        return Ok(None);
    }
    let mut proof = Vec::new();
    let mut leaves = 0..larger;
    // Whether the subtree looked at is one that whoever has the smaller log's root can work out.
    let mut is_known = true;
    while leaves.end != smaller {
        let (left, right) = halves(leaves);
        if smaller <= left.end {
            proof.push(subtree(right, kept)?);
            leaves = left;
        } else {
            proof.push(subtree(left, kept)?);
            leaves = right;
            is_known = false;
        }
    }
    if !is_known {
        proof.push(subtree(leaves, kept)?);
    }
    proof.reverse();
    Ok(Some(proof))
}

/// More than one leaf, split where RFC 6962 splits them: the left part is the largest power of two that
/// leaves something to the right.
fn halves(leaves: Range<u64>) -> (Range<u64>, Range<u64>) {
    let count = leaves.end - leaves.start;
    let split = leaves.start + (1 << (count - 1).ilog2());
    (leaves.start..split, split..leaves.end)
}

/// The hash over leaves that [`halves`] led to, at least one.
fn subtree<E>(leaves: Range<u64>, kept: &impl KeptNodes<E>) -> Result<[u8; 32], E> {
    let count = leaves.end - leaves.start;
    if count.is_power_of_two() {
        return complete(count.ilog2(), leaves.start >> count.ilog2(), kept);
    }
    let (left, right) = halves(leaves);
    Ok(node_hash(&subtree(left, kept)?, &subtree(right, kept)?))
}

/// The root of the `index`-th complete subtree of 2^`height` leaves.
fn complete<E>(height: u32, index: u64, kept: &impl KeptNodes<E>) -> Result<[u8; 32], E> {
    if height.is_multiple_of(TILE_HEIGHT) {
        return kept.node(LogNode { level: (height / TILE_HEIGHT) as u8, index });
    }
    Ok(node_hash(&complete(height - 1, 2 * index, kept)?, &complete(height - 1, 2 * index + 1, kept)?))
}
