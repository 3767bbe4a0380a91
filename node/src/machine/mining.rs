//! What to mine and what to do with a proof. The search itself is a driver's work; here is decided
//! which template it works on, when that is replaced, and who is told of the outcome.

use std::sync::Arc;

use shared::{
    Address, CheckedBlock, CheckedTransaction, Coinbase, Header, Height, LogEdge, Millis, Network, block::BlockError,
    block::encoded_size,
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
    id: JobId,
    tip: Tip,
    pool_version: u64,
}

/// What is mined, for whom.
#[derive(Debug, Default)]
pub struct Mining {
    continuous: bool,
    job: Option<Job>,
    jobs_so_far: u64,
    /// Who asked for one block on the present tip.
    requests: Vec<RequestId>,
}

impl Mining {
    /// Whether the miner has a job.
    pub fn is_active(&self) -> bool {
        self.job.is_some()
    }
}

impl<S: Store> Machine<S> {
    pub(super) fn set_mining(&mut self, request: RequestId, continuous: bool) {
        self.mining.continuous = continuous;
        if !continuous {
            for request in std::mem::take(&mut self.mining.requests) {
                self.reply(request, Reply::Refused(Refused::Stopped));
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
            self.mining.requests.push(request);
        }
    }

    /// Starts, replaces or stops the miner's job as the tip, the pool and the requests demand. Called
    /// once after each batch of events.
    pub(super) fn update_mining(&mut self) -> Result<()> {
        let tip = self.chain.tip().hash;
        if let Some(job) = &self.mining.job {
            if job.tip.hash == tip {
                if !self.mining.continuous && self.mining.requests.is_empty() {
                    self.stop_mining();
                }
                return Ok(());
            }
            for request in std::mem::take(&mut self.mining.requests) {
                self.reply(request, Reply::MineLost { winner: tip });
            }
        }
        if self.mining.continuous || !self.mining.requests.is_empty() {
            self.start_mining()
        } else {
            self.stop_mining();
            Ok(())
        }
    }

    fn start_mining(&mut self) -> Result<()> {
        let template = Template::on_tip(&self.chain, &self.pool, self.config.miner, self.now)?;
        self.mining.jobs_so_far += 1;
        let id = JobId(self.mining.jobs_so_far);
        let tip = self.chain.tip().clone();
        self.mining.job = Some(Job { id, tip, pool_version: self.pool.version() });
        self.timers.set(self.now.after(TEMPLATE_INTERVAL), Timer::Template);
        self.out.push(Effect::StartMining { job: id, template: Arc::new(template) });
        Ok(())
    }

    fn stop_mining(&mut self) {
        if self.mining.job.take().is_some() {
            self.out.push(Effect::StopMining);
        }
    }

    /// A template whose transactions are out of date is replaced; its time moves on with it.
    pub(super) fn template_due(&mut self) -> Result<()> {
        match &self.mining.job {
            Some(job) if job.pool_version != self.pool.version() => self.start_mining(),
            Some(_) => {
                self.timers.set(self.now.after(TEMPLATE_INTERVAL), Timer::Template);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The miner found a proof. One for another job than the present is too late.
    pub(super) fn mined(&mut self, job: JobId, block: Arc<CheckedBlock>) -> Result<()> {
        if self.mining.job.as_ref().is_none_or(|current| current.id != job) {
            return Ok(());
        }
        let requests = std::mem::take(&mut self.mining.requests);
        let taken = self.take_block(None, block.clone())?;
        let won = taken.is_ok() && self.chain.tip().hash == block.hash();
        for request in requests {
            let reply =
                if won { Reply::Mined(block.clone()) } else { Reply::MineLost { winner: self.chain.tip().hash } };
            self.reply(request, reply);
        }
        Ok(())
    }
}
