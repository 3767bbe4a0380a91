//! What befalls simulated nodes: splits, crashes, lost disks, and users who pay.

use std::sync::Arc;

use rand::RngExt;
use shared::{Address, Amount, Millis, Payload, Transaction};

use super::{Happening, World};
use crate::{
    drivers::store::MemoryStore,
    machine::{
        effect::{Effect, Reply},
        event::{Event, Request, RequestId},
        store::ReadChain,
    },
};

impl World {
    /// Splits the network into groups by node number modulo their count.
    pub fn split(&mut self, groups: usize) {
        self.groups = Some((0..self.nodes.len()).map(|node| node % groups.max(1)).collect());
        let torn: Vec<_> = self.links.keys().copied().filter(|(a, b)| !self.can_meet(*a, *b)).collect();
        torn.into_iter().for_each(|(a, b)| self.disconnect(a, b));
    }

    /// Ends a split. Nodes find each other again by themselves.
    pub fn heal(&mut self) {
        self.groups = None;
    }

    /// Ends a node's process at once; what it had not committed is lost. It starts again later.
    pub fn crash(&mut self, node: usize, down_for: u64) {
        let Some(machine) = self.nodes[node].machine.take() else { return };
        self.nodes[node].disk = Some(machine.into_store());
        self.nodes[node].job = None;
        let linked: Vec<_> = self.links.keys().copied().filter(|(a, b)| *a == node || *b == node).collect();
        linked.into_iter().for_each(|(a, b)| self.disconnect(a, b));
        self.schedule(Millis(self.now.0 + down_for), Happening::Restart { node });
    }

    /// Ends a node's process and takes its disk away: it starts again with nothing.
    pub fn wipe(&mut self, node: usize, down_for: u64) {
        if self.nodes[node].machine.is_some() {
            self.crash(node, down_for);
            self.nodes[node].disk = Some(MemoryStore::new(&self.config.network));
            self.oracle.forget(node);
        }
    }

    /// A node pays another one a random amount, if it has it.
    pub fn pay(&mut self, from: usize, to: usize) {
        let genesis = self.config.network.genesis_hash();
        let receiver = Address::of(&self.nodes[to].key);
        let (share, fee) = (self.rng.random_range(1..=4), self.rng.random_range(0..1_000));
        let node = &self.nodes[from];
        let Some(machine) = &node.machine else { return };
        let sender = Address::of(&node.key);
        let account = machine.store().account(&sender).unwrap_or_default();
        // Often most of what there is, so that a reorganisation can take away what pays for it.
        let amount = Amount::new((account.balance.units() / share).saturating_sub(fee).max(1)).unwrap_or_default();
        let transaction = Transaction {
            version: shared::transaction::VERSION,
            sender,
            nonce: account.nonce.max(node.next_nonce),
            fee: Amount::new(fee).unwrap_or_default(),
            time: self.now,
            payload: Payload::Transfer { to: receiver, amount },
            signature: [0; 64],
        };
        let signed = transaction.signed(&node.key, &genesis);
        let next = signed.nonce + 1;
        if let Ok(checked) = signed.check(&genesis) {
            let request = Request::SubmitTransaction(Arc::new(checked));
            let effects = self.handle(from, Event::Request { id: RequestId(0), request });
            if effects.iter().any(|effect| matches!(effect, Effect::Reply { reply: Reply::Accepted(_), .. })) {
                self.nodes[from].next_nonce = next;
            }
            self.carry_out(from, effects);
        }
    }
}
