//! Reading the chain as it will be after the next commit: first what the batch holds, then the store.
//! A walk to another tip, not decided on or never to be, is a further layer on top.

use std::sync::Arc;

use shared::{
    Address, BlockHash, CheckedBlock, Height, LogEdge, TxId,
    rules::ledger::{self, Account, LedgerError, Undo},
};

use super::{super::store::*, Chain};

impl<S: Store> Chain<S> {
    /// A stored block.
    ///
    /// # Errors
    /// When the store fails.
    pub fn block(&self, hash: &BlockHash) -> Result<Option<Arc<CheckedBlock>>> {
        match self.batch.blocks.get(hash) {
            Some((_, block)) => Ok(Some(block.clone())),
            None => self.store.block(hash),
        }
    }

    /// The block of the active chain at this height.
    ///
    /// # Errors
    /// When the store fails.
    pub fn hash_at(&self, height: Height) -> Result<Option<BlockHash>> {
        match self.batch.active.get(&height) {
            Some(change) => Ok(*change),
            None => self.store.hash_at(height),
        }
    }

    /// Whether a block is part of the active chain.
    ///
    /// # Errors
    /// When the store fails.
    pub fn is_active(&self, hash: &BlockHash, height: Height) -> Result<bool> {
        Ok(self.hash_at(height)? == Some(*hash))
    }

    /// An account as of the tip.
    ///
    /// # Errors
    /// When the store fails.
    pub fn account(&self, address: &Address) -> Result<Account> {
        match self.batch.accounts.get(address) {
            Some(account) => Ok(*account),
            None => self.store.account(address),
        }
    }

    /// Where the active chain has a transaction.
    ///
    /// # Errors
    /// When the store fails.
    pub fn location(&self, id: &TxId) -> Result<Option<Location>> {
        match self.batch.locations.get(id) {
            Some(change) => Ok(*change),
            None => self.store.location(id),
        }
    }

    pub(super) fn undo(&self, hash: &BlockHash) -> Result<Undo> {
        let undo = match self.batch.undo.get(hash) {
            Some(change) => change.clone(),
            None => self.store.undo(hash)?,
        };
        undo.ok_or_else(|| StoreError::Damaged(format!("the undo record of block {hash} is missing")))
    }

    pub(super) fn stored_block(&self, hash: &BlockHash) -> Result<Arc<CheckedBlock>> {
        self.block(hash)?.ok_or_else(|| StoreError::Damaged(format!("block {hash} is missing")))
    }
}

/// The chain as it would be with another tip: a walk down and up the tree that changes nothing yet.
pub(super) struct Layer<'a, S> {
    chain: &'a Chain<S>,
    pub(super) changes: Batch,
    /// The block that the walk has come to.
    tip: BlockHash,
    /// The log up to it.
    pub(super) log: LogEdge,
}

impl<'a, S: Store> Layer<'a, S> {
    pub(super) fn over(chain: &'a Chain<S>) -> Self {
        Self { chain, changes: Batch::default(), tip: chain.tip.hash, log: chain.tip.log.clone() }
    }

    pub(super) fn account(&self, address: &Address) -> Result<Account> {
        match self.changes.accounts.get(address) {
            Some(account) => Ok(*account),
            None => self.chain.account(address),
        }
    }

    /// Takes blocks off down to this one of the active chain; gives them back, highest first.
    pub(super) fn back_to(&mut self, fork: BlockHash) -> Result<Vec<Arc<CheckedBlock>>> {
        let mut disconnected = Vec::new();
        while self.tip != fork {
            let block = self.chain.stored_block(&self.tip)?;
            self.log = self.disconnect(&block)?.log;
            self.tip = block.header().previous;
            disconnected.push(block);
        }
        Ok(disconnected)
    }

    fn disconnect(&mut self, block: &CheckedBlock) -> Result<Undo> {
        let undo = self.chain.undo(&block.hash())?;
        self.changes.accounts.extend(undo.accounts.iter().copied());
        self.changes.active.insert(block.height(), None);
        self.changes.undo.insert(block.hash(), None);
        self.changes.unfile(block, &undo.log);
        Ok(undo)
    }

    /// Puts the next block on, which must have this height.
    ///
    /// # Errors
    /// The outer error is the store's; the inner one is the rule that the block breaks. Nothing is changed
    /// then.
    pub(super) fn connect(
        &mut self,
        block: &CheckedBlock,
        height: Height,
    ) -> Result<std::result::Result<(), LedgerError>> {
        let spec = self.chain.network.spec();
        let applied = match ledger::apply(block, height, spec, &self.log, |address| self.account(address))? {
            Ok(applied) => applied,
            Err(error) => return Ok(Err(error)),
        };
        self.changes.accounts.extend(applied.accounts);
        self.changes.active.insert(block.height(), Some(block.hash()));
        self.changes.file(block, applied.undo.log.clone());
        self.changes.undo.insert(block.hash(), Some(applied.undo));
        (self.tip, self.log) = (block.hash(), applied.log);
        Ok(Ok(()))
    }
}

impl Batch {
    /// Adds later changes; where both speak of the same key, the later ones hold.
    pub(super) fn absorb(&mut self, later: Self) {
        self.blocks.extend(later.blocks);
        self.standings.extend(later.standings);
        self.active.extend(later.active);
        self.undo.extend(later.undo);
        self.accounts.extend(later.accounts);
        self.locations.extend(later.locations);
        self.log_nodes.extend(later.log_nodes);
        self.history.extend(later.history);
        self.filed.extend(later.filed);
        self.tip = later.tip.or(self.tip.take());
        self.sealed = later.sealed.or(self.sealed.take());
        self.own.extend(later.own);
        self.journal.extend(later.journal);
    }
}
