//! Carrying a scenario out: each step by the engine's means, then the expectations. The same for real
//! processes and for the simulator.

use std::collections::BTreeMap;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use shared::TxId;
use utoipa::ToSchema;

use super::engine::{Branch, Engine, Held, Outcome, Payment, Trouble, Whereabouts};
use super::file::Scenario;
use super::step::{Mine, Reorg, Step, Strategy, Until, Wait};
use super::values::Span;
use crate::node_set::NodeSet;
use crate::timeline::What;

/// How long what is waited for may take unless the file says so.
const PATIENCE: Span = Span(60_000);
/// How long a payment or record is given to spread, in milliseconds; it cannot reach everybody in a split.
const SPREAD: u64 = 1_000;
/// How often it is looked whether it has come.
const LOOK: u64 = 50;

/// What became of a step or an expectation.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Done {
    /// What it was, in words.
    pub(crate) what: String,
    /// Milliseconds since the beginning, when it was over.
    pub(crate) at: u64,
    /// Why not, if it failed.
    pub(crate) failure: Option<String>,
    /// What was measured, where something was.
    pub(crate) measured: Option<f64>,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct Report {
    /// Its name.
    pub(crate) scenario: String,
    /// `real` or `simulated`.
    pub(crate) engine: String,
    /// Of a simulated run.
    pub(crate) seed: Option<u64>,
    /// Whether everything was as expected.
    pub(crate) passed: bool,
    /// The steps, up to the first that failed.
    pub(crate) steps: Vec<Done>,
    /// What was expected, if all steps were done.
    pub(crate) expectations: Vec<Done>,
    /// Blocks found.
    pub(crate) blocks: u64,
    /// Of these on the chain with the most work.
    pub(crate) kept: u64,
    /// The most blocks that a node took back at once.
    pub(crate) deepest_reorganisation: u32,
}

impl Report {
    /// The first thing that failed.
    pub(crate) fn failure(&self) -> Option<String> {
        let mut all = self.steps.iter().chain(&self.expectations);
        all.find_map(|done| Some(format!("{}: {}", done.what, done.failure.as_ref()?)))
    }
}

/// What the steps leave to chance: not the stream of numbers that the simulated world draws from the same seed.
fn draws(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::from_seed(shared::hash::sha256(&[b"scenario", &seed.to_le_bytes()]))
}

/// Told of each step as it begins, and of the text for the reader.
pub(crate) trait Audience {
    fn begins(&mut self, number: usize, steps: usize, what: &str);
    fn says(&mut self, text: &str);
}

/// Runs the steps in order until one fails, then looks whether what was expected is true.
pub(crate) async fn run(
    scenario: &Scenario,
    seed: u64,
    engine: &mut impl Engine,
    audience: &mut impl Audience,
) -> Report {
    let mut stage = Stage {
        nodes: scenario.network.get_ref().nodes,
        names: BTreeMap::new(),
        shares: (0..).zip(scenario.network.get_ref().shares.iter().copied()).collect(),
        rng: draws(seed),
        engine,
    };
    let mut report = Report { scenario: scenario.name.clone(), ..Report::default() };
    let count = scenario.steps.len();
    for (number, step) in scenario.steps.iter().enumerate() {
        let step = step.get_ref();
        if let Step::Say(text) = step {
            audience.says(text.trim());
            continue;
        }
        let what = super::words::step(step);
        audience.begins(number + 1, count, &what);
        stage.engine.note(What::Step { number: u32::try_from(number + 1).unwrap_or(u32::MAX), text: what.clone() });
        let outcome = stage.step(step).await;
        let at = stage.engine.elapsed();
        let failed = outcome.is_err();
        report.steps.push(Done { what, at, failure: outcome.err().map(|trouble| trouble.0), measured: None });
        if failed {
            break;
        }
    }
    if report.failure().is_none() {
        for expected in &scenario.expectations {
            report.expectations.push(stage.judge(expected.get_ref()).await);
        }
    }
    if let Ok(measures) = stage.engine.measures().await {
        (report.blocks, report.kept) = (measures.found, measures.kept);
        report.deepest_reorganisation = measures.deepest;
    }
    report.passed = report.failure().is_none();
    let text = report.failure().unwrap_or_else(|| "everything was as expected".into());
    stage.engine.note(What::Verdict { passed: report.passed, text });
    if let Err(trouble) = stage.engine.close() {
        report.passed = false;
        let (what, at) = ("write the timeline".into(), stage.engine.elapsed());
        report.steps.push(Done { what, at, failure: Some(trouble.0), measured: None });
    }
    report
}

/// A scenario under way.
pub(super) struct Stage<'e, E> {
    nodes: u16,
    names: BTreeMap<String, TxId>,
    /// Shares of hash power that are not 1.
    shares: BTreeMap<u16, f64>,
    rng: ChaCha8Rng,
    pub(super) engine: &'e mut E,
}

impl<E: Engine> Stage<'_, E> {
    fn numbers(&self, set: &NodeSet) -> Vec<u16> {
        (0..self.nodes).filter(|number| set.contains(*number)).collect()
    }

    pub(super) fn named(&self, name: &str) -> Outcome<TxId> {
        self.names.get(name).copied().ok_or_else(|| Trouble(format!("nothing has the name {name:?}")))
    }

    fn all_named(&self, names: &[String]) -> Outcome<Vec<TxId>> {
        names.iter().map(|name| self.named(name)).collect()
    }

    fn remember(&mut self, name: Option<&String>, id: TxId) {
        if let Some(name) = name {
            self.names.insert(name.clone(), id);
        }
    }

    async fn step(&mut self, step: &Step) -> Outcome<()> {
        match step {
            Step::Say(_) => {}
            Step::Mine(mine) => self.mine(mine).await?,
            Step::StartMining(set) => self.engine.set_mining(&self.numbers(set), true).await?,
            Step::StopMining(set) => self.engine.set_mining(&self.numbers(set), false).await?,
            Step::Wait(Wait::For(span)) => self.engine.pass(span.0).await?,
            Step::Wait(Wait::Until(until)) => self.wait(until).await?,
            Step::Pay(pay) => {
                let instead_of = pay.instead_of.as_deref().map(|name| self.named(name)).transpose()?;
                let at = pay.at.unwrap_or(pay.from);
                let (amount, fee) = (pay.amount.0, pay.fee.map(|fee| fee.0));
                let payment = Payment { from: pay.from, to: pay.to, amount, fee, at, instead_of, secret: pay.secret };
                let id = self.engine.pay(&payment).await?;
                self.remember(pay.name.as_ref(), id);
                if !pay.secret {
                    self.until_spread(id).await?;
                }
            }
            Step::Record(record) => {
                let json = record.record.to_json().to_string();
                let id = self.engine.record(record.by, &record.topic, &json, record.fee.map(|fee| fee.0)).await?;
                self.remember(record.name.as_ref(), id);
                self.until_spread(id).await?;
            }
            Step::Split(groups) => {
                let groups: Vec<Vec<u16>> = groups.iter().map(|group| self.numbers(group)).collect();
                self.engine.split(&groups).await?;
            }
            Step::Heal(_) => self.engine.heal().await?,
            Step::Add(_) => {
                let number = self.engine.add().await?;
                self.nodes = self.nodes.max(number + 1);
            }
            Step::Link(link) => self.engine.set_link(link).await?,
            Step::Share(share) => {
                self.shares.insert(share.node, share.share);
                self.engine.set_share(share.node, share.share).await?;
            }
            Step::Strategy(set) => {
                self.engine.set_strategy(set.node, set.follow).await?;
                if let Some(by) = &set.preferred_by {
                    self.engine.prefer(set.node, &self.numbers(by)).await?;
                }
            }
            Step::Attack(attack) => {
                let branch = Branch {
                    by: attack.by,
                    depth: attack.depth,
                    confirmations: attack.confirmations,
                    give_up: attack.give_up,
                    without: self.all_named(&attack.without)?,
                    instead: self.all_named(&attack.instead)?,
                };
                self.engine.attack(&branch).await?;
            }
            Step::Reorg(reorg) => self.reorg(reorg).await?,
            Step::Expect(expected) => {
                if let Some(failure) = self.judge(expected).await.failure {
                    return Err(Trouble(failure));
                }
            }
            Step::Kill(set) | Step::Pause(set) | Step::Resume(set) | Step::Restart(set) | Step::Remove(set) => {
                for node in self.numbers(set) {
                    match step {
                        Step::Kill(_) => self.engine.kill(node).await?,
                        Step::Pause(_) => self.engine.pause(node).await?,
                        Step::Resume(_) => self.engine.resume(node).await?,
                        Step::Restart(_) => self.engine.restart(node).await?,
                        _ => self.engine.remove(node).await?,
                    }
                }
            }
        }
        Ok(())
    }

    /// An attack with all hash power, from as deep as wanted, until it was published.
    async fn reorg(&mut self, reorg: &Reorg) -> Outcome<()> {
        let branch = Branch {
            by: reorg.by,
            depth: reorg.depth,
            confirmations: reorg.depth,
            give_up: None,
            without: self.all_named(&reorg.without)?,
            instead: self.all_named(&reorg.instead)?,
        };
        self.engine.attack(&branch).await?;
        self.engine.boost(reorg.by, true).await?;
        let over = self.until_attack_over(reorg.by, PATIENCE).await;
        self.engine.boost(reorg.by, false).await?;
        self.engine.set_strategy(reorg.by, Strategy::Honest).await?;
        over
    }

    async fn until_attack_over(&mut self, node: u16, within: Span) -> Outcome<()> {
        let deadline = self.engine.elapsed() + within.0;
        while self.engine.attack_over(node).await?.is_none() {
            if self.engine.elapsed() >= deadline {
                return Err(Trouble(format!(
                    "node {node} neither published its branch nor gave it up within {within}"
                )));
            }
            self.engine.pass(LOOK).await?;
        }
        Ok(())
    }

    /// Gives what was handed in time to reach those whom it can reach, so that the next block may have it.
    async fn until_spread(&mut self, id: TxId) -> Outcome<()> {
        let deadline = self.engine.elapsed() + SPREAD;
        while self.engine.elapsed() < deadline {
            let mut everywhere = true;
            for held in self.engine.held().await? {
                everywhere &= self.engine.find(held.node, id).await? != Whereabouts::Unknown;
            }
            if everywhere {
                break;
            }
            self.engine.pass(LOOK).await?;
        }
        Ok(())
    }

    async fn mine(&mut self, mine: &Mine) -> Outcome<()> {
        let (blocks, by) = match mine {
            Mine::Blocks(blocks) => (*blocks, (0..self.nodes).collect()),
            Mine::By(mine) => (mine.blocks, self.numbers(&mine.by)),
        };
        for _ in 0..blocks {
            let held = self.engine.held().await?;
            let able: Vec<&Held> = held.iter().filter(|held| by.contains(&held.node)).collect();
            let height = able.iter().map(|held| held.height).max().unwrap_or(0) + 1;
            let able: Vec<u16> = able.iter().map(|held| held.node).collect();
            let finder =
                self.draw(&able).ok_or_else(|| Trouble("none of these nodes runs and has hash power".into()))?;
            self.engine.mine_one(finder, height).await?;
            let caught_up = |held: &[Held]| {
                let mut theirs = held.iter().filter(|held| able.contains(&held.node));
                theirs.all(|held| held.height >= height)
            };
            self.until(PATIENCE, "the miners did not all hear of a block", caught_up).await?;
        }
        Ok(())
    }

    /// One of these nodes, by its share of hash power. The same seed draws the same nodes on every engine.
    fn draw(&mut self, nodes: &[u16]) -> Option<u16> {
        let share = |node: &u16| self.shares.get(node).copied().unwrap_or(1.0);
        let total: f64 = nodes.iter().map(share).sum();
        let mut drawn = self.rng.random::<f64>() * total;
        let finder = nodes.iter().copied().find(|node| {
            drawn -= share(node);
            drawn < 0.0
        });
        finder.or(nodes.last().copied().filter(|_| total > 0.0))
    }

    /// Looks at the nodes until something is true of them.
    async fn until(&mut self, within: Span, failure: &str, is_true: impl Fn(&[Held]) -> bool) -> Outcome<()> {
        let deadline = self.engine.elapsed() + within.0;
        loop {
            let held = self.engine.held().await?;
            if is_true(&held) {
                return Ok(());
            }
            if self.engine.elapsed() >= deadline {
                return Err(Trouble(format!("{failure} within {within}: {}", super::words::held(&held))));
            }
            self.engine.pass(LOOK).await?;
        }
    }

    pub(super) async fn wait(&mut self, until: &Until) -> Outcome<()> {
        let within = until.within.unwrap_or(PATIENCE);
        let set = until.at.clone().unwrap_or(NodeSet::All);
        let at = |held: &Held| set.contains(held.node);
        if let Some(height) = until.height {
            let all = |held: &[Held]| held.iter().filter(|held| at(held)).all(|held| held.height >= height);
            self.until(within, &format!("not all came to height {height}"), all).await?;
        }
        if until.agreement {
            let agree = |held: &[Held]| {
                let mut tips = held.iter().filter(|held| at(held)).map(|held| held.tip);
                tips.next().is_some_and(|first| tips.all(|tip| tip == first))
            };
            self.until(within, "they did not come to agree", agree).await?;
        }
        if let Some(node) = until.attack_over {
            self.until_attack_over(node, within).await?;
        }
        if let Some(name) = &until.confirmed {
            self.wait_confirmed(name, until.confirmations.unwrap_or(1), &set, within).await?;
        }
        Ok(())
    }

    async fn wait_confirmed(&mut self, name: &str, confirmations: u32, at: &NodeSet, within: Span) -> Outcome<()> {
        let id = self.named(name)?;
        let deadline = self.engine.elapsed() + within.0;
        loop {
            let mut lacking = None;
            for held in self.engine.held().await?.iter().filter(|held| at.contains(held.node)) {
                let found = self.engine.find(held.node, id).await?;
                if !matches!(found, Whereabouts::Confirmed(blocks) if blocks >= confirmations) {
                    lacking = Some((held.node, found));
                    break;
                }
            }
            let Some((node, found)) = lacking else { return Ok(()) };
            if self.engine.elapsed() >= deadline {
                let found = super::words::whereabouts(found);
                return Err(Trouble(format!("{name:?} is {found} at node {node} after {within}")));
            }
            self.engine.pass(LOOK).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The simulated world draws from the seed as it is.
    #[test]
    fn one_seed_is_not_one_stream_for_two_uses() {
        assert_ne!(draws(1).random::<u64>(), ChaCha8Rng::seed_from_u64(1).random::<u64>());
    }
}
