//! A coinbase: what decodes encodes to the same bytes.

#![no_main]

use borsh::BorshDeserialize;
use shared::Coinbase;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(coinbase) = Coinbase::try_from_slice(bytes) {
        assert_eq!(coinbase.to_bytes(), bytes);
    }
});
