//! Whether a scenario can be meant as it stands: nodes that exist, names that were given, numbers within
//! what can be run. Pure.

use std::collections::BTreeSet;
use std::ops::Range;

use shared::Amount;

use super::expectation::{Bounds, Expectation};
use super::file::{Lesson, Link, Plan, Scenario};
use super::step::{Mine, Step, Until, Wait};
use crate::node_set::NodeSet;
use crate::term;

/// A mistake: where in the file, and what.
type Mistake = (Range<usize>, String);

/// Most nodes of a scenario.
const MAX_NODES: u16 = 1_000;

/// Checks a whole scenario.
pub(super) fn check(scenario: &Scenario) -> Result<(), Mistake> {
    let network = &scenario.network;
    check_network(network.get_ref()).map_err(|what| (network.span(), format!("[network]: {what}")))?;
    if let Some(lesson) = &scenario.lesson {
        check_lesson(lesson.get_ref()).map_err(|what| (lesson.span(), format!("[lesson]: {what}")))?;
    }
    let mut known = Known { nodes: network.get_ref().nodes, names: BTreeSet::new() };
    for step in &scenario.steps {
        known.step(step.get_ref()).map_err(|what| (step.span(), what))?;
    }
    for expected in &scenario.expectations {
        known.expectation(expected.get_ref()).map_err(|what| (expected.span(), what))?;
    }
    Ok(())
}

fn check_lesson(lesson: &Lesson) -> Result<(), String> {
    let Lesson { choices, answer, .. } = lesson;
    match choices.len() {
        0 | 1 => Err("choices are two or more".into()),
        choices if (1..=choices).contains(answer) => Ok(()),
        choices => Err(format!("answer is one of the choices, from 1 to {choices}")),
    }
}

fn check_network(plan: &Plan) -> Result<(), String> {
    let Plan { nodes, spacing, half_life, shares, hash_rate, topology, loss, links, .. } = plan;
    if !(1..=MAX_NODES).contains(nodes) {
        return Err(format!("nodes takes 1 to {MAX_NODES}"));
    }
    if !(100..=86_400_000).contains(&spacing.0) {
        return Err("spacing takes 100ms to 24h".into());
    }
    if half_life.is_some_and(|half_life| half_life.0 < 1_000) {
        return Err("half-life takes 1s or more".into());
    }
    if !shares.is_empty() && shares.len() != usize::from(*nodes) {
        return Err(format!("shares has {} numbers for {}", shares.len(), term::nodes(usize::from(*nodes))));
    }
    let sound = |share: &f64| (0.0..=1e6).contains(share);
    if !shares.iter().all(sound) || (!shares.is_empty() && shares.iter().sum::<f64>() <= 0.0) {
        return Err("shares are numbers from 0 on, and not all 0".into());
    }
    if !(1_000..=1_000_000_000).contains(hash_rate) {
        return Err("hash-rate takes 1000 to 1000000000 hashes per second, all nodes together".into());
    }
    if let Some(pairs) = topology.pairs(*nodes)
        && let Some((a, b)) = pairs.iter().find(|(a, b)| a == b || b >= nodes)
    {
        return Err(format!("topology: there is no link from node {a} to node {b}"));
    }
    check_loss(*loss)?;
    links.iter().try_for_each(|link| check_link(link, *nodes))
}

fn check_loss(loss: f64) -> Result<(), String> {
    if (0.0..=1.0).contains(&loss) { Ok(()) } else { Err("loss is a share from 0 to 1".into()) }
}

fn check_link(link: &Link, nodes: u16) -> Result<(), String> {
    let Link { from, to, loss, .. } = link;
    check_loss(*loss)?;
    named(from, nodes).and_then(|()| named(to, nodes))?;
    match (from, to) {
        (NodeSet::Some(one), NodeSet::Some(other)) if one.len() == 1 && one == other => {
            Err(format!("a link is between two nodes; {from} is one"))
        }
        _ => Ok(()),
    }
}

/// That the groups are a split: at least two sides, with whoever is in no group as one, and nobody on two.
fn check_split(groups: &[NodeSet], nodes: u16) -> Result<(), String> {
    let mut on_a_side = BTreeSet::new();
    for group in groups {
        named(group, nodes)?;
        if *group == NodeSet::All {
            return Err("a group of all nodes is no split".into());
        }
        if let Some(twice) = group.named().find(|number| !on_a_side.insert(*number)) {
            return Err(format!("node {twice} stands in two groups"));
        }
    }
    let rest = usize::from(on_a_side.len() < usize::from(nodes));
    if groups.len() + rest < 2 { Err("a split has two sides or more".into()) } else { Ok(()) }
}

/// That a range says something, and that something lies in it.
fn check_bounds(bounds: &Bounds) -> Result<(), String> {
    match bounds.ends() {
        (None, None) => Err("say at-least, at-most or both".into()),
        (Some(least), Some(most)) if least > most => Err("at-least is more than at-most".into()),
        _ => Ok(()),
    }
}

/// That all of these nodes exist.
fn named(set: &NodeSet, nodes: u16) -> Result<(), String> {
    match set.named().find(|number| *number >= nodes) {
        Some(number) => Err(no_node(number, nodes)),
        None => Ok(()),
    }
}

fn no_node(number: u16, nodes: u16) -> String {
    format!("there is no node {number}; the last one is {}", nodes.saturating_sub(1))
}

/// What is there at some step.
struct Known<'s> {
    nodes: u16,
    names: BTreeSet<&'s str>,
}

impl<'s> Known<'s> {
    fn node(&self, number: u16) -> Result<(), String> {
        if number < self.nodes { Ok(()) } else { Err(no_node(number, self.nodes)) }
    }

    fn name(&self, name: &str) -> Result<(), String> {
        let known = self.names.contains(name);
        if known { Ok(()) } else { Err(format!("no earlier step pays or records anything with the name {name:?}")) }
    }

    fn give_name(&mut self, name: Option<&'s String>) -> Result<(), String> {
        match name {
            Some(name) if !self.names.insert(name) => Err(format!("the name {name:?} was given before")),
            _ => Ok(()),
        }
    }

    fn step(&mut self, step: &'s Step) -> Result<(), String> {
        match step {
            Step::Say(_) | Step::Heal(_) => Ok(()),
            Step::Mine(Mine::By(mine)) => named(&mine.by, self.nodes),
            Step::Mine(_) => Ok(()),
            Step::StartMining(set) | Step::StopMining(set) => named(set, self.nodes),
            Step::Kill(set) | Step::Pause(set) | Step::Resume(set) => named(set, self.nodes),
            Step::Restart(set) | Step::Remove(set) => named(set, self.nodes),
            Step::Wait(Wait::For(_)) => Ok(()),
            Step::Wait(Wait::Until(until)) => self.until(until),
            Step::Pay(pay) if pay.amount.0 == Amount::ZERO => Err("a payment is of more than nothing".into()),
            Step::Pay(pay) => {
                [Some(pay.from), Some(pay.to), pay.at].into_iter().flatten().try_for_each(|node| self.node(node))?;
                pay.instead_of.iter().try_for_each(|name| self.name(name))?;
                self.give_name(pay.name.as_ref())
            }
            Step::Record(record) => {
                self.node(record.by)?;
                self.give_name(record.name.as_ref())
            }
            Step::Split(groups) => check_split(groups, self.nodes),
            Step::Add(_) => {
                self.nodes += 1;
                Ok(())
            }
            Step::Link(link) => check_link(link, self.nodes),
            Step::Share(share) if !(0.0..=1e6).contains(&share.share) => Err("share is a number from 0 on".into()),
            Step::Share(share) => self.node(share.node),
            Step::Strategy(set) => {
                self.node(set.node)?;
                set.preferred_by.iter().try_for_each(|by| named(by, self.nodes))
            }
            Step::Reorg(reorg) if !(1..=100).contains(&reorg.depth) => Err("depth takes 1 to 100 blocks".into()),
            Step::Reorg(reorg) => {
                self.node(reorg.by)?;
                reorg.without.iter().chain(&reorg.instead).try_for_each(|name| self.name(name))
            }
            Step::Attack(attack) if attack.give_up.is_some_and(|behind| behind <= attack.depth) => {
                Err("give-up is more than depth, or it would be given up at once".into())
            }
            Step::Attack(attack) => {
                self.node(attack.by)?;
                attack.without.iter().chain(&attack.instead).try_for_each(|name| self.name(name))
            }
            Step::Expect(expected) => self.expectation(expected),
        }
    }

    fn until(&self, until: &Until) -> Result<(), String> {
        let conditions =
            [until.height.is_some(), until.agreement, until.confirmed.is_some(), until.attack_over.is_some()];
        if !conditions.contains(&true) {
            return Err("wait says what for: a time, height, agreement, confirmed or attack-over".into());
        }
        if until.confirmations.is_some() && until.confirmed.is_none() {
            return Err("confirmations says of what: confirmed = \"name\"".into());
        }
        until.at.iter().try_for_each(|set| named(set, self.nodes))?;
        until.attack_over.iter().try_for_each(|node| self.node(*node))?;
        until.confirmed.iter().try_for_each(|name| self.name(name))
    }

    fn expectation(&self, expected: &Expectation) -> Result<(), String> {
        match expected {
            Expectation::Confirmed(name) | Expectation::Retracted(name) | Expectation::Never(name) => self.name(name),
            Expectation::Won(won) => self.node(won.node).and_then(|()| check_bounds(&won.share())),
            Expectation::Tips(bounds) | Expectation::Height(bounds) => check_bounds(bounds),
            Expectation::StaleShare(bounds) | Expectation::ReorgDepth(bounds) => check_bounds(bounds),
            Expectation::Agreement(_) => Ok(()),
        }
    }
}
