//! Chains to measure with: made block by block by the protocol's rules, as long and as full as wanted, and
//! put into a node's folder by the same machine that takes blocks from peers. Nothing here is for a network
//! that people use: everybody can compute the keys of its accounts.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use ed25519_zebra::SigningKey;
use shared::{
    Address, Amount, Block, ChainSpec, CheckedBlock, Coinbase, Header, LogEdge, Millis, Network, Payload, Seconds,
    Transaction, block::encoded_size, rules::header::Position, transaction::VERSION,
};

use crate::{
    drivers::{files, folder::Folder, folder::GENESIS, store::RedbStore},
    machine::{
        Machine,
        config::Config,
        event::{Event, Request, RequestId},
    },
    sim,
};

/// Blocks that share one commit.
const BATCH: usize = 256;

/// What a chain is to be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Blocks after genesis, without those that give the senders of payments something to pay with.
    pub blocks: u32,
    /// Payments in each of them, of as many senders.
    pub payments: u32,
}

impl Plan {
    /// The chain spec of such a chain: proofs cost two hashes, the difficulty does not move, and genesis lies
    /// far enough back for the last block to be no later than `end`.
    pub fn spec(&self, end: Seconds) -> ChainSpec {
        // Funding takes no more blocks than payments do; ten besides for whoever adds some by hand.
        let blocks = self.blocks.saturating_add(self.payments / 1_000 + 10);
        let fixed = sim::fixed_network();
        let seconds = blocks.saturating_mul(fixed.spec().spacing);
        ChainSpec {
            name: "generated".into(),
            max_block_bytes: *ChainSpec::BLOCK_BYTES.end(),
            genesis_time: Seconds(end.0.saturating_sub(seconds)),
            ..fixed.spec().clone()
        }
    }
}

/// Makes such a chain in a node's folder, which must not have one yet, and says after each commit how many
/// blocks there are.
///
/// # Errors
/// When the folder cannot be written or holds another network, or when a block has too little room for the
/// payments.
pub fn into_folder(folder: &Path, plan: Plan, end: Seconds, mut told: impl FnMut(u32)) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let spec = serde_json::to_vec_pretty(&plan.spec(end))?;
    files::replace(&folder.join(GENESIS), &spec).with_context(|| format!("cannot write in {}", folder.display()))?;
    let folder = Folder::open(folder, None)?;
    let network = Arc::new(folder.network().clone());
    let store = RedbStore::open(folder.path(), &network)?;
    let mut maker = ChainMaker::new(network.clone(), plan.payments as usize);
    let (mut machine, _) = Machine::open(Config::alone(network.clone(), 1), store, maker.now())?;
    let mut take = |blocks: Vec<CheckedBlock>, maker: &ChainMaker| -> Result<()> {
        let submit = |block| Request::SubmitBlock(Arc::new(block));
        let events = blocks.into_iter().map(|block| Event::Request { id: RequestId(0), request: submit(block) });
        machine.handle_all(events, maker.now())?;
        ensure!(machine.tip().hash == maker.tip.hash(), "the chain does not take a block that was made for it");
        told(maker.position.height.0);
        Ok(())
    };
    let funding = maker.fund()?;
    take(funding, &maker)?;
    let mut left = plan.blocks;
    while left > 0 {
        // Full blocks are not held in memory by the hundred.
        let some = left.min((BATCH as u32 / (1 + plan.payments)).max(1));
        let blocks: Result<Vec<_>> = (0..some).map(|_| maker.pay()).collect();
        take(blocks?, &maker)?;
        left -= some;
    }
    Ok(())
}

/// Makes the blocks of one chain, each on the one before.
pub struct ChainMaker {
    network: Arc<Network>,
    miner: SigningKey,
    senders: Vec<SigningKey>,
    /// Payments that each sender has made.
    rounds: u64,
    tip: Header,
    position: Position,
    log: LogEdge,
}

impl ChainMaker {
    /// Begins on genesis, with so many accounts that will pay.
    pub fn new(network: Arc<Network>, senders: usize) -> Self {
        let (tip, position) = (*network.genesis().header(), Position::genesis(network.spec()));
        let senders = (0..senders).map(|number| sender(number as u64)).collect();
        Self { network, miner: SigningKey::from([9; 32]), senders, rounds: 0, tip, position, log: LogEdge::default() }
    }

    /// A moment at which the newest block is not early.
    pub fn now(&self) -> Millis {
        Millis::from(self.tip.time).after(std::time::Duration::from_secs(60))
    }

    /// The first blocks: an empty one, and as many as it takes to give every sender something.
    ///
    /// # Errors
    /// As [`Self::block`].
    pub fn fund(&mut self) -> Result<Vec<CheckedBlock>> {
        let mut blocks = vec![self.block(Vec::new())?];
        let receivers: Vec<Address> = self.senders.iter().map(Address::of).collect();
        let each = self.network.spec().subsidy.units() / receivers.len().max(1) as u64;
        let transfers = (0..).zip(receivers).map(|(nonce, to)| self.transfer(&self.miner, nonce, to, each));
        let transfers: Vec<Transaction> = transfers.collect();
        // A block holds its coinbase besides, which is far smaller than a kilobyte.
        let room = self.network.spec().max_block_bytes as usize - 1_024;
        let size = transfers.first().map_or(1, |transfer| transfer.to_bytes().len());
        for some in transfers.chunks(room / size) {
            blocks.push(self.block(some.to_vec())?);
        }
        Ok(blocks)
    }

    /// A block in which every sender pays the next one; empty where there are none.
    ///
    /// # Errors
    /// As [`Self::block`].
    pub fn pay(&mut self) -> Result<CheckedBlock> {
        let payments = self.payments();
        self.block(payments)
    }

    /// A payment of every sender to the next one, each the sender's next.
    pub fn payments(&mut self) -> Vec<Transaction> {
        let next = self.senders.iter().cycle().skip(1).map(Address::of);
        let pairs = self.senders.iter().zip(next);
        let payments = pairs.map(|(from, to)| self.transfer(from, self.rounds, to, 1)).collect();
        self.rounds += 1;
        payments
    }

    fn transfer(&self, from: &SigningKey, nonce: u64, to: Address, amount: u64) -> Transaction {
        let payload = Payload::Transfer { to, amount: Amount::new(amount).unwrap_or_default() };
        let (sender, fee, time) = (Address::default(), Amount::ZERO, Millis(0));
        let unsigned = Transaction { version: VERSION, sender, nonce, fee, time, payload, signature: [0; 64] };
        unsigned.signed(from, &self.network.genesis_hash())
    }

    /// A block with these transactions on the newest one.
    ///
    /// # Errors
    /// When they do not fit into one block.
    pub fn block(&mut self, transactions: Vec<Transaction>) -> Result<CheckedBlock> {
        transactions.iter().for_each(|transaction| self.log.append(transaction.id()));
        let (spec, height) = (self.network.spec(), self.position.height.next());
        let coinbase = Coinbase {
            height,
            miner: Address::of(&self.miner),
            reward: spec.subsidy_at(height),
            log_size: self.log.size(),
            log_root: self.log.root(),
            extra: Vec::new(),
        };
        let size = encoded_size(&coinbase, transactions.iter().map(|transaction| transaction.to_bytes().len()));
        ensure!(size <= spec.max_block_bytes as usize, "{} payments do not fit into a block", transactions.len());
        let mut header = Header {
            version: 1,
            previous: self.tip.hash(),
            coinbase_hash: coinbase.hash(),
            time: Seconds(self.tip.time.0 + spec.spacing),
            bits: self.position.next_bits(spec),
            nonce: 0,
        };
        while header.proven_hash().is_err() {
            header.nonce += 1;
        }
        self.position = self.position.follow(&header, spec)?;
        self.tip = header;
        Ok(CheckedBlock::trusted(Block { header, coinbase, transactions }))
    }
}

/// The key of a sender, which everybody can compute.
pub fn sender(number: u64) -> SigningKey {
    let mut seed = [1; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    SigningKey::from(seed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::audit;

    #[test]
    fn a_chain_that_was_made_stands_every_check() {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan { blocks: 300, payments: 3 };
        let mut heights = Vec::new();
        into_folder(folder.path(), plan, Seconds(1_800_000_000), |height| heights.push(height)).unwrap();
        assert_eq!(heights.last(), Some(&302), "an empty block, one that funds, and the plan's");
        assert!(heights.is_sorted());
        let folder = Folder::open(folder.path(), None).unwrap();
        let store = RedbStore::open(folder.path(), folder.network()).unwrap();
        let snapshot = store.reader().snapshot();
        let now = Millis::from(Seconds(1_800_000_000));
        let report = audit::audit(&snapshot, folder.network(), now, &mut |_| true).unwrap();
        assert_eq!((report.blocks, report.transactions), (303, 3 + 300 * 3));
    }

    #[test]
    fn what_does_not_fit_into_a_block_is_refused() {
        let plan = Plan { blocks: 1, payments: 40_000 };
        let network = Arc::new(Network::new(plan.spec(Seconds(1_800_000_000))).unwrap());
        let mut maker = ChainMaker::new(network, 1);
        let payment = maker.payments().remove(0);
        assert!(maker.block(vec![payment; 40_000]).unwrap_err().to_string().contains("40000 payments"));
    }
}
