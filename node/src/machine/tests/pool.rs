//! The pool: what enters, in which order it is mined, what leaves it.

use std::sync::Arc;

use shared::{Address, Amount, CheckedTransaction, Millis, Transaction, rules::ledger::Account};

use super::branch::{checked, key, network, note, pay};
use crate::machine::pool::{Pool, PoolError};

fn rich() -> Account {
    Account { balance: Amount::new(1_000_000).unwrap(), nonce: 0 }
}

fn nonces_of(pool: &Pool, bytes: usize) -> Vec<(u64, u64)> {
    pool.select(bytes).iter().map(|tx| (tx.fee.units(), tx.nonce)).collect()
}

#[test]
fn better_fees_go_first_and_each_senders_nonces_in_order() {
    let mut pool = Pool::default();
    for (sender, nonce, fee) in [(1, 0, 10), (1, 1, 90), (2, 0, 50), (3, 0, 5), (3, 1, 500)] {
        pool.insert(checked(note(&key(sender), nonce, 4, fee)), rich()).unwrap();
    }
    assert_eq!(nonces_of(&pool, usize::MAX), [(50, 0), (10, 0), (90, 1), (5, 0), (500, 1)]);
    let one = pool.select(usize::MAX)[0].size();
    assert_eq!(nonces_of(&pool, 2 * one), [(50, 0), (10, 0)]);
    assert!(pool.select(one - 1).is_empty());
}

#[test]
fn a_fee_counts_by_the_byte() {
    let mut pool = Pool::default();
    pool.insert(checked(note(&key(1), 0, 10_000, 100)), rich()).unwrap();
    pool.insert(checked(note(&key(2), 0, 10, 20)), rich()).unwrap();
    assert_eq!(nonces_of(&pool, usize::MAX), [(20, 0), (100, 0)]);
}

#[test]
fn of_what_pays_alike_the_first_written_is_mined_first() {
    let mut pool = Pool::default();
    let written = [(1, 30), (2, 10), (3, 20)].map(|(sender, time)| {
        let unsigned = Transaction { time: Millis(time), ..note(&key(sender), 0, 4, 10) };
        checked(unsigned.signed(&key(sender), &network().genesis_hash()))
    });
    for transaction in &written {
        pool.insert(transaction.clone(), rich()).unwrap();
    }
    let times: Vec<_> = pool.select(usize::MAX).iter().map(|transaction| transaction.time.0).collect();
    assert_eq!(times, [10, 20, 30]);
}

#[test]
fn what_cannot_take_effect_does_not_enter() {
    let to = Address::of(&key(9));
    let table: [(&str, shared::Transaction, &str); 4] = [
        (
            "a gap",
            pay(&key(1), 9, to, 1, 0),
            "its nonce is 9, the sender's next is 8: what comes before it must be sent first",
        ),
        (
            "a nonce that is used up",
            pay(&key(1), 6, to, 2, 0),
            "its nonce 6 was used by a confirmed transaction; the sender's next is 8",
        ),
        (
            "more than is left",
            pay(&key(1), 8, to, 999_950, 1),
            "it costs 999951 units, the sender has 999900 beside the 100 that its other pending transactions cost",
        ),
        ("the same again", pay(&key(1), 7, to, 90, 10), "it is in the pool already"),
    ];
    let account = Account { nonce: 7, ..rich() };
    for (name, transaction, sentence) in table {
        let mut pool = Pool::default();
        pool.insert(checked(pay(&key(1), 7, to, 90, 10)), account).unwrap();
        let version = pool.version();
        let error = pool.insert(checked(transaction), account).unwrap_err();
        assert_eq!(error.to_string(), sentence, "{name}");
        assert_eq!((pool.count(), pool.version()), (1, version), "{name}");
    }
}

/// Who can send for free must not be able to shut the pool for those who pay.
#[test]
fn a_full_pool_makes_room_for_those_who_pay_more() {
    let mut pool = Pool::with_limits(3, usize::MAX);
    for (sender, fee) in [(1, 0), (2, 30), (3, 20)] {
        pool.insert(checked(note(&key(sender), 0, 4, fee)), rich()).unwrap();
    }
    let refused = pool.insert(checked(note(&key(4), 0, 4, 0)), rich());
    assert_eq!(refused, Err(PoolError::Full));
    let displaced = pool.insert(checked(note(&key(4), 0, 4, 10)), rich()).unwrap();
    assert_eq!(displaced.iter().map(|(tx, _)| tx.fee.units()).collect::<Vec<_>>(), [0]);
    assert_eq!(nonces_of(&pool, usize::MAX), [(30, 0), (20, 0), (10, 0)]);
    // Its own earlier one cannot make room for a sender's next, another's can.
    let refused = pool.insert(checked(note(&key(4), 1, 4, 15)), rich());
    assert_eq!(refused, Err(PoolError::Full));
    pool.insert(checked(note(&key(4), 1, 4, 25)), rich()).unwrap();
    assert_eq!(nonces_of(&pool, usize::MAX), [(30, 0), (10, 0), (25, 1)]);
}

#[test]
fn room_is_made_from_the_end_of_a_run_so_that_no_gap_arises() {
    let mut pool = Pool::with_limits(3, usize::MAX);
    for nonce in 0..3 {
        pool.insert(checked(note(&key(1), nonce, 4, [0, 5, 9][nonce as usize])), rich()).unwrap();
    }
    pool.insert(checked(note(&key(2), 0, 4, 20)), rich()).unwrap();
    assert_eq!(nonces_of(&pool, usize::MAX), [(20, 0), (0, 0), (5, 1)]);
}

#[test]
fn bytes_are_counted_and_given_back() {
    let one: Arc<CheckedTransaction> = checked(note(&key(1), 0, 1_000, 1));
    let mut pool = Pool::with_limits(usize::MAX, 2 * one.size());
    for sender in [1, 2] {
        pool.insert(checked(note(&key(sender), 0, 1_000, 1)), rich()).unwrap();
    }
    assert_eq!(pool.insert(checked(note(&key(3), 0, 1_000, 1)), rich()), Err(PoolError::Full));
    let after = Account { nonce: 1, ..rich() };
    pool.follow([one].into_iter(), std::iter::empty(), [].into_iter(), |_| Ok(after)).unwrap();
    pool.insert(checked(note(&key(3), 0, 1_000, 1)), rich()).unwrap();
    assert_eq!(pool.count(), 2);
}

#[test]
fn another_payment_with_the_same_nonce_in_a_block_drops_the_one_that_waits() {
    let to = Address::of(&key(9));
    let mut pool = Pool::default();
    for nonce in 0..3 {
        pool.insert(checked(pay(&key(1), nonce, to, 5, 1)), rich()).unwrap();
    }
    let confirmed = checked(pay(&key(1), 0, to, 700, 1));
    let after = Account { balance: Amount::new(9).unwrap(), nonce: 1 };
    let followed = pool.follow([confirmed].into_iter(), std::iter::empty(), [].into_iter(), |_| Ok(after)).unwrap();
    let dropped: Vec<_> = followed.dropped.iter().map(|(tx, error)| (tx.nonce, error.is_final())).collect();
    assert_eq!(dropped, [(0, true), (2, false)], "the first is replaced, the last no longer affordable");
    assert_eq!(nonces_of(&pool, usize::MAX), [(1, 1)]);
}
