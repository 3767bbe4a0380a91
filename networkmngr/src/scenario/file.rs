//! The scenario file: what may stand in it, and what each thing means. Mistakes are told with the line and
//! the field they are in. Nothing is run here.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::expectation::Expectation;
use super::step::Step;
use super::values::{Delay, Span};
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
    pub(crate) network: Spanned<Plan>,
    /// What is done, in order.
    #[serde(default, rename = "step")]
    pub(crate) steps: Vec<Spanned<Step>>,
    /// What must be true at the end.
    #[serde(default, rename = "expect")]
    pub(crate) expectations: Vec<Spanned<Expectation>>,
    /// Place in the teaching order and questions, if it is a lesson.
    #[serde(default)]
    pub(crate) lesson: Option<Spanned<Lesson>>,
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

impl Plan {
    /// All shares of hash power together.
    pub(crate) fn total_share(&self) -> f64 {
        if self.shares.is_empty() { f64::from(self.nodes) } else { self.shares.iter().sum() }
    }
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
