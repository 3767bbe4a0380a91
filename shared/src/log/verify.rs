//! Verification of proofs about the log (RFC 9162 section 2.1). Nothing here knows where a root comes
//! from, or whether it is to be trusted.

use super::node_hash;

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The text does not have the form of a proof.
    #[error("it does not have the form of a tlog-proof")]
    Form,
    /// The leaf's position is not inside the tree, or the first tree is empty or larger than the second.
    #[error("the proof speaks of a position outside the log")]
    OutOfRange,
    /// Too many or too few hashes.
    #[error("the proof has the wrong number of hashes")]
    Length,
    /// The hashes do not lead to the root.
    #[error("the proof does not lead to the root that it should")]
    Root,
}

/// Verifies that the leaf with hash `leaf` is at `index` in the log of `size` leaves with this root
/// (RFC 9162 section 2.1.3.2).
///
/// # Errors
/// When index, length or hashes are wrong.
pub fn verify_inclusion(
    leaf: &[u8; 32],
    index: u64,
    size: u64,
    path: &[[u8; 32]],
    root: &[u8; 32],
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    let (mut position, mut last, mut node) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if position & 1 == 1 || position == last {
            node = node_hash(sibling, &node);
            skip_missing_siblings(&mut position, &mut last);
        } else {
            node = node_hash(&node, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    if node == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Verifies that the log of `size2` leaves with root `root2` begins with the log of `size1` leaves with
/// root `root1` (RFC 9162 section 2.1.4.2). Every log begins with the empty one, so there is nothing
/// to prove for `size1` 0, and no proof of it is taken.
///
/// # Errors
/// When sizes, length or hashes are wrong.
pub fn verify_consistency(
    size1: u64,
    size2: u64,
    proof: &[[u8; 32]],
    root1: &[u8; 32],
    root2: &[u8; 32],
) -> Result<(), ProofError> {
    if size1 == 0 || size1 > size2 {
        return Err(ProofError::OutOfRange);
    }
    if size1 == size2 {
        return match (proof.is_empty(), root1 == root2) {
            (false, _) => Err(ProofError::Length),
            (true, false) => Err(ProofError::Root),
            (true, true) => Ok(()),
        };
    }
    let mut rest = proof.iter();
    let first = if size1.is_power_of_two() { root1 } else { rest.next().ok_or(ProofError::Length)? };
    let (mut position, mut last) = (size1 - 1, size2 - 1);
    while position & 1 == 1 {
        position >>= 1;
        last >>= 1;
    }
    let (mut old, mut new) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if position & 1 == 1 || position == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            skip_missing_siblings(&mut position, &mut last);
        } else {
            new = node_hash(&new, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    if old == *root1 && new == *root2 { Ok(()) } else { Err(ProofError::Root) }
}

/// On the right edge a node without a sibling moves up unhashed: skip those levels.
fn skip_missing_siblings(position: &mut u64, last: &mut u64) {
    while *position & 1 == 0 && *position != 0 {
        *position >>= 1;
        *last >>= 1;
    }
}
