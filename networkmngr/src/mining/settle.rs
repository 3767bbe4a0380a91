//! The end of a tie: while the nodes hold several tips of equal work, one of them mines one block more.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::agreement::{Survey, until_settled};
use super::ask::{Mined, NoBlock, ask};
use crate::network::Network;
use crate::term;

/// How long the nodes may take to agree, and what each node adds to it.
const AGREE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_millis(50));
/// How often one more block is asked for to settle one tie.
const TRIES: usize = 3;

/// A tie, and the block that ended it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Settled {
    /// Height of the tips of equal work.
    pub(crate) height: u64,
    /// The nodes that had mined those tips, ascending, as far as that is known.
    pub(crate) tied: Vec<u16>,
    /// The block on top of one of them.
    pub(crate) by: Mined,
}

/// What the nodes came to, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Settlement {
    /// The ties that had to be settled.
    pub(crate) settled: Vec<Settled>,
    /// Why a tie was not settled.
    pub(crate) failure: Option<String>,
    /// What the nodes held in the end.
    pub(crate) survey: Survey,
}

/// Waits until all nodes hold one tip; settles a tie if there is one. `mined` are the blocks that led to it, the
/// first proof first.
pub(super) async fn settle(network: &Network, mined: &[Mined]) -> Settlement {
    let survey = until_settled(network, agreement_deadline(network)).await;
    let mut settlement = Settlement { settled: Vec::new(), failure: None, survey };
    for _ in 0..TRIES {
        let survey = &settlement.survey;
        let node = settling_node(survey, mined).filter(|_| survey.is_tied() && !network.is_split());
        let Some(node) = node else { break };
        match mine_at(network, node).await {
            Ok(by) => settlement.settled.push(Settled::new(survey, mined, by)),
            Err(NoBlock::Failed(reason)) if network.is_running(node) => {
                settlement.failure = Some(format!("node {node} could not settle the tie: {reason}"));
                break;
            }
            // It died, or lost its place meanwhile; the survey shows what is left to settle.
            Err(_) => {}
        }
        settlement.survey = until_settled(network, agreement_deadline(network)).await;
    }
    settlement
}

async fn mine_at(network: &Network, number: u16) -> Result<Mined, NoBlock> {
    let node = network.running().into_iter().find(|node| node.number == number);
    let node = node.ok_or_else(|| NoBlock::Failed(format!("node {number} does not run")))?;
    ask(network, &node, None).await
}

/// The node that mines one more block: the lowest-numbered on the tip that was announced first.
fn settling_node(survey: &Survey, mined: &[Mined]) -> Option<u16> {
    let first = mined.iter().find_map(|block| survey.tips.iter().find(|tip| tip.tip == block.hash));
    first.or(survey.tips.first())?.nodes.first().copied()
}

fn agreement_deadline(network: &Network) -> Instant {
    let nodes = u32::try_from(network.running().len()).unwrap_or(u32::MAX);
    Instant::now() + AGREE.0 + AGREE.1 * nodes
}

impl Settlement {
    /// Whether all nodes hold one tip.
    pub(crate) fn is_good(&self) -> bool {
        self.failure.is_none() && self.survey.agree
    }
}

impl Settled {
    fn new(survey: &Survey, mined: &[Mined], by: Mined) -> Self {
        let holds = |block: &&Mined| survey.tips.iter().any(|tip| tip.tip == block.hash);
        let mut tied: Vec<u16> = mined.iter().filter(holds).map(|block| block.node).collect();
        tied.sort_unstable();
        Self { height: survey.tips.first().map_or(0, |tip| tip.height), tied, by }
    }
}

impl std::fmt::Display for Settlement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.settled.iter().try_for_each(|settled| write!(f, "{settled}; "))?;
        self.failure.iter().try_for_each(|failure| write!(f, "{failure}; "))?;
        write!(f, "{}", self.survey)
    }
}

impl std::fmt::Display for Settled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { height, tied, by } = self;
        match tied.as_slice() {
            [] | [_] => write!(f, "a tie at height {height}; ")?,
            tied => write!(f, "{} tied at height {height}; ", listed(tied))?,
        }
        write!(f, "block {} by node {} settled it", by.height, by.node)
    }
}

/// `node 2 and node 5`, or only how many if a line could not hold them.
fn listed(nodes: &[u16]) -> String {
    let names: Vec<String> = nodes.iter().map(|node| format!("node {node}")).collect();
    match names.as_slice() {
        [first @ .., last] if (1..4).contains(&first.len()) => {
            format!("{} and {last}", first.join(", "))
        }
        many => term::nodes(many.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mining::agreement::Tip;

    fn mined(node: u16, height: u64, hash: &str) -> Mined {
        Mined { node, height, hash: hash.to_owned() }
    }

    fn survey(tips: &[(&str, &[u16])]) -> Survey {
        let tip = |(tip, nodes): &(&str, &[u16])| Tip {
            height: 9,
            tip: (*tip).to_owned(),
            work: "09".to_owned(),
            nodes: nodes.to_vec(),
        };
        Survey { agree: tips.len() == 1, tips: tips.iter().map(tip).collect(), silent: vec![] }
    }

    #[test]
    fn the_lowest_node_on_the_first_tip_settles_a_tie() {
        let tied = survey(&[("a", &[0, 3]), ("b", &[1, 2])]);
        assert_eq!(settling_node(&tied, &[mined(2, 9, "b"), mined(3, 9, "a")]), Some(1));
        assert_eq!(settling_node(&tied, &[mined(3, 9, "a"), mined(2, 9, "b")]), Some(0));
        assert_eq!(settling_node(&tied, &[]), Some(0));
        assert_eq!(settling_node(&survey(&[]), &[]), None);
    }

    #[test]
    fn settlements_read_as_sentences() {
        let mut settlement = Settlement { settled: vec![], failure: None, survey: survey(&[("c", &[0, 1, 2])]) };
        assert_eq!(settlement.to_string(), "all 3 nodes agree");
        let tied = survey(&[("a", &[0]), ("b", &[1, 2])]);
        let settled = |blocks: &[Mined]| Settled::new(&tied, blocks, mined(0, 10, "c"));
        settlement.settled = vec![settled(&[])];
        assert_eq!(settlement.to_string(), "a tie at height 9; block 10 by node 0 settled it; all 3 nodes agree");
        // A block that nobody holds any more is no part of the tie.
        settlement.settled = vec![settled(&[mined(2, 9, "b"), mined(1, 9, "x"), mined(0, 9, "a")])];
        let named = "node 0 and node 2 tied at height 9; block 10 by node 0 settled it; all 3 nodes agree";
        assert_eq!(settlement.to_string(), named);
        assert!(settlement.is_good());
        settlement.failure = Some("node 0 could not settle the tie: it broke".to_owned());
        assert!(settlement.to_string().ends_with("; node 0 could not settle the tie: it broke; all 3 nodes agree"));
        assert!(!settlement.is_good());
    }
}
