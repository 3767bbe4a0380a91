//! A transaction's bytes: what decodes encodes to the same bytes, in JSON too, and can be checked.

#![no_main]

use shared::{BlockHash, Transaction};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(transaction) = Transaction::from_bytes(bytes) else { return };
    assert_eq!(transaction.to_bytes(), bytes);
    let json = serde_json::to_string(&transaction).unwrap();
    assert_eq!(serde_json::from_str::<Transaction>(&json).unwrap(), transaction);
    let _ = transaction.check(&BlockHash::ZERO);
});
