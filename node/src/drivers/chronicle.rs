//! Writes what happens to the chain into the log, one line each, as the journal has it, and what followers
//! are told in passing.

use shared::{Work, wire::NodeId};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;
use tracing::{debug, error, info};

use super::store::RedbReader;
use crate::machine::{
    journal::ChainEvent,
    notice::Notice,
    store::{ReadChain, StoreError},
};

/// Journal entries read at once.
const CHUNK: usize = 256;
/// Blocks that join one after another are told one by one if they are no more.
const LONG_RUN: usize = 20;

/// Follows the journal from its present end until the machine ends.
///
/// # Errors
/// When the journal cannot be read.
pub async fn follow(reader: RedbReader, mut grown: watch::Receiver<u64>) -> Result<(), StoreError> {
    let mut next = reader.snapshot().journal_end()? + 1;
    while grown.changed().await.is_ok() {
        loop {
            let entries = reader.snapshot().journal(next, CHUNK)?;
            let Some((last, _)) = entries.last() else { break };
            next = last + 1;
            entries.chunk_by(|(_, one), (_, other)| is_connected(one) && is_connected(other)).for_each(tell_run);
        }
    }
    Ok(())
}

fn is_connected(event: &ChainEvent) -> bool {
    matches!(event, ChainEvent::Connected { .. })
}

/// Blocks that joined one after another are one line if they are many, as while the node catches up.
fn tell_run(run: &[(u64, ChainEvent)]) {
    let heights = [run.first(), run.last()].map(|end| match end {
        Some((_, ChainEvent::Connected { height, .. })) => Some(*height),
        _ => None,
    });
    match heights {
        [Some(first), Some(last)] if run.len() > LONG_RUN => info!("blocks {first} to {last} joined the chain"),
        _ => run.iter().for_each(|(_, event)| tell(event)),
    }
}

/// A reorganisation is one line, however many blocks leave; each of these, and those that never join, only
/// for whoever looks closer.
fn tell(event: &ChainEvent) {
    match event {
        ChainEvent::Connected { height, hash, transactions } => {
            info!("block {height} {} joined the chain, transactions: {transactions}", hash.short());
        }
        ChainEvent::Disconnected { height, hash, better } => {
            debug!("block {height} {} left the chain for {}", hash.short(), better.short());
        }
        ChainEvent::Reorganised { from, from_work, to, to_work, fork, left, joined, returned } => info!(
            "the chain leaves {} for {}, which has {}: from block {fork} on, blocks that leave: {left}, that join: \
             {joined}; transactions back in the pool: {returned}",
            from.short(),
            to.short(),
            compared(*to_work, *from_work)
        ),
        ChainEvent::Side { height, hash, previous } => {
            debug!(
                "block {height} {} on {} stands beside the chain: it has not more work",
                hash.short(),
                previous.short()
            );
        }
        ChainEvent::Pooled { id, returned: true } => info!("transaction {} went back to the pool", id.short()),
        ChainEvent::Pooled { id, returned: false } => debug!("transaction {} entered the pool", id.short()),
        ChainEvent::Contradicted { height, hash, .. } => error!(
            "block {height} ({}) left the chain although this node signed the log up to it; it signs no checkpoints \
             until that block is back, or until it is started with a new key in place of log.key",
            hash.short()
        ),
        // The log has the start itself.
        ChainEvent::Restarted => debug!("the pool begins anew"),
        ChainEvent::Dropped { id, reason } => info!("transaction {} left the pool: {reason}", id.short()),
    }
}

fn compared(theirs: Work, ours: Work) -> &'static str {
    if theirs > ours { "more work" } else { "as much work and is preferred here" }
}

/// Follows what is told in passing until the machine ends.
pub async fn follow_notices(mut notices: broadcast::Receiver<Notice>) {
    loop {
        match notices.recv().await {
            Ok(notice) => tell_notice(&notice),
            Err(RecvError::Lagged(missed)) => debug!("{missed} notices came too fast"),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Peers can cause these as often as they like, so that the log has only what ends with a connection.
fn tell_notice(notice: &Notice) {
    match notice {
        Notice::Orphan { hash, parent, peer } => debug!(
            "block {} of {} is an orphan: its parent {} is not known here",
            hash.short(),
            named(*peer),
            parent.short()
        ),
        // The drivers say so when they ban.
        Notice::Penalty { peer, fault, banned: true } => debug!("{} is banned: {fault}", named(*peer)),
        Notice::Penalty { peer, fault, banned: false } => info!("{} is warned: {fault}", named(*peer)),
    }
}

fn named(peer: Option<NodeId>) -> String {
    peer.map_or_else(|| "somebody unnamed".into(), |node| format!("node {node}"))
}
