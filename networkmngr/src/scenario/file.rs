//! The scenario file: what may stand in it, and what each thing means. Mistakes are told with the line and
//! the field they are in. Nothing is run here.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};
use shared::Amount;
use toml::Spanned;

use crate::node_set::NodeSet;

/// A scenario as it stands in its file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Scenario {
    /// What it is called.
    pub(crate) name: String,
    /// What it shows, in prose.
    #[serde(default)]
    pub(crate) about: String,
    /// Decides what is left to chance in the simulator.
    #[serde(default = "first_seed")]
    pub(crate) seed: u64,
    pub(crate) network: Plan,
    /// What is done, in order.
    #[serde(default, rename = "step")]
    pub(crate) steps: Vec<Spanned<Step>>,
    /// What must be true at the end.
    #[serde(default, rename = "expect")]
    pub(crate) expectations: Vec<Spanned<Expectation>>,
    /// Place in the teaching order and questions, if it is a lesson.
    #[serde(default)]
    pub(crate) lesson: Option<Lesson>,
}

/// What makes a scenario a lesson.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Lesson {
    /// Its place in the teaching order.
    pub(crate) order: u32,
    /// What is asked before it runs.
    pub(crate) question: String,
    /// What can be answered.
    pub(crate) choices: Vec<String>,
    /// Which of them is right, from 1.
    pub(crate) answer: usize,
    /// Why, told after it ran.
    pub(crate) because: String,
}

fn first_seed() -> u64 {
    1
}

/// The network that a scenario begins with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Plan {
    /// How many nodes.
    pub(crate) nodes: u16,
    /// Time between blocks when everybody mines; difficulty is chosen for it.
    #[serde(default = "two_seconds")]
    pub(crate) spacing: Span,
    /// How fast difficulty follows hash power; it stays as it is unless given.
    #[serde(default)]
    pub(crate) half_life: Option<Span>,
    /// Shares of hash power, one for each node; all alike unless given.
    #[serde(default)]
    pub(crate) shares: Vec<f64>,
    /// Hashes per second of all real nodes together.
    #[serde(default = "default_rate")]
    pub(crate) hash_rate: u64,
    /// Who may connect to whom.
    #[serde(default)]
    pub(crate) topology: Shape,
    /// How long messages take.
    #[serde(default)]
    pub(crate) delay: Delay,
    /// Share of messages that are lost.
    #[serde(default)]
    pub(crate) loss: f64,
    /// Links that are not like the others.
    #[serde(default, rename = "link")]
    pub(crate) links: Vec<Link>,
}

fn two_seconds() -> Span {
    Span(2_000)
}

fn default_rate() -> u64 {
    200_000
}

/// Who may connect to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Shape {
    /// All with all.
    #[default]
    Full,
    /// Each with the next, and the last with the first.
    Ring,
    /// Each with the next.
    Line,
    /// All with node 0.
    Star,
    /// These pairs.
    Pairs(Vec<(u16, u16)>),
}

impl Shape {
    /// The pairs that may connect; nothing where all may.
    pub(crate) fn pairs(&self, nodes: u16) -> Option<Vec<(u16, u16)>> {
        let next = || (1..nodes).map(|node| (node - 1, node));
        match self {
            Self::Full => None,
            Self::Line => Some(next().collect()),
            Self::Ring if nodes > 2 => Some(next().chain([(0, nodes - 1)]).collect()),
            Self::Ring => Some(next().collect()),
            Self::Star => Some((1..nodes).map(|node| (0, node)).collect()),
            Self::Pairs(pairs) => Some(pairs.iter().map(|(a, b)| (*a.min(b), *a.max(b))).collect()),
        }
    }
}

/// What is different about some links, in both directions.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Link {
    pub(crate) from: NodeSet,
    pub(crate) to: NodeSet,
    #[serde(default)]
    pub(crate) delay: Delay,
    #[serde(default)]
    pub(crate) loss: f64,
}

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
    pub(crate) record: toml::Value,
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

/// What must be true, at the end or at a step.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Expectation {
    /// All running nodes hold one tip; they may take so long.
    Agreement(Span),
    /// Tips that the nodes hold, at the least.
    Tips(Bounds),
    /// The lowest node's height.
    Height(Bounds),
    /// Blocks found that the chain did not keep, as a share of all.
    StaleShare(Bounds),
    /// The deepest reorganisation of any node.
    ReorgDepth(Bounds),
    /// A payment or record is in every node's chain.
    Confirmed(String),
    /// It was confirmed somewhere and then taken back.
    Retracted(String),
    /// No node's chain ever had it.
    Never(String),
    /// A node's share of the blocks that the chain kept.
    Won(Won),
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Won {
    pub(crate) node: u16,
    #[serde(default)]
    pub(crate) at_least: Option<f64>,
    #[serde(default)]
    pub(crate) at_most: Option<f64>,
}

/// A range, open where nothing is given. One number is both ends.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a number, or { at-least = 2, at-most = 5 }")]
pub(crate) enum Bounds {
    Exactly(f64),
    Between(Between),
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Between {
    #[serde(default)]
    pub(crate) at_least: Option<f64>,
    #[serde(default)]
    pub(crate) at_most: Option<f64>,
}

impl Bounds {
    pub(crate) fn hold(&self, value: f64) -> bool {
        let (low, high) = match *self {
            Self::Exactly(exactly) => (Some(exactly), Some(exactly)),
            Self::Between(Between { at_least, at_most }) => (at_least, at_most),
        };
        low.is_none_or(|low| value >= low) && high.is_none_or(|high| value <= high)
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exactly(exactly) => write!(f, "{exactly}"),
            Self::Between(Between { at_least: Some(low), at_most: Some(high) }) => write!(f, "{low} to {high}"),
            Self::Between(Between { at_least: Some(low), at_most: None }) => write!(f, "at least {low}"),
            Self::Between(Between { at_least: None, at_most: Some(high) }) => write!(f, "at most {high}"),
            Self::Between(Between { at_least: None, at_most: None }) => f.write_str("anything"),
        }
    }
}

/// Milliseconds, written with a unit: `500ms`, `10s`, `2m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(pub(crate) u64);

impl Span {
    pub(crate) fn seconds(self) -> f64 {
        self.0 as f64 / 1_000.0
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no time; write 500ms, 10s or 2m");
        let at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(at);
        let factor = match unit.trim() {
            "ms" => 1.0,
            "s" => 1_000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            _ => return Err(wrong()),
        };
        let millis = number.trim().parse::<f64>().map_err(|_| wrong())? * factor;
        if (0.0..=1e12).contains(&millis) { Ok(Self(millis.round() as u64)) } else { Err(wrong()) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1_000) { write!(f, "{} s", self.0 / 1_000) } else { write!(f, "{} ms", self.0) }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// How long messages take: `50ms`, or evenly spread as in `20ms..80ms`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delay {
    /// The shortest, in milliseconds.
    pub(crate) least: u64,
    /// The longest.
    pub(crate) most: u64,
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (least, most) = text.split_once("..").unwrap_or((&text, &text));
        let (Span(least), Span(most)) =
            (least.parse().map_err(de::Error::custom)?, most.parse().map_err(de::Error::custom)?);
        if least > most || most > 600_000 {
            return Err(de::Error::custom(format!("{text:?} is no delay; the shorter time comes first, up to 10m")));
        }
        Ok(Self { least, most })
    }
}

/// An amount in coins, as a number or as text where every digit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coins(pub(crate) Amount);

impl<'de> Deserialize<'de> for Coins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let coins = match toml::Value::deserialize(deserializer)? {
            toml::Value::Integer(coins) => coins as f64,
            toml::Value::Float(coins) => coins,
            toml::Value::String(text) => {
                text.parse().map_err(|_| de::Error::custom("an amount is a number of coins"))?
            }
            _ => return Err(de::Error::custom("an amount is a number of coins")),
        };
        let units = (coins * Amount::COIN as f64).round();
        let amount =
            Some(units).filter(|units| (0.0..9e15).contains(units)).and_then(|units| Amount::new(units as u64));
        amount
            .map(Self)
            .ok_or_else(|| de::Error::custom("an amount is a number of coins from 0 up to what there can be"))
    }
}

/// A mistake in a scenario file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FileError {
    /// It is no TOML, or something in it has no such name or form; says where.
    #[error("{0}")]
    Form(String),
    /// It cannot be meant so.
    #[error("line {line}: {what}")]
    Sense { line: usize, what: String },
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// The first mistake.
    pub(crate) fn parse(text: &str) -> Result<Self, FileError> {
        let scenario: Self =
            toml::from_str(text).map_err(|error| FileError::Form(error.to_string().trim_end().into()))?;
        super::sense::check(&scenario).map_err(|(span, what)| FileError::Sense { line: line_of(text, &span), what })?;
        Ok(scenario)
    }
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.get(..span.start).map_or(1, |before| before.matches('\n').count() + 1)
}
