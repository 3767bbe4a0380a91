//! Everything that touches the world. Drivers are thin: they turn what happens outside into the
//! machine's events and carry out its effects. No rule of the protocol is decided here.

pub mod audit;
pub mod chronicle;
pub mod clock;
pub mod engine;
pub mod files;
pub mod folder;
pub mod getwork;
pub mod http;
pub mod miner;
pub mod net;
pub mod outside;
pub mod progress;
pub mod store;
pub mod stratum;
pub mod traffic;
