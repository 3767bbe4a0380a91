//! Places of headers in the tree: which are known, what a new one inherits from its parent, and which
//! of them are kept in memory. Blocks and their effects are dealt with in [`super::connect`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use shared::{
    BlockHash, Header, Height, Millis, Seconds,
    rules::header::{MEDIAN_SPAN, check_not_too_new, check_not_too_old, median_time},
};

use super::{
    super::store::{Entry, Result, Standing, Store},
    Chain, Refusal,
};

/// Entries below the tip that stay in memory, at least; many times what any rule looks back.
const RECENT: u32 = 128;

/// Headers without their blocks that are kept in memory.
pub const MAX_HEADERS_AHEAD: usize = 20_000;

impl<S: Store> Chain<S> {
    /// The place of a block whose header is known, stored or not.
    ///
    /// # Errors
    /// When the store fails.
    pub fn entry(&self, hash: &BlockHash) -> Result<Option<Entry>> {
        match self.headers.get(hash) {
            Some(entry) => Ok(Some(*entry)),
            None => self.stored_entry(hash),
        }
    }

    /// The place of a block that is stored here with all blocks below it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn stored_entry(&self, hash: &BlockHash) -> Result<Option<Entry>> {
        match self.recent.get(hash) {
            Some(entry) => Ok(Some(*entry)),
            None => self.store.entry(hash),
        }
    }

    /// How many more headers may be taken before their blocks must come.
    pub fn header_room(&self) -> usize {
        MAX_HEADERS_AHEAD.saturating_sub(self.headers.len())
    }

    /// The place of a header with proven work, known or new.
    ///
    /// # Errors
    /// The outer error is the store's; the inner one says why the header has none.
    pub fn judge_header(
        &self,
        hash: BlockHash,
        header: &Header,
        now: Millis,
    ) -> Result<std::result::Result<Entry, Refusal>> {
        match self.entry(&hash)? {
            Some(entry) if entry.standing == Standing::Invalid => Ok(Err(Refusal::KnownInvalid)),
            Some(entry) => Ok(Ok(entry)),
            None => self.place(hash, header, now),
        }
    }

    /// Remembers a header that was judged until its block comes; true when it is new. How many there
    /// may be is the caller's to see, by [`Self::header_room`].
    ///
    /// # Errors
    /// When the store fails.
    pub fn keep_header(&mut self, hash: BlockHash, entry: Entry) -> Result<bool> {
        let new = self.entry(&hash)?.is_none();
        if new {
            self.headers.insert(hash, entry);
        }
        Ok(new)
    }

    /// What a header's place would be, by all rules that need its chain.
    pub(super) fn place(
        &self,
        hash: BlockHash,
        header: &Header,
        now: Millis,
    ) -> Result<std::result::Result<Entry, Refusal>> {
        if self.refused.contains(&hash) {
            return Ok(Err(Refusal::KnownInvalid));
        }
        let Some(parent) = self.entry(&header.previous)? else {
            return Ok(Err(Refusal::Orphan(header.previous)));
        };
        if parent.standing == Standing::Invalid {
            return Ok(Err(Refusal::InvalidParent(header.previous)));
        }
        let median = self.median_time_from(header.previous)?;
        let checked = check_not_too_old(header, median).and_then(|()| check_not_too_new(header, now));
        let placed = checked.and_then(|()| parent.position.follow(header, self.network.spec()));
        Ok(placed
            .map(|position| Entry { header: *header, position, standing: Standing::Untried })
            .map_err(Refusal::from))
    }

    /// Drops headers of blocks that turned out not to exist or to break a rule, and all on top of them.
    pub fn forget_headers(&mut self, hashes: impl IntoIterator<Item = BlockHash>) {
        let mut above: Vec<_> =
            self.headers.iter().map(|(hash, entry)| (entry.position.height, *hash, entry.header.previous)).collect();
        // By height, so that a parent's fate is known before its children are looked at.
        above.sort_unstable_by_key(|(height, ..)| *height);
        let mut doomed: BTreeSet<BlockHash> = hashes.into_iter().collect();
        for (_, hash, previous) in above {
            if doomed.contains(&previous) {
                doomed.insert(hash);
            }
        }
        self.headers.retain(|hash, _| !doomed.contains(hash));
    }

    /// Drops all headers but those on the way to one of these tips, and down from it as many as are
    /// wanted.
    pub fn keep_headers_of(&mut self, tips: impl IntoIterator<Item = (BlockHash, usize)>) {
        let mut kept = BTreeMap::new();
        for (tip, count) in tips {
            let mut hash = tip;
            for _ in 0..count {
                // Below one that was kept on another's account there may be more that this one wants.
                let Some(entry) = self.headers.remove(&hash).or_else(|| kept.get(&hash).copied()) else { break };
                kept.insert(hash, entry);
                hash = entry.header.previous;
            }
        }
        self.headers = kept;
    }

    /// Whether a block is known by its header only.
    pub fn is_missing(&self, hash: &BlockHash) -> bool {
        self.headers.contains_key(hash)
    }

    /// Whether any block is known by its header only.
    pub fn is_any_missing(&self) -> bool {
        !self.headers.is_empty()
    }

    /// Blocks to fetch, lowest first, so that the block `target` can be stored, with their heights;
    /// empty if it is, or if no way is known down to a stored block.
    ///
    /// # Errors
    /// When the store fails.
    pub fn missing_path(&self, target: &BlockHash) -> Result<Vec<(BlockHash, Height)>> {
        let mut path = Vec::new();
        let mut hash = *target;
        while let Some(entry) = self.headers.get(&hash) {
            path.push((hash, entry.position.height));
            hash = entry.header.previous;
        }
        if self.stored_entry(&hash)?.is_none() {
            path.clear();
        }
        path.reverse();
        Ok(path)
    }

    pub(super) fn median_time_from(&self, hash: BlockHash) -> Result<Seconds> {
        Ok(median_time(self.times_up_to(hash)?.make_contiguous()))
    }

    /// The times of a block and those below it by which the next one is judged, latest first.
    pub(super) fn times_up_to(&self, hash: BlockHash) -> Result<VecDeque<Seconds>> {
        if hash == self.tip.hash && !self.tip_times.is_empty() {
            return Ok(self.tip_times.clone());
        }
        let mut times = VecDeque::with_capacity(MEDIAN_SPAN);
        let mut hash = hash;
        while times.len() < MEDIAN_SPAN {
            let Some(entry) = self.entry(&hash)? else { break };
            times.push_back(entry.header.time);
            hash = entry.header.previous;
        }
        Ok(times)
    }

    pub(super) fn forget_far_entries(&mut self) {
        if self.recent.len() <= 2 * RECENT as usize {
            return;
        }
        let lowest = self.tip.position.height.0.saturating_sub(RECENT);
        self.recent.retain(|_, entry| entry.position.height.0 >= lowest);
    }

    /// Headers in memory whose blocks have not come.
    #[cfg(test)]
    pub fn headers_ahead(&self) -> usize {
        self.headers.len()
    }

    /// Places of stored blocks in memory.
    #[cfg(test)]
    pub fn held_places(&self) -> usize {
        self.recent.len()
    }
}
