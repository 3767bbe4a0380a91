//! Mining as a Poisson process, shared out by hash power. Proofs come at the rate that all power together
//! has at the easiest target; one that falls to a node whose target is harder counts only as often as
//! that target would be met. So intervals are exponential at any difficulty, and follow it.

use std::sync::Arc;

use rand::RngExt;
use shared::{Bits, Millis};

use super::{
    Sight, World,
    node::{Arrival, Ground, SimNode},
};
use crate::{machine::event::Event, sim::link::exponential};

/// The searching power of the whole network.
#[derive(Debug, Default)]
pub(super) struct Power {
    /// Milliseconds that a unit of power takes for a proof at the easiest target, on average; nothing
    /// while nobody finds any.
    unit: Option<f64>,
    /// When the next proof is due, to a fraction of a millisecond, and who finds it.
    pub(super) next: Option<(f64, usize)>,
    /// Counts changes: a proof that was due under other circumstances is none.
    pub(super) generation: u64,
}

impl World {
    /// Proofs are found from now on: by all nodes' present power together one every `gap` seconds on
    /// average, at the difficulty that the network starts with. `None` ends it, as does a network without power.
    pub fn set_block_gap(&mut self, gap: Option<f64>) {
        let spec = self.ground.network.spec();
        let easier = ease(spec.start_bits, spec.easiest_bits);
        let total = self.total_power();
        self.power.unit = gap.map(|gap| gap * 1_000.0 * total * easier).filter(|unit| *unit > 0.0);
        self.begin_search();
    }

    /// Gives a node another share of hash power; all start with 1. More power altogether finds more blocks.
    pub fn set_power(&mut self, node: usize, power: f64) {
        self.nodes[node].power = power.max(0.0);
        self.begin_search();
    }

    /// A node's share of hash power.
    pub fn power(&self, node: usize) -> f64 {
        self.nodes[node].power
    }

    fn total_power(&self) -> f64 {
        self.nodes.iter().map(|node| node.power).sum()
    }

    /// As a search has no memory, it may as well begin now.
    fn begin_search(&mut self) {
        self.power.generation += 1;
        self.power.next = None;
        self.draw_proof(self.now.0 as f64);
    }

    /// Draws when the next proof after this time is found, and by whom.
    fn draw_proof(&mut self, after: f64) {
        let total = self.total_power();
        let Some(unit) = self.power.unit.filter(|_| total > 0.0) else { return };
        let due = after + exponential(unit / total, &mut self.rng);
        let mut drawn = self.rng.random::<f64>() * total;
        let finder = self.nodes.iter().position(|node| {
            drawn -= node.power;
            drawn < 0.0
        });
        self.power.next = finder.map(|finder| (due, finder));
    }

    /// Hands out the proofs that are found before `end`.
    pub(super) fn hand_out_proofs(&mut self, end: Millis) {
        while let Some((due, finder)) = self.power.next
            && due < end.0 as f64
        {
            let at = Millis(due as u64).max(self.now);
            let generation = self.power.generation;
            self.nodes[finder].schedule(at, Arrival::Proof { generation });
            self.agenda.note(at, finder);
            self.power.next = None;
            self.draw_proof(due);
        }
    }
}

impl SimNode {
    /// A proof at the easiest target falls to this node. If its block builds on its tip, nothing may be
    /// wrong with it. Whoever does not work finds nothing.
    pub(super) fn prove(&mut self, now: Millis, ground: &Ground) {
        let Some((_, template)) = self.job.clone() else { return };
        let hit = ease(template.bits(), ground.network.spec().easiest_bits);
        if hit < 1.0 && !self.rng.random_bool(hit) {
            return;
        }
        let extranonce = self.rng.random();
        let mut header = template.header(extranonce, now);
        while header.proven_hash().is_err() {
            header.nonce = header.nonce.wrapping_add(1);
        }
        let block = match template.solve(header, extranonce, &ground.network) {
            Ok(block) => Arc::new(block),
            Err(error) => return self.blame(format!("its template makes no block: {error}")),
        };
        let tip = |node: &Self| node.machine.as_ref().map(|machine| machine.tip().hash);
        // One proof ends a job, whatever the machine makes of it.
        self.job = None;
        let (on_tip, hash) = (tip(self) == Some(block.header().previous), block.hash());
        if ground.watched {
            self.sights.push((now, Sight::Mined(block.clone())));
        }
        let honest = self.machine.as_ref().is_some_and(|machine| machine.is_honest());
        self.tell(Event::Mined { block }, now, ground);
        if on_tip && honest && tip(self) != Some(hash) {
            self.blame(format!("it refused its own block {hash}"));
        }
    }
}

/// Which share of proofs at the easiest target also meets this one. Exact scaling, so that runs are
/// equal on every machine.
fn ease(bits: Bits, easiest: Bits) -> f64 {
    let parts = |bits: Bits| (f64::from(bits.0 & 0x007f_ffff), bits.0 >> 24);
    let ((mantissa, exponent), (most, highest)) = (parts(bits), parts(easiest));
    let below = highest.saturating_sub(exponent).min(32);
    (0..below).fold(mantissa / most, |share, _| share / 256.0).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Conditions, Topology, WorldConfig, fixed_network};

    /// No power finds no block in any time, so what it would take then says nothing of later power.
    #[test]
    fn without_power_the_search_does_not_begin() {
        let mut world = World::new(WorldConfig {
            network: fixed_network(),
            nodes: 1,
            seed: 1,
            conditions: Conditions::CALM,
            topology: Topology::Full,
            checked: true,
        });
        world.set_power(0, 0.0);
        world.set_block_gap(Some(1.0));
        world.set_power(0, 1.0);
        assert_eq!(world.power.next, None);
    }

    #[test]
    fn a_harder_target_is_met_less_often() {
        let easiest = Bits(0x207f_ffff);
        assert_eq!(ease(easiest, easiest), 1.0);
        assert_eq!(ease(Bits(0x1f7f_ffff), easiest), 1.0 / 256.0);
        let half = ease(Bits(0x203f_ffff), easiest);
        assert!((half - 0.5).abs() < 1e-6, "{half}");
    }
}
