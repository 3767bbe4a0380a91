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

    /// For people: in coins, with the decimals it needs, and in units: `1.5 coins (1500000 units)`.
    pub fn in_words(self) -> String {
        let (whole, rest) = (self.0 / Self::COIN, self.0 % Self::COIN);
        let decimals = format!(".{rest:06}");
        let decimals = decimals.trim_end_matches('0').trim_end_matches('.');
        let counted = |one: bool, what: &'static str| if one { what.trim_end_matches('s') } else { what };
        let (coins, units) = (counted(self.0 == Self::COIN, "coins"), counted(self.0 == 1, "units"));
        format!("{whole}{decimals} {coins} ({self} {units})")
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
    fn people_read_coins_and_units() {
        let words = |units| Amount::new(units).unwrap().in_words();
        assert_eq!(words(1_500_000), "1.5 coins (1500000 units)");
        assert_eq!(words(1_000_000), "1 coin (1000000 units)");
        assert_eq!(words(50_000_000), "50 coins (50000000 units)");
        assert_eq!(words(1), "0.000001 coins (1 unit)");
        assert_eq!(words(0), "0 coins (0 units)");
        assert_eq!(Amount::MAX.in_words(), "9007199254.740991 coins (9007199254740991 units)");
    }

    #[test]
    fn bytes_over_the_limit_do_not_decode() {
        assert!(Amount::try_from_slice(&(1u64 << 53).to_le_bytes()).is_err());
        assert_eq!(Amount::try_from_slice(&7u64.to_le_bytes()).unwrap(), Amount(7));
    }
}
