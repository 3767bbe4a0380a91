//! Accounts: one seed each, kept in a file under a password, and unlocked for as long as its owner is
//! logged in. What is signed with the keys, and how any of this is asked for, is decided elsewhere.
//!
//! - `seed`: 32 bytes, the 24 words that stand for them, the keys that follow
//! - `name`, `password`: what people type, and what trying a password costs
//! - `keystore`: the file of one account; `directory`: the folder of them
//! - `miner`: the account that gets the node's rewards
//! - `session`: who is logged in; `backoff`: who has to wait after wrong passwords
//! - `vault`: all of it together, as the node uses it

pub mod backoff;
pub mod directory;
pub mod keystore;
pub mod miner;
pub mod name;
pub mod password;
pub mod seed;
pub mod session;
pub mod vault;

#[cfg(test)]
mod tests;
