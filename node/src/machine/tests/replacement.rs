//! A transaction that takes the place of a waiting one with its sender and nonce, for a higher fee.

use std::sync::Arc;

use proptest::prelude::*;
use shared::{Address, Amount, CheckedTransaction, Transaction, TxId, rules::ledger::Account, wire::Message};

use super::{
    branch::{Branch, checked, key, note, pay},
    conversation::{Node, elapse, exchange, stranger},
};
use crate::machine::{
    effect::Reply,
    event::Request,
    journal::ChainEvent,
    pool::{Pool, PoolError},
    store::ReadChain,
};

fn account(units: u64) -> Account {
    Account { balance: Amount::new(units).unwrap(), nonce: 0 }
}

fn waiting(pool: &Pool) -> Vec<TxId> {
    pool.ids().collect()
}

#[test]
fn a_tenth_more_and_more_for_each_byte_is_enough_and_what_is_enough_is_told() {
    // Bytes and fee of the one that waits, bytes of the newcomer, and the least fee that is enough. The
    // transaction around the bytes has 134.
    for (old_bytes, old_fee, new_bytes, enough) in [
        (10, 0, 10, 1),
        (10, 1, 10, 2),
        (10, 10, 10, 11),
        (10, 11, 10, 13),
        (10, 1_000, 10, 1_100),
        (1_000, 1_000, 10, 1_100),
        (10, 1_000, 1_000, 7_876),
        (10, 0, 1_000, 1),
    ] {
        let old = checked(note(&key(1), 0, old_bytes, old_fee));
        let mut pool = Pool::default();
        pool.insert(old.clone(), account(1_000_000)).unwrap();
        let too_little = checked(note(&key(1), 0, new_bytes, enough - 1));
        let error = pool.insert(too_little, account(1_000_000)).unwrap_err();
        let known = old_bytes == new_bytes && enough - 1 == old_fee;
        let expected = if known { PoolError::Known } else { PoolError::Underbid { waiting: old.id(), enough } };
        assert_eq!(error, expected, "{old_bytes} bytes, fee {old_fee}, then {new_bytes} bytes");
        assert_eq!(waiting(&pool), [old.id()]);
        let new = checked(note(&key(1), 0, new_bytes, enough));
        let gone = pool.insert(new.clone(), account(1_000_000)).unwrap();
        assert_eq!(gone, [(old, PoolError::Replaced { by: new.id() })]);
        assert_eq!(waiting(&pool), [new.id()]);
    }
}

/// No fee that can exist is enough, and saying so is no overflow.
#[test]
fn nothing_outbids_all_the_money_there_is() {
    let all = Account { balance: Amount::MAX, nonce: 0 };
    let mut pool = Pool::default();
    pool.insert(checked(note(&key(1), 0, 10, Amount::MAX.units())), all).unwrap();
    let refused = pool.insert(checked(note(&key(1), 0, 32_000, Amount::MAX.units())), all);
    assert!(matches!(refused, Err(PoolError::Underbid { enough, .. }) if enough > Amount::MAX.units()));
}

#[test]
fn what_waits_behind_stays_or_the_replacement_is_refused() {
    let to = Address::of(&key(9));
    let mut pool = Pool::default();
    let run: Vec<_> = (0..3).map(|nonce| checked(pay(&key(1), nonce, to, 100, 10))).collect();
    run.iter().for_each(|tx| drop(pool.insert(tx.clone(), account(400)).unwrap()));
    let version = pool.version();
    let too_dear = checked(pay(&key(1), 1, to, 160, 21));
    let error = pool.insert(too_dear, account(400)).unwrap_err();
    let sentence = "it costs 181 units, the sender has 180 beside the 220 that its other pending transactions cost";
    assert_eq!(error.to_string(), sentence);
    assert_eq!((waiting(&pool), pool.version()), (run.iter().map(|tx| tx.id()).collect(), version));
    let affordable = checked(pay(&key(1), 1, to, 159, 21));
    pool.insert(affordable.clone(), account(400)).unwrap();
    assert_eq!(waiting(&pool), [run[0].id(), affordable.id(), run[2].id()]);
    let outlook = pool.outlook(&Address::of(&key(1)), account(400));
    assert_eq!((outlook.next_nonce, outlook.spendable, outlook.count), (3, Amount::ZERO, 3));
}

#[test]
fn a_larger_replacement_in_a_full_pool_makes_room_or_changes_nothing() {
    let small = checked(note(&key(1), 0, 100, 10));
    let other = checked(note(&key(2), 0, 100, 30));
    let mut pool = Pool::with_limits(usize::MAX, small.size() + other.size());
    for transaction in [&small, &other] {
        pool.insert(transaction.clone(), account(1_000)).unwrap();
    }
    let larger = checked(note(&key(1), 0, 200, 32));
    assert_eq!(pool.insert(larger, account(1_000)), Err(PoolError::Full));
    assert_eq!(pool.count(), 2);
    let dearer = checked(note(&key(1), 0, 200, 200));
    let gone = pool.insert(dearer.clone(), account(1_000)).unwrap();
    assert_eq!(gone, [(small, PoolError::Replaced { by: dearer.id() }), (other, PoolError::Displaced)]);
    assert_eq!(waiting(&pool), [dearer.id()]);
}

fn funded() -> Branch {
    let mut branch = Branch::of(&key(101));
    branch.grow(2);
    branch
}

fn node_at(number: u8, branch: &Branch) -> Node {
    let mut node = Node::new(number);
    node.takes(&branch.blocks);
    node
}

fn submit(node: &mut Node, transaction: &Transaction) {
    let request = node.asks(Request::SubmitTransaction(checked(transaction.clone())));
    assert!(matches!(node.reply(request), Some(Reply::Accepted(_))), "{:?}", node.reply(request));
}

fn dropped(node: &Node) -> Vec<(TxId, String)> {
    let journal = node.machine.store().journal(0, usize::MAX).unwrap();
    let dropped = journal.into_iter().filter_map(|(_, event)| match event {
        ChainEvent::Dropped { id, reason } => Some((id, reason)),
        _ => None,
    });
    dropped.collect()
}

#[test]
fn a_replacement_is_told_with_its_name_and_passed_on() {
    let branch = funded();
    let [mut alice, mut bob, mut cleo] = [1, 2, 3].map(|number| node_at(number, &branch));
    alice.connect_to(&mut bob);
    bob.connect_to(&mut cleo);
    exchange(&mut [&mut alice, &mut bob, &mut cleo]);
    let (first, second) = (note(&key(101), 0, 8, 10), note(&key(101), 0, 8, 11));
    submit(&mut alice, &first);
    submit(&mut alice, &note(&key(101), 1, 8, 0));
    exchange(&mut [&mut alice, &mut bob, &mut cleo]);
    // From the other end of the line.
    submit(&mut cleo, &second);
    exchange(&mut [&mut alice, &mut bob, &mut cleo]);
    for node in [&alice, &bob, &cleo] {
        assert!(node.machine.pool.get(&second.id()).is_some() && node.pooled() == 2);
        let reason = format!("{} with the same nonce and a higher fee took its place", second.id());
        assert_eq!(dropped(node), [(first.id(), reason)]);
    }
}

/// One that came and went within one batch of events is not offered to anybody.
#[test]
fn what_is_replaced_at_once_is_not_told_to_peers() {
    let branch = funded();
    let mut node = node_at(1, &branch);
    node.meets(stranger(1));
    node.said_to(stranger(1));
    let bids: Vec<_> = [0, 1, 2].map(|fee| note(&key(101), 0, 8, fee)).into();
    node.meets(stranger(2));
    node.hears(stranger(2), Message::Transactions(bids.clone()));
    assert_eq!(node.said_to(stranger(1)), [Message::Pooled(vec![bids[2].id()])]);
}

/// The user learns that it was replaced. It is kept, never fights for its place, and is given up when
/// its successor is confirmed.
#[test]
fn an_own_transaction_that_is_replaced_waits_aside_until_its_successor_is_confirmed() {
    for restart in [false, true] {
        let mut branch = funded();
        let mut node = node_at(1, &branch);
        let (first, second) = (note(&key(101), 0, 8, 10), note(&key(101), 0, 8, 20));
        submit(&mut node, &first);
        node.meets(stranger(1));
        node.hears(stranger(1), Message::Transactions(vec![second.clone()]));
        let kept = |node: &Node| node.machine.store().own_transactions().unwrap();
        node.takes(&[branch.grow(1)]);
        assert_eq!(node.machine.pool.ids().collect::<Vec<_>>(), [second.id()]);
        assert_eq!(kept(&node), std::slice::from_ref(&first));
        if restart {
            // The successor was somebody else's, so the first one is offered until it is met again.
            node = node.restarted();
            assert_eq!(node.machine.pool.ids().collect::<Vec<_>>(), [first.id()]);
            node.meets(stranger(1));
            node.hears(stranger(1), Message::Transactions(vec![second.clone()]));
            assert_eq!(node.machine.pool.ids().collect::<Vec<_>>(), [second.id()]);
        }
        node.takes(&[branch.grow_with(vec![second])]);
        assert_eq!((node.pooled(), kept(&node).len()), (0, 0));
    }
}

#[test]
fn the_first_one_confirmed_after_all_ends_its_successor() {
    let mut branch = funded();
    let mut node = node_at(1, &branch);
    let (first, second) = (note(&key(101), 0, 8, 10), note(&key(101), 0, 8, 20));
    submit(&mut node, &first);
    submit(&mut node, &second);
    assert_eq!(node.machine.store().own_transactions().unwrap().len(), 2);
    node.takes(&[branch.grow_with(vec![first])]);
    assert_eq!((node.pooled(), node.machine.store().own_transactions().unwrap().len()), (0, 0));
    let (id, reason) = dropped(&node).pop().unwrap();
    assert_eq!(id, second.id());
    assert!(reason.contains("nonce 0 was used"), "{reason}");
}

/// Both are on disk; the dearer one is offered first, so nothing is dropped that was not dropped before.
#[test]
fn a_restart_does_not_replace_a_second_time() {
    let branch = funded();
    for fees in [[10, 20], [10, 30], [10, 40]] {
        let mut node = node_at(1, &branch);
        let bids = fees.map(|fee| note(&key(101), 0, 8, fee));
        bids.iter().for_each(|bid| submit(&mut node, bid));
        let before = dropped(&node);
        let node = node.restarted();
        assert_eq!(node.machine.pool.ids().collect::<Vec<_>>(), [bids[1].id()]);
        assert_eq!(dropped(&node), before);
    }
}

/// Two payments of one nonce, neither of which pays enough to take the other's place: each node keeps
/// the one that it had first, and they do not go on about it.
#[test]
fn rivals_that_pay_alike_are_not_passed_to_and_fro() {
    let mut branch = funded();
    let [mut alice, mut bob, mut cleo] = [1, 2, 3].map(|number| node_at(number, &branch));
    let bids = [note(&key(101), 0, 8, 100), note(&key(101), 0, 8, 105)];
    submit(&mut alice, &bids[0]);
    submit(&mut bob, &bids[1]);
    submit(&mut cleo, &bids[1]);
    alice.connect_to(&mut bob);
    bob.connect_to(&mut cleo);
    cleo.connect_to(&mut alice);
    elapse(&mut [&mut alice, &mut bob, &mut cleo], 1);
    for (node, bid) in [(&alice, &bids[0]), (&bob, &bids[1]), (&cleo, &bids[1])] {
        assert_eq!(node.machine.pool.ids().collect::<Vec<_>>(), [bid.id()]);
    }
    assert!(alice.said_to(bob.peer).is_empty() && bob.said_to(alice.peer).is_empty());
    // A block decides.
    let block = branch.grow_with(vec![bids[0].clone()]);
    bob.takes(&[block]);
    elapse(&mut [&mut alice, &mut bob, &mut cleo], 1);
    for node in [&alice, &bob, &cleo] {
        assert_eq!((node.tip(), node.pooled()), (branch.tip(), 0));
        assert!(node.machine.store().own_transactions().unwrap().is_empty());
    }
}

/// For each nonce some bids, each enough against the one before; the last of each are what must stay.
fn ladders(rises: &[Vec<(u64, usize)>]) -> (Vec<Transaction>, Vec<TxId>) {
    let (mut all, mut best) = (Vec::new(), Vec::new());
    for (nonce, rises) in (0..).zip(rises) {
        let mut before: Option<Arc<CheckedTransaction>> = None;
        for (more, bytes) in rises {
            let size = checked(note(&key(101), nonce, *bytes, 0)).size() as u64;
            let fee = before.as_ref().map_or(0, |before| {
                let (fee, its_size) = (before.fee.units(), before.size() as u64);
                (fee + fee.div_ceil(10).max(1)).max(fee * size / its_size + 1)
            });
            let bid = note(&key(101), nonce, *bytes, fee + more);
            before = Some(checked(bid.clone()));
            all.push(bid);
        }
        best.extend(before.map(|bid| bid.id()));
    }
    (all, best)
}

/// The best bid for each nonce, and all bids in two orders.
fn bids_in_two_orders() -> impl Strategy<Value = (Vec<TxId>, Vec<Transaction>, Vec<Transaction>)> {
    let rises = proptest::collection::vec(proptest::collection::vec((0_u64..50, 1_usize..600), 1..5), 1..4);
    rises.prop_flat_map(|rises| {
        let (all, best) = ladders(&rises);
        (Just(best), Just(all.clone()).prop_shuffle(), Just(all).prop_shuffle())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn nodes_that_get_the_same_bids_in_any_order_end_with_the_same_ones(
        (best, one, other) in bids_in_two_orders(),
        together in any::<bool>(),
    ) {
        let branch = funded();
        let (mut alice, mut bob) = (node_at(1, &branch), node_at(2, &branch));
        if together {
            alice.connect_to(&mut bob);
        }
        for node in [&mut alice, &mut bob] {
            node.meets(stranger(1));
        }
        for (mine, theirs) in one.into_iter().zip(other) {
            alice.hears(stranger(1), Message::Transactions(vec![mine]));
            bob.hears(stranger(1), Message::Transactions(vec![theirs]));
            if together {
                exchange(&mut [&mut alice, &mut bob]);
            }
        }
        prop_assert_eq!(alice.machine.pool.ids().collect::<Vec<_>>(), best.clone());
        prop_assert_eq!(bob.machine.pool.ids().collect::<Vec<_>>(), best);
    }
}
