//! What a restart keeps: the chain as it was committed, and the node's own users' transactions.

use shared::{Address, wire::Message};

use super::{
    branch::{Branch, checked, key, note, pay},
    conversation::{Node, exchange, stranger},
};
use crate::machine::{
    effect::{Effect, Reply},
    event::{Event, Request, RequestId},
    journal::ChainEvent,
    store::ReadChain,
};

fn funded() -> Branch {
    let mut branch = Branch::of(&key(101));
    branch.grow(2);
    branch
}

#[test]
fn the_chain_and_own_transactions_are_there_again() {
    let branch = funded();
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    for nonce in 0..5 {
        let request = node.asks(Request::SubmitTransaction(checked(note(&key(101), nonce, 4, 0))));
        assert!(matches!(node.reply(request), Some(Reply::Accepted(_))));
    }
    node.meets(stranger(1));
    node.hears(stranger(1), shared::wire::Message::Transactions(vec![note(&key(101), 5, 4, 0)]));
    assert_eq!(node.pooled(), 6);
    let node = node.restarted();
    assert_eq!(node.tip(), branch.tip());
    assert_eq!(node.pooled(), 5, "somebody else's is not kept");
}

/// Whoever follows the journal alone has the pool right: a restart is told, and after it what waits again.
#[test]
fn a_restart_is_told_with_what_waits_after_it() {
    assert_eq!(Node::new(1).restarted().machine.store().journal_end().unwrap(), 0, "there was nothing to follow");
    let mut node = Node::new(1);
    node.takes(&funded().blocks);
    let own = note(&key(101), 0, 4, 0);
    node.asks(Request::SubmitTransaction(checked(own.clone())));
    node.meets(stranger(1));
    node.hears(stranger(1), shared::wire::Message::Transactions(vec![note(&key(101), 1, 4, 0)]));
    let told = node.machine.store().journal_end().unwrap();
    let node = node.restarted();
    let after = node.machine.store().journal(told + 1, 10).unwrap();
    let events: Vec<ChainEvent> = after.into_iter().map(|(_, event)| event).collect();
    assert_eq!(events, [ChainEvent::Restarted, ChainEvent::Pooled { id: own.id(), returned: false }]);
}

/// A crash between the two leaves the node as it was, with peers that know more than it does; its user was told nothing.
#[test]
fn peers_are_told_before_the_commit_and_users_after_it() {
    let branch = funded();
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    node.meets(stranger(1));
    let payment = note(&key(101), 0, 4, 0);
    let request = Request::SubmitTransaction(checked(payment.clone()));
    node.machine.take_all([Event::Request { id: RequestId(77), request }], node.now).unwrap();
    let sends = node.machine.take_sends();
    let [Effect::Send { to, message: Message::Pooled(ids) }] = &sends[..] else { panic!("{sends:?}") };
    assert_eq!((&to[..], &ids[..]), (&[stranger(1)][..], &[payment.id()][..]));
    let mut node = node.restarted();
    assert_eq!(node.pooled(), 0);
    node.meets(stranger(1));
    node.hears(stranger(1), Message::Transactions(vec![payment.clone()]));
    assert_eq!(node.pooled(), 1, "it gets back what it had told");

    let other = checked(note(&key(101), 1, 4, 0));
    let request = Event::Request { id: RequestId(78), request: Request::SubmitTransaction(other) };
    node.machine.take_all([request], node.now).unwrap();
    assert_eq!(node.machine.take_sends().len(), 1);
    let after = node.machine.commit().unwrap();
    assert!(after.iter().any(|effect| matches!(effect, Effect::Reply { reply: Reply::Accepted(_), .. })), "{after:?}");
}

#[test]
fn a_confirmed_one_is_not_offered_again() {
    let mut branch = funded();
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    let payment = note(&key(101), 0, 4, 0);
    node.asks(Request::SubmitTransaction(checked(payment.clone())));
    node.takes(&[branch.grow_with(vec![payment])]);
    assert!(node.machine.store().own_transactions().unwrap().is_empty());
    assert_eq!(node.restarted().pooled(), 0);
}

/// A user's payment out of money that a reorganisation took back is kept until that money is there
/// again, without a restart and over one.
#[test]
fn an_own_transaction_that_cannot_take_effect_now_is_kept_and_comes_back() {
    for restart in [false, true] {
        let (ann, ben) = (key(101), key(102));
        let trunk = funded();
        let (mut loser, mut winner) = (trunk.clone(), trunk.fork(&key(103)));
        let funding = pay(&ann, 0, Address::of(&ben), 1_000, 0);
        loser.grow_with(vec![funding.clone()]);
        winner.grow(2);
        let mut node = Node::new(1);
        node.takes(&loser.blocks);
        let spend = pay(&ben, 0, Address::of(&ann), 500, 1);
        node.asks(Request::SubmitTransaction(checked(spend.clone())));
        node.takes(&winner.blocks);
        assert_eq!(node.tip(), winner.tip());
        assert_eq!(node.pooled(), 1, "the funding waits again, the spend cannot");
        let own = node.machine.store().own_transactions().unwrap();
        assert!(own.contains(&spend), "it is kept on disk");
        if restart {
            node = node.restarted();
        }
        node.takes(&[winner.grow_with(vec![funding])]);
        assert_eq!(node.pooled(), 1, "restart: {restart}");
        assert_eq!(node.machine.pool.select(usize::MAX)[0].id(), spend.id());
        node.takes(&[winner.grow_with(vec![spend])]);
        assert!(node.machine.store().own_transactions().unwrap().is_empty());
    }
}

/// A confirmed payment that a reorganisation takes off the chain together with the money for it is kept
/// again, although it was forgotten when it was confirmed.
#[test]
fn a_confirmed_transaction_that_a_reorganisation_leaves_unaffordable_is_kept_again() {
    let (ann, ben) = (key(101), key(102));
    let trunk = funded();
    let (mut loser, mut winner) = (trunk.clone(), trunk.fork(&key(103)));
    let funding = pay(&ann, 0, Address::of(&ben), 1_000, 0);
    loser.grow_with(vec![funding.clone()]);
    winner.grow(3);
    let mut node = Node::new(1);
    node.takes(&loser.blocks);
    let spend = pay(&ben, 0, Address::of(&ann), 500, 1);
    node.asks(Request::SubmitTransaction(checked(spend.clone())));
    node.takes(&[loser.grow_with(vec![spend.clone()])]);
    assert!(node.machine.store().own_transactions().unwrap().is_empty());
    node.takes(&winner.blocks);
    assert_eq!(node.tip(), winner.tip());
    assert!(node.machine.store().own_transactions().unwrap().contains(&spend));
    node.takes(&[winner.grow_with(vec![funding])]);
    assert_eq!(node.machine.pool.select(usize::MAX)[0].id(), spend.id());
}

#[test]
fn one_whose_nonce_another_one_used_up_is_dropped_for_good() {
    let mut branch = funded();
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    node.asks(Request::SubmitTransaction(checked(note(&key(101), 0, 4, 0))));
    node.takes(&[branch.grow_with(vec![note(&key(101), 0, 5, 0)])]);
    assert!(node.machine.store().own_transactions().unwrap().is_empty());
    assert_eq!(node.pooled(), 0);
}

#[test]
fn a_restart_in_the_middle_of_catching_up_goes_on_from_there() {
    let mut branch = Branch::of(&key(101));
    branch.grow(400);
    let (mut alice, mut bob) = (Node::new(1), Node::new(2));
    bob.takes(&branch.blocks);
    alice.takes(&branch.blocks[..150]);
    alice.meets_with(stranger(1), &branch);
    alice.learns_headers(stranger(1), &branch.headers()[150..]);
    let mut alice = alice.restarted();
    assert_eq!(alice.height(), 150);
    alice.connect_to(&mut bob);
    exchange(&mut [&mut alice, &mut bob]);
    assert_eq!(alice.tip(), branch.tip());
}

/// The same events after a restart give the same chain as without.
#[test]
fn a_side_branch_from_before_a_restart_can_still_win() {
    let trunk = funded();
    let (mut ours, mut theirs) = (trunk.fork(&key(102)), trunk.fork(&key(103)));
    ours.grow(2);
    theirs.grow(3);
    let mut node = Node::new(1);
    node.takes(&ours.blocks);
    node.takes(&theirs.blocks[2..4]);
    let mut node = node.restarted();
    node.takes(&theirs.blocks[4..]);
    assert_eq!(node.tip(), theirs.tip());
}
