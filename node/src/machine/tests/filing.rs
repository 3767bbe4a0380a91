//! What is filed of the active chain follows from its blocks alone, whatever branches came and went.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shared::{
    Address, LogEdge, Payload, Topic, Transaction,
    log::{LogNode, prove, verify_inclusion},
};

use super::{
    branch::{Branch, key, note, pay},
    conversation::Node,
};
use crate::machine::{
    journal::ChainEvent,
    seal::SEAL_DEPTH,
    store::{Location, ReadChain as _, Touch},
};

const DEPTH: usize = SEAL_DEPTH as usize;

/// A branch that grows by random payments and notes between three people.
pub struct Grower {
    pub branch: Branch,
    nonces: [u64; 3],
}

impl Grower {
    pub fn new() -> Self {
        let mut branch = Branch::of(&key(1));
        branch.grow(1);
        let fund = |nonce, to| pay(&key(1), nonce, Address::of(&key(to)), 1_000_000, 0);
        branch.grow_with(vec![fund(0, 2), fund(1, 3)]);
        Self { branch, nonces: [2, 0, 0] }
    }

    pub fn fork(&self, miner: u8) -> Self {
        Self { branch: self.branch.fork(&key(miner)), nonces: self.nonces }
    }

    pub fn grow(&mut self, random: &mut ChaCha8Rng) {
        let count = random.random_range(0..4);
        let transactions = (0..count).map(|_| self.transaction(random)).collect();
        self.branch.grow_with(transactions);
    }

    fn transaction(&mut self, random: &mut ChaCha8Rng) -> Transaction {
        let (from, to) = (random.random_range(0..3u8), random.random_range(0..3u8));
        let nonce = &mut self.nonces[usize::from(from)];
        *nonce += 1;
        let from = key(from + 1);
        if random.random_bool(0.5) {
            pay(&from, *nonce - 1, Address::of(&key(to + 1)), 5, 1)
        } else {
            note(&from, *nonce - 1, 3, 1)
        }
    }
}

/// Everything filed, read from the store.
#[derive(Debug, PartialEq)]
struct Files {
    log: BTreeMap<LogNode, [u8; 32]>,
    histories: Vec<Vec<(Location, Touch)>>,
    notes: Vec<Location>,
    all: Vec<Location>,
}

fn people() -> impl Iterator<Item = Address> {
    (1..=5).map(|seed| Address::of(&key(seed)))
}

fn filed(node: &Node) -> Files {
    let store = node.machine.store();
    let note = Topic::new("note").unwrap();
    let log = (0..3).flat_map(|level| (0..200).map(move |index| LogNode { level, index }));
    Files {
        log: log.filter_map(|at| Some((at, store.log_node(at).unwrap()?))).collect(),
        histories: people().map(|who| store.history(&who, None, 999).unwrap()).collect(),
        notes: store.filed(Some(&note), None, 999).unwrap(),
        all: store.filed(None, None, 999).unwrap(),
    }
}

/// The same from the blocks, one by one.
fn expected(branch: &Branch) -> Files {
    let (mut log, mut edge) = (BTreeMap::new(), LogEdge::default());
    let mut histories: BTreeMap<Address, Vec<(Location, Touch)>> = BTreeMap::new();
    let mut notes = Vec::new();
    for block in &branch.blocks {
        for (position, transaction) in (0..).zip(block.transactions()) {
            edge.append_keeping(transaction.id(), |at, hash| assert_eq!(log.insert(at, hash), None));
            let at = Location { height: block.height(), position };
            let mut touch = |who, how| histories.entry(who).or_default().insert(0, (at, how));
            match &transaction.payload {
                Payload::Transfer { to, .. } if *to == transaction.sender => touch(*to, Touch::Moved),
                Payload::Transfer { to, .. } => {
                    touch(transaction.sender, Touch::Sent);
                    touch(*to, Touch::Received);
                }
                Payload::Data { .. } => {
                    touch(transaction.sender, Touch::Filed);
                    notes.insert(0, at);
                }
            }
        }
        let reward = (Location::reward(block.height()), Touch::Mined);
        histories.entry(block.coinbase().miner).or_default().insert(0, reward);
    }
    let histories = people().map(|who| histories.remove(&who).unwrap_or_default()).collect();
    Files { log, histories, all: notes.clone(), notes }
}

#[test]
fn the_files_follow_the_chain_through_random_reorganisations() {
    for seed in 0..30 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut node = Node::new(1);
        let mut best = Grower::new();
        node.takes(&best.branch.blocks);
        for round in 0..4 {
            let mut trunk = best.fork(4);
            (0..random.random_range(0..3)).for_each(|_| trunk.grow(&mut random));
            let (mut loser, mut winner) = (trunk.fork(4), trunk.fork(5));
            (0..random.random_range(1..5)).for_each(|_| loser.grow(&mut random));
            while winner.branch.position().work <= loser.branch.position().work {
                winner.grow(&mut random);
            }
            node.takes(&loser.branch.blocks);
            assert_eq!(filed(&node), expected(&loser.branch), "seed {seed}, round {round}");
            node.takes(&winner.branch.blocks);
            assert_eq!(filed(&node), expected(&winner.branch), "seed {seed}, round {round}");
            best = winner;
        }
        let tip = node.machine.tip().log.clone();
        let kept = |at| node.machine.store().log_node(at).map(Option::unwrap);
        assert_eq!(prove::root(tip.size(), &kept).unwrap(), tip.root());
        for (index, block) in (0..).zip(best.branch.blocks.iter().flat_map(|block| block.transactions())) {
            let path = prove::inclusion(index, tip.size(), &kept).unwrap().unwrap();
            assert_eq!(verify_inclusion(&block.id().0, index, tip.size(), &path, &tip.root().0), Ok(()));
        }
    }
}

fn alarms(node: &Node) -> usize {
    let journal = node.machine.store().journal(0, usize::MAX).unwrap();
    journal.iter().filter(|(_, event)| matches!(event, ChainEvent::Contradicted { .. })).count()
}

#[test]
fn the_seal_follows_the_tip_at_its_depth() {
    let mut branch = Branch::of(&key(1));
    branch.grow(DEPTH);
    let mut node = Node::new(1);
    node.takes(&branch.blocks);
    assert_eq!(node.machine.store().sealed().unwrap().unwrap().hash, super::branch::network().genesis_hash());
    branch.grow(3);
    node.takes(&branch.blocks);
    let sealed = node.machine.store().sealed().unwrap().unwrap();
    assert_eq!((sealed.height.0, sealed.hash), (3, branch.blocks[2].hash()));
    assert_eq!(sealed.key, [1; 32]);
}

/// A reorganisation above the seal moves it on; one below it raises the alarm once, over restarts too, and
/// the seal stays until its block is back.
#[test]
fn a_reorganisation_below_the_seal_raises_the_alarm() {
    let mut trunk = Branch::of(&key(1));
    trunk.grow(4);
    let (mut first, mut other) = (trunk.clone(), trunk.fork(&key(2)));
    first.grow(DEPTH + 1);
    let mut node = Node::new(1);
    node.takes(&first.blocks);
    let sealed = node.machine.store().sealed().unwrap().unwrap();
    assert_eq!(sealed.hash, first.blocks[4].hash());
    other.grow(DEPTH + 3);
    node.takes(&other.blocks);
    assert_eq!(node.tip(), other.tip());
    assert_eq!((alarms(&node), node.machine.store().sealed().unwrap()), (1, Some(sealed)));
    other.grow(2);
    node.takes(&other.blocks);
    let mut node = node.restarted();
    assert_eq!((alarms(&node), node.machine.store().sealed().unwrap()), (1, Some(sealed)));
    first.grow(6);
    node.takes(&first.blocks);
    assert_eq!(node.tip(), first.tip());
    let moved = node.machine.store().sealed().unwrap().unwrap();
    assert_eq!((alarms(&node), moved.hash), (1, first.blocks[first.blocks.len() - 7].hash()));
}
