//! Sums of money, in whole units. All arithmetic on amounts is checked: there is no way here to
//! wrap, to go below zero or past the supply limit.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize, io};

/// A sum in whole units, between 0 and [`Amount::MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, serde::Serialize)]
pub struct Amount(u64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The most that can ever exist: 2^53 − 1 units, so that every amount is exact as a JSON number.
    pub const MAX: Self = Self((1 << 53) - 1);
    /// Units in one coin, for showing to people.
    pub const COIN: u64 = 1_000_000;

    /// An amount of `units`, if that is within the limit.
    pub const fn new(units: u64) -> Option<Self> {
        if units <= Self::MAX.0 { Some(Self(units)) } else { None }
    }

    /// Whole units.
    pub const fn units(self) -> u64 {
        self.0
    }

    /// The sum, unless it passes [`Amount::MAX`].
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::new(self.0.checked_add(other.0)?)
    }

    /// The difference, unless it is below zero.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

/// Shown in whole units.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl BorshDeserialize for Amount {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        Self::new(u64::deserialize_reader(reader)?)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "amount over 2^53 - 1"))
    }
}

impl<'de> serde::Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u64(WholeUnits)
    }
}

/// Reads an amount and says, of anything else, what belongs there.
struct WholeUnits;

impl serde::de::Visitor<'_> for WholeUnits {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "whole units between 0 and {}", Amount::MAX)
    }

    fn visit_u64<E: serde::de::Error>(self, units: u64) -> Result<Amount, E> {
        Amount::new(units)
            .ok_or_else(|| E::custom(format!("amount {units} is over the limit of {} units", Amount::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_stops_at_both_ends() {
        let one = Amount::new(1).unwrap();
        assert_eq!(Amount::MAX.checked_add(one), None);
        assert_eq!(Amount::ZERO.checked_sub(one), None);
        assert_eq!(one.checked_add(one), Amount::new(2));
    }

    #[test]
    fn bytes_over_the_limit_do_not_decode() {
        assert!(Amount::try_from_slice(&(1u64 << 53).to_le_bytes()).is_err());
        assert_eq!(Amount::try_from_slice(&7u64.to_le_bytes()).unwrap(), Amount(7));
    }
}
