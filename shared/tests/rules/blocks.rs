//! Every way in which a block is wrong whatever the chain, on a network whose proofs take two tries.

use std::sync::Arc;

use ed25519_zebra::SigningKey;
use shared::{
    Address, Amount, Block, BlockHash, ChainSpec, CheckedBlock, Coinbase, Header, Height, LogRoot, Millis, Network,
    Payload, Topic, Transaction,
    block::BlockError,
    header::HeaderProofError,
    transaction::{TransactionError, VERSION},
    work::{Bits, BitsError},
};

const EASY: Bits = Bits(0x207f_ffff);

fn network(easiest_bits: Bits) -> Network {
    let spec = ChainSpec {
        easiest_bits,
        start_bits: Bits(0x1f00_ffff),
        max_block_bytes: *ChainSpec::BLOCK_BYTES.start(),
        ..ChainSpec::practice()
    };
    Network::new(spec).unwrap()
}

fn transaction(network: &Network, nonce: u64, body: usize) -> Transaction {
    let payload = Payload::Data { topic: Topic::new("t").unwrap(), body: vec![0; body] };
    let unsigned = Transaction {
        version: VERSION,
        sender: Address::default(),
        nonce,
        fee: Amount::ZERO,
        time: Millis(0),
        payload,
        signature: [0; 64],
    };
    unsigned.signed(&SigningKey::from([1; 32]), &network.genesis_hash())
}

fn unproven(network: &Network, bits: Bits, transactions: Vec<Transaction>, extra: usize) -> Block {
    let coinbase = Coinbase {
        height: Height(1),
        miner: Address::default(),
        reward: Amount::ZERO,
        log_size: 0,
        log_root: LogRoot::ZERO,
        extra: vec![0; extra],
    };
    let header = Header {
        version: 1,
        previous: network.genesis_hash(),
        coinbase_hash: coinbase.hash(),
        time: network.spec().genesis_time,
        bits,
        nonce: 0,
    };
    Block { header, coinbase, transactions }
}

fn proven(mut block: Block) -> Block {
    while block.header.proven_hash().is_err() {
        block.header.nonce += 1;
    }
    block
}

#[test]
fn a_right_block_passes_both_ways_and_says_the_same() {
    let network = network(EASY);
    let block = proven(unproven(&network, EASY, vec![transaction(&network, 0, 3), transaction(&network, 1, 0)], 100));
    let checked = block.clone().check(&network).unwrap();
    assert_eq!(checked.size(), block.to_bytes().len());
    assert_eq!(checked.hash(), block.header.hash());
    assert_eq!(checked.to_block(), block);
    let transactions = checked.transactions().iter().map(Arc::clone).collect();
    let assembled = CheckedBlock::assemble(block.header, block.coinbase.clone(), transactions, &network);
    assert_eq!(assembled, Ok(checked.clone()));
    assert_eq!(CheckedBlock::trusted(block), checked);
}

#[test]
fn each_rule_of_a_block_is_named() {
    let network = network(EASY);
    let refused = |block: Block| block.check(&network).unwrap_err();

    let block = unproven(&network, Bits(0x0300_0001), Vec::new(), 0);
    let error = HeaderProofError::NotMet { hash: block.header.hash(), bits: Bits(0x0300_0001) };
    assert_eq!(refused(block), BlockError::Proof(error));

    let block = unproven(&network, Bits(0), Vec::new(), 0);
    assert_eq!(refused(block), BlockError::Proof(HeaderProofError::Bits(BitsError::Zero)));

    let block = proven(unproven(&network, EASY, Vec::new(), Coinbase::MAX_EXTRA + 1));
    assert_eq!(refused(block), BlockError::ExtraTooLong(101));

    let mut block = proven(unproven(&network, EASY, Vec::new(), 0));
    block.coinbase.reward = Amount::MAX;
    assert_eq!(refused(block), BlockError::CoinbaseMismatch);

    let large = (0..3).map(|nonce| transaction(&network, nonce, Transaction::MAX_BODY)).collect();
    let block = proven(unproven(&network, EASY, large, 0));
    let size = block.to_bytes().len();
    assert_eq!(refused(block), BlockError::TooLarge { size, limit: 65_536 });

    let mut transactions = vec![transaction(&network, 0, 1), transaction(&network, 1, 1)];
    transactions[1].nonce = 5;
    let block = proven(unproven(&network, EASY, transactions, 0));
    let error = BlockError::Transaction { position: 1, error: TransactionError::Signature };
    assert_eq!(refused(block), error);
}

#[test]
fn a_target_easier_than_the_networks_easiest_is_refused_even_when_met() {
    let network = network(Bits(0x1f0f_ffff));
    let block = proven(unproven(&network, EASY, Vec::new(), 0));
    assert_eq!(block.clone().check(&network), Err(BlockError::TooEasy));
    let assembled = CheckedBlock::assemble(block.header, block.coinbase, Vec::new(), &network);
    assert_eq!(assembled, Err(BlockError::TooEasy));
}

#[test]
fn a_block_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
    let network = network(EASY);
    let with = |body| {
        let transactions = vec![transaction(&network, 0, Transaction::MAX_BODY), transaction(&network, 1, body)];
        proven(unproven(&network, EASY, transactions, 0))
    };
    let limit = network.spec().max_block_bytes as usize;
    let exact = limit - with(0).to_bytes().len();
    assert_eq!(with(exact).check(&network).unwrap().size(), limit);
    let error = BlockError::TooLarge { size: limit + 1, limit: network.spec().max_block_bytes };
    assert_eq!(with(exact + 1).check(&network), Err(error));
}

#[test]
fn a_transaction_signed_for_another_network_is_refused() {
    let here = network(EASY);
    let elsewhere = Network::new(ChainSpec { name: "elsewhere".into(), ..here.spec().clone() }).unwrap();
    let signed = transaction(&elsewhere, 0, 0);
    assert!(signed.clone().check(&elsewhere.genesis_hash()).is_ok());
    assert_eq!(signed.clone().check(&here.genesis_hash()), Err(TransactionError::Signature));
    assert_eq!(signed.check(&BlockHash::ZERO), Err(TransactionError::Signature));
}
