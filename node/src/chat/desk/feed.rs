//! What the chain and the pool hold, as it comes in. The same chain and pool give the same state, in however many steps
//! they came.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::{BlockHash, CheckedTransaction, Height, Payload, TxId};

use super::{Desk, News, Waiting};
use crate::chat::{
    envelope::{Envelope, GroupId, group_of_topic},
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

    /// Takes the next profile, rotation or departure of the chain.
    pub fn take(&mut self, entry: Entry) {
        let is_profile = matches!(*entry.envelope, Envelope::Profile(_));
        if let Some(group) = self.board.take(entry) {
            self.expected_is_old = true;
            self.expected.remove(&group);
            self.rework(&group);
        }
        if is_profile {
            self.news.insert(News::Account);
        }
    }

    /// Whose messages are to be read, and whether from the chain's beginning on or only what is new.
    pub fn to_read(&self) -> Vec<(GroupId, bool)> {
        self.rooms.keys().map(|group| (*group, self.unread.contains(group))).collect()
    }

    /// Takes the next messages of a group, in the chain's order.
    pub fn fill(&mut self, group: &GroupId, entries: &[Entry]) {
        let Some(mut room) = self.rooms.remove(group) else { return };
        self.unread.remove(group);
        for entry in entries {
            let Envelope::Message(message) = &*entry.envelope else { continue };
            let place = (entry.at, entry.id);
            if let Some(id) = room.take(self.genesis(), self.standing(group), place, entry.author, message) {
                self.retracted.remove(&id);
                self.news.insert(News::Message(*group, id));
            }
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
        let is_same =
            pool.iter().filter_map(|transaction| Waiting::is_chat(transaction)).eq(self.pool.iter().map(|one| one.id));
        if is_same && !self.expected_is_old {
            return;
        }
        let mut known: BTreeMap<_, _> = std::mem::take(&mut self.pool).into_iter().map(|one| (one.id, one)).collect();
        let before = known.keys().copied().collect();
        let waiting =
            pool.iter().filter_map(|transaction| known.remove(&transaction.id()).or_else(|| Waiting::of(transaction)));
        self.pool = waiting.collect();
        self.rework_pool(&before);
    }

    /// A transaction of this account was taken by the pool.
    pub(super) fn add_to_pool(&mut self, transaction: &CheckedTransaction) {
        let before = self.pool.iter().map(|one| one.id).collect();
        self.pool.extend(Waiting::of(transaction));
        self.rework_pool(&before);
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
        groups.iter().for_each(|group| self.rework(group));
        let of_rooms: Vec<_> = self.rooms.keys().copied().collect();
        of_rooms.iter().for_each(|group| self.rework_waiting(group, before));
        if self.pool.iter().any(|one| matches!(*one.envelope, Envelope::Profile(_)) && one.author == self.me()) {
            self.news.insert(News::Account);
        }
    }

    fn rework_waiting(&mut self, group: &GroupId, before: &BTreeSet<TxId>) {
        let waiting = self.pool.iter().filter(|one| one.group == Some(*group));
        let waiting = waiting.filter_map(|one| match &*one.envelope {
            Envelope::Message(message) => Some((one.id, one.author, message.clone())),
            _ => None,
        });
        let waiting = waiting.collect();
        let Some(mut room) = self.rooms.remove(group) else { return };
        room.wait(self.genesis(), self.standing(group).expected, waiting);
        let fresh = room.waiting().into_iter().filter(|line| !before.contains(&line.transaction));
        let fresh: Vec<_> = fresh.map(|line| News::Message(*group, line.id)).collect();
        self.news.extend(fresh);
        self.rooms.insert(*group, room);
    }

    /// A group may be another one: its room is worked out anew, or made.
    fn rework(&mut self, group: &GroupId) {
        if !self.rooms.contains_key(group) {
            if !self.concerns(group) {
                return;
            }
            self.unread.insert(*group);
        }
        let mut room = self.rooms.remove(group).unwrap_or_else(|| Room::new(*group));
        let Standing { confirmed, expected } = self.standing(group);
        room.rework(self.genesis(), Standing { confirmed, expected }, &*self.account);
        self.rooms.insert(*group, room);
        self.news.extend([News::Account, News::Room(*group)]);
    }
}

impl Waiting {
    /// The id of a transaction that lies among chat and is some.
    fn is_chat(transaction: &CheckedTransaction) -> Option<TxId> {
        let Payload::Data { topic, .. } = &transaction.payload else { return None };
        let may_be = topic.as_str().starts_with("chat/");
        (may_be && Envelope::of(&transaction.payload).is_ok()).then(|| transaction.id())
    }

    fn of(transaction: &CheckedTransaction) -> Option<Self> {
        let Payload::Data { topic, .. } = &transaction.payload else { return None };
        let envelope = Envelope::of(&transaction.payload).ok()?;
        Some(Self {
            id: transaction.id(),
            author: transaction.sender,
            group: group_of_topic(topic),
            envelope: Arc::new(envelope),
        })
    }
}
