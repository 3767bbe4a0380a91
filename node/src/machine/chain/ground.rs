//! The state after any block, on the active chain or beside it, and after blocks on top of it that are
//! not stored: what a miner builds on who does not build on the tip. Looking there moves nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use shared::{
    Address, BlockHash, CheckedBlock, CheckedTransaction, Millis, Seconds,
    rules::{
        header::{MEDIAN_SPAN, check_not_too_old, median_time},
        ledger::Account,
    },
};

use super::{
    super::store::{Result, Standing, Store},
    Chain, Refusal, Tip,
    view::Layer,
};

/// The state after some block.
#[derive(Debug)]
pub struct Ground {
    /// That block.
    pub tip: Tip,
    /// Transactions of the active chain above the fork, oldest first.
    pub undone: Vec<Arc<CheckedTransaction>>,
    /// The earliest time of a block on top.
    earliest: Seconds,
    /// Accounts that are not as at the active chain's tip.
    accounts: BTreeMap<Address, Account>,
}

impl Ground {
    /// The time that a block mined here should carry.
    pub fn template_time(&self, now: Millis) -> Seconds {
        self.earliest.max(now.seconds())
    }
}

impl<S: Store> Chain<S> {
    /// The state after these blocks on top of a stored one, lowest first. It costs as much as a
    /// reorganisation to there.
    ///
    /// # Errors
    /// The outer error is the store's; the inner one says why there is no such state.
    pub fn ground(&self, from: BlockHash, above: &[Arc<CheckedBlock>]) -> Result<std::result::Result<Ground, Refusal>> {
        let Some(entry) = self.stored_entry(&from)? else { return Ok(Err(Refusal::Orphan(from))) };
        if entry.standing == Standing::Invalid {
            return Ok(Err(Refusal::KnownInvalid));
        }
        let (fork, path) = self.path_from_active(from)?;
        let mut layer = Layer::over(self);
        let left = layer.back_to(fork)?;
        for (hash, entry) in path {
            if let Err(error) = layer.connect(&*self.stored_block(&hash)?, entry.position.height)? {
                return Ok(Err(error.into()));
            }
        }
        let (mut hash, mut position, mut times) = (from, entry.position, self.times_up_to(from)?);
        for block in above {
            let checked = check_not_too_old(block.header(), median(&times));
            match checked.and_then(|()| position.follow(block.header(), self.network.spec())) {
                Ok(next) => position = next,
                Err(error) => return Ok(Err(error.into())),
            }
            if let Err(error) = layer.connect(block, position.height)? {
                return Ok(Err(error.into()));
            }
            hash = block.hash();
            times.push_front(block.header().time);
            times.truncate(MEDIAN_SPAN);
        }
        let undone = left.iter().rev().flat_map(|block| block.transactions()).cloned().collect();
        let tip = Tip { hash, position, log: layer.log };
        Ok(Ok(Ground { tip, undone, earliest: median(&times), accounts: layer.changes.accounts }))
    }

    /// An account in such a state.
    ///
    /// # Errors
    /// When the store fails.
    pub fn account_on(&self, ground: &Ground, address: &Address) -> Result<Account> {
        match ground.accounts.get(address) {
            Some(account) => Ok(*account),
            None => self.account(address),
        }
    }
}

fn median(times: &VecDeque<Seconds>) -> Seconds {
    median_time(&mut times.iter().copied().collect::<Vec<_>>())
}
