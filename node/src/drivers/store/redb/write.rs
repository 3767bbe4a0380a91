//! Writing: a batch into the tables of an open transaction, which the caller commits or drops.

use std::{collections::BTreeMap, ops::Bound};

use redb::{ReadableTable, Table, WriteTransaction};
use shared::{BlockHash, CheckedBlock, Height, log::LogNode};

use super::tables::{
    self, ACCOUNTS, ACTIVE, BODIES, ENTRIES, FILED, HEIGHTS, HISTORY, JOURNAL, LOCATIONS, LOG, META, OWN, UNDO, decode,
    encode, encode_fixed, meta,
};
use crate::{
    drivers::store::{JOURNAL_KEPT, unknown_block},
    machine::{
        journal::ChainEvent,
        store::{Batch, Entry, Result},
    },
};

/// Writes all of a batch.
pub(super) fn write(transaction: &WriteTransaction, batch: &Batch) -> Result<()> {
    write_blocks(transaction, batch)?;
    write_standings(transaction, batch)?;
    write_undo(transaction, batch)?;
    write_active(transaction, batch)?;
    write_accounts(transaction, batch)?;
    write_files(transaction, batch)?;
    write_own(transaction, batch)?;
    write_tip(transaction, batch)?;
    append_journal(transaction, &batch.journal)
}

fn write_blocks(transaction: &WriteTransaction, batch: &Batch) -> Result<()> {
    if batch.blocks.is_empty() {
        return Ok(());
    }
    let mut heights = transaction.open_table(HEIGHTS)?;
    let mut entries = transaction.open_table(ENTRIES)?;
    let mut bodies = transaction.open_table(BODIES)?;
    for (hash, (entry, _)) in &batch.blocks {
        heights.insert(&hash.0, entry.position.height.0)?;
    }
    // In order of key, so that rows are appended: that fills the pages.
    let rows: BTreeMap<_, _> =
        batch.blocks.iter().map(|(hash, row)| (tables::block_key(row.0.position.height, hash), row)).collect();
    for (key, (entry, block)) in rows {
        entries.insert(&key, &encode_fixed(entry))?;
        bodies.insert(&key, body(block).as_slice())?;
    }
    Ok(())
}

/// A block's encoding without its header.
fn body(block: &CheckedBlock) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(block.size());
    bytes.extend(block.coinbase().to_bytes());
    bytes.extend((block.transactions().len() as u32).to_le_bytes());
    for transaction in block.transactions() {
        bytes.extend(transaction.to_bytes());
    }
    bytes
}

fn write_standings(transaction: &WriteTransaction, batch: &Batch) -> Result<()> {
    if batch.standings.is_empty() {
        return Ok(());
    }
    let mut entries = transaction.open_table(ENTRIES)?;
    for (hash, standing) in &batch.standings {
        let unknown = || unknown_block("a standing", hash);
        let height = stored_height(transaction, hash)?.ok_or_else(unknown)?;
        let key = tables::block_key(height, hash);
        let bytes = entries.get(&key)?.ok_or_else(unknown)?.value().to_owned();
        let entry: Entry = decode(format_args!("the entry of block {hash}"), &bytes)?;
        entries.insert(&key, &encode_fixed(&Entry { standing: *standing, ..entry }))?;
    }
    Ok(())
}

fn stored_height(transaction: &WriteTransaction, hash: &BlockHash) -> Result<Option<Height>> {
    let heights = transaction.open_table(HEIGHTS)?;
    Ok(heights.get(&hash.0)?.map(|height| Height(height.value())))
}

fn write_undo(transaction: &WriteTransaction, batch: &Batch) -> Result<()> {
    if batch.undo.is_empty() {
        return Ok(());
    }
    let mut rows = BTreeMap::new();
    for (hash, undo) in &batch.undo {
        match (stored_height(transaction, hash)?, undo) {
            (Some(height), undo) => rows.insert(tables::block_key(height, hash), undo),
            (None, Some(_)) => return Err(unknown_block("undo data", hash)),
            (None, None) => None,
        };
    }
    let mut table = transaction.open_table(UNDO)?;
    for (key, undo) in rows {
        match undo {
            Some(undo) => table.insert(&key, encode(undo).as_slice())?,
            None => table.remove(&key)?,
        };
    }
    Ok(())
}

fn write_active(transaction: &WriteTransaction, batch: &Batch) -> Result<()> {
    if batch.active.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(ACTIVE)?;
    for (height, hash) in &batch.active {
        match hash {
            Some(hash) => table.insert(height.0, &hash.0)?,
            None => table.remove(height.0)?,
        };
    }
    Ok(())
}

fn write_accounts(transaction: &WriteTransaction, batch: &Batch) -> Result<()> {
    if batch.accounts.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(ACCOUNTS)?;
    for (address, account) in &batch.accounts {
        if *account == Default::default() {
            table.remove(&address.0)?;
        } else {
            table.insert(&address.0, &encode_fixed(account))?;
        }
    }
    Ok(())
}

/// Everything by which the contents of the active chain are found.
pub(super) fn write_files(transaction: &WriteTransaction, batch: &Batch) -> Result<()> {
    write_locations(transaction, batch)?;
    write_log(transaction, batch)?;
    write_history(transaction, batch)?;
    write_filed(transaction, batch)
}

fn write_log(transaction: &WriteTransaction, batch: &Batch) -> Result<()> {
    if batch.log_nodes.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(LOG)?;
    let mut kept = Vec::new();
    for (node, hash) in &batch.log_nodes {
        match hash {
            Some(hash) => kept.push((*node, hash)),
            None => drop(table.remove(&tables::log_key(*node))?),
        }
    }
    for level in kept.chunk_by(|(one, _), (other, _)| one.level == other.level) {
        if !append_level(&mut table, level)? {
            for (node, hash) in level {
                table.insert(&tables::log_key(*node), *hash)?;
            }
        }
    }
    Ok(())
}

/// Puts nodes behind all others of their level, unless there are some where they belong: in one go, as the log grows,
/// which takes a third of the time.
fn append_level(table: &mut Table<&[u8; 9], &[u8; 32]>, nodes: &[(LogNode, &[u8; 32])]) -> Result<bool> {
    let Some((first, _)) = nodes.first() else { return Ok(true) };
    let mut cursor = table.upper_bound_mut(Bound::Excluded(&tables::log_key(*first)))?;
    if cursor.peek_next()?.is_some_and(|(key, _)| tables::log_node(key.value()).level == first.level) {
        return Ok(false);
    }
    for (node, hash) in nodes {
        cursor.insert_before(&tables::log_key(*node), *hash)?;
    }
    cursor.close()?;
    Ok(true)
}

fn write_history(transaction: &WriteTransaction, batch: &Batch) -> Result<()> {
    if batch.history.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(HISTORY)?;
    for ((address, at), touch) in &batch.history {
        let key = tables::history_key(address, *at);
        match touch {
            Some(touch) => table.insert(&key, encode_fixed::<1>(touch)[0])?,
            None => table.remove(&key)?,
        };
    }
    Ok(())
}

fn write_filed(transaction: &WriteTransaction, batch: &Batch) -> Result<()> {
    if batch.filed.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(FILED)?;
    for ((topic, at), there) in &batch.filed {
        let key = tables::filed_key(topic.as_ref(), *at);
        match there {
            Some(()) => table.insert(key.as_slice(), ())?,
            None => table.remove(key.as_slice())?,
        };
    }
    Ok(())
}

fn write_locations(transaction: &WriteTransaction, batch: &Batch) -> Result<()> {
    if batch.locations.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(LOCATIONS)?;
    for (id, location) in &batch.locations {
        match location {
            Some(location) => table.insert(&id.0, &encode_fixed(location))?,
            None => table.remove(&id.0)?,
        };
    }
    Ok(())
}

fn write_own(transaction: &WriteTransaction, batch: &Batch) -> Result<()> {
    if batch.own.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(OWN)?;
    for (id, own) in &batch.own {
        match own {
            Some(own) => table.insert(&id.0, own.to_bytes().as_slice())?,
            None => table.remove(&id.0)?,
        };
    }
    Ok(())
}

fn write_tip(transaction: &WriteTransaction, batch: &Batch) -> Result<()> {
    if let Some((tip, log)) = &batch.tip {
        let mut table = transaction.open_table(META)?;
        table.insert(meta::TIP, tip.0.as_slice())?;
        table.insert(meta::LOG, encode(log).as_slice())?;
    }
    if let Some(sealed) = &batch.sealed {
        transaction.open_table(META)?.insert(meta::SEALED, encode(sealed).as_slice())?;
    }
    Ok(())
}

fn append_journal(transaction: &WriteTransaction, events: &[ChainEvent]) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(JOURNAL)?;
    let mut number = table.last()?.map_or(0, |(number, _)| number.value());
    for event in events {
        number += 1;
        table.insert(number, encode(event).as_slice())?;
    }
    let outdated = ..=number.saturating_sub(JOURNAL_KEPT);
    table.retain_in(outdated, |_, _| false)?;
    Ok(())
}
