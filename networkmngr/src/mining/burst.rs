//! One burst: every running node is asked to mine at once, the first proof wins, and the burst is over
//! when all nodes hold one tip.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::agreement::{Survey, survey};
use super::ask::{MINE, Mined, NoBlock, ask};
use super::settle::{Settled, Settlement, settle};
use crate::network::{Network, Seen};
use crate::term;

/// How long the others may take to answer once one has won.
const OTHERS: Duration = Duration::from_secs(10);
/// How often the nodes race in one burst, at most. A race that a block from elsewhere has ended is run again.
const RACES: usize = 5;

/// How a burst went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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

/// Carries out burst number `burst`.
pub(crate) async fn burst(network: &Network, burst: u32) -> BurstReport {
    let begun = Instant::now();
    let (mined, failure) = match races(network).await {
        Ok(mined) => (mined, None),
        Err(reason) => (Vec::new(), Some(reason)),
    };
    let seconds = mined.first().map_or(begun.elapsed(), |(_, at)| *at - begun).as_secs_f64();
    let mined: Vec<Mined> = mined.into_iter().map(|(mined, _)| mined).collect();
    let Settlement { settled, failure: unsettled, survey } = settle(network, &mined).await;
    BurstReport { burst, mined, settled, seconds, failure: failure.or(unsettled), survey }
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
        for (place, settled) in self.settled.iter().enumerate() {
            let begin = if place == 0 && !self.mined.is_empty() { ": " } else { "; " };
            write!(f, "{begin}{settled}")?;
        }
        if let Some(failure) = &self.failure {
            write!(f, "; {failure}")?;
        }
        write!(f, "; {}", self.survey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mining::agreement::Tip;

    fn mined(node: u16, height: u64, hash: &str) -> Mined {
        Mined { node, height, hash: hash.to_owned() }
    }

    #[test]
    fn reports_read_as_sentences() {
        let tip = Tip { height: 12, tip: "0000ab12cd".to_owned(), work: "0c".to_owned(), nodes: (0..6).collect() };
        let mut report = BurstReport {
            burst: 3,
            mined: vec![mined(3, 12, "0000ab12cd")],
            settled: vec![],
            seconds: 0.312,
            failure: None,
            survey: Survey { agree: true, tips: vec![tip], silent: vec![] },
        };
        assert_eq!(report.to_string(), "node 3 mined block 12 (0000ab12…) in 0.31 s; all 6 nodes agree");
        report.mined.push(mined(5, 13, "c"));
        assert!(report.to_string().contains("in 0.31 s and one more block followed; all 6"), "{report}");
        report.mined = vec![mined(5, 9, "a"), mined(2, 9, "b")];
        report.settled = vec![Settled { height: 9, tied: vec![2, 5], by: mined(0, 10, "c") }];
        let tied = "burst 3: node 2 and node 5 tied at height 9; block 10 by node 0 settled it; all 6 nodes agree";
        assert_eq!(report.to_string(), tied);
        assert!(report.is_good());
    }
}
