//! The nonce search: given a header and a target, which nonce of a range first meets it. Knows nothing of
//! jobs, templates, threads or caps. Every method gives the same answer; they differ in speed alone.

mod lanes;
#[cfg(target_arch = "x86_64")]
mod sha;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    hint::black_box,
    time::{Duration, Instant},
};

use sha2::block_api::compress256;
use shared::{
    BlockHash,
    hash::sha256d,
    work::{Target, U256},
};

use lanes::{LANES, SecondBlock};

/// Initial hash value of SHA-256 (FIPS 180-4, section 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

/// A way to search nonces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// The whole header hashed twice for each nonce, as whoever checks a block does.
    Plain,
    /// The first 64 bytes hashed once per header, the rest for each nonce, with what the `sha2` crate
    /// makes of this processor.
    Midstate,
    /// Many nonces side by side, with the vector instructions that every processor of this kind has:
    /// SSE2 on x86-64, NEON on 64-bit ARM.
    Lanes,
    /// Many nonces side by side with AVX2.
    Avx2,
    /// Several nonces abreast with the SHA instructions of x86-64.
    Sha,
    /// Many nonces side by side with AVX-512, on processors that do not slow down for it (Ice Lake,
    /// Zen 4 and later).
    Avx512,
}

impl Method {
    /// All methods, slower ones first as a rule.
    pub const ALL: [Self; 6] = [Self::Plain, Self::Midstate, Self::Lanes, Self::Avx2, Self::Sha, Self::Avx512];

    /// Whether this processor can search so.
    pub fn is_available(self) -> bool {
        match self {
            Self::Plain | Self::Midstate | Self::Lanes => true,
            Self::Avx2 => lanes::has_avx2(),
            Self::Sha => lanes::has_sha(),
            Self::Avx512 => lanes::has_avx512(),
        }
    }

    /// The fastest method this processor has. In a debug build, where only dependencies are optimised,
    /// it is the one that leaves the work to a dependency.
    pub fn best() -> Self {
        if cfg!(debug_assertions) {
            return Self::Midstate;
        }
        let best = [Self::Avx512, Self::Sha, Self::Avx2].into_iter().find(|method| method.is_available());
        best.unwrap_or(if arm_has_sha() { Self::Midstate } else { Self::Lanes })
    }

    /// Hashes per second of this method on the calling thread, searched for about so long.
    pub fn hashes_per_second(self, time: Duration) -> f64 {
        let puzzle = Puzzle::new(&[0x5a; 80], Target::new(U256::ONE).unwrap_or(Target::MAX));
        let start = Instant::now();
        let (mut tried, mut nonce) = (0, 0u32);
        loop {
            let searched = black_box(&puzzle).search(self, nonce, 16_384);
            tried += searched.tried;
            nonce = nonce.wrapping_add(16_384);
            let passed = start.elapsed();
            if passed >= time {
                return tried as f64 / passed.as_secs_f64().max(f64::MIN_POSITIVE);
            }
        }
    }

    fn scan(self) -> Option<lanes::Scan> {
        match self {
            Self::Plain | Self::Midstate => None,
            Self::Lanes => Some(lanes::scan),
            Self::Avx2 => Some(lanes::scan_avx2),
            Self::Sha => Some(lanes::scan_sha),
            Self::Avx512 => Some(lanes::scan_avx512),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Plain => "plain",
            Self::Midstate => "midstate",
            Self::Lanes => "lanes",
            Self::Avx2 => "avx2",
            Self::Sha => "sha",
            Self::Avx512 => "avx512",
        })
    }
}

/// Whether `sha2` finds SHA instructions of 64-bit ARM, against which four lanes of NEON lose.
fn arm_has_sha() -> bool {
    #[cfg(target_arch = "aarch64")]
    {
        std::arch::is_aarch64_feature_detected!("sha2")
    }
    #[cfg(not(target_arch = "aarch64"))]
    {
        false
    }
}

/// What a search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Searched {
    /// The first nonce of the range that meets the target.
    pub nonce: Option<u32>,
    /// How many nonces were looked at, the one found included.
    pub tried: u64,
}

/// A header without its nonce, and the target it is to meet.
#[derive(Clone, Debug)]
pub struct Puzzle {
    header: [u8; 80],
    target: Target,
    /// The target's most significant 32 bits: what the last word of a hash, read as little-endian, may be.
    highest: u32,
    second: SecondBlock,
}

impl Puzzle {
    /// A header of Bitcoin's layout, whose last four bytes, the nonce, do not matter.
    pub fn new(header: &[u8; 80], target: Target) -> Self {
        let highest = target.value().wrapping_shr(224).wrapping_to();
        let (blocks, rest) = header.as_chunks::<64>();
        let mut midstate = INITIAL;
        compress256(&mut midstate, blocks);
        let words = std::array::from_fn(|at| {
            rest.get(4 * at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u32::from_be_bytes(*word))
        });
        Self { header: *header, target, highest, second: SecondBlock::new(midstate, words) }
    }

    /// Tries `count` nonces, `first` and those after it; after the largest comes zero. There are 2^32
    /// nonces: more than that are not tried.
    pub fn search(&self, method: Method, first: u32, count: u64) -> Searched {
        let count = count.min(1 << 32);
        let mut tried = 0;
        if let Some(scan) = method.scan() {
            while count - tried >= LANES as u64 {
                let batches = (count - tried) / LANES as u64;
                let start = first.wrapping_add(tried as u32);
                let passed = scan(&self.second, self.highest, start, batches as u32);
                tried += passed.map_or(batches, u64::from) * LANES as u64;
                if passed.is_some() {
                    let searched = self.search_singly(Method::Midstate, first, tried..tried + LANES as u64);
                    if searched.nonce.is_some() {
                        return searched;
                    }
                    tried = searched.tried;
                }
            }
        }
        // What fills no lanes.
        self.search_singly(method, first, tried..count)
    }

    fn search_singly(&self, method: Method, first: u32, offsets: std::ops::Range<u64>) -> Searched {
        let is_met = if method == Method::Plain { Self::is_met_by } else { Self::is_soon_met_by };
        for offset in offsets.clone() {
            let nonce = first.wrapping_add(offset as u32);
            if is_met(self, nonce) {
                return Searched { nonce: Some(nonce), tried: offset + 1 };
            }
        }
        Searched { nonce: None, tried: offsets.end }
    }

    /// Whether the header with this nonce meets the target, as shared rules have it.
    fn is_met_by(&self, nonce: u32) -> bool {
        let mut header = self.header;
        header[76..].copy_from_slice(&nonce.to_le_bytes());
        self.target.is_met_by(&BlockHash(sha256d(&header)))
    }

    /// The same, at less cost for a nonce that does not.
    fn is_soon_met_by(&self, nonce: u32) -> bool {
        self.second.last_word(nonce) <= self.highest && self.is_met_by(nonce)
    }
}
