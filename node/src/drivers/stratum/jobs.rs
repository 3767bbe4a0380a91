//! The jobs that one miner was given and may still send shares for, and what a share comes to.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};
use shared::{
    Address, BlockHash, CoinbaseHash, Header, Millis, Seconds, Target, hash::sha256d, rules::header::MAX_AHEAD,
};

use super::{
    difficulty::Difficulty,
    wire::{self, Refusal, Submission},
};
use crate::drivers::outside::Offer;

/// Jobs on one block that a miner may still send shares for. Some work on a job for a minute although there is a newer
/// one, and while the pool changes there is one each second.
pub const KEPT: usize = 100;
/// Shares that are remembered, so that none counts twice.
const REMEMBERED: usize = 2_048;

/// One job, as it was told.
#[derive(Debug)]
pub struct Job {
    number: u32,
    offer: Arc<Offer>,
    /// The coinbase's bytes before the miner's part of the extranonce.
    head: Vec<u8>,
    /// What a block has to meet.
    block: Target,
    difficulty: Difficulty,
    /// When it was told, by the steady clock.
    since: Millis,
    time: Seconds,
}

/// A share that is in order.
#[derive(Debug)]
pub struct Share {
    /// Whether it was found at the difficulty in force.
    pub counts: bool,
    /// What it proves besides: a block.
    pub proof: Option<Proof>,
}

/// A header that proves a block.
#[derive(Debug)]
pub struct Proof {
    /// Of which block.
    pub offer: Arc<Offer>,
    /// The header.
    pub header: Header,
    /// All bytes of the extranonce.
    pub extranonce: [u8; 8],
}

/// The jobs of one miner.
#[derive(Debug, Default)]
pub struct Jobs {
    /// Newest last, all on one block.
    given: VecDeque<Job>,
    /// How many were given so far, which numbers them.
    count: u32,
    seen: HashSet<u64>,
    /// The same, oldest first.
    order: VecDeque<u64>,
}

impl Jobs {
    /// The newest job.
    pub fn newest(&self) -> Option<&Job> {
        self.given.back()
    }

    /// Makes a job of an offer, and gives the values of mining.notify for it. Jobs on another block are over.
    pub fn give(
        &mut self,
        offer: Arc<Offer>,
        pays: Address,
        extranonce1: [u8; 4],
        difficulty: Difficulty,
        now: crate::machine::timers::Moment,
    ) -> Value {
        let header = *offer.template.unproven();
        let clean = self.newest().is_none_or(|job| job.header().previous != header.previous);
        if clean {
            self.given.clear();
            self.seen.clear();
            self.order.clear();
        }
        let mut head = offer.template.coinbase_head(pays);
        let coinb1 = wire::hex(&head);
        head.extend(extranonce1);
        self.count = self.count.wrapping_add(1);
        let time = header.time.max(now.wall.seconds());
        // A template has a target.
        let block = header.bits.target().unwrap_or(Target::MAX);
        self.given.push_back(Job { number: self.count, offer, head, block, difficulty, since: now.steady, time });
        if self.given.len() > KEPT {
            self.given.pop_front();
        }
        let version = wire::number(header.version.cast_unsigned());
        let (bits, time) = (wire::number(header.bits.0), wire::number(time.0));
        json!([wire::number(self.count), wire::swapped(&header.previous), coinb1, "", [], version, bits, time, clean])
    }

    /// What a submission comes to. `mask` has the bits of the version that may be rolled, `in_force` is the miner's
    /// present difficulty.
    ///
    /// # Errors
    /// Why it is no share.
    pub fn submit(
        &mut self,
        submission: &Submission<'_>,
        mask: u32,
        in_force: Difficulty,
        now: Seconds,
    ) -> Result<Share, Refusal> {
        let number = wire::read_number(submission.job).ok_or(Refusal::Stale)?;
        let job = self.given.iter().rev().find(|job| job.number == number).ok_or(Refusal::Stale)?;
        let header = job.filled_in(submission, mask, now)?;
        let hash = header.hash();
        // Some miners use a new difficulty for the jobs that they have, others only for the next one.
        if !job.difficulty.min(in_force).target().is_met_by(&hash) {
            return Err(Refusal::LowDifficulty);
        }
        let counts = job.difficulty == in_force;
        let proof = job.block.is_met_by(&hash).then(|| {
            let mut extranonce = [0; 8];
            extranonce[..4].copy_from_slice(&job.head[job.head.len() - 4..]);
            extranonce[4..].copy_from_slice(&submission.extranonce2);
            Proof { offer: job.offer.clone(), header, extranonce }
        });
        if self.remember(&hash) { Ok(Share { counts, proof }) } else { Err(Refusal::Duplicate) }
    }

    /// Whether a share is new. Shares that were forgotten count again, which gains nobody anything.
    fn remember(&mut self, hash: &BlockHash) -> bool {
        let [a, b, c, d, e, f, g, h, ..] = hash.0;
        let name = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        if !self.seen.insert(name) {
            return false;
        }
        self.order.push_back(name);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }
}

impl Job {
    fn header(&self) -> &Header {
        self.offer.template.unproven()
    }

    /// What it was made of.
    pub fn offer(&self) -> &Arc<Offer> {
        &self.offer
    }

    /// The difficulty that the miner was told for it.
    pub fn difficulty(&self) -> Difficulty {
        self.difficulty
    }

    /// When it was told, by the steady clock.
    pub fn since(&self) -> Millis {
        self.since
    }

    /// The header as the miner filled it in.
    fn filled_in(&self, submission: &Submission<'_>, mask: u32, now: Seconds) -> Result<Header, Refusal> {
        let header = *self.header();
        let rolled = submission.version.unwrap_or(header.version.cast_unsigned() & mask);
        if rolled & !mask != 0 {
            return Err(Refusal::Other("the version has bits outside of the mask for version rolling".into()));
        }
        let latest = Seconds(now.0.saturating_add(MAX_AHEAD)).max(self.time);
        if submission.time < header.time || submission.time > latest {
            return Err(Refusal::Other(format!("the time must be from {} to {}", header.time.0, latest.0)));
        }
        let mut coinbase = Vec::with_capacity(self.head.len() + submission.extranonce2.len());
        coinbase.extend(&self.head);
        coinbase.extend(submission.extranonce2);
        Ok(Header {
            version: (header.version.cast_unsigned() & !mask | rolled).cast_signed(),
            coinbase_hash: CoinbaseHash(sha256d(&coinbase)),
            time: submission.time,
            nonce: submission.nonce,
            ..header
        })
    }
}
