//! What a scenario can expect, at its end or at a step, as it stands in the file.

use std::fmt;

use serde::Deserialize;

use super::values::Span;

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

impl Won {
    /// What the share must be in.
    pub(crate) fn share(&self) -> Bounds {
        Bounds::Between(Between { at_least: self.at_least, at_most: self.at_most })
    }
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
    /// The least and the most.
    pub(crate) fn ends(&self) -> (Option<f64>, Option<f64>) {
        match *self {
            Self::Exactly(exactly) => (Some(exactly), Some(exactly)),
            Self::Between(Between { at_least, at_most }) => (at_least, at_most),
        }
    }

    pub(crate) fn hold(&self, value: f64) -> bool {
        let (low, high) = self.ends();
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
