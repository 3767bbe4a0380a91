//! Reading the chain as it will be after the next commit: first what the batch holds, then the store.
//! During a reorganisation a further layer, not yet decided on, lies on top.

use std::sync::Arc;

use shared::{
    Address, BlockHash, CheckedBlock, Height, TxId,
    rules::ledger::{Account, Undo},
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

/// What a reorganisation under way would change, over the chain as it is.
pub(super) struct Layer<'a, S> {
    chain: &'a Chain<S>,
    pub(super) changes: Batch,
}

impl<'a, S: Store> Layer<'a, S> {
    pub(super) fn over(chain: &'a Chain<S>) -> Self {
        Self { chain, changes: Batch::default() }
    }

    pub(super) fn account(&self, address: &Address) -> Result<Account> {
        match self.changes.accounts.get(address) {
            Some(account) => Ok(*account),
            None => self.chain.account(address),
        }
    }

    /// Takes the tip block off the chain.
    pub(super) fn disconnect(&mut self, block: &CheckedBlock) -> Result<Undo> {
        let undo = self.chain.undo(&block.hash())?;
        self.changes.accounts.extend(undo.accounts.iter().copied());
        self.changes.active.insert(block.height(), None);
        self.changes.undo.insert(block.hash(), None);
        self.changes.unfile(block, &undo.log);
        Ok(undo)
    }

    /// Records that a block whose effect was found valid now is the tip.
    pub(super) fn connect(
        &mut self,
        block: &CheckedBlock,
        accounts: impl Iterator<Item = (Address, Account)>,
        undo: Undo,
    ) {
        self.changes.accounts.extend(accounts);
        self.changes.active.insert(block.height(), Some(block.hash()));
        self.changes.file(block, undo.log.clone());
        self.changes.undo.insert(block.hash(), Some(undo));
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
