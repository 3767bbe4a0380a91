//! Whether the nodes hold one chain: asks for their tips, compares them, waits until they agree or are
//! seen to be unable to. Never changes anything at a node.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::network::{AT_ONCE, Network, Seen};
use crate::term;

/// How long one node may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Wait before nodes are asked again: at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(200));

/// What a node says at `GET /health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Health {
    /// Height of the last block.
    pub(crate) height: u64,
    /// Hash of the last block, hex.
    pub(crate) tip: String,
    /// All work of the chain, 64 hex digits, so that text order is number order.
    pub(crate) work: String,
    /// Connected peers.
    #[serde(default)]
    pub(crate) peers: u64,
    /// Transactions that wait to be mined.
    #[serde(default)]
    pub(crate) pending: u64,
    /// Whether it mines at this moment.
    #[serde(default)]
    pub(crate) mining: bool,
    /// Most hashes per second; absent if there is no limit.
    #[serde(default)]
    pub(crate) hash_rate: Option<u64>,
}

/// One tip and the nodes that hold it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Tip {
    /// Its height.
    pub(crate) height: u64,
    /// Its hash.
    pub(crate) tip: String,
    /// All work of the chain, 64 hex digits.
    pub(crate) work: String,
    /// Numbers of the nodes, ascending.
    pub(crate) nodes: Vec<u16>,
}

/// What all running nodes hold at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Survey {
    /// Whether every running node answered with the same tip.
    pub(crate) agree: bool,
    /// The tips, the one with most work first.
    pub(crate) tips: Vec<Tip>,
    /// Numbers of running nodes that did not answer.
    pub(crate) silent: Vec<u16>,
}

impl Survey {
    fn of(answers: &BTreeMap<u16, Option<Health>>) -> Self {
        let mut tips: Vec<Tip> = Vec::new();
        let mut silent = Vec::new();
        for (number, health) in answers {
            let Some(health) = health else {
                silent.push(*number);
                continue;
            };
            match tips.iter_mut().find(|tip| tip.tip == health.tip) {
                Some(tip) => tip.nodes.push(*number),
                None => tips.push(Tip {
                    height: health.height,
                    tip: health.tip.clone(),
                    work: health.work.clone(),
                    nodes: vec![*number],
                }),
            }
        }
        tips.sort_by(|a, b| b.work.cmp(&a.work).then_with(|| a.nodes.cmp(&b.nodes)));
        Self { agree: silent.is_empty() && tips.len() == 1, tips, silent }
    }

    /// Whether several tips have equal work and every node holds one of them. No node would leave its
    /// tip for another of equal work, so without more mining this stays as it is.
    pub(crate) fn is_tied(&self) -> bool {
        let equal = self.tips.windows(2).all(|pair| pair[0].work == pair[1].work);
        self.silent.is_empty() && self.tips.len() > 1 && equal
    }

    /// How many nodes were asked.
    pub(crate) fn nodes(&self) -> usize {
        self.silent.len() + self.tips.iter().map(|tip| tip.nodes.len()).sum::<usize>()
    }
}

impl std::fmt::Display for Survey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.agree, self.nodes()) {
            (_, 0) => return f.write_str("no node is running"),
            (true, 1) => return f.write_str("the only node holds it"),
            (true, 2) => return f.write_str("both nodes agree"),
            (true, all) => return write!(f, "all {all} nodes agree"),
            (false, _) => {}
        }
        let held = self.tips.iter().map(|tip| {
            let (height, hash, nodes) = (tip.height, term::short(&tip.tip), term::numbers(&tip.nodes));
            format!("height {height} ({hash}) at {nodes}")
        });
        let silent = (!self.silent.is_empty()).then(|| format!("no answer from {}", term::numbers(&self.silent)));
        let parts: Vec<String> = held.chain(silent).collect();
        write!(f, "the nodes do not agree: {}", parts.join("; "))
    }
}

/// Asks every running node for its tip, once.
pub(crate) async fn survey(network: &Network) -> Survey {
    Survey::of(&healths(network, network.running()).await)
}

/// The answers of these nodes to `GET /health`, by number.
pub(crate) async fn healths(network: &Network, nodes: Vec<Seen>) -> BTreeMap<u16, Option<Health>> {
    let asked = nodes.into_iter().map(|node| async move {
        let health = network.client.get(&format!("{}/health", node.address), ANSWER).await;
        (node.number, health.ok())
    });
    futures::stream::iter(asked).buffer_unordered(AT_ONCE).collect().await
}

/// Waits until all running nodes hold one tip, or are tied, or `deadline` has passed.
///
/// A node that was seen at the tip with most work is not asked again until more work is seen, so a
/// thousand nodes are not asked over and over for the sake of the last.
pub(crate) async fn until_settled(network: &Network, deadline: Instant) -> Survey {
    let mut answers: BTreeMap<u16, Option<Health>> = BTreeMap::new();
    let mut backoff = BACKOFF.0;
    loop {
        let most = answers.values().flatten().map(|health| health.work.clone()).max();
        let behind = |number: &u16| match answers.get(number) {
            Some(Some(health)) => Some(&health.work) != most.as_ref(),
            _ => true,
        };
        let running = network.running();
        let asked = running.into_iter().filter(|node| behind(&node.number)).collect();
        let fresh = healths(network, asked).await;
        answers.extend(fresh);
        answers.retain(|number, _| network.is_running(*number));
        let survey = Survey::of(&answers);
        // While the network is split there is nothing to wait for.
        let done = survey.agree || survey.is_tied() || answers.is_empty() || network.is_split();
        if done || Instant::now() >= deadline {
            return survey;
        }
        tokio::time::sleep(backoff).await;
        backoff = (backoff * 2).min(BACKOFF.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(held: &[Option<(u64, &str)>]) -> Survey {
        let answers = held.iter().enumerate().map(|(number, held)| {
            let health = held.map(|(work, tip)| Health {
                height: work,
                tip: tip.to_owned(),
                work: format!("{work:064x}"),
                peers: 0,
                pending: 0,
                mining: false,
                hash_rate: None,
            });
            (u16::try_from(number).unwrap(), health)
        });
        Survey::of(&answers.collect())
    }

    #[test]
    fn one_tip_at_every_node_is_agreement() {
        let agreed = survey(&[Some((3, "c")), Some((3, "c")), Some((3, "c"))]);
        assert!(agreed.agree && !agreed.is_tied());
        assert_eq!(agreed.to_string(), "all 3 nodes agree");
        assert_eq!(survey(&[]).to_string(), "no node is running");
    }

    #[test]
    fn a_node_behind_or_silent_is_neither_agreement_nor_tie() {
        let behind = survey(&[Some((2, "b")), Some((3, "c"))]);
        assert!(!behind.agree && !behind.is_tied());
        assert_eq!(behind.tips[0].tip, "c");
        let silent = survey(&[Some((3, "c")), Some((3, "d")), None]);
        assert!(!silent.agree && !silent.is_tied());
        let text = "the nodes do not agree: height 3 (c) at 0; height 3 (d) at 1; no answer from 2";
        assert_eq!(silent.to_string(), text);
    }

    #[test]
    fn equal_work_at_different_tips_is_a_tie() {
        assert!(survey(&[Some((3, "c")), Some((3, "d")), Some((3, "c"))]).is_tied());
        assert!(!survey(&[Some((3, "c")), Some((3, "d")), Some((2, "b"))]).is_tied());
    }
}
