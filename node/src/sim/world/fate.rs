//! What befalls simulated nodes: splits, pauses, crashes, lost disks.

use super::{World, address, empty_disk, peer_id};
use crate::machine::event::{Event, Registration, Request, RequestId};

impl World {
    /// The group of nodes that are in none of those that were named, and of all that join during a split.
    pub const REST: usize = usize::MAX;

    /// Splits the network: nodes reach those of their own group only. `groups` has each node's, by number.
    pub fn split(&mut self, groups: Vec<usize>) {
        self.ground.groups = Some(groups);
        for node in 0..self.nodes.len() {
            let linked: Vec<usize> = self.nodes[node].links.keys().copied().collect();
            for other in linked.into_iter().filter(|other| !self.ground.can_meet(node, *other)) {
                self.nodes[node].tear(other, self.now, &self.ground);
            }
            self.after(node);
        }
    }

    /// Ends a split. Nodes find each other again by themselves.
    pub fn heal(&mut self) {
        self.ground.groups = None;
    }

    /// Names all nodes to each other, so that those who have lost each other dial. Paused ones are not told.
    pub fn meet(&mut self) {
        for node in 0..self.nodes.len() {
            if self.nodes[node].paused {
                continue;
            }
            let known = self.acquaintances(node);
            let named = known.into_iter().map(|other| Registration {
                node: None,
                http: String::new(),
                peer: Some(peer_id(other)),
                addresses: vec![address(other)],
            });
            let request = Request::Register(named.collect());
            self.tell(node, Event::Request { id: RequestId(0), request });
        }
    }

    /// Stops a node where it stands: it keeps its connections and does nothing; what comes for it waits.
    pub fn pause(&mut self, node: usize) {
        self.nodes[node].paused = self.nodes[node].machine.is_some();
    }

    /// Lets a paused node go on, with everything that came meanwhile.
    pub fn resume(&mut self, node: usize) {
        self.nodes[node].resume(self.now);
        self.after(node);
    }

    /// Ends a node's process at once; what it had not committed is lost. It starts again later.
    pub fn crash(&mut self, node: usize, down_for: u64) {
        if self.end_process(node) {
            self.restarts.insert((shared::Millis(self.now.0 + down_for), node));
        }
    }

    /// Ends a node's process at once, until it is restarted: one that crashed does not come back by itself then.
    /// Tells whether there was one.
    pub fn kill(&mut self, node: usize) -> bool {
        self.restarts.retain(|(_, other)| *other != node);
        self.end_process(node)
    }

    fn end_process(&mut self, node: usize) -> bool {
        let Some(linked) = self.nodes[node].end(self.now) else { return false };
        self.collect(node);
        for other in linked {
            self.nodes[other].tear(node, self.now, &self.ground);
            self.after(other);
        }
        true
    }

    /// Starts a node that does not run; it finds what it had committed.
    pub fn restart(&mut self, node: usize) {
        if self.nodes[node].machine.is_none() {
            self.nodes[node].restarts += 1;
            self.start(node);
        }
    }

    /// Ends a node's process and takes its disk away: it starts again with nothing.
    pub fn wipe(&mut self, node: usize, down_for: u64) {
        if self.nodes[node].machine.is_some() {
            self.crash(node, down_for);
            self.nodes[node].disk = Some(empty_disk(&self.config));
            self.oracle.forget(node);
        }
    }
}
