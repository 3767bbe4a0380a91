//! A block's bytes: what decodes encodes to the same bytes, in JSON too, and can be checked.

#![no_main]

use std::sync::{Arc, LazyLock};

use shared::{Block, Network};

static NETWORK: LazyLock<Arc<Network>> = LazyLock::new(|| node::sim::easy_network(5));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(block) = Block::from_bytes(bytes) else { return };
    assert_eq!(block.to_bytes(), bytes);
    let json = serde_json::to_string(&block).unwrap();
    assert_eq!(serde_json::from_str::<Block>(&json).unwrap(), block);
    let _ = block.check(&NETWORK);
});
