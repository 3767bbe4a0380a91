//! One burst: every running node is asked to mine at once, the first proof wins, and the burst is over
//! when all nodes hold one tip. A tie is settled by one more block at one node.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::agreement::{Survey, survey, until_settled};
use crate::network::{Network, Seen};
use crate::term;

/// Longest that one block may take. The wait ends before when the job is stopped.
const MINE: Duration = Duration::from_secs(600);
/// How long the others may take to answer once one has won.
const OTHERS: Duration = Duration::from_secs(10);
/// How long the nodes may take to agree, and what each node adds to it.
const AGREE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_millis(50));
/// How often the nodes race in one burst, at most. A race that a block from elsewhere has ended is run again.
const RACES: usize = 5;
/// How often one more block is asked for to settle one tie.
const SETTLING_BLOCKS: usize = 3;

/// A block that a node mined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mined {
    pub(crate) node: u16,
    pub(crate) height: u64,
    pub(crate) hash: String,
}

/// A tie, and the block that ended it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settled {
    /// Height of the tips of equal work.
    pub(crate) height: u64,
    /// The nodes that had mined those tips, ascending.
    pub(crate) tied: Vec<u16>,
    /// The block on top of one of them.
    pub(crate) by: Mined,
}

/// How a burst went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct BurstReport {
    /// Number of the burst in its job, from 1.
    pub(crate) burst: u32,
    /// The blocks mined, the first proof first; more than one if proofs were found at the same time.
    pub(crate) mined: Vec<Mined>,
    /// The ties that had to be settled.
    pub(crate) settled: Vec<Settled>,
    /// Seconds until the first proof.
    pub(crate) seconds: f64,
    /// Why no block was mined, or a tie not settled.
    pub(crate) failure: Option<String>,
    /// What the nodes held when the burst was over.
    pub(crate) survey: Survey,
}

#[derive(Deserialize)]
struct Block {
    hash: String,
    height: u64,
}

/// Why there is no block.
#[derive(Debug, thiserror::Error)]
enum NoBlock {
    /// The chain has grown meanwhile, and nothing went wrong.
    #[error("another block came first")]
    Lost,
    #[error("{0}")]
    Failed(String),
}

/// Carries out burst number `burst`.
pub(crate) async fn burst(network: &Network, burst: u32) -> BurstReport {
    let begun = Instant::now();
    let (mined, mut failure) = match races(network).await {
        Ok(mined) => (mined, None),
        Err(reason) => (Vec::new(), Some(reason)),
    };
    let seconds = mined.first().map_or(begun.elapsed(), |(_, at)| *at - begun).as_secs_f64();
    let mined: Vec<Mined> = mined.into_iter().map(|(mined, _)| mined).collect();
    let mut settled = Vec::new();
    let mut survey = until_settled(network, agreement_deadline(network)).await;
    for _ in 0..SETTLING_BLOCKS {
        let node = settling_node(&survey, &mined).filter(|_| survey.is_tied());
        let Some(node) = node else { break };
        match mine_at_one(network, node).await {
            Ok(by) => settled.push(settlement(&survey, &mined, by)),
            Err(NoBlock::Failed(reason)) if network.is_running(node) => {
                failure = Some(format!("node {node} could not settle the tie: {reason}"));
                break;
            }
            // It died, or lost its place meanwhile; the survey shows what is left to settle.
            Err(_) => {}
        }
        survey = until_settled(network, agreement_deadline(network)).await;
    }
    BurstReport { burst, mined, settled, seconds, failure, survey }
}

/// Lets the nodes race for the next block, and again if none of them won. Returns the blocks with the times of
/// their proofs, at least one.
async fn races(network: &Network) -> Result<Vec<(Mined, Instant)>, String> {
    for _ in 0..RACES {
        // A node that hears of the race when it is over must not begin another one.
        let height = survey(network).await.tips.iter().map(|tip| tip.height + 1).max();
        match mine_at_all(network, network.running(), height).await {
            Err(NoBlock::Lost) => {}
            Err(NoBlock::Failed(reason)) => return Err(reason),
            Ok(mined) => return Ok(mined),
        }
    }
    Err(format!("blocks from elsewhere came first, {RACES} times"))
}

/// Asks all at once for a block of this height.
async fn mine_at_all(
    network: &Network,
    nodes: Vec<Seen>,
    height: Option<u64>,
) -> Result<Vec<(Mined, Instant)>, NoBlock> {
    if nodes.is_empty() {
        return Err(NoBlock::Failed("no node is running".to_owned()));
    }
    let asked = nodes.into_iter().map(|node| async move {
        let answer = ask(network, &node, height).await;
        (node.number, answer, Instant::now())
    });
    let mut answers: FuturesUnordered<_> = asked.collect();
    let mut mined = Vec::new();
    let mut failure = None;
    let mut deadline = Instant::now() + MINE;
    while let Ok(Some((number, answer, at))) = tokio::time::timeout_at(deadline, answers.next()).await {
        match answer {
            Ok(block) => {
                if mined.is_empty() {
                    deadline = at + OTHERS;
                }
                mined.push((block, at));
            }
            Err(NoBlock::Lost) => {}
            Err(NoBlock::Failed(reason)) => failure = Some(format!("node {number}: {reason}")),
        }
    }
    if !mined.is_empty() {
        return Ok(mined);
    }
    let late = || (!answers.is_empty()).then(|| format!("no proof within {} s", MINE.as_secs()));
    Err(failure.or_else(late).map_or(NoBlock::Lost, NoBlock::Failed))
}

async fn mine_at_one(network: &Network, number: u16) -> Result<Mined, NoBlock> {
    let node = network.running().into_iter().find(|node| node.number == number);
    let node = node.ok_or_else(|| NoBlock::Failed(format!("node {number} does not run")))?;
    ask(network, &node, None).await
}

async fn ask(network: &Network, node: &Seen, height: Option<u64>) -> Result<Mined, NoBlock> {
    let only = height.map(|height| format!("?height={height}")).unwrap_or_default();
    let url = format!("{}/mine{only}", node.address);
    let answer = network.client.post_json::<Block>(&url, Bytes::new(), MINE).await;
    let block = answer.map_err(|error| match error.status().map(|status| status.as_u16()) {
        Some(409) => NoBlock::Lost,
        _ => NoBlock::Failed(error.to_string()),
    })?;
    Ok(Mined { node: node.number, height: block.height, hash: block.hash })
}

/// What is written down of a tie: who had mined its tips, and the block that was mined to end it.
fn settlement(survey: &Survey, mined: &[Mined], by: Mined) -> Settled {
    let holds = |block: &&Mined| survey.tips.iter().any(|tip| tip.tip == block.hash);
    let mut tied: Vec<u16> = mined.iter().filter(holds).map(|block| block.node).collect();
    tied.sort_unstable();
    Settled { height: survey.tips.first().map_or(0, |tip| tip.height), tied, by }
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

impl BurstReport {
    /// Whether the burst mined and ended with all nodes on one tip.
    pub(crate) fn is_good(&self) -> bool {
        self.failure.is_none() && self.survey.agree
    }
}

impl std::fmt::Display for BurstReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let burst = self.burst;
        match (self.mined.as_slice(), self.settled.is_empty()) {
            ([], _) => write!(f, "burst {burst}: no block was mined")?,
            ([first, more @ ..], true) => {
                let (node, height, hash) = (first.node, first.height, term::short(&first.hash));
                write!(f, "node {node} mined block {height} ({hash}) in {:.2} s", self.seconds)?;
                match more.iter().filter(|block| block.height > height).count() {
                    0 => {}
                    1 => f.write_str(" and one more block followed")?,
                    more => write!(f, " and {more} more blocks followed")?,
                }
            }
            (_, false) => write!(f, "burst {burst}")?,
        }
        for (place, Settled { height, tied, by }) in self.settled.iter().enumerate() {
            let begin = if place == 0 { ": " } else { "; " };
            write!(f, "{begin}{} tied at height {height}; ", listed(tied))?;
            write!(f, "block {} by node {} settled it", by.height, by.node)?;
        }
        if let Some(failure) = &self.failure {
            write!(f, "; {failure}")?;
        }
        write!(f, "; {}", self.survey)
    }
}

/// `node 2 and node 5`, or only how many if a line could not hold them.
fn listed(nodes: &[u16]) -> String {
    let names: Vec<String> = nodes.iter().map(|node| format!("node {node}")).collect();
    match names.as_slice() {
        [first @ .., last] if (1..4).contains(&first.len()) => {
            format!("{} and {last}", first.join(", "))
        }
        [one] => one.clone(),
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

    fn tip(tip: &str, nodes: &[u16]) -> Tip {
        Tip { height: 9, tip: tip.to_owned(), work: "09".to_owned(), nodes: nodes.to_vec() }
    }

    fn survey(tips: Vec<Tip>) -> Survey {
        Survey { agree: tips.len() == 1, tips, silent: vec![] }
    }

    #[test]
    fn the_lowest_node_on_the_first_tip_settles_a_tie() {
        let tied = survey(vec![tip("a", &[0, 3]), tip("b", &[1, 2])]);
        assert_eq!(settling_node(&tied, &[mined(2, 9, "b"), mined(3, 9, "a")]), Some(1));
        assert_eq!(settling_node(&tied, &[mined(3, 9, "a"), mined(2, 9, "b")]), Some(0));
        assert_eq!(settling_node(&tied, &[]), Some(0));
        assert_eq!(settling_node(&survey(vec![]), &[]), None);
    }

    #[test]
    fn reports_read_as_sentences() {
        let mut report = BurstReport {
            burst: 3,
            mined: vec![mined(3, 12, "0000ab12cd")],
            settled: vec![],
            seconds: 0.312,
            failure: None,
            survey: survey(vec![tip("0000ab12cd", &[0, 1, 2, 3, 4, 5])]),
        };
        assert_eq!(report.to_string(), "node 3 mined block 12 (0000ab12…) in 0.31 s; all 6 nodes agree");
        report.mined.push(mined(5, 13, "c"));
        assert!(report.to_string().contains("in 0.31 s and one more block followed; all 6"), "{report}");
        report.mined = vec![mined(5, 9, "a"), mined(2, 9, "b")];
        let tied = survey(vec![tip("a", &[0, 5]), tip("b", &[1, 2])]);
        report.settled = vec![settlement(&tied, &report.mined, mined(0, 10, "c"))];
        let tied = "burst 3: node 2 and node 5 tied at height 9; block 10 by node 0 settled it; all 6 nodes agree";
        assert_eq!(report.to_string(), tied);
        assert!(report.is_good());
    }
}
