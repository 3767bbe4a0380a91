//! All that is public about chat on a chain: profiles, and every group's epochs. It is a fold over the entries in the
//! chain's order; when blocks leave, it is folded again from what remains.

use std::collections::{BTreeMap, BTreeSet};

use shared::{BlockHash, Height, TxId};

use super::{
    envelope::{Envelope, GroupId},
    group::{Entry, Group, group_of},
    people::People,
};
use crate::machine::store::Location;

/// The public side of chat.
#[derive(Debug)]
pub struct Board {
    genesis: BlockHash,
    entries: Vec<Entry>,
    people: People,
    groups: BTreeMap<GroupId, Group>,
}

impl Board {
    /// That of a chain without chat.
    pub fn new(genesis: BlockHash) -> Self {
        Self { genesis, entries: Vec::new(), people: People::default(), groups: BTreeMap::new() }
    }

    /// Which network's.
    pub fn genesis(&self) -> &BlockHash {
        &self.genesis
    }

    /// Who has made itself known.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// A group.
    pub fn group(&self, id: &GroupId) -> Option<&Group> {
        self.groups.get(id)
    }

    /// Where a profile, rotation or departure stands. It is looked for from the newest on.
    pub fn place(&self, id: &TxId) -> Option<Location> {
        self.entries.iter().rev().find(|entry| entry.id == *id).map(|entry| entry.at)
    }

    /// Takes the next entry of the chain, unless it is a message. Tells which group it may have changed.
    pub fn take(&mut self, entry: Entry) -> Option<GroupId> {
        if matches!(*entry.envelope, Envelope::Message(_)) {
            return None;
        }
        let group = self.fold(&entry);
        self.entries.push(entry);
        group
    }

    /// Forgets what stood above this height. Tells which groups may have changed.
    pub fn retract(&mut self, above: Height) -> BTreeSet<GroupId> {
        let kept = self.entries.partition_point(|entry| entry.at.height <= above);
        let gone = self.entries.split_off(kept);
        let changed = gone.iter().filter_map(|entry| group_of(&entry.envelope)).collect();
        if !gone.is_empty() {
            self.people = People::default();
            self.groups.clear();
            let entries = std::mem::take(&mut self.entries);
            for entry in &entries {
                self.fold(entry);
            }
            self.entries = entries;
        }
        changed
    }

    fn fold(&mut self, entry: &Entry) -> Option<GroupId> {
        if let Envelope::Profile(profile) = &*entry.envelope {
            self.people.publish(entry.author, entry.at, profile);
        }
        let group = group_of(&entry.envelope)?;
        self.groups.entry(group).or_default().offer(&self.genesis, entry.clone());
        Some(group)
    }
}
