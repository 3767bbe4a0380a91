//! The crate's rules and codecs as a node uses them: every way in which a block can be wrong, and
//! properties that hold for all blocks, messages and texts.

#![allow(clippy::unwrap_used, reason = "an unexpected value fails the test")]

mod blocks;
mod codecs;
mod headers;
mod ledger;
mod ledger_properties;
mod receipts;
mod strategies;
mod texts;
