//! What does not follow from the blocks alone: which tables there are, the single values, the journal, and
//! own users' transactions.

use shared::{BlockHash, Height, Network};

use super::{Fault, Stop, expect, read};
use crate::{
    drivers::store::{JOURNAL_KEPT, Key, NAMES, Snapshot, Table},
    machine::{journal::ChainEvent, store::ReadChain as _},
};

/// That there are no tables but those that this program knows.
pub(super) fn check_tables(chain: &Snapshot) -> Result<(), Stop> {
    match chain.foreign_tables()?.into_iter().next() {
        None => Ok(()),
        Some(name) => {
            let reason = format!("the database has a table that this program does not know, {name:?}");
            Err(Fault { table: None, key: None, block: None, height: None, reason }.into())
        }
    }
}

/// The single values, except for the log, and where the active chain ends by them.
pub(super) fn check_meta(chain: &Snapshot, network: &Network) -> Result<(Height, BlockHash), Stop> {
    for key in chain.keys(Table::Meta)? {
        let key = key?;
        if !matches!(&key, Key::Name(name) if NAMES.contains(&name.as_str())) {
            return Err(Fault::new(Table::Meta, key, "nothing on the chain asks for this row").into());
        }
    }
    let named = |name: &str| Key::Name(name.into());
    expect(Table::Meta, || named("format"), &true, chain.is_of_this_format().map(Some))?;
    expect(Table::Meta, || named("genesis"), &true, chain.is_of_genesis(&network.genesis_hash()).map(Some))?;
    let tip = read(Table::Meta, || named("tip"), chain.tip())?;
    let tip = tip.ok_or_else(|| Fault::new(Table::Meta, named("tip"), "the row is missing"))?;
    let height = chain
        .height_of(&tip)?
        .ok_or_else(|| Fault::new(Table::Meta, named("tip"), format!("it names block {tip}, which is not stored")))?;
    expect(Table::Active, || Key::Height(height), &tip, chain.hash_at(height))?;
    if let Some(sealed) = read(Table::Meta, || named("sealed"), chain.sealed())?
        && chain.height_of(&sealed.hash)? != Some(sealed.height)
    {
        let reason = format!("it names block {} at height {}, which is not stored", sealed.hash, sealed.height);
        return Err(Fault::new(Table::Meta, named("sealed"), reason).into());
    }
    Ok((height, tip))
}

/// That the journal's entries are numbered without a gap, and that the active chain is what they make it.
pub(super) fn check_journal(
    chain: &Snapshot,
    network: &Network,
    tip: BlockHash,
    go_on: &mut dyn FnMut() -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut journal = Journal { chain, first: 1, last: 0, end: Some(network.genesis_hash()) };
    for row in chain.journal_rows()? {
        go_on()?;
        let (number, event) = row?;
        journal.number(number)?;
        journal.event(&read(Table::Journal, || Key::Number(number), event)?)?;
    }
    let Journal { first, last, end, .. } = journal;
    if first != 1 && last - first < JOURNAL_KEPT - 1 {
        return Err(Fault::new(Table::Journal, Key::Number(first - 1), "the row is missing").into());
    }
    match end {
        Some(end) if end != tip => {
            let reason = format!("by it and those before it, the active chain ends at block {end}");
            Err(Fault::new(Table::Journal, Key::Number(last), reason).into())
        }
        _ => Ok(()),
    }
}

/// The journal up to some entry.
struct Journal<'a> {
    chain: &'a Snapshot,
    /// Number of the first entry that is kept.
    first: u64,
    last: u64,
    /// Where the active chain ends by it; unknown until an entry tells.
    end: Option<BlockHash>,
}

impl Journal<'_> {
    fn number(&mut self, number: u64) -> Result<(), Stop> {
        if number == 0 {
            return Err(Fault::new(Table::Journal, Key::Number(0), "no entry has this number").into());
        }
        if self.last == 0 && number > 1 {
            (self.first, self.end) = (number, None);
        } else if number != self.last + 1 {
            return Err(Fault::new(Table::Journal, Key::Number(self.last + 1), "the row is missing").into());
        }
        self.last = number;
        Ok(())
    }

    fn event(&mut self, event: &ChainEvent) -> Result<(), Stop> {
        match event {
            ChainEvent::Connected { height, hash, transactions } => {
                let below = self.block(*hash, Some(*height))?;
                if self.end.is_some_and(|end| end != below) {
                    return Err(self.wrong(format!("block {hash} does not build on the one before it in the journal")));
                }
                if self.size(hash)?.checked_sub(self.size(&below)?) != Some(u64::from(*transactions)) {
                    return Err(self.wrong(format!("block {hash} has another number of transactions")));
                }
                self.end = Some(*hash);
            }
            ChainEvent::Disconnected { height, hash, better } => {
                let below = self.block(*hash, Some(*height))?;
                self.block(*better, None)?;
                if self.end.is_some_and(|end| end != *hash) {
                    return Err(self.wrong(format!("block {hash} was not the last one of the chain")));
                }
                self.end = Some(below);
            }
            ChainEvent::Contradicted { height, hash, better } => {
                self.block(*hash, Some(*height))?;
                self.block(*better, None)?;
            }
            ChainEvent::Reorganised { from, from_work, to, to_work, fork, left, joined, .. } => {
                for (hash, work, blocks) in [(from, from_work, left), (to, to_work, joined)] {
                    self.block(*hash, fork.0.checked_add(*blocks).map(Height))?;
                    if self.chain.entry(hash)?.is_none_or(|entry| entry.position.work != *work) {
                        return Err(self.wrong(format!("block {hash} has another amount of work")));
                    }
                }
            }
            ChainEvent::Side { height, hash, previous } => {
                if self.block(*hash, Some(*height))? != *previous {
                    return Err(self.wrong(format!("block {hash} builds on another block")));
                }
            }
            ChainEvent::Pooled { .. } | ChainEvent::Dropped { .. } | ChainEvent::Restarted => {}
        }
        Ok(())
    }

    /// The block below one that the journal names, which must be stored at the height that it says.
    fn block(&self, hash: BlockHash, height: Option<Height>) -> Result<BlockHash, Stop> {
        let entry =
            self.chain.entry(&hash)?.filter(|entry| height.is_none_or(|height| height == entry.position.height));
        let entry = entry.ok_or_else(|| {
            let height = height.map(|height| format!(" at height {height}")).unwrap_or_default();
            self.wrong(format!("it names block {hash}, which is not stored{height}"))
        })?;
        Ok(entry.header.previous)
    }

    /// Leaves of the log up to a block.
    fn size(&self, hash: &BlockHash) -> Result<u64, Stop> {
        let coinbase = self.chain.coinbase(hash)?;
        Ok(coinbase.ok_or_else(|| self.wrong(format!("block {hash} is not stored")))?.log_size)
    }

    fn wrong(&self, reason: String) -> Stop {
        Fault::new(Table::Journal, Key::Number(self.last), reason).into()
    }
}

/// That own users' transactions are valid, stored under their ids, and not confirmed.
pub(super) fn check_own(chain: &Snapshot, network: &Network) -> Result<(), Stop> {
    for row in chain.own_rows()? {
        let (id, transaction) = row?;
        let key = || Key::Transaction(id);
        let transaction = read(Table::Own, key, transaction)?;
        let checked = transaction.check(&network.genesis_hash());
        let checked = checked.map_err(|error| Fault::new(Table::Own, key(), error))?;
        if checked.id() != id {
            let reason = format!("it holds transaction {}", checked.id());
            return Err(Fault::new(Table::Own, key(), reason).into());
        }
        if chain.location(&id)?.is_some() {
            return Err(Fault::new(Table::Own, key(), "the transaction is confirmed, so it has no place here").into());
        }
    }
    Ok(())
}
