//! How many hashes per second a miner may try, as people and programs write it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A cap on hashes per second, as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashRate(Option<u64>);

impl HashRate {
    /// No cap.
    pub const UNLIMITED: Self = Self(None);

    /// Hashes per second; `None` is no cap.
    pub fn cap(self) -> Option<u64> {
        self.0
    }
}

impl fmt::Display for HashRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(rate) => rate.fmt(f),
            None => f.write_str("unlimited"),
        }
    }
}

impl FromStr for HashRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "unlimited" {
            return Ok(Self::UNLIMITED);
        }
        let units = [(['k', 'K'], 1e3), (['m', 'M'], 1e6), (['g', 'G'], 1e9)];
        let with_unit = units.into_iter().find_map(|(letters, unit)| Some((text.strip_suffix(letters)?, unit)));
        let (number, unit) = with_unit.unwrap_or((text, 1.0));
        let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let rate = number.parse::<f64>().ok().filter(|_| plain).map(|number| number * unit);
        let rate = rate.filter(|rate| (1.0..=1e15).contains(rate));
        rate.map(|rate| Self(Some(rate as u64)))
            .ok_or_else(|| format!("{text:?} is no hash rate: write 200000, 200k, 1.5M or unlimited"))
    }
}

/// As a number; null is no cap.
impl Serialize for HashRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// From a number, from text as people write it, or from null for no cap.
impl<'de> Deserialize<'de> for HashRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::Null => return Ok(Self::UNLIMITED),
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_rates_are_read_as_people_write_them() {
        let cap = |text: &str| text.parse::<HashRate>().map(HashRate::cap);
        assert_eq!(cap("200000"), Ok(Some(200_000)));
        assert_eq!(cap("200k"), Ok(Some(200_000)));
        assert_eq!(cap("1.5M"), Ok(Some(1_500_000)));
        assert_eq!(cap("unlimited"), Ok(None));
        for wrong in ["", "0", "-5", "k", "NaN", "1e9", "1e30", "fast"] {
            assert!(cap(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn programs_may_write_a_number_or_text() {
        let read = |json: &str| serde_json::from_str::<HashRate>(json).map(HashRate::cap);
        assert_eq!(read("200000").unwrap(), Some(200_000));
        assert_eq!(read(r#""1.5M""#).unwrap(), Some(1_500_000));
        assert_eq!(read(r#""unlimited""#).unwrap(), None);
        assert_eq!(read("null").unwrap(), None);
        for wrong in ["0", "-1", "true", "[]", r#""fast""#] {
            assert!(read(wrong).unwrap_err().to_string().contains("is no hash rate"), "{wrong}");
        }
        assert_eq!(serde_json::to_string(&[HashRate(Some(7)), HashRate::UNLIMITED]).unwrap(), "[7,null]");
    }
}
