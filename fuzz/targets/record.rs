//! A record in a data payload: what decodes encodes to the same bytes.

#![no_main]

use shared::record::Record;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = Record::from_body(bytes) {
        assert_eq!(record.to_body().unwrap(), bytes);
    }
});
