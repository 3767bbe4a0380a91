//! A line from a miner.

#![no_main]

use node::drivers::stratum::wire::{Line, Submission};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Line::Request(request) = Line::read(bytes) {
        let _ = Submission::read(&request.params);
    }
});
