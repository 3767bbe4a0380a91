//! SHA-256d of headers that differ in the nonce alone: one after the other through `sha2`, and side by side
//! in lanes that the compiler turns into vectors. Only the last word of a hash is computed, for it tells
//! nearly always that a target is missed.
//!
//! The functions and constants are those of FIPS 180-4: sections 4.1.2 (functions), 4.2.2 (constants) and
//! 6.2.2 (schedule and rounds).

use multiversion::{
    multiversion,
    target::{match_target, target_cfg_f},
};
use sha2::block_api::compress256;

use super::INITIAL;

/// How many nonces are looked at together: the words of an AVX-512 register. Where registers are smaller
/// the compiler takes several turns.
pub const LANES: usize = 16;

/// Looks at so many batches of [`LANES`] nonces, `first` and those after it (after the largest comes zero),
/// and tells the first batch in which the last word of a hash, read as little-endian, is not above `highest`.
pub type Scan = fn(block: &SecondBlock, highest: u32, first: u32, batches: u32) -> Option<u32>;

#[rustfmt::skip]
pub const K: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

/// What a header's last 16 bytes are hashed from: the state after the 64 before them, and themselves.
#[derive(Clone, Debug)]
pub struct SecondBlock {
    pub midstate: [u32; 8],
    /// The three words before the nonce.
    pub words: [u32; 3],
    /// The state after the three rounds that take these words.
    after_words: [u32; 8],
    /// The last two words of the schedule that the nonce has no part in: the 17th and the 18th.
    schedule: [u32; 2],
}

/// Repeats a block for each number, which is a constant in it. A loop over rounds is too long for the
/// compiler to unroll before it makes vectors.
macro_rules! repeat {
    ($T:ident in [$($number:literal)*] $block:block) => { $({ const $T: usize = $number; $block })* };
}

impl SecondBlock {
    /// From the state after the first 64 bytes, and the three words between those and the nonce.
    pub fn new(midstate: [u32; 8], words: [u32; 3]) -> Self {
        let mut after_words = midstate;
        for (t, word) in words.into_iter().enumerate() {
            round(&mut after_words, t, word);
        }
        let mut schedule = Self::padded(words, 0);
        expand(&mut schedule, 16);
        expand(&mut schedule, 17);
        Self { midstate, words, after_words, schedule: [schedule[16], schedule[17]] }
    }

    /// The block's words, with the padding of a message of 80 bytes (FIPS 180-4, section 5.1.1).
    #[inline(always)]
    fn padded([root, time, bits]: [u32; 3], nonce: u32) -> [u32; 64] {
        let mut words = [0; 64];
        // The header's numbers are little-endian, SHA-256's words big-endian.
        (words[0], words[1], words[2], words[3]) = (root, time, bits, nonce.swap_bytes());
        (words[4], words[15]) = (0x8000_0000, 8 * 80);
        words
    }

    /// The last word of the hash with this nonce, read as little-endian, through `sha2`.
    pub fn last_word(&self, nonce: u32) -> u32 {
        let words = Self::padded(self.words, nonce);
        let mut state = self.midstate;
        compress256(&mut state, &[to_bytes(&words[..16])]);
        let inner = state;
        let mut state = INITIAL;
        compress256(&mut state, &[to_bytes(&padded_hash(inner)[..16])]);
        state[7].swap_bytes()
    }

    /// The same, for one lane: not faster for one, but made of nothing that cannot be done for many at once.
    #[inline(always)]
    fn last_word_in_lane(&self, nonce: u32) -> u32 {
        let mut words = Self::padded(self.words, nonce);
        let mut state = self.after_words;
        repeat!(T in [3 4 5 6 7 8 9 10 11 12 13 14 15] { round(&mut state, T, words[T]); });
        [words[16], words[17]] = self.schedule;
        repeat!(T in [16 17] { round(&mut state, T, words[T]); });
        repeat!(T in [
            18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40
            41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
        ] { expand(&mut words, T); round(&mut state, T, words[T]); });
        repeat!(T in [0 1 2 3 4 5 6 7] { state[T] = state[T].wrapping_add(self.midstate[T]); });

        let mut words = padded_hash(state);
        let mut state = INITIAL;
        repeat!(T in [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15] { round(&mut state, T, words[T]); });
        repeat!(T in [
            16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38
            39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60
        ] { expand(&mut words, T); round(&mut state, T, words[T]); });
        // The last three rounds would only move this word from e to h.
        state[place(4, 61)].wrapping_add(INITIAL[7]).swap_bytes()
    }
}

/// A hash's words with the padding of a message of 32 bytes.
#[inline(always)]
fn padded_hash(hash: [u32; 8]) -> [u32; 64] {
    let mut words = [0; 64];
    repeat!(T in [0 1 2 3 4 5 6 7] { words[T] = hash[T]; });
    (words[8], words[15]) = (0x8000_0000, 8 * 32);
    words
}

fn to_bytes(words: &[u32]) -> [u8; 64] {
    let mut bytes = [0; 64];
    for (place, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
        *place = word.to_be_bytes();
    }
    bytes
}

/// Where the working variable (0 for a … 7 for h) lies before round `t`. The variables stay where they are
/// and change their names instead: each round's a becomes the next one's b.
#[inline(always)]
const fn place(variable: usize, t: usize) -> usize {
    (variable + 64 - t) % 8
}

/// Round `t`, with its word of the schedule.
#[inline(always)]
fn round(state: &mut [u32; 8], t: usize, word: u32) {
    let [a, b, c, _, e, f, g, h] = std::array::from_fn(|variable| state[place(variable, t)]);
    let sum1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
    let choice = g ^ (e & (f ^ g));
    let first = h.wrapping_add(word.wrapping_add(K[t])).wrapping_add(sum1).wrapping_add(choice);
    let sum0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
    let majority = (a & b) | (c & (a | b));
    let d = &mut state[place(3, t)];
    *d = d.wrapping_add(first);
    state[place(7, t)] = first.wrapping_add(sum0).wrapping_add(majority);
}

/// Word `t` of the schedule, from those before it.
#[inline(always)]
fn expand(words: &mut [u32; 64], t: usize) {
    let (early, late) = (words[t - 15], words[t - 2]);
    let sigma0 = early.rotate_right(7) ^ early.rotate_right(18) ^ (early >> 3);
    let sigma1 = late.rotate_right(17) ^ late.rotate_right(19) ^ (late >> 10);
    words[t] = sigma1.wrapping_add(words[t - 7]).wrapping_add(sigma0).wrapping_add(words[t - 16]);
}

/// All of it is to be inlined into the functions below, for only then it is compiled for what they have:
/// so there are loops here and no closures.
#[inline(always)]
fn scan_in_lanes(block: &SecondBlock, highest: u32, first: u32, batches: u32) -> Option<u32> {
    for batch in 0..batches {
        let start = first.wrapping_add(batch.wrapping_mul(LANES as u32));
        let mut passes = [0u32; LANES];
        for (lane, passes) in passes.iter_mut().enumerate() {
            *passes = u32::from(block.last_word_in_lane(start.wrapping_add(lane as u32)) <= highest);
        }
        if passes.into_iter().fold(0, |any, passes| any | passes) != 0 {
            return Some(batch);
        }
    }
    None
}

/// [`Scan`] for what every processor of this kind has.
pub fn scan(block: &SecondBlock, highest: u32, first: u32, batches: u32) -> Option<u32> {
    scan_in_lanes(block, highest, first, batches)
}

/// [`Scan`] with AVX2, where there is AVX2.
#[multiversion(targets("x86_64+avx2"))]
pub fn scan_avx2(block: &SecondBlock, highest: u32, first: u32, batches: u32) -> Option<u32> {
    scan_in_lanes(block, highest, first, batches)
}

/// [`Scan`] with AVX-512, where there is AVX-512.
#[multiversion(targets("x86_64+avx512f+avx512vl"))]
pub fn scan_avx512(block: &SecondBlock, highest: u32, first: u32, batches: u32) -> Option<u32> {
    scan_in_lanes(block, highest, first, batches)
}

/// [`Scan`] with SHA instructions, where there are any.
#[multiversion(targets("x86_64+sha+sse4.1"))]
pub fn scan_sha(block: &SecondBlock, highest: u32, first: u32, batches: u32) -> Option<u32> {
    match_target! {
        "x86_64+sha+sse4.1" => super::sha::scan_abreast(block, highest, first, batches),
        _ => scan_in_lanes(block, highest, first, batches),
    }
}

/// Whether [`scan_avx2`] is what it says.
#[multiversion(targets("x86_64+avx2"))]
pub fn has_avx2() -> bool {
    target_cfg_f!(target_feature = "avx2")
}

/// Whether [`scan_avx512`] is what it says.
#[multiversion(targets("x86_64+avx512f+avx512vl"))]
pub fn has_avx512() -> bool {
    target_cfg_f!(target_feature = "avx512f")
}

/// Whether [`scan_sha`] is what it says.
#[multiversion(targets("x86_64+sha+sse4.1"))]
pub fn has_sha() -> bool {
    target_cfg_f!(target_feature = "sha")
}
