//! What befalls simulated nodes: splits, crashes, lost disks.

use shared::Millis;

use super::{Happening, World};
use crate::drivers::store::MemoryStore;

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
        if let Err(violation) = self.oracle.lose_pool(node, machine.store()) {
            self.violation.get_or_insert(violation);
        }
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
}
