//! Faults made on purpose while the network runs: it is split and healed, its ways are made slow or lossy, a node
//! is given another hash rate. What the faults mean for each node is worked out in [`super::conditions`], and the
//! nodes are told and asked in [`super::tell`]. A manager begins without faults.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use node::cli::HashRate;
use node::drivers::net::LinkError;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::conditions::{Faults, LinkRule, MAX_RULES};
use super::{Network, OrderError, Seen, StartError, State};
use crate::term;
use crate::timeline::What;

/// How long a node may take to change its hash rate.
const ANSWER: Duration = Duration::from_secs(10);

/// Why a fault was not made, or does not hold.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FaultError {
    #[error(transparent)]
    Node(#[from] OrderError),
    #[error("a group without nodes is none; name at least one node in each")]
    EmptyGroup,
    #[error("node {0} is named twice; a node is on one side of a split")]
    Twice(u16),
    #[error("that leaves all nodes in one group; name at least two groups, or leave some nodes out")]
    OneGroup,
    #[error("these conditions cannot be kept: {0}")]
    Link(#[from] LinkError),
    #[error("a link is the way between two nodes; {0} names only one")]
    NoLink(String),
    #[error("there would be more than {MAX_RULES} rules for links; clear them, or name more nodes in each")]
    TooManyRules,
    #[error("node {number} does not take the conditions: {reason}")]
    Told { number: u16, reason: String },
    #[error("the split does not hold: node {number} is still connected to {other}")]
    InSession { number: u16, other: String },
    #[error("the split does not hold: node {number} does not refuse {other}")]
    Open { number: u16, other: String },
    #[error("the faults were lifted, but the nodes do not find each other: {0}")]
    Register(StartError),
}

/// A split that holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Partition {
    /// The groups, none of which reaches another; the nodes that were not named come last.
    pub(crate) groups: Vec<Vec<u16>>,
    /// How many nodes were asked whether it holds: all that run.
    pub(crate) verified: usize,
    /// Nodes that do not run at present. The others refuse them as they must, and they are told before they can
    /// connect to anybody. Only two that are paused, on two sides, may still be in session with each other; when
    /// both go on, that ends as soon as one of them is told.
    pub(crate) absent: Vec<u16>,
}

/// The end of a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Healed {
    /// Whether there was a split.
    pub(crate) was_split: bool,
    /// How many running nodes were told.
    pub(crate) nodes: usize,
    /// Whether all of them are connected again, if only through others.
    pub(crate) joined: bool,
}

impl Network {
    /// The faults in force.
    pub(crate) fn faults(&self) -> Faults {
        let mut faults = self.lock_faults().clone();
        faults.groups = faults.groups_of(&self.numbers());
        faults
    }

    /// Whether it is split.
    pub(crate) fn is_split(&self) -> bool {
        !self.lock_faults().groups.is_empty()
    }

    /// Splits the network: each group, and all nodes that are in none of them together, can reach nobody else.
    /// It holds for nodes that are restarted or added as well, until [`Network::heal`] or another split.
    ///
    /// Returns once every running node refuses, and is in session with, none but its own group.
    ///
    /// # Errors
    /// The groups are no split. Or the split does not hold somewhere; it stays in force as far as it goes.
    pub(crate) async fn partition(&self, groups: &[Vec<u16>]) -> Result<Partition, FaultError> {
        let _changing = self.changing.lock().await;
        let groups = self.checked_groups(groups)?;
        {
            // Written down before anybody is told, and before a node that starts can hear of it.
            let mut faults = self.lock_faults();
            faults.groups = groups;
            self.timeline.network(What::Split { groups: faults.groups_of(&self.numbers()) });
        }
        let verified = self.verify_cuts().await?;
        let absent =
            self.seen().into_iter().filter(|node| !matches!(node.state, State::Running(_) | State::Removed(_)));
        let absent = absent.map(|node| node.number).collect();
        let partition = Partition { groups: self.faults().groups, verified, absent };
        term::say(&format!("the network was split: {}", term::sides(&partition.groups)));
        Ok(partition)
    }

    fn checked_groups(&self, groups: &[Vec<u16>]) -> Result<Vec<Vec<u16>>, FaultError> {
        let mut named = BTreeSet::new();
        for group in groups {
            if group.is_empty() {
                return Err(FaultError::EmptyGroup);
            }
            for number in group {
                self.slot(*number)?;
                if !named.insert(*number) {
                    return Err(FaultError::Twice(*number));
                }
            }
        }
        let all_named = self.numbers().iter().all(|number| named.contains(number));
        if groups.len() + usize::from(!all_named) < 2 {
            return Err(FaultError::OneGroup);
        }
        let sorted = |group: &Vec<u16>| group.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        Ok(groups.iter().map(sorted).collect())
    }

    /// Ends the split, and has the nodes connect again at once. What was made up for links stays.
    ///
    /// # Errors
    /// A node does not take the news.
    pub(crate) async fn heal(&self) -> Result<Healed, FaultError> {
        let _changing = self.changing.lock().await;
        let was_split = {
            let mut faults = self.lock_faults();
            let was_split = !std::mem::take(&mut faults.groups).is_empty();
            if was_split {
                self.timeline.network(What::Healed);
            }
            was_split
        };
        // All of it also when it was not split: an earlier attempt may have come half way.
        let nodes = self.tell_all().await?;
        // Everybody takes everybody's calls again before the first one calls.
        self.register_all().await.map_err(FaultError::Register)?;
        let joined = self.until_joined().await;
        if was_split {
            term::say("the network was healed");
        }
        Ok(Healed { was_split, nodes, joined })
    }

    /// Adds rules for links to those in force; of several for one way, the last one holds. Gives how many running
    /// nodes keep them now.
    ///
    /// # Errors
    /// A rule cannot be kept, then nothing is changed. Or a node does not take its conditions.
    pub(crate) async fn set_links(&self, rules: &[LinkRule]) -> Result<usize, FaultError> {
        let _changing = self.changing.lock().await;
        for rule in rules {
            rule.conditions().check()?;
            for number in rule.from.named().chain(rule.to.named()) {
                self.slot(number)?;
            }
            if !rule.is_about_a_way() {
                return Err(FaultError::NoLink(rule.from.to_string()));
            }
        }
        {
            let mut faults = self.lock_faults();
            let mut changed = faults.clone();
            rules.iter().for_each(|rule| changed.add(rule.clone()));
            if changed.rules.len() > MAX_RULES {
                return Err(FaultError::TooManyRules);
            }
            *faults = changed;
            self.timeline.network(What::Links { rules: faults.rules.clone() });
        }
        let nodes = self.tell_all().await?;
        rules.iter().for_each(|rule| term::say(&format!("links were changed: {rule}")));
        Ok(nodes)
    }

    /// Takes back all rules for links. A split stays.
    ///
    /// # Errors
    /// A node does not take the news.
    pub(crate) async fn clear_links(&self) -> Result<usize, FaultError> {
        let _changing = self.changing.lock().await;
        {
            let mut faults = self.lock_faults();
            faults.rules.clear();
            self.timeline.network(What::Links { rules: Vec::new() });
        }
        let nodes = self.tell_all().await?;
        term::say("all links are as they were");
        Ok(nodes)
    }

    /// Changes a running node's hash rate; it keeps it when it is restarted.
    ///
    /// # Errors
    /// The node does not run, or does not take it.
    pub(crate) async fn set_hash_rate(&self, number: u16, rate: HashRate) -> Result<Seen, FaultError> {
        self.cap(number, rate).await?;
        self.slot(number)?.lock_start().hash_rate = Some(rate);
        self.timeline.node(number, What::HashRate { rate });
        term::say(&format!("node {number} tries {rate} hashes per second from now on"));
        Ok(self.slot(number)?.seen())
    }

    /// Changes it for a while, without a word: the next process of the node has its own again.
    ///
    /// # Errors
    /// The node does not run, or does not take it.
    pub(crate) async fn cap(&self, number: u16, rate: HashRate) -> Result<(), FaultError> {
        let slot = self.slot(number)?;
        let _order = slot.order.try_lock().map_err(|_| OrderError::Busy(number))?;
        if !matches!(*slot.state.borrow(), State::Running(_)) {
            return Err(slot.cannot_be("given another hash rate").into());
        }
        let url = format!("{}/hash-rate", slot.plan.address());
        let changed = self.client.post::<IgnoredAny>(&url, &json!({ "hash_rate": rate }), ANSWER).await;
        changed.map_err(|error| FaultError::Told { number, reason: error.to_string() })?;
        Ok(())
    }

    /// The numbers of all nodes that were not removed.
    fn numbers(&self) -> Vec<u16> {
        let there = self.seen().into_iter().filter(|node| !matches!(node.state, State::Removed(_)));
        there.map(|node| node.number).collect()
    }

    pub(super) fn lock_faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
