//! A follower of each node, who knows nothing but its event stream, and from that alone must come to the
//! node's chain and to what waits in its pool: every step is told, each retraction too.

use std::collections::BTreeSet;

use shared::{BlockHash, CheckedTransaction, TxId};

use super::{Oracle, Violation};
use crate::machine::{chain::Tip, journal::ChainEvent, store::ReadChain};

/// What a follower has been told.
#[derive(Debug)]
pub(super) struct Follower {
    /// The number of the last entry that it read.
    read: u64,
    tip: BlockHash,
    waiting: BTreeSet<TxId>,
}

impl Oracle {
    /// Reads on in a node's journal, and compares what it has told with the node.
    ///
    /// # Errors
    /// What was not told, or not as it was.
    pub fn audit_journal<'a>(
        &mut self,
        node: usize,
        tip: &Tip,
        store: &impl ReadChain,
        waiting: impl IntoIterator<Item = &'a CheckedTransaction>,
    ) -> Result<(), Violation> {
        self.read_journal(node, store).map_err(|what| Violation { node, what })?;
        let follower = &self.followers[&node];
        let fail = |what: &str| Err(Violation { node, what: format!("its followers {what}") });
        if follower.tip != tip.hash {
            return fail("were told of another tip");
        }
        if follower.waiting != waiting.into_iter().map(CheckedTransaction::id).collect() {
            return fail("were told of another pool");
        }
        Ok(())
    }

    fn read_journal(&mut self, node: usize, store: &impl ReadChain) -> Result<(), String> {
        let tip = self.network.genesis_hash();
        let fresh = Follower { read: 0, tip, waiting: BTreeSet::new() };
        let mut follower = self.followers.remove(&node).unwrap_or(fresh);
        let entries = store.journal(follower.read + 1, usize::MAX).map_err(|error| error.to_string())?;
        for (number, event) in entries {
            if number != follower.read + 1 {
                return Err(format!("entry {number} of its journal follows entry {}", follower.read));
            }
            follower.read = number;
            if let ChainEvent::Connected { hash, .. } = &event {
                // It may have been on the chain so shortly that nobody saw it there.
                self.learn(*hash, store)?;
            }
            self.hear(&mut follower, &event)
                .ok_or_else(|| format!("entry {number} of its journal cannot be: {event:?}"))?;
        }
        self.followers.insert(node, follower);
        Ok(())
    }

    /// Takes in one entry; `None` when it does not fit those before it.
    fn hear(&self, follower: &mut Follower, event: &ChainEvent) -> Option<()> {
        match event {
            ChainEvent::Connected { height, hash, transactions } => {
                let state = self.states.get(hash)?;
                let block = &state.block;
                let fits = block.header().previous == follower.tip && state.position.height == *height;
                let counted = block.transactions().len() == *transactions as usize;
                follower.tip = *hash;
                for transaction in block.transactions() {
                    follower.waiting.remove(&transaction.id());
                }
                (fits && counted).then_some(())
            }
            ChainEvent::Disconnected { height, hash, .. } => {
                let state = self.states.get(hash)?;
                let fits = follower.tip == *hash && state.position.height == *height;
                follower.tip = state.block.header().previous;
                fits.then_some(())
            }
            ChainEvent::Pooled { id, .. } => follower.waiting.insert(*id).then_some(()),
            // One that comes from a block may be dropped without ever having been back in the pool.
            ChainEvent::Dropped { id, .. } => {
                follower.waiting.remove(id);
                Some(())
            }
            ChainEvent::Restarted => {
                follower.waiting.clear();
                Some(())
            }
            ChainEvent::Reorganised { .. } | ChainEvent::Side { .. } => Some(()),
            ChainEvent::Contradicted { height, hash, .. } => {
                (self.states.get(hash)?.position.height == *height).then_some(())
            }
        }
    }
}
