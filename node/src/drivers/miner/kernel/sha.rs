//! SHA-256d of headers that differ in the nonce alone, with the SHA instructions of x86-64. One hash alone
//! would leave the processor waiting for each result, so several streams go abreast.
//!
//! Instructions and the order of words in their registers: Intel's "Intel SHA Extensions" (July 2013).
//! The rounds are those of FIPS 180-4, section 6.2.2.

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_cvtsi128_si32, _mm_set_epi32, _mm_setzero_si128, _mm_sha256msg1_epu32,
    _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi32, _mm_unpackhi_epi64, _mm_unpacklo_epi64,
};

use super::{
    INITIAL,
    lanes::{K, LANES, SecondBlock},
};

/// How many hashes go abreast. Fewer leave the processor waiting; many more do not fit its 16 registers.
const STREAMS: usize = 4;

/// Swaps the words within each half of a register.
const SWAP: i32 = 0b10_11_00_01;
/// Brings the upper half of a register down.
const UPPER: i32 = 0b00_00_11_10;

/// The working variables of one stream as the instructions want them: f, e, b, a and h, g, d, c, the lowest
/// word first.
#[derive(Clone, Copy)]
struct State {
    abef: __m128i,
    cdgh: __m128i,
}

/// Sixteen words of the schedule, four to a register.
type Words = [__m128i; 4];

/// [`super::lanes::Scan`] with SHA instructions.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
pub fn scan_abreast(block: &SecondBlock, highest: u32, first: u32, batches: u32) -> Option<u32> {
    for batch in 0..batches {
        let start = first.wrapping_add(batch.wrapping_mul(LANES as u32));
        let mut passes = false;
        for lane in (0..LANES).step_by(STREAMS) {
            let nonces = std::array::from_fn(|stream| start.wrapping_add((lane + stream) as u32));
            passes |= last_words(block, nonces).into_iter().any(|word| word <= highest);
        }
        if passes {
            return Some(batch);
        }
    }
    None
}

/// The last word of the hash with each nonce, read as little-endian.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn last_words(block: &SecondBlock, nonces: [u32; STREAMS]) -> [u32; STREAMS] {
    let midstate = load_state(&block.midstate);
    let mut states = [midstate; STREAMS];
    let mut words: [Words; STREAMS] = nonces.map(|nonce| {
        let [root, time, bits] = block.words;
        // The header's numbers are little-endian, SHA-256's words big-endian.
        let tail = load([root, time, bits, nonce.swap_bytes()]);
        [tail, load([0x8000_0000, 0, 0, 0]), _mm_setzero_si128(), load([0, 0, 0, 8 * 80])]
    });
    for turn in 0..4 {
        four_rounds(&mut states, turn, &words);
    }
    for turn in 4..16 {
        expand(&mut words, turn);
        four_rounds(&mut states, turn, &words);
    }

    for (words, state) in words.iter_mut().zip(states) {
        let abef = _mm_add_epi32(state.abef, midstate.abef);
        let cdgh = _mm_add_epi32(state.cdgh, midstate.cdgh);
        let abcd = _mm_shuffle_epi32::<SWAP>(_mm_unpackhi_epi64(abef, cdgh));
        let efgh = _mm_shuffle_epi32::<SWAP>(_mm_unpacklo_epi64(abef, cdgh));
        *words = [abcd, efgh, load([0x8000_0000, 0, 0, 0]), load([0, 0, 0, 8 * 32])];
    }
    let mut states = [load_state(&INITIAL); STREAMS];
    for turn in 0..4 {
        four_rounds(&mut states, turn, &words);
    }
    for turn in 4..15 {
        expand(&mut words, turn);
        four_rounds(&mut states, turn, &words);
    }
    expand(&mut words, 15);
    std::array::from_fn(|stream| {
        // After 62 of the 64 rounds the last word of the hash is still f, the lowest here.
        let State { abef, cdgh } = states[stream];
        let abef = _mm_sha256rnds2_epu32(cdgh, abef, _mm_add_epi32(words[stream][3], constants(15)));
        (_mm_cvtsi128_si32(abef) as u32).wrapping_add(INITIAL[7]).swap_bytes()
    })
}

/// Rounds 4·`turn` to 4·`turn` + 3 of each stream.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn four_rounds(states: &mut [State; STREAMS], turn: usize, words: &[Words; STREAMS]) {
    for (State { abef, cdgh }, words) in states.iter_mut().zip(words) {
        let sum = _mm_add_epi32(words[turn % 4], constants(turn));
        *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, sum);
        *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32::<UPPER>(sum));
    }
}

/// Puts words 4·`turn` to 4·`turn` + 3 of the schedule where the oldest four were.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn expand(words: &mut [Words; STREAMS], turn: usize) {
    for words in words {
        let [oldest, second, third, newest] = std::array::from_fn(|age| words[(turn + age) % 4]);
        let sum = _mm_add_epi32(_mm_sha256msg1_epu32(oldest, second), _mm_alignr_epi8::<4>(newest, third));
        words[turn % 4] = _mm_sha256msg2_epu32(sum, newest);
    }
}

#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn constants(turn: usize) -> __m128i {
    load(std::array::from_fn(|at| K[4 * turn + at]))
}

#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn load_state(&[a, b, c, d, e, f, g, h]: &[u32; 8]) -> State {
    State { abef: load([f, e, b, a]), cdgh: load([h, g, d, c]) }
}

/// The first word lowest.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn load([first, second, third, fourth]: [u32; 4]) -> __m128i {
    _mm_set_epi32(fourth as i32, third as i32, second as i32, first as i32)
}
