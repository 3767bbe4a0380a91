//! A log's texts: keys and proofs read and write, and no text is a checkpoint that was never signed.

#![no_main]

use std::sync::LazyLock;

use shared::{
    log::checkpoint::{Checkpoint, LogKey},
    receipt::LogProof,
};

static KEY: LazyLock<LogKey> = LazyLock::new(|| LogKey::of(&[7; 32].into(), &shared::BlockHash::ZERO));

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(key) = text.parse::<LogKey>() {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(proof) = text.parse::<LogProof>() {
        assert_eq!(proof.to_string().parse(), Ok(proof));
    }
    assert!(Checkpoint::open(text, &KEY).is_err());
});
