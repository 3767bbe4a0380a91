//! The stores' tests. What both stores promise is in `suite.rs`; what only a file can do is in
//! `file.rs`; rows as bytes are in `codecs.rs`; power cuts and full disks are in `crash.rs`.

mod codecs;
mod crash;
mod disk;
mod file;
mod samples;
mod suite;
