//! Repeated measurements in a few figures. Pure.

use std::time::Duration;

use serde::Serialize;

/// One in a hundred measurements is at most `p1`, half are at most `p50`, all but one in a hundred at most `p99`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) p1: f64,
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) samples: usize,
}

impl Spread {
    /// Of values in any order, without any that is no number; `None` of none.
    pub(super) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let rank = |share| rank(&values, share);
        Some(Self { p1: rank(0.01)?, p50: rank(0.5)?, p99: rank(0.99)?, samples: values.len() })
    }

    /// Of durations, in seconds.
    pub(super) fn of_times(times: &[Duration]) -> Option<Self> {
        Self::of(times.iter().map(Duration::as_secs_f64).collect())
    }
}

/// The smallest of sorted values that so large a share of them does not exceed (the nearest rank).
fn rank(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

/// The mean; `None` of nothing.
pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_measured_values() {
        let of = |values: &[f64]| Spread::of(values.to_vec());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[3.0]), Some(Spread { p1: 3.0, p50: 3.0, p99: 3.0, samples: 1 }));
        assert_eq!(of(&[4.0, 1.0, 3.0, 2.0]), Some(Spread { p1: 1.0, p50: 2.0, p99: 4.0, samples: 4 }));
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(of(&hundred), Some(Spread { p1: 1.0, p50: 50.0, p99: 99.0, samples: 100 }));
        let times = [Duration::from_millis(2), Duration::from_millis(1)];
        assert_eq!(Spread::of_times(&times).unwrap().p50, 0.001);
    }

    #[test]
    fn the_mean_of_nothing_is_nothing() {
        assert_eq!((mean(&[]), mean(&[1.0, 2.0])), (None, Some(1.5)));
    }
}
