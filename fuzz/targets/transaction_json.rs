//! A transaction as somebody hands it in: JSON. What reads writes to the same transaction.

#![no_main]

use shared::Transaction;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(transaction) = serde_json::from_slice::<Transaction>(bytes) {
        let json = serde_json::to_vec(&transaction).unwrap();
        assert_eq!(serde_json::from_slice::<Transaction>(&json).unwrap(), transaction);
        assert_eq!(Transaction::from_bytes(&transaction.to_bytes()).unwrap(), transaction);
    }
});
