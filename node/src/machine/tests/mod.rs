//! The machine as its peers and users meet it: tests are conversations between machines over stores in
//! memory, and with strangers who say whatever the test wants. Nothing here waits for a clock.

mod book;
mod branch;
mod cheats;
mod conversation;
mod hello;
mod mining;
mod outlook;
mod pool;
mod relay;
mod reorg;
mod requests;
mod restart;
mod strangers;
mod sync;
