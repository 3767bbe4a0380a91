//! Everything that touches the world. Drivers are thin: they turn what happens outside into the
//! machine's events and carry out its effects. No rule of the protocol is decided here.

pub mod clock;
pub mod engine;
pub mod http;
pub mod store;
