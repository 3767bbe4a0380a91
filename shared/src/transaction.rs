//! Transactions: signed transfers and signed data, their bytes, their identity, and every check that
//! needs no chain. What a transaction does to the accounts is in [`crate::rules::ledger`].

use std::{fmt, ops::Deref};

use borsh::{BorshDeserialize, BorshSerialize, io};
use ed25519_zebra::SigningKey;

use crate::{
    address::Address,
    amount::Amount,
    hash::{BlockHash, TxId},
    log,
    signature::{SignatureCheck, verify_all},
    time::Millis,
};

/// What the signed bytes begin with, so that a signature for anything else is never a transaction's.
pub const SIGNING_DOMAIN: &[u8] = b"networkmngr transaction 1\n";

/// The only transaction version there is.
pub const VERSION: u8 = 1;

/// A label under which data can be found: UTF-8, 1 to 64 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct Topic(String);

/// Why a text is no topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a topic takes 1 to {max} bytes, this one has {0}", max = Topic::MAX)]
pub struct TopicError(usize);

impl Topic {
    /// Longest topic, in bytes.
    pub const MAX: usize = 64;

    /// A topic of this text.
    ///
    /// # Errors
    /// When it is empty or too long.
    pub fn new(text: impl Into<String>) -> Result<Self, TopicError> {
        let text = text.into();
        if (1..=Self::MAX).contains(&text.len()) { Ok(Self(text)) } else { Err(TopicError(text.len())) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl BorshDeserialize for Topic {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        Self::new(String::deserialize_reader(reader)?)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))
    }
}

/// What a transaction is for.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Payload {
    /// Move money from the sender to another address.
    Transfer {
        /// Who receives.
        to: Address,
        /// How much, more than nothing.
        amount: Amount,
    },
    /// Put data on the chain: a ledger record, a profile, a chat envelope.
    Data {
        /// Where it is filed.
        topic: Topic,
        /// At most [`Transaction::MAX_BODY`] bytes of any kind.
        body: Vec<u8>,
    },
}

/// A transaction as it travels: nothing about it has been checked yet.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Transaction {
    /// Must be [`VERSION`].
    pub version: u8,
    /// Whose account pays, and whose key signs.
    pub sender: Address,
    /// How many transactions of this sender came before it on the chain.
    pub nonce: u64,
    /// What the miner of its block gets.
    pub fee: Amount,
    /// When the author says it was written; a statement, not a rule.
    pub time: Millis,
    /// What it does.
    pub payload: Payload,
    /// Ed25519 over domain, genesis hash and all fields above, accepted by the rule of ZIP 215.
    pub signature: [u8; 64],
}

/// Why a transaction is wrong whatever the chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// A version from the future, or nonsense.
    #[error("transaction version {0} is not known; this network takes version {VERSION}")]
    Version(u8),
    /// A transfer of nothing.
    #[error("a transfer must move more than nothing")]
    ZeroAmount,
    /// Amount and fee together pass every possible balance.
    #[error("amount and fee together are more than can exist")]
    Overflow,
    /// The author's time is no exact JSON number.
    #[error("the author's time {} is beyond {max} milliseconds", .0.0, max = Transaction::MAX_TIME.0)]
    Time(Millis),
    /// The body is too long.
    #[error("the data has {0} bytes; at most {max} are allowed", max = Transaction::MAX_BODY)]
    BodyTooLong(usize),
    /// Signed by another key, for another network, or changed after signing.
    #[error(
        "the signature does not match: the transaction was changed, signed by another key, or signed for another network"
    )]
    Signature,
}

impl Transaction {
    /// Longest body of a data payload, in bytes.
    pub const MAX_BODY: usize = 32 * 1024;
    /// Latest author's time: 2^53 − 1 ms, so that every time is exact as a JSON number.
    pub const MAX_TIME: Millis = Millis((1 << 53) - 1);
    /// Longest encoded transaction: an upper bound for the rest, and the body.
    pub const MAX_SIZE: usize = 256 + Self::MAX_BODY;

    /// The borsh encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        borsh::to_vec(self).expect("writing to memory cannot fail")
    }

    /// A transaction of these exact bytes.
    ///
    /// # Errors
    /// When the bytes are truncated, have bytes to spare, or hold an impossible value.
    pub fn from_bytes(bytes: &[u8]) -> io::Result<Self> {
        Self::try_from_slice(bytes)
    }

    /// The identity: the RFC 6962 leaf hash of the encoding.
    pub fn id(&self) -> TxId {
        TxId(log::leaf_hash(&self.to_bytes()))
    }

    /// The bytes that the signature covers, on the network of this genesis block.
    pub fn signed_bytes(&self, genesis: &BlockHash) -> Vec<u8> {
        let encoded = self.to_bytes();
        let unsigned = &encoded[..encoded.len() - self.signature.len()];
        [SIGNING_DOMAIN, &genesis.0, unsigned].concat()
    }

    /// Fills in sender and signature.
    #[must_use]
    pub fn signed(mut self, key: &SigningKey, genesis: &BlockHash) -> Self {
        self.sender = Address::of(key);
        self.signature = key.sign(&self.signed_bytes(genesis)).to_bytes();
        self
    }

    /// What leaves the sender's account: the fee, and the amount of a transfer.
    ///
    /// # Errors
    /// When the two together are more than can exist.
    pub fn cost(&self) -> Result<Amount, TransactionError> {
        match &self.payload {
            Payload::Transfer { amount, .. } => self.fee.checked_add(*amount).ok_or(TransactionError::Overflow),
            Payload::Data { .. } => Ok(self.fee),
        }
    }

    /// Every check that needs no chain, signature included.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(self, genesis: &BlockHash) -> Result<CheckedTransaction, TransactionError> {
        self.check_fields()?;
        if !self.signature_check(genesis).holds() {
            return Err(TransactionError::Signature);
        }
        Ok(CheckedTransaction::new(self))
    }

    fn check_fields(&self) -> Result<(), TransactionError> {
        if self.version != VERSION {
            return Err(TransactionError::Version(self.version));
        }
        if self.time > Self::MAX_TIME {
            return Err(TransactionError::Time(self.time));
        }
        match &self.payload {
            Payload::Transfer { amount, .. } if *amount == Amount::ZERO => return Err(TransactionError::ZeroAmount),
            Payload::Data { body, .. } if body.len() > Self::MAX_BODY => {
                return Err(TransactionError::BodyTooLong(body.len()));
            }
            _ => {}
        }
        self.cost().map(|_| ())
    }

    fn signature_check(&self, genesis: &BlockHash) -> SignatureCheck {
        SignatureCheck::new(&self.sender, &self.signature, &self.signed_bytes(genesis))
    }
}

/// Checks many transactions at once, the fields of all of them first, then all signatures together.
///
/// # Errors
/// The position of the first transaction that is wrong, and why.
pub fn check_all(
    transactions: Vec<Transaction>,
    genesis: &BlockHash,
) -> Result<Vec<CheckedTransaction>, (usize, TransactionError)> {
    for (position, transaction) in transactions.iter().enumerate() {
        transaction.check_fields().map_err(|error| (position, error))?;
    }
    let signatures: Vec<_> = transactions.iter().map(|transaction| transaction.signature_check(genesis)).collect();
    verify_all(&signatures).map_err(|position| (position, TransactionError::Signature))?;
    Ok(transactions.into_iter().map(CheckedTransaction::new).collect())
}

impl Transaction {
    /// Bytes that a unit of the usual fee pays for. Miners take transactions by fee per byte, so a fee that
    /// grows with the size ranks all that leave it to us alike, and a transfer costs two units: next to nothing.
    const BYTES_PER_UNIT: usize = 100;

    /// The fee where the sender names none: a unit for every 100 bytes begun. The fee that stands in the
    /// transaction does not change it.
    pub fn usual_fee(&self) -> Amount {
        let units = self.to_bytes().len().div_ceil(Self::BYTES_PER_UNIT);
        u64::try_from(units).ok().and_then(Amount::new).unwrap_or(Amount::MAX)
    }
}

/// A transaction whose fields and signature are right. It may still be unaffordable or out of order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedTransaction {
    transaction: Transaction,
    id: TxId,
    size: usize,
}

impl CheckedTransaction {
    fn new(transaction: Transaction) -> Self {
        let bytes = transaction.to_bytes();
        Self { id: TxId(log::leaf_hash(&bytes)), size: bytes.len(), transaction }
    }

    /// Takes a transaction that this node checked before it stored it, without checking it again.
    pub fn trusted(transaction: Transaction) -> Self {
        Self::new(transaction)
    }

    /// The transaction's identity.
    pub fn id(&self) -> TxId {
        self.id
    }

    /// Bytes of its encoding.
    pub fn size(&self) -> usize {
        self.size
    }
}

impl Deref for CheckedTransaction {
    type Target = Transaction;
    fn deref(&self) -> &Transaction {
        &self.transaction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GENESIS: BlockHash = BlockHash([9; 32]);

    fn key(seed: u8) -> SigningKey {
        SigningKey::from([seed; 32])
    }

    fn transfer(amount: u64) -> Transaction {
        Transaction {
            version: VERSION,
            sender: Address::default(),
            nonce: 0,
            fee: Amount::new(1).unwrap(),
            time: Millis(5),
            payload: Payload::Transfer { to: Address([2; 32]), amount: Amount::new(amount).unwrap() },
            signature: [0; 64],
        }
    }

    #[test]
    fn a_signed_transaction_passes_and_any_change_is_noticed() {
        let signed = transfer(10).signed(&key(1), &GENESIS);
        let id = signed.id();
        assert_eq!(signed.clone().check(&GENESIS).unwrap().id(), id);
        let changed = Transaction { fee: Amount::new(2).unwrap(), ..signed.clone() };
        assert_eq!(changed.check(&GENESIS), Err(TransactionError::Signature));
        assert_eq!(signed.check(&BlockHash([8; 32])), Err(TransactionError::Signature));
    }

    #[test]
    fn fields_out_of_range_are_named() {
        let broken = |transaction: Transaction| transaction.signed(&key(1), &GENESIS).check(&GENESIS).unwrap_err();
        assert_eq!(broken(transfer(0)), TransactionError::ZeroAmount);
        assert_eq!(broken(Transaction { version: 2, ..transfer(1) }), TransactionError::Version(2));
        let late = Millis(1 << 53);
        assert_eq!(broken(Transaction { time: late, ..transfer(1) }), TransactionError::Time(late));
        assert_eq!(broken(Transaction { fee: Amount::MAX, ..transfer(1) }), TransactionError::Overflow);
        let payload = Payload::Data { topic: Topic::new("t").unwrap(), body: vec![0; Transaction::MAX_BODY + 1] };
        assert!(matches!(broken(Transaction { payload, ..transfer(1) }), TransactionError::BodyTooLong(_)));
    }

    #[test]
    fn a_batch_names_the_wrong_one() {
        let mut batch: Vec<_> = (1..5).map(|seed| transfer(3).signed(&key(seed), &GENESIS)).collect();
        assert_eq!(check_all(batch.clone(), &GENESIS).unwrap().len(), 4);
        batch[2].nonce = 7;
        assert_eq!(check_all(batch, &GENESIS), Err((2, TransactionError::Signature)));
    }

    #[test]
    fn topics_keep_their_limits_in_bytes_too() {
        assert!(Topic::new("").is_err());
        assert!(Topic::new("ä".repeat(33)).is_err());
        let long = borsh::to_vec(&"x".repeat(65)).unwrap();
        assert!(Topic::try_from_slice(&long).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_decoding_panic_and_what_decodes_encodes_back(bytes: Vec<u8>) {
            if let Ok(transaction) = Transaction::from_bytes(&bytes) {
                proptest::prop_assert_eq!(transaction.to_bytes(), bytes);
            }
        }

        #[test]
        fn encoding_is_canonical(amount in 1..(1u64 << 53), nonce: u64, time: u64) {
            let transaction = Transaction { nonce, time: Millis(time), ..transfer(amount) };
            let bytes = transaction.to_bytes();
            proptest::prop_assert_eq!(Transaction::from_bytes(&bytes).unwrap(), transaction);
            proptest::prop_assert!(Transaction::from_bytes(&bytes[..bytes.len() - 1]).is_err());
            proptest::prop_assert!(Transaction::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn the_usual_fee_grows_with_the_size() {
        let fee = |payload| {
            let transaction = Transaction {
                version: VERSION,
                sender: Address::default(),
                nonce: u64::MAX,
                fee: Amount::MAX,
                time: Millis(0),
                payload,
                signature: [0; 64],
            };
            transaction.usual_fee().units()
        };
        assert_eq!(fee(Payload::Transfer { to: Address::default(), amount: Amount::MAX }), 2);
        let data = |length| Payload::Data { topic: Topic::new("t").unwrap(), body: vec![0; length] };
        assert_eq!((fee(data(0)), fee(data(Transaction::MAX_BODY))), (2, 329));
    }
}
