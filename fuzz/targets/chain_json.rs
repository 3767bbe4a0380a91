//! A chain as somebody hands it over: a list of blocks in JSON. What reads writes to the same chain.

#![no_main]

use shared::Block;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(chain) = serde_json::from_slice::<Vec<Block>>(bytes) {
        let json = serde_json::to_vec(&chain).unwrap();
        assert_eq!(serde_json::from_slice::<Vec<Block>>(&json).unwrap(), chain);
    }
});
