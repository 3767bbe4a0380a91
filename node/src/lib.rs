//! One full peer: the machine that decides, the drivers that touch the world, the accounts of its users,
//! and the simulator that runs many machines in virtual time.

pub mod accounts;
pub mod chat;
pub mod cli;
pub mod client;
pub mod drivers;
pub mod generate;
pub mod hash_rate;
pub mod machine;
mod run;
pub mod sim;

/// The examples of `docs/protocol.md`, for the tests that compute some of them.
#[cfg(test)]
#[path = "../../shared/tests/protocol_doc/document.rs"]
mod protocol_doc;
