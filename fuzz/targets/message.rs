//! A message from a peer: what decodes encodes to the same bytes.

#![no_main]

use shared::wire::Message;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = Message::from_bytes(bytes) {
        assert_eq!(message.to_bytes(), bytes);
    }
});
