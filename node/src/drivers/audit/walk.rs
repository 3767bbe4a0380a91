//! The tree of stored blocks, height by height from the genesis block on: each block by every rule, its
//! place, its standing, and for the active chain what undoes it and what is filed of it. Branches beside the
//! active one are followed with their own accounts for as long as they have blocks.

use std::collections::BTreeMap;

use shared::{
    Address, Block, BlockHash, CheckedBlock, Height, LogEdge, Millis, Network,
    rules::{
        header::Position,
        ledger::{self, Account, LedgerError},
    },
};

use super::{Broken, Fault, Line, Progress, Replay, Report, Stop, expect, read};
use crate::{
    drivers::store::{Key, Snapshot, Table},
    machine::store::{Entry, ReadChain as _, Standing},
};

/// An audit under way.
pub(super) struct Walk<'a> {
    pub(super) chain: &'a Snapshot,
    network: &'a Network,
    now: Millis,
    /// The active chain's last block, as the database says.
    pub(super) tip: (Height, BlockHash),
    watch: &'a mut dyn FnMut(Progress) -> bool,
    /// The active chain so far.
    pub(super) replay: Replay<'a, Snapshot>,
    /// Blocks beside it, at the height that was checked last.
    sides: BTreeMap<BlockHash, Side>,
    pub(super) counted: Counted,
}

/// A branch up to a block beside the active chain.
struct Side {
    line: Line,
    /// Accounts that are not as on the active chain at this height; `None` when a block of the branch breaks
    /// a rule, so that there is no telling what they would be.
    accounts: Option<BTreeMap<Address, Account>>,
}

/// Rows that were found to be as they should be.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) active: u64,
    pub(super) side: u64,
    pub(super) locations: u64,
    pub(super) log: u64,
    pub(super) history: u64,
    pub(super) filed: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        chain: &'a Snapshot,
        network: &'a Network,
        now: Millis,
        tip: (Height, BlockHash),
        watch: &'a mut dyn FnMut(Progress) -> bool,
    ) -> Self {
        let (replay, sides) = (Replay::from_genesis(network), BTreeMap::new());
        Self { chain, network, now, tip, watch, replay, sides, counted: Counted::default() }
    }

    /// Tells how far it is.
    ///
    /// # Errors
    /// When nobody wants to know any more.
    pub(super) fn go_on(&mut self) -> Result<(), Stop> {
        let progress = Progress { done: self.counted.active, of: u64::from(self.tip.0.0) + 1 };
        if (self.watch)(progress) { Ok(()) } else { Err(Stop::GivenUp) }
    }

    /// Checks every stored block.
    pub(super) fn all_heights(&mut self) -> Result<(), Stop> {
        let chain = self.chain;
        let mut height = Height::GENESIS;
        let mut level = Vec::new();
        for row in chain.entries()? {
            let (at, hash, entry) = row?;
            let entry = read(Table::Entries, || Key::BlockAt(at, hash), entry)?;
            if at != height {
                self.level(height, &std::mem::take(&mut level))?;
                height = height.next();
            }
            if at != height {
                let reason = format!("no block is stored at height {height}, below it");
                return Err(Fault::new(Table::Entries, Key::BlockAt(at, hash), reason).into());
            }
            level.push((hash, entry));
        }
        self.level(height, &level)
    }

    /// Checks all blocks of one height.
    fn level(&mut self, height: Height, blocks: &[(BlockHash, Entry)]) -> Result<(), Stop> {
        let named = if height <= self.tip.0 { Some(self.named(height, blocks)?) } else { None };
        let mut sides = BTreeMap::new();
        for (hash, entry) in blocks.iter().filter(|(hash, _)| named.is_none_or(|(active, _)| active != hash)) {
            let block = self.stored(height, *hash, entry)?;
            sides.insert(*hash, self.side(height, entry, &block)?);
            self.counted.side += 1;
            self.go_on()?;
        }
        self.sides = sides;
        let Some((hash, entry)) = named else { return Ok(()) };
        let block = self.stored(height, *hash, entry)?;
        if height == Height::GENESIS {
            self.genesis(entry, &block)?;
        } else {
            self.active(height, entry, &block)?;
        }
        self.counted.active += 1;
        self.go_on()
    }

    /// Which of the blocks of a height is the active chain's.
    fn named<'b>(&self, height: Height, blocks: &'b [(BlockHash, Entry)]) -> Result<&'b (BlockHash, Entry), Stop> {
        let fault = |reason: String| Fault::new(Table::Active, Key::Height(height), reason);
        let active = read(Table::Active, || Key::Height(height), self.chain.hash_at(height))?;
        let active = active.ok_or_else(|| fault("the row is missing".into()))?;
        let stored = blocks.iter().find(|(hash, _)| *hash == active);
        Ok(stored.ok_or_else(|| fault(format!("it names block {active}, which is not stored at this height")))?)
    }

    /// A stored block, found by its hash and past all checks that need no chain.
    fn stored(&self, height: Height, hash: BlockHash, entry: &Entry) -> Result<CheckedBlock, Stop> {
        let key = || Key::BlockAt(height, hash);
        expect(Table::Heights, || Key::Block(hash), &height, self.chain.height_of(&hash))?;
        let found = entry.header.hash();
        if found != hash {
            return Err(Fault::new(Table::Entries, key(), format!("it holds the header of block {found}")).into());
        }
        let block = read(Table::Bodies, key, self.chain.block(&hash))?;
        let block = block.ok_or_else(|| Fault::new(Table::Bodies, key(), "the row is missing"))?;
        if hash == self.network.genesis_hash() {
            return Ok((*block).clone());
        }
        Block::check(block.to_block(), self.network).map_err(|error| Fault::new(Table::Bodies, key(), error).into())
    }

    fn genesis(&mut self, entry: &Entry, block: &CheckedBlock) -> Result<(), Stop> {
        let genesis = self.network.genesis();
        if block != &**genesis {
            let reason = "the chain does not begin with this network's genesis block";
            return Err(Fault::new(Table::Bodies, Key::BlockAt(Height::GENESIS, block.hash()), reason).into());
        }
        self.check_place(Height::GENESIS, block.hash(), entry, &Position::genesis(self.network.spec()))?;
        self.check_on_chain(Height::GENESIS, block.hash(), entry)
    }

    /// A block beside the active chain.
    fn side(&self, height: Height, entry: &Entry, block: &CheckedBlock) -> Result<Side, Stop> {
        let (hash, parent) = (block.hash(), block.header().previous);
        let active = Side { line: self.replay.line().clone(), accounts: Some(BTreeMap::new()) };
        let below = if parent == active.line.tip { Some(&active) } else { self.sides.get(&parent) };
        let Some(below) = below.filter(|_| height > Height::GENESIS) else {
            let reason = format!("the block that it builds on, {parent}, is not stored below it");
            return Err(Fault::new(Table::Entries, Key::BlockAt(height, hash), reason).into());
        };
        let line = below.line.follow(block, self.network, self.now).map_err(|broken| breaks(height, hash, &broken))?;
        self.check_place(height, hash, entry, &line.position)?;
        let accounts = match &below.accounts {
            Some(accounts) => self.side_accounts(block, accounts, &below.line.log)?,
            None => None,
        };
        self.check_standing(height, hash, entry, accounts.is_some())?;
        Ok(Side { line, accounts })
    }

    /// What a branch's accounts are after one more block; `None` when that breaks a rule.
    fn side_accounts(
        &self,
        block: &CheckedBlock,
        below: &BTreeMap<Address, Account>,
        log: &LogEdge,
    ) -> Result<Option<BTreeMap<Address, Account>>, Stop> {
        let lookup = |address: &Address| {
            let account = below.get(address).or_else(|| self.replay.accounts().get(address));
            Ok::<_, Stop>(account.copied().unwrap_or_default())
        };
        let applied = ledger::apply(block, block.height(), self.network.spec(), log, lookup)?;
        Ok(applied.ok().map(|applied| {
            let mut accounts = below.clone();
            accounts.extend(applied.accounts);
            accounts
        }))
    }

    /// The next block of the active chain.
    fn active(&mut self, height: Height, entry: &Entry, block: &CheckedBlock) -> Result<(), Stop> {
        let (hash, log) = (block.hash(), self.replay.line().log.clone());
        let applied = self.replay.push(block, self.now)?.map_err(|broken| breaks(height, hash, &broken))?;
        self.check_place(height, hash, entry, &self.replay.line().position)?;
        self.check_on_chain(height, hash, entry)?;
        expect(Table::Undo, || Key::BlockAt(height, hash), &applied.undo, self.chain.undo(&hash))?;
        for side in self.sides.values_mut() {
            let accounts = side.accounts.iter_mut();
            accounts.for_each(|accounts| {
                for (address, before) in &applied.undo.accounts {
                    accounts.entry(*address).or_insert(*before);
                }
            });
        }
        self.check_filed(block, log)
    }

    fn check_place(&self, height: Height, hash: BlockHash, entry: &Entry, expected: &Position) -> Result<(), Stop> {
        if entry.position == *expected && expected.height == height {
            return Ok(());
        }
        let reason = "its height, work or active time is not what the chain makes it";
        Err(Fault::new(Table::Entries, Key::BlockAt(height, hash), reason).into())
    }

    fn check_on_chain(&self, height: Height, hash: BlockHash, entry: &Entry) -> Result<(), Stop> {
        if entry.standing == Standing::Valid {
            return Ok(());
        }
        let reason = "it is part of the active chain and not marked as valid";
        Err(Fault::new(Table::Entries, Key::BlockAt(height, hash), reason).into())
    }

    fn check_standing(&self, height: Height, hash: BlockHash, entry: &Entry, sound: bool) -> Result<(), Stop> {
        let reason = match (entry.standing, sound) {
            (Standing::Valid, false) => "it is marked as valid, and it or a block below it breaks a rule",
            (Standing::Invalid, true) => "it is marked as breaking a rule, and breaks none",
            _ => return Ok(()),
        };
        Err(Fault::new(Table::Entries, Key::BlockAt(height, hash), reason).into())
    }

    /// What the walk has come to is what the database says of the chain's end.
    pub(super) fn check_end(&mut self) -> Result<(), Stop> {
        let (height, tip) = self.tip;
        let line = self.replay.line();
        if (line.position.height, line.tip) != (height, tip) {
            let reason = format!("the stored blocks end at height {}, {}", line.position.height, line.tip);
            return Err(Fault::new(Table::Active, Key::Height(height), reason).into());
        }
        let log = self.chain.log().map(Some);
        expect(Table::Meta, || Key::Name("log".into()), &line.log, log)?;
        for (address, account) in self.replay.accounts() {
            let stored = read(Table::Accounts, || Key::Address(*address), self.chain.account(address))?;
            if stored != *account {
                let reason = format!(
                    "it holds balance {} and nonce {}, the blocks make it {} and {}",
                    stored.balance, stored.nonce, account.balance, account.nonce
                );
                return Err(Fault::new(Table::Accounts, Key::Address(*address), reason).into());
            }
        }
        Ok(())
    }

    /// Accounts that have a row.
    pub(super) fn accounts(&self) -> u64 {
        self.replay.accounts().values().filter(|account| **account != Account::default()).count() as u64
    }

    pub(super) fn report(&self) -> Report {
        let line = self.replay.line();
        Report {
            height: line.position.height,
            tip: line.tip,
            blocks: self.counted.active,
            side_blocks: self.counted.side,
            transactions: line.log.size(),
            accounts: self.accounts(),
            log_root: line.log.root(),
        }
    }
}

/// A block that breaks a rule, in the table that holds what breaks it.
fn breaks(height: Height, hash: BlockHash, broken: &Broken) -> Fault {
    match broken {
        Broken::Link { .. } => {
            Fault::new(Table::Active, Key::Height(height), format!("block {hash} is wrong: {broken}"))
        }
        Broken::Header(_) => Fault::new(Table::Entries, Key::BlockAt(height, hash), broken),
        Broken::Ledger(LedgerError::Log) => {
            Fault::new(Table::Bodies, Key::BlockAt(height, hash), "the transactions are not those of the block")
        }
        Broken::Ledger(_) => Fault::new(Table::Bodies, Key::BlockAt(height, hash), broken),
    }
}
