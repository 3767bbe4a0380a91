//! The honest clique: ten nodes with shares of hash power from 1 to 10, each link with a delay from half
//! to one and a half times the mean, first seen wins. How many blocks go stale, against the time between
//! blocks. The setting is that of the published simulations of pkel/cpr.

use clap::Args;
use node::sim::{Delay, Tally, fixed_network};
use shared::Height;

use super::{Effort, Estimate, Findings, Point, Series, Work, work};

/// Milliseconds of virtual time for a second of the experiment: only ratios matter, and nodes that wait
/// less have less to do.
const SECOND: f64 = 100.0;

/// Options of `experiment stale-rate`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Nodes; their shares of hash power are 1, 2, 3 and so on
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(2..=16))]
    nodes: u64,
    /// Seconds between blocks, a point each
    #[arg(long, value_name = "S,S", value_delimiter = ',', default_values_t = [30.0, 60.0, 120.0, 300.0, 600.0])]
    spacings: Vec<f64>,
    /// Mean delay of a link, in seconds
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    delay: f64,
    /// Blocks for each point, all runs together
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    blocks: u64,
    #[command(flatten)]
    pub(super) effort: Effort,
}

impl Options {
    pub(super) fn run(&self) -> anyhow::Result<Findings> {
        for spacing in &self.spacings {
            let sound = *spacing > 0.0 && *spacing <= 1e6 && self.delay > 0.0 && self.delay <= 1e4;
            anyhow::ensure!(sound, "spacings and delay are numbers of seconds above 0");
        }
        let blocks = u32::try_from(self.blocks / self.effort.seeds).unwrap_or(u32::MAX).max(10);
        let one = |Work { point, seed }| self.stale_share(self.spacings[point], blocks, seed);
        let shares = work::all(self.spacings.len(), self.effort.seeds(), one)?;
        let points = self.spacings.iter().zip(&shares).map(|(spacing, shares)| Point {
            x: *spacing,
            measured: Estimate::of(shares),
            theory: Some(100.0 * self.theory(*spacing)),
        });
        Ok(Findings {
            title: format!(
                "Stale blocks among {} nodes that are all connected, {blocks} blocks in each run",
                self.nodes
            ),
            x: "spacing (s)".into(),
            y: "stale (%)".into(),
            series: vec![Series { name: format!("mean delay {} s", self.delay), points: points.collect() }],
            remarks: vec![
                "Theory: s/(1+s) with s = (1 - sum of squared shares) · delay / spacing.".into(),
                "It takes a block to come straight from its miner; here nodes pass it on, which now and then is faster."
                    .into(),
            ],
        })
    }

    fn theory(&self, spacing: f64) -> f64 {
        let total = (self.nodes * (self.nodes + 1) / 2) as f64;
        let squares: f64 = (1..=self.nodes).map(|share| (share as f64 / total).powi(2)).sum();
        let s = (1.0 - squares) * self.delay / spacing;
        s / (1.0 + s)
    }

    /// Stale blocks in per cent of those found in one run.
    fn stale_share(&self, spacing: f64, blocks: u32, seed: u64) -> anyhow::Result<f64> {
        let delay = self.delay * SECOND;
        let delay = Delay::Uniform { least: (delay / 2.0).round() as u64, most: (delay * 1.5).round() as u64 };
        let nodes = usize::try_from(self.nodes)?;
        let mut world = work::connected(fixed_network(), nodes, seed, delay)?;
        let tally = Tally::of(&mut world);
        for node in 0..nodes {
            world.set_power(node, (node + 1) as f64);
            world.set_mining(node, true);
        }
        let gap = spacing * SECOND / 1_000.0;
        world.set_block_gap(Some(gap));
        let tip = work::run_to_height(&mut world, blocks, (gap * 100_000.0) as u64 + 1)?;
        let kept = tally.borrow().kept(tip, Height(1));
        Ok(100.0 * kept.stale_share())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        options: Options,
    }

    fn options(words: &str) -> Options {
        Cli::try_parse_from(std::iter::once("x").chain(words.split_whitespace())).unwrap().options
    }

    #[test]
    fn the_formula_gives_the_published_shares() {
        let options = options("");
        for (spacing, published) in [(30.0, 2.83), (60.0, 1.43), (120.0, 0.72), (300.0, 0.29), (600.0, 0.15)] {
            let stale = 100.0 * options.theory(spacing);
            assert!((stale - published).abs() < 0.01, "{spacing}: {stale}");
        }
    }

    #[test]
    fn more_haste_more_waste() {
        let found = options("--spacings 3,30 --blocks 800 --seeds 4").run().unwrap();
        let [hasty, slow] = &found.series[0].points[..] else { panic!("{found:?}") };
        assert!(hasty.measured.mean > slow.measured.mean, "{found:?}");
        assert!((hasty.measured.mean - hasty.theory.unwrap()).abs() < 6.0, "{found:?}");
    }
}
