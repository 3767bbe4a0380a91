//! A reorganisation to order, by true mining: one node mines another branch from some blocks below the tip,
//! in silence and with all speed, and publishes it when it has more work. So applications can be tested
//! against what they will meet.

use std::time::Duration;

use bytes::Bytes;
use node::cli::HashRate;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{BlockHash, TxId};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::faults::FaultError;
use super::{Network, OrderError, Seen, State};
use crate::mining::Health;
use crate::term;

/// Most blocks that are taken back to order.
pub(crate) const MAX_DEPTH: u32 = 100;
/// How long a node may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How long the mining of the branch may take.
const MINING: Duration = Duration::from_secs(300);
/// How often the node is asked whether it has published its branch.
const LOOK: Duration = Duration::from_millis(25);

/// What is ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "depth": 2 }))]
pub(crate) struct ReorgOrder {
    /// How many blocks are taken back.
    pub(crate) depth: u32,
    /// Transactions that the new branch leaves out; of all others, those that it has room for.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub(crate) leave_out: Vec<TxId>,
    /// Who mines it; the first node that runs unless given.
    #[serde(default)]
    pub(crate) node: Option<u16>,
}

/// A reorganisation that took place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Reorganised {
    /// Who mined the branch.
    pub(crate) node: u16,
    /// The last block that both branches have.
    #[schema(value_type = String)]
    pub(crate) fork: BlockHash,
    /// Its height.
    pub(crate) fork_height: u64,
    /// The tip before.
    #[schema(value_type = String)]
    pub(crate) from: BlockHash,
    /// The tip after.
    #[schema(value_type = String)]
    pub(crate) to: BlockHash,
    /// Its height.
    pub(crate) height: u64,
}

/// Why there was none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReorgError {
    #[error("a reorganisation takes back 1 to {MAX_DEPTH} blocks")]
    Depth,
    #[error("the chain has only {0} blocks to take back")]
    TooShort(u64),
    #[error("no node is running; restart one with POST /nodes/N/restart")]
    NoNodes,
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error(transparent)]
    Rate(#[from] FaultError),
    #[error("node {number} does not do it: {reason}")]
    Refused { number: u16, reason: String },
    #[error("another reorganisation is under way; ask again when it is done")]
    UnderWay,
    #[error("node {0} does not mine honestly; name another one, or make it honest with POST /strategy")]
    Dishonest(u16),
    #[error("node {0} did not get ahead of the others; is somebody else mining?")]
    NotAhead(u16),
}

/// A block, or the tip as `/health` tells it.
#[derive(Deserialize)]
struct Block {
    #[serde(alias = "tip")]
    hash: BlockHash,
    height: u64,
}

/// How a node mines.
#[derive(Deserialize)]
struct InForce {
    strategy: serde_json::Value,
    ended: Option<String>,
}

impl Network {
    /// Takes back so many blocks at every node that hears of the new branch. Returns when it was published.
    ///
    /// # Errors
    /// It is not to be had, or a node does not take part; then nothing was published.
    pub(crate) async fn reorg(&self, order: &ReorgOrder) -> Result<Reorganised, ReorgError> {
        if !(1..=MAX_DEPTH).contains(&order.depth) {
            return Err(ReorgError::Depth);
        }
        let _alone = self.reorganising.try_lock().map_err(|_| ReorgError::UnderWay)?;
        let node = self.reorganiser(order.node)?;
        self.refuse_unless_honest(&node).await?;
        let from = self.block(&node, "tip").await?;
        let fork_height = from.height.checked_sub(order.depth.into()).ok_or(ReorgError::TooShort(from.height))?;
        let fork = self.block(&node, &fork_height.to_string()).await?;
        let private = json!({ "from": fork.hash, "confirmations": order.depth, "leave_out": order.leave_out });
        self.told(&node, "/strategy", &json!({ "strategy": { "private": private } })).await?;
        let published = self.mine_in_silence(&node).await;
        let honest = self.told(&node, "/strategy", &json!({ "strategy": "honest" })).await;
        if !published? {
            return Err(ReorgError::NotAhead(node.number));
        }
        honest?;
        let to = self.block(&node, "tip").await?;
        term::say(&format!("node {} took back {} by mining, as asked", node.number, term::blocks(order.depth)));
        let (fork, from) = (fork.hash, from.hash);
        Ok(Reorganised { node: node.number, fork, fork_height, from, to: to.hash, height: to.height })
    }

    fn reorganiser(&self, wanted: Option<u16>) -> Result<Seen, ReorgError> {
        let running = self.running();
        match wanted {
            None => running.into_iter().next().ok_or(ReorgError::NoNodes),
            Some(number) => match running.into_iter().find(|node| node.number == number) {
                Some(node) => Ok(node),
                None => Err(self.slot(number)?.cannot_be("made to mine").into()),
            },
        }
    }

    async fn refuse_unless_honest(&self, node: &Seen) -> Result<(), ReorgError> {
        let now: InForce = self.asked(node, "/strategy").await?;
        // An attack that is over is no more than what it left out.
        let honest = now.strategy == "honest" || now.ended.is_some();
        if honest { Ok(()) } else { Err(ReorgError::Dishonest(node.number)) }
    }

    /// Mines with all speed until the branch was published or given up; tells whether it was published.
    /// However that goes, the node is as it was afterwards.
    async fn mine_in_silence(&self, node: &Seen) -> Result<bool, ReorgError> {
        let own = self.hash_rate(node.number)?;
        let mined_before = self.asked::<Health>(node, "/health").await?.mining;
        self.cap(node.number, HashRate::UNLIMITED).await?;
        let published = match self.told(node, "/mining/start", &json!({})).await {
            Ok(()) => self.until_published(node).await,
            Err(error) => Err(error),
        };
        let stopped = match mined_before {
            true => Ok(()),
            false => self.told(node, "/mining/stop", &json!({})).await,
        };
        self.cap(node.number, own).await?;
        stopped.and(published)
    }

    async fn until_published(&self, node: &Seen) -> Result<bool, ReorgError> {
        let deadline = Instant::now() + MINING;
        while Instant::now() < deadline {
            if let Some(ended) = self.asked::<InForce>(node, "/strategy").await?.ended {
                return Ok(ended == "published");
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(false)
    }

    /// The block with this hash or height, or the tip.
    async fn block(&self, node: &Seen, which: &str) -> Result<Block, ReorgError> {
        match which {
            "tip" => self.asked(node, "/health").await,
            which => self.asked(node, &format!("/blocks/{which}")).await,
        }
    }

    async fn asked<T: DeserializeOwned>(&self, node: &Seen, path: &str) -> Result<T, ReorgError> {
        let answer = self.client.get(&format!("{}{path}", node.address), ANSWER).await;
        answer.map_err(|error| refused(node, &error))
    }

    async fn told(&self, node: &Seen, path: &str, order: &serde_json::Value) -> Result<(), ReorgError> {
        let url = format!("{}{path}", node.address);
        let body = Bytes::from(order.to_string());
        let told = self.client.post_json::<IgnoredAny>(&url, body, ANSWER).await;
        told.map(drop).map_err(|error| refused(node, &error))
    }

    /// How many hashes per second a node may try.
    fn hash_rate(&self, number: u16) -> Result<HashRate, OrderError> {
        let slot = self.slot(number)?;
        if !matches!(*slot.state.borrow(), State::Running(_)) {
            return Err(slot.cannot_be("made to mine"));
        }
        let own = slot.lock_start().hash_rate;
        Ok(own.unwrap_or(self.plan.hash_rate()))
    }
}

fn refused(node: &Seen, error: &node::client::ClientError) -> ReorgError {
    ReorgError::Refused { number: node.number, reason: error.to_string() }
}
