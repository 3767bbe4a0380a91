//! Where the contents of the active chain can be found: by transaction id, by address, by topic, and as
//! nodes of the log. Everything here follows from one block and the log before it, and is taken back
//! with the block.

use shared::{Address, CheckedBlock, CheckedTransaction, LogEdge, Payload, log::LogNode};

use super::super::store::{Batch, Location, Touch};

impl Batch {
    /// Files a block that joins the active chain. `log` is the log before it.
    pub fn file(&mut self, block: &CheckedBlock, mut log: LogEdge) {
        for transaction in block.transactions() {
            log.append_keeping(transaction.id(), |node, hash| {
                self.log_nodes.insert(node, Some(hash));
            });
        }
        self.set_places(block, true);
    }

    /// Takes a block that leaves the active chain out of the files. `log` is the log before it.
    pub fn unfile(&mut self, block: &CheckedBlock, log: &LogEdge) {
        self.log_nodes.extend(LogNode::between(log.size(), block.coinbase().log_size).map(|node| (node, None)));
        self.set_places(block, false);
    }

    fn set_places(&mut self, block: &CheckedBlock, there: bool) {
        let height = block.height();
        for (position, transaction) in (0..).zip(block.transactions()) {
            let at = Location { height, position };
            self.locations.insert(transaction.id(), there.then_some(at));
            for (address, touch) in touched(transaction).into_iter().flatten() {
                self.history.insert((address, at), there.then_some(touch));
            }
            if let Payload::Data { topic, .. } = &transaction.payload {
                self.filed.insert((Some(topic.clone()), at), there.then_some(()));
                self.filed.insert((None, at), there.then_some(()));
            }
        }
        let reward = (block.coinbase().miner, Location::reward(height));
        self.history.insert(reward, there.then_some(Touch::Mined));
    }
}

/// Whom a transaction concerns, and how.
fn touched(transaction: &CheckedTransaction) -> [Option<(Address, Touch)>; 2] {
    let sender = transaction.sender;
    match &transaction.payload {
        Payload::Transfer { to, .. } if *to == sender => [Some((sender, Touch::Moved)), None],
        Payload::Transfer { to, .. } => [Some((sender, Touch::Sent)), Some((*to, Touch::Received))],
        Payload::Data { .. } => [Some((sender, Touch::Filed)), None],
    }
}
