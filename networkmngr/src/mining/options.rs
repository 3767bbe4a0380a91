//! What may be asked of a mining job, checked before anything is mined.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Most bursts in one job.
const MAX_TIMES: u32 = 100_000;
/// Longest time between two bursts, in seconds.
const MAX_INTERVAL: f64 = 3600.0;

/// The query of `/start/mining`, as it was typed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedBursts {
    /// How many bursts, from 1 to 100,000; 10 unless given.
    #[param(value_type = Option<u32>)]
    pub(crate) times: Option<String>,
    /// Shortest time from the start of one to that of the next, in seconds, at most 3,600; 1 unless given.
    #[param(value_type = Option<f64>)]
    pub(crate) min: Option<String>,
    /// Longest time, in seconds; 3 unless given.
    #[param(value_type = Option<f64>)]
    pub(crate) max: Option<String>,
    /// Every node mines without pause instead, until `/stop/mining`.
    #[serde(default)]
    pub(crate) continuous: bool,
}

/// A number of bursts, the time from the start of one to the next drawn between `min` and `max`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Bursts {
    /// How many.
    pub(crate) times: u32,
    /// In seconds.
    pub(crate) min: f64,
    /// In seconds, not less than `min`.
    pub(crate) max: f64,
}

/// Why a job cannot be done as asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum OptionError {
    #[error("the value of times must be a whole number from 1 to {MAX_TIMES}, not {0:?}")]
    Times(String),
    #[error("the value of {0} must be a number of seconds from 0 to {MAX_INTERVAL}, not {1:?}")]
    Interval(&'static str, String),
    #[error("min must not be greater than max, but {min} is greater than {max}")]
    Order { min: f64, max: f64 },
    #[error("continuous mining has no times, min or max; leave them out")]
    Continuous,
}

impl WantedBursts {
    /// The bursts that are wanted, or `None` for continuous mining.
    pub(crate) fn checked(&self) -> Result<Option<Bursts>, OptionError> {
        if self.continuous {
            let more = self.times.is_some() || self.min.is_some() || self.max.is_some();
            return if more { Err(OptionError::Continuous) } else { Ok(None) };
        }
        let times = match &self.times {
            None => 10,
            Some(text) => match text.parse() {
                Ok(times @ 1..=MAX_TIMES) => times,
                _ => return Err(OptionError::Times(text.clone())),
            },
        };
        let min = self.min.as_deref().map(|text| interval("min", text)).transpose()?;
        let max = self.max.as_deref().map(|text| interval("max", text)).transpose()?;
        // Only one of them given: the preset of the other gives way.
        let (min, max) = match (min, max) {
            (Some(min), None) => (min, min.max(3.0)),
            (None, Some(max)) => (max.min(1.0), max),
            (min, max) => (min.unwrap_or(1.0), max.unwrap_or(3.0)),
        };
        if min > max {
            return Err(OptionError::Order { min, max });
        }
        Ok(Some(Bursts { times, min, max }))
    }
}

impl Bursts {
    /// A time between two bursts, drawn anew at each call.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs_f64(rand::random_range(self.min..=self.max))
    }
}

fn interval(name: &'static str, text: &str) -> Result<f64, OptionError> {
    match text.parse::<f64>() {
        // Comparisons are false for NaN, so it is refused here as well.
        Ok(seconds) if (0.0..=MAX_INTERVAL).contains(&seconds) => Ok(seconds.abs()),
        _ => Err(OptionError::Interval(name, text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(times: &str, min: &str, max: &str) -> Result<Option<Bursts>, OptionError> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let wanted = WantedBursts { times: given(times), min: given(min), max: given(max), continuous: false };
        wanted.checked()
    }

    #[test]
    fn presets_hold_where_nothing_is_given() {
        let bursts = |times, min, max| Ok(Some(Bursts { times, min, max }));
        assert_eq!(checked("", "", ""), bursts(10, 1.0, 3.0));
        assert_eq!(checked("5", "0", "0"), bursts(5, 0.0, 0.0));
        assert_eq!(checked("", "7", ""), bursts(10, 7.0, 7.0));
        assert_eq!(checked("", "", "0.5"), bursts(10, 0.5, 0.5));
    }

    #[test]
    fn senseless_values_are_refused() {
        for times in ["0", "-1", "1.5", "100001", "99999999999", "ten", " 1"] {
            assert_eq!(checked(times, "", ""), Err(OptionError::Times(times.to_owned())));
        }
        for seconds in ["-1", "NaN", "inf", "-inf", "3601", "1e300", "one"] {
            assert_eq!(checked("", seconds, ""), Err(OptionError::Interval("min", seconds.to_owned())));
            assert_eq!(checked("", "", seconds), Err(OptionError::Interval("max", seconds.to_owned())));
        }
        assert_eq!(checked("", "3", "1"), Err(OptionError::Order { min: 3.0, max: 1.0 }));
        let both = WantedBursts { times: Some("3".into()), continuous: true, ..Default::default() };
        assert_eq!(both.checked(), Err(OptionError::Continuous));
    }

    #[test]
    fn intervals_lie_between_their_bounds() {
        let bursts = Bursts { times: 1, min: 0.25, max: 0.5 };
        for _ in 0..1000 {
            let drawn = bursts.interval().as_secs_f64();
            assert!((0.25..=0.5).contains(&drawn), "{drawn}");
        }
        assert_eq!(Bursts { times: 1, min: 0.0, max: 0.0 }.interval(), Duration::ZERO);
    }
}
