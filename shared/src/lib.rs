//! The protocol of networkmngr as values and rules: what a block is, when it is valid, what it does
//! to the accounts, and how all of it looks as bytes and as JSON.
//!
//! Nothing here reads a clock, a file or a socket, and nothing here knows of a node: every function
//! gives the same answer on every machine. `docs/protocol.md` specifies the bytes.

pub mod address;
pub mod amount;
pub mod asert;
pub mod block;
pub mod coinbase;
pub mod hash;
pub mod header;
mod json;
pub mod log;
pub mod peer;
pub mod receipt;
pub mod record;
pub mod rules;
pub mod signature;
pub mod spec;
pub mod time;
pub mod transaction;
pub mod wire;
pub mod work;

pub use address::Address;
pub use amount::Amount;
pub use block::{Block, CheckedBlock};
pub use coinbase::Coinbase;
pub use hash::{BlockHash, CoinbaseHash, LogRoot, SpecHash, TxId};
pub use header::{Header, Height};
pub use log::LogEdge;
pub use spec::{ChainSpec, Network};
pub use time::{Millis, Seconds};
pub use transaction::{CheckedTransaction, Payload, Topic, Transaction};
pub use work::{Bits, Target, Work};
