//! Stratum V1, by which miners of other makes work for this node: the lines are read and written in `wire`; what a
//! miner is told and what becomes of its shares is decided in `session`, with `jobs`, `difficulty` and `budget`, none
//! of which knows sockets or clocks; `server` has the sockets.

mod budget;
pub mod difficulty;
mod jobs;
mod server;
mod session;
#[cfg(test)]
mod tests;
pub mod wire;

pub use self::{
    server::{Hall, serve},
    session::paid_by,
};
