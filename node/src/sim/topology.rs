//! Who may meet whom, and who knows of whom at first.

use std::collections::BTreeSet;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// How the nodes of a simulated network are acquainted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topology {
    /// Everybody knows everybody at first.
    Full,
    /// Everybody knows so many others at first, drawn from the seed, and hears of more from them.
    Acquainted(usize),
    /// Only these pairs ever connect, the lower number first.
    Edges(BTreeSet<(usize, usize)>),
}

impl Topology {
    /// The nodes that one knows at first.
    pub(super) fn known_to(&self, node: usize, nodes: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        match self {
            Self::Full => (0..nodes).filter(|other| *other != node).collect(),
            Self::Acquainted(count) => {
                let mut known = BTreeSet::new();
                while known.len() < (*count).min(nodes.saturating_sub(1)) {
                    let other = rng.random_range(0..nodes);
                    if other != node {
                        known.insert(other);
                    }
                }
                known.into_iter().collect()
            }
            Self::Edges(_) => (0..nodes).filter(|other| *other != node && self.joins(node, *other)).collect(),
        }
    }

    /// Whether two nodes may connect.
    pub(super) fn joins(&self, a: usize, b: usize) -> bool {
        match self {
            Self::Full | Self::Acquainted(_) => true,
            Self::Edges(edges) => edges.contains(&(a.min(b), a.max(b))),
        }
    }
}
