//! The machine's two clocks, and its deadlines. Each timer stands at most once: setting it again moves it. None is cancelled: whoever set
//! it looks, when it is due, whether it still matters. So a wake too many does no harm.

use std::collections::{BTreeMap, BTreeSet};

use shared::{BlockHash, Millis, wire::PeerId};

/// What the driver's clocks say. Deadlines are kept by the one that no setting of the system's time moves;
/// the other one only dates and judges blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds from some beginning that stays the same as long as the machine runs. Never goes back.
    pub steady: Millis,
    /// The system's time. It may jump either way.
    pub wall: Millis,
}

/// Where time is made up, both clocks are one.
impl From<Millis> for Moment {
    fn from(both: Millis) -> Self {
        Self { steady: both, wall: both }
    }
}

/// What to look at when its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Has this peer said hello?
    Hello(PeerId),
    /// Has this peer answered a request for headers?
    Headers(PeerId),
    /// Has this peer answered a request for blocks?
    Blocks(PeerId),
    /// Has this peer answered a request for transactions?
    Transactions(PeerId),
    /// Have the transactions of this announced block come?
    Rebuild(BlockHash),
    /// May this peer be served again?
    Serve(PeerId),
    /// Is there somebody to dial?
    Dial,
    /// Time to ask somebody for a better chain and to try a new peer.
    Poll,
    /// Those who wait for peers' answers have waited long enough.
    Resolve,
    /// The miner's template may be out of date.
    Template,
    /// Time for a liar's next wave.
    Flood,
}

/// All timers that are set.
#[derive(Debug, Default)]
pub struct Timers {
    queue: BTreeSet<(Millis, Timer)>,
    set: BTreeMap<Timer, Millis>,
}

impl Timers {
    /// Sets a timer, or moves it there.
    pub fn set(&mut self, at: Millis, timer: Timer) {
        if let Some(before) = self.set.insert(timer, at) {
            self.queue.remove(&(before, timer));
        }
        self.queue.insert((at, timer));
    }

    /// When the next one is due.
    pub fn next(&self) -> Option<Millis> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes one that is due.
    pub fn take_due(&mut self, now: Millis) -> Option<Timer> {
        let (at, timer) = *self.queue.first()?;
        if at > now {
            return None;
        }
        self.queue.remove(&(at, timer));
        self.set.remove(&timer);
        Some(timer)
    }
}
