//! What a selfish miner wins: Eyal and Sirer 2014, "Majority is not Enough: Bitcoin Mining is Vulnerable",
//! equation 8. Three nodes without delay: the attacker, and the honest power in two parts, of which one
//! takes the attacker's block in a tie. That part is γ.

use clap::Args;
use node::machine::strategy::{Strategy, Tie};
use node::sim::{Delay, Tally, fixed_network};
use shared::Height;

use super::{Effort, Estimate, Findings, Point, Series, Work, work};

/// Seconds between blocks, of virtual time.
const GAP: f64 = 2.0;

/// Options of `experiment selfish-mining`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The attacker's shares of hash power, a point each
    #[arg(long, value_name = "A,A", value_delimiter = ',', default_values_t = [0.1, 0.2, 0.25, 0.3, 1.0 / 3.0, 0.4, 0.45])]
    alphas: Vec<f64>,
    /// Parts of the honest power that take the attacker's block in a tie, a curve each
    #[arg(long, value_name = "G,G", value_delimiter = ',', default_values_t = [0.0, 0.5, 1.0])]
    gammas: Vec<f64>,
    /// Blocks found for each point up to a share of a third, all runs together; more for larger shares, at which
    /// the attacker's leads last long, so that few of them are in as many blocks
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    blocks: u64,
    #[command(flatten)]
    pub(super) effort: Effort,
}

impl Options {
    pub(super) fn run(&self) -> anyhow::Result<Findings> {
        anyhow::ensure!(self.alphas.iter().all(|alpha| (0.0..0.5).contains(alpha)), "shares are from 0 to below 0.5");
        anyhow::ensure!(self.gammas.iter().all(|gamma| (0.0..=1.0).contains(gamma)), "gammas are from 0 to 1");
        let settings: Vec<(f64, f64)> =
            self.gammas.iter().flat_map(|gamma| self.alphas.iter().map(|alpha| (*alpha, *gamma))).collect();
        let blocks =
            |alpha| u32::try_from(blocks_at(alpha, self.blocks) / self.effort.seeds).unwrap_or(u32::MAX).max(10);
        let one = |Work { point, seed }| revenue(settings[point], blocks(settings[point].0), seed);
        let all = work::all(settings.len(), self.effort.seeds(), one)?;
        let point = |((alpha, gamma), runs): (&(f64, f64), &Vec<f64>)| Point {
            x: *alpha,
            measured: Estimate::of(runs),
            theory: Some(theory(*alpha, *gamma)),
        };
        let points: Vec<Point> = settings.iter().zip(&all).map(point).collect();
        let series = self.gammas.iter().zip(points.chunks(self.alphas.len().max(1)));
        let series = series.map(|(gamma, points)| Series { name: format!("gamma {gamma}"), points: points.to_vec() });
        Ok(Findings {
            title: format!("What a selfish miner wins, {} blocks found in each run, or more", blocks(0.0)),
            x: "share of hash power".into(),
            y: "share of the chain".into(),
            series: series.collect(),
            remarks: vec![
                "Theory: Eyal and Sirer 2014, equation 8. Mining honestly, the share of the chain is that of power."
                    .into(),
                "It pays from the share (1-gamma)/(3-2gamma) on: a third at gamma 0, a quarter at gamma 0.5.".into(),
            ],
        })
    }
}

/// Blocks for a point, so that all are about as certain. A lead is a walk that drifts back by `1 - 2 alpha` a block, so
/// that its variance grows as one over the square of that.
fn blocks_at(alpha: f64, up_to_a_third: u64) -> u64 {
    let slower = (1.0 / 3.0) / (1.0 - 2.0 * alpha);
    (up_to_a_third as f64 * slower.powi(2).max(1.0)).round() as u64
}

/// The attacker's share of the chain, as published.
fn theory(alpha: f64, gamma: f64) -> f64 {
    let above = alpha * (1.0 - alpha).powi(2) * (4.0 * alpha + gamma * (1.0 - 2.0 * alpha)) - alpha.powi(3);
    above / (1.0 - alpha * (1.0 + (2.0 - alpha) * alpha))
}

/// The same, measured in one run.
fn revenue((alpha, gamma): (f64, f64), blocks: u32, seed: u64) -> anyhow::Result<f64> {
    let mut world = work::connected(fixed_network(), 3, seed, Delay::Constant(0))?;
    let tally = Tally::of(&mut world);
    let attacker = world.miner(0);
    let set = |outcome: Result<(), String>| outcome.map_err(anyhow::Error::msg);
    set(world.set_strategy(0, Some(Strategy::Selfish), None))?;
    set(world.set_strategy(1, None, Some(Tie::Prefer(attacker))))?;
    for (node, power) in [alpha, gamma * (1.0 - alpha), (1.0 - gamma) * (1.0 - alpha)].into_iter().enumerate() {
        world.set_power(node, power);
        world.set_mining(node, true);
    }
    world.set_block_gap(Some(GAP));
    while tally.borrow().found.len() < blocks as usize {
        world.run_for(60_000)?;
    }
    // What is still kept back would be missing from the count.
    while world.strategy(0).is_some_and(|status| status.withheld > 0) {
        world.run_for(100)?;
    }
    let (tip, _) = world.best_tip().ok_or_else(|| anyhow::anyhow!("no node runs"))?;
    let kept = tally.borrow().kept(tip, Height(1));
    Ok(kept.by_miner.first().copied().unwrap_or(0) as f64 / kept.length.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_gives_the_published_shares() {
        for (alpha, gamma, published) in [
            (0.25, 0.0, 0.19512),
            (0.4, 0.0, 0.48372),
            (0.45, 0.0, 0.65177),
            (0.25, 0.5, 0.25),
            (0.3, 0.5, 0.32687),
            (0.3, 1.0, 0.38062),
            (0.45, 1.0, 0.70942),
        ] {
            assert!((theory(alpha, gamma) - published).abs() < 0.000_01, "{alpha} {gamma}: {}", theory(alpha, gamma));
        }
        assert!((theory(1.0 / 3.0, 0.0) - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn points_near_a_half_get_more_blocks() {
        assert_eq!([0.1, 1.0 / 3.0, 0.4, 0.45].map(|alpha| blocks_at(alpha, 900)), [900, 900, 2_500, 10_000]);
    }

    #[test]
    fn the_machines_win_what_the_formula_says() {
        for (alpha, gamma) in [(0.4, 0.0), (0.3, 1.0)] {
            let runs: Vec<f64> = (1..4).map(|seed| revenue((alpha, gamma), 800, seed).unwrap()).collect();
            let measured = Estimate::of(&runs).mean;
            assert!((measured - theory(alpha, gamma)).abs() < 0.06, "{alpha} {gamma}: {measured}");
        }
    }
}
