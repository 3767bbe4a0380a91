//! A header's 80 bytes, and the proof that they are or are not.

#![no_main]

use borsh::BorshDeserialize;
use shared::Header;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(header) = Header::try_from_slice(bytes) else { return assert_ne!(bytes.len(), Header::SIZE) };
    assert_eq!(header.to_bytes(), bytes);
    let proven = header.proven_hash();
    assert!(proven.is_err() || proven == Ok(header.hash()));
});
