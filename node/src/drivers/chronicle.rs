//! Writes what happens to the chain into the log, one line each, as the journal has it.

use tokio::sync::watch;
use tracing::{error, info};

use super::store::RedbReader;
use crate::machine::{
    journal::ChainEvent,
    store::{ReadChain, StoreError},
};

/// Journal entries read at once.
const CHUNK: usize = 256;

/// Follows the journal from its present end until the machine ends.
///
/// # Errors
/// When the journal cannot be read.
pub async fn follow(reader: RedbReader, mut grown: watch::Receiver<u64>) -> Result<(), StoreError> {
    let mut next = reader.snapshot()?.journal_end()? + 1;
    while grown.changed().await.is_ok() {
        loop {
            let entries = reader.snapshot()?.journal(next, CHUNK)?;
            let Some((last, _)) = entries.last() else { break };
            next = last + 1;
            entries.iter().for_each(|(_, event)| tell(event));
        }
    }
    Ok(())
}

fn tell(event: &ChainEvent) {
    match event {
        ChainEvent::Connected { height, hash, transactions } => {
            info!("block {height} {} joined the chain, transactions: {transactions}", hash.short());
        }
        ChainEvent::Disconnected { height, hash, better } => {
            info!("block {height} {} left the chain for {}, which has more work", hash.short(), better.short());
        }
        ChainEvent::Pooled { id, returned: true } => info!("transaction {} went back to the pool", id.short()),
        ChainEvent::Pooled { id, returned: false } => tracing::debug!("transaction {} entered the pool", id.short()),
        ChainEvent::Contradicted { height, hash, .. } => error!(
            "block {height} ({}) left the chain although this node signed the log up to it; it signs no checkpoints \
             until that block is back, or until it is started with a new key in place of log.key",
            hash.short()
        ),
        ChainEvent::Dropped { id, reason } => info!("transaction {} left the pool: {reason}", id.short()),
    }
}
