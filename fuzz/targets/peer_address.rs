//! A multiaddress that a peer or a user gives: it can be dialled or is refused.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = node::drivers::net::check_address(text);
});
