//! What is kept of a timeline that goes on for long, and how all of it is told at once.

use super::*;

fn hash(n: u32) -> BlockHash {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    BlockHash(bytes)
}

fn connected(node: u16, height: u32) -> Entry {
    let what = What::Connected { height, hash: hash(height), transactions: 0, about: About::default() };
    Entry::node(0, node, what)
}

#[test]
fn blocks_far_below_every_tip_are_forgotten() {
    let mut state = State::default();
    (1..=2 * KEPT).for_each(|height| [0, 1].into_iter().for_each(|node| state.apply(&connected(node, height))));
    state.trim();
    assert_eq!(state.tree.values().map(|block| block.height).min(), Some(KEPT));
}

/// Neither a node that stays behind nor blocks without parents make what is kept grow without end.
#[test]
fn what_is_kept_is_bounded_whatever_one_node_or_peer_does() {
    let most = u32::try_from(MOST).unwrap();
    let mut behind = State::default();
    behind.apply(&connected(0, 1));
    (1..2 * most).for_each(|height| behind.apply(&connected(1, height)));
    behind.trim();
    assert_eq!(behind.tree.len(), MOST + 1);
    assert!(behind.tree.contains_key(&hash(1)) && behind.tree.contains_key(&hash(2 * most - 1)));
    assert!(!behind.tree.contains_key(&hash(2)));

    let mut orphans = State::default();
    orphans.apply(&connected(0, 1));
    for n in 2..2 * most {
        let what = What::Orphan { hash: hash(n), parent: hash(u32::MAX), peer: None };
        orphans.apply(&Entry::node(0, 0, what));
    }
    orphans.trim();
    assert_eq!(orphans.tree.len(), MOST + 1);
    assert!(orphans.tree.contains_key(&hash(1)));
}
#[test]
fn a_large_pool_is_told_whole_in_lines_of_bounded_length() {
    let mut state = State::default();
    state.apply(&Entry::node(0, 0, What::Ready { miner: None, peer: None, id: None, address: None }));
    state.apply(&connected(0, 1));
    for n in 0..=u32::try_from(IN_A_LINE).unwrap() {
        state.apply(&Entry::node(0, 0, What::Pooled { id: TxId(hash(n).0), returned: false }));
    }
    state.nodes.get_mut(&0).unwrap().journal = Some("5".to_owned());
    let whole = state.told_whole(0);
    let mut again = State::default();
    whole.iter().for_each(|entry| again.apply(entry));
    assert_eq!(again.nodes, state.nodes);
    assert!(whole.iter().all(|entry| entry.line().len() < 100 * IN_A_LINE));
    assert_eq!(whole.iter().filter(|entry| entry.journal.is_some()).count(), 1);
}
