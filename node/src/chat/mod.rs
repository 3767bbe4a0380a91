//! End-to-end encrypted group chat: which bytes carry it, who may change a group, what an account can read, and
//! what it still has to send. Everything here is a value or a rule: the chain comes in as transactions in the
//! chain's order, what is to be sent goes out as payloads, and time and randomness are arguments. The same chain
//! and the same keys always give the same rooms. `docs/protocol.md` section 20 has the bytes.
//!
//! - `envelope`: what the body of a data payload carries, and the topics it lies under
//! - `key`, `seal`, `text`: an epoch's key, how members get it, what it encrypts
//! - `group`: one group's epochs, and which rotations are valid; `people`: profiles and safety numbers
//! - `board`: all of that for a whole chain, and how it goes back when blocks leave
//! - `room`: what one account reads of one group
//! - `outbox`: what an account wants sent or changed, until the chain has it for good; `shelf`: how that is kept
//! - `desk`: one account's chat, put together; `follow`: how it reads a chain

pub mod board;
pub mod desk;
pub mod envelope;
pub mod follow;
pub mod group;
pub mod key;
pub mod outbox;
pub mod people;
pub mod room;
pub mod seal;
pub mod shelf;
pub mod text;

#[cfg(test)]
mod tests;
