//! A chain spec, as bytes and as the JSON of `genesis.json`: it makes a network or is refused.

#![no_main]

use borsh::BorshDeserialize;
use shared::{ChainSpec, Network};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(spec) = ChainSpec::try_from_slice(bytes) {
        assert_eq!(borsh::to_vec(&spec).unwrap(), bytes);
        check(spec);
    }
    if let Ok(spec) = serde_json::from_slice(bytes) {
        check(spec);
    }
});

fn check(spec: ChainSpec) {
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<ChainSpec>(&json).unwrap(), spec);
    let _ = Network::new(spec);
}
