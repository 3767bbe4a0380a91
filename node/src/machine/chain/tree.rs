//! Places of headers in the tree: which are known, what a new one inherits from its parent, and which
//! of them are kept in memory. Blocks and their effects are dealt with in [`super::connect`].

use shared::{
    BlockHash, Header, Millis, Seconds,
    rules::header::{MEDIAN_SPAN, check_not_too_new, check_not_too_old, median_time},
};

use super::{
    super::store::{Entry, Result, Standing, Store},
    Chain, Refusal,
};

/// Entries below the tip that stay in memory; enough for every rule that looks back.
const RECENT: u32 = 2_000;

/// Headers without their blocks that are kept in memory.
pub(super) const MAX_HEADERS_AHEAD: usize = 20_000;

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

    /// Takes a header with proven work into the tree.
    ///
    /// # Errors
    /// The outer error is the store's; the inner one says why the header is not taken.
    pub fn accept_header(
        &mut self,
        hash: BlockHash,
        header: &Header,
        now: Millis,
    ) -> Result<std::result::Result<Entry, Refusal>> {
        if let Some(entry) = self.entry(&hash)? {
            return Ok(if entry.standing == Standing::Invalid { Err(Refusal::KnownInvalid) } else { Ok(entry) });
        }
        let placed = self.place(hash, header, now)?;
        if let Ok(entry) = placed
            && self.headers.len() < MAX_HEADERS_AHEAD
        {
            self.headers.insert(hash, entry);
        }
        Ok(placed)
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

    /// Drops a header whose block turned out not to exist or to break a rule, and headers on top of it.
    pub fn forget_header(&mut self, hash: &BlockHash) {
        let mut doomed = vec![*hash];
        while let Some(hash) = doomed.pop() {
            if self.headers.remove(&hash).is_some() {
                let children = self.headers.iter().filter(|(_, entry)| entry.header.previous == hash);
                doomed.extend(children.map(|(hash, _)| *hash));
            }
        }
    }

    /// Whether a block is known by its header only.
    pub fn is_missing(&self, hash: &BlockHash) -> bool {
        self.headers.contains_key(hash)
    }

    /// Blocks to fetch, lowest first, so that the block `target` can be stored; empty if it is.
    pub fn missing_path(&self, target: &BlockHash) -> Vec<BlockHash> {
        let mut path = Vec::new();
        let mut hash = *target;
        while let Some(entry) = self.headers.get(&hash) {
            path.push(hash);
            hash = entry.header.previous;
        }
        path.reverse();
        path
    }

    pub(super) fn median_time_from(&self, hash: BlockHash) -> Result<Seconds> {
        let mut times = Vec::with_capacity(MEDIAN_SPAN);
        let mut hash = hash;
        while times.len() < MEDIAN_SPAN {
            let Some(entry) = self.entry(&hash)? else { break };
            times.push(entry.header.time);
            hash = entry.header.previous;
        }
        Ok(median_time(&mut times))
    }

    pub(super) fn forget_far_entries(&mut self) {
        if self.recent.len() <= 2 * RECENT as usize {
            return;
        }
        let lowest = self.tip.position.height.0.saturating_sub(RECENT);
        self.recent.retain(|_, entry| entry.position.height.0 >= lowest);
    }
}
