//! The standard trial: first everything that can go wrong does, then the world is put right and the
//! nodes must agree. One number reproduces a whole run.

use rand::RngExt;
use shared::{Millis, Network, wire::Announcement};

use super::{Conditions, World, WorldConfig, easy_network};
use crate::machine::mining::Template;

/// What a trial does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// How many nodes.
    pub nodes: usize,
    /// Decides everything left to chance.
    pub seed: u64,
    /// Seconds of faults.
    pub storm: u64,
}

/// What came of a trial that went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Height on which all nodes agree.
    pub height: u32,
    /// Different blocks that were ever adopted by anybody.
    pub blocks: usize,
    /// Seconds of virtual time from the end of the faults until all agreed.
    pub agreed_after: u64,
    /// Things that happened.
    pub happened: u64,
    /// The tip on which all agree: equal runs end with equal tips.
    pub tip: shared::BlockHash,
}

/// Seconds between blocks, on average, in a trial.
const BLOCK_GAP: f64 = 5.0;
/// Seconds within which nodes must agree once nothing goes wrong any more.
const PATIENCE: u64 = 600;

impl Trial {
    /// Runs it: at first in peace, then split in two or three with crashes, rough links, payments and
    /// lies, then healed; mining then ends, and everybody must come to one tip.
    ///
    /// # Errors
    /// What went wrong, as a sentence.
    pub fn run(self) -> Result<Outcome, String> {
        let network = easy_network(5);
        let config = WorldConfig { network, nodes: self.nodes, seed: self.seed, conditions: Conditions::CALM };
        let mut world = World::new(config);
        world.set_block_gap(Some(BLOCK_GAP));
        self.weather(&mut world).map_err(|violation| violation.to_string())?;
        self.settle(&mut world)
    }

    fn weather(self, world: &mut World) -> Result<(), super::oracle::Violation> {
        world.run_for(30_000)?;
        if world.rng().random_bool(0.5) {
            world.set_conditions(Conditions::ROUGH);
        }
        let groups = world.rng().random_range(2..=3);
        world.split(groups);
        let end = Millis(world.now().0 + self.storm * 1_000);
        while world.now() < end {
            let node = world.rng().random_range(0..self.nodes);
            let other = world.rng().random_range(0..self.nodes);
            match world.rng().random_range(0..10) {
                0 => {
                    let down = world.rng().random_range(100..20_000);
                    world.crash(node, down);
                }
                1..=3 => world.pay(node, other),
                4 => world.lie_to(node),
                5 => world.withhold_from(node),
                6 => {
                    let headers = world.rng().random_range(1..50);
                    world.lead_nowhere(node, headers);
                }
                7 if world.rng().random_bool(0.1) => world.wipe(node, 5_000),
                _ => {}
            }
            let pause = world.rng().random_range(100..3_000);
            world.run_for(pause)?;
        }
        world.set_conditions(Conditions::CALM);
        world.heal();
        Ok(())
    }

    /// A few more blocks break whatever tie there is; then mining ends and nodes must agree.
    fn settle(self, world: &mut World) -> Result<Outcome, String> {
        let healed = world.now();
        world.run_for(90_000).map_err(|violation| violation.to_string())?;
        let mut mining = true;
        while world.tips().len() > 1 || world.machines().count() < self.nodes || mining {
            // With mining on, a tie of the last moment is broken by the next block.
            mining = mining && world.tips().len() > 1;
            world.set_block_gap(mining.then_some(BLOCK_GAP));
            world.run_for(1_000).map_err(|violation| violation.to_string())?;
            if world.now().since(healed).as_secs() > PATIENCE {
                return Err(format!(
                    "{} tips are left {PATIENCE} s after healing: {:?}",
                    world.tips().len(),
                    world.tips()
                ));
            }
        }
        for (node, machine) in world.machines() {
            world.oracle().audit(node, machine).map_err(|violation| violation.to_string())?;
        }
        let tip = world.tips().into_keys().next().unwrap_or_default();
        Ok(Outcome {
            height: world.oracle().height(&tip).map_or(0, |height| height.0),
            blocks: world.oracle().blocks(),
            agreed_after: world.now().since(healed).as_secs(),
            happened: world.happened(),
            tip,
        })
    }
}

/// A block like the one a miner works on, with valid work, that gives its miner one unit too much.
pub(super) fn forge(template: &Template, now: Millis, network: &Network) -> Option<Announcement> {
    let honest = template.header(0, now);
    let mut header = honest;
    while header.proven_hash().is_err() {
        header.nonce = header.nonce.wrapping_add(1);
    }
    let block = template.solve(header, 0, network).ok()?;
    let mut coinbase = block.coinbase().clone();
    coinbase.reward = coinbase.reward.checked_add(shared::Amount::new(1)?)?;
    header = shared::Header { coinbase_hash: coinbase.hash(), nonce: 0, ..honest };
    while header.proven_hash().is_err() {
        header.nonce = header.nonce.wrapping_add(1);
    }
    let transactions = block.transactions().iter().map(|transaction| transaction.id()).collect();
    Some(Announcement { header, coinbase, transactions })
}
