//! Chat over simulated nodes: real machines, pools and chains, with splits, rough links and reorganisations, and one
//! account on two nodes. The same chain and keys give the same rooms, and nothing that was said is lost or read twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::RngExt as _;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng as _};
use shared::{Amount, CheckedTransaction, Millis, Transaction, transaction::VERSION};

use super::{
    history::told,
    town::{account, texts},
};
use crate::chat::{
    desk::{ActError, Desk, SeenState},
    envelope::{GroupId, MessageId},
    follow::follow,
    shelf::Shelf,
    text::Text,
};
use crate::machine::store::ReadChain as _;
use crate::sim::{Conditions, Topology, World, WorldConfig, easy_network};

const NODES: usize = 5;
/// Whose account is used at each node: the first one's at two.
const ACCOUNTS: [u8; NODES] = [1, 2, 3, 4, 1];

struct Talk {
    world: World,
    desks: Vec<Desk>,
    rng: ChaCha8Rng,
    groups: Vec<GroupId>,
    /// What was taken, by whom at which node.
    said: BTreeMap<MessageId, (GroupId, usize, String)>,
}

impl Talk {
    fn new(seed: u64) -> Self {
        let network = easy_network(5);
        let genesis = network.genesis_hash();
        let mut world = World::new(WorldConfig {
            network,
            nodes: NODES,
            seed,
            conditions: Conditions::CALM,
            topology: Topology::Full,
            checked: true,
        });
        (0..NODES).for_each(|node| world.set_mining(node, true));
        world.set_block_gap(Some(5.0));
        let desks = ACCOUNTS.map(|seed| Desk::new(account(seed), genesis, Shelf::default())).into();
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { world, desks, rng, groups: Vec::new(), said: BTreeMap::new() }
    }

    /// Lets time pass, and each desk see its node and send what is due.
    fn pass(&mut self, ms: u64) {
        self.world.run_for(ms).unwrap();
        for node in 0..NODES {
            see(&mut self.world, node, &mut self.desks[node]);
            for errand in self.desks[node].due(&mut self.rng) {
                let owner = self.desks[node].account().clone();
                let nonce = self.world.outlook(node, owner.address).unwrap().next_nonce;
                let transaction = Transaction {
                    version: VERSION,
                    sender: owner.address,
                    nonce,
                    fee: Amount::ZERO,
                    time: self.world.now(),
                    payload: errand.payload.clone(),
                    signature: [0; 64],
                };
                let genesis = *self.desks[node].board().genesis();
                let signed = transaction.signed(owner.keys.signing(), &genesis).check(&genesis).unwrap();
                let signed: Arc<CheckedTransaction> = Arc::new(signed);
                match self.world.hand_in(node, signed.clone()) {
                    Some(true) => self.desks[node].sent(&errand, &signed.id()),
                    _ => self.desks[node].refused(&errand, "not now"),
                }
            }
        }
    }

    /// Somebody does something; what they may not do is refused.
    fn act(&mut self) {
        let Self { desks, rng, groups, said, .. } = self;
        let node = rng.random_range(0..NODES);
        let other = desks[rng.random_range(0..NODES)].account().address;
        let flag = rng.random_bool(0.5);
        let desk = &mut desks[node];
        let picked = (!groups.is_empty()).then(|| groups[rng.random_range(0..groups.len())]);
        match (rng.random_range(0..12), picked) {
            (0, _) | (_, None) if groups.len() < 3 => groups.extend(desk.found("room", &[other], rng)),
            (1 | 2, Some(group)) => drop(desk.invite(&group, other, flag, rng)),
            (3, Some(group)) => drop(desk.remove(&group, other, rng)),
            (4, Some(group)) => drop(desk.leave(&group, rng)),
            (5, Some(group)) => drop(desk.appoint(&group, other, true, rng)),
            (6.., Some(group)) => {
                let text = format!("text {} of node {node}", said.len());
                let time = Millis(said.len() as u64);
                if let Ok(id) = desk.say(&group, Text::written(text.clone(), None, time, rng)) {
                    said.insert(id, (group, node, text));
                }
            }
            _ => {}
        }
    }

    /// Every desk is what one is that reads its node's chain and pool anew.
    fn check_replay(&mut self) {
        for (node, desk) in self.desks.iter_mut().enumerate() {
            see(&mut self.world, node, desk);
            let mut fresh = Desk::new(desk.account().clone(), *desk.board().genesis(), Shelf::default());
            see(&mut self.world, node, &mut fresh);
            assert!(told(desk) == told(&fresh), "node {node}");
        }
    }

    /// All nodes agree, and authors have decided.
    fn settle(&mut self) {
        for _ in 0..60 {
            self.pass(5_000);
            for desk in &mut self.desks {
                for (id, (group, _, _)) in &self.said {
                    match desk.send_anyway(group, id) {
                        Ok(()) | Err(ActError::NotUndecided) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        }
        // A tie of the last moment is broken by the next block.
        for _ in 0..600 {
            if self.world.tips().len() > 1 {
                self.world.run_for(1_000).unwrap();
            }
        }
        self.world.set_block_gap(None);
        self.world.run_for(60_000).unwrap();
        assert_eq!(self.world.tips().len(), 1);
    }
}

/// Shows a desk what its node has.
fn see(world: &mut World, node: usize, desk: &mut Desk) {
    let waiting = world.waiting(node).unwrap();
    let (_, machine) = world.machines().find(|(running, _)| *running == node).unwrap();
    follow(desk, machine.store()).unwrap();
    desk.wait(&waiting);
    follow(desk, machine.store()).unwrap();
    assert_eq!(desk.tip().map(|(hash, _)| Some(hash)), machine.store().tip().ok());
}

fn talk(seed: u64) -> usize {
    let mut talk = Talk::new(seed);
    let (Talk { desks, rng, .. }, name) = (&mut talk, |node: usize| format!("person {}", ACCOUNTS[node]));
    for (node, desk) in desks.iter_mut().enumerate() {
        desk.publish(&name(node), rng).unwrap();
    }
    for _ in 0..6 {
        talk.pass(5_000);
    }
    for storm in 0..6 {
        if storm % 2 == 1 {
            let sides = (0..NODES).map(|_| talk.rng.random_range(0..2)).collect();
            talk.world.split(sides);
        }
        for _ in 0..8 {
            (0..2).for_each(|_| talk.act());
            talk.pass(2_500);
        }
        talk.world.heal();
        talk.check_replay();
    }
    talk.settle();
    talk.check_replay();
    let mut read = 0;
    for (id, (group, node, text)) in &talk.said {
        let desk = &talk.desks[*node];
        let state = desk.message(group, id).unwrap().state;
        // Somebody who was put out has texts left that nobody is to read.
        if desk.relation(group) != Some(crate::chat::desk::Relation::Member) {
            continue;
        }
        assert!(matches!(state, SeenState::Confirmed(_)), "seed {seed}: {text:?} is {state:?}");
        for member in &talk.desks {
            let times = texts(member, group).into_iter().filter(|read| read == text).count();
            assert!(times <= 1, "seed {seed}: {text:?} is read {times} times");
        }
        read += texts(desk, group).into_iter().filter(|read| read == text).count();
    }
    // One account reads the same at both of its nodes.
    for group in &talk.groups {
        assert_eq!(texts(&talk.desks[0], group), texts(&talk.desks[4], group));
    }
    read
}

#[test]
fn rooms_are_the_same_for_all_who_have_the_same_chain_and_keys() {
    let read: usize = (0..6).map(talk).sum();
    assert!(read > 60, "{read} texts were read");
}
