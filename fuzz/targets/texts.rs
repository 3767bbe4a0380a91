//! Hashes, ids, work and bits as somebody types them: what reads is shown as the same text, in lower case
//! except for peer ids.

#![no_main]

use std::{fmt::Display, str::FromStr};

use shared::{Bits, BlockHash, TxId, Work, wire::NodeId, wire::PeerId};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let small = text.to_lowercase();
    check::<BlockHash>(text, &small);
    check::<TxId>(text, &small);
    check::<NodeId>(text, &small);
    check::<Work>(text, &small);
    check::<Bits>(text, &small);
    check::<PeerId>(text, text);
});

fn check<T: FromStr + Display>(text: &str, shown: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string(), shown);
    }
}
