//! Double spends and forced reorganisations: secret branches from any block on.

use shared::{Address, BlockHash, wire::Message};

use super::{
    super::{
        branch::{Branch, checked, key, pay},
        conversation::{Node, exchange, stranger},
    },
    attack, journal, selfish, set, status, status_in,
};
use crate::machine::{
    effect::Reply,
    event::{Event, Request, RequestId},
    journal::ChainEvent,
    store::ReadChain,
    strategy::{Attack, Ending, Strategy},
};

/// A merchant's payment and the money's way back to its sender.
struct Shop {
    trunk: Branch,
    public: Branch,
    payment: shared::Transaction,
    back: shared::Transaction,
}

impl Shop {
    fn new() -> Self {
        let mut trunk = Branch::of(&key(101));
        trunk.grow(2);
        let payment = pay(&key(101), 0, Address::of(&key(102)), 100, 1);
        let back = pay(&key(101), 0, Address::of(&key(101)), 100, 1);
        let mut public = trunk.fork(&key(103));
        public.grow_with(vec![payment.clone()]);
        Self { trunk, public, payment, back }
    }

    fn attack(&self, confirmations: u32) -> Attack {
        let instead = vec![checked(self.back.clone())];
        Attack { leave_out: [self.payment.id()].into(), instead, ..attack(Some(self.trunk.tip()), confirmations) }
    }

    fn attacker(&self) -> Node {
        let mut node = Node::new(1);
        node.takes(&self.trunk.blocks);
        node.asks(Request::SetMining(true));
        node
    }
}

#[test]
fn a_double_spend_takes_a_confirmed_payment_back() {
    let mut shop = Shop::new();
    let (mut attacker, mut victim) = (shop.attacker(), Node::new(2));
    victim.takes(&shop.trunk.blocks);
    attacker.connect_to(&mut victim);
    exchange(&mut [&mut attacker, &mut victim]);
    set(&mut attacker, Strategy::Private(shop.attack(2)));
    attacker.waits(3);
    let first = attacker.proves();
    assert_eq!(first.transactions().iter().map(|tx| tx.id()).collect::<Vec<_>>(), [shop.back.id()]);
    shop.public.grow(1);
    victim.takes(&shop.public.blocks);
    exchange(&mut [&mut attacker, &mut victim]);
    assert_eq!((attacker.tip(), victim.tip()), (shop.public.tip(), shop.public.tip()));
    let told = status(&mut attacker);
    assert_eq!((told.withheld, told.public.0, told.private.0, told.ending), (1, 4, 3, None));
    let before = [&attacker, &victim].map(|node| node.machine.store().journal_end().unwrap() + 1);
    attacker.proves();
    assert_eq!(victim.machine.store().location(&shop.payment.id()).unwrap().unwrap().height.0, 3);
    attacker.proves();
    exchange(&mut [&mut attacker, &mut victim]);
    assert_eq!(attacker.height(), 5);
    assert_eq!(attacker.tip(), victim.tip());
    for (node, from) in [&attacker, &victim].into_iter().zip(before) {
        assert_eq!(node.machine.store().location(&shop.payment.id()).unwrap(), None);
        assert!(node.machine.store().location(&shop.back.id()).unwrap().is_some());
        let told = journal(node, from);
        let dropped = told.iter().any(|event| {
            matches!(event, ChainEvent::Dropped { id, reason }
            if *id == shop.payment.id() && reason.contains("nonce"))
        });
        assert!(dropped, "{told:?}");
    }
    assert_eq!(status(&mut attacker).ending, Some(Ending::Published));
}

/// Forced by hash power alone: the payment goes back to the pools, and only the attacker goes on leaving
/// it out, with what its sender signed later.
#[test]
fn a_payment_that_was_left_out_waits_again_and_is_left_out_by_the_attacker_alone() {
    let mut shop = Shop::new();
    let later = pay(&key(101), 1, Address::of(&key(102)), 5, 9);
    shop.public.grow_with(vec![later.clone()]);
    let (mut attacker, mut victim) = (shop.attacker(), Node::new(2));
    attacker.takes(&shop.public.blocks);
    victim.takes(&shop.public.blocks);
    attacker.connect_to(&mut victim);
    exchange(&mut [&mut attacker, &mut victim]);
    let plan = Attack { leave_out: [shop.payment.id()].into(), ..attack(Some(shop.trunk.tip()), 2) };
    set(&mut attacker, Strategy::Private(plan));
    attacker.waits(3);
    let before = victim.machine.store().journal_end().unwrap() + 1;
    for private in 1..=3 {
        assert_eq!(victim.tip(), shop.public.tip());
        let block = attacker.proves();
        assert!(block.transactions().is_empty(), "private block {private}");
        exchange(&mut [&mut attacker, &mut victim]);
    }
    assert_eq!((attacker.tip(), attacker.height()), (victim.tip(), 5));
    let returned = |event: &ChainEvent| matches!(event, ChainEvent::Pooled { id, returned: true } if [shop.payment.id(), later.id()].contains(id));
    assert_eq!(journal(&victim, before).iter().filter(|event| returned(event)).count(), 2);
    assert_eq!([attacker.pooled(), victim.pooled()], [2, 2]);
    let block = attacker.proves();
    assert!(block.transactions().is_empty());
    assert_eq!(attacker.tip(), block.hash(), "it is told of at once");
    exchange(&mut [&mut attacker, &mut victim]);
    victim.asks(Request::SetMining(true));
    assert_eq!(victim.proves().transactions().len(), 2);
}

#[test]
fn while_it_attacks_from_below_a_node_shows_the_public_chain() {
    let mut public = Branch::of(&key(101));
    public.grow(5);
    let mut node = Node::new(1);
    node.takes(&public.blocks);
    node.asks(Request::SetMining(true));
    let from = public.blocks[1].hash();
    set(&mut node, Strategy::Private(attack(Some(from), 3)));
    assert_eq!(node.job.clone().unwrap().1.header(0, node.now).previous, from);
    let hidden = node.proves();
    assert_eq!(hidden.height().0, 3);
    node.meets(stranger(1));
    node.hears(stranger(1), Message::GetHeaders { locator: vec![from] });
    let said = node.said_to(stranger(1));
    assert!(said.iter().any(|message| matches!(message, Message::Hello(hello) if hello.head == public.tip())));
    assert!(said.contains(&Message::Headers(public.headers()[2..].to_vec())));
    assert_eq!(node.tip(), public.tip());
    (0..3).for_each(|_| drop(node.proves()));
    assert_eq!(node.height(), 6, "four blocks against three");
    assert_eq!(node.machine.store().hash_at(hidden.height()).unwrap(), Some(hidden.hash()));
}

#[test]
fn an_attack_waits_for_confirmations_and_for_its_lead() {
    // Blocks of the public branch; blocks of the private one; the lead demanded; whether it is published.
    for (public, private, lead, published) in [
        (0, 3, None, false),
        (1, 3, None, false),
        (2, 2, None, false),
        (2, 3, None, true),
        (3, 4, None, true),
        (2, 3, Some(2), false),
        (2, 4, Some(2), true),
        (2, 4, Some(3), false),
    ] {
        let trunk = Branch::of(&key(101));
        let mut node = Node::new(1);
        node.asks(Request::SetMining(true));
        set(&mut node, Strategy::Private(Attack { lead, ..attack(None, 2) }));
        let mut theirs = trunk.fork(&key(102));
        (0..public).for_each(|_| drop(theirs.grow(1)));
        node.takes(&theirs.blocks);
        (0..private).for_each(|_| drop(node.proves()));
        let case = format!("{public} against {private}, {lead:?}");
        assert_eq!(status(&mut node).ending, published.then_some(Ending::Published), "{case}");
        assert_eq!(status(&mut node).withheld, if published { 0 } else { private as u32 }, "{case}");
        assert_eq!(node.height() as usize, if published { private } else { public }, "{case}");
    }
}

/// It succeeds as soon as the others have what was waited for, not only with an own block.
#[test]
fn an_attack_that_is_ahead_ends_with_the_last_confirmation() {
    let mut node = Node::new(1);
    node.asks(Request::SetMining(true));
    set(&mut node, Strategy::Private(attack(None, 2)));
    let own: Vec<_> = (0..3).map(|_| node.proves()).collect();
    let mut theirs = Branch::of(&key(102));
    node.takes(&[theirs.grow(1)]);
    assert_eq!(node.tip(), theirs.tip());
    node.takes(&[theirs.grow(1)]);
    assert_eq!(node.tip(), own[2].hash());
}

#[test]
fn an_attack_that_falls_too_far_behind_is_given_up() {
    let shop = Shop::new();
    let mut node = shop.attacker();
    set(&mut node, Strategy::Private(Attack { give_up: 2, ..shop.attack(1) }));
    let hidden = node.proves();
    let mut public = shop.public.clone();
    public.grow(1);
    node.takes(&public.blocks);
    assert_eq!(status(&mut node).ending, None);
    assert_eq!(node.machine.mining_on(), hidden.hash());
    node.takes(&[public.grow(1)]);
    assert_eq!(status(&mut node).ending, Some(Ending::GivenUp));
    assert_eq!(node.machine.mining_on(), public.tip());
    let block = node.proves();
    assert_eq!((block.header().previous, node.tip()), (public.tip(), block.hash()));
}

#[test]
fn an_attack_that_cannot_begin_is_refused_and_changes_nothing() {
    let mut public = Branch::of(&key(101));
    public.grow(3);
    let mut node = selfish(1);
    node.takes(&public.blocks);
    let unknown = BlockHash([9; 32]);
    let request = set(&mut node, Strategy::Private(attack(Some(unknown), 1)));
    assert!(node.refusal(request).contains("not known here"), "{}", node.refusal(request));
    let far = Attack { give_up: 3, ..attack(Some(super::super::branch::network().genesis_hash()), 1) };
    let request = set(&mut node, Strategy::Private(far));
    assert!(node.refusal(request).contains("begins 3 blocks behind"), "{}", node.refusal(request));
    let request = set(&mut node, Strategy::Private(Attack { give_up: 0, ..attack(None, 1) }));
    assert!(node.refusal(request).contains("give_up"), "{}", node.refusal(request));
    assert_eq!(status(&mut node).strategy, Strategy::Selfish);
}

/// The public chain may be reorganised under an attack, even below the block where that begins.
#[test]
fn an_attack_outlives_a_reorganisation_of_the_public_chain() {
    let (mut first, mut second) = (Branch::of(&key(101)), Branch::of(&key(102)));
    first.grow(2);
    second.grow(3);
    let mut node = Node::new(1);
    node.takes(&first.blocks);
    node.asks(Request::SetMining(true));
    set(&mut node, Strategy::Private(attack(None, 0)));
    node.handle(Event::Wake);
    node.takes(&second.blocks);
    assert_eq!(node.tip(), second.tip());
    assert_eq!(node.machine.mining_on(), first.tip());
    let own = [node.proves(), node.proves()];
    assert_eq!(own[0].header().previous, first.tip());
    assert_eq!(node.tip(), own[1].hash(), "four blocks against three");
}

/// The miner may be just about to prove a template from before, with what is left out now.
#[test]
fn a_proof_with_what_is_left_out_comes_too_late() {
    let shop = Shop::new();
    let mut node = shop.attacker();
    node.asks(Request::SubmitTransaction(checked(shop.payment.clone())));
    node.waits(3);
    let (old, template) = node.job.clone().unwrap();
    set(&mut node, Strategy::Private(shop.attack(1)));
    assert_ne!(node.job.clone().unwrap().0, old, "what is left out is left out at once");
    let late = super::super::conversation::solve(&template, node.now);
    assert_eq!(late.transactions().len(), 1);
    node.handle(Event::Mined { block: late });
    assert_eq!(status(&mut node).withheld, 0);
    let block = node.proves();
    assert_eq!(block.transactions().iter().map(|tx| tx.id()).collect::<Vec<_>>(), [shop.back.id()]);
}

/// The proof and the block that ends the attack may come together.
#[test]
fn a_proof_on_a_branch_that_was_just_given_up_is_lost_and_told_to_nobody() {
    let mut node = Node::new(1);
    set(&mut node, Strategy::Private(Attack { give_up: 1, ..attack(None, 2) }));
    node.asks(Request::SetMining(true));
    node.proves();
    let request = node.asks(Request::Mine { height: None });
    let (_, template) = node.job.clone().unwrap();
    let late = super::super::conversation::solve(&template, node.now);
    let mut theirs = Branch::of(&key(102));
    theirs.grow(2);
    let taken = theirs.blocks.iter().cloned().map(Request::SubmitBlock);
    let taken = (900..).map(RequestId).zip(taken).map(|(id, request)| Event::Request { id, request });
    node.handle_all(taken.chain([Event::Mined { block: late }]).collect());
    assert_eq!(status(&mut node).ending, Some(Ending::GivenUp));
    assert!(node.notices.is_empty(), "{:?}", node.notices);
    assert!(matches!(node.reply(request), Some(Reply::MineLost { winner }) if *winner == theirs.tip()));
}

/// What the strategy before it published counts.
#[test]
fn an_attack_that_what_is_published_leaves_too_far_behind_is_given_up_at_once() {
    let mut node = selfish(1);
    node.asks(Request::SetMining(true));
    (0..2).for_each(|_| drop(node.proves()));
    let genesis = super::super::branch::network().genesis_hash();
    let request = set(&mut node, Strategy::Private(Attack { give_up: 2, ..attack(Some(genesis), 1) }));
    assert_eq!(node.height(), 2);
    assert_eq!(status_in(&node, request).ending, Some(Ending::GivenUp));
    assert_eq!(node.machine.mining_on(), node.tip());
}
