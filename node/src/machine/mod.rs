//! The node as a pure state machine.

pub mod journal;
pub mod store;
