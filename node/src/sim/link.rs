//! Links between simulated nodes: how long a message takes, and what may happen to it on the way.

use std::collections::BTreeMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use shared::Millis;

/// Names a connection: who dialled, and how many things it had sent before.
pub(super) type LinkId = (usize, u64);

/// How long one way takes, in milliseconds of virtual time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Delay {
    /// Always as long.
    Constant(u64),
    /// Any time from `least` to `most`, all alike.
    Uniform {
        /// The shortest.
        least: u64,
        /// The longest.
        most: u64,
    },
    /// Mostly short, sometimes long: exponentially distributed.
    Exponential {
        /// On average.
        mean: f64,
    },
}

impl Delay {
    /// How long it takes this time.
    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> u64 {
        match *self {
            Self::Constant(delay) => delay,
            Self::Uniform { least, most } => rng.random_range(least..=most.max(least)),
            Self::Exponential { mean } => exponential(mean, rng) as u64,
        }
    }

    /// No message is faster.
    fn least(&self) -> u64 {
        match *self {
            Self::Constant(delay) => delay,
            Self::Uniform { least, .. } => least,
            Self::Exponential { .. } => 0,
        }
    }

    /// The average, in milliseconds.
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Constant(delay) => delay as f64,
            Self::Uniform { least, most } => (least + most.max(least)) as f64 / 2.0,
            Self::Exponential { mean } => mean,
        }
    }
}

/// An exponentially distributed time with this mean.
pub(super) fn exponential(mean: f64, rng: &mut ChaCha8Rng) -> f64 {
    -(1.0 - rng.random::<f64>()).ln() * mean
}

/// What a link is like, in one direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// How long a message takes.
    pub delay: Delay,
    /// Share of messages that are lost.
    pub loss: f64,
    /// Share of messages that come twice.
    pub duplication: f64,
    /// Whether a later message may overtake an earlier one.
    pub reordering: bool,
}

impl Conditions {
    /// A quiet local network.
    pub const CALM: Self = Self::taking(Delay::Uniform { least: 1, most: 20 });

    /// As bad as it gets while still being a network.
    pub const ROUGH: Self =
        Self { delay: Delay::Uniform { least: 1, most: 2_000 }, loss: 0.05, duplication: 0.05, reordering: true };

    /// Nothing is lost, and what was sent first comes first.
    pub const fn taking(delay: Delay) -> Self {
        Self { delay, loss: 0.0, duplication: 0.0, reordering: false }
    }

    /// How many copies of a message arrive.
    fn copies(&self, rng: &mut ChaCha8Rng) -> usize {
        if self.loss > 0.0 && rng.random_bool(self.loss) {
            0
        } else if self.duplication > 0.0 && rng.random_bool(self.duplication) {
            2
        } else {
            1
        }
    }
}

/// What all links are like.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Links {
    nodes: usize,
    rest: Conditions,
    /// Those that are not like the rest, by sender and receiver.
    pairs: BTreeMap<(usize, usize), Conditions>,
}

impl Links {
    pub(super) fn all(nodes: usize, rest: Conditions) -> Self {
        Self { nodes, rest, pairs: BTreeMap::new() }
    }

    /// There is one node more.
    pub(super) fn grow(&mut self) {
        self.nodes += 1;
    }

    /// Whether there is such a node.
    pub(super) fn reaches(&self, node: usize) -> bool {
        node < self.nodes
    }

    /// All links that are not like the rest stay so.
    pub(super) fn set_rest(&mut self, rest: Conditions) {
        self.rest = rest;
    }

    pub(super) fn set(&mut self, from: usize, to: usize, conditions: Conditions) {
        self.pairs.insert((from, to), conditions);
    }

    pub(super) fn between(&self, from: usize, to: usize) -> &Conditions {
        if self.pairs.is_empty() { &self.rest } else { self.pairs.get(&(from, to)).unwrap_or(&self.rest) }
    }

    /// No message of anybody is faster, in milliseconds.
    pub(super) fn least_delay(&self) -> u64 {
        self.pairs.values().chain([&self.rest]).map(|conditions| conditions.delay.least()).min().unwrap_or(0)
    }
}

/// One node's end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// Which connection: messages of an earlier one between the same nodes are not mistaken for its own.
    pub(super) link: LinkId,
    /// Nothing sent from here arrives earlier.
    not_before: Millis,
    /// When the last message from here arrives.
    last_arrival: Millis,
}

impl End {
    pub(super) fn new(link: LinkId) -> Self {
        Self { link, not_before: Millis(0), last_arrival: Millis(0) }
    }

    /// When something arrives that nothing may overtake, if it would take until `at` by itself.
    pub(super) fn hold(&mut self, at: Millis) -> Millis {
        self.last_arrival = at.max(self.last_arrival);
        self.not_before = self.last_arrival;
        self.last_arrival
    }

    /// When a message sent now arrives, once for each copy; never when it is lost.
    pub(super) fn arrivals(
        &mut self,
        conditions: &Conditions,
        now: Millis,
        rng: &mut ChaCha8Rng,
    ) -> impl Iterator<Item = Millis> + use<> {
        let mut arrivals = [None; 2];
        for arrival in arrivals.iter_mut().take(conditions.copies(rng)) {
            let at = Millis(now.0 + conditions.delay.draw(rng)).max(self.not_before);
            let at = if conditions.reordering { at } else { at.max(self.last_arrival) };
            self.last_arrival = at.max(self.last_arrival);
            *arrival = Some(at);
        }
        arrivals.into_iter().flatten()
    }
}
