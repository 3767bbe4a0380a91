//! Tests of the interface over whole nodes: a machine in its own thread, a database in a folder of its
//! own, a socket. What only sockets can show is in `connections.rs`; elsewhere requests go straight into
//! the router.

mod acting;
mod chain;
mod chat;
mod connections;
mod documents;
mod events;
mod harness;
mod ledger;
mod links;
mod log;
mod nodes;
mod replace;
mod samples;
mod sessions;
mod status;
mod strategy;
mod transactions;
mod valid;
mod wallet;
