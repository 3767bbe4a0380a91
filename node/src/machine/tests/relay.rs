//! Passing on blocks and transactions.

use shared::{Address, wire::Message};

use super::{
    branch::{Branch, announcement, checked, key, note, pay},
    conversation::{Node, elapse, exchange, stranger},
};
use crate::machine::{effect::Reply, event::Request, store::ReadChain as _};

/// A branch whose first miner can pay.
fn funded() -> Branch {
    let mut branch = Branch::of(&key(101));
    branch.grow(2);
    branch
}

fn trio(branch: &Branch) -> [Node; 3] {
    let [mut alice, mut bob, mut cleo] = [1, 2, 3].map(Node::new);
    for node in [&mut alice, &mut bob, &mut cleo] {
        node.takes(&branch.blocks);
    }
    alice.connect_to(&mut bob);
    bob.connect_to(&mut cleo);
    exchange(&mut [&mut alice, &mut bob, &mut cleo]);
    [alice, bob, cleo]
}

#[test]
fn a_block_travels_in_short_when_its_transactions_are_known() {
    let mut branch = funded();
    let [mut alice, mut bob, mut cleo] = trio(&branch);
    let payment = pay(&key(101), 0, Address::of(&key(102)), 5, 1);
    alice.asks(Request::SubmitTransaction(checked(payment.clone())));
    exchange(&mut [&mut alice, &mut bob, &mut cleo]);
    assert_eq!([alice.pooled(), bob.pooled(), cleo.pooled()], [1; 3]);
    let block = branch.grow_with(vec![payment]);
    alice.takes(std::slice::from_ref(&block));
    let said = alice.said_to(bob.peer);
    assert_eq!(said, [Message::Announce(announcement(&block))]);
    bob.hears(alice.peer, said[0].clone());
    assert_eq!(bob.tip(), block.hash());
    assert!(bob.said_to(alice.peer).is_empty(), "nothing was lacking, and who told it is not told");
    exchange(&mut [&mut alice, &mut bob, &mut cleo]);
    assert_eq!(cleo.tip(), block.hash());
    assert_eq!([alice.pooled(), bob.pooled(), cleo.pooled()], [0; 3]);
}

#[test]
fn only_lacking_transactions_are_asked_for() {
    let mut branch = funded();
    let [_, mut bob, _] = trio(&branch);
    let payments: Vec<_> = (0..3).map(|nonce| pay(&key(101), nonce, Address::of(&key(102)), 5, 1)).collect();
    bob.asks(Request::SubmitTransaction(checked(payments[0].clone())));
    let block = branch.grow_with(payments.clone());
    bob.meets(stranger(1));
    bob.said_to(stranger(1));
    bob.hears(stranger(1), Message::Announce(announcement(&block)));
    let asked = bob.said_to(stranger(1));
    assert_eq!(asked, [Message::GetBlockTransactions { block: block.hash(), positions: vec![1, 2] }]);
    let transactions = payments[1..].to_vec();
    bob.hears(stranger(1), Message::BlockTransactions { block: block.hash(), transactions });
    assert_eq!(bob.tip(), block.hash());
}

#[test]
fn a_block_whose_announcer_goes_away_is_fetched_from_another_at_once() {
    let mut branch = funded();
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    let block = branch.grow_with(vec![note(&key(101), 0, 5, 0)]);
    for number in [1, 2] {
        node.meets(stranger(number));
        node.hears(stranger(number), Message::Announce(announcement(&block)));
    }
    node.said_to(stranger(2));
    node.loses(stranger(1));
    let said = node.said_to(stranger(2));
    assert!(said.contains(&Message::GetBlocks(vec![block.hash()])), "{said:?}");
}

/// Whoever announces first and then withholds must not hold a block back for long.
#[test]
fn a_withheld_rebuild_is_given_up_before_peers_lose_a_race() {
    let mut branch = funded();
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    let block = branch.grow_with(vec![note(&key(101), 0, 5, 0)]);
    for number in [1, 2] {
        node.meets(stranger(number));
        node.hears(stranger(number), Message::Announce(announcement(&block)));
    }
    node.said_to(stranger(2));
    node.waits(2);
    let said = node.said_to(stranger(2));
    assert!(said.contains(&Message::GetBlocks(vec![block.hash()])), "{said:?}");
    assert!(node.bans.is_empty());
}

#[test]
fn an_announcement_with_false_ids_is_a_ban_and_the_block_still_comes() {
    let mut branch = funded();
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    let block = branch.grow_with(vec![note(&key(101), 0, 5, 0)]);
    let other = note(&key(101), 0, 6, 0);
    let mut false_ids = announcement(&block);
    false_ids.transactions = vec![other.id()];
    node.meets(stranger(1));
    node.hears(stranger(1), Message::Announce(false_ids));
    node.hears(stranger(1), Message::BlockTransactions { block: block.hash(), transactions: vec![other] });
    assert!(node.has_banned(stranger(1)));
    node.meets(stranger(2));
    node.hears(stranger(2), Message::Announce(announcement(&block)));
    let transactions = block.transactions().iter().map(|transaction| (***transaction).clone()).collect();
    node.hears(stranger(2), Message::BlockTransactions { block: block.hash(), transactions });
    assert_eq!(node.tip(), block.hash());
}

#[test]
fn an_answer_with_other_transactions_leads_to_the_whole_block() {
    let mut branch = funded();
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    let block = branch.grow_with(vec![note(&key(101), 0, 5, 0)]);
    node.meets(stranger(1));
    node.hears(stranger(1), Message::Announce(announcement(&block)));
    node.hears(stranger(1), Message::BlockTransactions { block: block.hash(), transactions: Vec::new() });
    assert!(node.asked_of(stranger(1)).contains(&block.hash()));
    node.hears(stranger(1), Message::Blocks(vec![block.to_block()]));
    assert_eq!(node.tip(), block.hash());
}

#[test]
fn an_announcement_without_its_parent_is_followed_by_headers() {
    let mut branch = funded();
    branch.grow(3);
    let [mut alice, mut bob] = [1, 2].map(Node::new);
    bob.takes(&branch.blocks);
    alice.meets(stranger(1));
    alice.said_to(stranger(1));
    alice.hears(stranger(1), Message::Announce(announcement(branch.blocks.last().unwrap())));
    assert!(matches!(alice.said_to(stranger(1))[..], [Message::GetHeaders { .. }]));
    assert!(alice.keeps(stranger(1)));
    alice.connect_to(&mut bob);
    exchange(&mut [&mut alice, &mut bob]);
    assert_eq!(alice.tip(), branch.tip());
}

/// Ids are random, nonces are not: a newcomer must get a sender's whole run whatever the ids are.
#[test]
fn a_newcomer_gets_the_whole_pool_in_an_order_that_it_can_take() {
    let branch = funded();
    let [mut alice, mut bob] = [1, 2].map(Node::new);
    for node in [&mut alice, &mut bob] {
        node.takes(&branch.blocks);
    }
    for nonce in 0..50 {
        alice.asks(Request::SubmitTransaction(checked(note(&key(101), nonce, 8, 0))));
    }
    alice.connect_to(&mut bob);
    exchange(&mut [&mut alice, &mut bob]);
    assert_eq!(bob.pooled(), 50);
}

/// Two peers' answers may cross: a later nonce that comes first waits for the earlier one.
#[test]
fn a_transaction_that_overtook_its_predecessor_is_not_lost() {
    let branch = funded();
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    node.meets(stranger(1));
    for nonce in [2, 1, 0] {
        node.hears(stranger(1), Message::Transactions(vec![note(&key(101), nonce, 8, 0)]));
    }
    assert_eq!(node.pooled(), 3);
}

/// One peer that tells of a transaction and then withholds it must not keep it from this node.
#[test]
fn a_withheld_transaction_is_asked_of_another_peer() {
    let branch = funded();
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    let payment = note(&key(101), 0, 8, 0);
    for number in [1, 2] {
        node.meets(stranger(number));
        node.said_to(stranger(number));
        node.hears(stranger(number), Message::Pooled(vec![payment.id()]));
    }
    assert_eq!(node.said_to(stranger(1)), [Message::GetTransactions(vec![payment.id()])]);
    assert!(node.said_to(stranger(2)).is_empty());
    node.waits(11);
    assert!(node.said_to(stranger(2)).contains(&Message::GetTransactions(vec![payment.id()])));
    node.hears(stranger(2), Message::Transactions(vec![payment]));
    assert_eq!(node.pooled(), 1);
}

/// A reply stops at a number of bytes; what did not fit is asked for again.
#[test]
fn a_pool_larger_than_one_answer_comes_over_whole() {
    let branch = funded();
    let [mut alice, mut bob] = [1, 2].map(Node::new);
    for node in [&mut alice, &mut bob] {
        node.takes(&branch.blocks);
    }
    for nonce in 0..300 {
        alice.asks(Request::SubmitTransaction(checked(note(&key(101), nonce, 32_000, 0))));
    }
    alice.connect_to(&mut bob);
    exchange(&mut [&mut alice, &mut bob]);
    elapse(&mut [&mut alice, &mut bob], 1);
    assert_eq!(bob.pooled(), 300);
}

#[test]
fn nothing_is_told_twice() {
    let branch = funded();
    let [mut alice, mut bob, mut cleo] = trio(&branch);
    let payment = checked(note(&key(101), 0, 8, 0));
    alice.asks(Request::SubmitTransaction(payment.clone()));
    exchange(&mut [&mut alice, &mut bob, &mut cleo]);
    assert_eq!(cleo.pooled(), 1);
    cleo.hears(bob.peer, Message::Pooled(vec![payment.id()]));
    assert!(cleo.said_to(bob.peer).is_empty());
    let again = cleo.asks(Request::SubmitTransaction(payment));
    assert!(matches!(cleo.reply(again), Some(Reply::Refused(_))));
    exchange(&mut [&mut alice, &mut bob, &mut cleo]);
}

#[test]
fn a_side_block_is_kept_without_fuss_and_its_child_wins() {
    let branch = funded();
    let (mut ours, mut theirs) = (branch.fork(&key(102)), branch.fork(&key(103)));
    ours.grow(1);
    theirs.grow(2);
    let mut node = Node::new(1);
    node.takes(&ours.blocks);
    node.meets(stranger(1));
    for block in &theirs.blocks[2..] {
        node.hears(stranger(1), Message::Announce(announcement(block)));
    }
    assert_eq!(node.tip(), theirs.tip());
}

/// Who announces the tip has it, and hears of the next block alone; nothing else follows.
#[test]
fn the_tip_announced_again_has_no_effect() {
    let mut branch = funded();
    let mut node = Node::new(1);
    let block = branch.grow_with(Vec::new());
    node.takes(&branch.blocks);
    node.meets(stranger(1));
    node.said_to(stranger(1));
    let commits = node.machine.store().journal_end().unwrap();
    node.hears(stranger(1), Message::Announce(announcement(&block)));
    assert_eq!((node.said_to(stranger(1)), node.machine.store().journal_end().unwrap()), (Vec::new(), commits));
    let statuses = node.machine.peers.statuses();
    assert_eq!(statuses[0].height, block.height());
}
