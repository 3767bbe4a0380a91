//! What followers are told in passing: orphans, and what peers did wrong.

use shared::wire::{Message, NodeId};

use super::{
    branch::{Branch, announcement, key},
    conversation::{Node, stranger},
};
use crate::machine::{event::Request, notice::Notice, store::ReadChain};

fn penalties(node: &Node) -> Vec<(Option<NodeId>, bool)> {
    let penalty = |notice: &Notice| match notice {
        Notice::Penalty { peer, banned, .. } => Some((*peer, *banned)),
        Notice::Orphan { .. } => None,
    };
    node.notices.iter().filter_map(penalty).collect()
}

#[test]
fn a_block_without_a_known_parent_is_an_orphan_of_whoever_told_of_it() {
    let mut branch = Branch::of(&key(101));
    let orphan = branch.grow(2);
    let mut node = Node::new(1);
    node.meets(stranger(1));
    node.hears(stranger(1), Message::Announce(announcement(&orphan)));
    let (hash, parent) = (orphan.hash(), orphan.header().previous);
    let peer = Some(NodeId(stranger(1).0));
    assert_eq!(node.notices, [Notice::Orphan { hash, parent, peer }]);
    node.notices.clear();
    node.asks(Request::SubmitBlock(orphan.clone()));
    assert_eq!(node.notices, [Notice::Orphan { hash, parent, peer: None }]);
    assert_eq!(node.machine.store().journal_end().unwrap(), 0, "nothing of it is written");
}

#[test]
fn a_ban_is_told_with_the_peers_public_id_and_its_fault() {
    let mut node = Node::new(1);
    node.meets(stranger(1));
    let mut cheat = Branch::of(&key(101)).draft(Vec::new());
    cheat.coinbase.reward = cheat.coinbase.reward.checked_add(shared::Amount::new(1).unwrap()).unwrap();
    node.hears(stranger(1), Message::Announce(announcement(&cheat.checked())));
    assert!(node.has_banned(stranger(1)));
    let [Notice::Penalty { peer, fault, banned }] = &node.notices[..] else { panic!("{:?}", node.notices) };
    assert_eq!((*peer, *banned), (Some(NodeId(stranger(1).0)), true));
    assert!(fault.contains("reward"), "{fault}");
}

#[test]
fn each_strike_is_told_and_whoever_told_no_name_has_none() {
    let branch = {
        let mut branch = Branch::of(&key(101));
        branch.grow(3);
        branch
    };
    let mut node = Node::new(1);
    node.meets_with(stranger(1), &branch);
    node.greets_silently(stranger(2));
    node.waits(11);
    let mut told = penalties(&node);
    told.sort();
    assert_eq!(told, [(None, false), (Some(NodeId(stranger(1).0)), false)]);
    assert!(!node.keeps(stranger(2)));
    assert!(node.keeps(stranger(1)));
    assert_eq!(node.machine.store().journal_end().unwrap(), 0, "nothing of it is written");
}
