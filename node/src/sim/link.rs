//! Links between simulated nodes: how long a message takes, and what may happen to it on the way.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use shared::Millis;

/// What links are like, all of them alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// A message takes at least this many milliseconds.
    pub delay_min: u64,
    /// And at most this many, evenly spread.
    pub delay_max: u64,
    /// Share of messages that are lost.
    pub loss: f64,
    /// Share of messages that come twice.
    pub duplication: f64,
    /// Whether a later message may overtake an earlier one.
    pub reordering: bool,
}

impl Conditions {
    /// A quiet local network.
    pub const CALM: Self = Self { delay_min: 1, delay_max: 20, loss: 0.0, duplication: 0.0, reordering: false };

    /// As bad as it gets while still being a network.
    pub const ROUGH: Self = Self { delay_min: 1, delay_max: 2_000, loss: 0.05, duplication: 0.05, reordering: true };

    /// When copies of a message sent now arrive; none when it is lost.
    pub(super) fn arrivals(&self, now: Millis, not_before: Millis, rng: &mut ChaCha8Rng) -> Vec<Millis> {
        if self.loss > 0.0 && rng.random_bool(self.loss) {
            return Vec::new();
        }
        let copies = if self.duplication > 0.0 && rng.random_bool(self.duplication) { 2 } else { 1 };
        let arrival = |rng: &mut ChaCha8Rng| {
            let at = Millis(now.0 + self.delay(rng));
            if self.reordering { at } else { at.max(not_before) }
        };
        (0..copies).map(|_| arrival(rng)).collect()
    }

    /// How long one way takes, in milliseconds.
    pub(super) fn delay(&self, rng: &mut ChaCha8Rng) -> u64 {
        rng.random_range(self.delay_min..=self.delay_max)
    }
}

/// A connection between two nodes.
#[derive(Debug, Clone)]
pub(super) struct Link {
    /// Connections are numbered, so that messages of an earlier one between the same nodes are known.
    pub(super) id: u64,
    /// When the last message in each direction arrives; towards the lower-numbered node first.
    pub(super) last_arrival: [Millis; 2],
}
