//! One full peer.

pub mod cli;
pub mod client;
pub mod drivers;
