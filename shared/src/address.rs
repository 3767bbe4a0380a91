//! Addresses: Ed25519 public keys as people write them, with a checksum that catches a typo
//! (bech32m, BIP 350, prefix `nm`). Signing and verifying live with transactions.

use std::{cmp::Ordering, fmt, str::FromStr};

use bech32::{Bech32m, Hrp, primitives::decode::CheckedHrpstring};
use borsh::{BorshDeserialize, BorshSerialize};
use curve25519_dalek::edwards::CompressedEdwardsY;
use ed25519_zebra::{SigningKey, VerificationKeyBytes};

use crate::hash::in_order;

/// The text every address begins with, before the separator `1`.
pub const PREFIX: Hrp = Hrp::parse_unchecked("nm");

/// An account's address: the 32 bytes of its Ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct Address(pub [u8; 32]);

impl Ord for Address {
    fn cmp(&self, other: &Self) -> Ordering {
        in_order(&self.0, &other.0)
    }
}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseAddressError {
    /// Checksum, alphabet or separator are wrong.
    #[error("not an address: the checksum does not match, so at least one character is wrong")]
    Checksum,
    /// A valid bech32m text of something else.
    #[error("not an address of this software: it should begin with \"nm1\"")]
    Prefix,
    /// The bits after the last byte are not zero: another text of an address that has one already.
    #[error("not an address: the bits left over at its end should be zero")]
    Padding,
    /// The right prefix but not 32 bytes.
    #[error("not an address: it holds {0} bytes instead of 32")]
    Length(usize),
}

impl Address {
    /// The address that `key` signs for.
    pub fn of(key: &SigningKey) -> Self {
        Self(VerificationKeyBytes::from(key).into())
    }

    /// Whether somebody may hold the only key for this address. Where not, money sent there is lost: its
    /// bytes are no public key, so that nobody can spend it, or a key of small order, for which by the
    /// rule of ZIP 215 anybody can sign. The rules of the network allow such receivers; programs that pay
    /// for people should not.
    pub fn is_spendable(&self) -> bool {
        CompressedEdwardsY(self.0).decompress().is_some_and(|point| !point.is_small_order())
    }

    /// The first eleven characters, enough for a person to tell two apart.
    pub fn short(&self) -> String {
        self.to_string().chars().take(11).collect()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bech32::encode_lower_to_fmt::<Bech32m, _>(f, PREFIX, &self.0).map_err(|_| fmt::Error)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Address {
    type Err = ParseAddressError;
    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        let checked = CheckedHrpstring::new::<Bech32m>(text).map_err(|_| ParseAddressError::Checksum)?;
        if checked.hrp() != PREFIX {
            return Err(ParseAddressError::Prefix);
        }
        let bytes: Vec<u8> = checked.byte_iter().collect();
        let length = bytes.len();
        let address = bytes.try_into().map_err(|_| ParseAddressError::Length(length))?;
        checked.validate_segwit_padding().map_err(|_| ParseAddressError::Padding)?;
        Ok(Self(address))
    }
}

#[cfg(test)]
mod tests {
    use bech32::{ByteIterExt, Fe32, Fe32IterExt};

    use super::*;

    #[test]
    fn an_address_reads_back_and_any_wrong_character_is_caught() {
        let address = Address([7; 32]);
        let text = address.to_string();
        assert!(text.starts_with("nm1"));
        assert_eq!(text.parse(), Ok(address));
        for position in 3..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[position] = if wrong[position] == b'q' { b'p' } else { b'q' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert_eq!(wrong.parse::<Address>(), Err(ParseAddressError::Checksum), "{wrong}");
        }
    }

    #[test]
    fn another_prefix_or_length_is_named() {
        let other = bech32::encode::<Bech32m>(Hrp::parse_unchecked("bc"), &[1; 32]).unwrap();
        assert_eq!(other.parse::<Address>(), Err(ParseAddressError::Prefix));
        let short = bech32::encode::<Bech32m>(PREFIX, &[1; 20]).unwrap();
        assert_eq!(short.parse::<Address>(), Err(ParseAddressError::Length(20)));
    }

    #[test]
    fn money_is_lost_where_no_key_or_everybodys_key_is() {
        assert!((0..50).all(|seed| Address::of(&SigningKey::from([seed; 32])).is_spendable()));
        // The points of small order (RFC 8032, section 5.1): all y-coordinates that they have, with both signs of x.
        let neutral = std::array::from_fn(|index| u8::from(index == 0));
        let of_order_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
        let minus_that = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
        let minus_1 = "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f";
        let decoded = |hex: &str| data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap();
        for point in [[0; 32], neutral, decoded(minus_1), decoded(of_order_8), decoded(minus_that)] {
            let mut other_sign: [u8; 32] = point;
            other_sign[31] |= 0x80;
            assert!(!Address(point).is_spendable() && !Address(other_sign).is_spendable(), "{point:?}");
        }
        let no_point = (0..=255).find(|byte| ed25519_zebra::VerificationKey::try_from([*byte; 32]).is_err()).unwrap();
        assert!(!Address([no_point; 32]).is_spendable());
    }

    #[test]
    fn an_address_has_one_text_only_apart_from_capitals() {
        let address = Address([7; 32]);
        assert_eq!(address.to_string().to_uppercase().parse(), Ok(address));
        let digits: Vec<_> = [7; 32].into_iter().bytes_to_fes().collect();
        let last = Fe32::try_from(digits[51].to_u8() | 1).unwrap();
        let padded = digits[..51].iter().copied().chain([last]);
        let text: String = padded.with_checksum::<Bech32m>(&PREFIX).chars().collect();
        assert_eq!(text.parse::<Address>(), Err(ParseAddressError::Padding));
    }
}
