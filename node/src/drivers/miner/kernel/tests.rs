//! Every method this processor has against the plain one.

use proptest::prelude::*;
use shared::work::{Target, U256};

use super::{Method, Puzzle, Searched};

/// From targets that every hash meets to ones that no nonce will, with the highest word in all its cases.
fn any_target() -> impl Strategy<Value = Target> {
    (any::<[u8; 32]>(), 0..=255usize)
        .prop_map(|(bytes, shift)| Target::new(U256::from_le_bytes(bytes).wrapping_shr(shift)).unwrap_or(Target::MAX))
}

/// Ranges anywhere, half of them beyond the largest nonce.
fn any_first() -> impl Strategy<Value = u32> {
    prop_oneof![any::<u32>(), (u32::MAX - 100)..=u32::MAX]
}

fn methods() -> impl Iterator<Item = Method> {
    Method::ALL.into_iter().filter(|method| method.is_available())
}

fn header(bytes: &[u8]) -> [u8; 80] {
    bytes.try_into().unwrap()
}

proptest! {
    #[test]
    fn all_methods_find_the_same_nonce_after_as_many_tries(
        bytes in proptest::collection::vec(any::<u8>(), 80),
        target in any_target(),
        first in any_first(),
        count in 0..120u64,
    ) {
        let puzzle = Puzzle::new(&header(&bytes), target);
        let expected = puzzle.search(Method::Plain, first, count);
        for method in methods() {
            prop_assert_eq!(puzzle.search(method, first, count), expected, "{}", method);
        }
    }

    /// The lowest hash of a range as the target, and one less: the last bit decides.
    #[test]
    fn a_target_is_met_to_the_last_bit(
        bytes in proptest::collection::vec(any::<u8>(), 80),
        first in any_first(),
        count in 1..70u64,
    ) {
        let hash = |offset: u64| {
            let mut header = header(&bytes);
            header[76..].copy_from_slice(&first.wrapping_add(offset as u32).to_le_bytes());
            U256::from_le_bytes(shared::hash::sha256d(&header))
        };
        let (lowest, at) = (0..count).map(|offset| (hash(offset), offset)).min().unwrap();
        let puzzle = |target: U256| Puzzle::new(&header(&bytes), Target::new(target).unwrap());
        for method in methods() {
            let found = Searched { nonce: Some(first.wrapping_add(at as u32)), tried: at + 1 };
            prop_assert_eq!(puzzle(lowest).search(method, first, count), found, "{}", method);
            let missed = Searched { nonce: None, tried: count };
            prop_assert_eq!(puzzle(lowest - U256::ONE).search(method, first, count), missed, "{}", method);
        }
    }
}

#[test]
fn every_hash_meets_the_easiest_target() {
    for method in methods() {
        let puzzle = Puzzle::new(&[0; 80], Target::MAX);
        assert_eq!(puzzle.search(method, u32::MAX, 100), Searched { nonce: Some(u32::MAX), tried: 1 }, "{method}");
        assert_eq!(puzzle.search(method, 7, 0), Searched { nonce: None, tried: 0 }, "{method}");
    }
}

/// The header and the nonce are public: block 0 of Bitcoin's main chain.
#[test]
fn the_first_bitcoin_is_found_again() {
    let root = data_encoding::HEXLOWER.decode(b"3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a");
    let mut header = [0; 80];
    header[0] = 1;
    header[36..68].copy_from_slice(&root.unwrap());
    header[68..72].copy_from_slice(&1_231_006_505u32.to_le_bytes());
    header[72..76].copy_from_slice(&0x1d00_ffffu32.to_le_bytes());
    let puzzle = Puzzle::new(&header, shared::work::Bits(0x1d00_ffff).target().unwrap());
    for method in methods() {
        let found = Searched { nonce: Some(2_083_236_893), tried: 94 };
        assert_eq!(puzzle.search(method, 2_083_236_800, 200), found, "{method}");
    }
}

#[test]
fn the_best_method_is_available_and_its_speed_can_be_told() {
    assert!(Method::best().is_available());
    assert!(Method::best().hashes_per_second(std::time::Duration::from_micros(1)) > 0.0);
}
