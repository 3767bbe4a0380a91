//! What peers ask for: headers, blocks, transactions, addresses. Each peer has an allowance, so that none
//! makes this node read its disk without end; what goes beyond is served later. What this node asks
//! of peers is not here.

use std::collections::VecDeque;

use shared::{
    BlockHash, Header, Millis, TxId,
    wire::{MAX_HEADERS, Message, PeerId, REPLY_BYTES},
};

use super::{
    Machine,
    config::{SERVICE_AT_ONCE, SERVICE_RATE},
    peers::Fault,
    store::{Result, Store},
    timers::Timer,
};

/// Requests of one peer that wait for its allowance, at most. An honest one has few under way at once.
const MAX_PUT_OFF: usize = 16;
/// What looking something up counts for, in bytes, whether it is there or not.
const LOOK_UP: usize = 512;

/// What a peer asks for.
#[derive(Debug)]
pub enum Ask {
    /// Headers after the first of these that is on the active chain.
    Headers(Vec<BlockHash>),
    /// These blocks.
    Blocks(Vec<BlockHash>),
    /// Transactions at these places of a block.
    BlockTransactions(BlockHash, Vec<u32>),
    /// These waiting transactions.
    Transactions(Vec<TxId>),
    /// Where peers are.
    Addresses,
}

/// How much a peer may still be served, in bytes. It grows with time up to [`SERVICE_AT_ONCE`], and the last
/// answer may take it below zero.
#[derive(Debug)]
struct Allowance {
    left: i64,
    as_of: Millis,
}

impl Allowance {
    fn new(now: Millis) -> Self {
        Self { left: SERVICE_AT_ONCE, as_of: now }
    }

    fn is_left(&mut self, now: Millis) -> bool {
        let passed = i64::try_from(now.since(self.as_of).as_millis()).unwrap_or(i64::MAX);
        let grown = passed.saturating_mul(SERVICE_RATE) / 1_000;
        (self.left, self.as_of) = (self.left.saturating_add(grown).min(SERVICE_AT_ONCE), now);
        self.left > 0
    }

    fn spend(&mut self, cost: usize) {
        self.left = self.left.saturating_sub(i64::try_from(cost).unwrap_or(i64::MAX));
    }

    /// When there will be something left.
    fn due(&self) -> Millis {
        let wanting = u64::try_from(1 - self.left).unwrap_or(0);
        Millis(self.as_of.0 + (wanting * 1_000).div_ceil(SERVICE_RATE as u64))
    }
}

/// One peer's requests.
#[derive(Debug)]
pub struct Service {
    allowance: Allowance,
    put_off: VecDeque<Ask>,
}

impl Service {
    /// For a peer that connects now.
    pub fn new(now: Millis) -> Self {
        Self { allowance: Allowance::new(now), put_off: VecDeque::new() }
    }

    /// The next request that may be served.
    fn next(&mut self, now: Millis) -> Option<Ask> {
        if self.allowance.is_left(now) { self.put_off.pop_front() } else { None }
    }
}

/// An answer, and what it cost in bytes read and things looked up.
struct Answer {
    message: Message,
    bytes: usize,
    look_ups: usize,
}

impl<S: Store> Machine<S> {
    /// A peer asks for something. Its requests are served in their order.
    pub(super) fn asked(&mut self, peer: PeerId, ask: Ask) -> Result<()> {
        if self.ignores(&ask) {
            return Ok(());
        }
        let Some(session) = self.peers.get_mut(&peer) else { return Ok(()) };
        if session.service.put_off.len() >= MAX_PUT_OFF {
            return self.punish(peer, Fault::Greedy);
        }
        session.service.put_off.push_back(ask);
        self.serve_due(peer)
    }

    /// Serves as many of a peer's requests as its allowance is enough for.
    pub(super) fn serve_due(&mut self, peer: PeerId) -> Result<()> {
        while let Some(session) = self.peers.get_mut(&peer) {
            let Some(ask) = session.service.next(self.now) else { break };
            let Answer { message, bytes, look_ups } = self.answer(ask)?;
            self.send(peer, message);
            if let Some(session) = self.peers.get_mut(&peer) {
                session.service.allowance.spend(bytes + (1 + look_ups) * LOOK_UP);
            }
        }
        if let Some(session) = self.peers.get(&peer)
            && !session.service.put_off.is_empty()
        {
            self.timers.set(session.service.allowance.due(), Timer::Serve(peer));
        }
        Ok(())
    }

    /// Every request has an answer, also where there is nothing to give, for the other side waits for it.
    /// It stops before it passes the limit of a message.
    fn answer(&mut self, ask: Ask) -> Result<Answer> {
        match ask {
            Ask::Headers(locator) => self.headers_for(&locator),
            Ask::Blocks(hashes) => self.blocks_for(&hashes),
            Ask::BlockTransactions(block, positions) => self.block_transactions_for(block, &positions),
            Ask::Transactions(ids) => Ok(self.transactions_for(&ids)),
            Ask::Addresses => {
                let sample = self.book.sample(&mut self.rng);
                let bytes = sample.iter().map(|entry| entry.address.len()).sum();
                Ok(Answer { bytes, look_ups: sample.len(), message: Message::Addresses(sample) })
            }
        }
    }

    fn headers_for(&self, locator: &[BlockHash]) -> Result<Answer> {
        let headers = self.chain.headers_after(locator, MAX_HEADERS)?;
        let (bytes, look_ups) = (headers.len() * Header::SIZE, locator.len() + headers.len());
        Ok(Answer { message: Message::Headers(headers), bytes, look_ups })
    }

    fn blocks_for(&self, hashes: &[BlockHash]) -> Result<Answer> {
        let (mut blocks, mut bytes, mut look_ups) = (Vec::new(), 0, 0);
        for hash in hashes {
            look_ups += 1;
            let Some(block) = self.chain.block(hash)? else { continue };
            bytes += block.size();
            if !blocks.is_empty() && bytes > REPLY_BYTES {
                break;
            }
            blocks.push(block.to_block());
        }
        Ok(Answer { message: Message::Blocks(blocks), bytes, look_ups })
    }

    /// However few are asked for, the whole block is read.
    fn block_transactions_for(&self, hash: BlockHash, positions: &[u32]) -> Result<Answer> {
        let block = self.chain.block(&hash)?;
        let wanted = block
            .iter()
            .flat_map(|block| positions.iter().filter_map(|position| block.transactions().get(*position as usize)));
        let mut bytes = 0;
        let fitting = wanted.take_while(|transaction| {
            bytes += transaction.size();
            bytes <= REPLY_BYTES
        });
        let transactions = fitting.map(|transaction| (***transaction).clone()).collect();
        let bytes = bytes + block.map_or(0, |block| block.size());
        Ok(Answer { message: Message::BlockTransactions { block: hash, transactions }, bytes, look_ups: 1 })
    }

    fn transactions_for(&self, ids: &[TxId]) -> Answer {
        let mut bytes = 0;
        let fitting = ids.iter().filter_map(|id| self.pool.get(id)).take_while(|transaction| {
            bytes += transaction.size();
            bytes <= REPLY_BYTES
        });
        let transactions = fitting.map(|transaction| (***transaction).clone()).collect();
        Answer { message: Message::Transactions(transactions), bytes, look_ups: ids.len() }
    }
}
