//! The examples about records, checkpoints and receipts.

use shared::{
    log::{
        checkpoint::{Checkpoint, LogKey},
        verify_inclusion,
    },
    receipt::{LogProof, Receipt, Wanted, verify},
    record::{Content, Record, commitment},
};

use crate::{
    chain::{Chain, key},
    examples::Examples,
};

pub(crate) fn examples(examples: &mut Examples, chain: &Chain) {
    records(examples, chain);
    receipts(examples, chain);
}

fn records(examples: &mut Examples, chain: &Chain) {
    let record = Record { corrects: None, content: Content::Json(r#"{"sold":"3 loaves"}"#.into()) };
    examples.hex("record", record.to_body().unwrap());
    let salt = std::array::from_fn(|place| place as u8);
    let content = Content::Commitment(commitment(&salt, b"one bill"));
    let record = Record { corrects: Some(chain.data.id()), content };
    examples.hex("private record", record.to_body().unwrap());
}

fn receipts(examples: &mut Examples, chain: &Chain) {
    let genesis = chain.network.genesis_hash();
    let (secret, block) = (key(3), &chain.blocks[1]);
    let log_key = LogKey::of(&secret, &genesis);
    let (size, root) = (block.coinbase.log_size, block.coinbase.log_root);
    let checkpoint = Checkpoint { origin: log_key.name().into(), size, root }.signed(&secret);
    let path = vec![chain.transfer.id().0];
    verify_inclusion(&chain.data.id().0, 1, size, &path, &root.0).unwrap();
    let proof = LogProof { index: 1, path, checkpoint: checkpoint.clone() };
    let receipt = Receipt::new(chain.network.spec(), &chain.data, &proof, &log_key, &block.coinbase, &[block.header]);
    let wanted = Wanted { genesis: Some(genesis), log_key: Some(log_key.clone()), opening: None };
    assert!(verify(&receipt, &wanted).shows.is_some());
    examples.text("log key", log_key);
    examples.text("checkpoint", checkpoint);
    examples.text("log proof", proof);
    examples.json("receipt", &receipt);
}
