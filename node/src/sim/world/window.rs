//! Time, in windows no longer than the shortest delay: what a node sends within a window arrives after
//! it, so that within one all nodes can run side by side. Which threads do so changes nothing: what they
//! send is put in order by time, sender and number before anybody takes it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use shared::Millis;

use super::{Violation, World, node::SimNode};

/// Nodes with something to do in a window that are worth a thread.
const WORTH_A_THREAD: usize = 64;

/// When which node has something to do, at the latest known; a node may stand in it more than once.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    due: BinaryHeap<Reverse<(Millis, usize)>>,
    busy: Vec<usize>,
}

impl Agenda {
    /// A node has something to do at this time.
    pub(super) fn note(&mut self, at: Millis, node: usize) {
        self.due.push(Reverse((at, node)));
    }

    fn next(&self) -> Option<Millis> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// The nodes with something to do before `end`, each once, in order.
    fn take_before(&mut self, end: Millis) -> Vec<usize> {
        let mut busy = std::mem::take(&mut self.busy);
        busy.clear();
        while let Some(Reverse((at, node))) = self.due.peek()
            && *at < end
        {
            busy.push(*node);
            self.due.pop();
        }
        busy.sort_unstable();
        busy.dedup();
        busy
    }
}

impl World {
    /// Lets everything happen that is due within so many milliseconds.
    ///
    /// # Errors
    /// The first rule that was broken.
    pub fn run_for(&mut self, period: u64) -> Result<(), Violation> {
        let until = Millis(self.now.0 + period);
        self.collect_all();
        while let Some(begin) = self.next_begin().filter(|begin| *begin <= until) {
            self.now = begin.max(self.now);
            self.restart_due();
            let end = Millis((self.now.0 + self.lookahead()).min(until.0 + 1));
            let end = self.restarts.first().map_or(end, |(at, _)| end.min(*at));
            self.hand_out_proofs(end);
            self.run_window(end);
            if let Some(violation) = self.violation.take() {
                return Err(violation);
            }
        }
        self.now = until;
        Ok(())
    }

    fn next_begin(&self) -> Option<Millis> {
        let proof = self.power.next.map(|(due, _)| Millis(due as u64).max(self.now));
        let restart = self.restarts.first().map(|(at, _)| *at);
        self.agenda.next().into_iter().chain(proof).chain(restart).min()
    }

    fn restart_due(&mut self) {
        while let Some((at, node)) = self.restarts.first().copied()
            && at <= self.now
        {
            self.restarts.pop_first();
            self.restart(node);
        }
    }

    /// How long nothing that is sent now can arrive. At least the one millisecond that time moves by: what
    /// arrives within it is taken in another window of the same moment.
    fn lookahead(&self) -> u64 {
        self.ground.links.least_delay().max(1)
    }

    fn run_window(&mut self, end: Millis) {
        let busy = self.agenda.take_before(end);
        let threads = self.threads.min(busy.len() / WORTH_A_THREAD);
        if threads <= 1 || self.config.checked {
            for node in &busy {
                self.happened += self.nodes[*node].run_before(end, &self.ground, self.power.generation);
                self.observe(*node);
            }
        } else {
            self.run_together(&busy, end, threads);
        }
        for node in &busy {
            self.collect(*node);
        }
        self.show_sights(&busy);
        self.agenda.busy = busy;
    }

    fn run_together(&mut self, busy: &[usize], end: Millis, threads: usize) {
        let (ground, generation) = (&self.ground, self.power.generation);
        let mut rest = self.nodes.as_mut_slice();
        let mut taken = 0;
        let counted: u64 = std::thread::scope(|scope| {
            let mut running = Vec::with_capacity(threads);
            for share in busy.chunks(busy.len().div_ceil(threads)) {
                let last = share.last().map_or(taken, |last| last + 1);
                let (own, others) = rest.split_at_mut(last - taken);
                let first = taken;
                (rest, taken) = (others, last);
                let run = move || -> u64 {
                    share.iter().map(|node| own[node - first].run_before(end, ground, generation)).sum()
                };
                running.push(scope.spawn(run));
            }
            let counts = running.into_iter().map(|thread| thread.join());
            counts.map(|count| count.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).sum()
        });
        self.happened += counted;
    }

    /// Sends off what was sent by anybody outside of a window.
    fn collect_all(&mut self) {
        (0..self.nodes.len()).for_each(|node| self.collect(node));
    }

    /// Sends off what a node sent, and notes when it has something to do.
    pub(super) fn collect(&mut self, node: usize) {
        let mut sent = std::mem::take(&mut self.nodes[node].sent);
        for (to, scheduled) in sent.drain(..) {
            if let Some(receiver) = self.nodes.get_mut(to) {
                if receiver.queue.peek().is_none_or(|next| scheduled.at < next.at) {
                    self.agenda.note(scheduled.at, to);
                }
                receiver.queue.push(scheduled);
            }
        }
        let SimNode { queue, fault, .. } = &mut self.nodes[node];
        if let Some(next) = queue.peek() {
            self.agenda.note(next.at, node);
        }
        if let Some(what) = fault.take() {
            self.violate(node, &what);
        }
        self.nodes[node].sent = sent;
    }

    /// Shows the witness what happened, in order of time.
    pub(super) fn show_sights(&mut self, nodes: &[usize]) {
        let Some(witness) = &mut self.witness else { return };
        let mut sights = Vec::new();
        for node in nodes {
            sights.extend(self.nodes[*node].sights.drain(..).map(|(at, sight)| (at, *node, sight)));
        }
        sights.sort_by_key(|(at, node, _)| (*at, *node));
        for (at, node, sight) in &sights {
            witness(*at, *node, sight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Conditions, Delay, Topology, WorldConfig, easy_network};

    #[test]
    #[should_panic(expected = "but the index is 0")]
    fn the_first_panic_in_one_of_several_threads_ends_the_run() {
        let mut world = World::new(WorldConfig {
            network: easy_network(1),
            nodes: 3 * WORTH_A_THREAD,
            seed: 1,
            conditions: Conditions::taking(Delay::Constant(10)),
            topology: Topology::Acquainted(8),
            checked: false,
        });
        world.set_threads(2);
        // Nobody is in any group.
        world.ground.groups = Some(Vec::new());
        let _ = world.run_for(10);
    }
}
