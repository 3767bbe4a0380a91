//! Experiments: the simulator run many times over, beside what was published. Each experiment says what
//! is varied, how one run is made and what theory expects; here is what they have in common: all cores,
//! confidence intervals, a table, CSV, JSON and a plot. Nothing here touches a real network.

mod chain_growth;
mod difficulty;
mod double_spend;
mod estimate;
mod intervals;
mod output;
mod plot;
mod selfish_mining;
mod stale_rate;
pub(crate) mod work;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;

use self::estimate::Estimate;
pub(crate) use self::output::number;
use self::work::Work;

const EXAMPLES: &str = "\
Examples:
  networkmngr experiment stale-rate                       stale blocks against the block interval
  networkmngr experiment stale-rate --blocks 2000         the same, sooner and less exactly
  networkmngr experiment chain-growth --svg growth.svg    and a plot
  networkmngr experiment intervals --json                 for programs

Each value stands beside the published formula. A measured value whose 95 % confidence interval does not
hold the formula's value is marked. One in twenty is by chance alone; beyond that, formulas are idealised,
and the last lines say in which respect.
Exit codes: 0 done, 1 failed, 2 wrong usage.";

/// Options of `experiment`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExperimentArgs {
    #[command(subcommand)]
    which: Which,
}

#[derive(Debug, Subcommand)]
enum Which {
    /// How many blocks go stale, against the time between blocks (ten nodes, all connected)
    StaleRate(stale_rate::Options),
    /// What a selfish miner wins, against its share of hash power
    SelfishMining(selfish_mining::Options),
    /// How often a payment with so many confirmations is taken back by a branch mined in secret
    DoubleSpend(double_spend::Options),
    /// How fast the chain grows when blocks take time to spread
    ChainGrowth(chain_growth::Options),
    /// Whether times between blocks are exponential at a fixed difficulty
    Intervals(intervals::Options),
    /// How difficulty finds its level when hash power changes
    Difficulty(difficulty::Options),
}

/// What every experiment can be told.
#[derive(Clone, Debug, Args)]
pub(crate) struct Effort {
    /// Runs for each point, each with a seed of its own
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(2..=10_000))]
    seeds: u64,
    /// The first seed
    #[arg(long, value_name = "S", default_value_t = 1)]
    first_seed: u64,
    /// Write the table as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Draw the plot
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

impl Effort {
    fn seeds(&self) -> std::ops::Range<u64> {
        self.first_seed..self.first_seed.saturating_add(self.seeds)
    }
}

/// What an experiment came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Findings {
    /// What was measured, as a sentence without a full stop.
    title: String,
    /// What is varied, with its unit.
    x: String,
    /// What was measured, with its unit.
    y: String,
    series: Vec<Series>,
    /// What else there is to know, a sentence each.
    remarks: Vec<String>,
}

/// Points that belong together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Series {
    name: String,
    points: Vec<Point>,
}

/// One measured value beside the published one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Point {
    x: f64,
    measured: Estimate,
    theory: Option<f64>,
}

impl Point {
    /// Whether the formula's value lies outside of the interval.
    fn deviates(&self) -> bool {
        self.theory.is_some_and(|theory| !self.measured.holds(theory))
    }
}

/// Runs an experiment and tells what it came to.
pub(crate) fn run(args: &ExperimentArgs) -> anyhow::Result<ExitCode> {
    let (effort, findings) = match &args.which {
        Which::StaleRate(options) => (&options.effort, options.run()?),
        Which::SelfishMining(options) => (&options.effort, options.run()?),
        Which::DoubleSpend(options) => (&options.effort, options.run()?),
        Which::ChainGrowth(options) => (&options.effort, options.run()?),
        Which::Intervals(options) => (&options.effort, options.run()?),
        Which::Difficulty(options) => (&options.effort, options.run()?),
    };
    output::tell(&findings, effort)?;
    Ok(ExitCode::SUCCESS)
}
