//! Re-checking a chain block by block against every rule that needs one, without touching the store:
//! links, times, difficulty, ledger and log. Proof of work and signatures are [`Block::check`]'s.
//!
//! [`Block::check`]: shared::Block::check

use std::collections::{BTreeMap, VecDeque};

use shared::{
    Address, BlockHash, CheckedBlock, Height, LogEdge, Millis, Network, Seconds,
    rules::{
        header::{HeaderError, MEDIAN_SPAN, Position, check_not_too_new, check_not_too_old, median_time},
        ledger::{self, Account, Applied, LedgerError},
    },
};

use crate::machine::store::{ReadChain, Result, StoreError};

/// A rule that a block breaks.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum Broken {
    #[error("it builds on {found}, not on the block before it, {expected}")]
    Link { found: BlockHash, expected: BlockHash },
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The state of a chain after some block of it.
pub(super) struct Replay<'a, S> {
    network: &'a Network,
    /// What accounts were before, where they are not in `accounts`; nothing when begun from genesis.
    base: Option<&'a S>,
    accounts: BTreeMap<Address, Account>,
    tip: BlockHash,
    position: Position,
    log: LogEdge,
    /// Times of the last blocks.
    times: VecDeque<Seconds>,
}

impl<'a, S: ReadChain> Replay<'a, S> {
    /// After the genesis block.
    pub(super) fn from_genesis(network: &'a Network) -> Self {
        Self {
            network,
            base: None,
            accounts: BTreeMap::new(),
            tip: network.genesis_hash(),
            position: Position::genesis(network.spec()),
            log: LogEdge::default(),
            times: [network.genesis().header().time].into(),
        }
    }

    /// After this block of the active chain of `base`; `None` when it is not on it.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) fn from_active(network: &'a Network, base: &'a S, tip: BlockHash) -> Result<Option<Self>> {
        if tip == network.genesis_hash() {
            return Ok(Some(Self::from_genesis(network)));
        }
        let Some(entry) = base.entry(&tip)? else { return Ok(None) };
        if base.hash_at(entry.position.height)? != Some(tip) {
            return Ok(None);
        }
        let (mut accounts, mut log) = (BTreeMap::new(), base.log()?);
        let mut above = base.tip()?.ok_or_else(|| missing("the tip"))?;
        while above != tip {
            let undo = base.undo(&above)?.ok_or_else(|| missing("an undo record"))?;
            accounts.extend(undo.accounts);
            log = undo.log;
            above = base.entry(&above)?.ok_or_else(|| missing("a block's place"))?.header.previous;
        }
        let times = times_up_to(base, entry.position.height)?;
        Ok(Some(Self { network, base: Some(base), accounts, tip, position: entry.position, log, times }))
    }

    /// Height and work so far.
    pub(super) fn position(&self) -> &Position {
        &self.position
    }

    /// The log so far.
    pub(super) fn log(&self) -> &LogEdge {
        &self.log
    }

    /// Every account that a block touched.
    pub(super) fn accounts(&self) -> &BTreeMap<Address, Account> {
        &self.accounts
    }

    /// Adds the next block and tells what it did.
    ///
    /// # Errors
    /// The outer error is the store's; the inner one is the first rule that the block breaks.
    pub(super) fn push(&mut self, block: &CheckedBlock, now: Millis) -> Result<std::result::Result<Applied, Broken>> {
        let position = match self.follow(block, now) {
            Ok(position) => position,
            Err(broken) => return Ok(Err(broken)),
        };
        let (accounts, base) = (&self.accounts, self.base);
        let lookup = |address: &Address| match (accounts.get(address), base) {
            (Some(account), _) => Ok(*account),
            (None, Some(base)) => base.account(address),
            (None, None) => Ok(Account::default()),
        };
        let applied = match ledger::apply(block, position.height, self.network.spec(), &self.log, lookup)? {
            Ok(applied) => applied,
            Err(broken) => return Ok(Err(broken.into())),
        };
        self.accounts.extend(&applied.accounts);
        self.log = applied.log.clone();
        self.position = position;
        self.tip = block.hash();
        self.times.push_back(block.header().time);
        if self.times.len() > MEDIAN_SPAN {
            self.times.pop_front();
        }
        Ok(Ok(applied))
    }

    fn follow(&self, block: &CheckedBlock, now: Millis) -> std::result::Result<Position, Broken> {
        let header = block.header();
        if header.previous != self.tip {
            return Err(Broken::Link { found: header.previous, expected: self.tip });
        }
        let mut times: Vec<Seconds> = self.times.iter().copied().collect();
        check_not_too_old(header, median_time(&mut times))?;
        check_not_too_new(header, now)?;
        Ok(self.position.follow(header, self.network.spec())?)
    }
}

fn missing(what: &str) -> StoreError {
    StoreError::Damaged(format!("{what} is missing"))
}

fn times_up_to(base: &impl ReadChain, height: Height) -> Result<VecDeque<Seconds>> {
    let first = (height.0 + 1).saturating_sub(MEDIAN_SPAN as u32);
    let mut times = VecDeque::new();
    for height in first..=height.0 {
        let hash = base.hash_at(Height(height))?.ok_or_else(|| missing("a block of the active chain"))?;
        times.push_back(base.entry(&hash)?.ok_or_else(|| missing("a block's place"))?.header.time);
    }
    Ok(times)
}
