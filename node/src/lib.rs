//! One full peer: the machine that decides, the drivers that touch the world, and the simulator that
//! runs many machines in virtual time.

pub mod cli;
pub mod client;
pub mod drivers;
pub mod machine;
mod run;
pub mod sim;
