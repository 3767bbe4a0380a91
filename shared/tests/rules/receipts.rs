//! Receipts of a small chain: whole ones hold, and whatever is changed in one is found at the right step.

use ed25519_zebra::SigningKey;
use shared::{
    Address, Amount, BlockHash, ChainSpec, Coinbase, Header, Height, LogEdge, Millis, Network, Payload, Seconds, Topic,
    Transaction,
    log::{
        checkpoint::{Checkpoint, LogKey},
        prove,
    },
    receipt::{LogProof, Opening, Outcome, Receipt, Report, Wanted, verify},
    record::{Content, Record, SALT, commitment},
    transaction::VERSION,
    work::Bits,
};

const TRANSACTIONS: u64 = 9;
const INDEX: u64 = 5;
const ON_TOP: usize = 6;

fn key(seed: u8) -> SigningKey {
    SigningKey::from([seed; 32])
}

fn network() -> Network {
    let easy = Bits(0x207f_ffff);
    Network::new(ChainSpec { easiest_bits: easy, start_bits: easy, ..ChainSpec::practice() }).unwrap()
}

fn record(network: &Network, nonce: u64) -> Transaction {
    data(network, nonce, b"3 loaves")
}

fn data(network: &Network, nonce: u64, body: &[u8]) -> Transaction {
    let payload = Payload::Data { topic: Topic::new("till").unwrap(), body: body.to_vec() };
    let (sender, fee, time) = (Address::default(), Amount::ZERO, Millis(5));
    let unsigned = Transaction { version: VERSION, sender, nonce, fee, time, payload, signature: [0; 64] };
    unsigned.signed(&key(1), &network.genesis_hash())
}

fn proven(mut header: Header) -> Header {
    while header.proven_hash().is_err() {
        header.nonce += 1;
    }
    header
}

/// Headers on top of one another, the first of which commits to the coinbase.
fn headers(network: &Network, coinbase: &Coinbase) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    for number in 0..=ON_TOP {
        let previous = headers.last().map_or(BlockHash([7; 32]), Header::hash);
        let (bits, time) = (network.spec().start_bits, Seconds(1_800_000_000));
        let coinbase = Coinbase { height: Height(40 + number as u32), ..coinbase.clone() };
        headers.push(proven(Header { version: 1, previous, coinbase_hash: coinbase.hash(), time, bits, nonce: 0 }));
    }
    headers
}

fn receipt() -> Receipt {
    receipt_of(&record(&network(), INDEX))
}

/// The receipt of a transaction that stands between others.
fn receipt_of(transaction: &Transaction) -> Receipt {
    let network = network();
    let mut transactions: Vec<Transaction> = (0..TRANSACTIONS).map(|nonce| record(&network, nonce)).collect();
    transactions[INDEX as usize] = transaction.clone();
    let mut log = LogEdge::default();
    let mut leaves = Vec::new();
    for transaction in &transactions {
        log.append_keeping(transaction.id(), |_, hash| leaves.push(hash));
    }
    let kept = |node: shared::log::LogNode| Ok::<_, std::convert::Infallible>(leaves[node.index as usize]);
    let path = prove::inclusion(INDEX, TRANSACTIONS, &kept).unwrap().unwrap();
    let log_key = LogKey::of(&key(2), &network.genesis_hash());
    let checkpoint = Checkpoint { origin: log_key.name().into(), size: TRANSACTIONS, root: log.root() };
    let proof = LogProof { index: INDEX, path, checkpoint: checkpoint.signed(&key(2)) };
    let coinbase = Coinbase {
        height: Height(40),
        miner: Address([3; 32]),
        reward: Amount::ZERO,
        log_size: TRANSACTIONS,
        log_root: log.root(),
        extra: vec![1; 8],
    };
    Receipt::new(network.spec(), transaction, &proof, &log_key, &coinbase, &headers(&network, &coinbase))
}

fn failure(report: &Report) -> Option<(&'static str, String)> {
    report.steps.iter().find_map(|step| match &step.outcome {
        Outcome::Bad(sentence) => Some((step.question, sentence.clone())),
        Outcome::Good(_) | Outcome::Open(_) => None,
    })
}

fn fails_at(receipt: &Receipt, question: &str) {
    let report = verify(receipt, &Wanted::default());
    let (failed, sentence) = failure(&report).unwrap_or_else(|| panic!("{question} does not fail"));
    assert_eq!(failed, question, "{sentence}");
    assert_eq!(report.shows, None);
}

#[test]
fn a_whole_receipt_shows_what_it_should() {
    let receipt = receipt();
    let read = Receipt::read(&serde_json::to_vec(&receipt).unwrap()).unwrap();
    assert_eq!(read, receipt);
    let report = verify(&read, &Wanted::default());
    assert_eq!(failure(&report), None);
    let shown = report.shows.unwrap();
    assert_eq!(shown.transaction, record(&network(), INDEX));
    assert_eq!((shown.height, shown.blocks_on_top), (Height(40), ON_TOP));
    assert_eq!(shown.genesis, network().genesis_hash());
}

#[test]
fn what_is_known_from_elsewhere_is_compared() {
    let receipt = receipt();
    let genesis = network().genesis_hash();
    let right = Wanted { genesis: Some(genesis), log_key: Some(LogKey::of(&key(2), &genesis)), opening: None };
    let report = verify(&receipt, &right);
    assert!(report.shows.is_some());
    assert!(report.steps.iter().all(|step| matches!(step.outcome, Outcome::Good(_))), "{report:?}");
    let other = Wanted { genesis: Some(BlockHash([1; 32])), ..right.clone() };
    assert_eq!(failure(&verify(&receipt, &other)).unwrap().0, "Is that the network it should be of?");
    let other = Wanted { log_key: Some(LogKey::of(&key(3), &genesis)), ..right };
    assert_eq!(failure(&verify(&receipt, &other)).unwrap().0, "Is that the node you trust?");
}

#[test]
fn a_private_record_opens_with_its_salt_and_payload_only() {
    let (salt, payload) = ([8; SALT], b"one bill".to_vec());
    let private = Record { corrects: None, content: Content::Commitment(commitment(&salt, &payload)) };
    let receipt = receipt_of(&data(&network(), INDEX, &private.to_body().unwrap()));
    let with = |opening| verify(&receipt, &Wanted { opening, ..Wanted::default() });
    let question = "Does it commit to that payload?";
    let last = |report: &Report| report.steps.last().unwrap().clone();

    let right = with(Some(Opening { salt, payload: payload.clone() }));
    assert!(right.shows.is_some() && matches!(last(&right).outcome, Outcome::Good(_)));
    for wrong in [Opening { salt: [9; SALT], payload: payload.clone() }, Opening { salt, payload: b"more".to_vec() }] {
        let report = with(Some(wrong));
        assert_eq!((failure(&report).unwrap().0, report.shows), (question, None));
    }
    let closed = with(None);
    assert!(closed.shows.is_some() && matches!(last(&closed).outcome, Outcome::Open(_)));
    assert_eq!(last(&closed).question, question);

    let opening = Some(Opening { salt, payload });
    let report = verify(&self::receipt(), &Wanted { opening, ..Wanted::default() });
    assert_eq!(failure(&report).unwrap().0, question);
    assert!(verify(&self::receipt(), &Wanted::default()).steps.iter().all(|step| step.question != question));
}

#[test]
fn each_lie_fails_at_its_step() {
    let good = receipt();
    let mut lie = good.clone();
    lie.transaction = record(&network(), 77).to_bytes();
    fails_at(&lie, "Is the transaction in that log?");

    let mut lie = good.clone();
    lie.network.name = "another".into();
    fails_at(&lie, "Is the transaction whole, and signed by its sender?");

    let mut lie = good.clone();
    lie.network.spacing = 0;
    fails_at(&lie, "Which network is it of?");

    let mut lie = good.clone();
    lie.log_key = LogKey::of(&key(3), &network().genesis_hash()).to_string();
    fails_at(&lie, "Did the node sign for the log?");

    let mut lie = good.clone();
    lie.headers.clear();
    fails_at(&lie, "Does a block commit to that log?");

    let mut lie = good.clone();
    lie.headers.swap(2, 3);
    fails_at(&lie, "How much work lies on it?");

    let mut lie = good;
    lie.headers.drain(..1);
    fails_at(&lie, "Does a block commit to that log?");
}

/// Every bit of every part counts, apart from the sentence for readers.
#[test]
fn any_changed_byte_is_found() {
    let good = receipt();
    let bad = |receipt: &Receipt| verify(receipt, &Wanted::default()).shows.is_none();
    for position in 0..good.transaction.len() {
        let mut changed = good.clone();
        changed.transaction[position] ^= 1;
        assert!(bad(&changed), "transaction byte {position}");
    }
    for position in 0..good.coinbase.len() {
        let mut changed = good.clone();
        changed.coinbase[position] ^= 1;
        assert!(bad(&changed), "coinbase byte {position}");
    }
    // The first header is bound by its links. What the last one says of itself may be changed by whoever
    // finds another proof, which on this network is every second try.
    for (header, position) in (0..ON_TOP).flat_map(|header| (0..Header::SIZE).map(move |position| (header, position))) {
        let mut changed = good.clone();
        changed.headers[header].0[position] ^= 1;
        assert!(bad(&changed), "header {header} byte {position}");
    }
    for (position, byte) in good.proof.bytes().enumerate() {
        let mut changed = good.clone().proof.into_bytes();
        changed[position] = if byte == b'A' { b'B' } else { b'A' };
        if let Ok(proof) = String::from_utf8(changed) {
            assert!(bad(&Receipt { proof, ..good.clone() }), "proof byte {position}");
        }
    }
}
