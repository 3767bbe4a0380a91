//! What may follow a given header: the next target, the time, and the work added up on the way.
//! The header's own work is checked in [`crate::block`], before anything gets here.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::{
    asert,
    header::{Header, Height},
    spec::ChainSpec,
    time::{Millis, Seconds},
    work::{Bits, Target, Work},
};

/// How many block times the median is taken of.
pub const MEDIAN_SPAN: usize = 11;

/// How far a block's time may lie ahead of the node's clock, in seconds.
pub const MAX_AHEAD: u32 = 120;

/// One gap between blocks counts as active time for at most this many spacings, or [`MAX_AHEAD`]
/// seconds where those are longer: if a block could run ahead of the clock by more than counts, a miner
/// who always did so would make time stand still, and blocks ever rarer.
pub const MAX_GAP_SPACINGS: u64 = 10;

/// What a header inherits from the chain below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Position {
    /// The header's height.
    pub height: Height,
    /// Work of the chain up to and including the header.
    pub work: Work,
    /// The latest block time seen along the chain.
    pub latest: Seconds,
    /// Active time since one spacing before the genesis block, in seconds: how far `latest` advanced,
    /// each advance counted as at most [`longest_gap`]. A network that slept overnight so wakes at
    /// a sane difficulty; and because only advances of the latest time count, nobody can bend the clock
    /// by jumping back and forth within the time rules.
    pub active: u64,
}

/// Why a header cannot follow another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Another difficulty than the rule demands.
    #[error("the difficulty is wrong: bits are {found} where the rule demands {expected}")]
    Bits {
        /// In the header.
        found: Bits,
        /// By aserti3-2d.
        expected: Bits,
    },
    /// Older than the median.
    #[error("the block's time {} is before {}, the median of the last {MEDIAN_SPAN} blocks", found.0, median.0)]
    TooOld {
        /// In the header.
        found: Seconds,
        /// The earliest allowed.
        median: Seconds,
    },
    /// From the future.
    #[error("the block's time {} is more than {MAX_AHEAD} seconds ahead of this node's clock, {}", found.0, now.0)]
    TooNew {
        /// In the header.
        found: Seconds,
        /// The node's clock.
        now: Seconds,
    },
}

impl Position {
    /// The genesis block's position.
    pub fn genesis(spec: &ChainSpec) -> Self {
        Self {
            height: Height::GENESIS,
            work: spec.anchor().target.work(),
            latest: spec.genesis_time,
            active: u64::from(spec.spacing),
        }
    }

    /// The bits that a header following this one must have: aserti3-2d over active time.
    pub fn next_bits(&self, spec: &ChainSpec) -> Bits {
        self.next_target(spec).bits()
    }

    fn next_target(&self, spec: &ChainSpec) -> Target {
        let active = i64::try_from(self.active).unwrap_or(i64::MAX);
        asert::next_target(&spec.anchor(), active, self.height.0)
    }

    /// The position of a header that follows this one. That the header names this one's block as its
    /// previous is the caller's to see, who knows its hash.
    ///
    /// # Errors
    /// When its bits are not what the rule demands.
    pub fn follow(&self, header: &Header, spec: &ChainSpec) -> Result<Self, HeaderError> {
        let target = self.next_target(spec);
        let expected = target.bits();
        if header.bits != expected {
            return Err(HeaderError::Bits { found: header.bits, expected });
        }
        let advance = u64::from(header.time.0.saturating_sub(self.latest.0));
        Ok(Self {
            height: self.height.next(),
            work: self.work.plus(target.work()),
            latest: self.latest.max(header.time),
            // At most a spacing and 2^32 seconds, as all advances together lead to a time in 32 bits.
            active: self.active + advance.min(longest_gap(spec)),
        })
    }
}

/// The most seconds of active time that one block can add.
pub fn longest_gap(spec: &ChainSpec) -> u64 {
    (MAX_GAP_SPACINGS * u64::from(spec.spacing)).max(u64::from(MAX_AHEAD))
}

/// The median of up to [`MEDIAN_SPAN`] block times (the upper one of an even number).
pub fn median_time(times: &mut [Seconds]) -> Seconds {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// That a header's time is not before the median of the blocks below it.
///
/// # Errors
/// When it is. It will stay wrong forever.
pub fn check_not_too_old(header: &Header, median: Seconds) -> Result<(), HeaderError> {
    if header.time < median { Err(HeaderError::TooOld { found: header.time, median }) } else { Ok(()) }
}

/// That a header's time is not too far ahead of the node's clock.
///
/// # Errors
/// When it is. It may be right later.
pub fn check_not_too_new(header: &Header, now: Millis) -> Result<(), HeaderError> {
    let now = now.seconds();
    if header.time.0 > now.0.saturating_add(MAX_AHEAD) {
        Err(HeaderError::TooNew { found: header.time, now })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{BlockHash, CoinbaseHash};

    fn header(time: u32, bits: Bits) -> Header {
        Header {
            version: 1,
            previous: BlockHash::ZERO,
            coinbase_hash: CoinbaseHash::ZERO,
            time: Seconds(time),
            bits,
            nonce: 0,
        }
    }

    fn walk(spec: &ChainSpec, times: &[u32]) -> Position {
        times.iter().fold(Position::genesis(spec), |position, time| {
            let bits = position.next_bits(spec);
            position.follow(&header(spec.genesis_time.0 + time, bits), spec).unwrap()
        })
    }

    #[test]
    fn on_schedule_the_difficulty_stays() {
        let spec = ChainSpec::practice();
        let times: Vec<u32> = (1..100).map(|n| n * spec.spacing).collect();
        assert_eq!(walk(&spec, &times).next_bits(&spec), spec.start_bits);
    }

    #[test]
    fn a_night_of_sleep_counts_as_one_longest_gap() {
        let spec = ChainSpec::practice();
        let slept = walk(&spec, &[2, 4, 50_000]);
        assert_eq!(slept.active, 2 + 4 + 120);
        assert_eq!(slept.latest, Seconds(spec.genesis_time.0 + 50_000));
        let slow = ChainSpec { spacing: 600, ..spec };
        assert_eq!(longest_gap(&slow), 6_000);
    }

    #[test]
    fn running_ahead_as_far_as_allowed_does_not_make_time_stand_still() {
        let spec = ChainSpec::practice();
        let ahead: Vec<u32> = (0..60).flat_map(|n| [n * 120 + 120, n * 120 + 60, n * 120 + 120]).collect();
        assert_eq!(walk(&spec, &ahead).active, 2 + 60 * 120);
    }

    #[test]
    fn jumping_back_and_forth_does_not_bend_the_clock() {
        let spec = ChainSpec::practice();
        let steady = walk(&spec, &[2, 4, 6, 8, 10, 12]);
        let jumping = walk(&spec, &[12, 2, 12, 4, 12, 12]);
        assert_eq!(jumping.active, steady.active);
    }

    #[test]
    fn other_bits_are_refused_with_both_values() {
        let spec = ChainSpec::practice();
        let wrong = header(spec.genesis_time.0 + 2, Bits(0x1f00_fffe));
        let error = Position::genesis(&spec).follow(&wrong, &spec).unwrap_err();
        assert_eq!(error, HeaderError::Bits { found: Bits(0x1f00_fffe), expected: spec.start_bits });
    }

    #[test]
    fn time_lies_between_the_median_and_the_clock() {
        let median = median_time(&mut [5, 1, 9, 3, 7].map(Seconds));
        assert_eq!(median, Seconds(5));
        assert!(check_not_too_old(&header(5, Bits(0)), median).is_ok());
        assert!(check_not_too_old(&header(4, Bits(0)), median).is_err());
        let now = Millis(1_000_000);
        assert!(check_not_too_new(&header(1_120, Bits(0)), now).is_ok());
        assert!(check_not_too_new(&header(1_121, Bits(0)), now).is_err());
    }
}
