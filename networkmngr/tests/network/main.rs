//! Whole networks of real nodes, as their users run them: the program itself with the nodes built in.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test that calls them")]

mod bench;
mod bursts;
mod commands;
mod ends;
mod faults;
// The node's own tests ask with it, too.
#[path = "../../../node/tests/process/http.rs"]
mod http;
mod orders;
mod refusals;
mod scenarios;
mod support;
mod timeline;
mod views;
