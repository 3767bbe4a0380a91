//! Headers, compact targets and work against Bitcoin's chain and its own tests.

use std::{collections::BTreeMap, fs};

use borsh::BorshDeserialize;
use serde::Deserialize;
use shared::{
    BlockHash, Header, Target, Work,
    work::{Bits, BitsError, U256},
};

use crate::{json, vectors};

/// The sign bit of compact bits.
const SIGN: u32 = 0x0080_0000;

#[derive(Deserialize)]
struct Compact {
    retarget: Vec<Retarget>,
    /// Compact bits, the value in hex, the bits the value encodes to, whether the bits are negative.
    set_compact: Vec<(Bits, String, Bits, bool)>,
    overflow: Vec<Bits>,
    encode_0x80: Bits,
    work: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Retarget {
    first_time: u32,
    last_time: u32,
    bits: Bits,
    next: Bits,
}

fn compact() -> Compact {
    json(&vectors("bitcoin/compact.json"))
}

fn number(hex: &str) -> U256 {
    U256::from_str_radix(hex, 16).unwrap()
}

#[test]
#[ignore = "needs the published vectors: set CONFORMANCE_VECTORS"]
fn conformance_bitcoin_headers_meet_their_targets_and_link() {
    let bytes = fs::read(vectors("bitcoin/headers.bin")).unwrap();
    assert!(!bytes.is_empty() && bytes.len().is_multiple_of(Header::SIZE), "{} bytes are no headers", bytes.len());
    let mut previous = BlockHash::ZERO;
    let mut work = Work::ZERO;
    for (height, bytes) in bytes.chunks(Header::SIZE).enumerate() {
        let header = Header::try_from_slice(bytes).unwrap();
        assert_eq!(header.to_bytes(), bytes, "height {height}");
        assert_eq!(borsh::to_vec(&header).unwrap(), bytes, "height {height}");
        assert_eq!(header.previous, previous, "height {height}");
        previous = header.proven_hash().unwrap_or_else(|error| panic!("height {height}: {error}"));
        work = work.plus(header.bits.target().unwrap().work());
    }
    // Bitcoin's difficulty first changed at height 32,256: until then each block adds 0x100010001.
    let headers = u64::try_from(bytes.len() / Header::SIZE).unwrap();
    assert!(headers <= 32_256, "the sum below holds for the first 32,256 headers");
    assert_eq!(work, Work::from(headers * 0x1_0001_0001));
}

#[test]
#[ignore = "needs the published vectors: set CONFORMANCE_VECTORS"]
fn conformance_compact_targets_decode_and_encode_as_bitcoins() {
    let rows = compact().set_compact;
    assert!(!rows.is_empty());
    for (bits, value, encoded, negative) in rows {
        if value == "0" {
            assert_eq!(bits.target(), Err(BitsError::Zero), "{bits}");
            assert_eq!(encoded, Bits(0));
            continue;
        }
        // A negative target is refused; its magnitude, which is what is published beside it, stands in
        // the bits without the sign.
        let magnitude = if negative {
            assert_eq!(bits.target(), Err(BitsError::Negative), "{bits}");
            Bits(bits.0 & !SIGN)
        } else {
            bits
        };
        let target = magnitude.target().unwrap();
        assert_eq!(target.value(), number(&value), "{bits}");
        assert_eq!(target.bits(), Bits(encoded.0 & !SIGN), "{bits}");
    }
}

#[test]
#[ignore = "needs the published vectors: set CONFORMANCE_VECTORS"]
fn conformance_compact_overflow_sign_and_work() {
    let compact = compact();
    assert!(!compact.overflow.is_empty() && !compact.work.is_empty());
    for bits in compact.overflow {
        assert_eq!(bits.target(), Err(BitsError::Overflow), "{bits}");
    }
    assert_eq!(Target::new(U256::from(0x80)).unwrap().bits(), compact.encode_0x80);
    for (bits, work) in compact.work {
        let expected: Work = format!("{work:0>64}").parse().unwrap();
        assert_eq!(bits.parse::<Bits>().unwrap().target().unwrap().work(), expected, "{bits}");
    }
}

/// Bitcoin's own rule of adjustment, which is not this network's: it holds the conversions between
/// bits, targets and numbers to account.
fn bitcoins_retarget(row: &Retarget) -> Bits {
    const TIMESPAN: u32 = 14 * 24 * 60 * 60;
    let limit = Bits(0x1d00_ffff).target().unwrap();
    let actual = (row.last_time - row.first_time).clamp(TIMESPAN / 4, TIMESPAN * 4);
    let scaled = row.bits.target().unwrap().value() * U256::from(actual) / U256::from(TIMESPAN);
    Target::new(scaled).unwrap().min(limit).bits()
}

#[test]
#[ignore = "needs the published vectors: set CONFORMANCE_VECTORS"]
fn conformance_bitcoin_retargets_come_out_as_on_its_chain() {
    let rows = compact().retarget;
    assert!(!rows.is_empty());
    for row in rows {
        assert_eq!(bitcoins_retarget(&row), row.next, "from {}", row.bits);
    }
}
