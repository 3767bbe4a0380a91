//! A frame from a peer, with every check up to the machine, on a network where one hash in two is a proof.

#![no_main]

use std::sync::{Arc, LazyLock};

use shared::Network;

static NETWORK: LazyLock<Arc<Network>> = LazyLock::new(|| node::sim::easy_network(5));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = node::machine::inbound::check_frame(bytes, &NETWORK);
});
