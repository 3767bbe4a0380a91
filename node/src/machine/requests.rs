//! What users and their programs ask of the node. Requests that wait for peers' answers wait here.

use std::collections::BTreeSet;
use std::sync::Arc;

use shared::{BlockHash, CheckedBlock, CheckedTransaction, Height, Millis, Work, wire::PeerId};

use super::{
    Machine,
    chain::Refusal,
    config::{CATCH_UP_TIMEOUT, RESOLVE_TIMEOUT},
    effect::{Effect, Refused, Reply, Status},
    event::{Request, RequestId},
    journal::ChainEvent,
    pool::PoolError,
    store::{Result, Store},
    timers::Timer,
};

/// What to do once the peers have answered.
#[derive(Debug)]
enum Then {
    Mine {
        height: Option<Height>,
    },
    Tell {
        before: BlockHash,
    },
    /// Take a block whose parent was not known.
    Take {
        block: Arc<CheckedBlock>,
        before: BlockHash,
    },
}

/// A request that waits until these peers have answered and what they have is fetched.
#[derive(Debug)]
struct Waiter {
    id: RequestId,
    peers: BTreeSet<PeerId>,
    /// How long for the answers.
    until: Millis,
    /// How long altogether.
    at_latest: Millis,
    then: Then,
}

impl Waiter {
    fn is_settled(&self, now: Millis, fetching: bool) -> bool {
        let answered = self.peers.is_empty() || self.until <= now;
        (answered && !fetching) || self.at_latest <= now
    }
}

/// Requests that wait for peers.
#[derive(Debug, Default)]
pub struct Waiting {
    waiters: Vec<Waiter>,
}

impl Waiting {
    /// Those who wait to mine, who then wait no longer.
    pub fn take_miners(&mut self) -> Vec<RequestId> {
        let miners = self.waiters.extract_if(.., |waiter| matches!(waiter.then, Then::Mine { .. }));
        miners.map(|waiter| waiter.id).collect()
    }

    /// A peer has answered, or never will.
    pub fn answered(&mut self, peer: &PeerId) {
        for waiter in &mut self.waiters {
            waiter.peers.remove(peer);
        }
    }
}

impl<S: Store> Machine<S> {
    pub(super) fn request(&mut self, id: RequestId, request: Request) -> Result<()> {
        match request {
            Request::Mine { height } => self.resolve_then(id, Then::Mine { height }),
            Request::SetMining(on) => {
                self.set_mining(id, on);
                Ok(())
            }
            Request::SetStrategy { strategy, tie } => self.set_strategy(id, strategy, tie),
            Request::Strategy => {
                self.tell_strategy(id);
                Ok(())
            }
            Request::Resolve => self.resolve_then(id, Then::Tell { before: self.chain.tip().hash }),
            Request::NoteBlock { hash } => self.note_block(id, hash),
            Request::SubmitBlock(block) => self.submit_block(id, block),
            Request::ReplaceChain(blocks) => self.replace_chain(id, blocks),
            Request::Register(registrations) => {
                let new = self.register(registrations);
                self.reply(id, Reply::Registered { new });
                Ok(())
            }
            Request::Unregister(node) => {
                let peer = self.book.find_node(&node);
                if let Some(peer) = peer {
                    self.part(peer, "it was unregistered".into())?;
                    self.book.remove(&peer);
                }
                self.reply(id, Reply::Unregistered(peer.is_some()));
                Ok(())
            }
            Request::SubmitTransaction(transaction) => {
                let submitted = transaction.id();
                let reply = match self.submit_transaction(transaction)? {
                    Ok(()) => Reply::Accepted(submitted),
                    Err(error) => Reply::Refused(Refused::Transaction(error)),
                };
                self.reply(id, reply);
                Ok(())
            }
            Request::SubmitTransactions(transactions) => {
                let submitted = transactions.into_iter().map(|transaction| self.submit_transaction(transaction));
                let submitted = submitted.collect::<Result<_>>()?;
                self.reply(id, Reply::Submitted(submitted));
                Ok(())
            }
            Request::Waiting(transaction) => {
                let waiting = self.pool.get(&transaction).cloned();
                self.reply(id, Reply::Waiting(waiting));
                Ok(())
            }
            Request::Status => {
                let status = self.status();
                self.reply(id, Reply::Status(status));
                Ok(())
            }
            Request::Pending => {
                let pending = self.pool.select(usize::MAX);
                self.reply(id, Reply::Pending(pending));
                Ok(())
            }
            Request::Outlook(address) => {
                let account = self.chain.account(&address)?;
                let outlook = self.pool.outlook(&address, account);
                self.reply(id, Reply::Outlook(outlook));
                Ok(())
            }
        }
    }

    pub(super) fn reply(&mut self, request: RequestId, reply: Reply) {
        self.out.push(Effect::Reply { request, reply });
    }

    /// Asks every peer for a better chain; the request goes on when all have answered.
    fn resolve_then(&mut self, id: RequestId, then: Then) -> Result<()> {
        let peers: BTreeSet<PeerId> = self.peers.greeted().map(|(peer, _)| peer).collect();
        for peer in &peers {
            self.ask_headers(*peer)?;
        }
        let (until, at_latest) = (self.now.after(RESOLVE_TIMEOUT), self.now.after(CATCH_UP_TIMEOUT));
        self.waiting.waiters.push(Waiter { id, peers, until, at_latest, then });
        Ok(())
    }

    /// Goes on with requests whose peers have answered, or waited long enough. Called once after each
    /// batch of events.
    pub(super) fn settle_waiting(&mut self) -> Result<()> {
        if self.waiting.waiters.is_empty() {
            return Ok(());
        }
        let (now, fetching) = (self.now, self.sync.is_active() || self.is_rebuilding_any());
        let (settled, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting.waiters).into_iter().partition(|waiter| waiter.is_settled(now, fetching));
        let next = waiting.iter().map(|waiter| if waiter.until > now { waiter.until } else { waiter.at_latest }).min();
        next.into_iter().for_each(|at| self.timers.set(at, Timer::Resolve));
        self.waiting.waiters = waiting;
        for waiter in settled {
            match waiter.then {
                Then::Mine { height } => self.mine_for(waiter.id, height),
                Then::Tell { before } => self.reply_resolved(waiter.id, before),
                Then::Take { block, before } => match self.take_block(None, block)? {
                    Ok(()) => self.reply_resolved(waiter.id, before),
                    Err(orphan @ Refusal::Orphan(_)) => {
                        self.reply(waiter.id, Reply::Refused(Refused::NotBetter(orphan.to_string())));
                    }
                    Err(refusal) => self.reply(waiter.id, Reply::Refused(Refused::Invalid(refusal.to_string()))),
                },
            }
        }
        Ok(())
    }

    fn reply_resolved(&mut self, id: RequestId, before: BlockHash) {
        let tip = self.chain.tip();
        let reply = Reply::Resolved { changed: tip.hash != before, height: tip.position.height, tip: tip.hash };
        self.reply(id, reply);
    }

    fn note_block(&mut self, id: RequestId, hash: BlockHash) -> Result<()> {
        let before = self.chain.tip().hash;
        if self.chain.stored_entry(&hash)?.is_some() {
            self.reply_resolved(id, before);
            return Ok(());
        }
        self.resolve_then(id, Then::Tell { before })
    }

    fn submit_block(&mut self, id: RequestId, block: Arc<CheckedBlock>) -> Result<()> {
        let before = self.chain.tip().hash;
        match self.take_block(None, block.clone())? {
            Ok(()) => self.reply_resolved(id, before),
            Err(Refusal::Orphan(_)) => return self.resolve_then(id, Then::Take { block, before }),
            Err(refusal) => self.reply(id, Reply::Refused(Refused::Invalid(refusal.to_string()))),
        }
        Ok(())
    }

    /// Adopts a chain that somebody hands over, if it has more work and is valid from end to end.
    fn replace_chain(&mut self, id: RequestId, blocks: Vec<Arc<CheckedBlock>>) -> Result<()> {
        let before = self.chain.tip().hash;
        if let Err(refused) = self.weigh_chain(&blocks)? {
            self.reply(id, Reply::Refused(refused));
            return Ok(());
        }
        let genesis = self.config.network.genesis_hash();
        let blocks: Vec<_> = blocks.into_iter().filter(|block| block.hash() != genesis).collect();
        match self.chain.accept_all(&blocks, self.wall)? {
            Ok(changes) => {
                changes.iter().try_for_each(|change| self.chain_changed(change))?;
                // They are all known now; this only lets go of what was waiting for them.
                blocks.into_iter().try_for_each(|block| self.take_block(None, block).map(|_| ()))?;
            }
            Err((index, refusal)) => {
                let refused = Refused::Invalid(broken(&blocks[index], &refusal));
                self.reply(id, Reply::Refused(refused));
                return Ok(());
            }
        }
        self.reply_resolved(id, before);
        Ok(())
    }

    /// Whether a chain fits together, begins on ours, and claims more work, before anything is stored.
    fn weigh_chain(&self, blocks: &[Arc<CheckedBlock>]) -> Result<std::result::Result<(), Refused>> {
        let invalid = |text: String| Ok(Err(Refused::Invalid(text)));
        let genesis = self.config.network.genesis_hash();
        let Some((first, last)) = blocks.first().zip(blocks.last()) else {
            return invalid("the chain is empty".into());
        };
        if let Some(pair) = blocks.windows(2).find(|pair| pair[1].header().previous != pair[0].hash()) {
            return invalid(format!("block {} does not follow block {}", pair[1].height(), pair[0].height()));
        }
        let parent = if first.hash() == genesis { genesis } else { first.header().previous };
        let Some(base) = self.chain.stored_entry(&parent)? else {
            return invalid(format!(
                "the chain belongs to another network or begins with an unknown block: {parent} is not known here"
            ));
        };
        let added = blocks.iter().filter(|block| block.hash() != genesis);
        let work = added
            .filter_map(|block| block.header().bits.target().ok())
            .fold(base.position.work, |sum, target| sum.plus(target.work()));
        let ours = self.chain.tip();
        if last.hash() == ours.hash || work > ours.position.work {
            return Ok(Ok(()));
        }
        Ok(Err(Refused::NotBetter(not_better(work, ours.position.work))))
    }

    fn submit_transaction(
        &mut self,
        transaction: Arc<CheckedTransaction>,
    ) -> Result<std::result::Result<(), PoolError>> {
        let outcome = self.pool_transaction(transaction.clone())?;
        if outcome.is_ok() {
            self.keep_own(&transaction);
        }
        Ok(outcome)
    }

    pub(super) fn journal(&mut self, event: ChainEvent) {
        self.chain.batch_mut().journal.push(event);
    }

    fn status(&mut self) -> Status {
        let tip = self.chain.tip();
        Status {
            tip: tip.hash,
            height: tip.position.height,
            work: tip.position.work,
            peers: self.peers.statuses(),
            nodes: self.book.nodes(),
            pending: self.pool.count(),
            mining: self.mining.is_active(),
            missing: self.sync.missing(),
        }
    }
}

/// Which block of a chain breaks which rule: the last one tried, or one below it.
fn broken(tried: &CheckedBlock, refusal: &Refusal) -> String {
    let (hash, height, rule): (_, _, &dyn std::fmt::Display) = match refusal {
        Refusal::Below { hash, height, error } => (*hash, *height, error),
        refusal => (tried.hash(), tried.height(), refusal),
    };
    format!("block {height} ({}) breaks a rule: {rule}", hash.short())
}

fn not_better(theirs: Work, ours: Work) -> String {
    if theirs == ours {
        "the chain has just as much work as ours; the one seen first stays".into()
    } else {
        format!("the chain has less work than ours: about {:.0} hashes against {:.0}", theirs.to_f64(), ours.to_f64())
    }
}
