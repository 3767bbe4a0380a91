//! Taking blocks: storing them, choosing the branch with the most work, and moving the active chain
//! there by undoing and applying blocks. A branch that turns out to break a rule leaves no trace but
//! the mark on its blocks.

use std::sync::Arc;

use shared::{
    BlockHash, CheckedBlock, Header, Height, LogEdge, Millis,
    rules::{header::MEDIAN_SPAN, ledger::LedgerError},
};

use super::{
    super::{
        journal::ChainEvent,
        store::{Entry, Result, Standing, Store, StoreError},
        strategy::Tie,
    },
    Chain, Refusal, Tip, TipChange,
    view::Layer,
};

/// Logs of side blocks kept in memory.
const SIDE_LOGS: usize = 64;

/// Blocks remembered as breaking a rule without being stored.
const MAX_REFUSED: usize = 10_000;

/// What became of a block that was offered.
#[derive(Debug, Clone, PartialEq)]
pub enum Accepted {
    /// It was here before.
    Known,
    /// It is stored on a branch that does not have the most work.
    Side,
    /// The active chain changed.
    Active(TipChange),
}

impl<S: Store> Chain<S> {
    /// Takes a block whose parent is stored, and moves the active chain there if it is the better one.
    ///
    /// # Errors
    /// The outer error is the store's; the inner one says why the block is not taken.
    pub fn accept_block(
        &mut self,
        block: Arc<CheckedBlock>,
        now: Millis,
    ) -> Result<std::result::Result<Accepted, Refusal>> {
        let hash = block.hash();
        if let Some(entry) = self.stored_entry(&hash)? {
            let known = entry.standing != Standing::Invalid;
            return Ok(if known { Ok(Accepted::Known) } else { Err(Refusal::KnownInvalid) });
        }
        let entry = match self.place_block(&block, now)? {
            Ok(entry) => entry,
            Err(refusal) => return Ok(Err(refusal)),
        };
        self.keep(&block, entry);
        if self.is_better(&block, entry)? {
            return self.activate(hash);
        }
        let (height, previous) = (entry.position.height, entry.header.previous);
        self.batch.journal.push(ChainEvent::Side { height, hash, previous });
        Ok(Ok(Accepted::Side))
    }

    /// Whether a branch that ends with this block is to be the active chain: it has more work, or as much
    /// and its end is the preferred miner's, as the present tip is not. So a tie changes hands once at most.
    fn is_better(&self, end: &CheckedBlock, entry: Entry) -> Result<bool> {
        let (theirs, ours) = (entry.position.work, self.tip.position.work);
        match self.tie {
            Tie::Prefer(miner) if theirs == ours && end.coinbase().miner == miner => {
                Ok(self.stored_block(&self.tip.hash)?.coinbase().miner != miner)
            }
            Tie::FirstSeen | Tie::Prefer(_) => Ok(theirs > ours),
        }
    }

    /// Takes blocks that follow one another, lowest first, all of them or none; tells how the active
    /// chain changed.
    ///
    /// # Errors
    /// The outer error is the store's; the inner one is the first block that is not taken, and why.
    pub fn accept_all(
        &mut self,
        blocks: &[Arc<CheckedBlock>],
        now: Millis,
    ) -> Result<std::result::Result<Vec<TipChange>, (usize, Refusal)>> {
        let before = self.checkpoint();
        let mut changes = Vec::new();
        for (index, block) in blocks.iter().enumerate() {
            let outcome = match self.check_body(block)? {
                Ok(()) => self.accept_block(block.clone(), now)?,
                Err(refusal) => Err(refusal),
            };
            match outcome {
                Ok(Accepted::Active(change)) => changes.push(change),
                Ok(Accepted::Known | Accepted::Side) => {}
                Err(refusal) => {
                    self.restore(before);
                    return Ok(Err((index, refusal)));
                }
            }
        }
        Ok(Ok(changes))
    }

    /// That a block which is known already was handed over with the transactions that it has here.
    fn check_body(&self, block: &CheckedBlock) -> Result<std::result::Result<(), Refusal>> {
        let Some(stored) = self.block(&block.hash())? else { return Ok(Ok(())) };
        let same = stored.transactions().iter().map(|tx| tx.id()).eq(block.transactions().iter().map(|tx| tx.id()));
        Ok(if same { Ok(()) } else { Err(Refusal::WrongBody) })
    }

    /// Everything about a block that can be judged without the accounts of its branch.
    fn place_block(&mut self, block: &CheckedBlock, now: Millis) -> Result<std::result::Result<Entry, Refusal>> {
        let parent = block.header().previous;
        if self.stored_entry(&parent)?.is_none() {
            return Ok(Err(Refusal::Orphan(parent)));
        }
        let entry = match self.place(block.hash(), block.header(), now)? {
            Ok(entry) => entry,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let expected = entry.position.height;
        if block.height() != expected {
            self.refuse(block.hash());
            return Ok(Err(LedgerError::Height { found: block.height(), expected }.into()));
        }
        // A body that is not the committed one says nothing about the block itself, so it must not
        // reach the store, where it would stand in the way of the right one.
        let mut log = self.log_after(&parent)?;
        block.transactions().iter().for_each(|transaction| log.append(transaction.id()));
        if (log.size(), log.root()) != (block.coinbase().log_size, block.coinbase().log_root) {
            return Ok(Err(Refusal::WrongBody));
        }
        if self.side_logs.len() >= SIDE_LOGS {
            self.side_logs.clear();
        }
        self.side_logs.insert(block.hash(), log);
        Ok(Ok(entry))
    }

    fn refuse(&mut self, hash: BlockHash) {
        if self.refused.len() >= MAX_REFUSED {
            self.refused.clear();
        }
        self.refused.insert(hash);
        self.forget_headers([hash]);
    }

    fn keep(&mut self, block: &Arc<CheckedBlock>, entry: Entry) {
        let hash = block.hash();
        self.headers.remove(&hash);
        self.recent.insert(hash, entry);
        self.batch.blocks.insert(hash, (entry, block.clone()));
    }

    /// The log after a stored block on any branch.
    fn log_after(&self, hash: &BlockHash) -> Result<LogEdge> {
        let mut above = Vec::new();
        let mut hash = *hash;
        let mut log = loop {
            if let Some(log) = self.known_log_after(&hash)? {
                break log;
            }
            let block = self.stored_block(&hash)?;
            hash = block.header().previous;
            above.push(block);
        };
        for block in above.iter().rev() {
            block.transactions().iter().for_each(|transaction| log.append(transaction.id()));
        }
        Ok(log)
    }

    fn known_log_after(&self, hash: &BlockHash) -> Result<Option<LogEdge>> {
        if *hash == self.tip.hash {
            return Ok(Some(self.tip.log.clone()));
        }
        if let Some(log) = self.side_logs.get(hash) {
            return Ok(Some(log.clone()));
        }
        let Some(entry) = self.stored_entry(hash)? else {
            return Err(StoreError::Damaged(format!("the place of block {hash} is missing")));
        };
        let height = entry.position.height;
        if !self.is_active(hash, height)? {
            return Ok(None);
        }
        match self.hash_at(height.next())? {
            Some(above) => Ok(Some(self.undo(&above)?.log)),
            None => Ok(None),
        }
    }

    /// Moves the active chain to the branch that ends with `target`: all of it or nothing. As every
    /// block is tried as soon as its branch has the most work, no shorter part of it has enough.
    fn activate(&mut self, target: BlockHash) -> Result<std::result::Result<Accepted, Refusal>> {
        let (fork, path) = self.path_from_active(target)?;
        let mut layer = Layer::over(self);
        let disconnected = layer.back_to(fork)?;
        let mut connected: Vec<Arc<CheckedBlock>> = Vec::with_capacity(path.len());
        for (hash, entry) in &path {
            let block = self.stored_block(hash)?;
            if let Err(error) = layer.connect(&block, entry.position.height)? {
                return self.condemn(&path[connected.len()..], error).map(Err);
            }
            connected.push(block);
        }
        let Layer { changes, log, .. } = layer;
        self.batch.absorb(changes);
        let left = self.tip.clone();
        if let Some((hash, entry)) = path.last() {
            self.set_tip(Tip { hash: *hash, position: entry.position, log }, &entry.header)?;
        }
        self.record_change(&left, &disconnected, &connected);
        for (hash, _) in &path {
            self.set_standing(*hash, Standing::Valid)?;
        }
        Ok(Ok(Accepted::Active(TipChange { disconnected, connected })))
    }

    /// Marks a block that breaks a rule and those on top of it, and says which of them it was.
    fn condemn(&mut self, branch: &[(BlockHash, Entry)], error: LedgerError) -> Result<Refusal> {
        for (hash, _) in branch {
            self.set_standing(*hash, Standing::Invalid)?;
        }
        self.forget_headers(branch.iter().map(|(hash, _)| *hash));
        Ok(match branch {
            [(hash, entry), _, ..] => Refusal::Below { hash: *hash, height: entry.position.height, error },
            _ => error.into(),
        })
    }

    /// The block where a branch leaves the active chain, and the branch from there up to `target`.
    pub(super) fn path_from_active(&self, target: BlockHash) -> Result<(BlockHash, Vec<(BlockHash, Entry)>)> {
        let mut path = Vec::new();
        let mut hash = target;
        loop {
            let entry = self
                .stored_entry(&hash)?
                .ok_or_else(|| StoreError::Damaged(format!("the place of block {hash} is missing")))?;
            if self.is_active(&hash, entry.position.height)? {
                path.reverse();
                return Ok((hash, path));
            }
            path.push((hash, entry));
            hash = entry.header.previous;
        }
    }

    fn set_tip(&mut self, tip: Tip, header: &Header) -> Result<()> {
        let mut times = self.times_up_to(header.previous)?;
        times.truncate(MEDIAN_SPAN - 1);
        times.push_front(header.time);
        self.tip_times = times;
        self.batch.tip = Some((tip.hash, tip.log.clone()));
        self.tip = tip;
        Ok(())
    }

    fn set_standing(&mut self, hash: BlockHash, standing: Standing) -> Result<()> {
        if let Some((entry, _)) = self.batch.blocks.get_mut(&hash) {
            entry.standing = standing;
        } else {
            self.batch.standings.insert(hash, standing);
        }
        if let Some(mut entry) = self.stored_entry(&hash)? {
            entry.standing = standing;
            self.recent.insert(hash, entry);
        }
        Ok(())
    }

    /// Tells followers of a move from another tip. What went back to the pool is not known yet.
    fn record_change(&mut self, from: &Tip, left: &[Arc<CheckedBlock>], joined: &[Arc<CheckedBlock>]) {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let better = self.tip.hash;
        if !left.is_empty() {
            self.batch.journal.push(ChainEvent::Reorganised {
                from: from.hash,
                from_work: from.position.work,
                to: better,
                to_work: self.tip.position.work,
                fork: Height(from.position.height.0 - count(left.len())),
                left: count(left.len()),
                joined: count(joined.len()),
                returned: 0,
            });
        }
        let retracted =
            left.iter().map(|block| ChainEvent::Disconnected { height: block.height(), hash: block.hash(), better });
        let confirmed = joined.iter().map(|block| ChainEvent::Connected {
            height: block.height(),
            hash: block.hash(),
            transactions: count(block.transactions().len()),
        });
        self.batch.journal.extend(retracted.chain(confirmed));
    }

    /// So many transactions of the blocks that left for this tip went back to the pool.
    pub fn record_returned(&mut self, tip: BlockHash, count: usize) {
        let entries = self.batch.journal.iter_mut().rev();
        let told = entries.into_iter().find_map(|entry| match entry {
            ChainEvent::Reorganised { to, returned, .. } if *to == tip => Some(returned),
            _ => None,
        });
        if let Some(returned) = told {
            *returned = u32::try_from(count).unwrap_or(u32::MAX);
        }
    }
}
