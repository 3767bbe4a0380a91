//! Transactions by id: one request at a time to each peer that told of some, and to the next one that
//! did where a peer does not give them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use shared::{
    Address, CheckedBlock, CheckedTransaction, Millis, Transaction, TxId,
    wire::{MAX_TRANSACTIONS, Message, PeerId, REPLY_BYTES},
};

use super::super::{
    Machine,
    chain::TipChange,
    config::TRANSACTIONS_TIMEOUT,
    effect::Effect,
    journal::ChainEvent,
    pool::{self, PoolError},
    store::{Result, Store},
    timers::Timer,
};

/// Transaction ids remembered for each peer, so that it is not told what it knows.
const MAX_KNOWN: usize = 20_000;
/// Transactions that a peer told of and that are still to be asked for; what goes beyond is not.
const MAX_OFFERS: usize = 50_000;
/// Transactions that wait for an earlier one of their sender, at most.
const MAX_EARLY: usize = 2_000;
/// Their bytes, at most.
const MAX_EARLY_BYTES: usize = 4 * 1024 * 1024;

/// What is known of the transactions that a peer has.
#[derive(Debug, Default)]
pub struct Told {
    known: BTreeSet<TxId>,
    /// Told of by the peer, and lacking here when it did.
    offers: VecDeque<TxId>,
    /// Asked of the peer, until when, and in which order.
    asked: Option<(Millis, Vec<TxId>)>,
}

impl Told {
    /// Notes that the peer knows a transaction; true when that is news.
    pub fn learn(&mut self, id: TxId) -> bool {
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(id)
    }

    /// What the peer was asked for and has not answered yet.
    pub fn asked(&self) -> impl Iterator<Item = &TxId> {
        self.asked.iter().flat_map(|(_, ids)| ids)
    }
}

impl<S: Store> Machine<S> {
    /// Tells a new peer what is in the pool.
    pub(in super::super) fn offer_pool(&mut self, peer: PeerId) {
        let ids: Vec<TxId> = self.pool.ids().collect();
        self.out.extend(tell_pooled(peer, &ids));
    }

    pub(in super::super) fn on_pooled(&mut self, peer: PeerId, ids: Vec<TxId>) -> Result<()> {
        for id in ids {
            // What was asked for is not here yet.
            let lacking = self.relay.asked.contains(&id) || self.lacks(&id)?;
            let Some(session) = self.peers.get_mut(&peer) else { return Ok(()) };
            session.told.learn(id);
            if lacking && session.told.offers.len() < MAX_OFFERS {
                session.told.offers.push_back(id);
            }
        }
        self.ask_transactions(peer)
    }

    fn lacks(&self, id: &TxId) -> Result<bool> {
        Ok(self.pool.get(id).is_none() && self.chain.location(id)?.is_none())
    }

    /// Asks a peer whose answer is not awaited for what it told of and nobody else was asked for.
    fn ask_transactions(&mut self, peer: PeerId) -> Result<()> {
        let Some(session) = self.peers.get_mut(&peer).filter(|session| session.told.asked.is_none()) else {
            return Ok(());
        };
        let mut offers = std::mem::take(&mut session.told.offers);
        let (mut ids, mut later) = (Vec::new(), VecDeque::new());
        while ids.len() < MAX_TRANSACTIONS
            && let Some(id) = offers.pop_front()
        {
            if self.relay.asked.contains(&id) {
                later.push_back(id);
            } else if self.lacks(&id)? {
                self.relay.asked.insert(id);
                ids.push(id);
            }
        }
        later.append(&mut offers);
        let due = self.now.after(TRANSACTIONS_TIMEOUT);
        if let Some(session) = self.peers.get_mut(&peer) {
            session.told.offers = later;
            session.told.asked = (!ids.is_empty()).then(|| (due, ids.clone()));
        }
        if !ids.is_empty() {
            self.timers.set(due, Timer::Transactions(peer));
            self.send(peer, Message::GetTransactions(ids));
        }
        Ok(())
    }

    /// What one peer did not give may now be asked of others.
    pub(in super::super) fn ask_transactions_of_all(&mut self) -> Result<()> {
        let offering = self.peers.greeted().filter(|(_, session)| !session.told.offers.is_empty());
        for peer in offering.map(|(peer, _)| peer).collect::<Vec<_>>() {
            self.ask_transactions(peer)?;
        }
        Ok(())
    }

    pub(in super::super) fn on_transactions(
        &mut self,
        peer: PeerId,
        mut transactions: Vec<Arc<CheckedTransaction>>,
    ) -> Result<()> {
        if let Some(session) = self.peers.get_mut(&peer) {
            for transaction in &transactions {
                session.told.learn(transaction.id());
            }
            if let Some((_, asked)) = session.told.asked.take() {
                self.relay.release(&asked);
                let bytes: usize = transactions.iter().map(|transaction| transaction.size()).sum();
                // An answer that may have been cut short is asked to go on.
                if bytes + Transaction::MAX_SIZE > REPLY_BYTES {
                    let given: BTreeSet<TxId> = transactions.iter().map(|transaction| transaction.id()).collect();
                    asked
                        .into_iter()
                        .rev()
                        .filter(|id| !given.contains(id))
                        .for_each(|id| session.told.offers.push_front(id));
                }
            }
        }
        transactions.sort_by_key(|transaction| (transaction.sender, transaction.nonce));
        for transaction in transactions {
            // One that does not fit our tip may fit its sender's: no fault.
            self.take_transaction(peer, transaction)?;
        }
        self.ask_transactions_of_all()
    }

    pub(in super::super) fn transactions_due(&mut self, peer: PeerId) -> Result<()> {
        let Some(session) = self.peers.get_mut(&peer) else { return Ok(()) };
        if session.told.asked.as_ref().is_some_and(|(due, _)| *due <= self.now) {
            self.relay.release(session.told.asked());
            session.told.asked = None;
            self.ask_transactions_of_all()?;
        }
        Ok(())
    }

    /// Takes a transaction from a peer; one that overtook an earlier one of its sender waits for it.
    fn take_transaction(&mut self, peer: PeerId, transaction: Arc<CheckedTransaction>) -> Result<()> {
        match self.pool_transaction(transaction.clone())? {
            Ok(()) => {
                if let Some(session) = self.peers.get_mut(&peer) {
                    session.merit.gave_transaction(self.now);
                }
                self.take_early(transaction.sender, transaction.nonce)
            }
            Err(PoolError::Early { .. }) => {
                self.keep_early(transaction);
                Ok(())
            }
            Err(_) => Ok(()),
        }
    }

    /// Of several with the same sender and nonce, the one is kept that the pool would keep.
    fn keep_early(&mut self, transaction: Arc<CheckedTransaction>) {
        let place = (transaction.sender, transaction.nonce);
        let rival = self.relay.early.get(&place);
        if rival.is_some_and(|rival| pool::outbid(&transaction, rival).is_err()) {
            return;
        }
        if self.relay.early.len() >= MAX_EARLY || self.relay.early_bytes >= MAX_EARLY_BYTES {
            self.relay.early.clear();
            self.relay.early_bytes = 0;
        }
        self.relay.early_bytes += transaction.size();
        if let Some(replaced) = self.relay.early.insert(place, transaction) {
            self.relay.early_bytes -= replaced.size();
        }
    }

    /// The one with this nonce is there: those right behind it that came before it follow.
    fn take_early(&mut self, sender: Address, mut nonce: u64) -> Result<()> {
        while let Some(next) = nonce.checked_add(1)
            && let Some(transaction) = self.relay.early.remove(&(sender, next))
        {
            self.relay.early_bytes -= transaction.size();
            if self.pool_transaction(transaction)?.is_err() {
                break;
            }
            nonce = next;
        }
        Ok(())
    }

    /// Takes a transaction into the pool and notes it for passing on.
    pub(in super::super) fn pool_transaction(
        &mut self,
        transaction: Arc<CheckedTransaction>,
    ) -> Result<std::result::Result<(), PoolError>> {
        let id = transaction.id();
        if self.chain.location(&id)?.is_some() {
            return Ok(Err(PoolError::Confirmed));
        }
        let account = self.chain.account(&transaction.sender)?;
        match self.pool.insert(transaction, account) {
            Ok(gone) => {
                gone.into_iter().for_each(|(gone, why)| self.dropped(gone, &why));
                self.relay.fresh.push(id);
                self.journal(ChainEvent::Pooled { id, returned: false });
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// Brings everything that depends on the active chain in line with it.
    pub(in super::super) fn chain_changed(&mut self, change: &TipChange) -> Result<()> {
        let confirmed = change.connected.iter().flat_map(|block| block.transactions().iter().cloned());
        let returned = change.disconnected.iter().rev().flat_map(|block| block.transactions().iter().cloned());
        let poorer = change.disconnected.iter().flat_map(|block| paid_by(block));
        let chain = &self.chain;
        let followed = self.pool.follow(confirmed, returned, poorer, |address| chain.account(address))?;
        for transaction in change.disconnected.iter().flat_map(|block| block.transactions()) {
            // Nobody knows any more whose it was, so it is kept as if it were this node's own.
            self.keep_own(transaction);
        }
        for transaction in change.connected.iter().flat_map(|block| block.transactions()) {
            self.forget_own(&transaction.id());
        }
        if let Some(tip) = change.connected.last() {
            self.chain.record_returned(tip.hash(), followed.returned.len());
        }
        for transaction in followed.returned {
            self.relay.fresh.push(transaction.id());
            self.journal(ChainEvent::Pooled { id: transaction.id(), returned: true });
        }
        for (transaction, error) in followed.dropped {
            if self.chain.location(&transaction.id())?.is_none() {
                self.dropped(transaction, &error);
            }
        }
        for transaction in change.connected.iter().flat_map(|block| block.transactions()) {
            self.take_early(transaction.sender, transaction.nonce)?;
        }
        self.offer_aside()
    }
}

/// Everybody who received something from a block.
fn paid_by(block: &CheckedBlock) -> impl Iterator<Item = Address> {
    let receivers = block.transactions().iter().filter_map(|transaction| match &transaction.payload {
        shared::Payload::Transfer { to, .. } => Some(*to),
        shared::Payload::Data { .. } => None,
    });
    receivers.chain([block.coinbase().miner])
}

pub(super) fn tell_pooled(peer: PeerId, ids: &[TxId]) -> Vec<Effect> {
    let messages = ids.chunks(MAX_TRANSACTIONS).map(|chunk| Message::Pooled(chunk.to_vec()));
    messages.map(|message| Effect::Send { to: vec![peer], message }).collect()
}
