//! What a group's next rotation would be: the present members without those who leave, and with all that this account
//! wants changed. Several changes make one rotation.

use std::collections::BTreeMap;

use shared::{Address, Height};

use super::Desk;
use crate::chat::{
    envelope::{GroupId, MAX_MEMBERS},
    group::Group,
    outbox::{Change, ItemId},
    room::Standing,
};

/// A rotation to be made.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Receiving key, and whether an admin.
    pub(super) members: BTreeMap<Address, ([u8; 32], bool)>,
    pub(super) name: String,
    /// Whether those who are new may read back.
    pub(super) history: bool,
    /// What it would do.
    pub(super) items: Vec<ItemId>,
    /// What needs no doing.
    pub(super) done: Vec<ItemId>,
    /// What cannot be done, and why.
    pub(super) undone: Vec<(ItemId, &'static str)>,
    /// Whether there is anything to rotate for.
    pub(super) is_needed: bool,
}

/// What becomes of one change.
enum Outcome {
    Made,
    Needless,
    Impossible(&'static str),
}

impl Desk {
    /// The next rotation of a group that the account is or was in. Whoever has said that they go makes none.
    pub(super) fn plan(&self, group_id: &GroupId) -> Option<Plan> {
        let Standing { confirmed: group, expected } = self.standing(group_id);
        let now = group.now()?;
        let seat = now.seat(&self.me()).filter(|_| !group.has_left(&self.me()));
        if seat.is_some() && expected.has_left(&self.me()) {
            return None;
        }
        // Whoever was not given the present key can still give out another one.
        let name = self.rooms.get(group_id)?.name(group).unwrap_or_default().to_owned();
        let members = now.rotation().members.iter().map(|seat| (seat.address, (seat.receiving, seat.admin)));
        let mut plan = Plan { members: members.collect(), name, history: true, ..Plan::default() };
        // What was sent and took effect is done, whatever happened to the group afterwards.
        let wanted = self.outbox.iter().filter_map(|item| Some((item, item.open_change(group_id)?)));
        let wanted = wanted.filter(|(item, _)| !self.took_effect(group_id, item));
        for (item, change) in wanted.map(|(item, change)| (item.id, change)) {
            let outcome = match seat {
                Some(seat) if seat.admin => plan.apply(change),
                Some(_) => Outcome::Impossible(NO_ADMIN),
                None => Outcome::Impossible(NOT_IN),
            };
            match outcome {
                Outcome::Made => plan.items.push(item),
                Outcome::Needless => plan.done.push(item),
                Outcome::Impossible(why) => plan.undone.push((item, why)),
            }
        }
        plan.is_needed = !plan.items.is_empty();
        if plan.is_needed || self.is_heir(group) && !self.wants_to_leave(group_id) {
            plan.part(group.leaving().keys(), self.me());
        }
        Some(plan)
    }

    /// Whether it is this account that gives the group a key because somebody left. One after the other has a block's
    /// time to do it, so that few do it twice.
    fn is_heir(&self, group: &Group) -> bool {
        let Some(left) = group.leaving().values().min() else { return false };
        let rank = group.heirs().iter().position(|heir| *heir == self.me());
        let passed = self.height().0.saturating_sub(left.height.0);
        rank.and_then(|rank| u32::try_from(rank).ok()).is_some_and(|rank| Height(passed) >= Height(rank))
    }
}

const NO_ADMIN: &str = "you are no admin of this room any more";
const NOT_IN: &str = "you are not in this room any more";

impl Plan {
    fn apply(&mut self, change: &Change) -> Outcome {
        match change {
            Change::Add { member, .. } if self.members.contains_key(member) => Outcome::Needless,
            Change::Add { .. } if self.members.len() >= MAX_MEMBERS => Outcome::Impossible("the room is full"),
            Change::Add { member, receiving, history } => {
                self.members.insert(*member, (*receiving, false));
                self.history &= history;
                Outcome::Made
            }
            Change::Remove { member } => match self.members.get(member).copied() {
                None => Outcome::Needless,
                Some((_, true)) if self.admins() == 1 => Outcome::Impossible(LAST_ADMIN),
                Some(_) => {
                    self.members.remove(member);
                    Outcome::Made
                }
            },
            Change::Appoint { member, admin } => {
                let is_last = self.admins() == 1;
                match self.members.get_mut(member) {
                    None => Outcome::Impossible("this account is in the room no more"),
                    Some((_, is)) if is == admin => Outcome::Needless,
                    Some(_) if !admin && is_last => Outcome::Impossible(LAST_ADMIN),
                    Some((_, is)) => {
                        *is = *admin;
                        Outcome::Made
                    }
                }
            }
            Change::Rename { name } if *name == self.name => Outcome::Needless,
            Change::Rename { name } => {
                self.name.clone_from(name);
                Outcome::Made
            }
            Change::Rotate => Outcome::Made,
        }
    }

    fn admins(&self) -> usize {
        self.members.values().filter(|(_, admin)| *admin).count()
    }

    /// Without those who leave; whoever does this becomes an admin if no other is left.
    fn part<'a>(&mut self, leaving: impl Iterator<Item = &'a Address>, me: Address) {
        for member in leaving {
            self.is_needed |= self.members.remove(member).is_some();
        }
        if self.admins() == 0
            && let Some((_, admin)) = self.members.get_mut(&me)
        {
            *admin = true;
        }
    }
}

const LAST_ADMIN: &str = "a room needs an admin: make somebody else one first";
