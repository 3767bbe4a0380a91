//! One full peer: the machine that decides, the drivers that touch the world, the accounts of its users,
//! and the simulator that runs many machines in virtual time.

pub mod accounts;
pub mod chat;
pub mod cli;
pub mod client;
pub mod drivers;
pub mod hash_rate;
pub mod machine;
mod run;
pub mod sim;
