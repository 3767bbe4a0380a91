//! In which order waiting transactions are mined.

use std::cmp::Ordering;
use std::collections::{BTreeSet, BinaryHeap, btree_map::Values};
use std::sync::Arc;

use shared::{CheckedTransaction, TxId};

use super::{Pool, bid};

impl Pool {
    /// Transactions in the order in which they would be mined: by fee per byte, then by the author's time, each
    /// sender's in order of nonce, up to `max_bytes` together.
    pub fn select(&self, max_bytes: usize) -> Vec<Arc<CheckedTransaction>> {
        self.select_without(max_bytes, &BTreeSet::new())
    }

    /// The same without these, and without what their senders have waiting behind them.
    pub fn select_without(&self, max_bytes: usize, left_out: &BTreeSet<TxId>) -> Vec<Arc<CheckedTransaction>> {
        let candidate = |rest| self.candidate(rest).filter(|next| !left_out.contains(&next.transaction.id()));
        let mut heads: BinaryHeap<Candidate<'_>> =
            self.by_sender.values().filter_map(|run| candidate(run.ids.values())).collect();
        let mut selected = Vec::new();
        let mut room = max_bytes;
        while let Some(Candidate { transaction, rest, .. }) = heads.pop() {
            if let Some(left) = room.checked_sub(transaction.size()) {
                room = left;
                selected.push(transaction.clone());
                heads.extend(candidate(rest));
            }
        }
        selected
    }

    fn candidate<'a>(&'a self, mut rest: Values<'a, u64, TxId>) -> Option<Candidate<'a>> {
        let transaction = self.by_id.get(rest.next()?)?;
        Some(Candidate { transaction, rest })
    }
}

/// A sender's next transaction and those behind it; ordered by fee per byte, then by the author's time, then by id.
struct Candidate<'a> {
    transaction: &'a Arc<CheckedTransaction>,
    rest: Values<'a, u64, TxId>,
}

impl Candidate<'_> {
    fn rank(&self, other: &Self) -> Ordering {
        // Of what pays alike, what was written first stands first, as a question before its answer.
        let place = |candidate: &Self| (candidate.transaction.time, candidate.transaction.id());
        bid::by_rate(self.transaction, other.transaction).then_with(|| place(other).cmp(&place(self)))
    }
}

impl PartialEq for Candidate<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.rank(other).is_eq()
    }
}

impl Eq for Candidate<'_> {}

impl PartialOrd for Candidate<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank(other)
    }
}
