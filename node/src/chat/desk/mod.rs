//! One account's chat, put together: the public board, the rooms that it is or was in, and its outbox. What the chain and
//! the pool hold comes in (`feed`), what its owner wants is taken or refused (`act`, `error`), what is to be signed and sent goes out
//! (`send`, with `plan` for changes of groups), and what its owner sees is told (`view`). Nothing here waits for
//! anything or knows of files, sessions and nodes.

mod act;
mod error;
mod feed;
mod plan;
mod send;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::{Address, BlockHash, Height, TxId};

pub use self::{
    error::ActError,
    send::Errand,
    view::{ChangeState, Page, Part, Quoted, Relation, Seen, SeenState},
};
use super::{
    board::Board,
    envelope::{Envelope, GroupId, MessageId},
    group::Group,
    outbox::{Item, ItemId},
    room::{Reader, Room, Standing},
    shelf::{Mark, Shelf},
};
use crate::accounts::session::Unlocked;

/// What changed for the account's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// The profile or the list of rooms.
    Account,
    /// A room: people, name, changes under way.
    Room(GroupId),
    /// A message is new, or stands elsewhere than before.
    Message(GroupId, MessageId),
}

/// Chat that waits in the pool.
#[derive(Debug, Clone)]
struct Waiting {
    id: TxId,
    author: Address,
    /// The group whose topic it lies under, for messages.
    group: Option<GroupId>,
    envelope: Arc<Envelope>,
}

/// One account's chat.
#[derive(Debug)]
pub struct Desk {
    account: Arc<Unlocked>,
    board: Board,
    rooms: BTreeMap<GroupId, Room>,
    /// Rooms whose messages were not read yet.
    unread: BTreeSet<GroupId>,
    tip: Option<(BlockHash, Height)>,
    pool: Vec<Waiting>,
    /// Groups that the pool would change, as they would be then.
    expected: BTreeMap<GroupId, Group>,
    /// Whether the chain changed since `expected` was worked out.
    expected_is_old: bool,
    outbox: Vec<Item>,
    marks: BTreeMap<GroupId, Mark>,
    /// Why the last attempt to send an item failed.
    reasons: BTreeMap<ItemId, String>,
    /// Messages whose blocks left the chain, until they are confirmed again.
    retracted: BTreeSet<MessageId>,
    news: BTreeSet<News>,
    /// Whether the shelf is to be written.
    shelf_changed: bool,
    /// What stands for a group that nobody has seen yet.
    nothing: Group,
}

impl Reader for Unlocked {
    fn address(&self) -> Address {
        self.address
    }

    fn secret(&self) -> &[u8; 32] {
        self.keys.exchange()
    }
}

impl Desk {
    /// An account's chat before anything of the chain was read.
    pub fn new(account: Arc<Unlocked>, genesis: BlockHash, shelf: Shelf) -> Self {
        Self {
            account,
            board: Board::new(genesis),
            rooms: BTreeMap::new(),
            unread: BTreeSet::new(),
            tip: None,
            pool: Vec::new(),
            expected: BTreeMap::new(),
            expected_is_old: false,
            outbox: shelf.outbox,
            marks: shelf.marks,
            reasons: BTreeMap::new(),
            retracted: BTreeSet::new(),
            news: BTreeSet::new(),
            shelf_changed: false,
            nothing: Group::default(),
        }
    }

    /// Whose it is.
    pub fn account(&self) -> &Arc<Unlocked> {
        &self.account
    }

    /// The public side.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// The block up to which the chain was read.
    pub fn tip(&self) -> Option<(BlockHash, Height)> {
        self.tip
    }

    /// What is to be kept, if it is another than when this was asked last.
    pub fn changed_shelf(&mut self) -> Option<Shelf> {
        std::mem::take(&mut self.shelf_changed).then(|| self.shelf())
    }

    /// What is to be kept.
    pub fn shelf(&self) -> Shelf {
        Shelf { outbox: self.outbox.clone(), marks: self.marks.clone() }
    }

    /// The shelf could not be written: it is still to be.
    pub fn keep_shelf_later(&mut self) {
        self.shelf_changed = true;
    }

    /// What changed since this was asked last.
    pub fn take_news(&mut self) -> BTreeSet<News> {
        std::mem::take(&mut self.news)
    }

    fn me(&self) -> Address {
        self.account.address
    }

    fn genesis(&self) -> &BlockHash {
        self.board.genesis()
    }

    fn height(&self) -> Height {
        self.tip.map_or(Height(0), |(_, height)| height)
    }

    /// A group on the chain, and with what waits.
    fn standing(&self, group: &GroupId) -> Standing<'_> {
        let confirmed = self.board.group(group).unwrap_or(&self.nothing);
        Standing { confirmed, expected: self.expected.get(group).unwrap_or(confirmed) }
    }

    /// Whether the account is in a group, or was.
    fn concerns(&self, group: &GroupId) -> bool {
        let Standing { confirmed, expected } = self.standing(group);
        confirmed.epochs().iter().chain(expected.now()).any(|epoch| epoch.seat(&self.me()).is_some())
    }
}
