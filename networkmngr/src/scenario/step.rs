//! What a scenario can do: each step, as it stands in the file.

use serde::{Deserialize, Deserializer, de};

use super::expectation::Expectation;
use super::file::Link;
use super::values::{Anything, Coins, Span};
use crate::node_set::NodeSet;

/// One thing that is done. A step is over when what it did has taken effect.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    /// Text for the reader.
    Say(String),
    /// Blocks, one after another, each known to the miners before the next: a number, or with `by`.
    Mine(Mine),
    /// Nodes mine without pause from now on.
    StartMining(NodeSet),
    /// They stop.
    StopMining(NodeSet),
    /// Lets time pass, or waits for something.
    Wait(Wait),
    /// A payment from one node's miner account to another's.
    Pay(Pay),
    /// A record filed by a node's miner account.
    Record(Record),
    /// Nodes reach those of their own group only.
    Split(Vec<NodeSet>),
    /// The split ends.
    Heal(Yes),
    /// Ends a node's process at once.
    Kill(NodeSet),
    /// Stops it where it stands.
    Pause(NodeSet),
    /// Lets it go on.
    Resume(NodeSet),
    /// Starts it again.
    Restart(NodeSet),
    /// One more node.
    Add(Yes),
    /// Takes a node out for good.
    Remove(NodeSet),
    /// Links are like this from now on.
    Link(Link),
    /// Another share of hash power for a node.
    Share(Share),
    /// A node follows another strategy.
    Strategy(SetStrategy),
    /// From now on a node mines a branch of its own in silence, and publishes it when it wins.
    Attack(Attack),
    /// A true reorganisation, by mining a longer branch in silence: over when it was published.
    Reorg(Reorg),
    /// Something must be true now.
    Expect(Expectation),
}

/// `true`, the only value it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Yes;

impl<'de> Deserialize<'de> for Yes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if bool::deserialize(deserializer)? { Ok(Self) } else { Err(de::Error::custom("write true, or leave it out")) }
    }
}

/// How many blocks, by whom.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a number of blocks, or { blocks = 3, by = \"0-2\" }")]
pub(crate) enum Mine {
    Blocks(u32),
    By(MineBy),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MineBy {
    #[serde(default = "one")]
    pub(crate) blocks: u32,
    pub(crate) by: NodeSet,
}

fn one() -> u32 {
    1
}

/// A time, or a condition with the time that it may take.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(
    untagged,
    expecting = "a time such as \"10s\", or { height = 5 }, { agreement = true }, { confirmed = \"name\" }, { attack-over = 0 }"
)]
pub(crate) enum Wait {
    For(Span),
    Until(Until),
}

/// What is waited for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Until {
    /// All of `at` have at least this height.
    pub(crate) height: Option<u32>,
    /// All of `at` hold one tip.
    pub(crate) agreement: bool,
    /// All of `at` have this payment or record in their chain.
    pub(crate) confirmed: Option<String>,
    /// With so many blocks from its own on.
    pub(crate) confirmations: Option<u32>,
    /// The attack of this node was published or given up.
    pub(crate) attack_over: Option<u16>,
    /// Which nodes.
    pub(crate) at: Option<NodeSet>,
    /// How long it may take.
    pub(crate) within: Option<Span>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Pay {
    pub(crate) from: u16,
    pub(crate) to: u16,
    /// In coins.
    pub(crate) amount: Coins,
    #[serde(default)]
    pub(crate) fee: Option<Coins>,
    /// What it is called in later steps.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// At which node it is handed in, if not the sender's own.
    #[serde(default)]
    pub(crate) at: Option<u16>,
    /// Spends the same money as this earlier one: only one of them can be confirmed.
    #[serde(default)]
    pub(crate) instead_of: Option<String>,
    /// It is signed and shown to nobody; an attack can mine it.
    #[serde(default)]
    pub(crate) secret: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Record {
    pub(crate) by: u16,
    pub(crate) topic: String,
    /// Anything.
    pub(crate) record: Anything,
    #[serde(default)]
    pub(crate) fee: Option<Coins>,
    #[serde(default)]
    pub(crate) name: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Share {
    pub(crate) node: u16,
    /// Relative to the others'.
    pub(crate) share: f64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SetStrategy {
    pub(crate) node: u16,
    pub(crate) follow: Strategy,
    /// In ties these nodes take its block: the attacker's reach, γ of the papers.
    #[serde(default)]
    pub(crate) preferred_by: Option<NodeSet>,
}

/// What a miner does with its blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Strategy {
    Honest,
    /// Keeps blocks back as Eyal and Sirer describe it.
    Selfish,
    /// Mines blocks that pay it too much.
    InvalidBlocks,
    /// Tells of blocks and does not give them.
    WithheldBodies,
    /// Asks for blocks that do not exist, without end.
    Floods,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Attack {
    pub(crate) by: u16,
    /// So many blocks below the tip the branch begins.
    #[serde(default)]
    pub(crate) depth: u32,
    /// Published no earlier than when others have so many blocks on top of where it begins.
    #[serde(default)]
    pub(crate) confirmations: u32,
    /// Given up when it is so many blocks behind; never unless given.
    #[serde(default)]
    pub(crate) give_up: Option<u32>,
    /// Payments and records that it leaves out.
    #[serde(default)]
    pub(crate) without: Vec<String>,
    /// Secret payments that it has.
    #[serde(default)]
    pub(crate) instead: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Reorg {
    /// Who mines the other branch.
    pub(crate) by: u16,
    /// How many blocks are taken back.
    pub(crate) depth: u32,
    /// Payments and records that the other branch leaves out.
    #[serde(default)]
    pub(crate) without: Vec<String>,
    /// Secret payments that it has.
    #[serde(default)]
    pub(crate) instead: Vec<String>,
}
