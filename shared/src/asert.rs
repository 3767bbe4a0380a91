//! aserti3-2d, the difficulty rule published for Bitcoin Cash (CHIP 2020-11-15, "ASERT"), as one pure
//! function in integers. What counts as elapsed time is decided in [`crate::rules::header`].

use ruint::Uint;

use crate::work::{Target, U256};

/// Room for a 256-bit target times the 17-bit factor.
type Wide = Uint<320, 5>;

/// What the rule is anchored to.
#[derive(Debug, Clone, Copy)]
pub struct Anchor {
    /// The anchor block's own target.
    pub target: Target,
    /// No block may be easier than this.
    pub easiest: Target,
    /// Intended seconds between blocks.
    pub spacing: u32,
    /// Seconds by which the chain must lag or lead for the target to double or halve.
    pub half_life: u32,
}

/// The target of the block after one that lies `height_delta` blocks after the anchor and `time_delta`
/// seconds after the anchor's parent.
pub fn next_target(anchor: &Anchor, time_delta: i64, height_delta: u32) -> Target {
    let ideal = i128::from(anchor.spacing) * (i128::from(height_delta) + 1);
    let exponent = (i128::from(time_delta) - ideal) * 65_536 / i128::from(anchor.half_life.max(1));
    let shifts = exponent >> 16;
    // The published cubic approximation of 2^x for 0 <= x < 1, in 16-bit fixed point.
    let fraction = (exponent & 0xffff) as u128;
    let cubic = 195_766_423_245_049 * fraction
        + 971_821_376 * fraction * fraction
        + 5_127 * fraction * fraction * fraction
        + (1 << 47);
    let factor = 65_536 + (cubic >> 48);

    let scaled = Wide::from(anchor.target.value()).wrapping_mul(Wide::from(factor));
    let shift = shifts - 16;
    let moved = if shift <= 0 {
        usize::try_from(-shift).ok().filter(|by| *by < 320).map_or(Wide::ZERO, |by| scaled.wrapping_shr(by))
    } else {
        let by = usize::try_from(shift).ok().filter(|by| *by < 320);
        match by.and_then(|by| scaled.checked_shl(by)) {
            Some(moved) => moved,
            None => return anchor.easiest,
        }
    };
    if moved > Wide::from(anchor.easiest.value()) {
        return anchor.easiest;
    }
    let target = Target::new(moved.wrapping_to::<U256>().max(U256::ONE)).unwrap_or(anchor.easiest);
    target.bits().target().unwrap_or(target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Bits;

    fn anchor(bits: u32) -> Anchor {
        Anchor {
            target: Bits(bits).target().unwrap(),
            easiest: Bits(0x207f_ffff).target().unwrap(),
            spacing: 600,
            half_life: 172_800,
        }
    }

    #[test]
    fn on_schedule_the_target_stays() {
        let anchor = anchor(0x1b01_0000);
        assert_eq!(next_target(&anchor, 600, 0), anchor.target);
        assert_eq!(next_target(&anchor, 600_000, 999), anchor.target);
    }

    #[test]
    fn one_half_life_late_doubles_and_early_halves() {
        let anchor = anchor(0x1b01_0000);
        assert_eq!(next_target(&anchor, 600 + 172_800, 0).bits(), Bits(0x1b02_0000));
        assert_eq!(next_target(&anchor, 600 - 172_800, 0).bits(), Bits(0x1b00_8000));
    }

    #[test]
    fn extremes_stay_between_one_and_the_easiest() {
        let anchor = anchor(0x207f_ffff);
        assert_eq!(next_target(&anchor, i64::MAX, 0), anchor.easiest);
        assert_eq!(next_target(&anchor, i64::MIN, u32::MAX).value(), U256::ONE);
    }
}
