//! The standard trial: first everything that can go wrong does, then the world is put right and the
//! nodes must agree. One number reproduces a whole run.

use rand::RngExt;
use shared::Millis;

use super::{Conditions, Topology, World, WorldConfig, easy_network, oracle::Fates, oracle::Violation};

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
    /// Transactions on the chain that all agree on.
    pub transactions: usize,
    /// What became of those that nodes acknowledged to their users.
    pub promises: Fates,
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
    /// Runs it: at first in peace, then split in two or three with crashes, rough links and lies, while
    /// users pay and cheat; then healed; mining then ends, and everybody must come to one tip.
    ///
    /// # Errors
    /// What went wrong, as a sentence.
    pub fn run(self) -> Result<Outcome, String> {
        let network = easy_network(5);
        let mut world = World::new(WorldConfig {
            network,
            nodes: self.nodes,
            seed: self.seed,
            conditions: Conditions::CALM,
            topology: Topology::Full,
            checked: true,
        });
        (0..self.nodes).for_each(|node| world.set_mining(node, true));
        world.set_block_gap(Some(BLOCK_GAP));
        self.weather(&mut world).map_err(|violation| violation.to_string())?;
        self.settle(&mut world)
    }

    fn weather(self, world: &mut World) -> Result<(), Violation> {
        world.run_for(30_000)?;
        if world.rng().random_bool(0.5) {
            world.set_conditions(Conditions::ROUGH);
        }
        let groups = world.rng().random_range(2..=3);
        world.split((0..self.nodes).map(|node| node % groups).collect());
        let end = Millis(world.now().0 + self.storm * 1_000);
        while world.now() < end {
            self.befall(world);
            (0..self.trades()).for_each(|_| self.trade(world));
            let pause = world.rng().random_range(100..3_000);
            world.run_for(pause)?;
            let node = self.any(world);
            world.audit(node)?;
        }
        world.set_conditions(Conditions::CALM);
        world.heal();
        Ok(())
    }

    /// What goes wrong.
    fn befall(self, world: &mut World) {
        let node = self.any(world);
        match world.rng().random_range(0..10) {
            0 => {
                let down = world.rng().random_range(100..20_000);
                world.crash(node, down);
            }
            1..=2 => world.lie_to(node),
            3 => world.withhold_from(node),
            4 => {
                let headers = world.rng().random_range(1..50);
                world.lead_nowhere(node, headers);
            }
            5 if world.rng().random_bool(0.1) => world.wipe(node, 5_000),
            _ => {}
        }
    }

    /// How much users do at a time: more in larger networks.
    fn trades(self) -> usize {
        1 + self.nodes / 50
    }

    /// What users do.
    fn trade(self, world: &mut World) {
        let (node, other) = (self.any(world), self.any(world));
        match world.rng().random_range(0..12) {
            0..=2 => world.pay(node),
            3..=4 => world.file(node),
            5 => world.hurry(node),
            6 => world.outbid(node),
            7..=8 => world.spend_twice(node, other),
            9 => world.replay(node),
            10 => world.overspend(node),
            _ => world.send_forged(node),
        }
    }

    fn any(self, world: &mut World) -> usize {
        world.rng().random_range(0..self.nodes)
    }

    /// Users go on for a while, and a few more blocks break whatever tie there is; then mining ends and
    /// nodes must agree.
    fn settle(self, world: &mut World) -> Result<Outcome, String> {
        let healed = world.now();
        for _ in 0..10 {
            (0..self.trades()).for_each(|_| self.trade(world));
            world.run_for(3_000).map_err(|violation| violation.to_string())?;
        }
        world.run_for(60_000).map_err(|violation| violation.to_string())?;
        let mut mining = true;
        while world.tips().len() > 1 || world.machines().count() < self.nodes || mining {
            // With mining on, a tie of the last moment is broken by the next block.
            mining = mining && world.tips().len() > 1;
            if !mining {
                world.set_block_gap(None);
            }
            world.run_for(1_000).map_err(|violation| violation.to_string())?;
            if world.now().since(healed).as_secs() > PATIENCE {
                return Err(format!(
                    "{} tips are left {PATIENCE} s after healing: {:?}",
                    world.tips().len(),
                    world.tips()
                ));
            }
        }
        for node in 0..self.nodes {
            world.audit(node).map_err(|violation| violation.to_string())?;
        }
        let promises = world.fates().map_err(|violation| violation.to_string())?;
        let tip = world.tips().into_keys().next().unwrap_or_default();
        Ok(Outcome {
            height: world.oracle().height(&tip).map_or(0, |height| height.0),
            blocks: world.oracle().blocks(),
            transactions: world.oracle().confirmed(&tip),
            promises,
            agreed_after: world.now().since(healed).as_secs(),
            happened: world.happened(),
            tip,
        })
    }
}
