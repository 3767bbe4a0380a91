//! What the pool means for one address. Transfers are listed by receiver, so that nobody who asks makes
//! the node go through the whole pool.

use std::collections::{BTreeMap, BTreeSet};

use shared::{Address, Amount, CheckedTransaction, Payload, TxId, rules::ledger::Account};

use super::{super::effect::Outlook, Pool};

/// What is on its way, by receiver.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    by_receiver: BTreeMap<Address, Expected>,
}

/// What one receiver is to get.
#[derive(Debug, Default)]
struct Expected {
    /// Transfers from others.
    from_others: BTreeSet<TxId>,
    /// What all transfers to it move together, those to oneself among them. While the chain changes the
    /// same money may wait twice, so this may pass what can exist.
    units: u128,
}

impl Incoming {
    /// A transaction entered the pool.
    pub(super) fn add(&mut self, transaction: &CheckedTransaction) {
        if let Payload::Transfer { to, amount } = &transaction.payload {
            let expected = self.by_receiver.entry(*to).or_default();
            expected.units += u128::from(amount.units());
            if *to != transaction.sender {
                expected.from_others.insert(transaction.id());
            }
        }
    }

    /// A transaction left the pool.
    pub(super) fn remove(&mut self, transaction: &CheckedTransaction) {
        if let Payload::Transfer { to, amount } = &transaction.payload
            && let Some(expected) = self.by_receiver.get_mut(to)
        {
            expected.units -= u128::from(amount.units());
            expected.from_others.remove(&transaction.id());
            // No transfer moves nothing.
            if expected.units == 0 {
                self.by_receiver.remove(to);
            }
        }
    }
}

impl Pool {
    /// What waits here for an address, given its account as of the tip.
    pub fn outlook(&self, address: &Address, account: Account) -> Outlook {
        let run = self.by_sender.get(address);
        let expected = self.incoming.by_receiver.get(address);
        let (sent, cost) = run.map_or((0, Amount::ZERO), |run| (run.ids.len(), run.cost));
        let (received, units) = expected.map_or((0, 0), |expected| (expected.from_others.len(), expected.units));
        // Neither side hides the other.
        let room_for_sent = Outlook::MAX_PENDING - received.min(Outlook::MAX_PENDING / 2);
        let sent_ids = run.into_iter().flat_map(|run| run.ids.values()).take(room_for_sent);
        let received_ids = expected.into_iter().flat_map(|expected| &expected.from_others);
        let listed = sent_ids.chain(received_ids).take(Outlook::MAX_PENDING);
        Outlook {
            account,
            next_nonce: account.nonce.saturating_add(sent as u64),
            spendable: account.balance.checked_sub(cost).unwrap_or_default(),
            outgoing: cost,
            incoming: u64::try_from(units).ok().and_then(Amount::new).unwrap_or(Amount::MAX),
            count: sent + received,
            pending: listed.filter_map(|id| self.by_id.get(id)).cloned().collect(),
        }
    }
}
