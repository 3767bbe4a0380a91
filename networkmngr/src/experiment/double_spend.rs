//! How often a payment is taken back although it had confirmations: Rosenfeld 2014, "Analysis of
//! hashrate-based double-spending", exact. As there, the attacker has found one block in secret when the
//! payment is made, and wins as soon as its branch is the longer one.

use clap::Args;
use node::machine::strategy::{Attack, Ending, Strategy};
use node::sim::{Delay, World, fixed_network};

use super::{Effort, Estimate, Findings, Point, Series, Work, work};

/// Seconds between blocks, of virtual time.
const GAP: f64 = 2.0;
/// How closely an attack is watched, in milliseconds: two blocks within it are very unlikely.
const LOOK: u64 = 10;

/// Options of `experiment double-spend`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The attacker's shares of hash power, a curve each
    #[arg(long, value_name = "Q,Q", value_delimiter = ',', default_values_t = [0.1, 0.2, 0.3])]
    shares: Vec<f64>,
    /// Confirmations that the merchant waits for, up to this many: a point each
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=20))]
    confirmations: u32,
    /// Attacks for each point, all runs together
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    attacks: u64,
    /// The attacker gives up this many blocks behind
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(2..=1000))]
    give_up: u32,
    #[command(flatten)]
    pub(super) effort: Effort,
}

impl Options {
    pub(super) fn run(&self) -> anyhow::Result<Findings> {
        anyhow::ensure!(
            self.shares.iter().all(|share| (0.01..0.5).contains(share)),
            "shares are from 0.01 to below 0.5"
        );
        anyhow::ensure!(self.give_up > self.confirmations, "--give-up is more than the confirmations");
        let settings: Vec<(f64, u32)> =
            self.shares.iter().flat_map(|share| (1..=self.confirmations).map(|n| (*share, n))).collect();
        let attacks = (self.attacks / self.effort.seeds).max(1);
        let one = |Work { point, seed }| self.success(settings[point], attacks, seed);
        let all = work::all(settings.len(), self.effort.seeds(), one)?;
        let point = |((share, n), runs): (&(f64, u32), &Vec<f64>)| Point {
            x: f64::from(*n),
            measured: Estimate::of(runs),
            theory: Some(100.0 * theory(*share, *n)),
        };
        let points: Vec<Point> = settings.iter().zip(&all).map(point).collect();
        let series = self.shares.iter().zip(points.chunks(self.confirmations as usize));
        let series = series.map(|(share, points)| Series { name: format!("share {share}"), points: points.to_vec() });
        Ok(Findings {
            title: format!("Double spends that succeed, {attacks} attacks in each run"),
            x: "confirmations".into(),
            y: "success (%)".into(),
            series: series.collect(),
            remarks: vec![
                "Theory: Rosenfeld 2014, for an attacker that never gives up.".into(),
                format!(
                    "Here it does when it is {} blocks behind, where hardly anything is left to win.",
                    self.give_up
                ),
            ],
        })
    }

    /// Successful attacks of one run, in per cent.
    fn success(&self, (share, confirmations): (f64, u32), attacks: u64, seed: u64) -> anyhow::Result<f64> {
        let mut world = work::connected(fixed_network(), 2, seed, Delay::Constant(0))?;
        for (node, power) in [share, 1.0 - share].into_iter().enumerate() {
            world.set_power(node, power);
            world.set_mining(node, true);
        }
        world.set_block_gap(Some(GAP));
        let mut won = 0;
        for _ in 0..attacks {
            won += u64::from(self.attack(&mut world, confirmations)?);
        }
        Ok(100.0 * won as f64 / attacks as f64)
    }

    /// One attack, from when the attacker has found a block in secret; tells whether it succeeded.
    fn attack(&self, world: &mut World, confirmations: u32) -> anyhow::Result<bool> {
        let attack = Attack {
            from: None,
            confirmations,
            lead: None,
            give_up: self.give_up,
            leave_out: Default::default(),
            instead: Vec::new(),
        };
        let status = |world: &mut World| world.strategy(0).ok_or_else(|| anyhow::anyhow!("the attacker does not run"));
        loop {
            world.set_strategy(0, Some(Strategy::Private(attack.clone())), None).map_err(anyhow::Error::msg)?;
            let begun = status(world)?.public;
            let now = loop {
                world.run_for(LOOK)?;
                let now = status(world)?;
                if now.withheld > 0 || now.public > begun {
                    break now;
                }
            };
            // If others were first, it was no time to pay.
            if now.public == begun {
                break;
            }
        }
        loop {
            if let Some(ending) = status(world)?.ending {
                return Ok(ending == Ending::Published);
            }
            world.run_for(10 * LOOK)?;
        }
    }
}

/// The chance that a payment with so many confirmations is taken back, as published.
fn theory(q: f64, n: u32) -> f64 {
    let p = 1.0 - q;
    let mut choose = 1.0;
    let mut kept = 0.0;
    for m in 0..=n {
        if m > 0 {
            choose *= f64::from(m + n - 1) / f64::from(m);
        }
        let (n, m) = (n as i32, m as i32);
        kept += choose * (p.powi(n) * q.powi(m) - p.powi(m) * q.powi(n));
    }
    1.0 - kept
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

    #[test]
    fn the_formula_gives_the_published_chances() {
        for (q, n, published) in
            [(0.1, 1, 20.0), (0.1, 2, 5.6), (0.1, 6, 0.059), (0.2, 3, 11.584), (0.3, 1, 60.0), (0.3, 6, 15.645)]
        {
            let chance = 100.0 * theory(q, n);
            assert!((chance - published).abs() < 0.001, "{q} {n}: {chance}");
        }
    }

    #[test]
    fn attacks_succeed_as_often_as_the_formula_says() {
        let words = "x --shares 0.3 --confirmations 2 --attacks 240 --seeds 4 --give-up 8";
        let found = Cli::try_parse_from(words.split(' ')).unwrap().options.run().unwrap();
        for point in &found.series[0].points {
            assert!((point.measured.mean - point.theory.unwrap()).abs() < 12.0, "{found:?}");
        }
    }
}
