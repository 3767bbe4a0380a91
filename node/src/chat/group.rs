//! One group as everybody sees it: its epochs, and which rotations and departures take effect. The first valid
//! rotation after an epoch, in the chain's order, is the one that follows it; all others are lost. Secrets play no
//! part here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::{Address, BlockHash, TxId};

use super::{
    envelope::{Envelope, EpochId, GroupId, Leave, Origin, Rotation, Seat},
    key::Setting,
};
use crate::machine::store::Location;

/// Rotations and departures that stand before what they follow, kept for a group at most. Blocks may order what
/// different people signed in any way.
const MAX_EARLY: usize = 64;

/// Chat on the chain: who signed it, and where it stands.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where.
    pub at: Location,
    /// The transaction.
    pub id: TxId,
    /// Who signed it.
    pub author: Address,
    /// What it carries.
    pub envelope: Arc<Envelope>,
}

/// The time that a valid rotation begins.
#[derive(Debug, Clone)]
pub struct Epoch {
    /// Its id.
    pub id: EpochId,
    /// Where it took effect.
    pub at: Location,
    /// Who gave the group this key.
    pub author: Address,
    /// What stands in the chain; it is a rotation.
    envelope: Arc<Envelope>,
}

impl Epoch {
    /// The rotation that began it.
    pub fn rotation(&self) -> &Rotation {
        match &*self.envelope {
            Envelope::Rotation(rotation) => rotation,
            _ => unreachable!("an epoch is made of a rotation alone"),
        }
    }

    /// A member's seat.
    pub fn seat(&self, address: &Address) -> Option<&Seat> {
        let members = &self.rotation().members;
        members.binary_search_by(|seat| seat.address.cmp(address)).ok().and_then(|found| members.get(found))
    }

    /// Where its rotation stands in its group.
    pub fn setting(&self, genesis: &BlockHash) -> Setting {
        Setting::of(genesis, &self.rotation().group, &self.rotation().origin)
    }
}

/// What becomes of a rotation or departure.
enum Fate {
    TakesEffect,
    /// It may later.
    TooEarly,
    /// It never can.
    Lost,
}

/// One group.
#[derive(Debug, Default, Clone)]
pub struct Group {
    epochs: Vec<Epoch>,
    /// And where they said so.
    leaving: BTreeMap<Address, Location>,
    /// Who went by their own word, and was not let in again.
    departed: BTreeSet<Address>,
    early: Vec<Entry>,
}

impl Group {
    /// All epochs so far, from the first on.
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// The present epoch.
    pub fn now(&self) -> Option<&Epoch> {
        self.epochs.last()
    }

    /// An epoch that took effect, and how many came before it.
    pub fn epoch(&self, id: &EpochId) -> Option<(usize, &Epoch)> {
        // What is asked about is mostly new.
        self.epochs.iter().enumerate().rev().find(|(_, epoch)| epoch.id == *id)
    }

    /// Members who have said that they go, and still are in the present epoch, with the place where they said so first.
    pub fn leaving(&self) -> &BTreeMap<Address, Location> {
        &self.leaving
    }

    /// Whether somebody went by their own word.
    pub fn has_left(&self, member: &Address) -> bool {
        self.leaving.contains_key(member) || self.departed.contains(member)
    }

    /// Who may give the group its next key without having been asked to, once somebody leaves: admins before others,
    /// each kind in order of address.
    pub fn heirs(&self) -> Vec<Address> {
        let staying = self.now().into_iter().flat_map(|epoch| &epoch.rotation().members);
        let mut staying: Vec<_> = staying.filter(|seat| !self.leaving.contains_key(&seat.address)).collect();
        staying.sort_by_key(|seat| (!seat.admin, seat.address));
        staying.into_iter().map(|seat| seat.address).collect()
    }

    /// Whether somebody was a member at this place without interruption since that epoch.
    pub fn stayed(&self, member: &Address, since: usize, at: Location) -> bool {
        let until = self.epochs.iter().rposition(|epoch| epoch.at <= at).unwrap_or(since).max(since);
        self.epochs.get(since..=until).is_some_and(|epochs| epochs.iter().all(|epoch| epoch.seat(member).is_some()))
    }

    /// Takes the next entry of the chain: a rotation or a departure of this group.
    pub fn offer(&mut self, genesis: &BlockHash, entry: Entry) {
        let at = entry.at;
        if !self.try_one(genesis, &entry, at) {
            return;
        }
        // Each one that takes effect may be what others waited for.
        while let Some(next) = (0..self.early.len()).find(|index| {
            let fate = self.early.get(*index).map(|early| self.fate(genesis, early));
            matches!(fate, Some(Fate::TakesEffect))
        }) {
            let early = self.early.remove(next);
            self.try_one(genesis, &early, at);
        }
        // What waited in vain makes room.
        let early = std::mem::take(&mut self.early);
        self.early = early.into_iter().filter(|early| !matches!(self.fate(genesis, early), Fate::Lost)).collect();
    }

    /// Whether the group is another one now.
    fn try_one(&mut self, genesis: &BlockHash, entry: &Entry, at: Location) -> bool {
        match self.fate(genesis, entry) {
            Fate::TakesEffect => {
                match &*entry.envelope {
                    Envelope::Rotation(rotation) => self.rotate(genesis, entry, rotation, at),
                    Envelope::Leave(_) => {
                        self.leaving.entry(entry.author).or_insert(at);
                    }
                    _ => return false,
                }
                true
            }
            Fate::TooEarly => {
                if self.early.len() < MAX_EARLY {
                    self.early.push(entry.clone());
                }
                false
            }
            Fate::Lost => false,
        }
    }

    fn rotate(&mut self, genesis: &BlockHash, entry: &Entry, rotation: &Rotation, at: Location) {
        let id = EpochId::of(genesis, &entry.author, &entry.envelope.to_body());
        self.departed.extend(self.leaving.keys());
        self.departed.retain(|member| !rotation.has(member));
        self.leaving.retain(|member, _| rotation.has(member));
        self.epochs.push(Epoch { id, at, author: entry.author, envelope: entry.envelope.clone() });
    }

    fn fate(&self, genesis: &BlockHash, entry: &Entry) -> Fate {
        match &*entry.envelope {
            Envelope::Rotation(rotation) => self.fate_of_rotation(genesis, &entry.author, rotation),
            Envelope::Leave(leave) => self.fate_of_leave(&entry.author, leave),
            _ => Fate::Lost,
        }
    }

    fn fate_of_rotation(&self, genesis: &BlockHash, author: &Address, rotation: &Rotation) -> Fate {
        match (&rotation.origin, self.now()) {
            (Origin::Founding { salt }, None) => {
                let founds = GroupId::of(genesis, author, salt) == rotation.group;
                let is_admin = rotation.members.iter().any(|seat| seat.address == *author && seat.admin);
                if founds && is_admin { Fate::TakesEffect } else { Fate::Lost }
            }
            (Origin::Founding { .. }, Some(_)) => Fate::Lost,
            (Origin::After(parent), Some(now)) if *parent == now.id => {
                let Some(seat) = now.seat(author) else { return Fate::Lost };
                let follows =
                    (seat.admin && !self.leaving.contains_key(author)) || self.only_parts(now, rotation, author);
                if follows { Fate::TakesEffect } else { Fate::TooEarly }
            }
            (Origin::After(parent), _) if self.epoch(parent).is_some() => Fate::Lost,
            (Origin::After(_), _) => Fate::TooEarly,
        }
    }

    /// Whether a rotation does no more than part with some of those who have left, which any member may do who
    /// stays. When no admin stays, whoever does it becomes one.
    fn only_parts(&self, now: &Epoch, rotation: &Rotation, author: &Address) -> bool {
        let an_admin_stays =
            now.rotation().members.iter().any(|seat| seat.admin && !self.leaving.contains_key(&seat.address));
        let same = |seat: &Seat| {
            let inherits = !an_admin_stays && seat.address == *author;
            let before = now.seat(&seat.address);
            before.is_some_and(|before| {
                before.receiving == seat.receiving && (before.admin == seat.admin || inherits && seat.admin)
            })
        };
        let mut gone = now.rotation().addresses().filter(|member| !rotation.has(member));
        let parts = rotation.members.len() < now.rotation().members.len();
        parts
            && !self.leaving.contains_key(author)
            && rotation.members.iter().all(same)
            && gone.all(|member| self.leaving.contains_key(&member))
    }

    fn fate_of_leave(&self, author: &Address, leave: &Leave) -> Fate {
        let Some((since, _)) = self.epoch(&leave.epoch) else { return Fate::TooEarly };
        let stayed = self.epochs.iter().skip(since).all(|epoch| epoch.seat(author).is_some());
        if stayed { Fate::TakesEffect } else { Fate::Lost }
    }
}

/// The group that a rotation or departure belongs to.
pub fn group_of(envelope: &Envelope) -> Option<GroupId> {
    match envelope {
        Envelope::Rotation(rotation) => Some(rotation.group),
        Envelope::Leave(leave) => Some(leave.group),
        Envelope::Profile(_) | Envelope::Message(_) => None,
    }
}
