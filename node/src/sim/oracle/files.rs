//! Comparing how a node finds things with its chain gone through from end to end: transactions by id,
//! histories by address, data by topic, and the nodes of the log.

use std::collections::{BTreeMap, BTreeSet};

use shared::{Address, BlockHash, Payload, Topic, TxId, log::LogNode};

use super::{
    Oracle,
    audit::failed,
    state::{State, tree_hash},
};
use crate::machine::store::{Location, ReadChain, Touch};

/// Where everything on a chain is, newest first.
#[derive(Default)]
struct Files {
    transactions: BTreeMap<TxId, Location>,
    histories: BTreeMap<Address, Vec<(Location, Touch)>>,
    data: BTreeMap<Option<Topic>, Vec<Location>>,
}

impl Files {
    /// Goes on to the next block below.
    fn add(&mut self, state: &State) {
        let height = state.position.height;
        let reward = (Location::reward(height), Touch::Mined);
        self.histories.entry(state.block.coinbase().miner).or_default().push(reward);
        for (position, transaction) in (0u32..).zip(state.block.transactions()).collect::<Vec<_>>().into_iter().rev() {
            let at = Location { height, position };
            self.transactions.insert(transaction.id(), at);
            let mut touch = |address, touch| self.histories.entry(address).or_default().push((at, touch));
            match &transaction.payload {
                Payload::Transfer { to, .. } if *to == transaction.sender => touch(*to, Touch::Moved),
                Payload::Transfer { to, .. } => {
                    touch(transaction.sender, Touch::Sent);
                    touch(*to, Touch::Received);
                }
                Payload::Data { topic, .. } => {
                    touch(transaction.sender, Touch::Filed);
                    self.data.entry(Some(topic.clone())).or_default().push(at);
                    self.data.entry(None).or_default().push(at);
                }
            }
        }
    }
}

impl Oracle {
    pub(super) fn audit_files(&self, tip: BlockHash, store: &impl ReadChain) -> Result<(), String> {
        let mut files = Files::default();
        // The genesis block has neither transactions nor a reward.
        self.chain(tip).filter(|(_, parent)| parent.is_some()).for_each(|(state, _)| files.add(state));
        self.audit_transactions(&files, tip, store)?;
        self.audit_histories(&files, store)?;
        audit_data(&files, store)?;
        self.states.get(&tip).map_or(Ok(()), |state| audit_log(&state.log, store))
    }

    fn audit_transactions(&self, files: &Files, tip: BlockHash, store: &impl ReadChain) -> Result<(), String> {
        for id in &self.transactions {
            let (found, expected) = (store.location(id).map_err(failed)?, files.transactions.get(id).copied());
            if found != expected {
                return Err(format!("transaction {id} is at {found:?} where its chain has it at {expected:?}"));
            }
        }
        for (state, _) in self.chain(tip) {
            for (position, transaction) in (0..).zip(state.block.transactions()) {
                let at = Location { height: state.position.height, position };
                if store.transaction(at).map_err(failed)?.as_ref() != Some(&***transaction) {
                    return Err(format!("it finds another transaction at {at:?} than {}", transaction.id()));
                }
            }
        }
        Ok(())
    }

    fn audit_histories(&self, files: &Files, store: &impl ReadChain) -> Result<(), String> {
        for address in &self.addresses {
            let found = store.history(address, None, usize::MAX).map_err(failed)?;
            let expected = files.histories.get(address).map(Vec::as_slice).unwrap_or_default();
            if found != expected {
                return Err(format!("the history of {address} is {found:?} where its chain makes it {expected:?}"));
            }
        }
        Ok(())
    }
}

fn audit_data(files: &Files, store: &impl ReadChain) -> Result<(), String> {
    let topics: BTreeSet<&Topic> = files.data.keys().flatten().collect();
    let found = store.topics(None, usize::MAX).map_err(failed)?;
    if !found.iter().eq(topics.iter().copied()) {
        return Err(format!("it has the topics {found:?} where its chain has {topics:?}"));
    }
    for topic in topics.into_iter().map(Some).chain([None]) {
        let found = store.filed(topic, None, usize::MAX).map_err(failed)?;
        let expected = files.data.get(&topic.cloned()).map(Vec::as_slice).unwrap_or_default();
        if found != expected {
            return Err(format!("under {topic:?} is data at {found:?} where its chain has it at {expected:?}"));
        }
    }
    Ok(())
}

/// The kept nodes of the log: those that the log has, and none beyond its end.
fn audit_log(log: &[TxId], store: &impl ReadChain) -> Result<(), String> {
    let leaves: Vec<[u8; 32]> = log.iter().map(|id| id.0).collect();
    for (level, size) in [(0, 1), (1, 256)] {
        let complete = leaves.chunks_exact(size).map(|leaves| Some(tree_hash(leaves)));
        for (index, expected) in (0..).zip(complete.chain([None])) {
            if store.log_node(LogNode { level, index }).map_err(failed)? != expected {
                return Err(format!("node {index} on level {level} of its log is not what its chain makes it"));
            }
        }
    }
    Ok(())
}
