//! Who keeps a place among the accepted peers when all are taken and one more comes. Those stay who are
//! of use: idle ones alone cannot keep others out, and whoever connects again and again cannot drive out
//! who gives blocks and transactions, or who has been here for long.

use std::cmp::Reverse;

use shared::{Millis, wire::PeerId};

use super::{
    super::{
        Machine,
        config::{EVICTION_PAUSE, MAX_INBOUND},
        store::{Result, Store},
    },
    Session,
};

/// Peers that stay because no others have been here longer.
const LONGEST: usize = 8;
/// Peers that stay because no others gave a block later.
const LATEST_BLOCKS: usize = 8;
/// Peers that stay because no others gave a transaction later.
const LATEST_TRANSACTIONS: usize = 4;

/// What a peer did that speaks for it, and when.
#[derive(Debug)]
pub struct Merit {
    since: Millis,
    block: Option<Millis>,
    transaction: Option<Millis>,
}

impl Merit {
    /// Of one that connects now.
    pub fn new(now: Millis) -> Self {
        Self { since: now, block: None, transaction: None }
    }

    /// It gave a block that became part of the active chain.
    pub fn gave_block(&mut self, now: Millis) {
        self.block = Some(now);
    }

    /// It gave a transaction that entered the pool.
    pub fn gave_transaction(&mut self, now: Millis) {
        self.transaction = Some(now);
    }

    /// When it was last of use. Having come counts, so that newcomers do not push out one another.
    fn latest(&self) -> Millis {
        self.since.max(self.block.unwrap_or_default()).max(self.transaction.unwrap_or_default())
    }
}

/// Takes those out of a list that are among the first `count` by a key and have one.
fn protect<K: Ord>(sessions: &mut Vec<(PeerId, &Session)>, count: usize, key: impl Fn(&Merit) -> Option<K>) {
    let mut ranked: Vec<_> =
        sessions.iter().filter_map(|(peer, session)| Some((key(&session.merit)?, *peer))).collect();
    ranked.sort_unstable();
    ranked.truncate(count);
    sessions.retain(|(peer, _)| !ranked.iter().any(|(_, protected)| protected == peer));
}

impl<S: Store> Machine<S> {
    /// If the newcomer is one too many, another accepted peer goes, or the newcomer itself.
    pub(super) fn make_room_among_accepted(&mut self, newcomer: PeerId) -> Result<()> {
        if self.peers.accepted().count() <= MAX_INBOUND {
            return Ok(());
        }
        if self.peers.room_made.is_none_or(|at| at.after(EVICTION_PAUSE) <= self.now)
            && let Some(peer) = self.least_useful(&newcomer)
        {
            self.peers.room_made = Some(self.now);
            return self.part(peer, "its place goes to a newcomer, for it was of no use for longest".into());
        }
        self.part(newcomer, format!("{MAX_INBOUND} peers are connected already"))
    }

    /// The accepted peer that was of no use for longest, apart from those that stay in any case.
    fn least_useful(&self, newcomer: &PeerId) -> Option<PeerId> {
        let mut others: Vec<_> = self.peers.accepted().filter(|(peer, _)| peer != newcomer).collect();
        protect(&mut others, LONGEST, |merit| Some(merit.since));
        protect(&mut others, LATEST_BLOCKS, |merit| merit.block.map(Reverse));
        protect(&mut others, LATEST_TRANSACTIONS, |merit| merit.transaction.map(Reverse));
        others.into_iter().min_by_key(|(peer, session)| (session.merit.latest(), *peer)).map(|(peer, _)| peer)
    }
}
