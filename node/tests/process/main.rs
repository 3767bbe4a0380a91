//! The node as its users meet it: the real program in a process of its own, asked over HTTP, watched
//! through its log, ended in every way. One file for each thing that can happen to it.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test that calls them")]

mod accounts;
mod audit;
mod disk;
mod endings;
mod hostile;
mod http;
mod join;
mod kill;
mod namespaces;
mod process;
mod refusals;
mod replace;
mod stratum;
mod third_party;
mod third_party_chat;
