//! Selfish mining, as the paper has it.

use std::sync::Arc;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use shared::{Address, BlockHash, CheckedBlock, Height, wire::Message};

use super::{
    super::{
        branch::{Branch, announcement, checked, key, pay},
        conversation::{Node, elapse, exchange, stranger},
    },
    announced_by, journal, node_with, selfish, set, status, status_in,
};
use crate::machine::{
    effect::Reply,
    event::Request,
    journal::ChainEvent,
    store::ReadChain,
    strategy::{Strategy, Tie},
};

/// What happens to the selfish node.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// It finds a block.
    Own,
    /// Others find one on their branch.
    Theirs,
    /// Others find one on the last block that it published.
    OnOurs,
}

/// What it did then: which heights it announced, how many blocks it keeps back, whose block it mines on.
type Then = (Step, &'static [u32], u32, Whose);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Whose {
    Ours,
    Others,
}

struct Selfish {
    node: Node,
    theirs: Branch,
    published: Option<Branch>,
    own: Branch,
}

impl Selfish {
    fn new() -> Self {
        let mut node = selfish(1);
        node.meets(stranger(1));
        node.meets(stranger(2));
        node.asks(Request::SetMining(true));
        node.waits(2);
        let theirs = Branch::of(&key(101));
        Self { node, published: None, own: theirs.fork(&key(1)), theirs }
    }

    fn step(&mut self, step: Step) -> (Vec<u32>, u32, Whose) {
        match step {
            Step::Own => {
                let block = self.node.proves();
                self.own.push(block);
            }
            Step::Theirs => self.hears_of_next(),
            Step::OnOurs => {
                self.theirs = self.published.clone().unwrap().fork(&key(101));
                self.hears_of_next();
            }
        }
        let announced = announced_by(&mut self.node, stranger(2), Address::of(&key(1)));
        if let Some(highest) = announced.last() {
            let mut published = Branch::of(&key(101));
            self.own.blocks.iter().take(*highest as usize).for_each(|block| published.push(block.clone()));
            self.published = Some(published);
        }
        let on = self.node.machine.mining_on();
        let ours = self.own.blocks.iter().any(|block| block.hash() == on);
        let template = self.node.job.clone().unwrap().1.header(0, self.node.now);
        assert_eq!(template.previous, on, "the miner has another job");
        (announced, status(&mut self.node).withheld, if ours { Whose::Ours } else { Whose::Others })
    }

    fn hears_of_next(&mut self) {
        let block = self.theirs.grow(1);
        self.node.hears(stranger(1), Message::Announce(announcement(&block)));
    }
}

#[test]
fn selfish_mining_is_that_of_the_paper_step_by_step() {
    use Step::*;
    use Whose::*;
    let stories: [&[Then]; 9] = [
        // Nothing to hide: the others' block is mined on.
        &[(Theirs, &[], 0, Others), (Own, &[], 1, Ours)],
        // One ahead, and the others come level: a race, which the next own block wins at once.
        &[(Own, &[], 1, Ours), (Theirs, &[1], 0, Ours), (Own, &[2], 0, Ours), (Own, &[], 1, Ours)],
        // The race is lost to the others' branch.
        &[(Own, &[], 1, Ours), (Theirs, &[1], 0, Ours), (Theirs, &[], 0, Others), (Own, &[], 1, Ours)],
        // The race is won by others who mined on the published block; the lead is gone all the same.
        &[(Own, &[], 1, Ours), (Theirs, &[1], 0, Ours), (OnOurs, &[], 0, Others), (Own, &[], 1, Ours)],
        // Two ahead: as soon as others find one, both are published and win.
        &[(Own, &[], 1, Ours), (Own, &[], 2, Ours), (Theirs, &[1, 2], 0, Ours), (Own, &[], 1, Ours)],
        // Three ahead: one for one, until the lead is two.
        &[
            (Own, &[], 1, Ours),
            (Own, &[], 2, Ours),
            (Own, &[], 3, Ours),
            (Theirs, &[1], 2, Ours),
            (Theirs, &[2, 3], 0, Ours),
        ],
        // Four ahead, and further ahead meanwhile.
        &[
            (Own, &[], 1, Ours),
            (Own, &[], 2, Ours),
            (Own, &[], 3, Ours),
            (Own, &[], 4, Ours),
            (Theirs, &[1], 3, Ours),
            (Own, &[], 4, Ours),
            (Theirs, &[2], 3, Ours),
            (Theirs, &[3], 2, Ours),
            (Theirs, &[4, 5], 0, Ours),
        ],
        // Others mine on what was published of a longer branch: it is the public chain like any other.
        &[
            (Own, &[], 1, Ours),
            (Own, &[], 2, Ours),
            (Own, &[], 3, Ours),
            (Theirs, &[1], 2, Ours),
            (OnOurs, &[2, 3], 0, Ours),
        ],
        // After a win everything begins anew.
        &[
            (Own, &[], 1, Ours),
            (Own, &[], 2, Ours),
            (Theirs, &[1, 2], 0, Ours),
            (OnOurs, &[], 0, Others),
            (Own, &[], 1, Ours),
            (Theirs, &[4], 0, Ours),
        ],
    ];
    for story in stories {
        let mut selfish = Selfish::new();
        for (index, (step, announced, withheld, whose)) in story.iter().enumerate() {
            assert_eq!(selfish.step(*step), (announced.to_vec(), *withheld, *whose), "step {index} of {story:?}");
        }
    }
}

#[test]
fn a_selfish_node_reorganises_its_own_chain_only_when_it_wins() {
    let mut selfish = Selfish::new();
    for step in [Step::Own, Step::Own, Step::Own, Step::Theirs] {
        selfish.step(step);
    }
    assert_eq!(selfish.node.tip(), selfish.theirs.tip(), "its chain is what others may see");
    let before = selfish.node.machine.store().journal_end().unwrap();
    selfish.step(Step::Theirs);
    assert_eq!(selfish.node.tip(), selfish.own.tip());
    let told = journal(&selfish.node, before + 1);
    let left = told.iter().filter(|event| matches!(event, ChainEvent::Disconnected { .. })).count();
    assert_eq!((left, told.len()), (2, 8), "{told:?}");
}

#[test]
fn several_blocks_of_others_at_once_are_weighed_together() {
    // Whoever has two blocks of theirs would drop the first of ours, which has less work.
    for (own, expected) in [(1, &[][..]), (2, &[2]), (3, &[2, 3]), (4, &[2])] {
        let mut selfish = Selfish::new();
        (0..own).for_each(|_| drop(selfish.step(Step::Own)));
        selfish.theirs.grow(2);
        let blocks = selfish.theirs.blocks.iter().map(|block| block.to_block()).collect::<Vec<_>>();
        selfish.node.learns_headers(stranger(1), &selfish.theirs.headers());
        selfish.node.asks(Request::Resolve);
        selfish.node.learns_headers(stranger(1), &selfish.theirs.headers());
        selfish.node.hears(stranger(1), Message::Blocks(blocks));
        let announced = announced_by(&mut selfish.node, stranger(2), Address::of(&key(1)));
        assert_eq!(announced, expected, "{own} blocks kept back");
    }
}

#[test]
fn nothing_that_is_kept_back_leaves_the_node() {
    let mut selfish = Selfish::new();
    (0..3).for_each(|_| drop(selfish.step(Step::Own)));
    let node = &mut selfish.node;
    let hidden: Vec<BlockHash> = selfish.own.blocks.iter().map(|block| block.hash()).collect();
    let genesis = super::super::branch::network().genesis_hash();
    node.meets(stranger(3));
    node.hears(stranger(3), Message::GetBlocks(hidden.clone()));
    node.hears(stranger(3), Message::GetHeaders { locator: vec![genesis] });
    node.hears(stranger(3), Message::GetHeaders { locator: vec![hidden[0], genesis] });
    for hash in &hidden {
        node.hears(stranger(3), Message::GetBlockTransactions { block: *hash, positions: vec![0] });
    }
    node.asks(Request::Resolve);
    node.waits(60);
    let said = [1, 2, 3].map(|number| node.said_to(stranger(number))).concat();
    assert!(said.iter().any(|message| matches!(message, Message::Hello(hello) if hello.head == genesis)));
    assert!(said.iter().any(|message| matches!(message, Message::GetHeaders { .. })));
    assert!(said.iter().any(|message| *message == Message::Blocks(Vec::new())));
    assert!(said.iter().any(|message| *message == Message::Headers(Vec::new())));
    // Such an answer repeats what was asked, whatever is known of it.
    let echo = |message: &&Message| matches!(message, Message::BlockTransactions { transactions, .. } if transactions.is_empty());
    assert_eq!(said.iter().filter(echo).count(), 3);
    for message in said.iter().filter(|message| !echo(message)) {
        let text = format!("{message:?}");
        let leaked = hidden.iter().find(|hash| text.contains(&format!("{hash:?}")) || text.contains(&hash.to_string()));
        assert_eq!(leaked, None, "in {text}");
    }
    assert_eq!(node.tip(), genesis);
    assert!(node.machine.store().block(&hidden[0]).unwrap().is_none(), "not even the store has it");
}

/// A restart forgets what only the node's memory held; nothing is told of it.
#[test]
fn a_restart_forgets_what_was_kept_back() {
    let mut selfish = Selfish::new();
    (0..2).for_each(|_| drop(selfish.step(Step::Own)));
    let store = selfish.node.machine.into_store();
    let mut node = Node::over(1, store, |config| config.strategy = Strategy::Selfish);
    assert_eq!(node.height(), 0);
    assert_eq!(status(&mut node).withheld, 0);
    node.meets(stranger(1));
    node.waits(60);
    let genesis = super::super::branch::network().genesis_hash();
    assert!(node.said_to(stranger(1)).iter().all(|message| match message {
        Message::Hello(hello) => hello.head == genesis,
        Message::Announce(_) => false,
        _ => true,
    }));
}

#[test]
fn one_request_to_mine_is_answered_with_a_block_that_others_do_not_see() {
    let mut node = selfish(1);
    let request = node.asks(Request::Mine { height: None });
    let block = node.proves();
    assert!(matches!(node.reply(request), Some(Reply::Mined(mined)) if mined.hash() == block.hash()));
    assert_eq!(node.height(), 0);
    assert!(node.job.is_none());
    let next = node.asks(Request::Mine { height: None });
    assert_eq!(node.job.clone().unwrap().1.header(0, node.now).previous, block.hash());
    node.proves();
    assert!(matches!(node.reply(next), Some(Reply::Mined(_))));
    assert_eq!(status(&mut node).withheld, 2);
}

#[test]
fn whoever_turns_honest_publishes_what_wins() {
    let mut selfish = Selfish::new();
    (0..2).for_each(|_| drop(selfish.step(Step::Own)));
    let request = set(&mut selfish.node, Strategy::Honest);
    assert_eq!(selfish.node.tip(), selfish.own.tip());
    let status = status_in(&selfish.node, request);
    assert_eq!((status.strategy, status.withheld), (Strategy::Honest, 0));
    assert_eq!(announced_by(&mut selfish.node, stranger(2), Address::of(&key(1))), [1, 2]);
    selfish.node.proves();
    assert_eq!(announced_by(&mut selfish.node, stranger(2), Address::of(&key(1))), [3]);
}

/// Payments that wait are in the hidden blocks, each once, and leave the pool when these are published.
#[test]
fn what_is_mined_in_secret_is_mined_once() {
    let mut trunk = Branch::of(&key(101));
    trunk.grow(2);
    let mut node = selfish(1);
    node.takes(&trunk.blocks);
    node.meets(stranger(1));
    let payments = [0, 1].map(|nonce| pay(&key(101), nonce, Address::of(&key(102)), 5, 1));
    node.asks(Request::SubmitTransaction(checked(payments[0].clone())));
    node.asks(Request::SetMining(true));
    node.waits(3);
    let first = node.proves();
    assert_eq!(first.transactions().len(), 1);
    assert_eq!(node.pooled(), 1, "nobody may see that it is confirmed");
    node.asks(Request::SubmitTransaction(checked(payments[1].clone())));
    node.waits(2);
    let second = node.proves();
    assert_eq!(second.transactions().iter().map(|tx| tx.nonce).collect::<Vec<_>>(), [1]);
    let theirs = trunk.fork(&key(103)).grow(1);
    node.hears(stranger(1), Message::Announce(announcement(&theirs)));
    assert_eq!(node.tip(), second.hash());
    assert_eq!(node.pooled(), 0);
}

/// Honest nodes take the blocks from announcements alone.
#[test]
fn a_branch_that_keeps_pace_needs_no_sync() {
    let (mut cheat, mut honest) = (selfish(1), Node::new(2));
    cheat.connect_to(&mut honest);
    exchange(&mut [&mut cheat, &mut honest]);
    cheat.asks(Request::SetMining(true));
    elapse(&mut [&mut cheat, &mut honest], 3);
    let own: Vec<Arc<CheckedBlock>> = (0..4).map(|_| cheat.proves()).collect();
    let mut theirs = Branch::of(&key(101));
    for lead in [3, 2, 1] {
        honest.takes(&[theirs.grow(1)]);
        while let Some(message) = next_but_headers(&mut cheat, &mut honest) {
            assert!(lead > 0, "{message:?} was asked");
        }
    }
    assert_eq!((cheat.tip(), honest.tip()), (own[3].hash(), own[3].hash()));
}

/// Delivers everything once; gives a request for headers back, if there is one.
fn next_but_headers(one: &mut Node, other: &mut Node) -> Option<Message> {
    let mut asked = None;
    for _ in 0..4 {
        for message in one.said_to(other.peer) {
            asked = asked.or(matches!(message, Message::GetHeaders { .. }).then(|| message.clone()));
            other.hears(one.peer, message);
        }
        for message in other.said_to(one.peer) {
            asked = asked.or(matches!(message, Message::GetHeaders { .. }).then(|| message.clone()));
            one.hears(other.peer, message);
        }
    }
    asked
}

/// Two fifths of the hash power against one honest node without delays: the share of the chain's blocks
/// that the selfish node gets is what the paper's equation 8 gives, whichever tip the others take in a race.
#[test]
fn its_revenue_is_that_of_the_paper() {
    let (alpha, blocks) = (0.4, 1_500);
    for (gamma, tie) in [(0.0, Tie::FirstSeen), (1.0, Tie::Prefer(Address::of(&key(1))))] {
        let (mut cheat, mut honest) = (selfish(1), node_with(2, |config| config.tie = tie));
        cheat.connect_to(&mut honest);
        exchange(&mut [&mut cheat, &mut honest]);
        for node in [&mut cheat, &mut honest] {
            node.asks(Request::SetMining(true));
        }
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for _ in 0..blocks {
            elapse(&mut [&mut cheat, &mut honest], 5);
            let winner = if rng.random_bool(alpha) { &mut cheat } else { &mut honest };
            winner.proves();
            exchange(&mut [&mut cheat, &mut honest]);
        }
        let chain = (1..=honest.height()).filter_map(|height| honest.machine.store().hash_at(Height(height)).unwrap());
        let miners: Vec<Address> =
            chain.map(|hash| honest.machine.store().coinbase(&hash).unwrap().unwrap().miner).collect();
        let share = miners.iter().filter(|miner| **miner == Address::of(&key(1))).count() as f64 / miners.len() as f64;
        let rest = 1.0 - alpha;
        let expected = (alpha * rest * rest * (4.0 * alpha + gamma * (1.0 - 2.0 * alpha)) - alpha.powi(3))
            / (1.0 - alpha * (1.0 + (2.0 - alpha) * alpha));
        assert!((share - expected).abs() < 0.04, "{share} with gamma {gamma}, where the paper has {expected}");
    }
}
