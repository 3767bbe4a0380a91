//! Difficulty finds its level: hash power is multiplied at once, and blocks come too fast until difficulty
//! has followed. By the rule (aserti3-2d) it is multiplied by 2 for every half-life that the chain is ahead
//! of its schedule, from which the time between blocks follows as long as chance is averaged out.

use clap::Args;
use node::sim::{Delay, Tally, following_network};
use shared::Height;

use super::{Effort, Estimate, Findings, Point, Series, Work, work};

/// Seconds between blocks that the rule aims at, of virtual time.
const SPACING: u32 = 10;
/// Half-lives before hash power changes: by then nothing is left of how the chain began.
const BEFORE: u32 = 10;

/// Options of `experiment difficulty`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// What hash power is multiplied by
    #[arg(long, value_name = "X", default_value_t = 8.0)]
    times: f64,
    /// Half-life of the rule, in blocks
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    half_life: u32,
    /// Blocks to follow after the change
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    blocks: u32,
    #[command(flatten)]
    pub(super) effort: Effort,
}

impl Options {
    pub(super) fn run(&self) -> anyhow::Result<Findings> {
        anyhow::ensure!(self.times >= 1.0 && self.times <= 1_000.0, "--times is a number from 1 to 1000");
        let step = (self.blocks / 12).max(1) as usize;
        let runs = work::all(1, self.effort.seeds(), |Work { seed, .. }| self.one(seed))?.swap_remove(0);
        let expected = self.theory();
        let points = (0..self.blocks as usize / step).map(|window| {
            let blocks = window * step..(window + 1) * step;
            let mean = |all: &[f64]| all[blocks.clone()].iter().sum::<f64>() / step as f64;
            Point {
                x: (window * step) as f64 + step as f64 / 2.0,
                measured: Estimate::of(&runs.iter().map(|run| mean(run)).collect::<Vec<_>>()),
                theory: Some(mean(&expected)),
            }
        });
        Ok(Findings {
            title: format!("Time between blocks after hash power was multiplied by {}", self.times),
            x: "blocks since the change".into(),
            y: "interval (s)".into(),
            series: vec![Series { name: format!("half-life {} blocks", self.half_life), points: points.collect() }],
            remarks: vec![format!(
                "Theory: what aserti3-2d gives when every interval is exactly its mean; the rule aims at {SPACING} s. \
                 Block times are whole seconds."
            )],
        })
    }

    /// Each interval, in seconds, if it is just its mean.
    fn theory(&self) -> Vec<f64> {
        let (spacing, half_life) = (f64::from(SPACING), f64::from(self.half_life * SPACING));
        let mut ahead = 0.0;
        let interval = |_| {
            let interval = spacing / self.times * (ahead / half_life).exp2();
            ahead += spacing - interval;
            interval
        };
        (0..self.blocks).map(interval).collect()
    }

    /// The intervals after the change in one run.
    fn one(&self, seed: u64) -> anyhow::Result<Vec<f64>> {
        let mut world =
            work::connected(following_network(SPACING, self.half_life * SPACING), 3, seed, Delay::Constant(0))?;
        let tally = Tally::of(&mut world);
        (0..3).for_each(|node| world.set_mining(node, true));
        world.set_block_gap(Some(f64::from(SPACING)));
        work::run_to_height(&mut world, BEFORE * self.half_life, 1_000)?;
        let change = world.best_tip().map_or(0, |(_, height)| height.0);
        (0..3).for_each(|node| world.set_power(node, self.times));
        let tip = work::run_to_height(&mut world, change + self.blocks + 2, 1_000)?;
        let kept = tally.borrow().kept(tip, Height(change + 1));
        anyhow::ensure!(kept.intervals.len() >= self.blocks as usize, "the simulated chain is too short");
        Ok(kept.intervals[..self.blocks as usize].to_vec())
    }
}
