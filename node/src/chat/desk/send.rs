//! What is to be signed and sent now, and what becomes of it. Every item of the outbox is looked at anew each time: it is
//! confirmed, or it waits in the pool, or it is to be sent (again), or there is a reason why not yet.

use std::collections::{BTreeMap, BTreeSet};

use rand::CryptoRng;
use shared::{Address, Height, Payload, TxId};

use super::{Desk, News, Waiting, plan::Plan};
use crate::chat::{
    envelope::{Envelope, EpochId, GroupId, Leave, Origin, Profile, Rotation, SUITE, Seat},
    group::Group,
    key::{EpochKey, Setting},
    outbox::{Change, Item, ItemId, SETTLED, Wish},
    room::Standing,
    seal,
    text::{self, Place, Text},
};
use crate::machine::store::Location;

/// Texts sent at a time: those behind them follow once these are in the pool.
const AT_ONCE: usize = 64;
/// Rotations of groups made at a time: each takes some milliseconds, for it has up to 200 seals.
const ROTATIONS_AT_ONCE: usize = 16;

/// Something to be signed in the account's name and sent.
#[derive(Debug)]
pub struct Errand {
    /// What it is for; empty when others' departures ask for it.
    pub items: Vec<ItemId>,
    /// What to sign.
    pub payload: Payload,
    /// The epoch that it begins, or that it is encrypted in.
    epoch: Option<EpochId>,
    /// Whom a text is encrypted for.
    audience: Option<BTreeSet<Address>>,
}

/// What keeps texts from being sent to each group that was asked about, in words.
type Obstacles = BTreeMap<GroupId, Option<&'static str>>;

impl Desk {
    /// What is to be sent now. Each is told again until [`Desk::sent`] or the chain says that it is not needed any
    /// more.
    pub fn due(&mut self, rng: &mut impl CryptoRng) -> Vec<Errand> {
        let mut obstacles = Obstacles::new();
        let of_items = self.outbox.iter().filter_map(|item| self.errand(item, &mut obstacles, rng));
        let mut errands: Vec<_> = of_items.take(AT_ONCE).collect();
        let full = errands.len() + ROTATIONS_AT_ONCE;
        for group in self.changing() {
            let Some(plan) = self.plan(&group) else { continue };
            self.conclude(&plan);
            if plan.is_needed && errands.len() < full {
                errands.extend(self.rotation(&group, &plan, rng));
            }
        }
        errands
    }

    /// Groups that somebody leaves, or that are to be changed. While a rotation waits, there is no saying what it will
    /// leave to be done.
    fn changing(&self) -> Vec<GroupId> {
        let wanted: BTreeSet<_> = self
            .outbox
            .iter()
            .filter_map(|item| item.group().filter(|group| item.open_change(group).is_some()))
            .collect();
        let groups = self.rooms.keys().copied();
        let groups = groups.filter(|group| wanted.contains(group) || !self.group(group).leaving().is_empty());
        groups.filter(|group| !self.rotation_waits(group)).collect()
    }

    /// One of [`Desk::due`] was taken by the pool, and is to be shown to the desk there before it is asked what is due.
    pub fn sent(&mut self, errand: &Errand, transaction: &TxId) {
        for item in self.outbox.iter_mut().filter(|item| errand.items.contains(&item.id)) {
            item.sent = errand.epoch;
            item.carried = Some(*transaction);
            self.reasons.remove(&item.id);
            match (&mut item.wish, &errand.audience) {
                // A text whose epoch nobody remembers is at worst encrypted once more, and shows once.
                (Wish::Say { audience, .. }, Some(readers)) => {
                    self.shelf_changed |= audience != readers;
                    audience.clone_from(readers);
                }
                _ => self.shelf_changed = true,
            }
        }
    }

    /// One of [`Desk::due`] was not taken. It is tried again when the chain or the pool has changed.
    pub fn refused(&mut self, errand: &Errand, reason: &str) {
        let told: Vec<_> =
            errand.items.iter().filter(|id| self.reasons.get(id).is_none_or(|old| old != reason)).copied().collect();
        self.reasons.extend(told.iter().map(|id| (*id, reason.to_owned())));
        self.tell(&told);
    }

    fn tell(&mut self, items: &[ItemId]) {
        let items = self.outbox.iter().filter(|item| items.contains(&item.id));
        let news: Vec<_> = items.map(News::of).collect();
        self.news.extend(news);
    }

    fn errand(&self, item: &Item, obstacles: &mut Obstacles, rng: &mut impl CryptoRng) -> Option<Errand> {
        if item.undone.is_some() {
            return None;
        }
        match &item.wish {
            Wish::Profile { name } if self.profile_place(item, name).is_none() && !self.profile_waits(item, name) => {
                let receiving = seal::receiving_of(self.account.keys.exchange());
                let profile = Envelope::Profile(Profile { suite: SUITE, receiving, name: name.clone() });
                Some(Errand::of(item, profile.to_payload(None), None))
            }
            Wish::Found { group, salt, name, members } if self.standing(group).expected.now().is_none() => {
                let me = (self.me(), (seal::receiving_of(self.account.keys.exchange()), true));
                let others = members.iter().map(|(member, receiving)| (*member, (*receiving, false)));
                let members = others.chain([me]).collect();
                let plan = Plan { members, name: name.clone(), items: vec![item.id], ..Plan::default() };
                Some(self.make_rotation(group, Origin::Founding { salt: *salt }, &plan, None, rng))
            }
            Wish::Leave { group } => {
                let Standing { confirmed, expected } = self.standing(group);
                let epoch = confirmed.now().filter(|epoch| epoch.seat(&self.me()).is_some())?.id;
                let is_known = expected.has_left(&self.me()) || self.leave_waits(group) || self.has_open_changes(group);
                let is_needed = !is_known && self.gone_since(group, item.sent).is_none();
                let leave = Envelope::Leave(Leave { group: *group, epoch });
                is_needed.then(|| Errand::of(item, leave.to_payload(None), Some(epoch)))
            }
            Wish::Say { group, text, audience } => {
                let is_there = self.rooms.get(group).is_some_and(|room| room.find(&item.id).is_some());
                let obstacle = *obstacles.entry(*group).or_insert_with(|| self.obstacle(group));
                let may_go = !is_there && obstacle.is_none() && self.is_for_all(group, audience);
                if may_go { self.encrypted(item, group, text, rng) } else { None }
            }
            _ => None,
        }
    }

    /// Why no text can be sent to a group now, or never. After a removal or departure has been seen, even if it only
    /// waits or is only wanted, or another key was asked for, nothing is encrypted with the old one any more.
    pub(super) fn obstacle(&self, group: &GroupId) -> Option<&'static str> {
        let Standing { confirmed, expected } = self.standing(group);
        let Some(now) = confirmed.now() else { return Some("the room's beginning is not confirmed yet") };
        if now.seat(&self.me()).is_none() || confirmed.has_left(&self.me()) {
            return Some("you are not in this room any more");
        }
        if self.rooms.get(group).is_none_or(|room| room.opened(&now.id).is_none()) {
            return Some("the room's key was not given to this account; ask an admin for a new one");
        }
        let mut waiting = expected.epochs().iter().skip(confirmed.epochs().len());
        let all_stay = waiting.all(|next| now.rotation().addresses().all(|member| next.rotation().has(&member)));
        let asks_for_it = |(item, change): (&Item, &Change)| match change {
            Change::Remove { member } => now.seat(member).is_some() && !self.took_effect(group, item),
            // Whoever asks for another key trusts the present one no more.
            Change::Rotate => !self.took_effect(group, item),
            _ => false,
        };
        let mut changes = self.outbox.iter().filter_map(|item| Some((item, item.open_change(group)?)));
        let is_to_rotate =
            !confirmed.leaving().is_empty() || !expected.leaving().is_empty() || !all_stay || changes.any(asks_for_it);
        is_to_rotate.then_some("the room is to have another key: it is sent with that, once it is confirmed")
    }

    /// Whether all who would read a text that is sent to a group now were to read it.
    pub(super) fn is_for_all(&self, group: &GroupId, audience: &BTreeSet<Address>) -> bool {
        let now = self.group(group).now();
        now.is_some_and(|now| now.rotation().addresses().all(|member| audience.contains(&member)))
    }

    /// Whether the rotation that was sent for an item began an epoch.
    pub(super) fn took_effect(&self, group: &GroupId, item: &Item) -> bool {
        item.sent.is_some_and(|epoch| self.group(group).epoch(&epoch).is_some())
    }

    fn encrypted(&self, item: &Item, group: &GroupId, text: &Text, rng: &mut impl CryptoRng) -> Option<Errand> {
        // While the rotation that it was encrypted for waits again, it is good as it is.
        if item.sent.is_some_and(|epoch| self.epoch_waits(group, &epoch)) {
            return None;
        }
        let now = self.standing(group).confirmed.now()?;
        // As it waits, it would be the same again.
        if item.sent == Some(now.id) && self.pool.iter().any(|one| Some(one.id) == item.carried) {
            return None;
        }
        let opened = self.rooms.get(group)?.opened(&now.id)?;
        let place = Place { genesis: self.genesis(), group, epoch: &now.id, author: &self.me() };
        let message = text::encrypt(opened.message_key(), &place, text, rng);
        let payload = Envelope::Message(message).to_payload(Some(group));
        let audience = Some(now.rotation().addresses().collect());
        Some(Errand { items: vec![item.id], payload, epoch: Some(now.id), audience })
    }

    fn rotation(&self, group: &GroupId, plan: &Plan, rng: &mut impl CryptoRng) -> Option<Errand> {
        let now = self.standing(group).confirmed.now()?;
        let before = self.rooms.get(group)?.opened(&now.id).map(|opened| &opened.key).filter(|_| plan.history);
        Some(self.make_rotation(group, Origin::After(now.id), plan, before, rng))
    }

    fn make_rotation(
        &self,
        group: &GroupId,
        origin: Origin,
        plan: &Plan,
        before: Option<&EpochKey>,
        rng: &mut impl CryptoRng,
    ) -> Errand {
        let setting = Setting::of(self.genesis(), group, &origin);
        let key = EpochKey::draw(rng);
        let seats = plan.members.iter().map(|(address, (receiving, admin))| {
            // Somebody may have been let in with a key for which nothing can be encrypted. That is no reason to keep the
            // next one from the others.
            let seal = seal::seal(&key, &setting, address, receiving, rng).unwrap_or(seal::NONE);
            Seat { address: *address, receiving: *receiving, admin: *admin, seal }
        });
        let rotation = Envelope::Rotation(Box::new(Rotation {
            suite: SUITE,
            group: *group,
            origin,
            members: seats.collect(),
            commit: key.commit(&setting),
            name: text::seal_name(&key, &setting, &plan.name, rng),
            link: before.map(|before| text::seal_link(&key, &setting, before, rng)),
        }));
        let epoch = EpochId::of(self.genesis(), &self.me(), &rotation.to_body());
        Errand { items: plan.items.clone(), payload: rotation.to_payload(None), epoch: Some(epoch), audience: None }
    }

    /// Notes what needs no doing or cannot be done.
    fn conclude(&mut self, plan: &Plan) {
        for item in &mut self.outbox {
            if let Some((_, why)) = plan.undone.iter().find(|(id, _)| *id == item.id) {
                item.undone = Some((*why).to_owned());
                self.news.insert(News::of(item));
                self.shelf_changed = true;
            }
        }
        if !plan.done.is_empty() {
            self.let_go(&plan.done.iter().copied().collect());
        }
    }

    /// Lets go of what the chain has for good.
    pub(super) fn settle(&mut self) {
        let settled = self.outbox.iter().filter(|item| self.is_settled(item)).map(|item| item.id);
        let settled: BTreeSet<_> = settled.collect();
        if !settled.is_empty() {
            self.let_go(&settled);
        }
    }

    pub(super) fn let_go(&mut self, items: &BTreeSet<ItemId>) {
        let gone: Vec<_> = self.outbox.extract_if(.., |item| items.contains(&item.id)).collect();
        self.news.extend(gone.iter().map(News::of));
        self.reasons.retain(|id, _| !items.contains(id));
        self.shelf_changed |= !gone.is_empty();
    }

    fn is_settled(&self, item: &Item) -> bool {
        let height = match &item.wish {
            Wish::Profile { name } => self.profile_place(item, name).map(|at| at.height),
            Wish::Found { group, .. } => self.group(group).epochs().first().map(|epoch| epoch.at.height),
            Wish::Change { group, .. } => {
                item.sent.and_then(|epoch| self.group(group).epoch(&epoch)).map(|(_, epoch)| epoch.at.height)
            }
            Wish::Leave { group } => self.gone_since(group, item.sent),
            Wish::Say { group, .. } => {
                let line = self.rooms.get(group).and_then(|room| room.find(&item.id));
                line.and_then(|line| line.at).map(|at| at.height)
            }
        };
        height.is_some_and(|height| self.height().0.saturating_sub(height.0) >= SETTLED)
    }

    /// The height at which the account was no member any more, after an epoch in which it was, or at present if it was
    /// told of none; or at which it left a group that nobody is left to give another key.
    pub(super) fn gone_since(&self, group: &GroupId, epoch: Option<EpochId>) -> Option<Height> {
        let group = self.group(group);
        let since = match epoch {
            Some(epoch) => group.epoch(&epoch)?.0,
            None => group.epochs().len().saturating_sub(1),
        };
        let without = group.epochs().iter().skip(since).find(|epoch| epoch.seat(&self.me()).is_none());
        let alone = || group.leaving().get(&self.me()).filter(|_| group.heirs().is_empty());
        without.map(|epoch| epoch.at).or_else(|| alone().copied()).map(|at| at.height)
    }

    fn group(&self, group: &GroupId) -> &Group {
        self.standing(group).confirmed
    }

    /// Where a profile that was wanted stands: the present one if it has this name, or else the one that was sent, though
    /// another one followed it, from another node of the account's.
    pub(super) fn profile_place(&self, item: &Item, name: &str) -> Option<Location> {
        let receiving = seal::receiving_of(self.account.keys.exchange());
        let present = self.board.people().get(&self.me());
        let present = present.filter(|person| person.name == name && person.receiving == receiving);
        present.map(|person| person.at).or_else(|| self.board.place(item.carried.as_ref()?))
    }

    /// Whether the pool has the profile that was sent, or its newest one of this account has this name.
    pub(super) fn profile_waits(&self, item: &Item, name: &str) -> bool {
        let of_mine = self.pool.iter().filter(|one| one.author == self.me());
        let mut profiles = of_mine.filter_map(|one| match &*one.envelope {
            Envelope::Profile(profile) => Some((one.id, profile)),
            _ => None,
        });
        let newest = profiles.clone().next_back();
        newest.is_some_and(|(_, profile)| profile.name == name) || profiles.any(|(id, _)| Some(id) == item.carried)
    }

    /// Whether something was asked for that is to be done before this account goes.
    fn has_open_changes(&self, group: &GroupId) -> bool {
        self.outbox.iter().any(|item| item.open_change(group).is_some() && !self.took_effect(group, item))
    }

    /// Whether this account goes from a group as soon as that can be.
    pub(super) fn wants_to_leave(&self, group: &GroupId) -> bool {
        let mut departures = self.outbox.iter().filter(|item| item.wish == Wish::Leave { group: *group });
        departures.any(|item| self.gone_since(group, item.sent).is_none())
    }

    fn leave_waits(&self, group: &GroupId) -> bool {
        let of_mine = self.pool.iter().filter(|one| one.author == self.me());
        of_mine.into_iter().any(|one| matches!(&*one.envelope, Envelope::Leave(leave) if leave.group == *group))
    }

    /// Whether the pool has what follows a group's present epoch, or what this account sent to follow it.
    pub(super) fn rotation_waits(&self, group: &GroupId) -> bool {
        let Standing { confirmed, expected } = self.standing(group);
        let next = confirmed.now().map(|now| Origin::After(now.id));
        let follows = |one: &Waiting| match &*one.envelope {
            Envelope::Rotation(rotation) => rotation.group == *group && Some(rotation.origin) == next,
            _ => false,
        };
        expected.epochs().len() > confirmed.epochs().len()
            || self.pool.iter().any(|one| one.author == self.me() && follows(one))
    }

    /// Whether the pool has the rotation that begins this epoch.
    pub(super) fn epoch_waits(&self, group: &GroupId, epoch: &EpochId) -> bool {
        let Standing { confirmed, expected } = self.standing(group);
        confirmed.epoch(epoch).is_none() && expected.epoch(epoch).is_some()
    }
}

impl Errand {
    fn of(item: &Item, payload: Payload, epoch: Option<EpochId>) -> Self {
        Self { items: vec![item.id], payload, epoch, audience: None }
    }
}

impl News {
    /// What an item concerns.
    pub(super) fn of(item: &Item) -> Self {
        match &item.wish {
            Wish::Profile { .. } => Self::Account,
            Wish::Found { group, .. } | Wish::Change { group, .. } | Wish::Leave { group } => Self::Room(*group),
            Wish::Say { group, .. } => Self::Message(*group, item.id),
        }
    }
}
