//! Work in the form that miners had before Stratum: a header of their own for each question, searched by its nonce
//! alone. What is given out and what becomes of it; HTTP is others' business, and time is an argument.

use std::collections::VecDeque;
use std::sync::Arc;

use shared::{Address, CheckedBlock, CoinbaseHash, Header, Network, Seconds, hash::sha256d, rules::header::MAX_AHEAD};

use super::outside::Offer;

/// Works that are remembered until there is another block, the newest ones.
const REMEMBERED: usize = 1_024;
/// What a header is filled up with for SHA-256: a bit, zeros, and the length of 640 bits at the end.
const PADDING: [u8; 48] = {
    let mut padding = [0; 48];
    padding[0] = 0x80;
    padding[46] = 0x02;
    padding[47] = 0x80;
    padding
};

/// What a miner is given, in getwork's byte orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Header and padding, each group of four bytes in reverse.
    pub data: [u8; 128],
    /// What the hash may at most be, least significant byte first.
    pub target: [u8; 32],
}

/// Why a solution makes no block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is for a work that is not known, or not any more.
    #[error("stale")]
    Stale,
    /// Its hash is above the target.
    #[error("high-hash")]
    HighHash,
    /// Its time is out of bounds.
    #[error("time-invalid")]
    Time,
    /// More than the miner may change was changed.
    #[error("bad-header")]
    Header,
}

#[derive(Debug)]
struct Given {
    offer: Arc<Offer>,
    pays: Address,
    extranonce: u64,
    commitment: CoinbaseHash,
}

/// The works that were given out on the newest block.
#[derive(Debug, Default)]
pub struct Works {
    /// Newest last.
    given: VecDeque<Given>,
    /// Numbers them. The first half of an extranonce is 0, which no Stratum session has.
    count: u32,
}

impl Works {
    /// Makes a work of an offer.
    pub fn give(&mut self, offer: Arc<Offer>, pays: Address, now: Seconds) -> Work {
        let header = *offer.template.unproven();
        if self.given.back().is_some_and(|last| last.offer.template.unproven().previous != header.previous) {
            self.given.clear();
        }
        self.count = self.count.wrapping_add(1);
        let [a, b, c, d] = self.count.to_be_bytes();
        let extranonce = [0, 0, 0, 0, a, b, c, d];
        let mut coinbase = offer.template.coinbase_head(pays);
        coinbase.extend(extranonce);
        let commitment = CoinbaseHash(sha256d(&coinbase));
        // A template has a target.
        let target = header.bits.target().map_or([0; 32], |target| target.value().to_le_bytes());
        let time = header.time.max(now);
        self.given.push_back(Given { offer, pays, extranonce: u64::from_le_bytes(extranonce), commitment });
        if self.given.len() > REMEMBERED {
            self.given.pop_front();
        }
        Work { data: words_of(&Header { coinbase_hash: commitment, time, ..header }), target }
    }

    /// Takes a solution: a work's data with another nonce, and if need be another time.
    ///
    /// # Errors
    /// Why it is no block that anybody needs.
    pub fn solve(&self, data: &[u8; 128], network: &Network, now: Seconds) -> Result<CheckedBlock, Refusal> {
        let header = header_in(data).ok_or(Refusal::Header)?;
        let given = self.given.iter().rev().find(|given| given.commitment == header.coinbase_hash);
        let given = given.ok_or(Refusal::Stale)?;
        let template = &given.offer.template;
        let expected = Header {
            coinbase_hash: header.coinbase_hash,
            time: header.time,
            nonce: header.nonce,
            ..*template.unproven()
        };
        if header != expected {
            return Err(Refusal::Header);
        }
        if header.time < template.unproven().time || header.time.0 > now.0.saturating_add(MAX_AHEAD) {
            return Err(Refusal::Time);
        }
        header.proven_hash().map_err(|_| Refusal::HighHash)?;
        if !given.offer.is_first_proof() {
            return Err(Refusal::Stale);
        }
        template.paying(given.pays).solve(header, given.extranonce, network).map_err(|_| Refusal::Header)
    }
}

fn words_of(header: &Header) -> [u8; 128] {
    let mut data = [0; 128];
    data[..Header::SIZE].copy_from_slice(&header.to_bytes());
    data[Header::SIZE..].copy_from_slice(&PADDING);
    data.as_chunks_mut::<4>().0.iter_mut().for_each(|word| word.reverse());
    data
}

/// The header in a work's data; what follows it is not looked at.
fn header_in(data: &[u8; 128]) -> Option<Header> {
    let mut bytes = *data;
    bytes.as_chunks_mut::<4>().0.iter_mut().for_each(|word| word.reverse());
    borsh::from_slice(&bytes[..Header::SIZE]).ok()
}

#[cfg(test)]
mod tests {
    use shared::{Bits, BlockHash};

    use super::*;

    /// Bitcoin's block 1.
    #[test]
    fn a_header_is_given_in_reversed_words_with_its_padding() {
        let header = Header {
            version: 1,
            previous: "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f".parse::<BlockHash>().unwrap(),
            coinbase_hash: "0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098".parse().unwrap(),
            time: Seconds(1_231_469_665),
            bits: Bits(0x1d00_ffff),
            nonce: 2_573_394_689,
        };
        let data = words_of(&header);
        let hex = data_encoding::HEXLOWER.encode(&data);
        assert!(
            hex.starts_with("000000010a8ce26f72b3f1b646a2a6c14ff763ae65831e939c085ae10019d66800000000fd512098"),
            "{hex}"
        );
        // Time, bits and nonce as numbers are written, and the padding's two.
        assert!(hex.ends_with(&format!("9962e301{:0>8}{:0>88}", "80", "80020000")), "{hex}");
        assert_eq!(header_in(&data), Some(header));
    }
}
