//! One group as one account reads it: the keys it has, the messages on the chain and in the pool that count, and the
//! room's name. Which messages count follows from the group's epochs and the keys alone, so it is worked out again
//! whenever these change.

use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use shared::{Address, BlockHash, Height, TxId};
use zeroize::Zeroizing;

use super::{
    envelope::{Envelope, EpochId, GroupId, MessageId},
    group::{Entry, Epoch, Group},
    key::{EpochKey, Purpose, Setting},
    seal,
    text::{self, Place, Text},
};
use crate::machine::store::Location;

/// Whose view it is.
pub trait Reader {
    /// The account's address.
    fn address(&self) -> Address;
    /// The secret half of its receiving key.
    fn secret(&self) -> &[u8; 32];
}

/// What an epoch's members have.
pub struct Opened {
    /// Its key.
    pub key: EpochKey,
    message_key: Zeroizing<[u8; 32]>,
    /// The room's name in it, if it is one.
    pub name: Option<String>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opened(secret)")
    }
}

impl Opened {
    /// What encrypts its messages.
    pub fn message_key(&self) -> &[u8; 32] {
        &self.message_key
    }
}

/// The keys of a group's epochs. What was opened once is remembered, so that it is not opened again; whether it may be
/// used follows from the group as it is now.
#[derive(Debug, Default)]
struct Keys {
    opened: BTreeMap<EpochId, Opened>,
    /// Whose seal does not open for this account, so that it is not tried again.
    shut: BTreeSet<EpochId>,
    usable: BTreeSet<EpochId>,
}

impl Keys {
    fn of(&self, epoch: &EpochId) -> Option<&Opened> {
        self.opened.get(epoch).filter(|_| self.usable.contains(epoch))
    }

    /// Opens what can be opened of a group as it is now.
    fn rework(&mut self, genesis: &BlockHash, group: Standing<'_>, reader: &impl Reader) {
        self.usable.clear();
        for group in [group.confirmed, group.expected] {
            self.open_seals(genesis, group, reader);
            self.open_links(genesis, group);
        }
    }

    fn open_seals(&mut self, genesis: &BlockHash, group: &Group, reader: &impl Reader) {
        for epoch in group.epochs() {
            let Some(seat) = epoch.seat(&reader.address()) else { continue };
            if self.shut.contains(&epoch.id) {
                continue;
            }
            self.make_usable(genesis, epoch, |setting| {
                seal::open(&seat.seal, setting, &reader.address(), reader.secret())
            });
            if !self.usable.contains(&epoch.id) {
                self.shut.insert(epoch.id);
            }
        }
    }

    /// From the newest epoch back, so that one link leads to the next.
    fn open_links(&mut self, genesis: &BlockHash, group: &Group) {
        for pair in group.epochs().windows(2).rev() {
            let [before, after] = pair else { continue };
            let Some(link) = &after.rotation().link else { continue };
            let Some(key) = self.of(&after.id).map(|opened| opened.key.clone()) else { continue };
            self.make_usable(genesis, before, |_| text::open_link(&key, &after.setting(genesis), link));
        }
    }

    /// A key that is not the one that everybody was promised is no key.
    fn make_usable(&mut self, genesis: &BlockHash, epoch: &Epoch, open: impl FnOnce(&Setting) -> Option<EpochKey>) {
        if let btree_map::Entry::Vacant(place) = self.opened.entry(epoch.id) {
            let setting = epoch.setting(genesis);
            let promised = |key: &EpochKey| key.commit(&setting) == epoch.rotation().commit;
            let Some(key) = open(&setting).filter(promised) else { return };
            let name = text::open_name(&key, &setting, &epoch.rotation().name);
            let message_key = key.derive(Purpose::Message, &setting);
            place.insert(Opened { key, message_key, name });
        }
        self.usable.insert(epoch.id);
    }
}

/// A message as it was found, and what it says once it could be opened.
#[derive(Debug)]
struct Post {
    /// Where on the chain; in the pool otherwise.
    at: Option<Location>,
    transaction: TxId,
    author: Address,
    epoch: EpochId,
    body: Body,
}

#[derive(Debug)]
enum Body {
    /// A message.
    Sealed(Arc<Envelope>),
    Open(Text),
}

/// A message that counts.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Its id.
    pub id: MessageId,
    /// Who wrote it.
    pub author: Address,
    /// What.
    pub text: &'a Text,
    /// Where on the chain; in the pool otherwise.
    pub at: Option<Location>,
    /// The transaction that carries it.
    pub transaction: TxId,
}

/// A group on the chain, and as it will be once what waits in the pool is confirmed.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// On the chain.
    pub confirmed: &'a Group,
    /// With the pool.
    pub expected: &'a Group,
}

/// A group as an account reads it.
#[derive(Debug)]
pub struct Room {
    id: GroupId,
    keys: Keys,
    /// On the chain, in its order.
    posts: Vec<Post>,
    /// In the pool.
    pool: Vec<Post>,
    /// Those of `posts` that count.
    shown: Vec<(MessageId, usize)>,
    /// Where those that count are in `pool`.
    pending: BTreeMap<MessageId, usize>,
    /// Where each is in `posts`.
    by_id: BTreeMap<MessageId, usize>,
}

impl Room {
    /// A room that nothing was read of yet.
    pub fn new(id: GroupId) -> Self {
        Self {
            id,
            keys: Keys::default(),
            posts: Vec::new(),
            pool: Vec::new(),
            shown: Vec::new(),
            pending: BTreeMap::new(),
            by_id: BTreeMap::new(),
        }
    }

    /// What the account has of an epoch; `None` if it has no key of it.
    pub fn opened(&self, epoch: &EpochId) -> Option<&Opened> {
        self.keys.of(epoch)
    }

    /// The room's name in the newest epoch that this account can open.
    pub fn name(&self, group: &Group) -> Option<&str> {
        group.epochs().iter().rev().find_map(|epoch| self.opened(&epoch.id)?.name.as_deref())
    }

    /// The group has other epochs: opens what can be opened, and works out anew what counts.
    pub fn rework(&mut self, genesis: &BlockHash, group: Standing<'_>, reader: &impl Reader) {
        self.keys.rework(genesis, group, reader);
        self.count_all(genesis, group);
    }

    /// The group is expected to have other epochs. What counts on the chain is worked out anew only if that brought keys.
    pub fn expect(&mut self, genesis: &BlockHash, group: Standing<'_>, reader: &impl Reader) {
        let usable = self.keys.usable.clone();
        self.keys.rework(genesis, group, reader);
        if self.keys.usable == usable {
            self.count_pool(genesis, group.expected);
        } else {
            self.count_all(genesis, group);
        }
    }

    /// Takes the next messages under the group's topic. Tells which of them count.
    pub fn take(&mut self, genesis: &BlockHash, group: Standing<'_>, entries: &[Entry]) -> Vec<MessageId> {
        let places: BTreeMap<_, _> = self.pool.iter().map(|post| post.transaction).zip(0..).collect();
        let mut pool: Vec<_> = std::mem::take(&mut self.pool).into_iter().map(Some).collect();
        let mut counted = Vec::new();
        for entry in entries {
            // What was opened while it waited need not be opened again.
            let waited = places.get(&entry.id).and_then(|place: &usize| pool.get_mut(*place)?.take());
            let Some(post) = waited.or_else(|| Post::new(entry.id, entry.author, &entry.envelope)) else { continue };
            self.posts.push(Post { at: Some(entry.at), ..post });
            counted.extend(self.count(genesis, group.confirmed, self.posts.len() - 1));
        }
        self.pool = pool.into_iter().flatten().collect();
        self.count_pool(genesis, group.expected);
        counted
    }

    /// Forgets what stood above this height. Gives the messages that counted.
    pub fn retract(&mut self, above: Height) -> Vec<MessageId> {
        let kept = self.posts.partition_point(|post| post.at.is_some_and(|at| at.height <= above));
        self.posts.truncate(kept);
        let shown = self.shown.partition_point(|(_, index)| *index < kept);
        let gone: Vec<_> = self.shown.split_off(shown).into_iter().map(|(id, _)| id).collect();
        for id in &gone {
            self.by_id.remove(id);
        }
        gone
    }

    /// These messages wait in the pool now, and no others.
    pub fn wait<'a>(
        &mut self,
        genesis: &BlockHash,
        expected: &Group,
        waiting: impl Iterator<Item = (TxId, Address, &'a Arc<Envelope>)>,
    ) {
        let mut before: BTreeMap<TxId, Post> =
            std::mem::take(&mut self.pool).into_iter().map(|post| (post.transaction, post)).collect();
        self.pool.extend(waiting.filter_map(|(transaction, author, envelope)| {
            before.remove(&transaction).or_else(|| Post::new(transaction, author, envelope))
        }));
        self.count_pool(genesis, expected);
    }

    fn count_all(&mut self, genesis: &BlockHash, group: Standing<'_>) {
        self.shown.clear();
        self.by_id.clear();
        for index in 0..self.posts.len() {
            self.count(genesis, group.confirmed, index);
        }
        self.count_pool(genesis, group.expected);
    }

    fn count(&mut self, genesis: &BlockHash, group: &Group, index: usize) -> Option<MessageId> {
        let id = self.posts.get_mut(index)?.counts(genesis, &self.id, group, &self.keys)?;
        if self.by_id.contains_key(&id) {
            return None;
        }
        self.by_id.insert(id, index);
        self.shown.push((id, index));
        Some(id)
    }

    fn count_pool(&mut self, genesis: &BlockHash, group: &Group) {
        self.pending.clear();
        for (index, post) in self.pool.iter_mut().enumerate() {
            if let Some(id) = post.counts(genesis, &self.id, group, &self.keys)
                && !self.by_id.contains_key(&id)
            {
                self.pending.entry(id).or_insert(index);
            }
        }
    }

    fn line<'a>(id: MessageId, post: &'a Post) -> Option<Line<'a>> {
        let Body::Open(text) = &post.body else { return None };
        Some(Line { id, author: post.author, text, at: post.at, transaction: post.transaction })
    }

    /// The messages on the chain that count, in its order.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = Line<'_>> + ExactSizeIterator {
        self.lines_in(0..self.shown.len())
    }

    /// Some of [`Self::lines`], by their places among them; there are none beyond the last.
    pub fn lines_in(&self, places: Range<usize>) -> impl DoubleEndedIterator<Item = Line<'_>> + ExactSizeIterator {
        let shown = self.shown.get(places).unwrap_or_default();
        shown.iter().map(|(id, index)| {
            let post = self.posts.get(*index).and_then(|post| Self::line(*id, post));
            post.expect("what is shown was opened")
        })
    }

    /// How many of [`Self::lines`] stand before this place on the chain.
    pub fn count_before(&self, at: Location) -> usize {
        let post = |index: &usize| self.posts.get(*index).and_then(|post| post.at);
        self.shown.partition_point(|(_, index)| post(index).is_some_and(|theirs| theirs < at))
    }

    /// Those that wait in the pool, in the order of their authors' times.
    pub fn waiting(&self) -> Vec<Line<'_>> {
        let lines = self.pending.iter().filter_map(|(id, index)| Self::line(*id, self.pool.get(*index)?));
        let mut lines: Vec<_> = lines.collect();
        lines.sort_by_key(|line| (line.text.time, line.id));
        lines
    }

    /// A message that counts, on the chain or in the pool.
    pub fn find(&self, id: &MessageId) -> Option<Line<'_>> {
        let on_chain = self.by_id.get(id).and_then(|index| Self::line(*id, self.posts.get(*index)?));
        on_chain.or_else(|| {
            let index = self.pending.get(id)?;
            Self::line(*id, self.pool.get(*index)?)
        })
    }

    /// The height from which on this account can read, unless it can read everything.
    pub fn readable_from(&self, group: &Group) -> Option<Height> {
        let first = group.epochs().iter().position(|epoch| self.keys.of(&epoch.id).is_some())?;
        (first > 0).then(|| group.epochs().get(first).map(|epoch| epoch.at.height)).flatten()
    }
}

impl Post {
    /// One that waits; nothing unless the envelope is a message.
    fn new(transaction: TxId, author: Address, envelope: &Arc<Envelope>) -> Option<Self> {
        let Envelope::Message(message) = &**envelope else { return None };
        Some(Self { at: None, transaction, author, epoch: message.epoch, body: Body::Sealed(envelope.clone()) })
    }

    /// The id of a message that counts: of an epoch that took effect, by somebody who was a member from then until
    /// now or until it was confirmed, and opened.
    fn counts(&mut self, genesis: &BlockHash, group_id: &GroupId, group: &Group, keys: &Keys) -> Option<MessageId> {
        let (since, _) = group.epoch(&self.epoch)?;
        let until = self.at.unwrap_or(Location::reward(Height(u32::MAX)));
        if !group.stayed(&self.author, since, until) {
            return None;
        }
        let opened = keys.of(&self.epoch)?;
        if let Body::Sealed(envelope) = &self.body
            && let Envelope::Message(message) = &**envelope
        {
            let place = Place { genesis, group: group_id, epoch: &self.epoch, author: &self.author };
            let text = text::decrypt(&opened.message_key, &place, message)?;
            self.body = Body::Open(text);
        }
        let Body::Open(text) = &self.body else { return None };
        Some(text.id(group_id, &self.author))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_shows_when_a_room_is_printed() {
        let opened = Opened { key: EpochKey::from_bytes(&[71; 32]), message_key: [72; 32].into(), name: None };
        let shown = format!("{opened:?}");
        assert!(!shown.contains("71, 71") && !shown.contains("72, 72"), "{shown}");
    }
}
