//! A compact target: it is refused, or has one shortest form, and some work.

#![no_main]

use shared::{Bits, Work};

libfuzzer_sys::fuzz_target!(|bits: u32| {
    let Ok(target) = Bits(bits).target() else { return };
    assert_eq!(target.bits().target(), Ok(target));
    assert!(target.work() > Work::ZERO);
});
