//! Blocks made by hand on any branch, honest or not, without a machine.

use std::sync::Arc;

use ed25519_zebra::SigningKey;
use shared::{
    Address, Amount, Block, BlockHash, CheckedBlock, Coinbase, Header, LogEdge, Millis, Network, Payload, Seconds,
    Transaction, rules::header::Position, wire::Announcement,
};

/// The network of all these tests: two hashes a block, five seconds apart.
pub fn network() -> Arc<Network> {
    crate::sim::easy_network(5)
}

/// Somebody's key.
pub fn key(seed: u8) -> SigningKey {
    SigningKey::from([seed; 32])
}

/// A signed payment.
pub fn pay(from: &SigningKey, nonce: u64, to: Address, units: u64, fee: u64) -> Transaction {
    let payload = Payload::Transfer { to, amount: Amount::new(units).unwrap() };
    sign(from, nonce, fee, payload)
}

/// Signed data of so many bytes.
pub fn note(from: &SigningKey, nonce: u64, bytes: usize, fee: u64) -> Transaction {
    let payload = Payload::Data { topic: shared::Topic::new("note").unwrap(), body: vec![7; bytes] };
    sign(from, nonce, fee, payload)
}

fn sign(from: &SigningKey, nonce: u64, fee: u64, payload: Payload) -> Transaction {
    let transaction = Transaction {
        version: shared::transaction::VERSION,
        sender: Address::of(from),
        nonce,
        fee: Amount::new(fee).unwrap(),
        time: Millis(0),
        payload,
        signature: [0; 64],
    };
    transaction.signed(from, &network().genesis_hash())
}

/// A transaction as the machine takes it.
pub fn checked(transaction: Transaction) -> Arc<shared::CheckedTransaction> {
    Arc::new(transaction.check(&network().genesis_hash()).unwrap())
}

/// A block in the making, open to every change before its proof.
#[derive(Clone)]
pub struct Draft {
    pub header: Header,
    pub coinbase: Coinbase,
    pub transactions: Vec<Transaction>,
}

impl Draft {
    /// With its proof of work, whatever else is wrong with it.
    pub fn prove(mut self) -> Block {
        self.header.coinbase_hash = self.coinbase.hash();
        while self.header.proven_hash().is_err() {
            self.header.nonce += 1;
        }
        Block { header: self.header, coinbase: self.coinbase, transactions: self.transactions }
    }

    /// The same, past all checks that need no chain.
    pub fn checked(self) -> Arc<CheckedBlock> {
        Arc::new(self.prove().check(&network()).unwrap())
    }
}

/// A chain as it grows; a clone is another branch.
#[derive(Clone)]
pub struct Branch {
    /// From the first above genesis on.
    pub blocks: Vec<Arc<CheckedBlock>>,
    pub miner: Address,
    position: Position,
    tip: BlockHash,
    time: Seconds,
    log: LogEdge,
    network: Arc<Network>,
}

impl Branch {
    /// Nothing but the genesis block; later blocks' rewards go to this key.
    pub fn of(miner: &SigningKey) -> Self {
        let network = network();
        Self {
            blocks: Vec::new(),
            miner: Address::of(miner),
            position: Position::genesis(network.spec()),
            tip: network.genesis_hash(),
            time: network.genesis().header().time,
            log: LogEdge::default(),
            network,
        }
    }

    /// Another branch from here on, mined by somebody else.
    pub fn fork(&self, miner: &SigningKey) -> Self {
        Self { miner: Address::of(miner), ..self.clone() }
    }

    pub fn tip(&self) -> BlockHash {
        self.tip
    }

    pub fn position(&self) -> Position {
        self.position
    }

    pub fn headers(&self) -> Vec<Header> {
        self.blocks.iter().map(|block| *block.header()).collect()
    }

    /// The median time of the last eleven blocks.
    pub fn median_time(&self) -> Seconds {
        let genesis = self.network.genesis().header().time;
        let times = std::iter::once(genesis).chain(self.blocks.iter().map(|block| block.header().time));
        let mut last: Vec<_> = times.collect::<Vec<_>>().into_iter().rev().take(11).collect();
        last.sort_unstable();
        last[last.len() / 2]
    }

    /// An honest next block without its proof.
    pub fn draft(&self, transactions: Vec<Transaction>) -> Draft {
        let height = self.position.height.next();
        let mut log = self.log.clone();
        transactions.iter().for_each(|transaction| log.append(transaction.id()));
        let fees = transactions.iter().map(|transaction| transaction.fee.units()).sum();
        let reward = self.network.spec().subsidy_at(height).checked_add(Amount::new(fees).unwrap()).unwrap();
        Draft {
            header: Header {
                version: 1,
                previous: self.tip,
                coinbase_hash: shared::CoinbaseHash::ZERO,
                time: Seconds(self.time.0 + self.network.spec().spacing),
                bits: self.position.next_bits(self.network.spec()),
                nonce: 0,
            },
            coinbase: Coinbase {
                height,
                miner: self.miner,
                reward,
                log_size: log.size(),
                log_root: log.root(),
                extra: Vec::new(),
            },
            transactions,
        }
    }

    /// Goes on from a block, right or wrong, as long as its bits are.
    pub fn push(&mut self, block: Arc<CheckedBlock>) {
        self.position = self.position.follow(block.header(), self.network.spec()).unwrap();
        self.tip = block.hash();
        self.time = block.header().time;
        block.transactions().iter().for_each(|transaction| self.log.append(transaction.id()));
        self.blocks.push(block);
    }

    /// The next block, with these transactions.
    pub fn grow_with(&mut self, transactions: Vec<Transaction>) -> Arc<CheckedBlock> {
        let block = self.draft(transactions).checked();
        self.push(block.clone());
        block
    }

    /// So many empty blocks.
    pub fn grow(&mut self, count: usize) -> Arc<CheckedBlock> {
        (0..count).for_each(|_| drop(self.grow_with(Vec::new())));
        self.blocks.last().unwrap().clone()
    }
}

/// A block in short.
pub fn announcement(block: &CheckedBlock) -> Announcement {
    Announcement {
        header: *block.header(),
        coinbase: block.coinbase().clone(),
        transactions: block.transactions().iter().map(|transaction| transaction.id()).collect(),
    }
}
