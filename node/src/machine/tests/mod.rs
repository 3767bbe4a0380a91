//! The machine as its peers and users meet it: tests are conversations between machines over stores in
//! memory, and with strangers who say whatever the test wants. Nothing here waits for a clock.

mod book;
pub(crate) mod branch;
mod cheats;
mod clocks;
mod conversation;
pub(crate) mod filing;
mod hello;
mod mining;
mod notices;
mod outlook;
mod pool;
mod relay;
mod reorg;
mod replacement;
mod requests;
mod restart;
mod service;
mod slots;
mod strangers;
mod strategy;
mod sync;
