//! What the account's owner wants. Everything is taken at once and kept in the outbox; what cannot ever be is refused in
//! words.

use std::collections::BTreeSet;

use rand::CryptoRng;
use shared::Address;

use super::{ActError, Desk, News};
use crate::chat::{
    envelope::{EpochId, GroupId, MAX_MEMBERS, MAX_NAME, MessageId, Origin},
    key::{EpochKey, Setting},
    outbox::{Change, Item, ItemId, MAX_ITEMS, Wish},
    room::{Line, Standing},
    seal,
    shelf::Mark,
    text::{MAX_TEXT, Text, random},
};

/// Messages up to which somebody has read that are known one by one: a reorganisation may put those in another order.
const KNOWN_ONE_BY_ONE: usize = 200;

/// Addresses told of a name that several accounts have.
const MOST_TOLD: usize = 5;

/// Newest messages of a room among which one is looked for that may have been said already.
const LATELY: usize = 1_000;

type Acted<T = ()> = Result<T, ActError>;

impl Desk {
    /// Makes the account known under this name.
    ///
    /// # Errors
    /// When it is no name.
    pub fn publish(&mut self, name: &str, rng: &mut impl CryptoRng) -> Acted {
        check_name(name)?;
        self.outbox.retain(|item| !matches!(item.wish, Wish::Profile { .. }));
        self.add(random_id(rng), Wish::Profile { name: name.to_owned() })
    }

    /// The account that somebody means by an address or a name.
    ///
    /// # Errors
    /// When nobody or several are called that.
    pub fn person(&self, named: &str) -> Acted<Address> {
        if let Ok(address) = named.parse() {
            return Ok(address);
        }
        let called: Vec<_> = self.board.people().called(named).collect();
        match called.as_slice() {
            [] => Err(ActError::Nobody(named.to_owned())),
            [one] => Ok(**one),
            several => {
                let mut addresses: Vec<_> = several.iter().take(MOST_TOLD).map(ToString::to_string).collect();
                addresses.extend((several.len() > MOST_TOLD).then(|| "…".to_owned()));
                Err(ActError::Ambiguous { name: named.to_owned(), addresses: addresses.join(", ") })
            }
        }
    }

    /// Founds a room with these members besides the account itself.
    ///
    /// # Errors
    /// When the name is none, or somebody cannot be invited.
    pub fn found(&mut self, name: &str, members: &[Address], rng: &mut impl CryptoRng) -> Acted<GroupId> {
        check_name(name)?;
        self.check_profile()?;
        let others: BTreeSet<_> = members.iter().copied().filter(|member| *member != self.me()).collect();
        if others.len() >= MAX_MEMBERS {
            return Err(ActError::Members);
        }
        let members = others.iter().map(|member| Ok((*member, self.receiving(member, rng)?)));
        let members = members.collect::<Acted<_>>()?;
        let salt = random(rng);
        let group = GroupId::of(self.genesis(), &self.me(), &salt);
        self.add(random_id(rng), Wish::Found { group, salt, name: name.to_owned(), members })?;
        self.news.insert(News::Account);
        Ok(group)
    }

    /// A receiving key that something can be encrypted for.
    fn receiving(&self, member: &Address, rng: &mut impl CryptoRng) -> Acted<[u8; 32]> {
        let person = self.board.people().get(member).ok_or(ActError::NoProfile(*member))?;
        let setting = Setting::of(self.genesis(), &GroupId([0; 16]), &Origin::After(EpochId([0; 32])));
        let trial = seal::seal(&EpochKey::from_bytes(&[0; 32]), &setting, member, &person.receiving, rng);
        trial.map(|_| person.receiving).map_err(|_| ActError::Unsealable(*member))
    }

    /// Lets somebody into a room.
    ///
    /// # Errors
    /// When that cannot be.
    pub fn invite(
        &mut self,
        group: &GroupId,
        member: Address,
        history: bool,
        rng: &mut impl CryptoRng,
    ) -> Acted<ItemId> {
        self.check_admin(group)?;
        let receiving = self.receiving(&member, rng)?;
        let members = self.members(group);
        if members.contains(&member) {
            return Err(ActError::Member(member));
        }
        if members.len() >= MAX_MEMBERS {
            return Err(ActError::Members);
        }
        self.change(group, Change::Add { member, receiving, history }, rng)
    }

    /// Puts somebody out of a room. Whoever puts themselves out leaves it.
    ///
    /// # Errors
    /// When that cannot be.
    pub fn remove(&mut self, group: &GroupId, member: Address, rng: &mut impl CryptoRng) -> Acted<ItemId> {
        if member == self.me() {
            return self.leave(group, rng);
        }
        self.check_admin(group)?;
        self.check_member(group, &member)?;
        self.change(group, Change::Remove { member }, rng)
    }

    /// Makes somebody an admin, or no admin any more.
    ///
    /// # Errors
    /// When that cannot be.
    pub fn appoint(
        &mut self,
        group: &GroupId,
        member: Address,
        admin: bool,
        rng: &mut impl CryptoRng,
    ) -> Acted<ItemId> {
        self.check_admin(group)?;
        self.check_member(group, &member)?;
        if !admin && member == self.me() && self.is_only_admin(group) {
            return Err(ActError::OnlyAdmin);
        }
        self.change(group, Change::Appoint { member, admin }, rng)
    }

    /// Gives a room another name.
    ///
    /// # Errors
    /// When that cannot be.
    pub fn rename(&mut self, group: &GroupId, name: &str, rng: &mut impl CryptoRng) -> Acted<ItemId> {
        check_name(name)?;
        self.check_admin(group)?;
        self.change(group, Change::Rename { name: name.to_owned() }, rng)
    }

    /// Gives a room another key.
    ///
    /// # Errors
    /// When that cannot be.
    pub fn rotate(&mut self, group: &GroupId, rng: &mut impl CryptoRng) -> Acted<ItemId> {
        self.check_admin(group)?;
        self.change(group, Change::Rotate, rng)
    }

    fn change(&mut self, group: &GroupId, change: Change, rng: &mut impl CryptoRng) -> Acted<ItemId> {
        let id = random_id(rng);
        self.add(id, Wish::Change { group: *group, change })?;
        Ok(id)
    }

    /// Goes from a room.
    ///
    /// # Errors
    /// When the account is not in it, or nobody else could look after it.
    pub fn leave(&mut self, group: &GroupId, rng: &mut impl CryptoRng) -> Acted<ItemId> {
        self.check_in(group)?;
        let others = self.members(group).len() > 1;
        if others && self.is_only_admin(group) {
            return Err(ActError::OnlyAdmin);
        }
        let before = self.outbox.iter().find(|item| item.wish == Wish::Leave { group: *group });
        if let Some(Item { id, sent, .. }) = before {
            if self.gone_since(group, *sent).is_none() {
                return Ok(*id);
            }
            // It was let in again since.
            self.let_go(&BTreeSet::from([*id]));
        }
        let id = random_id(rng);
        self.add(id, Wish::Leave { group: *group })?;
        Ok(id)
    }

    /// Takes back a change that was not sent, or was given up.
    pub fn cancel(&mut self, group: &GroupId, change: &ItemId) -> bool {
        let waits = self.outbox.iter().any(|item| {
            let is_change = matches!(item.wish, Wish::Change { .. } | Wish::Leave { .. });
            item.id == *change && item.group() == Some(*group) && is_change && !self.is_under_way(item)
        });
        if waits {
            self.let_go(&BTreeSet::from([*change]));
        }
        waits
    }

    /// Says something in a room. What was said already, with the same tag, is not said again.
    ///
    /// # Errors
    /// When the text is too long or empty, or the account is not in the room.
    pub fn say(&mut self, group: &GroupId, text: Text) -> Acted<MessageId> {
        if !(1..=MAX_TEXT).contains(&text.text.len()) {
            return Err(ActError::Text(text.text.len()));
        }
        self.check_in(group)?;
        if let Some(said) = self.said(group, &text.tag) {
            return Ok(said);
        }
        let id = text.id(group, &self.me());
        if let Some(quoted) = text.reply_to
            && self.message(group, &quoted).is_none()
        {
            return Err(ActError::NoMessage(quoted));
        }
        self.add(id, Wish::Say { group: *group, text, audience: self.members(group).into_iter().collect() })?;
        Ok(id)
    }

    /// What this account said with a tag, if it did so lately.
    fn said(&self, group: &GroupId, tag: &[u8; 16]) -> Option<MessageId> {
        let unsent = self.outbox.iter().rev().find_map(|item| match &item.wish {
            Wish::Say { group: of, text, .. } if of == group && text.tag == *tag => Some(item.id),
            _ => None,
        });
        let own = |line: &Line<'_>| line.author == self.me() && line.text.tag == *tag;
        unsent.or_else(|| {
            let room = self.rooms.get(group)?;
            let lately = room.lines().rev().take(LATELY).chain(room.waiting());
            lately.into_iter().find(own).map(|line| line.id)
        })
    }

    /// Sends a text to the present members, whoever was to read it before.
    ///
    /// # Errors
    /// When there is nothing to decide.
    pub fn send_anyway(&mut self, group: &GroupId, message: &MessageId) -> Acted {
        let is_undecided = self.say_item(group, message).is_some_and(|audience| {
            let is_there = self.rooms.get(group).is_some_and(|room| room.find(message).is_some());
            !is_there && self.obstacle(group).is_none() && !self.is_for_all(group, audience)
        });
        if !is_undecided {
            return Err(ActError::NotUndecided);
        }
        let readers: BTreeSet<_> = self.members(group).into_iter().collect();
        for item in self.outbox.iter_mut().filter(|item| item.id == *message) {
            if let Wish::Say { audience, .. } = &mut item.wish {
                audience.clone_from(&readers);
            }
        }
        self.shelf_changed = true;
        self.news.insert(News::Message(*group, *message));
        Ok(())
    }

    /// Takes back a text that is not on its way.
    ///
    /// # Errors
    /// When it is, or there is none.
    pub fn take_back(&mut self, group: &GroupId, message: &MessageId) -> Acted {
        let is_there = self.rooms.get(group).is_some_and(|room| room.find(message).is_some());
        let item = self.outbox.iter().find(|item| item.id == *message && item.group() == Some(*group));
        match item {
            _ if is_there => Err(ActError::Gone),
            None => Err(ActError::NoMessage(*message)),
            Some(item) if item.sent.is_some_and(|epoch| self.epoch_waits(group, &epoch)) => Err(ActError::Gone),
            Some(_) => {
                self.let_go(&BTreeSet::from([*message]));
                Ok(())
            }
        }
    }

    /// Everything up to this message was read.
    ///
    /// # Errors
    /// When there is no such message.
    pub fn read_up_to(&mut self, group: &GroupId, message: &MessageId) -> Acted {
        let room = self.rooms.get(group).ok_or(ActError::NoRoom(*group))?;
        let line = room.find(message).ok_or(ActError::NoMessage(*message))?;
        // Somebody who reads in two places does not read less for it.
        if self.marks.get(group).is_some_and(|mark| mark.has(&line)) {
            return Ok(());
        }
        let on_chain: Vec<_> = match line.at {
            Some(at) => room.lines_in(0..room.count_before(at) + 1).map(|line| (line.id, line.at)).collect(),
            None => room.lines().map(|line| (line.id, line.at)).collect(),
        };
        let (long_ago, lately) = on_chain.split_at(on_chain.len().saturating_sub(KNOWN_ONE_BY_ONE));
        let waiting = room.waiting().into_iter().map(|line| line.id).take_while(|id| id != message);
        let waiting = waiting.chain([*message]).filter(|_| line.at.is_none());
        let besides = lately.iter().map(|(id, _)| *id).chain(waiting).collect();
        let mark = Mark { up_to: long_ago.last().and_then(|(_, at)| *at), besides };
        if self.marks.get(group) != Some(&mark) {
            self.marks.insert(*group, mark);
            self.shelf_changed = true;
            self.news.insert(News::Account);
        }
        Ok(())
    }

    fn add(&mut self, id: ItemId, wish: Wish) -> Acted {
        if self.outbox.len() >= MAX_ITEMS {
            return Err(ActError::Full);
        }
        let item = Item::new(id, wish);
        self.news.insert(News::of(&item));
        self.outbox.push(item);
        self.shelf_changed = true;
        Ok(())
    }

    fn say_item(&self, group: &GroupId, message: &MessageId) -> Option<&BTreeSet<Address>> {
        self.outbox.iter().filter(|item| item.id == *message).find_map(|item| match &item.wish {
            Wish::Say { group: of, audience, .. } if of == group => Some(audience),
            _ => None,
        })
    }

    /// Who is in a room, as far as its owner can see: with what waits, and with those invited to one that is only
    /// being founded.
    fn members(&self, group: &GroupId) -> Vec<Address> {
        if let Some(epoch) = self.standing(group).expected.now() {
            return epoch.rotation().addresses().collect();
        }
        let founding = self.founding(group).into_iter().flat_map(|(_, members)| members).map(|(member, _)| *member);
        founding.chain([self.me()]).collect()
    }

    fn check_profile(&self) -> Acted {
        let wanted = self.outbox.iter().any(|item| matches!(item.wish, Wish::Profile { .. }));
        if wanted || self.board.people().get(&self.me()).is_some() { Ok(()) } else { Err(ActError::ProfileFirst) }
    }

    fn check_in(&self, group: &GroupId) -> Acted {
        let Standing { confirmed, expected } = self.standing(group);
        match expected.now() {
            None if self.founding(group).is_some() => Ok(()),
            None => Err(ActError::NoRoom(*group)),
            Some(now) if now.seat(&self.me()).is_some() && !expected.has_left(&self.me()) => Ok(()),
            Some(_) if confirmed.epochs().iter().any(|epoch| epoch.seat(&self.me()).is_some()) => Err(ActError::NotIn),
            Some(_) => Err(ActError::NoRoom(*group)),
        }
    }

    fn check_admin(&self, group: &GroupId) -> Acted {
        self.check_in(group)?;
        let now = self.standing(group).expected.now();
        let is_admin = now.is_none_or(|now| now.seat(&self.me()).is_some_and(|seat| seat.admin));
        if is_admin { Ok(()) } else { Err(ActError::NotAdmin) }
    }

    fn check_member(&self, group: &GroupId, member: &Address) -> Acted {
        if self.members(group).contains(member) { Ok(()) } else { Err(ActError::NoMember(*member)) }
    }

    fn is_only_admin(&self, group: &GroupId) -> bool {
        let expected = self.standing(group).expected;
        let Some(now) = expected.now() else { return true };
        let admins = now.rotation().members.iter().filter(|seat| seat.admin && !expected.has_left(&seat.address));
        admins.map(|seat| seat.address).eq([self.me()])
    }
}

fn check_name(name: &str) -> Acted {
    if (1..=MAX_NAME).contains(&name.trim().len()) && name.len() <= MAX_NAME {
        Ok(())
    } else {
        Err(ActError::Name(name.len()))
    }
}

fn random_id(rng: &mut impl CryptoRng) -> ItemId {
    MessageId(random(rng))
}
