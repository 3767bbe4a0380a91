//! Steps, expectations and what nodes hold, in words.

use std::collections::BTreeMap;

use super::engine::{Held, Whereabouts};
use super::expectation::Expectation;
use super::step::{Mine, Step, Strategy, Wait};
use super::values::{Delay, Span};
use crate::node_set::NodeSet;
use crate::term;

/// What a step does, as the beginning of a sentence.
pub(super) fn step(step: &Step) -> String {
    match step {
        Step::Say(text) => text.clone(),
        Step::Mine(Mine::Blocks(blocks)) => format!("mine {}", term::blocks(*blocks)),
        Step::Mine(Mine::By(mine)) => format!("mine {} at {}", term::blocks(mine.blocks), mine.by),
        Step::StartMining(set) => format!("start mining at {}", nodes(set)),
        Step::StopMining(set) => format!("stop mining at {}", nodes(set)),
        Step::Wait(Wait::For(span)) => format!("wait {span}"),
        Step::Wait(Wait::Until(until)) => {
            let height = until.height.map(|height| format!("height {height}"));
            let agreement = until.agreement.then(|| "agreement".to_owned());
            let confirmed = until.confirmed.as_ref().map(|name| match until.confirmations {
                Some(confirmations) => format!("{confirmations} confirmations of {name:?}"),
                None => format!("{name:?} to be confirmed"),
            });
            let attack = until.attack_over.map(|node| format!("the end of node {node}'s attack"));
            let what: Vec<String> = [height, agreement, confirmed, attack].into_iter().flatten().collect();
            let at = until.at.as_ref().map(|set| format!(" at {}", nodes(set))).unwrap_or_default();
            format!("wait for {}{at}", what.join(" and "))
        }
        Step::Pay(pay) => {
            let name = pay.name.as_ref().map(|name| format!(" ({name:?})")).unwrap_or_default();
            format!("node {} pays node {}{name}", pay.from, pay.to)
        }
        Step::Record(record) => format!("node {} records under {:?}", record.by, record.topic),
        Step::Split(groups) => {
            let groups: Vec<String> = groups.iter().map(NodeSet::to_string).collect();
            format!("split {}", groups.join(" from "))
        }
        Step::Heal(_) => "heal the split".into(),
        Step::Kill(set) => format!("kill {}", nodes(set)),
        Step::Pause(set) => format!("pause {}", nodes(set)),
        Step::Resume(set) => format!("resume {}", nodes(set)),
        Step::Restart(set) => format!("restart {}", nodes(set)),
        Step::Add(_) => "add a node".into(),
        Step::Remove(set) => format!("remove {}", nodes(set)),
        Step::Link(link) => format!("links between {} and {} take {}", link.from, link.to, delay(link.delay)),
        Step::Share(share) => format!("node {} has a share of {}", share.node, share.share),
        Step::Strategy(set) => match set.follow {
            Strategy::Honest => format!("node {} mines honestly", set.node),
            Strategy::Selfish => format!("node {} mines selfishly", set.node),
            Strategy::InvalidBlocks => format!("node {} mines invalid blocks", set.node),
            Strategy::WithheldBodies => format!("node {} tells of blocks and keeps them", set.node),
            Strategy::Floods => format!("node {} floods its peers with requests", set.node),
        },
        Step::Attack(attack) => format!("node {} begins a branch in secret", attack.by),
        Step::Reorg(reorg) => format!("node {} takes back {}", reorg.by, term::blocks(reorg.depth)),
        Step::Expect(expected) => format!("expect {}", expectation(expected)),
    }
}

/// What is expected.
pub(super) fn expectation(expected: &Expectation) -> String {
    match expected {
        Expectation::Agreement(within) => format!("agreement within {within}"),
        Expectation::Tips(bounds) => format!("different tips: {bounds}"),
        Expectation::Height(bounds) => format!("lowest height: {bounds}"),
        Expectation::StaleShare(bounds) => format!("stale share: {bounds}"),
        Expectation::ReorgDepth(bounds) => format!("deepest reorganisation: {bounds}"),
        Expectation::Confirmed(name) => format!("{name:?} confirmed everywhere"),
        Expectation::Retracted(name) => format!("{name:?} confirmed and taken back"),
        Expectation::Never(name) => format!("{name:?} never confirmed"),
        Expectation::Won(won) => format!("share of the chain that node {} found: {}", won.node, won.share()),
    }
}

/// Why what was expected is not so.
pub(super) fn disappointed(expected: &Expectation, measured: Option<f64>) -> String {
    match (expected, measured) {
        (_, Some(measured)) => format!("it was {measured}"),
        (Expectation::Confirmed(_), None) => "not every node has it in its chain".into(),
        (Expectation::Retracted(_), None) => "no block that had it left a chain".into(),
        (Expectation::Never(_), None) => "a block that had it joined a chain".into(),
        (_, None) => "it was not so".into(),
    }
}

/// Where a node has something.
pub(super) fn whereabouts(found: Whereabouts) -> String {
    match found {
        Whereabouts::Unknown => "unknown".into(),
        Whereabouts::Pending => "pending".into(),
        Whereabouts::Confirmed(1) => "confirmed by 1 block".into(),
        Whereabouts::Confirmed(blocks) => format!("confirmed by {blocks} blocks"),
    }
}

/// What nodes hold, by tip.
pub(super) fn held(held: &[Held]) -> String {
    let mut tips: BTreeMap<_, Vec<u16>> = BTreeMap::new();
    for held in held {
        tips.entry((std::cmp::Reverse(held.height), held.tip)).or_default().push(held.node);
    }
    let parts = tips
        .iter()
        .map(|((height, tip), nodes)| format!("height {} ({}) at {}", height.0, tip.short(), term::numbers(nodes)));
    parts.collect::<Vec<_>>().join("; ")
}

fn nodes(set: &NodeSet) -> String {
    match set {
        NodeSet::All => "all nodes".into(),
        some => format!("node {some}"),
    }
}

fn delay(delay: Delay) -> String {
    if delay.least == delay.most {
        Span(delay.least).to_string()
    } else {
        format!("{} to {} ms", delay.least, delay.most)
    }
}
