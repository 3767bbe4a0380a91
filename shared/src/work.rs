//! Proof-of-work arithmetic: compact targets, targets and accumulated work, as Bitcoin defines them
//! (`arith_uint256`). How the next target is chosen lives in [`crate::asert`].

use std::{fmt, str::FromStr};

use borsh::{BorshDeserialize, BorshSerialize, io};
use ruint::Uint;

use crate::hash::BlockHash;

/// An unsigned 256-bit integer.
pub type U256 = Uint<256, 4>;

/// A target in Bitcoin's compact form: one byte of exponent, three of mantissa (`nBits`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct Bits(pub u32);

/// What a block's hash, read as a little-endian number, may at most be. Never zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target(U256);

/// Expected number of hashes behind a block or a chain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Work(U256);

/// Why compact bits encode no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BitsError {
    /// The sign bit is set.
    #[error("the compact target is negative")]
    Negative,
    /// The value needs more than 256 bits.
    #[error("the compact target overflows 256 bits")]
    Overflow,
    /// Nothing could ever meet it.
    #[error("the compact target is zero")]
    Zero,
}

impl Bits {
    const MANTISSA: u32 = 0x007f_ffff;
    const SIGN: u32 = 0x0080_0000;

    /// The target these bits encode.
    ///
    /// # Errors
    /// When the encoding is negative, zero, or too large for 256 bits.
    pub fn target(self) -> Result<Target, BitsError> {
        let exponent = (self.0 >> 24) as usize;
        let mantissa = self.0 & Self::MANTISSA;
        // Digits shifted out below 1 count for nothing, neither for the sign nor for the size.
        let digits = if exponent <= 3 { mantissa >> (8 * (3 - exponent)) } else { mantissa };
        let value = U256::from(digits).wrapping_shl(8 * exponent.saturating_sub(3));
        let negative = digits != 0 && self.0 & Self::SIGN != 0;
        let overflow =
            digits != 0 && (exponent > 34 || (digits > 0xff && exponent > 33) || (digits > 0xffff && exponent > 32));
        match (negative, overflow, value.is_zero()) {
            (true, _, _) => Err(BitsError::Negative),
            (_, true, _) => Err(BitsError::Overflow),
            (_, _, true) => Err(BitsError::Zero),
            _ => Ok(Target(value)),
        }
    }
}

impl Target {
    /// The easiest possible target: every hash meets it.
    pub const MAX: Self = Self(U256::MAX);

    /// A target of this value, unless it is zero.
    pub fn new(value: U256) -> Option<Self> {
        (!value.is_zero()).then_some(Self(value))
    }

    /// The target that one in so many hashes meets; none for 0 hashes.
    pub fn met_once_in(hashes: u64) -> Option<Self> {
        U256::MAX.checked_div(U256::from(hashes)).and_then(Self::new)
    }

    /// The target as a number.
    pub fn value(self) -> U256 {
        self.0
    }

    /// The compact form; precision below the top 15 to 23 bits is lost, rounding down.
    pub fn bits(self) -> Bits {
        let mut size = self.0.bit_len().div_ceil(8);
        let mut mantissa = if size <= 3 {
            self.0.wrapping_to::<u32>() << (8 * (3 - size))
        } else {
            self.0.wrapping_shr(8 * (size - 3)).wrapping_to::<u32>()
        };
        if mantissa & Bits::SIGN != 0 {
            mantissa >>= 8;
            size += 1;
        }
        Bits(mantissa | (size as u32) << 24)
    }

    /// Whether a block with this hash has proved the work.
    pub fn is_met_by(self, hash: &BlockHash) -> bool {
        U256::from_le_bytes(hash.0) <= self.0
    }

    /// Expected hashes to meet the target: ⌊2^256 / (target + 1)⌋.
    pub fn work(self) -> Work {
        let Some(divisor) = self.0.checked_add(U256::ONE) else { return Work(U256::ONE) };
        Work(((!self.0) / divisor).saturating_add(U256::ONE))
    }
}

impl Work {
    /// No work.
    pub const ZERO: Self = Self(U256::ZERO);

    /// This and the other work together. 2^256 hashes are out of reach, so the sum saturates.
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// This less the other work, or none.
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// For statistics and plots only: rounded to a double.
    pub fn to_f64(self) -> f64 {
        self.0.as_limbs().iter().rev().fold(0.0, |sum, limb| sum * 2f64.powi(64) + *limb as f64)
    }
}

impl From<u64> for Work {
    fn from(hashes: u64) -> Self {
        Self(U256::from(hashes))
    }
}

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Bits {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let valid = text.len() == 8 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        valid
            .then(|| u32::from_str_radix(text, 16).ok())
            .flatten()
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not a compact target: it takes 8 hexadecimal digits"))
    }
}

fn hex256(value: U256) -> String {
    data_encoding::HEXLOWER.encode(&value.to_be_bytes::<32>())
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex256(self.0))
    }
}

/// 64 hexadecimal digits, most significant first.
impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex256(self.0))
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}", self.to_f64())
    }
}

impl FromStr for Work {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
        bytes
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .map(|bytes| Self(U256::from_be_bytes(bytes)))
            .ok_or_else(|| format!("{text:?} is not work: it takes 64 hexadecimal digits"))
    }
}

/// 32 bytes, least significant first.
impl BorshSerialize for Work {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(&self.0.to_le_bytes::<32>())
    }
}

impl BorshDeserialize for Work {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        Ok(Self(U256::from_le_bytes(<[u8; 32]>::deserialize_reader(reader)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_of_known_targets() {
        assert_eq!(Bits(0x1d00_ffff).target().unwrap().work(), Work::from(0x1_0001_0001));
        assert_eq!(Bits(0x207f_ffff).target().unwrap().work(), Work::from(2));
        assert_eq!(Target::MAX.work(), Work::from(1));
    }

    #[test]
    fn bits_that_encode_no_target_are_named() {
        assert_eq!(Bits(0x0492_3456).target(), Err(BitsError::Negative));
        assert_eq!(Bits(0xff12_3456).target(), Err(BitsError::Overflow));
        assert_eq!(Bits(0x0100_3456).target(), Err(BitsError::Zero));
        // No value is left in front of the sign, so there is nothing to be negative.
        assert_eq!(Bits(0x0180_3456).target(), Err(BitsError::Zero));
    }

    #[test]
    fn the_compact_form_never_sets_the_sign() {
        assert_eq!(Target::new(U256::from(0x80)).unwrap().bits(), Bits(0x0200_8000));
    }

    proptest::proptest! {
        #[test]
        fn compact_encoding_is_stable(bits: u32) {
            if let Ok(target) = Bits(bits).target() {
                let canonical = target.bits();
                proptest::prop_assert_eq!(canonical.target(), Ok(target));
                proptest::prop_assert_eq!(canonical.target().unwrap().bits(), canonical);
            }
        }

        #[test]
        fn harder_targets_are_more_work(low in 1u128.., more in 1u128..) {
            let hard = Target::new(U256::from(low)).unwrap();
            let easy = Target::new(U256::from(low).saturating_add(U256::from(more))).unwrap();
            proptest::prop_assert!(hard.work() >= easy.work());
        }
    }
}
