//! A mean of independent runs with its 95 % confidence interval (Student's t).

use serde::Serialize;

/// A measured value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Estimate {
    /// The mean over all runs.
    pub(crate) mean: f64,
    /// Half the width of the 95 % confidence interval.
    pub(crate) margin: f64,
    /// How many runs.
    pub(crate) runs: usize,
}

impl Estimate {
    /// The estimate that these runs give; one run alone gives no interval, which is then without end.
    pub(crate) fn of(runs: &[f64]) -> Self {
        let count = runs.len() as f64;
        let mean = runs.iter().sum::<f64>() / count.max(1.0);
        let squares: f64 = runs.iter().map(|run| (run - mean).powi(2)).sum();
        let margin = match runs.len() {
            0 | 1 => f64::INFINITY,
            _ => student(runs.len() - 1) * (squares / (count - 1.0) / count).sqrt(),
        };
        Self { mean, margin, runs: runs.len() }
    }

    /// Whether the interval holds this value.
    pub(crate) fn holds(&self, value: f64) -> bool {
        (self.mean - value).abs() <= self.margin
    }
}

/// The 97.5 % quantile of Student's distribution, to three digits (Cornish and Fisher's expansion, exact
/// for the few degrees of freedom where that is not good enough).
fn student(freedom: usize) -> f64 {
    const FEW: [f64; 5] = [12.706, 4.303, 3.182, 2.776, 2.571];
    if let Some(exact) = FEW.get(freedom.saturating_sub(1)) {
        return *exact;
    }
    let (z, n) = (1.959_964_f64, freedom as f64);
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + first / n + second / n.powi(2) + third / n.powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (freedom, quantile) in [(1, 12.706), (5, 2.571), (6, 2.447), (10, 2.228), (19, 2.093), (120, 1.980)] {
            assert!((student(freedom) - quantile).abs() < 0.006, "{freedom}: {}", student(freedom));
        }
    }

    #[test]
    fn an_interval_holds_what_is_near_the_mean() {
        let estimate = Estimate::of(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!((estimate.mean, estimate.runs), (2.5, 4));
        // 3.182 · sqrt(5/3/4)
        assert!((estimate.margin - 2.054).abs() < 0.001, "{}", estimate.margin);
        assert!(estimate.holds(4.5) && !estimate.holds(4.6));
        assert!(Estimate::of(&[1.0]).holds(1e9));
    }
}
