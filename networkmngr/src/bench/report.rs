//! What was measured, as people and programs read it: one row for each figure, with the limit that was measured beside
//! it in the same run. Which figures there are, and what they should be, is said where they are measured.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::What;
use super::host::Host;
use super::sample::Spread;
use crate::term;

/// What a figure counts. Times are in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Hashes a second.
    HashRate,
    /// Seconds.
    Time,
    /// So many of these a second.
    Rate(&'static str),
    /// Bytes.
    Bytes,
}

/// Something that was measured beside a figure: what could be reached at best, or what the machine does without us.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Limit {
    pub(super) what: String,
    /// In the unit of the figure.
    pub(super) value: f64,
}

/// What a figure, or its ratio to the limit, should be. Nothing fails where it is missed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Aim {
    AtLeast(f64),
    AtMost(f64),
    RatioAtLeast(f64),
    RatioAtMost(f64),
}

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) bench: What,
    /// What was measured, in words.
    pub(super) measured: String,
    pub(super) value: f64,
    pub(super) unit: Unit,
    pub(super) spread: Option<Spread>,
    pub(super) limit: Option<Limit>,
    pub(super) aim: Option<Aim>,
}

/// A measurement that could not be made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Failure {
    pub(super) bench: What,
    pub(super) reason: String,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Report {
    pub(super) machine: Host,
    pub(super) rows: Vec<Row>,
    /// What else there is to know, a sentence each.
    pub(super) remarks: Vec<String>,
    pub(super) failures: Vec<Failure>,
}

impl Unit {
    fn name(self) -> String {
        match self {
            Self::HashRate => "hashes/s".to_owned(),
            Self::Time => "s".to_owned(),
            Self::Rate(what) => format!("{what}/s"),
            Self::Bytes => "bytes".to_owned(),
        }
    }

    /// A value with the digits that are worth reading.
    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::HashRate => format!("{} MH/s", digits(value / 1e6)),
            Self::Time if value < 1e-3 => format!("{} µs", digits(value * 1e6)),
            Self::Time if value < 1.0 => format!("{} ms", digits(value * 1e3)),
            Self::Time => format!("{} s", digits(value)),
            Self::Rate(what) => format!("{} {what}/s", digits(value)),
            Self::Bytes if value < 10_240.0 => format!("{} bytes", digits(value)),
            Self::Bytes => format!("{} MiB", digits(value / 1_048_576.0)),
        }
    }
}

impl Row {
    pub(super) fn new(bench: What, measured: impl Into<String>, value: f64, unit: Unit) -> Self {
        Self { bench, measured: measured.into(), value, unit, spread: None, limit: None, aim: None }
    }

    /// The row of repeated measurements, whose figure is their median.
    pub(super) fn of_spread(bench: What, measured: impl Into<String>, spread: Spread, unit: Unit) -> Self {
        Self { spread: Some(spread), ..Self::new(bench, measured, spread.p50, unit) }
    }

    #[must_use]
    pub(super) fn beside(self, what: impl Into<String>, value: f64) -> Self {
        Self { limit: Some(Limit { what: what.into(), value }), ..self }
    }

    #[must_use]
    pub(super) fn aiming(self, aim: Aim) -> Self {
        Self { aim: Some(aim), ..self }
    }

    /// How many times the limit the figure is.
    fn ratio(&self) -> Option<f64> {
        self.limit.as_ref().map(|limit| self.value / limit.value).filter(|ratio| ratio.is_finite())
    }

    /// Whether the aim is reached; `None` without one.
    fn is_met(&self) -> Option<bool> {
        // Where repeated times have a bound, it is for nearly all of them.
        let worst = self.spread.filter(|_| self.unit == Unit::Time).map_or(self.value, |spread| spread.p99);
        match self.aim? {
            Aim::AtLeast(least) => Some(self.value >= least),
            Aim::AtMost(most) => Some(worst <= most),
            Aim::RatioAtLeast(least) => Some(self.ratio()? >= least),
            Aim::RatioAtMost(most) => Some(self.ratio()? <= most),
        }
    }

    fn cells(&self) -> [String; 6] {
        let (show, dash) = (|value| self.unit.show(value), || "-".to_owned());
        // Told is the bad end: of times the longest, of rates the lowest.
        let spread = self.spread.map(|spread| match self.unit {
            Unit::Time => format!("p99 {}", show(spread.p99)),
            _ => format!("p1 {}", show(spread.p1)),
        });
        let limit = self.limit.as_ref().map(|limit| format!("{}: {}", limit.what, show(limit.value)));
        let ratio = self.ratio().map(|ratio| format!("{} x", digits(ratio)));
        let aim = self.aim.map(|aim| match aim {
            Aim::AtLeast(least) => format!("at least {}", show(least)),
            Aim::AtMost(most) => format!("at most {}", show(most)),
            Aim::RatioAtLeast(least) => format!("at least {} x", digits(least)),
            Aim::RatioAtMost(most) => format!("at most {} x", digits(most)),
        });
        let met = self.is_met().map_or("", |met| if met { ": reached" } else { ": missed" });
        [
            self.measured.clone(),
            show(self.value),
            spread.unwrap_or_else(dash),
            limit.unwrap_or_else(dash),
            ratio.unwrap_or_else(dash),
            aim.map_or_else(dash, |aim| aim + met),
        ]
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("bench", &self.bench)?;
        map.serialize_entry("measured", &self.measured)?;
        map.serialize_entry("value", &self.value)?;
        map.serialize_entry("unit", &self.unit.name())?;
        map.serialize_entry("spread", &self.spread)?;
        let limit = self.limit.as_ref().map(|limit| serde_json::json!({"what": limit.what, "value": limit.value}));
        map.serialize_entry("limit", &limit)?;
        map.serialize_entry("ratio", &self.ratio())?;
        let aim = self.aim.map(|aim| match aim {
            Aim::AtLeast(least) => serde_json::json!({"at_least": least}),
            Aim::AtMost(most) => serde_json::json!({"at_most": most}),
            Aim::RatioAtLeast(least) => serde_json::json!({"ratio_at_least": least}),
            Aim::RatioAtMost(most) => serde_json::json!({"ratio_at_most": most}),
        });
        map.serialize_entry("aim", &aim)?;
        map.serialize_entry("reached", &self.is_met())?;
        map.end()
    }
}

impl Report {
    /// Prints all of it.
    pub(super) fn tell(&self, json: bool) -> anyhow::Result<()> {
        let text = if json { serde_json::to_string_pretty(self)? } else { self.in_words() };
        term::plain(&text);
        Ok(())
    }

    fn in_words(&self) -> String {
        let mut lines = vec![self.machine.to_string()];
        lines.extend(self.machine.warning().map(|warning| term::coloured("33", &warning)));
        lines.push(String::new());
        let mut table = term::table(["measured", "figure", "spread", "limit beside it", "ratio", "aim"]);
        table.add_rows(self.rows.iter().map(Row::cells));
        lines.push(table.trim_fmt());
        if !self.remarks.is_empty() {
            lines.push(String::new());
            lines.extend(self.remarks.iter().cloned());
        }
        lines.extend(self.failures.iter().map(|failure| {
            term::coloured("31", &format!("{} could not be measured: {}", failure.bench.name(), failure.reason))
        }));
        lines.join("\n")
    }
}

/// A value with three digits, or all of those before the point, in groups of three.
pub(super) fn digits(value: f64) -> String {
    let decimals = match value.abs() {
        large if large >= 99.95 => 0,
        large if large >= 9.995 => 1,
        middle if middle >= 0.0995 || middle == 0.0 => 2,
        small if small >= 0.00995 => 3,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.find('.').map_or((&*text, ""), |point| text.split_at(point));
    let sign_and_digits = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let groups: Vec<&str> =
        sign_and_digits.1.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    format!("{}{}{rest}", sign_and_digits.0, groups.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        let shown = [0.0, 0.003_96, 0.0123, 0.123_456, 9.996, 12.345, 123.4, -1_234_567.0].map(digits);
        assert_eq!(shown, ["0.00", "0.0040", "0.012", "0.12", "10.0", "12.3", "123", "-1,234,567"]);
        assert_eq!(Unit::Time.show(0.000_42), "420 µs");
        assert_eq!(Unit::Time.show(0.042), "42.0 ms");
        assert_eq!(Unit::Bytes.show(12_582_912.0), "12.0 MiB");
        assert_eq!(Unit::Rate("blocks").show(12_000.0), "12,000 blocks/s");
        assert_eq!(Unit::HashRate.show(11_500_000.0), "11.5 MH/s");
    }

    fn row(aim: Aim) -> Row {
        Row::new(What::Http, "GET /x", 80.0, Unit::Rate("requests")).beside("bare", 100.0).aiming(aim)
    }

    #[test]
    fn an_aim_is_reached_or_missed() {
        let met = |aim| row(aim).is_met();
        assert_eq!(met(Aim::RatioAtLeast(0.8)), Some(true));
        assert_eq!((met(Aim::RatioAtLeast(0.81)), met(Aim::RatioAtMost(0.81))), (Some(false), Some(true)));
        assert_eq!((met(Aim::AtLeast(81.0)), met(Aim::AtMost(81.0))), (Some(false), Some(true)));
        assert_eq!(Row::new(What::Http, "", 1.0, Unit::Bytes).is_met(), None);
        // A bound on times is for nearly all of them.
        let spread = Spread { p1: 0.0005, p50: 0.001, p99: 0.003, samples: 9 };
        let times = Row::of_spread(What::Propagation, "", spread, Unit::Time).aiming(Aim::AtMost(0.002));
        assert_eq!(times.is_met(), Some(false));
    }

    #[test]
    fn a_row_reads_well() {
        let cells = row(Aim::RatioAtLeast(0.8)).cells();
        let expected = ["GET /x", "80.0 requests/s", "-", "bare: 100 requests/s", "0.80 x", "at least 0.80 x: reached"];
        assert_eq!(cells, expected);
        let spread = Spread { p1: 0.0005, p50: 0.001, p99: 0.003, samples: 9 };
        let of_unit = |unit| Row::of_spread(What::Propagation, "", spread, unit).cells()[1..3].to_vec();
        assert_eq!(of_unit(Unit::Time), ["1.00 ms", "p99 3.00 ms"]);
        assert_eq!(of_unit(Unit::Bytes), ["0.0010 bytes", "p1 0.0005 bytes"]);
    }

    #[test]
    fn programs_read_base_units() {
        let json = serde_json::to_value(row(Aim::RatioAtLeast(0.8))).unwrap();
        let expected = serde_json::json!({
            "bench": "http", "measured": "GET /x", "value": 80.0, "unit": "requests/s", "spread": null,
            "limit": {"what": "bare", "value": 100.0}, "ratio": 0.8, "aim": {"ratio_at_least": 0.8}, "reached": true,
        });
        assert_eq!(json, expected);
    }
}
