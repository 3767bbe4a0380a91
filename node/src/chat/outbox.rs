//! What an account wants on the chain and does not have there for good yet: texts, profiles, and changes of groups. An
//! item stays until what it asks for is confirmed so deep that no reorganisation is expected to take it back; so a
//! restart, a full pool or a reorganisation loses nothing.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use shared::{Address, TxId};

use super::{
    envelope::{EpochId, GroupId, MessageId},
    text::Text,
};

/// Names an item.
pub type ItemId = MessageId;

/// Blocks on top after which an item is let go.
pub const SETTLED: u32 = 100;

/// Items of an account, at most.
pub const MAX_ITEMS: usize = 10_000;

/// Somebody to be let in, and the receiving key that was theirs then.
pub type Invited = (Address, [u8; 32]);

/// Something wanted.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Item {
    /// Its name. A text's is the message's id.
    pub id: ItemId,
    /// What.
    pub wish: Wish,
    /// The epoch that a rotation would begin that was sent for it, or that a text or departure was sent in.
    pub sent: Option<EpochId>,
    /// The transaction that was sent for it last.
    pub carried: Option<TxId>,
    /// Why it was given up: whoever asked for it must see that.
    pub undone: Option<String>,
}

/// What can be wanted.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Wish {
    /// To be known under this name.
    Profile {
        /// The display name.
        name: String,
    },
    /// A new group.
    Found {
        /// Its id.
        group: GroupId,
        /// Which it follows from.
        salt: [u8; 32],
        /// The room's name.
        name: String,
        /// Whom to invite, with their receiving keys.
        members: Vec<Invited>,
    },
    /// A change that takes an admin.
    Change {
        /// Of which group.
        group: GroupId,
        /// Which.
        change: Change,
    },
    /// To go.
    Leave {
        /// From which group.
        group: GroupId,
    },
    /// To say something.
    Say {
        /// In which group.
        group: GroupId,
        /// What.
        text: Text,
        /// Who was to read it when it was written: it is not encrypted for anybody else by itself.
        audience: BTreeSet<Address>,
    },
}

/// A change that takes an admin.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Change {
    /// Let somebody in.
    Add {
        /// Whom.
        member: Address,
        /// The receiving key that was theirs then.
        receiving: [u8; 32],
        /// Whether they may read what was written before.
        history: bool,
    },
    /// Put somebody out.
    Remove {
        /// Whom.
        member: Address,
    },
    /// Make somebody an admin, or no admin any more.
    Appoint {
        /// Whom.
        member: Address,
        /// Whether an admin.
        admin: bool,
    },
    /// Another name.
    Rename {
        /// Which.
        name: String,
    },
    /// Another key, and nothing else.
    Rotate,
}

impl Item {
    /// One that was not sent yet.
    pub fn new(id: ItemId, wish: Wish) -> Self {
        Self { id, wish, sent: None, carried: None, undone: None }
    }

    /// The group that it is about.
    pub fn group(&self) -> Option<GroupId> {
        match &self.wish {
            Wish::Profile { .. } => None,
            Wish::Found { group, .. }
            | Wish::Change { group, .. }
            | Wish::Leave { group }
            | Wish::Say { group, .. } => Some(*group),
        }
    }

    /// The change that it asks for, if that is still to be made.
    pub fn open_change(&self, of: &GroupId) -> Option<&Change> {
        match &self.wish {
            Wish::Change { group, change } if group == of && self.undone.is_none() => Some(change),
            _ => None,
        }
    }
}
