//! What is filed of the active chain, row by row, and the search for rows that nothing on the chain asks
//! for: where the counts say that there are some, the first of them is looked for and named.

use shared::{Address, CheckedBlock, LogEdge, Topic, log::TILE_HEIGHT, rules::ledger::Account};

use super::{Fault, Stop, expect, read, walk::Walk};
use crate::{
    drivers::store::{Key, Table},
    machine::store::{Batch, Location, ReadChain as _, Result as StoreResult},
};

/// Rows between two looks at whether to go on.
const AT_ONCE: u64 = 4_096;

impl Walk<'_> {
    /// That all by which a block's contents are found is there. `log` is the log before it.
    pub(super) fn check_filed(&mut self, block: &CheckedBlock, log: LogEdge) -> Result<(), Stop> {
        let mut files = Batch::default();
        files.file(block, log);
        let chain = self.chain;
        for (node, hash) in files.log_nodes.iter().filter_map(|(node, hash)| Some((*node, (*hash)?))) {
            expect(Table::Log, || Key::Node(node), &hash, chain.log_node(node))?;
        }
        for (id, at) in files.locations.iter().filter_map(|(id, at)| Some((*id, (*at)?))) {
            expect(Table::Locations, || Key::Transaction(id), &at, chain.location(&id))?;
        }
        for ((address, at), touch) in files.history.iter().filter_map(|(key, touch)| Some((key, (*touch)?))) {
            expect(Table::History, || Key::Touch(*address, *at), &touch, chain.touch(address, *at))?;
        }
        for (topic, at) in files.filed.keys() {
            let there = chain.is_filed(topic.as_ref(), *at).map(|there| there.then_some(()));
            expect(Table::Filed, || Key::Filed(topic.clone(), *at), &(), there)?;
        }
        self.counted.log += files.log_nodes.len() as u64;
        self.counted.locations += files.locations.len() as u64;
        self.counted.history += files.history.len() as u64;
        self.counted.filed += files.filed.len() as u64;
        Ok(())
    }

    /// That no table has rows beside those that were found to be as they should be.
    pub(super) fn nothing_else(&mut self) -> Result<(), Stop> {
        let (blocks, above_genesis) = (self.counted.active + self.counted.side, self.counted.active.saturating_sub(1));
        for (table, expected) in [
            (Table::Heights, blocks),
            (Table::Entries, blocks),
            (Table::Bodies, blocks),
            (Table::Undo, above_genesis),
            (Table::Active, self.counted.active),
            (Table::Accounts, self.accounts()),
            (Table::Locations, self.counted.locations),
            (Table::Log, self.counted.log),
            (Table::History, self.counted.history),
            (Table::Filed, self.counted.filed),
        ] {
            if self.count(table)? != expected {
                return Err(self.first_stray(table)?);
            }
        }
        Ok(())
    }

    fn count(&mut self, table: Table) -> Result<u64, Stop> {
        let mut count = 0_u64;
        for key in self.chain.keys(table)? {
            // A key that does not read is a row too many.
            if key.is_err() {
                return Ok(u64::MAX);
            }
            count += 1;
            if count.is_multiple_of(AT_ONCE) {
                self.go_on()?;
            }
        }
        Ok(count)
    }

    /// The first row of a table that nothing on the chain asks for.
    fn first_stray(&mut self, table: Table) -> Result<Stop, Stop> {
        let of_table = |reason: String| Fault { table: Some(table), key: None, block: None, height: None, reason };
        for key in self.chain.keys(table)? {
            self.go_on()?;
            let key = match key.map_err(Stop::from) {
                Err(Stop::Fault(fault)) => return Ok(of_table(fault.reason).into()),
                other => other?,
            };
            if !read(table, || key.clone(), self.is_asked_for(table, &key))? {
                return Ok(Fault::new(table, key, "nothing on the chain asks for this row").into());
            }
        }
        Ok(of_table("its rows are not in order: some are found by their keys only, or only in passing".into()).into())
    }

    /// Whether a row with this key should be there.
    fn is_asked_for(&self, table: Table, key: &Key) -> StoreResult<bool> {
        let chain = self.chain;
        match (table, key) {
            (Table::Heights, Key::Block(hash)) => match chain.height_of(hash)? {
                Some(height) => chain.has_entry(height, hash),
                None => Ok(false),
            },
            (Table::Undo, Key::BlockAt(height, hash)) => {
                Ok(height.0 > 0 && *height <= self.tip.0 && chain.hash_at(*height)? == Some(*hash))
            }
            (_, Key::BlockAt(height, hash)) => chain.has_entry(*height, hash),
            (_, Key::Height(height)) => Ok(*height <= self.tip.0),
            (_, Key::Address(address)) => {
                Ok(self.replay.accounts().get(address).is_some_and(|account| *account != Account::default()))
            }
            (_, Key::Transaction(id)) => match chain.location(id)? {
                Some(at) => Ok(chain.transaction(at)?.is_some_and(|transaction| transaction.id() == *id)),
                None => Ok(false),
            },
            (_, Key::Node(node)) => {
                let shift = u32::from(node.level) * TILE_HEIGHT;
                let complete = self.replay.line().log.size().checked_shr(shift).unwrap_or_default();
                Ok(node.index < complete)
            }
            (_, Key::Touch(address, at)) => self.is_touched(address, *at),
            (_, Key::Filed(topic, at)) => self.is_data(topic.as_ref(), *at),
            _ => Ok(true),
        }
    }

    fn is_touched(&self, address: &Address, at: Location) -> StoreResult<bool> {
        Ok(self.files_at(at)?.history.contains_key(&(*address, at)))
    }

    fn is_data(&self, topic: Option<&Topic>, at: Location) -> StoreResult<bool> {
        Ok(self.files_at(at)?.filed.contains_key(&(topic.cloned(), at)))
    }

    /// What is filed of the block at a place, except for nodes of the log.
    fn files_at(&self, at: Location) -> StoreResult<Batch> {
        let mut files = Batch::default();
        if let Some(hash) = self.chain.hash_at(at.height)?
            && at.height <= self.tip.0
            && let Some(block) = self.chain.block(&hash)?
        {
            files.file(&block, LogEdge::default());
        }
        Ok(files)
    }
}
