//! Every way in which a header cannot follow its chain, and properties of difficulty over time.

use proptest::prelude::*;
use shared::{
    ChainSpec, Header, Height, Millis, Seconds, Target,
    asert::{Anchor, next_target},
    hash::{BlockHash, CoinbaseHash},
    rules::header::{HeaderError, MAX_AHEAD, Position, check_not_too_new, check_not_too_old, median_time},
    work::{Bits, U256},
};

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

#[test]
fn each_rule_names_what_it_found_and_what_it_demands() {
    let spec = ChainSpec::practice();
    let genesis = Position::genesis(&spec);
    let found = Bits(0x1f0f_ffff);
    let error = HeaderError::Bits { found, expected: spec.start_bits };
    assert_eq!(genesis.follow(&header(spec.genesis_time.0, found), &spec), Err(error));

    let (found, median) = (Seconds(99), Seconds(100));
    assert_eq!(check_not_too_old(&header(99, practice_bits()), median), Err(HeaderError::TooOld { found, median }));

    let now = Millis(1_000_999);
    let found = Seconds(1_000 + MAX_AHEAD + 1);
    let error = HeaderError::TooNew { found, now: Seconds(1_000) };
    assert_eq!(check_not_too_new(&header(found.0, practice_bits()), now), Err(error));
}

fn practice_bits() -> Bits {
    ChainSpec::practice().start_bits
}

#[test]
fn the_median_of_few_blocks_is_the_upper_middle() {
    assert_eq!(median_time(&mut []), Seconds(0));
    assert_eq!(median_time(&mut [Seconds(7)]), Seconds(7));
    assert_eq!(median_time(&mut [Seconds(9), Seconds(7)]), Seconds(9));
    assert_eq!(median_time(&mut [Seconds(9), Seconds(7), Seconds(8)]), Seconds(8));
}

#[test]
fn the_last_second_of_32_bits_is_still_a_time() {
    let spec = ChainSpec { genesis_time: Seconds(u32::MAX - 1), ..ChainSpec::practice() };
    let position = Position::genesis(&spec).follow(&header(u32::MAX, spec.start_bits), &spec).unwrap();
    assert_eq!(position.latest, Seconds(u32::MAX));
    assert_eq!(position.active, 3);
    assert!(check_not_too_new(&header(u32::MAX, spec.start_bits), Millis(u64::MAX)).is_ok());
}

/// The published rule, written down once more in whole numbers without limits of size: targets as
/// 1024-bit integers, the shift done after the product, the division towards zero.
fn by_the_book(anchor: &Anchor, time_delta: i64, height_delta: u32) -> Bits {
    type Huge = ruint::Uint<1024, 16>;
    let late = i128::from(time_delta) - i128::from(anchor.spacing) * (i128::from(height_delta) + 1);
    let exponent = late * 65_536 / i128::from(anchor.half_life);
    let (shifts, fraction) = (exponent.div_euclid(65_536), exponent.rem_euclid(65_536) as u64);
    let fraction = u128::from(fraction);
    let polynomial =
        195_766_423_245_049 * fraction + 971_821_376 * fraction.pow(2) + 5_127 * fraction.pow(3) + (1 << 47);
    let factor = 65_536 + (polynomial >> 48);
    // Beyond these the answer is the easiest target or 1, whatever else.
    let shifts = shifts.clamp(-300, 300);
    let product: Huge = (Huge::from(anchor.target.value()) * Huge::from(factor)) << 300_usize;
    let moved: Huge = if shifts < 0 { product >> shifts.unsigned_abs() as usize } else { product << shifts as usize };
    let target: Huge = moved >> 316_usize;
    let target = target.clamp(Huge::from(1), Huge::from(anchor.easiest.value()));
    Target::new(target.to::<U256>()).unwrap().bits()
}

fn anchors() -> impl Strategy<Value = Anchor> {
    let easiest = prop_oneof![Just(0x207f_ffff_u32), Just(0x1f0f_ffff), Just(0x1d00_ffff), Just(0x2100_ffff)];
    (easiest, 1..=u32::MAX, 0..240usize, 1..1_000_000_000u32, 1..1_000_000_000u32).prop_map(
        |(easiest, top, shift, spacing, half_life)| {
            let easiest = Bits(easiest).target().unwrap();
            let target = (U256::from(top) << shift).min(easiest.value());
            Anchor { target: Target::new(target).unwrap(), easiest, spacing, half_life }
        },
    )
}

fn deltas() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), -10_000_000_000..10_000_000_000i64, -100_000..100_000i64]
}

proptest! {
    #[test]
    fn asert_is_the_published_rule_for_every_anchor(anchor in anchors(), time in deltas(), height: u32) {
        prop_assert_eq!(next_target(&anchor, time, height).bits(), by_the_book(&anchor, time, height));
        let low = height % 1_000;
        prop_assert_eq!(next_target(&anchor, time, low).bits(), by_the_book(&anchor, time, low));
    }

    #[test]
    fn later_is_never_harder_and_higher_is_never_easier(
        anchor in anchors(), time in deltas(), more in 0..1_000_000i64, height in 0..u32::MAX,
    ) {
        let target = next_target(&anchor, time, height);
        prop_assert!(next_target(&anchor, time.saturating_add(more), height) >= target);
        prop_assert!(next_target(&anchor, time, height + 1) <= target);
        prop_assert!(target <= anchor.easiest);
    }

    /// Whatever the times, work only grows, and active time never outruns the latest block time.
    #[test]
    fn positions_add_up(gaps in prop::collection::vec(-50..200i64, 1..60)) {
        let spec = ChainSpec::practice();
        let mut position = Position::genesis(&spec);
        let mut time = i64::from(spec.genesis_time.0);
        for gap in gaps {
            time += gap;
            let header = header(u32::try_from(time).unwrap(), position.next_bits(&spec));
            let next = position.follow(&header, &spec).unwrap();
            prop_assert_eq!(next.height, Height(position.height.0 + 1));
            prop_assert!(next.work > position.work);
            prop_assert!(next.latest >= position.latest && next.active >= position.active);
            prop_assert!(next.active - u64::from(spec.spacing) <= u64::from(next.latest.0 - spec.genesis_time.0));
            position = next;
        }
    }
}
