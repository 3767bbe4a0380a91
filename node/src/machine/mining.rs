//! What to mine and what to do with a proof. The search itself is a driver's work, or that of other people's
//! programs; here is decided which template they work on, when that is replaced, and who is told of the outcome.

use std::sync::Arc;

use shared::{
    Address, BlockHash, CheckedBlock, CheckedTransaction, Coinbase, Header, Height, LogEdge, Millis, Network, Seconds,
    block::BlockError, block::encoded_size,
};

use super::{
    Machine,
    chain::Tip,
    config::TEMPLATE_INTERVAL,
    effect::{Effect, Refused, Reply},
    event::{JobId, RequestId},
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
    /// The block to mine on this one, at this time, with the transactions that are selected for so many
    /// bytes.
    fn new(
        network: &Network,
        tip: &Tip,
        time: Seconds,
        miner: Address,
        select: impl FnOnce(usize) -> Vec<Arc<CheckedTransaction>>,
    ) -> Self {
        let height = tip.position.height.next();
        let coinbase = Coinbase {
            height,
            miner,
            reward: network.spec().subsidy_at(height),
            log_size: 0,
            log_root: tip.log.root(),
            extra: vec![0; EXTRANONCE_SIZE],
        };
        let overhead = encoded_size(&coinbase, std::iter::empty());
        let transactions = select((network.spec().max_block_bytes as usize).saturating_sub(overhead));
        let header = Header {
            version: 1,
            previous: tip.hash,
            coinbase_hash: shared::CoinbaseHash::ZERO,
            time,
            bits: tip.position.next_bits(network.spec()),
            nonce: 0,
        };
        let mut template = Self { header, coinbase, transactions };
        template.commit(tip.log.clone());
        template
    }

    /// The same block with a reward one unit beyond what the rules allow.
    fn with_too_much(mut self) -> Self {
        let too_much = shared::Amount::new(1).and_then(|one| self.coinbase.reward.checked_add(one));
        self.coinbase.reward = too_much.unwrap_or(self.coinbase.reward);
        self.header.coinbase_hash = self.coinbase.hash();
        self
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

    /// The header without a proof. Its time is the earliest that is taken for the template's own.
    pub fn unproven(&self) -> &Header {
        &self.header
    }

    /// The coinbase's bytes without the [`EXTRANONCE_SIZE`] at their end, with the reward for `miner`.
    pub fn coinbase_head(&self, miner: Address) -> Vec<u8> {
        let mut bytes = Coinbase { miner, ..self.coinbase.clone() }.to_bytes();
        bytes.truncate(bytes.len().saturating_sub(EXTRANONCE_SIZE));
        bytes
    }

    /// The same block with its reward for somebody else.
    #[must_use]
    pub fn paying(&self, miner: Address) -> Self {
        let coinbase = Coinbase { miner, ..self.coinbase.clone() };
        let header = Header { coinbase_hash: coinbase.hash(), ..self.header };
        Self { header, coinbase, transactions: self.transactions.clone() }
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

/// A job that somebody works on.
#[derive(Debug)]
struct Job {
    id: JobId,
    template: Arc<Template>,
    /// Whether this node's own miner works on it.
    own: bool,
    /// Whether miners outside were offered it.
    offered: bool,
    /// The block that it builds on; none once its template is not to be used any more.
    on: Option<BlockHash>,
    pool_version: u64,
    since: Millis,
    /// Whether its template is about to be renewed.
    renewal: bool,
}

/// What is mined, for whom.
#[derive(Debug, Default)]
pub struct Mining {
    continuous: bool,
    /// Whether there are miners outside that want work.
    outside: bool,
    job: Option<Job>,
    jobs_so_far: u64,
    /// Who asked for one block, and on which one.
    requests: Vec<(RequestId, BlockHash)>,
}

impl Mining {
    /// Whether this node's own miner has a job.
    pub fn is_active(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.own)
    }

    /// Whether this node's own miner is to work.
    fn is_wanted(&self) -> bool {
        self.continuous || !self.requests.is_empty()
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

    /// The chain is up to date: work for this request.
    pub(super) fn mine_for(&mut self, request: RequestId, height: Option<Height>) {
        let on = self.mining_on();
        if height.is_some_and(|height| height <= self.mining_height()) {
            self.reply(request, Reply::MineLost { winner: on });
        } else {
            self.mining.requests.push((request, on));
        }
    }

    /// Miners outside want work, or none of them is left.
    pub(super) fn set_outside(&mut self, present: bool) {
        self.mining.outside = present;
    }

    /// Starts, replaces or stops the job as what is mined on, the pool and those who want work demand.
    /// Called once after each batch of events.
    pub(super) fn update_mining(&mut self) -> Result<()> {
        let on = self.mining_on();
        for request in self.mining.take_requests(|before| before != on) {
            self.reply(request, Reply::MineLost { winner: on });
        }
        let wanted = self.mining.is_wanted() || self.mining.outside;
        if wanted && self.mining.job.as_ref().is_none_or(|job| job.on != Some(on)) {
            return self.start_mining();
        }
        self.hand_out();
        if let Some(job) = &mut self.mining.job
            && !job.renewal
            && job.pool_version != self.pool.version()
        {
            job.renewal = true;
            self.timers.set(self.now.max(job.since.after(TEMPLATE_INTERVAL)), Timer::Template);
        }
        Ok(())
    }

    /// Makes a new template, for everybody who wants work.
    fn start_mining(&mut self) -> Result<()> {
        let template = self.template()?;
        self.mining.jobs_so_far += 1;
        let (own, offered) = self.mining.job.as_ref().map_or((false, false), |job| (job.own, job.offered));
        // Those who work on the last one and are wanted no longer have to be told.
        self.retire(own && !self.mining.is_wanted(), offered && !self.mining.outside);
        self.mining.job = Some(Job {
            id: JobId(self.mining.jobs_so_far),
            own: false,
            offered: false,
            on: Some(template.header.previous),
            template: Arc::new(template),
            pool_version: self.pool.version(),
            since: self.now,
            renewal: false,
        });
        self.hand_out();
        Ok(())
    }

    /// Gives the job to those who want work and do not have it, and takes it from those who want none.
    fn hand_out(&mut self) {
        let (wanted, outside) = (self.mining.is_wanted(), self.mining.outside);
        let Some(job) = &mut self.mining.job else { return };
        let (own, offered) = (std::mem::replace(&mut job.own, wanted), std::mem::replace(&mut job.offered, outside));
        let (id, template) = (job.id, job.template.clone());
        if wanted && !own {
            self.out.push(Effect::StartMining { job: id, template: template.clone() });
        }
        if outside && !offered {
            self.out.push(Effect::Offer { job: id, template });
        }
        self.retire(own && !wanted, offered && !outside);
        if !wanted && !outside {
            self.mining.job = None;
        }
    }

    fn retire(&mut self, own: bool, offered: bool) {
        if own {
            self.out.push(Effect::StopMining);
        }
        if offered {
            self.out.push(Effect::Withdraw);
        }
    }

    /// The block to mine, with the best-paying transactions that fit.
    fn template(&mut self) -> Result<Template> {
        let (network, miner) = (self.config.network.clone(), self.config.miner);
        if let Some((ground, pool)) = self.private_ground()? {
            let time = ground.template_time(self.wall);
            return Ok(Template::new(&network, &ground.tip, time, miner, |room| pool.select(room)));
        }
        let time = self.chain.template_time(self.wall)?;
        let select = |room| self.pool.select_without(room, self.conduct.left_out());
        let template = Template::new(&network, self.chain.tip(), time, miner, select);
        Ok(if self.mines_too_much() { template.with_too_much() } else { template })
    }

    /// What is to be mined has changed in another way than the chain and the pool tell. Whoever works gets another
    /// job, or is stopped, at the end of this batch of events.
    pub(super) fn renew_job(&mut self) {
        if let Some(job) = &mut self.mining.job {
            job.on = None;
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

    /// A miner found a proof, this node's own or one outside. One on another block than the present job's is too late; one for an
    /// earlier template on the same block is as good as any.
    pub(super) fn mined(&mut self, block: Arc<CheckedBlock>) -> Result<()> {
        let on = block.header().previous;
        if self.mining.job.as_ref().is_none_or(|job| job.on != Some(on)) {
            return Ok(());
        }
        if self.conduct.shuns(&block) {
            // A template from before the strategy in force.
            self.renew_job();
            return Ok(());
        }
        if let Err(refusal) = self.take_own(block.clone())? {
            // As when the clock was set back by hours, and blocks would still have to be later than the
            // last ones. Nobody waits for such a block; the miner, if it is to go on, needs another job.
            for request in self.mining.take_requests(|tip| tip == on) {
                self.reply(request, Reply::Refused(Refused::Invalid(refusal.to_string())));
            }
            self.renew_job();
            return Ok(());
        }
        let best = self.mining_on();
        for request in self.mining.take_requests(|before| before == on) {
            let won = best == block.hash();
            let reply = if won { Reply::Mined(block.clone()) } else { Reply::MineLost { winner: best } };
            self.reply(request, reply);
        }
        Ok(())
    }
}
