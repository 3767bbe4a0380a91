//! What the account's owner sees.

use std::collections::BTreeSet;
use std::ops::Range;

use shared::{Address, Height, TxId};

use super::Desk;
use crate::chat::{
    envelope::{GroupId, MessageId},
    group::Group,
    outbox::{Invited, Item, Wish},
    room::{Line, Standing},
    shelf::Mark,
    text::Text,
};
use crate::machine::store::Location;

/// A message as its reader sees it.
#[derive(Debug, Clone)]
pub struct Seen<'a> {
    /// Its id.
    pub id: MessageId,
    /// Who wrote it.
    pub author: Address,
    /// What.
    pub text: &'a Text,
    /// Where it stands.
    pub state: SeenState,
    /// The transaction that carries it, once there is one.
    pub transaction: Option<TxId>,
    /// The message that it answers.
    pub quoted: Option<Quoted<'a>>,
}

/// Where a message stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeenState {
    /// In the outbox, and why.
    Waiting(String),
    /// In the outbox, until its author decides.
    Undecided,
    /// In the pool.
    Pending,
    /// Its block left the chain; it is on its way again.
    Retracted,
    /// On the chain, here.
    Confirmed(Location),
}

/// A message that another one answers.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'a> {
    /// Its id.
    pub id: MessageId,
    /// Who wrote what, if this account can read it.
    pub said: Option<(Address, &'a str)>,
}

/// A page of messages.
#[derive(Debug)]
pub struct Page<'a> {
    /// Newest first.
    pub messages: Vec<Seen<'a>>,
    /// Where it begins, if there are older ones: they are before this.
    pub next: Option<Location>,
    /// Where it ends, if there are newer ones on the chain: they are after this.
    pub previous: Option<Location>,
}

/// Which part of a room a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its end.
    Newest,
    /// What stands just before this place.
    Before(Location),
    /// What stands just after it.
    After(Location),
    /// What stands around a message.
    Around(MessageId),
}

impl Seen<'_> {
    fn at(&self) -> Option<Location> {
        match self.state {
            SeenState::Confirmed(at) => Some(at),
            _ => None,
        }
    }
}

/// What an account has to do with a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It founds it; nothing is confirmed.
    Founding,
    /// It is in it.
    Member,
    /// It went.
    Left,
    /// It was put out.
    Removed,
}

/// Where a change stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeState {
    /// In the outbox, and why.
    Waiting(String),
    /// In the pool.
    Pending,
    /// Given up, and why.
    Undone(String),
}

impl Desk {
    /// All rooms that the account founds, is in, or was in.
    pub fn rooms(&self) -> Vec<GroupId> {
        let founding = self.outbox.iter().filter_map(|item| match &item.wish {
            Wish::Found { group, .. } => Some(*group),
            _ => None,
        });
        let known = self.rooms.keys().copied().filter(|group| self.concerns(group));
        known.chain(founding).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What the account has to do with a room; `None` if nothing.
    pub fn relation(&self, group: &GroupId) -> Option<Relation> {
        let Standing { confirmed, expected } = self.standing(group);
        let me = self.me();
        let Some(now) = expected.now() else { return self.founding(group).map(|_| Relation::Founding) };
        if !self.concerns(group) {
            return None;
        }
        Some(match () {
            () if expected.has_left(&me) => Relation::Left,
            () if now.seat(&me).is_none() => Relation::Removed,
            () if confirmed.now().is_none() => Relation::Founding,
            () => Relation::Member,
        })
    }

    /// A group as the account expects it to be.
    pub fn expected(&self, group: &GroupId) -> &Group {
        self.standing(group).expected
    }

    /// A group as the chain has it.
    pub fn confirmed(&self, group: &GroupId) -> &Group {
        self.standing(group).confirmed
    }

    /// The room's name and those invited, of a room that is being founded.
    pub fn founding(&self, group: &GroupId) -> Option<(&str, &[Invited])> {
        self.outbox.iter().find_map(|item| match &item.wish {
            Wish::Found { group: of, name, members, .. } if of == group => Some((name.as_str(), members.as_slice())),
            _ => None,
        })
    }

    /// The room's name.
    pub fn name(&self, group: &GroupId) -> Option<&str> {
        let room = self.rooms.get(group);
        let Standing { confirmed, expected } = self.standing(group);
        let known = room.and_then(|room| room.name(expected).or_else(|| room.name(confirmed)));
        known.or_else(|| self.founding(group).map(|(name, _)| name))
    }

    /// The height from which on the account can read a room, unless it can read everything.
    pub fn readable_from(&self, group: &GroupId) -> Option<Height> {
        self.rooms.get(group)?.readable_from(self.standing(group).confirmed)
    }

    /// A page of a room. What is on its way comes with the newest messages.
    pub fn page(&self, group: &GroupId, part: Part, limit: usize) -> Page<'_> {
        let Some(room) = self.rooms.get(group) else { return self.page_of(group, Vec::new(), 0..0, 0) };
        let count = room.lines().len();
        let up_to = |end: usize| end.saturating_sub(limit)..end;
        let from = |start: usize| start..start.saturating_add(limit).min(count);
        let range = match part {
            Part::Newest => up_to(count),
            Part::Before(at) => up_to(room.count_before(at)),
            Part::After(at) => from(room.count_before(Location { position: at.position.saturating_add(1), ..at })),
            Part::Around(id) => match room.find(&id).and_then(|line| line.at) {
                Some(at) => from(room.count_before(at).saturating_sub(limit / 2)),
                None => up_to(count),
            },
        };
        let lines = room.lines_in(range.clone()).rev().map(|line| self.seen(group, line)).collect();
        self.page_of(group, lines, range, count)
    }

    /// Messages on the chain at these places of so many.
    fn page_of<'a>(&'a self, group: &GroupId, lines: Vec<Seen<'a>>, range: Range<usize>, count: usize) -> Page<'a> {
        let next = lines.last().filter(|_| range.start > 0).and_then(Seen::at);
        let previous = lines.first().filter(|_| range.end < count).and_then(Seen::at);
        let on_the_way = if range.end == count { self.on_the_way(group) } else { Vec::new() };
        Page { messages: on_the_way.into_iter().rev().chain(lines).collect(), next, previous }
    }

    /// Messages of a room that contain this, whatever the capitals: those before this place, the newest first.
    pub fn search(&self, group: &GroupId, wanted: &str, before: Option<Location>, limit: usize) -> Page<'_> {
        let wanted = wanted.to_lowercase();
        let fits = |seen: &Seen<'_>| seen.text.text.to_lowercase().contains(&wanted);
        let on_the_way = if before.is_none() { self.on_the_way(group) } else { Vec::new() };
        let mut messages: Vec<_> = on_the_way.into_iter().rev().filter(fits).collect();
        let Some(room) = self.rooms.get(group) else { return Page { messages, next: None, previous: None } };
        let end = before.map_or(room.lines().len(), |at| room.count_before(at));
        let mut found = room.lines_in(0..end).rev().map(|line| self.seen(group, line)).filter(fits);
        messages.extend(found.by_ref().take(limit));
        let last = messages.last().and_then(Seen::at);
        Page { next: last.filter(|_| found.next().is_some()), messages, previous: None }
    }

    /// What is not on the chain, oldest first: in the pool, and behind it in the outbox.
    fn on_the_way(&self, group: &GroupId) -> Vec<Seen<'_>> {
        let room = self.rooms.get(group);
        let waiting = room.map(|room| room.waiting()).unwrap_or_default();
        let mut seen: Vec<_> = waiting.into_iter().map(|line| self.seen(group, line)).collect();
        let unsent = self.outbox.iter().filter(|item| item.group() == Some(*group));
        let unsent = unsent.filter(|item| room.is_none_or(|room| room.find(&item.id).is_none()));
        let obstacle = self.obstacle(group);
        seen.extend(unsent.filter_map(|item| self.unsent(item, obstacle)));
        seen
    }

    /// One message of a room.
    pub fn message(&self, group: &GroupId, id: &MessageId) -> Option<Seen<'_>> {
        if let Some(line) = self.rooms.get(group).and_then(|room| room.find(id)) {
            return Some(self.seen(group, line));
        }
        let item = self.outbox.iter().find(|item| item.id == *id && item.group() == Some(*group));
        item.and_then(|item| self.unsent(item, self.obstacle(group)))
    }

    /// All messages of a room that are on the chain, oldest first, and then those on their way.
    pub fn all<'a>(&'a self, group: &'a GroupId) -> impl Iterator<Item = Seen<'a>> {
        let lines = self.rooms.get(group).map(|room| room.lines());
        let on_chain = lines.into_iter().flatten().map(|line| self.seen(group, line));
        on_chain.chain(self.on_the_way(group))
    }

    fn seen<'a>(&'a self, group: &GroupId, line: Line<'a>) -> Seen<'a> {
        let state = match line.at {
            Some(at) => SeenState::Confirmed(at),
            None if self.retracted.contains(&line.id) => SeenState::Retracted,
            None => SeenState::Pending,
        };
        let quoted = line.text.reply_to.map(|id| self.quoted(group, id));
        Seen { id: line.id, author: line.author, text: line.text, state, transaction: Some(line.transaction), quoted }
    }

    fn unsent<'a>(&'a self, item: &'a Item, obstacle: Option<&'static str>) -> Option<Seen<'a>> {
        let Wish::Say { group, text, audience } = &item.wish else { return None };
        let waits = item.sent.is_some_and(|epoch| self.epoch_waits(group, &epoch));
        let state = match obstacle {
            _ if waits => SeenState::Retracted,
            Some(why) => SeenState::Waiting(why.to_owned()),
            None if !self.is_for_all(group, audience) => SeenState::Undecided,
            None if self.retracted.contains(&item.id) => SeenState::Retracted,
            None => SeenState::Waiting(self.reason(item)),
        };
        let quoted = text.reply_to.map(|id| self.quoted(group, id));
        Some(Seen { id: item.id, author: self.me(), text, state, transaction: None, quoted })
    }

    fn reason(&self, item: &Item) -> String {
        self.reasons.get(&item.id).cloned().unwrap_or_else(|| "on its way to the pool".to_owned())
    }

    fn quoted(&self, group: &GroupId, id: MessageId) -> Quoted<'_> {
        let line = self.rooms.get(group).and_then(|room| room.find(&id));
        let said = line.map(|line| (line.author, line.text.text.as_str()));
        let own = || {
            let item = self.outbox.iter().find(|item| item.id == id && item.group() == Some(*group))?;
            let Wish::Say { text, .. } = &item.wish else { return None };
            Some((self.me(), text.text.as_str()))
        };
        Quoted { id, said: said.or_else(own) }
    }

    /// The newest message that is on the chain or in the pool, or else one that waits.
    pub fn newest(&self, group: &GroupId) -> Option<Seen<'_>> {
        self.page(group, Part::Newest, 1).messages.into_iter().next()
    }

    /// How many messages of others were not read.
    pub fn count_unread(&self, group: &GroupId) -> usize {
        let Some(room) = self.rooms.get(group) else { return 0 };
        let nothing = Mark::default();
        let mark = self.marks.get(group).unwrap_or(&nothing);
        let is_unread = |line: &Line<'_>| line.author != self.me() && !mark.has(line);
        let beyond = |line: &Line<'_>| !mark.is_passed(line);
        let on_chain = room.lines().rev().take_while(beyond).filter(is_unread).count();
        on_chain + room.waiting().iter().filter(|line| is_unread(line)).count()
    }

    /// How many messages wait for their author's decision.
    pub fn count_undecided(&self, group: &GroupId) -> usize {
        let unsent = self.on_the_way(group);
        unsent.iter().filter(|seen| seen.state == SeenState::Undecided).count()
    }

    /// What was asked for about a room and is not confirmed.
    pub fn changes(&self, group: &GroupId) -> Vec<(&Item, ChangeState)> {
        let of_group = self.outbox.iter().filter(|item| item.group() == Some(*group));
        let changes = of_group.filter(|item| !matches!(item.wish, Wish::Say { .. } | Wish::Profile { .. }));
        changes.filter_map(|item| Some((item, self.change_state(group, item)?))).collect()
    }

    fn change_state(&self, group: &GroupId, item: &Item) -> Option<ChangeState> {
        if let Some(why) = &item.undone {
            return Some(ChangeState::Undone(why.clone()));
        }
        let Standing { confirmed, .. } = self.standing(group);
        let is_done = match &item.wish {
            Wish::Found { .. } => confirmed.now().is_some(),
            Wish::Leave { .. } => confirmed.has_left(&self.me()),
            _ => item.sent.is_some_and(|epoch| confirmed.epoch(&epoch).is_some()),
        };
        if is_done {
            return None;
        }
        Some(if self.is_under_way(item) { ChangeState::Pending } else { ChangeState::Waiting(self.reason(item)) })
    }

    /// Whether a change is in the pool or on the chain.
    pub(super) fn is_under_way(&self, item: &Item) -> bool {
        let Some(group) = item.group() else { return false };
        let Standing { confirmed, expected } = self.standing(&group);
        match &item.wish {
            Wish::Found { .. } => expected.now().is_some(),
            Wish::Leave { .. } => expected.has_left(&self.me()),
            _ => item.sent.is_some_and(|epoch| expected.epoch(&epoch).or_else(|| confirmed.epoch(&epoch)).is_some()),
        }
    }

    /// The display name that the account wants, and where that stands; `None` if it has none.
    pub fn profile(&self) -> Option<(&str, SeenState)> {
        let wanted = self.outbox.iter().find_map(|item| match &item.wish {
            Wish::Profile { name } => Some((name.as_str(), item)),
            _ => None,
        });
        let published = self.board.people().get(&self.me());
        match (wanted, published) {
            (Some((name, item)), _) if self.profile_waits(item, name) => Some((name, SeenState::Pending)),
            (Some((name, item)), _) if self.profile_place(item, name).is_none() => {
                Some((name, SeenState::Waiting(self.reason(item))))
            }
            (_, Some(person)) => Some((person.name.as_str(), SeenState::Confirmed(person.at))),
            _ => None,
        }
    }
}
