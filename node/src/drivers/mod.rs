//! Everything that touches the world: sockets, files, clocks. The rules of the protocol are not here.

pub mod http;
