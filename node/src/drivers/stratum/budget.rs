//! How much a connection may ask of the node before it is ended, and how much all together may ask before they have
//! to wait. Time is an argument.

use std::time::Duration;

use shared::Millis;

/// Points of a connection that was quiet for a while.
const FULL: u64 = 20_000;
/// Points that come back each second.
const BACK: u64 = 200;

/// What something costs, in points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost(u64);

impl Cost {
    /// A share, good or late: where blocks are easy, even an honest miner sends thousands before it hears of the
    /// next block.
    pub const SHARE: Self = Self(1);
    /// Whatever else a miner asks, understood or not.
    pub const QUESTION: Self = Self(20);
    /// What no honest miner sends often.
    pub const FAULT: Self = Self(200);
}

/// The points that a connection has left.
#[derive(Debug)]
pub struct Budget {
    /// Thousandths of points.
    left: u64,
    at: Millis,
}

impl Budget {
    /// A full one.
    pub fn new(now: Millis) -> Self {
        Self { left: FULL * 1_000, at: now }
    }

    /// Pays; false when there is not enough left.
    pub fn pay(&mut self, cost: Cost, now: Millis) -> bool {
        let passed = u64::try_from(now.since(self.at).as_millis()).unwrap_or(u64::MAX);
        self.left = self.left.saturating_add(passed.saturating_mul(BACK)).min(FULL * 1_000);
        self.at = self.at.max(now);
        match self.left.checked_sub(cost.0 * 1_000) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

/// Lines of all miners together that are looked at in a second, once more than [`AT_ONCE`] have come. An optimised
/// build takes some hundredths of a second for them.
const A_SECOND: u64 = 5_000;
/// Lines that may come at once.
const AT_ONCE: u64 = 20_000;

/// Makes those wait who together send too much, so that many connections cost the node no more than a few.
#[derive(Debug, Default)]
pub struct Throttle {
    /// When what has come would have come at the highest pace, in microseconds of the steady clock.
    due: u64,
}

impl Throttle {
    /// How long to wait before so many lines are looked at.
    pub fn delay(&mut self, lines: usize, now: Millis) -> Duration {
        let now = now.0.saturating_mul(1_000);
        let taking = u64::try_from(lines).unwrap_or(u64::MAX).saturating_mul(1_000_000 / A_SECOND);
        self.due = self.due.max(now).saturating_add(taking);
        Duration::from_micros(self.due.saturating_sub(now + AT_ONCE * (1_000_000 / A_SECOND)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_comes_back_with_time_and_no_more() {
        let mut budget = Budget::new(Millis(0));
        let faults = |budget: &mut Budget, now| (0..1_000).take_while(|_| budget.pay(Cost::FAULT, now)).count();
        assert_eq!(faults(&mut budget, Millis(0)), 100);
        assert_eq!(faults(&mut budget, Millis(999)), 0);
        assert_eq!(faults(&mut budget, Millis(1_000)), 1);
        assert_eq!(faults(&mut budget, Millis(10_000_000)), 100);
        // A clock that goes back gives nothing.
        assert_eq!(faults(&mut budget, Millis(0)), 0);
        assert_eq!(faults(&mut budget, Millis(10_000_000)), 0);
    }

    #[test]
    fn lines_wait_once_there_are_too_many() {
        let mut throttle = Throttle::default();
        assert_eq!(throttle.delay(20_000, Millis(7_000)), Duration::ZERO);
        assert_eq!(throttle.delay(5_000, Millis(7_000)), Duration::from_secs(1));
        assert_eq!(throttle.delay(5_000, Millis(8_000)), Duration::from_secs(1));
        assert_eq!(throttle.delay(1, Millis(60_000)), Duration::ZERO);
    }
}
