//! An address as somebody types it: what reads is shown as the same text, in lower case.

#![no_main]

use shared::Address;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(address) = text.parse::<Address>() {
        assert_eq!(address.to_string(), text.to_lowercase());
    }
});
