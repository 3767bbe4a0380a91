//! Times between blocks at a fixed difficulty: exponential, as hashing has no memory. Each tenth of the
//! exponential distribution should hold a tenth of them.

use clap::Args;
use node::sim::{Delay, Tally, fixed_network};
use shared::Height;

use super::{Effort, Estimate, Findings, Point, Series, Work, work};

/// Seconds between blocks on average, of virtual time.
const GAP: f64 = 10.0;

/// Options of `experiment intervals`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Blocks in each run
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    blocks: u32,
    #[command(flatten)]
    pub(super) effort: Effort,
}

impl Options {
    pub(super) fn run(&self) -> anyhow::Result<Findings> {
        anyhow::ensure!(self.blocks >= 20, "an experiment needs at least 20 blocks in a run");
        let runs = work::all(1, self.effort.seeds(), |Work { seed, .. }| self.one(seed))?.swap_remove(0);
        let tenths = (0..10).map(|tenth| {
            let shares: Vec<f64> = runs.iter().map(|intervals| share_in(intervals, tenth)).collect();
            Point { x: f64::from(tenth + 1), measured: Estimate::of(&shares), theory: Some(0.1) }
        });
        let all: Vec<f64> = runs.iter().flatten().copied().collect();
        let distance = kolmogorov(&all);
        let critical = 1.358 / (all.len() as f64).sqrt();
        let verdict = if distance <= critical { "within" } else { "beyond" };
        Ok(Findings {
            title: format!("{} times between blocks, by tenths of the exponential distribution", all.len()),
            x: "tenth".into(),
            y: "share of intervals".into(),
            series: vec![Series { name: "intervals".into(), points: tenths.collect() }],
            remarks: vec![format!(
                "Largest distance from the exponential distribution (Kolmogorov and Smirnov): {distance:.5}, {verdict} \
                 the {critical:.5} that one in twenty exponential samples exceeds."
            )],
        })
    }

    /// The intervals of one run, as multiples of what they are on average.
    fn one(&self, seed: u64) -> anyhow::Result<Vec<f64>> {
        let mut world = work::connected(fixed_network(), 3, seed, Delay::Constant(0))?;
        let tally = Tally::of(&mut world);
        (0..3).for_each(|node| world.set_mining(node, true));
        world.set_block_gap(Some(GAP));
        let tip = work::run_to_height(&mut world, self.blocks, 100_000)?;
        let kept = tally.borrow().kept(tip, Height(1));
        Ok(kept.intervals.iter().map(|interval| interval / GAP).collect())
    }
}

/// Which part of the intervals lies in this tenth of the exponential distribution, from 0.
fn share_in(intervals: &[f64], tenth: u32) -> f64 {
    let edge = |tenth: u32| if tenth >= 10 { f64::INFINITY } else { -(1.0 - f64::from(tenth) / 10.0).ln() };
    let inside = intervals.iter().filter(|interval| (edge(tenth)..edge(tenth + 1)).contains(interval)).count();
    inside as f64 / intervals.len().max(1) as f64
}

/// The largest distance between the sample's distribution and the exponential one.
fn kolmogorov(sample: &[f64]) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let distances = sorted.iter().enumerate().map(|(below, value)| {
        let expected = 1.0 - (-value).exp();
        (expected - below as f64 / count).abs().max(((below + 1) as f64 / count - expected).abs())
    });
    distances.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exponential_sample_fills_every_tenth() {
        let sample: Vec<f64> = (0..1_000).map(|n| -(1.0 - (f64::from(n) + 0.5) / 1_000.0).ln()).collect();
        assert!((0..10).all(|tenth| (share_in(&sample, tenth) - 0.1).abs() < 0.002));
        assert!(kolmogorov(&sample) < 0.001);
        let even: Vec<f64> = (0..1_000).map(|n| f64::from(n) / 500.0).collect();
        assert!(kolmogorov(&even) > 0.1);
    }
}
