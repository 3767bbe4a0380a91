//! How much a connection may ask of the node before it is ended. Time is an argument.

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
    /// Whatever else a miner asks.
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
}
