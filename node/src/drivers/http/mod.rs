//! The node's HTTP surface.

pub mod guard;
pub mod problem;
