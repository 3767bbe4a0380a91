//! The rules that need a chain: what may follow a header, and what a block does to the accounts and
//! the log. All of them are pure functions of what the caller hands in.

pub mod header;
pub mod ledger;
