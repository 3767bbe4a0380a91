//! The log held against the definitions of RFC 6962 section 2.1, written down word for word.

use std::{collections::BTreeMap, convert::Infallible};

use borsh::BorshDeserialize as _;

use super::*;

/// MTH.
fn tree_hash(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&tree_hash(left), &tree_hash(right))
        }
    }
}

/// PATH.
fn path(index: usize, leaves: &[[u8; 32]]) -> Vec<[u8; 32]> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let split = split(leaves.len());
    let (left, right) = leaves.split_at(split);
    let (mut below, beside) =
        if index < split { (path(index, left), right) } else { (path(index - split, right), left) };
    below.push(tree_hash(beside));
    below
}

/// SUBPROOF.
fn subproof(smaller: usize, leaves: &[[u8; 32]], is_known: bool) -> Vec<[u8; 32]> {
    if smaller == leaves.len() {
        return if is_known { Vec::new() } else { vec![tree_hash(leaves)] };
    }
    let split = split(leaves.len());
    let (left, right) = leaves.split_at(split);
    let (mut proof, beside) = if smaller <= split {
        (subproof(smaller, left, is_known), right)
    } else {
        (subproof(smaller - split, right, false), left)
    };
    proof.push(tree_hash(beside));
    proof
}

fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

fn leaves(count: usize) -> Vec<[u8; 32]> {
    (0..count).map(|n| leaf_hash(&n.to_le_bytes())).collect()
}

/// The log of these leaves, with the nodes that are kept of it.
fn built(leaves: &[[u8; 32]]) -> (LogEdge, BTreeMap<LogNode, [u8; 32]>) {
    let (mut edge, mut kept) = (LogEdge::default(), BTreeMap::new());
    for leaf in leaves {
        edge.append_keeping(TxId(*leaf), |node, hash| assert_eq!(kept.insert(node, hash), None, "{node:?}"));
    }
    (edge, kept)
}

fn reader(kept: &BTreeMap<LogNode, [u8; 32]>) -> impl Fn(LogNode) -> Result<[u8; 32], Infallible> {
    |node| Ok(kept[&node])
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
fn the_kept_nodes_are_those_of_the_tiles() {
    let leaves = leaves(2 * 256 + 3);
    let (_, kept) = built(&leaves);
    let all: Vec<LogNode> = kept.keys().copied().collect();
    let mut between: Vec<LogNode> = LogNode::between(0, leaves.len() as u64).collect();
    between.sort();
    assert_eq!(all, between);
    assert_eq!(kept[&LogNode { level: 1, index: 1 }], tree_hash(&leaves[256..512]));
    let last: Vec<LogNode> = LogNode::between(511, 513).collect();
    assert_eq!(last, [LogNode::leaf(511), LogNode::leaf(512), LogNode { level: 1, index: 1 }]);
    assert_eq!(LogNode::between(1 << 48, (1 << 48) + 1).count(), 1);
    assert_eq!(LogNode::between((1 << 48) - 1, 1 << 48).count(), 7);
}

#[test]
fn proofs_are_those_of_the_definition_and_hold() {
    let leaves = leaves(66);
    let (_, kept) = built(&leaves);
    let kept = reader(&kept);
    for size in 1..=leaves.len() {
        let (now, root) = (&leaves[..size], tree_hash(&leaves[..size]));
        assert_eq!(prove::root(size as u64, &kept).unwrap().0, root);
        for (index, its_leaf) in now.iter().enumerate() {
            let proof = prove::inclusion(index as u64, size as u64, &kept).unwrap().unwrap();
            assert_eq!(proof, path(index, now));
            let verify = |leaf| verify_inclusion(leaf, index as u64, size as u64, &proof, &root);
            assert_eq!(verify(its_leaf), Ok(()));
            assert_eq!(verify(&leaf_hash(b"other")), Err(ProofError::Root));
        }
        for smaller in 1..=size {
            let proof = prove::consistency(smaller as u64, size as u64, &kept).unwrap().unwrap();
            assert_eq!(proof, subproof(smaller, now, true));
            let old = tree_hash(&leaves[..smaller]);
            assert_eq!(verify_consistency(smaller as u64, size as u64, &proof, &old, &root), Ok(()));
        }
    }
}

#[test]
fn proofs_of_large_logs_hold() {
    let leaves = leaves(256 * 256 + 700);
    let (edge, kept) = built(&leaves);
    let kept = reader(&kept);
    let (size, root) = (edge.size(), edge.root());
    assert_eq!(prove::root(size, &kept), Ok(root));
    for index in [0, 255, 256, 65_535, 65_536, size - 1] {
        let proof = prove::inclusion(index, size, &kept).unwrap().unwrap();
        assert_eq!(verify_inclusion(&leaves[index as usize], index, size, &proof, &root.0), Ok(()));
    }
    for smaller in [1, 256, 300, 65_536, 65_537, size - 1] {
        let old = prove::root(smaller, &kept).unwrap();
        let proof = prove::consistency(smaller, size, &kept).unwrap().unwrap();
        assert_eq!(verify_consistency(smaller, size, &proof, &old.0, &root.0), Ok(()));
    }
}

#[test]
fn there_is_no_proof_of_what_is_not_so() {
    let none = |_: LogNode| -> Result<[u8; 32], Infallible> { unreachable!("nothing needs to be read") };
    assert_eq!(prove::inclusion(3, 3, &none), Ok(None));
    assert_eq!(prove::consistency(0, 3, &none), Ok(None));
    assert_eq!(prove::consistency(4, 3, &none), Ok(None));
    assert_eq!(prove::consistency(3, 3, &none), Ok(Some(Vec::new())));
    assert_eq!(prove::root(0, &none), Ok(LogEdge::default().root()));
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
