//! The manager as its users meet it: the real program, with the fake node in place of the real one.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test that calls them")]

mod api;
mod death;
mod documents;
mod faults;
mod mining;
mod runs;
mod start;
mod stop;
mod support;
