//! Receipts of a network of one's own, made as a node makes them. Everything in them is the same in every
//! run.

use ed25519_zebra::SigningKey;
use shared::{
    Address, Amount, Bits, BlockHash, ChainSpec, Coinbase, Header, Height, LogEdge, Millis, Network, Payload, Seconds,
    Topic, Transaction,
    log::checkpoint::{Checkpoint, LogKey},
    receipt::{LogProof, Receipt},
    transaction::VERSION,
};

/// Blocks on top of the one with the transaction.
const ON_TOP: u32 = 6;

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from([seed; 32])
}

pub(crate) fn network() -> Network {
    let easy = Bits(0x207f_ffff);
    Network::new(ChainSpec { easiest_bits: easy, start_bits: easy, ..ChainSpec::practice() }).unwrap()
}

/// The key of the log that the receipts are of.
pub(crate) fn log_key() -> LogKey {
    LogKey::of(&key(9), &network().genesis_hash())
}

pub(crate) fn payment() -> Payload {
    Payload::Transfer { to: Address::of(&key(2)), amount: Amount::new(1_500_000).unwrap() }
}

pub(crate) fn data(topic: &str, body: &[u8]) -> Payload {
    Payload::Data { topic: Topic::new(topic).unwrap(), body: body.to_vec() }
}

/// The receipt of a transaction by the holder of key 1, the only one in its log.
pub(crate) fn receipt(payload: Payload) -> Receipt {
    let network = network();
    let (sender, nonce, fee, time) = (Address::default(), 0, Amount::new(100).unwrap(), Millis(1_767_225_603_000));
    let unsigned = Transaction { version: VERSION, sender, nonce, fee, time, payload, signature: [0; 64] };
    let transaction = unsigned.signed(&key(1), &network.genesis_hash());
    let mut log = LogEdge::default();
    log.append(transaction.id());
    let checkpoint = Checkpoint { origin: log_key().name().into(), size: 1, root: log.root() };
    let proof = LogProof { index: 0, path: Vec::new(), checkpoint: checkpoint.signed(&key(9)) };
    let coinbase = Coinbase {
        height: Height(40),
        miner: Address::of(&key(3)),
        reward: Amount::new(50_000_100).unwrap(),
        log_size: 1,
        log_root: log.root(),
        extra: Vec::new(),
    };
    let headers = headers(&network, &coinbase);
    Receipt::new(network.spec(), &transaction, &proof, &log_key(), &coinbase, &headers)
}

fn headers(network: &Network, coinbase: &Coinbase) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    for number in 0..=ON_TOP {
        let previous = headers.last().map_or(BlockHash([7; 32]), Header::hash);
        let coinbase = Coinbase { height: Height(coinbase.height.0 + number), ..coinbase.clone() };
        let (bits, time) = (network.spec().start_bits, Seconds(1_767_225_632 + 2 * number));
        let mut header = Header { version: 1, previous, coinbase_hash: coinbase.hash(), time, bits, nonce: 0 };
        while header.proven_hash().is_err() {
            header.nonce += 1;
        }
        headers.push(header);
    }
    headers
}
