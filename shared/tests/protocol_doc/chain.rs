//! A small chain of the practice network, valid in every rule, from which the document's examples are
//! taken.

use std::{collections::BTreeMap, convert::Infallible};

use ed25519_zebra::SigningKey;
use shared::{
    Address, Amount, Block, ChainSpec, Coinbase, Header, Height, LogEdge, Millis, Network, Payload, Seconds, Topic,
    Transaction,
    rules::{header::Position, ledger},
    transaction::VERSION,
};

/// The nonces that prove the two blocks' work.
const NONCES: [u32; 2] = [86_793, 7166];

pub(crate) struct Chain {
    pub(crate) network: Network,
    pub(crate) alice: Address,
    pub(crate) bob: Address,
    pub(crate) transfer: Transaction,
    pub(crate) data: Transaction,
    pub(crate) blocks: [Block; 2],
    /// After the genesis block, block 1 and block 2.
    pub(crate) positions: [Position; 3],
}

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from([seed; 32])
}

fn units(units: u64) -> Amount {
    Amount::new(units).unwrap()
}

impl Chain {
    pub(crate) fn build() -> Self {
        let network = Network::new(ChainSpec::practice()).unwrap();
        let (alice, bob) = (Address::of(&key(1)), Address::of(&key(2)));
        let genesis = Position::genesis(network.spec());
        let transfer = Payload::Transfer { to: bob, amount: units(1_000_000) };
        let data = Payload::Data { topic: Topic::new("notes").unwrap(), body: b"hello".to_vec() };
        let [transfer, data] = [(0, 100, transfer), (1, 50, data)].map(|(nonce, fee, payload)| {
            let unsigned = Transaction {
                version: VERSION,
                sender: alice,
                nonce,
                fee: units(fee),
                time: Millis(u64::from(genesis.latest.0) * 1_000 + 3_000 + nonce),
                payload,
                signature: [0; 64],
            };
            unsigned.signed(&key(1), &network.genesis_hash())
        });
        let mut log = LogEdge::default();
        let mut next = |parent: &Header, position: &Position, gap: u32, nonce: u32, transactions: Vec<Transaction>| {
            transactions.iter().for_each(|transaction| log.append(transaction.id()));
            let fees: u64 = transactions.iter().map(|transaction| transaction.fee.units()).sum();
            let coinbase = Coinbase {
                height: position.height.next(),
                miner: alice,
                reward: units(network.spec().subsidy.units() + fees),
                log_size: log.size(),
                log_root: log.root(),
                extra: Vec::new(),
            };
            let header = Header {
                version: 1,
                previous: parent.hash(),
                coinbase_hash: coinbase.hash(),
                time: Seconds(parent.time.0 + gap),
                bits: position.next_bits(network.spec()),
                nonce,
            };
            Block { header, coinbase, transactions }
        };
        let first = next(network.genesis().header(), &genesis, 2, NONCES[0], Vec::new());
        let after_first = genesis.follow(&first.header, network.spec()).unwrap();
        let second = next(&first.header, &after_first, 30, NONCES[1], vec![transfer.clone(), data.clone()]);
        let after_second = after_first.follow(&second.header, network.spec()).unwrap();
        let positions = [genesis, after_first, after_second];
        Self { network, alice, bob, transfer, data, blocks: [first, second], positions }
    }

    /// Checks and applies both blocks; returns the accounts after them.
    pub(crate) fn accounts(&self) -> BTreeMap<Address, ledger::Account> {
        let (mut accounts, mut log) = (BTreeMap::new(), LogEdge::default());
        for (height, block) in (1..).map(Height).zip(&self.blocks) {
            let checked = block.clone().check(&self.network).unwrap();
            let lookup = |address: &Address| Ok::<_, Infallible>(accounts.get(address).copied().unwrap_or_default());
            let Ok(applied) = ledger::apply(&checked, height, self.network.spec(), &log, lookup);
            let applied = applied.unwrap();
            accounts.extend(applied.accounts);
            log = applied.log;
        }
        accounts
    }
}
