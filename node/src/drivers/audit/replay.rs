//! Re-checking a chain block by block against every rule that needs one, without touching the store:
//! links, times, difficulty, ledger and log. Proof of work and signatures are [`Block::check`]'s; what is
//! stored beside the blocks is not looked at here.
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
pub enum Broken {
    /// It is not the next one.
    #[error("it builds on {found}, not on the block before it, {expected}")]
    Link {
        /// The block that it names.
        found: BlockHash,
        /// The block before it.
        expected: BlockHash,
    },
    /// By its header alone.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// By what it does to the accounts, or by what it says of its place and of the log.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The end of a branch: all that the next block is judged by, except for the accounts.
#[derive(Debug, Clone)]
pub struct Line {
    /// The last block.
    pub tip: BlockHash,
    /// Its height, work and active time.
    pub position: Position,
    /// The log up to it.
    pub log: LogEdge,
    /// Times of the last blocks.
    times: VecDeque<Seconds>,
}

impl Line {
    /// The genesis block.
    pub fn genesis(network: &Network) -> Self {
        Self {
            tip: network.genesis_hash(),
            position: Position::genesis(network.spec()),
            log: LogEdge::default(),
            times: [network.genesis().header().time].into(),
        }
    }

    /// After one more block.
    ///
    /// # Errors
    /// The first rule of headers that the block breaks, or that its height or log are not those of its place.
    pub fn follow(&self, block: &CheckedBlock, network: &Network, now: Millis) -> std::result::Result<Self, Broken> {
        let (header, coinbase) = (block.header(), block.coinbase());
        if header.previous != self.tip {
            return Err(Broken::Link { found: header.previous, expected: self.tip });
        }
        let mut times: Vec<Seconds> = self.times.iter().copied().collect();
        check_not_too_old(header, median_time(&mut times))?;
        check_not_too_new(header, now)?;
        let position = self.position.follow(header, network.spec())?;
        if coinbase.height != position.height {
            return Err(LedgerError::Height { found: coinbase.height, expected: position.height }.into());
        }
        let mut log = self.log.clone();
        block.transactions().iter().for_each(|transaction| log.append(transaction.id()));
        if (coinbase.log_size, coinbase.log_root) != (log.size(), log.root()) {
            return Err(LedgerError::Log.into());
        }
        let mut times = self.times.clone();
        times.push_back(header.time);
        if times.len() > MEDIAN_SPAN {
            times.pop_front();
        }
        Ok(Self { tip: block.hash(), position, log, times })
    }
}

/// The state of a chain after some block of it.
pub struct Replay<'a, S> {
    network: &'a Network,
    /// What accounts were before, where they are not in `accounts`; nothing when begun from genesis.
    base: Option<&'a S>,
    accounts: BTreeMap<Address, Account>,
    line: Line,
}

impl<'a, S: ReadChain> Replay<'a, S> {
    /// After the genesis block.
    pub fn from_genesis(network: &'a Network) -> Self {
        Self { network, base: None, accounts: BTreeMap::new(), line: Line::genesis(network) }
    }

    /// After this block of the active chain of `base`; `None` when it is not on it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn from_active(network: &'a Network, base: &'a S, tip: BlockHash) -> Result<Option<Self>> {
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
        let line = Line { tip, position: entry.position, log, times };
        Ok(Some(Self { network, base: Some(base), accounts, line }))
    }

    /// Where the chain ends so far.
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// Every account that a block touched.
    pub fn accounts(&self) -> &BTreeMap<Address, Account> {
        &self.accounts
    }

    /// Adds the next block and tells what it did.
    ///
    /// # Errors
    /// The outer error is the store's; the inner one is the first rule that the block breaks.
    pub fn push(&mut self, block: &CheckedBlock, now: Millis) -> Result<std::result::Result<Applied, Broken>> {
        let line = match self.line.follow(block, self.network, now) {
            Ok(line) => line,
            Err(broken) => return Ok(Err(broken)),
        };
        let (accounts, base) = (&self.accounts, self.base);
        let lookup = |address: &Address| match (accounts.get(address), base) {
            (Some(account), _) => Ok(*account),
            (None, Some(base)) => base.account(address),
            (None, None) => Ok(Account::default()),
        };
        let height = line.position.height;
        let applied = match ledger::apply(block, height, self.network.spec(), &self.line.log, lookup)? {
            Ok(applied) => applied,
            Err(broken) => return Ok(Err(broken.into())),
        };
        self.accounts.extend(&applied.accounts);
        self.line = line;
        Ok(Ok(applied))
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
