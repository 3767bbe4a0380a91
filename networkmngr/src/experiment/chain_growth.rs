//! How fast the chain grows when every block takes the same time to reach everybody: λ/(1+λΔ) for very
//! many small miners (Sompolinsky and Zohar 2015, "Secure high-rate transaction processing in Bitcoin").

use clap::Args;
use node::sim::{Delay, Tally, fixed_network};
use shared::Height;

use super::{Effort, Estimate, Findings, Point, Series, Work, work};

/// Delay of every link, in milliseconds.
const DELAY: u64 = 200;

/// Options of `experiment chain-growth`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Miners, all alike
    #[arg(long, value_name = "N", default_value_t = 17, value_parser = clap::value_parser!(u64).range(2..=17))]
    nodes: u64,
    /// Blocks found during one delay, on average: a point each
    #[arg(long, value_name = "X,X", value_delimiter = ',', default_values_t = [0.05, 0.1, 0.2, 0.5, 1.0])]
    loads: Vec<f64>,
    /// Blocks on the chain in each run
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    blocks: u32,
    #[command(flatten)]
    pub(super) effort: Effort,
}

impl Options {
    pub(super) fn run(&self) -> anyhow::Result<Findings> {
        let sound = self.loads.iter().all(|load| *load > 0.0 && *load <= 10.0);
        anyhow::ensure!(sound, "loads are numbers above 0, up to 10");
        let one = |Work { point, seed }| self.growth(self.loads[point], seed);
        let all = work::all(self.loads.len(), self.effort.seeds(), one)?;
        let points = self.loads.iter().zip(&all).map(|(load, growth)| Point {
            x: *load,
            measured: Estimate::of(growth),
            theory: Some(1.0 / (1.0 + load)),
        });
        let expected = self.loads.iter().map(|load| format!("{:.3} at {load}", self.with_few(*load)));
        let expected: Vec<String> = expected.collect();
        Ok(Findings {
            title: format!("Growth of the chain among {} equal miners under a delay", self.nodes),
            x: "blocks found per delay".into(),
            y: "share that lengthens the chain".into(),
            series: vec![Series { name: "constant delay".into(), points: points.collect() }],
            remarks: vec![
                "Theory: 1/(1+x), for very many miners.".into(),
                format!(
                    "Whoever finds a block of the greatest height can go on at once. With {} miners, that makes {}.",
                    self.nodes,
                    expected.join(", ")
                ),
            ],
        })
    }

    /// What is expected of few miners. Until a block has reached everybody, only those who found one of its
    /// height mine on it: its finder, and each who finds another meanwhile. Times are multiples of what a block
    /// takes.
    fn with_few(&self, load: f64) -> f64 {
        const STEPS: u32 = 1_000;
        let still = |time: f64| (-(time + time * time / 2.0) / self.nodes as f64).exp();
        let step = load / f64::from(STEPS);
        let spreading: f64 = (0..STEPS).map(|at| still((f64::from(at) + 0.5) * step) * step).sum();
        1.0 / (spreading + still(load))
    }

    /// The chain's growth in one run, as a share of all blocks that were to be found in that time.
    fn growth(&self, load: f64, seed: u64) -> anyhow::Result<f64> {
        let nodes = usize::try_from(self.nodes)?;
        let mut world = work::connected(fixed_network(), nodes, seed, Delay::Constant(DELAY))?;
        let tally = Tally::of(&mut world);
        (0..nodes).for_each(|node| world.set_mining(node, true));
        let gap = DELAY as f64 / load / 1_000.0;
        let begin = world.now();
        world.set_block_gap(Some(gap));
        let tip = work::run_to_height(&mut world, self.blocks, (gap * 50_000.0) as u64 + 1)?;
        let length = tally.borrow().kept(tip, Height(1)).length as f64;
        Ok(length * gap / world.now().since(begin).as_secs_f64())
    }
}
