//! The log: an RFC 6962 Merkle tree over all transactions of a chain. Here are its hashes, the right
//! edge that lets it grow in constant memory, and the verification of proofs (RFC 9162 section 2.1).
//! Which transactions enter it, and when, is decided in [`crate::rules::ledger`].

use borsh::{BorshDeserialize, BorshSerialize, io};

use crate::hash::{LogRoot, TxId, sha256};

/// Hash of a leaf holding `data`: SHA-256(0x00 ‖ data).
pub fn leaf_hash(data: &[u8]) -> [u8; 32] {
    sha256(&[&[0], data])
}

/// Hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    sha256(&[&[1], left, right])
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
        let mut node = id.0;
        let mut size = self.size;
        while size & 1 == 1 {
            let Some(left) = self.subtrees.pop() else { break };
            node = node_hash(&left, &node);
            size >>= 1;
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

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962 section 2.1, word for word: the reference the fast way is held against.
    fn tree_hash(leaves: &[[u8; 32]]) -> [u8; 32] {
        match leaves {
            [] => sha256(&[]),
            [leaf] => *leaf,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node_hash(&tree_hash(&leaves[..split]), &tree_hash(&leaves[split..]))
            }
        }
    }

    fn path(index: usize, leaves: &[[u8; 32]]) -> Vec<[u8; 32]> {
        if leaves.len() <= 1 {
            return Vec::new();
        }
        let split = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(split);
        let (mut below, beside) =
            if index < split { (path(index, left), right) } else { (path(index - split, right), left) };
        below.push(tree_hash(beside));
        below
    }

    fn leaves(count: usize) -> Vec<[u8; 32]> {
        (0..count).map(|n| leaf_hash(&n.to_le_bytes())).collect()
    }

    #[test]
    fn the_edge_gives_the_root_of_the_definition() {
        let leaves = leaves(70);
        let mut edge = LogEdge::default();
        for size in 0..=leaves.len() {
            assert_eq!(edge.root().0, tree_hash(&leaves[..size]), "size {size}");
            if let Some(leaf) = leaves.get(size) {
                edge.append(TxId(*leaf));
            }
        }
        assert_eq!(edge.size(), 70);
    }

    #[test]
    fn inclusion_holds_for_every_leaf_and_fails_for_its_neighbour() {
        for size in 1..20 {
            let leaves = leaves(size);
            let root = tree_hash(&leaves);
            for index in 0..size {
                let path = path(index, &leaves);
                let verify = |leaf| verify_inclusion(leaf, index as u64, size as u64, &path, &root);
                assert_eq!(verify(&leaves[index]), Ok(()));
                assert_eq!(verify(&leaf_hash(b"other")), Err(ProofError::Root));
            }
        }
    }

    #[test]
    fn nothing_is_proved_from_an_empty_log() {
        let empty = LogEdge::default().root().0;
        assert_eq!(verify_consistency(0, 0, &[], &empty, &empty), Err(ProofError::OutOfRange));
        assert_eq!(verify_consistency(0, 1, &[], &empty, &leaf_hash(b"x")), Err(ProofError::OutOfRange));
    }

    #[test]
    fn an_edge_whose_subtrees_do_not_make_its_size_does_not_decode() {
        let edge = LogEdge { size: 3, subtrees: vec![[1; 32], [2; 32]] };
        let bytes = borsh::to_vec(&edge).unwrap();
        assert_eq!(LogEdge::try_from_slice(&bytes).unwrap(), edge);
        assert!(LogEdge::try_from_slice(&borsh::to_vec(&LogEdge { size: 4, ..edge }).unwrap()).is_err());
    }
}
