//! Time, in windows no longer than the shortest delay: what a node sends within a window arrives after
//! it, so that within one all nodes can run side by side. Which threads do so changes nothing: what they
//! send is put in order by time, sender and number before anybody takes it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use shared::Millis;

use super::{
    Violation, World,
    node::{Ground, Scheduled, SimNode},
};

/// Nodes with something to do in a window that are worth a thread.
const WORTH_A_THREAD: usize = 64;
/// Messages that are worth one.
const MAIL_WORTH_A_THREAD: usize = 512;

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

/// What is on its way, with whom it is for.
type Mail = Vec<(usize, Scheduled)>;

/// The nodes of a range, which one thread runs, and those of them that have something to do.
struct Range<'a> {
    first: usize,
    nodes: &'a mut [SimNode],
    busy: &'a [usize],
    /// What it is sent, by each range.
    mail: Vec<Mail>,
}

/// What running a range came to: how much happened, and what was sent to each range.
struct Ran {
    count: u64,
    sent: Vec<Mail>,
}

/// When which nodes of a range have something to do, and what they did that no node may do.
#[derive(Default)]
struct Took {
    due: Vec<(Millis, usize)>,
    faults: Vec<(usize, String)>,
}

impl<'a> Range<'a> {
    /// Divides all nodes so that each range has as many of the busy ones.
    fn divide(mut nodes: &'a mut [SimNode], busy: &'a [usize], threads: usize) -> Vec<Self> {
        let mut ranges = Vec::with_capacity(threads);
        let mut first = 0;
        let mut shares = busy.chunks(busy.len().div_ceil(threads)).peekable();
        while let Some(busy) = shares.next() {
            let end = shares.peek().and_then(|next| next.first()).map_or(first + nodes.len(), |next| *next);
            let (own, others) = std::mem::take(&mut nodes).split_at_mut(end - first);
            ranges.push(Range { first, nodes: own, busy, mail: Vec::new() });
            (nodes, first) = (others, end);
        }
        ranges
    }

    fn end(&self) -> usize {
        self.first + self.nodes.len()
    }

    /// Runs the busy nodes, and sorts what they send by the ranges, which have these ends.
    fn run_before(&mut self, end: Millis, ground: &Ground, generation: u64, ends: &[usize]) -> Ran {
        let mut ran = Ran { count: 0, sent: ends.iter().map(|_| Vec::new()).collect() };
        for number in self.busy {
            let node = &mut self.nodes[number - self.first];
            ran.count += node.run_before(end, ground, generation);
            for (to, scheduled) in node.sent.drain(..) {
                // Nobody is beyond the last range.
                if let Some(range) = ran.sent.get_mut(ends.partition_point(|end| *end <= to)) {
                    range.push((to, scheduled));
                }
            }
        }
        ran
    }

    /// Hands the mail to the nodes.
    fn take_in(&mut self) -> Took {
        let mut took = Took::default();
        for (to, scheduled) in std::mem::take(&mut self.mail).into_iter().flatten() {
            let queue = &mut self.nodes[to - self.first].queue;
            if queue.peek().is_none_or(|next| scheduled.at < next.at) {
                took.due.push((scheduled.at, to));
            }
            queue.push(scheduled);
        }
        for number in self.busy {
            let node = &mut self.nodes[number - self.first];
            took.due.extend(node.queue.peek().map(|next| (next.at, *number)));
            took.faults.extend(node.fault.take().map(|what| (*number, what)));
        }
        took
    }
}

/// Does something with each range, with the first on this thread and with each other on one of its own; the outcomes in
/// the order of the ranges.
fn side_by_side<'a, T: Send>(ranges: &mut [Range<'a>], work: impl Fn(&mut Range<'a>) -> T + Sync) -> Vec<T> {
    let Some((own, others)) = ranges.split_first_mut() else { return Vec::new() };
    std::thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = others.iter_mut().map(|range| scope.spawn(move || work(range))).collect();
        let first = work(own);
        let rest = running.into_iter().map(|thread| thread.join());
        let rest = rest.map(|outcome| outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        std::iter::once(first).chain(rest).collect()
    })
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
                // One by one, so that the checker sees each tip that a node ever had.
                while self.nodes[*node].take_before(end, &self.ground, self.power.generation) {
                    self.happened += 1;
                    self.observe(*node);
                }
            }
            busy.iter().for_each(|node| self.collect(*node));
        } else {
            self.run_together(&busy, end, threads);
        }
        self.show_sights(&busy);
        self.agenda.busy = busy;
    }

    /// Runs nodes on several threads, each with the nodes of a range; then each range takes what was sent to it.
    fn run_together(&mut self, busy: &[usize], end: Millis, threads: usize) {
        let (ground, generation) = (&self.ground, self.power.generation);
        let mut ranges = Range::divide(&mut self.nodes, busy, threads);
        let ends: Vec<usize> = ranges.iter().map(Range::end).collect();
        for Ran { count, sent } in side_by_side(&mut ranges, |range| range.run_before(end, ground, generation, &ends)) {
            self.happened += count;
            ranges.iter_mut().zip(sent).for_each(|(range, mail)| range.mail.push(mail));
        }
        // Little mail is handed out sooner than a thread has begun.
        let took = match ranges.iter().flat_map(|range| &range.mail).map(Vec::len).sum::<usize>() {
            little if little < MAIL_WORTH_A_THREAD => ranges.iter_mut().map(Range::take_in).collect(),
            _ => side_by_side(&mut ranges, Range::take_in),
        };
        for Took { due, faults } in took {
            due.into_iter().for_each(|(at, node)| self.agenda.note(at, node));
            faults.into_iter().for_each(|(node, what)| self.violate(node, &what));
        }
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
