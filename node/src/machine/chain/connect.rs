//! Taking blocks: storing them, choosing the branch with the most work, and moving the active chain
//! there by undoing and applying blocks. A branch that turns out to break a rule leaves no trace but
//! the mark on its blocks.

use std::sync::Arc;

use shared::{
    BlockHash, CheckedBlock, LogEdge, Millis,
    rules::ledger::{self, LedgerError},
};

use super::{
    super::{
        journal::ChainEvent,
        store::{Entry, Result, Standing, Store, StoreError},
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
    /// Takes a block whose parent is stored, and moves the active chain if that has the most work.
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
        if entry.position.work > self.tip.position.work { self.activate(hash) } else { Ok(Ok(Accepted::Side)) }
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
        self.forget_header(&hash);
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

    /// Moves the active chain to the branch that ends with `target`, or as far along it as it is valid
    /// and still has more work than the chain as it is.
    fn activate(&mut self, target: BlockHash) -> Result<std::result::Result<Accepted, Refusal>> {
        let (fork, path) = self.path_from_active(target)?;
        let mut layer = Layer::over(self);
        let mut disconnected = Vec::new();
        let (mut tip_hash, mut log) = (self.tip.hash, self.tip.log.clone());
        while tip_hash != fork {
            let block = self.stored_block(&tip_hash)?;
            log = layer.disconnect(&block)?.log;
            tip_hash = block.header().previous;
            disconnected.push(block);
        }
        let mut connected: Vec<Arc<CheckedBlock>> = Vec::new();
        let mut broken = None;
        for (hash, entry) in &path {
            let block = self.stored_block(hash)?;
            let height = entry.position.height;
            match ledger::apply(&block, height, self.network.spec(), &log, |address| layer.account(address))? {
                Ok(applied) => {
                    log = applied.log;
                    layer.connect(&block, applied.accounts.into_iter(), applied.undo);
                    connected.push(block);
                }
                Err(error) => {
                    broken = Some((connected.len(), error));
                    break;
                }
            }
        }
        let changes = layer.changes;
        let reached = connected.len().checked_sub(1).map(|last| path[last]);
        if let Some((hash, entry)) = reached
            && entry.position.work > self.tip.position.work
        {
            self.batch.absorb(changes);
            self.set_tip(Tip { hash, position: entry.position, log });
            self.record_change(hash, &disconnected, &connected);
        } else {
            (disconnected, connected) = (Vec::new(), Vec::new());
        }
        for (hash, _) in path.iter().take(connected.len()) {
            self.set_standing(*hash, Standing::Valid)?;
        }
        match broken {
            None => Ok(Ok(Accepted::Active(TipChange { disconnected, connected }))),
            Some((first_wrong, error)) => {
                for (hash, _) in &path[first_wrong..] {
                    self.set_standing(*hash, Standing::Invalid)?;
                    self.forget_headers_on(hash);
                }
                if connected.is_empty() {
                    Ok(Err(error.into()))
                } else {
                    Ok(Ok(Accepted::Active(TipChange { disconnected, connected })))
                }
            }
        }
    }

    /// The block where a branch leaves the active chain, and the branch from there up to `target`.
    fn path_from_active(&self, target: BlockHash) -> Result<(BlockHash, Vec<(BlockHash, Entry)>)> {
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

    fn set_tip(&mut self, tip: Tip) {
        self.batch.tip = Some((tip.hash, tip.log.clone()));
        self.tip = tip;
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

    fn forget_headers_on(&mut self, hash: &BlockHash) {
        let on_top = self.headers.iter().filter(|(_, entry)| entry.header.previous == *hash);
        for child in on_top.map(|(child, _)| *child).collect::<Vec<_>>() {
            self.forget_header(&child);
        }
    }

    fn record_change(&mut self, better: BlockHash, left: &[Arc<CheckedBlock>], joined: &[Arc<CheckedBlock>]) {
        let retracted =
            left.iter().map(|block| ChainEvent::Disconnected { height: block.height(), hash: block.hash(), better });
        let confirmed = joined.iter().map(|block| ChainEvent::Connected {
            height: block.height(),
            hash: block.hash(),
            transactions: u32::try_from(block.transactions().len()).unwrap_or(u32::MAX),
        });
        self.batch.journal.extend(retracted.chain(confirmed));
    }
}
