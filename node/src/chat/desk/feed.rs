//! What the chain and the pool hold, as it comes in. The same chain and pool give the same state, in however many steps
//! they came.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::{BlockHash, CheckedTransaction, Height, Payload, TxId};

use super::{Desk, News, Waiting};
use crate::accounts::session::Unlocked;
use crate::chat::{
    envelope::{Envelope, GroupId, TOPICS, group_of_topic},
    group::{Entry, group_of},
    room::{Room, Standing},
};
use crate::machine::store::Location;

impl Desk {
    /// The chain's blocks above this height are no longer there.
    pub fn retract(&mut self, above: Height) {
        if self.tip.is_none_or(|(_, height)| height <= above) {
            return;
        }
        let changed = self.board.retract(above);
        for (group, room) in &mut self.rooms {
            for id in room.retract(above) {
                self.retracted.insert(id);
                self.news.insert(News::Message(*group, id));
            }
        }
        self.expected_is_old = true;
        self.expected.retain(|group, _| !changed.contains(group));
        changed.iter().for_each(|group| self.rework(group));
        self.news.insert(News::Account);
    }

    /// Takes the next profiles, rotations and departures of the chain.
    pub fn take(&mut self, entries: Vec<Entry>) {
        if entries.iter().any(|entry| matches!(*entry.envelope, Envelope::Profile(_))) {
            self.news.insert(News::Account);
        }
        let changed: BTreeSet<_> = entries.into_iter().filter_map(|entry| self.board.take(entry)).collect();
        self.expected_is_old |= !changed.is_empty();
        self.expected.retain(|group, _| !changed.contains(group));
        changed.iter().for_each(|group| self.rework(group));
    }

    /// Whose messages are to be read, and whether from the chain's beginning on or only what is new.
    pub fn to_read(&self) -> Vec<(GroupId, bool)> {
        self.rooms.keys().map(|group| (*group, self.unread.contains(group))).collect()
    }

    /// Takes the next messages of a group, in the chain's order.
    pub fn fill(&mut self, group: &GroupId, entries: &[Entry]) {
        let Some(mut room) = self.rooms.remove(group) else { return };
        self.unread.remove(group);
        for id in room.take(self.genesis(), self.standing(group), entries) {
            self.retracted.remove(&id);
            self.news.insert(News::Message(*group, id));
        }
        self.rooms.insert(*group, room);
    }

    /// The chain was read up to this block.
    pub fn arrive(&mut self, tip: BlockHash, height: Height) {
        self.tip = Some((tip, height));
        self.settle();
    }

    /// This is what waits in the pool now.
    pub fn wait(&mut self, pool: &[Arc<CheckedTransaction>]) {
        let before: Vec<_> = self.pool.iter().map(|one| one.id).collect();
        let mut known: BTreeMap<_, _> = std::mem::take(&mut self.pool).into_iter().map(|one| (one.id, one)).collect();
        let waiting =
            pool.iter().filter_map(|transaction| known.remove(&transaction.id()).or_else(|| Waiting::of(transaction)));
        self.pool = waiting.collect();
        if self.expected_is_old || !self.pool.iter().map(|one| one.id).eq(before.iter().copied()) {
            self.rework_pool(&before.into_iter().collect());
        }
    }

    /// Works out what the pool makes of groups and rooms; what is not among `before` is new.
    fn rework_pool(&mut self, before: &BTreeSet<TxId>) {
        self.expected_is_old = false;
        let changed_before = std::mem::take(&mut self.expected);
        for (position, waiting) in (0..).zip(&self.pool) {
            let Some(group) = group_of(&waiting.envelope) else { continue };
            let confirmed = self.board.group(&group);
            let expected = self.expected.entry(group).or_insert_with(|| confirmed.cloned().unwrap_or_default());
            let at = Location { height: Height(u32::MAX), position };
            let (id, author, envelope) = (waiting.id, waiting.author, waiting.envelope.clone());
            expected.offer(self.board.genesis(), Entry { at, id, author, envelope });
        }
        let groups: BTreeSet<_> = changed_before.keys().chain(self.expected.keys()).copied().collect();
        groups.iter().for_each(|group| self.expect(group));
        self.rework_waiting(before);
        if self.pool.iter().any(|one| matches!(*one.envelope, Envelope::Profile(_)) && one.author == self.me()) {
            self.news.insert(News::Account);
        }
    }

    fn rework_waiting(&mut self, before: &BTreeSet<TxId>) {
        let mut by_group: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for one in &self.pool {
            if let Some(group) = one.group {
                by_group.entry(group).or_default().push((one.id, one.author, &one.envelope));
            }
        }
        for (group, room) in &mut self.rooms {
            let waiting = by_group.remove(group).unwrap_or_default();
            let confirmed = self.board.group(group).unwrap_or(&self.nothing);
            let expected = self.expected.get(group).unwrap_or(confirmed);
            room.wait(self.board.genesis(), expected, waiting.into_iter());
            let fresh = room.waiting().into_iter().filter(|line| !before.contains(&line.transaction));
            self.news.extend(fresh.map(|line| News::Message(*group, line.id)));
        }
    }

    /// A group is another one on the chain: its room is worked out anew, or made.
    fn rework(&mut self, group: &GroupId) {
        self.with_room(group, Room::rework);
    }

    /// A group may be expected to be another one: likewise.
    fn expect(&mut self, group: &GroupId) {
        self.with_room(group, Room::expect);
    }

    fn with_room(&mut self, group: &GroupId, work: impl FnOnce(&mut Room, &BlockHash, Standing<'_>, &Unlocked)) {
        if !self.rooms.contains_key(group) {
            if !self.concerns(group) {
                return;
            }
            self.unread.insert(*group);
        }
        let mut room = self.rooms.remove(group).unwrap_or_else(|| Room::new(*group));
        work(&mut room, self.genesis(), self.standing(group), &self.account);
        self.rooms.insert(*group, room);
        self.news.extend([News::Account, News::Room(*group)]);
    }
}

impl Waiting {
    /// A transaction that lies among chat and is some.
    fn of(transaction: &CheckedTransaction) -> Option<Self> {
        let Payload::Data { topic, .. } = &transaction.payload else { return None };
        if !topic.as_str().starts_with(TOPICS) {
            return None;
        }
        let envelope = Envelope::of(&transaction.payload).ok()?;
        Some(Self {
            id: transaction.id(),
            author: transaction.sender,
            group: group_of_topic(topic),
            envelope: Arc::new(envelope),
        })
    }
}
