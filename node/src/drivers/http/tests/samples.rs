//! Keys, transactions and blocks for the tests. On their network every second hash is a proof and the
//! difficulty does not move, so that chains of any length are made at once.

use std::sync::Arc;

use libp2p::identity::Keypair;
use shared::{
    Address, Amount, Bits, Block, BlockHash, ChainSpec, Millis, Network, Payload, Seconds, Topic, Transaction,
    transaction,
};

/// The easiest target that has compact bits.
pub(super) const EASIEST: Bits = Bits(0x207f_ffff);

pub(super) fn spec() -> ChainSpec {
    ChainSpec {
        name: "test".into(),
        easiest_bits: EASIEST,
        start_bits: EASIEST,
        half_life: 1_000_000_000,
        genesis_time: Seconds(1_600_000_000),
        ..ChainSpec::practice()
    }
}

pub(super) fn network() -> Arc<Network> {
    Arc::new(Network::new(spec()).unwrap())
}

/// An account's or a peer's key.
#[derive(Clone)]
pub(super) struct Key(Keypair);

impl Key {
    /// Always the same one for a number.
    pub(super) fn new(number: u8) -> Self {
        Self(Keypair::ed25519_from_bytes([number; 32]).unwrap())
    }

    pub(super) fn address(&self) -> Address {
        Address(self.0.public().try_into_ed25519().unwrap().to_bytes())
    }

    pub(super) fn peer_id(&self) -> String {
        self.0.public().to_peer_id().to_base58()
    }

    pub(super) fn sign(&self, mut transaction: Transaction, genesis: &BlockHash) -> Transaction {
        transaction.sender = self.address();
        let signature = self.0.sign(&transaction.signed_bytes(genesis)).unwrap();
        transaction.signature = signature.try_into().unwrap();
        transaction
    }

    /// A transfer of `amount` units for a fee of one.
    pub(super) fn transfer(&self, nonce: u64, to: Address, amount: u64, network: &Network) -> Transaction {
        self.transaction(nonce, Payload::Transfer { to, amount: Amount::new(amount).unwrap() }, network)
    }

    /// Data filed under a topic for a fee of one.
    pub(super) fn file(&self, nonce: u64, topic: &str, body: Vec<u8>, network: &Network) -> Transaction {
        self.transaction(nonce, Payload::Data { topic: Topic::new(topic).unwrap(), body }, network)
    }

    fn transaction(&self, nonce: u64, payload: Payload, network: &Network) -> Transaction {
        let unsigned = Transaction {
            version: transaction::VERSION,
            sender: Address::default(),
            nonce,
            fee: Amount::new(1).unwrap(),
            time: Millis(0),
            payload,
            signature: [0; 64],
        };
        self.sign(unsigned, &network.genesis_hash())
    }
}

/// Makes the header commit to the block's contents and proves work again.
pub(super) fn prove(block: &mut Block) {
    block.header.coinbase_hash = block.coinbase.hash();
    block.header.nonce = 0;
    while block.header.proven_hash().is_err() {
        block.header.nonce += 1;
    }
}

/// The same after the block at `from` was changed: it and all above it are linked and proved anew.
pub(super) fn prove_from(blocks: &mut [Block], from: usize) {
    for position in from..blocks.len() {
        if position > from {
            blocks[position].header.previous = blocks[position - 1].header.hash();
        }
        prove(&mut blocks[position]);
    }
}

/// Makes a header whose hash does not meet its target.
pub(super) fn unprove(block: &mut Block) {
    while block.header.proven_hash().is_ok() {
        block.header.nonce += 1;
    }
}
