//! Why something that an account's owner wants is not taken, in words.

use shared::Address;

use crate::chat::{
    envelope::{GroupId, MAX_MEMBERS, MAX_NAME, MessageId},
    outbox::MAX_ITEMS,
    text::MAX_TEXT,
};

/// Why something is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// No name.
    #[error("a name has 1 to {MAX_NAME} bytes, this one has {0}")]
    Name(usize),
    /// No text.
    #[error("a message has 1 to {MAX_TEXT} bytes, this one has {0}")]
    Text(usize),
    /// Nobody knows where to write to.
    #[error("{0} has published no profile yet: whoever it is has to open the chat once and choose a name")]
    NoProfile(Address),
    /// Nobody is called that.
    #[error("nobody here is called {0:?}; names are those of published profiles, or give an address")]
    Nobody(String),
    /// Several are.
    #[error("{name:?} is the name of several accounts: {addresses}; give the address of the one you mean")]
    Ambiguous {
        /// The name.
        name: String,
        /// Their addresses.
        addresses: String,
    },
    /// The receiving key is a trap.
    #[error("{0} has published a receiving key for which nothing can be encrypted")]
    Unsealable(Address),
    /// Too many.
    #[error("a room has at most {MAX_MEMBERS} members")]
    Members,
    /// There is no such room for this account.
    #[error("this account is in no room {0}")]
    NoRoom(GroupId),
    /// It was.
    #[error("this account is not in the room any more")]
    NotIn,
    /// It takes an admin.
    #[error("only an admin of the room may do that")]
    NotAdmin,
    /// Somebody must be admin.
    #[error("you are the room's only admin: make somebody else one before you go")]
    OnlyAdmin,
    /// Not in the room.
    #[error("{0} is not in the room")]
    NoMember(Address),
    /// In the room.
    #[error("{0} is in the room already")]
    Member(Address),
    /// There is no such message.
    #[error("the room has no message {0}")]
    NoMessage(MessageId),
    /// It is too late.
    #[error("the message is on its way already: what is on the chain stays there")]
    Gone,
    /// The account has no profile.
    #[error("choose a name first (POST /chat/profile): others need it, and your receiving key with it, to reach you")]
    ProfileFirst,
    /// Far too much waits.
    #[error("{MAX_ITEMS} messages and changes wait already; try again once some are confirmed")]
    Full,
    /// It need not be decided.
    #[error("the message needs no decision")]
    NotUndecided,
}
