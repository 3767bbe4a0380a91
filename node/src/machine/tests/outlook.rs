//! What the pool means for one address: what it can still spend, what is on its way to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use shared::{Address, Amount, CheckedTransaction, Payload, rules::ledger::Account};

use super::{
    branch::{Branch, checked, key, note, pay},
    conversation::Node,
};
use crate::machine::{
    effect::{Outlook, Reply},
    event::Request,
    pool::Pool,
};

fn units(amount: Amount) -> u64 {
    amount.units()
}

fn outlook_of(node: &mut Node, address: Address) -> Outlook {
    let request = node.asks(Request::Outlook(address));
    match node.reply(request) {
        Some(Reply::Outlook(outlook)) => outlook.clone(),
        other => panic!("no outlook but {other:?}"),
    }
}

/// Next nonce, what can be spent, what goes out, what comes in, how many wait.
fn figures(outlook: &Outlook) -> (u64, u64, u64, u64, usize) {
    let Outlook { next_nonce, spendable, outgoing, incoming, count, .. } = outlook;
    (*next_nonce, units(*spendable), units(*outgoing), units(*incoming), *count)
}

#[test]
fn a_payment_shows_on_both_sides_until_it_is_confirmed() {
    let (payer, payee) = (key(101), Address::of(&key(102)));
    let mut branch = Branch::of(&payer);
    branch.grow(1);
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    let subsidy = units(branch.blocks[0].coinbase().reward);
    let transactions = [pay(&payer, 0, payee, 250, 3), note(&payer, 1, 8, 2), pay(&payer, 2, branch.miner, 40, 1)];
    for transaction in &transactions {
        node.asks(Request::SubmitTransaction(checked(transaction.clone())));
    }
    let ours = outlook_of(&mut node, branch.miner);
    assert_eq!(figures(&ours), (3, subsidy - 296, 296, 40, 3), "what goes to oneself comes back later");
    assert_eq!(ours.account, Account { balance: Amount::new(subsidy).unwrap(), nonce: 0 });
    assert_eq!(ours.pending.iter().map(|tx| tx.nonce).collect::<Vec<_>>(), [0, 1, 2]);
    let theirs = outlook_of(&mut node, payee);
    assert_eq!(figures(&theirs), (0, 0, 0, 250, 1));
    assert_eq!(theirs.pending[0].id(), transactions[0].id());
    node.takes(&[branch.grow_with(transactions[..2].to_vec())]);
    let reward = units(branch.blocks[1].coinbase().reward);
    assert_eq!(figures(&outlook_of(&mut node, payee)), (0, 250, 0, 0, 0));
    let left = subsidy + reward - 255 - 41;
    assert_eq!(figures(&outlook_of(&mut node, branch.miner)), (3, left, 41, 40, 1));
    assert_eq!(figures(&outlook_of(&mut node, Address([3; 32]))), (0, 0, 0, 0, 0));
}

#[test]
fn a_long_list_is_cut_so_that_both_sides_are_seen() {
    let rich = Account { balance: Amount::new(1_000_000).unwrap(), nonce: 7 };
    let to = Address::of(&key(1));
    let mut pool = Pool::default();
    for nonce in 7..127 {
        pool.insert(checked(note(&key(1), nonce, 4, 1)), rich).unwrap();
    }
    let sides = |pool: &Pool| {
        let outlook = pool.outlook(&to, rich);
        let sent = outlook.pending.iter().take_while(|tx| tx.sender == to).count();
        (outlook.count, sent, outlook.pending.len() - sent)
    };
    assert_eq!(sides(&pool), (120, 100, 0));
    for nonce in 7..27 {
        pool.insert(checked(pay(&key(2), nonce, to, 5, 1)), rich).unwrap();
    }
    assert_eq!(sides(&pool), (140, 80, 20));
    for nonce in 27..127 {
        pool.insert(checked(pay(&key(2), nonce, to, 5, 1)), rich).unwrap();
    }
    assert_eq!(sides(&pool), (240, 50, 50));
    assert_eq!(pool.outlook(&to, rich).incoming.units(), 600);
}

const PEOPLE: u8 = 4;

/// What the outlook should say, from a look at every transaction.
fn by_looking_at_all(pool: &Pool, address: &Address, account: Account) -> (u64, u64, u64, u64, usize) {
    let all = pool.select(usize::MAX);
    let from: Vec<_> = all.iter().filter(|tx| tx.sender == *address).collect();
    let cost: u64 = from.iter().map(|tx| units(tx.cost().unwrap())).sum();
    let to = |tx: &Arc<CheckedTransaction>| match &tx.payload {
        Payload::Transfer { to, amount } if to == address => units(*amount),
        _ => 0,
    };
    let count = all.iter().filter(|tx| tx.sender == *address || to(tx) > 0).count();
    let spendable = units(account.balance) - cost;
    (account.nonce + from.len() as u64, spendable, cost, all.iter().map(to).sum(), count)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever enters, is displaced, confirmed and dropped.
    #[test]
    fn the_outlook_is_what_a_look_at_every_transaction_says(
        steps in proptest::collection::vec((1..=PEOPLE, 1..=PEOPLE, 1_u64..60, 0_u64..9, 0_u8..4), 1..60),
    ) {
        let mut pool = Pool::with_limits(12, usize::MAX);
        let start = Account { balance: Amount::new(200).unwrap(), nonce: 0 };
        let mut accounts: BTreeMap<Address, Account> =
            (1..=PEOPLE).map(|person| (Address::of(&key(person)), start)).collect();
        for (from, to, amount, fee, kind) in steps {
            let (sender, receiver) = (Address::of(&key(from)), Address::of(&key(to)));
            if kind == 0 {
                // A block confirms the sender's first one; the account goes on from there, or is poorer.
                let first = pool.select(usize::MAX).into_iter().find(|tx| tx.sender == sender);
                let account = accounts.get_mut(&sender).unwrap();
                if let Some(first) = &first {
                    account.nonce += 1;
                    account.balance = account.balance.checked_sub(first.cost().unwrap()).unwrap();
                }
                account.balance = account.balance.checked_sub(Amount::new(fee).unwrap()).unwrap_or_default();
                pool.follow(first.into_iter(), [].into_iter(), [sender].into_iter(), |of| Ok(accounts[of])).unwrap();
            } else {
                let next = pool.outlook(&sender, accounts[&sender]).next_nonce;
                let transaction = match kind {
                    1 => note(&key(from), next, 4, fee),
                    _ => pay(&key(from), next, receiver, amount, fee),
                };
                let _ = pool.insert(checked(transaction), accounts[&sender]);
            }
            for (address, account) in &accounts {
                let outlook = pool.outlook(address, *account);
                prop_assert_eq!(figures(&outlook), by_looking_at_all(&pool, address, *account));
                prop_assert_eq!(outlook.pending.len(), outlook.count);
            }
        }
    }
}
