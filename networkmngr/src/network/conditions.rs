//! What the faults in force mean for the way from each node to each other: pure. Telling the nodes is
//! [`super::tell`]'s.

use std::fmt;

use node::drivers::net::{LinkConditions, Links};
use serde::{Deserialize, Serialize};
use shared::peer::PeerId;

use utoipa::ToSchema;

use crate::node_set::{NodeSet, Numbers};

/// Most rules in force at once.
pub(super) const MAX_RULES: usize = 1000;

/// The faults in force: how the network is split, and what is made up for which ways.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Faults {
    /// The groups that were named, each in ascending order, none of which reaches another. Nodes that are in none of them, those that
    /// join later among them, form one further group. Empty while the network is whole.
    pub(crate) groups: Vec<Vec<u16>>,
    /// Of several rules for a way, the last one holds.
    pub(crate) rules: Vec<LinkRule>,
}

/// Delay, jitter and loss of the ways between some nodes and others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkRule {
    /// At the one end; all unless given.
    #[serde(default = "all")]
    #[schema(value_type = Numbers)]
    pub(crate) from: NodeSet,
    /// At the other end; all unless given.
    #[serde(default = "all")]
    #[schema(value_type = Numbers)]
    pub(crate) to: NodeSet,
    /// In milliseconds, at most 4,000, the jitter with it.
    #[serde(default)]
    pub(crate) delay_ms: u32,
    /// In milliseconds, at most the delay.
    #[serde(default)]
    pub(crate) jitter_ms: u32,
    /// The part of the messages that is lost, from 0 to 1.
    #[serde(default)]
    pub(crate) loss: f64,
    /// Whether it holds for the ways from `from` to `to` alone, not for the ways back.
    #[serde(default)]
    pub(crate) one_way: bool,
    /// Whether there is no way at all, in spite of the rest.
    #[serde(default)]
    pub(crate) cut: bool,
}

fn all() -> NodeSet {
    NodeSet::All
}

impl LinkRule {
    /// The conditions that it makes.
    pub(crate) fn conditions(&self) -> LinkConditions {
        let Self { delay_ms, jitter_ms, loss, cut, .. } = *self;
        LinkConditions { blocked: cut, delay_ms, jitter_ms, loss }
    }

    /// Whether it is about some way between two nodes.
    pub(super) fn is_about_a_way(&self) -> bool {
        match (&self.from, &self.to) {
            (NodeSet::Some(from), NodeSet::Some(to)) => from.len() > 1 || from != to,
            _ => true,
        }
    }

    fn covers(&self, from: u16, to: u16) -> bool {
        let along = self.from.contains(from) && self.to.contains(to);
        along || (!self.one_way && self.from.contains(to) && self.to.contains(from))
    }

    /// Whether it covers the way to peers that are not of this network's nodes.
    fn covers_strangers(&self, from: u16) -> bool {
        let to_all = self.to == NodeSet::All && self.from.contains(from);
        to_all || (!self.one_way && self.from == NodeSet::All && self.to.contains(from))
    }
}

/// As `0-2 and 3-5: 100 ms later, give or take 20 ms; 5 % are lost`.
impl fmt::Display for LinkRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, delay_ms, jitter_ms, loss, one_way, cut } = self;
        match (from, to, one_way) {
            (NodeSet::All, NodeSet::All, _) => f.write_str("between all nodes: ")?,
            (_, _, true) => write!(f, "from {from} to {to}: ")?,
            (_, _, false) => write!(f, "between {from} and {to}: ")?,
        }
        if *cut {
            return f.write_str("cut");
        }
        match (delay_ms, jitter_ms) {
            (0, _) => f.write_str("no delay")?,
            (delay, 0) => write!(f, "{delay} ms later")?,
            (delay, jitter) => write!(f, "{delay} ms later, give or take {jitter} ms")?,
        }
        if *loss > 0.0 {
            write!(f, "; {} % are lost", (loss * 1e4).round() / 1e2)?;
        }
        Ok(())
    }
}

impl Faults {
    /// Whether there are none.
    pub(super) fn is_none(&self) -> bool {
        self.groups.is_empty() && self.rules.is_empty()
    }

    /// The number of the node's group; that of the nodes which are in no named group is the last.
    pub(super) fn group_of(&self, number: u16) -> usize {
        self.groups.iter().position(|group| group.binary_search(&number).is_ok()).unwrap_or(self.groups.len())
    }

    /// All groups of these nodes, the further one last; none while the network is whole.
    pub(super) fn groups_of(&self, nodes: &[u16]) -> Vec<Vec<u16>> {
        if self.groups.is_empty() {
            return Vec::new();
        }
        let of = |group| nodes.iter().copied().filter(|number| self.group_of(*number) == group).collect::<Vec<_>>();
        (0..=self.groups.len()).map(of).filter(|group| !group.is_empty()).collect()
    }

    /// Adds a rule. Earlier ones of which nothing is left are dropped.
    pub(crate) fn add(&mut self, rule: LinkRule) {
        let everything = rule.from == NodeSet::All && rule.to == NodeSet::All;
        let same = |old: &LinkRule| (&old.from, &old.to, old.one_way) == (&rule.from, &rule.to, rule.one_way);
        self.rules.retain(|old| !everything && !same(old));
        if !(everything && rule.conditions().is_clear()) {
            self.rules.push(rule);
        }
    }

    fn between(&self, from: u16, to: u16) -> LinkConditions {
        if self.group_of(from) != self.group_of(to) {
            return LinkConditions::BLOCKED;
        }
        let rule = self.rules.iter().rfind(|rule| rule.covers(from, to));
        rule.map_or(LinkConditions::CLEAR, LinkRule::conditions)
    }

    /// What node `from` is told, where these are the other nodes. While the network is split, it refuses everybody
    /// who is not known to be of its own group: whoever reaches two groups would join them.
    pub(super) fn links(&self, from: u16, others: &[(u16, PeerId)]) -> Links {
        let rule = self.rules.iter().rfind(|rule| rule.covers_strangers(from));
        let rest = match self.groups.is_empty() {
            true => rule.map_or(LinkConditions::CLEAR, LinkRule::conditions),
            false => LinkConditions::BLOCKED,
        };
        let others = others.iter().filter(|(number, _)| *number != from);
        let peers = others.map(|(number, peer)| (*peer, self.between(from, *number)));
        Links { rest, peers: peers.filter(|(_, conditions)| *conditions != rest).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u16) -> PeerId {
        PeerId([u8::try_from(number).unwrap(); 32])
    }

    fn others() -> Vec<(u16, PeerId)> {
        (0..6).map(|number| (number, peer(number))).collect()
    }

    fn rule(from: &str, to: &str, delay_ms: u32, one_way: bool) -> LinkRule {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        LinkRule { from, to, delay_ms, jitter_ms: 0, loss: 0.0, one_way, cut: false }
    }

    fn faults(groups: &[&[u16]], rules: &[LinkRule]) -> Faults {
        let mut faults = Faults { groups: groups.iter().map(|group| group.to_vec()).collect(), rules: vec![] };
        rules.iter().for_each(|rule| faults.add(rule.clone()));
        faults
    }

    #[test]
    fn a_whole_network_makes_nothing_up() {
        assert!(faults(&[], &[]).links(0, &others()).is_clear());
        assert!(faults(&[], &[]).groups_of(&[0, 1]).is_empty());
    }

    #[test]
    fn a_split_leaves_the_own_group_and_nobody_else() {
        let faults = faults(&[&[0, 1], &[2]], &[]);
        let reached = |from| {
            let links = faults.links(from, &others());
            assert!(links.to(&PeerId([99; 32])).blocked, "strangers would join the groups");
            (0..6).filter(|to| *to != from && !links.to(&peer(*to)).blocked).collect::<Vec<u16>>()
        };
        assert_eq!(reached(0), [1]);
        assert_eq!(reached(2), [0; 0]);
        // Who is not named, or comes later, is of the further group.
        assert_eq!(reached(4), [3, 5]);
        assert_eq!(faults.groups_of(&[0, 1, 2, 3, 7]), [vec![0, 1], vec![2], vec![3, 7]]);
        assert_eq!(faults.groups_of(&[0, 2]), [[0], [2]]);
    }

    #[test]
    fn of_several_rules_the_last_one_holds() {
        let faults =
            faults(&[], &[rule("all", "all", 10, false), rule("0", "1,2", 50, false), rule("2", "0", 70, true)]);
        let delay = |from, to| faults.links(from, &others()).to(&peer(to)).delay_ms;
        assert_eq!((delay(0, 1), delay(1, 0)), (50, 50));
        assert_eq!((delay(0, 2), delay(2, 0)), (50, 70));
        assert_eq!((delay(3, 4), delay(3, 99)), (10, 10));
    }

    #[test]
    fn rules_for_all_hold_for_strangers_too() {
        let to_strangers = |rule: LinkRule, from| faults(&[], &[rule]).links(from, &others()).rest.delay_ms;
        assert_eq!(to_strangers(rule("0", "all", 30, true), 0), 30);
        assert_eq!(to_strangers(rule("0", "all", 30, true), 1), 0);
        assert_eq!(to_strangers(rule("all", "0", 30, true), 0), 0);
        assert_eq!(to_strangers(rule("all", "0", 30, false), 0), 30);
        assert_eq!(to_strangers(rule("1-5", "0", 30, false), 0), 0);
    }

    #[test]
    fn rules_of_which_nothing_is_left_are_dropped() {
        let all = rule("all", "all", 10, false);
        let mut faults = faults(&[], &[rule("0", "1", 1, false), rule("0", "1", 2, false), rule("0", "1", 3, true)]);
        assert_eq!(faults.rules, [rule("0", "1", 2, false), rule("0", "1", 3, true)]);
        faults.add(all.clone());
        assert_eq!(faults.rules, [all]);
        faults.add(rule("all", "all", 0, false));
        assert!(faults.rules.is_empty());
    }

    #[test]
    fn rules_read_as_sentences() {
        let slow = LinkRule { jitter_ms: 20, loss: 0.05, ..rule("0-2", "3-5", 100, false) };
        assert_eq!(slow.to_string(), "between 0-2 and 3-5: 100 ms later, give or take 20 ms; 5 % are lost");
        assert_eq!(rule("0", "all", 7, true).to_string(), "from 0 to all: 7 ms later");
        assert_eq!(rule("all", "all", 0, false).to_string(), "between all nodes: no delay");
    }

    #[test]
    fn a_rule_is_about_two_nodes() {
        assert!(rule("0", "1", 1, false).is_about_a_way() && rule("0,1", "0,1", 1, false).is_about_a_way());
        assert!(!rule("0", "0", 1, false).is_about_a_way());
        let read: LinkRule = serde_json::from_str(r#"{"from": "0-1", "delay_ms": 5}"#).unwrap();
        assert_eq!(read, rule("0-1", "all", 5, false));
    }
}
