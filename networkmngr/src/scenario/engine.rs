//! What a scenario needs of a network, whichever kind it is: real processes, or the simulator. The steps
//! and their meaning are in [`mod@super::run`]; nothing there knows which engine it has.

use std::collections::BTreeSet;

use shared::{Amount, BlockHash, TxId};

use super::file::Link;
use super::step::Strategy;
use super::values::Delay;
use crate::network::LinkRule;
use crate::node_set::NodeSet;
use crate::timeline::What;

/// What went wrong with a step, as a sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Trouble(pub(crate) String);

impl Trouble {
    pub(crate) fn new(what: impl std::fmt::Display) -> Self {
        Self(what.to_string())
    }
}

pub(crate) type Outcome<T> = Result<T, Trouble>;

/// A running node at some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) node: u16,
    pub(crate) tip: BlockHash,
    pub(crate) height: u32,
    /// Accumulated work, so that text order is number order.
    pub(crate) work: String,
}

/// Where a node has a payment or record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    Unknown,
    Pending,
    /// In a block of its chain, with so many blocks from that one on.
    Confirmed(u32),
}

/// What a run came to, as far as it can be counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Measures {
    /// Blocks found.
    pub(crate) found: u64,
    /// Of these on the chain with the most work.
    pub(crate) kept: u64,
    /// Of these, by the node that found them.
    pub(crate) kept_by: Vec<u64>,
    /// The most blocks that any node took back at once.
    pub(crate) deepest: u32,
    /// Whatever was in a block of some node's chain and then was not.
    pub(crate) retracted: BTreeSet<TxId>,
    /// Whatever was in a block of some node's chain.
    pub(crate) confirmed: BTreeSet<TxId>,
}

/// A network under a scenario. Node numbers are those of the scenario.
pub(crate) trait Engine {
    /// Milliseconds since the scenario began, by the engine's clock.
    fn elapsed(&self) -> u64;

    /// Lets time pass.
    async fn pass(&mut self, millis: u64) -> Outcome<()>;

    /// The nodes that run and are not paused, in order.
    async fn held(&mut self) -> Outcome<Vec<Held>>;

    /// One block of this height, found by this node with the hash power of the whole network.
    async fn mine_one(&mut self, by: u16, height: u32) -> Outcome<()>;

    /// Whether these nodes mine without pause from now on.
    async fn set_mining(&mut self, nodes: &[u16], on: bool) -> Outcome<()>;

    /// Signs a payment in the name of the sending node's miner and hands it in.
    async fn pay(&mut self, payment: &Payment) -> Outcome<TxId>;

    /// Files a record in the name of the node's miner.
    async fn record(&mut self, by: u16, topic: &str, record: &str, fee: Option<Amount>) -> Outcome<TxId>;

    /// Where a node has a payment or record.
    async fn find(&mut self, node: u16, id: TxId) -> Outcome<Whereabouts>;

    /// Splits the network; whoever is in no group is in one with the others of that kind.
    async fn split(&mut self, groups: &[Vec<u16>]) -> Outcome<()>;

    /// Ends the split.
    async fn heal(&mut self) -> Outcome<()>;

    async fn kill(&mut self, node: u16) -> Outcome<()>;
    async fn pause(&mut self, node: u16) -> Outcome<()>;
    async fn resume(&mut self, node: u16) -> Outcome<()>;
    async fn restart(&mut self, node: u16) -> Outcome<()>;
    async fn remove(&mut self, node: u16) -> Outcome<()>;

    /// Adds a node; gives its number.
    async fn add(&mut self) -> Outcome<u16>;

    async fn set_link(&mut self, link: &Link) -> Outcome<()>;

    /// Gives a node a share of hash power, relative to the shares in the file.
    async fn set_share(&mut self, node: u16, share: f64) -> Outcome<()>;

    /// Has a node mine in another way.
    async fn set_strategy(&mut self, node: u16, strategy: Strategy) -> Outcome<()>;

    /// Has these nodes take this one's block where two tips have equal work.
    async fn prefer(&mut self, miner: u16, nodes: &[u16]) -> Outcome<()>;

    /// Has a node begin a branch in secret.
    async fn attack(&mut self, attack: &Branch) -> Outcome<()>;

    /// Whether a node's attack was published; nothing while it goes on.
    async fn attack_over(&mut self, node: u16) -> Outcome<Option<bool>>;

    /// Lets a node mine without pause with the hash power of the whole network, or as before.
    async fn boost(&mut self, node: u16, on: bool) -> Outcome<()>;

    /// Writes something about the whole network into the timeline.
    fn note(&mut self, what: What);

    /// The end of the run: the timeline is whole.
    fn close(&mut self) -> Outcome<()>;

    /// What was counted so far.
    async fn measures(&mut self) -> Outcome<Measures>;
}

/// A branch to be mined in secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Branch {
    pub(crate) by: u16,
    /// How many blocks below the tip it begins.
    pub(crate) depth: u32,
    /// How many blocks others must have on top of where it begins before it is published.
    pub(crate) confirmations: u32,
    pub(crate) give_up: Option<u32>,
    pub(crate) without: Vec<TxId>,
    /// Payments made in secret.
    pub(crate) instead: Vec<TxId>,
}

/// A payment to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payment {
    pub(crate) from: u16,
    pub(crate) to: u16,
    pub(crate) amount: Amount,
    pub(crate) fee: Option<Amount>,
    /// Where it is handed in.
    pub(crate) at: u16,
    /// With the nonce of this one, which it contradicts.
    pub(crate) instead_of: Option<TxId>,
    /// It is signed and handed in nowhere.
    pub(crate) secret: bool,
}

/// A link as networks know it: the delay spread evenly around its middle.
pub(super) fn link_rule(from: NodeSet, to: NodeSet, delay: Delay, loss: f64) -> LinkRule {
    let (low, high) = (delay.least, delay.most);
    let millis = |millis: u64| u32::try_from(millis).unwrap_or(u32::MAX);
    let (delay_ms, jitter_ms) = (millis((low + high) / 2), millis((high - low) / 2));
    LinkRule { from, to, delay_ms, jitter_ms, loss, one_way: false, cut: false }
}
