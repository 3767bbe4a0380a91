//! How hard shares are to find: difficulties as miners count them, and the pace that a miner's shares are kept
//! at. Time is an argument.
//!
//! All difficulties are powers of two. So a difficulty below 1 is exact in JSON, one above is a whole number, which
//! some devices need, and the target that a miner works out for itself is the very one that its shares are judged by.

use std::time::Duration;

use serde_json::Value;
use shared::{Millis, Target, work::U256};

/// A power of two of difficulty 1, whose target is 0xffff · 2^208.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difficulty(i16);

impl Difficulty {
    /// The easiest whose target fits 256 bits.
    pub const EASIEST: Self = Self(-32);
    /// The hardest that is an exact number for every miner.
    pub const HARDEST: Self = Self(52);
    /// What a miner begins with unless it suggests another: a second or so of one core, and with a device that
    /// hashes a million times faster no more than the first few shares come too fast.
    pub const FIRST: Self = Self(-10);

    /// What a share's hash may at most be.
    pub fn target(self) -> Target {
        let one = U256::from(0xffff_u64) << 208;
        let doublings = usize::from(self.0.unsigned_abs());
        let shifted = if self.0 < 0 { one << doublings } else { one >> doublings };
        // Never zero within the limits.
        Target::new(shifted).unwrap_or(Target::MAX)
    }

    /// The hardest difficulty that is not harder than this target; the easiest one, if all are.
    pub fn within(target: Target) -> Self {
        let all = (Self::EASIEST.0..=Self::HARDEST.0).rev().map(Self);
        all.into_iter().find(|difficulty| difficulty.target() >= target).unwrap_or(Self::EASIEST)
    }

    /// The hardest difficulty that is not above a number that a miner names; none for what is no difficulty.
    pub fn not_above(number: f64) -> Option<Self> {
        let exponent = number.log2().floor();
        exponent.is_finite().then(|| Self(exponent.clamp(Self::EASIEST.0.into(), Self::HARDEST.0.into()) as i16))
    }

    /// As miners are told.
    pub fn to_json(self) -> Value {
        match u32::try_from(self.0) {
            Ok(exponent) => Value::from(1_u64 << exponent),
            Err(_) => Value::from(f64::from(self.0).exp2()),
        }
    }

    fn harder_by(self, steps: i16) -> Self {
        Self(self.0.saturating_add(steps)).clamp(Self::EASIEST, Self::HARDEST)
    }
}

/// What a miner's shares should be apart on average: fifteen a minute.
const APART: Duration = Duration::from_secs(4);
/// So many shares tell how fast a miner is.
const ENOUGH: u32 = 12;
/// After so long it is judged by what has come.
const LONG: Duration = Duration::from_secs(60);
/// The difficulty changes by at most so many doublings at once.
const STEPS: i16 = 6;

/// One miner's variable difficulty.
#[derive(Debug)]
pub struct Pace {
    wanted: Difficulty,
    /// Shares since then that were found at the difficulty in force.
    shares: u32,
    since: Millis,
}

impl Pace {
    /// That of a miner of whom nothing is known.
    pub fn new(now: Millis) -> Self {
        Self { wanted: Difficulty::FIRST, shares: 0, since: now }
    }

    /// What shares should have where a block has this target. They are never harder than the block: a proof that
    /// is no share would be lost.
    pub fn difficulty(&self, block: Target) -> Difficulty {
        self.wanted.min(Difficulty::within(block))
    }

    /// The miner wishes for this difficulty.
    pub fn suggest(&mut self, difficulty: Difficulty, now: Millis) {
        *self = Self { wanted: difficulty, shares: 0, since: now };
    }

    /// Counts a share that was found at the difficulty in force.
    pub fn share(&mut self) {
        self.shares += 1;
    }

    /// Looks whether shares at difficulty `in_force` come too fast or too rarely; then another one is wanted.
    pub fn judge(&mut self, in_force: Difficulty, now: Millis) {
        let passed = now.since(self.since);
        if self.shares < ENOUGH && passed < LONG {
            return;
        }
        let passed = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX).max(1);
        // No share at all counts as half a one.
        let halves = u64::from(self.shares).saturating_mul(2).max(1).saturating_mul(APART.as_millis() as u64);
        let (faster, slower) = (halves / passed.saturating_mul(2), passed.saturating_mul(2) / halves);
        let steps =
            |times: u64| times.checked_ilog2().map_or(0, |steps| i16::try_from(steps).unwrap_or(STEPS)).min(STEPS);
        self.wanted = in_force.harder_by(steps(faster) - steps(slower));
        (self.shares, self.since) = (0, now);
    }
}

#[cfg(test)]
mod tests {
    use shared::Bits;

    use super::*;

    fn second(seconds: u64) -> Millis {
        Millis(seconds * 1_000)
    }

    #[test]
    fn difficulty_one_is_the_published_target() {
        assert_eq!(Difficulty(0).target(), Bits(0x1d00_ffff).target().unwrap());
        assert_eq!(Difficulty(1).target().value(), Bits(0x1d00_ffff).target().unwrap().value() >> 1);
        assert_eq!(Difficulty(-32).target().value(), U256::from(0xffff_u64) << 240);
    }

    #[test]
    fn no_share_is_harder_than_the_block_and_none_is_twice_as_easy_as_it_might_be() {
        for bits in [0x1d00_ffff, 0x1f0f_ffff, 0x1f00_ffff, 0x1e12_3456, 0x1903_a30c, 0x0300_0001, 0x207f_ffff] {
            let block = Bits(bits).target().unwrap();
            let share = Difficulty::within(block);
            assert!(share.target() >= block, "{bits:08x}");
            let harder = share.harder_by(1);
            assert!(harder == share || harder.target() < block, "{bits:08x}");
        }
        assert_eq!(Difficulty::within(Target::MAX), Difficulty::EASIEST);
        assert_eq!(Difficulty::within(Bits(0x1d00_ffff).target().unwrap()), Difficulty(0));
    }

    #[test]
    fn miners_are_told_whole_numbers_or_exact_fractions() {
        assert_eq!(Difficulty(10).to_json().to_string(), "1024");
        assert_eq!(Difficulty(0).to_json().to_string(), "1");
        assert_eq!(Difficulty(-3).to_json().to_string(), "0.125");
        let easiest: f64 = Difficulty::EASIEST.to_json().to_string().parse().unwrap();
        assert_eq!(easiest, 2f64.powi(-32));
    }

    #[test]
    fn what_a_miner_names_is_rounded_down_and_nonsense_is_none() {
        for (named, exponent) in [(1.0, 0), (1_500.0, 10), (0.3, -2), (1e300, 52), (1e-300, -32)] {
            assert_eq!(Difficulty::not_above(named), Some(Difficulty(exponent)), "{named}");
        }
        for named in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Difficulty::not_above(named), None, "{named}");
        }
    }

    /// The difficulty that a miner of so many hashes a second ends at, with shares at even distances.
    fn settled(hashes: f64, seconds: u64) -> Difficulty {
        let mut pace = Pace::new(second(0));
        let hard = Target::new(U256::ONE).unwrap();
        let mut due = 0.0;
        for now in (0..seconds * 1_000).step_by(10) {
            let share = pace.difficulty(hard);
            let apart = 1_000.0 * shared::Work::to_f64(share.target().work()) / hashes;
            due = f64::min(due, now as f64 + apart);
            while due <= now as f64 {
                pace.share();
                due += apart;
            }
            pace.judge(share, Millis(now));
        }
        pace.difficulty(hard)
    }

    #[test]
    fn slow_and_fast_miners_end_at_some_shares_a_minute() {
        for (hashes, minutes) in [(1e4, 10), (5e6, 5), (1e9, 5), (1e12, 5)] {
            let work = settled(hashes, minutes * 60).target().work().to_f64();
            let a_minute = 60.0 * hashes / work;
            assert!((7.0..=30.0).contains(&a_minute), "{hashes} hashes a second: {a_minute} shares a minute");
        }
    }

    #[test]
    fn a_block_that_is_easy_caps_the_difficulty_and_no_longer_when_it_gets_harder() {
        let mut pace = Pace::new(second(0));
        let easy = Bits(0x1f0f_ffff).target().unwrap();
        let in_force = pace.difficulty(easy);
        assert!(in_force < Difficulty::FIRST);
        (0..ENOUGH).for_each(|_| pace.share());
        pace.judge(in_force, second(1));
        assert_eq!(pace.difficulty(easy), in_force);
        assert!(pace.difficulty(Target::new(U256::ONE).unwrap()) > in_force);
    }
}
