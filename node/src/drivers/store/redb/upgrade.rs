//! Bringing a database of an earlier format up to date, in place. What was acknowledged stays; a crash in
//! between leaves the old format, and the next start begins again.

use redb::Database;
use shared::Height;

use super::{
    Repair, Snapshot, begin_write,
    open::create_tables,
    tables::{FORMAT, META, encode, meta},
    write,
};
use crate::machine::store::{Batch, ReadChain as _, Result, StoreError};

/// Formats that can be read or brought up to date.
pub(super) const KNOWN: std::ops::RangeInclusive<u32> = 1..=FORMAT;

/// Blocks that share one commit.
const AT_ONCE: u32 = 500;

/// Brings a database of this format, one of [`KNOWN`], up to [`FORMAT`].
pub(super) fn from(format: u32, database: &Database) -> Result<()> {
    if format < 2 {
        file_all(database)?;
    }
    Ok(())
}

/// Format 2 added the nodes of the log, the history of addresses and the files of data: made from the
/// blocks of the active chain.
fn file_all(database: &Database) -> Result<()> {
    let begin = begin_write(database, Repair::Quick)?;
    create_tables(&begin)?;
    begin.commit()?;
    let chain = Snapshot::new(database)?;
    let missing = |height: u32| StoreError::Damaged(format!("the active chain has no block at height {height}"));
    let tip = chain.tip()?.and_then(|tip| chain.entry(&tip).transpose()).transpose()?.ok_or_else(|| missing(0))?;
    let tip = tip.position.height.0;
    tracing::info!("bringing the chain's database up to date: {tip} blocks");
    let mut height = 0;
    while height < tip {
        let mut batch = Batch::default();
        for _ in 0..AT_ONCE.min(tip - height) {
            height += 1;
            let hash = chain.hash_at(Height(height))?.ok_or_else(|| missing(height))?;
            let block = chain.block(&hash)?.ok_or_else(|| missing(height))?;
            let undo = chain.undo(&hash)?.ok_or_else(|| missing(height))?;
            batch.file(&block, undo.log);
        }
        let transaction = begin_write(database, Repair::Quick)?;
        write::write_files(&transaction, &batch)?;
        transaction.commit()?;
    }
    let end = begin_write(database, Repair::Quick)?;
    end.open_table(META)?.insert(meta::FORMAT, encode(&FORMAT).as_slice())?;
    Ok(end.commit()?)
}
