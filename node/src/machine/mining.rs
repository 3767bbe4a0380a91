//! What to mine and what to do with a proof. The search itself is a driver's work; here is decided
//! which template it works on, when that is replaced, and who is told of the outcome.

use std::sync::Arc;

use shared::{
    Address, BlockHash, CheckedBlock, CheckedTransaction, Coinbase, Header, Height, LogEdge, Millis, Network,
    block::BlockError, block::encoded_size,
};

use super::{
    Machine,
    chain::{Chain, Tip},
    config::TEMPLATE_INTERVAL,
    effect::{Effect, Refused, Reply},
    event::{JobId, RequestId},
    pool::Pool,
    store::{Result, Store},
    timers::Timer,
};

/// Bytes of extranonce at the end of the coinbase.
pub const EXTRANONCE_SIZE: usize = 8;

/// Everything a miner needs: a block whose header lacks the proof.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    header: Header,
    coinbase: Coinbase,
    transactions: Vec<Arc<CheckedTransaction>>,
}

impl Template {
    /// The block to mine on the tip, with the best-paying transactions of the pool that fit.
    fn on_tip<S: Store>(chain: &Chain<S>, pool: &Pool, miner: Address, now: Millis) -> Result<Self> {
        let network = chain.network().clone();
        let Tip { hash, position, log } = chain.tip().clone();
        let coinbase = Coinbase {
            height: position.height.next(),
            miner,
            reward: network.spec().subsidy_at(position.height.next()),
            log_size: 0,
            log_root: log.root(),
            extra: vec![0; EXTRANONCE_SIZE],
        };
        let overhead = encoded_size(&coinbase, std::iter::empty());
        let transactions = pool.select((network.spec().max_block_bytes as usize).saturating_sub(overhead));
        let header = Header {
            version: 1,
            previous: hash,
            coinbase_hash: shared::CoinbaseHash::ZERO,
            time: chain.template_time(now)?,
            bits: position.next_bits(network.spec()),
            nonce: 0,
        };
        let mut template = Self { header, coinbase, transactions };
        template.commit(log);
        Ok(template)
    }

    /// Fills in what follows from the transactions.
    fn commit(&mut self, mut log: LogEdge) {
        for transaction in &self.transactions {
            log.append(transaction.id());
            // Fees of valid transactions are part of what exists, so the sum stays within the limit.
            self.coinbase.reward = self.coinbase.reward.checked_add(transaction.fee).unwrap_or(self.coinbase.reward);
        }
        self.coinbase.log_size = log.size();
        self.coinbase.log_root = log.root();
        self.header.coinbase_hash = self.coinbase.hash();
    }

    /// The target that a proof has to meet.
    pub fn bits(&self) -> shared::Bits {
        self.header.bits
    }

    /// The header to search nonces for, with this extranonce, at this time by the miner's clock.
    pub fn header(&self, extranonce: u64, now: Millis) -> Header {
        let time = self.header.time.max(now.seconds());
        Header { coinbase_hash: self.coinbase(extranonce).hash(), time, ..self.header }
    }

    fn coinbase(&self, extranonce: u64) -> Coinbase {
        Coinbase { extra: extranonce.to_le_bytes().to_vec(), ..self.coinbase.clone() }
    }

    /// The block, once a nonce is found for a header given by [`Self::header`].
    ///
    /// # Errors
    /// When the header is no proof, or none of this template.
    pub fn solve(
        &self,
        header: Header,
        extranonce: u64,
        network: &Network,
    ) -> std::result::Result<CheckedBlock, BlockError> {
        CheckedBlock::assemble(header, self.coinbase(extranonce), self.transactions.clone(), network)
    }
}

/// A job that the miner works on.
#[derive(Debug)]
struct Job {
    tip: Tip,
    pool_version: u64,
    since: Millis,
    /// Whether its template is about to be renewed.
    renewal: bool,
}

/// What is mined, for whom.
#[derive(Debug, Default)]
pub struct Mining {
    continuous: bool,
    job: Option<Job>,
    jobs_so_far: u64,
    /// Who asked for one block, and on which tip.
    requests: Vec<(RequestId, BlockHash)>,
}

impl Mining {
    /// Whether the miner has a job.
    pub fn is_active(&self) -> bool {
        self.job.is_some()
    }

    fn take_requests(&mut self, which: impl Fn(BlockHash) -> bool) -> Vec<RequestId> {
        let (taken, left) = std::mem::take(&mut self.requests).into_iter().partition(|(_, on)| which(*on));
        self.requests = left;
        let taken: Vec<(RequestId, BlockHash)> = taken;
        taken.into_iter().map(|(request, _)| request).collect()
    }
}

impl<S: Store> Machine<S> {
    pub(super) fn set_mining(&mut self, request: RequestId, continuous: bool) {
        self.mining.continuous = continuous;
        if !continuous {
            for given_up in self.mining.take_requests(|_| true).into_iter().chain(self.waiting.take_miners()) {
                self.reply(given_up, Reply::Refused(Refused::Stopped));
            }
        }
        self.reply(request, Reply::Mining(continuous));
    }

    /// The chain is up to date: work on the tip for this request.
    pub(super) fn mine_for(&mut self, request: RequestId, height: Option<Height>) {
        let tip = self.chain.tip();
        if height.is_some_and(|height| height <= tip.position.height) {
            let winner = tip.hash;
            self.reply(request, Reply::MineLost { winner });
        } else {
            self.mining.requests.push((request, tip.hash));
        }
    }

    /// Starts, replaces or stops the miner's job as the tip, the pool and the requests demand. Called
    /// once after each batch of events.
    pub(super) fn update_mining(&mut self) -> Result<()> {
        let tip = self.chain.tip().hash;
        for request in self.mining.take_requests(|on| on != tip) {
            self.reply(request, Reply::MineLost { winner: tip });
        }
        if !self.mining.continuous && self.mining.requests.is_empty() {
            self.stop_mining();
            return Ok(());
        }
        match &mut self.mining.job {
            Some(job) if job.tip.hash == tip => {
                if !job.renewal && job.pool_version != self.pool.version() {
                    job.renewal = true;
                    self.timers.set(self.now.max(job.since.after(TEMPLATE_INTERVAL)), Timer::Template);
                }
                Ok(())
            }
            _ => self.start_mining(),
        }
    }

    fn start_mining(&mut self) -> Result<()> {
        let template = Template::on_tip(&self.chain, &self.pool, self.config.miner, self.wall)?;
        self.mining.jobs_so_far += 1;
        let id = JobId(self.mining.jobs_so_far);
        let tip = self.chain.tip().clone();
        let pool_version = self.pool.version();
        self.mining.job = Some(Job { tip, pool_version, since: self.now, renewal: false });
        self.out.push(Effect::StartMining { job: id, template: Arc::new(template) });
        Ok(())
    }

    fn stop_mining(&mut self) {
        if self.mining.job.take().is_some() {
            self.out.push(Effect::StopMining);
        }
    }

    /// A template whose transactions are out of date is replaced. Its time needs no renewal: that is the
    /// miner's own.
    pub(super) fn template_due(&mut self) -> Result<()> {
        match &self.mining.job {
            Some(job) if job.renewal && self.now >= job.since.after(TEMPLATE_INTERVAL) => self.start_mining(),
            _ => Ok(()),
        }
    }

    /// The miner found a proof. One on another tip than the present job's is too late; one for an
    /// earlier template on the same tip is as good as any.
    pub(super) fn mined(&mut self, block: Arc<CheckedBlock>) -> Result<()> {
        let on = block.header().previous;
        if self.mining.job.as_ref().is_none_or(|job| job.tip.hash != on) {
            return Ok(());
        }
        if let Err(refusal) = self.take_block(None, block.clone())? {
            // As when the clock was set back by hours, and blocks would still have to be later than the
            // last ones. Nobody waits for such a block; the miner, if it is to go on, needs another job.
            for request in self.mining.take_requests(|tip| tip == on) {
                self.reply(request, Reply::Refused(Refused::Invalid(refusal.to_string())));
            }
            self.mining.job = None;
            return Ok(());
        }
        let tip = self.chain.tip().hash;
        for request in self.mining.take_requests(|tip| tip == on) {
            let won = tip == block.hash();
            let reply = if won { Reply::Mined(block.clone()) } else { Reply::MineLost { winner: tip } };
            self.reply(request, reply);
        }
        Ok(())
    }
}
