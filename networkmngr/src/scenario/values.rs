//! Values as people write them in a scenario: times, delays, amounts.

use std::fmt;
use std::str::FromStr;

use node::drivers::net::MAX_DELAY_MS;
use serde::{Deserialize, Deserializer, de};
use shared::Amount;

/// Milliseconds, written with a unit: `500ms`, `10s`, `2m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(pub(crate) u64);

impl Span {
    pub(crate) fn seconds(self) -> f64 {
        self.0 as f64 / 1_000.0
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no time; write 500ms, 10s or 2m");
        let at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(at);
        let factor = match unit.trim() {
            "ms" => 1.0,
            "s" => 1_000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            _ => return Err(wrong()),
        };
        let millis = number.trim().parse::<f64>().map_err(|_| wrong())? * factor;
        if (0.0..=1e12).contains(&millis) { Ok(Self(millis.round() as u64)) } else { Err(wrong()) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1_000) { write!(f, "{} s", self.0 / 1_000) } else { write!(f, "{} ms", self.0) }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// How long messages take: `50ms`, or evenly spread as in `20ms..80ms`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delay {
    /// The shortest, in milliseconds.
    pub(crate) least: u64,
    /// The longest.
    pub(crate) most: u64,
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (least, most) = text.split_once("..").unwrap_or((&text, &text));
        let (Span(least), Span(most)) =
            (least.parse().map_err(de::Error::custom)?, most.parse().map_err(de::Error::custom)?);
        if least > most || most > u64::from(MAX_DELAY_MS) {
            return Err(de::Error::custom(format!("{text:?} is no delay; the shorter time comes first, up to 4s")));
        }
        Ok(Self { least, most })
    }
}

/// Any value that a record can hold.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Anything(toml::Value);

impl Anything {
    /// The same as JSON. Dates, which JSON has not, become text; what is no number becomes null.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        to_json(&self.0)
    }
}

fn to_json(value: &toml::Value) -> serde_json::Value {
    match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(truth) => (*truth).into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(values) => values.iter().map(to_json).collect(),
        toml::Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), to_json(value))).collect(),
    }
}

/// An amount in coins, as a number or as text where every digit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coins(pub(crate) Amount);

impl<'de> Deserialize<'de> for Coins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let coins = match toml::Value::deserialize(deserializer)? {
            toml::Value::Integer(coins) => coins as f64,
            toml::Value::Float(coins) => coins,
            toml::Value::String(text) => {
                text.parse().map_err(|_| de::Error::custom("an amount is a number of coins"))?
            }
            _ => return Err(de::Error::custom("an amount is a number of coins")),
        };
        let units = (coins * Amount::COIN as f64).round();
        let amount =
            Some(units).filter(|units| (0.0..9e15).contains(units)).and_then(|units| Amount::new(units as u64));
        amount
            .map(Self)
            .ok_or_else(|| de::Error::custom("an amount is a number of coins from 0 up to what there can be"))
    }
}
