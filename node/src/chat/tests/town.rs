//! A small town: accounts with their desks, a pool and a chain that all of them see, in memory. Blocks are lists of
//! transactions; proofs, fees and nonces play no part.

use std::sync::Arc;

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng as _};
use shared::{
    Address, Amount, BlockHash, CheckedTransaction, Height, Millis, Payload, Transaction, transaction::VERSION,
};

use crate::accounts::{seed::Seed, session::Unlocked};
use crate::chat::{
    desk::{Desk, SeenState},
    envelope::{Envelope, GroupId, MessageId, group_of_topic},
    group::Entry,
    shelf::Shelf,
    text::Text,
};
use crate::machine::store::Location;

pub(super) const GENESIS: BlockHash = BlockHash([9; 32]);

pub(super) fn account(seed: u8) -> Arc<Unlocked> {
    let keys = Seed::from_bytes(&[seed; 32]).keys();
    let name = format!("account{seed}").parse().unwrap();
    Arc::new(Unlocked { name, email: None, address: keys.address(), keys })
}

pub(super) type Tx = Arc<CheckedTransaction>;

pub(super) struct Town {
    pub(super) desks: Vec<Desk>,
    pub(super) pool: Vec<Tx>,
    pub(super) blocks: Vec<Vec<Tx>>,
    pub(super) rng: ChaCha8Rng,
    nonce: u64,
    /// Makes blocks of one height differ.
    forks: u8,
}

impl Town {
    /// People who know each other by their profiles: account 1, 2, 3 …
    pub(super) fn of(people: u8) -> Self {
        let desks = (1..=people).map(|seed| Desk::new(account(seed), GENESIS, Shelf::default())).collect();
        let rng = ChaCha8Rng::seed_from_u64(7);
        let mut town = Self { desks, pool: Vec::new(), blocks: Vec::new(), rng, nonce: 0, forks: 0 };
        town.mine();
        for (number, desk) in (1..).zip(&mut town.desks) {
            desk.publish(&format!("person {number}"), &mut town.rng).unwrap();
        }
        town.exchange();
        town.mine();
        town
    }

    pub(super) fn address(&self, person: usize) -> Address {
        self.desks[person].account().address
    }

    pub(super) fn sign(&mut self, seed: &Arc<Unlocked>, payload: Payload) -> Tx {
        self.nonce += 1;
        let transaction = Transaction {
            version: VERSION,
            sender: seed.address,
            nonce: self.nonce,
            fee: Amount::ZERO,
            time: Millis(0),
            payload,
            signature: [0; 64],
        };
        Arc::new(transaction.signed(seed.keys.signing(), &GENESIS).check(&GENESIS).unwrap())
    }

    /// Signs what one person has to send, and puts it into the pool.
    pub(super) fn send(&mut self, person: usize) -> usize {
        let errands = self.desks[person].due(&mut self.rng);
        let account = self.desks[person].account().clone();
        for errand in &errands {
            let signed = self.sign(&account, errand.payload.clone());
            self.desks[person].sent(errand, &signed.id());
            self.pool.push(signed);
        }
        errands.len()
    }

    /// Everybody sees the pool.
    pub(super) fn gossip(&mut self) {
        for desk in &mut self.desks {
            desk.wait(&self.pool);
            catch_up(desk, &self.blocks);
        }
    }

    /// Everybody sends what is due, until nothing is, and sees the pool.
    pub(super) fn exchange(&mut self) {
        for _ in 0..10 {
            self.gossip();
            if (0..self.desks.len()).map(|person| self.send(person)).sum::<usize>() == 0 {
                return;
            }
        }
        panic!("there is no end to what is due");
    }

    /// A block of all that waits.
    pub(super) fn mine(&mut self) {
        let block = std::mem::take(&mut self.pool);
        self.mine_block(block);
    }

    pub(super) fn mine_block(&mut self, block: Vec<Tx>) {
        self.pool.retain(|waiting| block.iter().all(|mined| mined.id() != waiting.id()));
        self.blocks.push(block);
        let (tip, height) = self.tip();
        for desk in &mut self.desks {
            read(desk, &self.blocks, height.0, tip);
            desk.wait(&self.pool);
            catch_up(desk, &self.blocks);
        }
    }

    /// Sends, and mines, until nothing more happens.
    pub(super) fn settle(&mut self) {
        for _ in 0..10 {
            self.exchange();
            if self.pool.is_empty() {
                return;
            }
            self.mine();
        }
        panic!("it never settles");
    }

    fn tip(&self) -> (BlockHash, Height) {
        let height = u32::try_from(self.blocks.len()).unwrap() - 1;
        let mut hash = [self.forks; 32];
        hash[..4].copy_from_slice(&height.to_le_bytes());
        (BlockHash(hash), Height(height))
    }

    /// The last blocks leave the chain; their transactions are given back, and nobody has them.
    pub(super) fn undo(&mut self, blocks: usize) -> Vec<Tx> {
        let kept = self.blocks.len() - blocks;
        let gone = self.blocks.split_off(kept).concat();
        self.forks += 1;
        let (tip, height) = self.tip();
        for desk in &mut self.desks {
            desk.retract(height);
            desk.arrive(tip, height);
            desk.wait(&self.pool);
            catch_up(desk, &self.blocks);
        }
        gone
    }

    /// An account that reads the chain from its beginning.
    pub(super) fn newcomer(&self, seed: u8) -> Desk {
        self.newcomer_with(seed, Shelf::default())
    }

    /// The same with what it kept.
    pub(super) fn newcomer_with(&self, seed: u8, shelf: Shelf) -> Desk {
        let mut desk = Desk::new(account(seed), GENESIS, shelf);
        let (tip, _) = self.tip();
        read(&mut desk, &self.blocks, 0, tip);
        desk.wait(&self.pool);
        catch_up(&mut desk, &self.blocks);
        desk
    }

    /// A room of the first so many people, confirmed.
    pub(super) fn room(&mut self, people: usize) -> GroupId {
        let members: Vec<_> = (1..people).map(|person| self.address(person)).collect();
        let group = self.desks[0].found("kitchen", &members, &mut self.rng).unwrap();
        self.settle();
        group
    }

    pub(super) fn say(&mut self, person: usize, group: &GroupId, text: &str) -> MessageId {
        self.desks[person].say(group, Text::written(text.into(), None, Millis(5), &mut self.rng)).unwrap()
    }

    /// What a person reads in a room, oldest first, without what is in their outbox.
    pub(super) fn reads(&self, person: usize, group: &GroupId) -> Vec<String> {
        texts(&self.desks[person], group)
    }

    pub(super) fn state(&self, person: usize, group: &GroupId, message: &MessageId) -> SeenState {
        self.desks[person].message(group, message).unwrap().state
    }
}

/// What is read in a room, oldest first, without what is in the outbox.
pub(super) fn texts(desk: &Desk, group: &GroupId) -> Vec<String> {
    let all = desk.all(group).filter(|seen| seen.transaction.is_some());
    all.map(|seen| seen.text.text.clone()).collect()
}

/// Shows a desk the blocks from this height on.
fn read(desk: &mut Desk, blocks: &[Vec<Tx>], from: u32, tip: BlockHash) {
    desk.take(entries(blocks, from).filter(|(group, _)| group.is_none()).map(|(_, entry)| entry).collect());
    for (group, from_the_start) in desk.to_read() {
        let since = if from_the_start { 0 } else { from };
        desk.fill(&group, &messages(blocks, since, group));
    }
    desk.arrive(tip, Height(u32::try_from(blocks.len()).unwrap() - 1));
}

/// Shows a desk the messages of rooms that are new to it.
fn catch_up(desk: &mut Desk, blocks: &[Vec<Tx>]) {
    let fresh: Vec<_> = desk.to_read().into_iter().filter(|(_, from_the_start)| *from_the_start).collect();
    fresh.into_iter().for_each(|(group, _)| desk.fill(&group, &messages(blocks, 0, group)));
}

fn messages(blocks: &[Vec<Tx>], from: u32, group: GroupId) -> Vec<Entry> {
    entries(blocks, from).filter(|(of, _)| *of == Some(group)).map(|(_, entry)| entry).collect()
}

/// Chat from this height on, with the group under whose topic it lies if it is a message.
fn entries(blocks: &[Vec<Tx>], from: u32) -> impl Iterator<Item = (Option<GroupId>, Entry)> {
    let heights = (0u32..).zip(blocks).skip(from as usize);
    heights.flat_map(|(height, block)| {
        (0u32..).zip(block).filter_map(move |(position, transaction)| {
            let at = Location { height: Height(height), position };
            let envelope = Envelope::of(&transaction.payload).ok()?;
            let Payload::Data { topic, .. } = &transaction.payload else { return None };
            let entry = Entry { at, id: transaction.id(), author: transaction.sender, envelope: Arc::new(envelope) };
            Some((group_of_topic(topic), entry))
        })
    })
}
