//! Verifying a receipt, in the order in which a sceptical person would: the transaction, its place in the
//! log, the block that commits to the log, the work on top of it; on the way the node's signature, and at the end
//! what a private record commits to. Each step is told in plain words; the first that fails ends it.

use crate::{
    address::Address,
    block::{check_coinbase, check_header},
    coinbase::Coinbase,
    hash::{BlockHash, TxId},
    header::{Header, Height},
    log::{
        checkpoint::{Checkpoint, LogKey},
        verify_inclusion,
    },
    record::{Content, Record, SALT, commitment},
    spec::Network,
    time::Seconds,
    transaction::{CheckedTransaction, Payload, Transaction},
    work::Work,
};

use borsh::BorshDeserialize as _;

use super::{LogProof, MAX_HEADERS, Receipt};

/// What the person who verifies knows from elsewhere. What is not given is not compared.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The genesis block of the network that it should be.
    pub genesis: Option<BlockHash>,
    /// The key of the node's log.
    pub log_key: Option<LogKey>,
    /// What a private record commits to.
    pub opening: Option<Opening>,
}

/// What the author of a private record gives to those who are to know what it says.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The record's salt.
    pub salt: [u8; SALT],
    /// What it says.
    pub payload: Vec<u8>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What, as a question.
    pub question: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a step, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Good(String),
    /// It does not, and with it the receipt.
    Bad(String),
    /// There was nothing to compare with.
    Open(String),
}

/// What verifying came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// All steps up to the first that fails.
    pub steps: Vec<Step>,
    /// What the receipt shows; `None` when it shows nothing.
    pub shows: Option<Shown>,
}

/// What a receipt that holds shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The transaction.
    pub transaction: Transaction,
    /// Its identity.
    pub id: TxId,
    /// The network's genesis block.
    pub genesis: BlockHash,
    /// The block whose log has it: the one that brought it, or one above.
    pub block: BlockHash,
    /// That block's height.
    pub height: Height,
    /// That block's time, as its miner put it.
    pub time: Seconds,
    /// Blocks on top of it.
    pub blocks_on_top: usize,
    /// The work of all these blocks together.
    pub work: Work,
}

/// Goes through a receipt.
pub fn verify(receipt: &Receipt, wanted: &Wanted) -> Report {
    let mut steps = Steps(Vec::new());
    let shows = walk(receipt, wanted, &mut steps);
    Report { steps: steps.0, shows }
}

struct Steps(Vec<Step>);

impl Steps {
    /// Writes a step down; `None` when it fails, so that the walk ends there.
    fn take<T>(&mut self, question: &'static str, answer: Result<(T, String), String>) -> Option<T> {
        let (value, outcome) = match answer {
            Ok((value, sentence)) => (Some(value), Outcome::Good(sentence)),
            Err(sentence) => (None, Outcome::Bad(sentence)),
        };
        self.0.push(Step { question, outcome });
        value
    }

    fn open(&mut self, question: &'static str, sentence: String) {
        self.0.push(Step { question, outcome: Outcome::Open(sentence) });
    }
}

fn walk(receipt: &Receipt, wanted: &Wanted, steps: &mut Steps) -> Option<Shown> {
    let network = steps.take("Which network is it of?", network(receipt))?;
    is_the_wanted_network(&network, wanted, steps)?;
    let transaction =
        steps.take("Is the transaction whole, and signed by its sender?", transaction(receipt, &network))?;
    let (proof, key, checkpoint) = steps.take("Did the node sign for the log?", checkpoint(receipt))?;
    is_the_wanted_log(&key, wanted, steps)?;
    steps.take("Is the transaction in that log?", place(&transaction, &proof, &checkpoint))?;
    let headers = steps.take("Does a block commit to that log?", block(receipt, &network, &checkpoint))?;
    let (block, work) = steps.take("How much work lies on it?", work(&headers, &network))?;
    is_the_payload(&transaction, wanted, steps)?;
    let coinbase = Coinbase::try_from_slice(&receipt.coinbase).ok()?;
    Some(Shown {
        id: transaction.id(),
        transaction: (*transaction).clone(),
        genesis: network.genesis_hash(),
        block,
        height: coinbase.height,
        time: headers.first()?.time,
        blocks_on_top: headers.len() - 1,
        work,
    })
}

/// Whether a private record commits to the payload that was given. Other transactions need none.
fn is_the_payload(transaction: &Transaction, wanted: &Wanted, steps: &mut Steps) -> Option<()> {
    let question = "Does it commit to that payload?";
    match (committed(transaction), &wanted.opening) {
        (Some(committed), Some(Opening { salt, payload })) => {
            let is_it = committed == commitment(salt, payload);
            let answer = if is_it {
                Ok(((), format!("Yes, to these {} bytes and no others.", payload.len())))
            } else {
                Err("No: it commits to another payload, or under another salt.".into())
            };
            steps.take(question, answer)
        }
        (None, Some(_)) => steps.take(question, Err("No: the transaction is no private record.".into())),
        (Some(_), None) => {
            steps.open(question, "Not compared. Give what its author gave you with --payload and --salt.".into());
            Some(())
        }
        (None, None) => Some(()),
    }
}

/// The commitment of a private record.
fn committed(transaction: &Transaction) -> Option<[u8; 32]> {
    let Payload::Data { body, .. } = &transaction.payload else { return None };
    match Record::from_body(body).ok()?.content {
        Content::Commitment(committed) => Some(committed),
        Content::Json(_) => None,
    }
}

type Answer<T> = Result<(T, String), String>;

fn network(receipt: &Receipt) -> Answer<Network> {
    let network =
        Network::new(receipt.network.clone()).map_err(|error| format!("Its chain spec is wrong: {error}."))?;
    let sentence = format!("{:?}, genesis block {}.", network.spec().name, network.genesis_hash());
    Ok((network, sentence))
}

fn is_the_wanted_network(network: &Network, wanted: &Wanted, steps: &mut Steps) -> Option<()> {
    let question = "Is that the network it should be of?";
    let found = network.genesis_hash();
    match wanted.genesis {
        Some(wanted) if wanted == found => {
            steps.take(question, Ok(((), "Yes, the genesis blocks are the same.".into())))
        }
        Some(wanted) => steps.take(question, Err(format!("No: that one's genesis block is {wanted}."))),
        None => {
            steps.open(question, "Not compared. Give the genesis hash you know with --genesis to be sure.".into());
            Some(())
        }
    }
}

fn transaction(receipt: &Receipt, network: &Network) -> Answer<CheckedTransaction> {
    let transaction = Transaction::from_bytes(&receipt.transaction)
        .map_err(|error| format!("No: its bytes make no transaction ({error})."))?;
    let checked = transaction.check(&network.genesis_hash()).map_err(|error| format!("No: {error}."))?;
    let number = checked.nonce.saturating_add(1);
    let sentence = format!("Yes: {} {}; transaction {number} of that account.", checked.sender, what(&checked));
    Ok((checked, sentence))
}

fn what(transaction: &Transaction) -> String {
    match &transaction.payload {
        Payload::Transfer { to, amount } => format!("pays {} to {to}", amount.in_words()),
        Payload::Data { topic, body } => format!("files {} bytes under {:?}", body.len(), topic.as_str()),
    }
}

fn checkpoint(receipt: &Receipt) -> Answer<(LogProof, LogKey, Checkpoint)> {
    let key: LogKey = receipt.log_key.parse().map_err(|error| format!("The log's key is {error}."))?;
    let proof: LogProof = receipt.proof.parse().map_err(|error| format!("The proof cannot be read: {error}."))?;
    let checkpoint = Checkpoint::open(&proof.checkpoint, &key).map_err(|error| format!("No: {error}."))?;
    let transactions = counted(checkpoint.size, "transaction");
    let sentence = format!("Yes: the log {} had {transactions}.", key.name());
    Ok(((proof, key, checkpoint), sentence))
}

fn is_the_wanted_log(key: &LogKey, wanted: &Wanted, steps: &mut Steps) -> Option<()> {
    let question = "Is that the node you trust?";
    match &wanted.log_key {
        Some(wanted) if wanted == key => steps.take(question, Ok(((), "Yes, the keys are the same.".into()))),
        Some(wanted) => steps.take(question, Err(format!("No: that one's key is {wanted}."))),
        None => {
            let sentence =
                "Not compared. Give the key you know with --log-key to be sure; the rest needs no trust in it.";
            steps.open(question, sentence.into());
            Some(())
        }
    }
}

fn place(transaction: &CheckedTransaction, proof: &LogProof, checkpoint: &Checkpoint) -> Answer<()> {
    let (index, size) = (proof.index, checkpoint.size);
    verify_inclusion(&transaction.id().0, index, size, &proof.path, &checkpoint.root.0)
        .map_err(|error| format!("No: {error}."))?;
    Ok(((), format!("Yes, as number {} of {size}.", index + 1)))
}

/// The headers, once it is shown that the first commits to the checkpoint's log.
fn block(receipt: &Receipt, network: &Network, checkpoint: &Checkpoint) -> Answer<Vec<Header>> {
    let coinbase = Coinbase::try_from_slice(&receipt.coinbase)
        .map_err(|error| format!("No: the coinbase's bytes make none ({error})."))?;
    let headers: Result<Vec<Header>, _> = receipt.headers.iter().map(|hex| Header::try_from_slice(&hex.0)).collect();
    let headers = headers.map_err(|error| format!("No: a header's bytes make none ({error})."))?;
    let first = headers.first().ok_or("No: there is no header.")?;
    if headers.len() > MAX_HEADERS + 1 {
        return Err(format!("No: there are more than {MAX_HEADERS} headers on top."));
    }
    check_coinbase(first, &coinbase).map_err(|error| format!("No: {error}."))?;
    check_header(first, network).map_err(|error| format!("No: {error}."))?;
    if (coinbase.log_size, coinbase.log_root) != (checkpoint.size, checkpoint.root) {
        let committed = coinbase.log_size;
        return Err(format!("No: block {} commits to another log, of {committed} transactions.", coinbase.height));
    }
    let sentence = format!("Yes: block {}, mined by {}.", coinbase.height, short(&coinbase.miner));
    Ok((headers, sentence))
}

/// `no block`, `1 block`, `6 blocks`.
fn counted(count: u64, what: &str) -> String {
    match count {
        0 => format!("no {what}"),
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

fn short(miner: &Address) -> String {
    format!("{}…", miner.short())
}

fn work(headers: &[Header], network: &Network) -> Answer<(BlockHash, Work)> {
    let mut total = Work::default();
    let mut below: Option<BlockHash> = None;
    let mut first = BlockHash::ZERO;
    for (position, header) in headers.iter().enumerate() {
        let wrong = |why: String| format!("Header {position} is wrong: {why}.");
        let hash = check_header(header, network).map_err(|error| wrong(error.to_string()))?;
        match below {
            Some(below) if header.previous != below => return Err(wrong("it does not build on the one before".into())),
            Some(_) => {}
            None => first = hash,
        }
        let target = header.bits.target().map_err(|error| wrong(error.to_string()))?;
        total = total.plus(target.work());
        below = Some(hash);
    }
    let sentence = format!(
        "{} on top of it; whoever wanted to forge them all would need about {:.0} hashes.",
        counted(headers.len() as u64 - 1, "block"),
        total.to_f64()
    );
    Ok(((first, total), sentence))
}
