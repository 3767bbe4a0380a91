//! What a record of a ledger is inside a data payload: any JSON, or a commitment to something private, and
//! perhaps the record that it corrects. Which data is a record is decided by its first bytes; consensus
//! knows nothing of records.

use borsh::{BorshDeserialize, BorshSerialize, io};

use crate::{
    hash::{TxId, sha256},
    transaction::Transaction,
};

/// What the body of a record begins with.
pub const MAGIC: &[u8; 4] = b"nmr1";

/// Bytes of a salt.
pub const SALT: usize = 32;

/// A record.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Record {
    /// The record that this one takes the place of for readers; both stay where they are.
    pub corrects: Option<TxId>,
    /// What it says.
    pub content: Content,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Content {
    /// JSON text, kept to the letter as its author wrote it.
    Json(String),
    /// SHA-256(salt ‖ payload) of a payload that its author keeps, and can prove later.
    Commitment([u8; 32]),
}

/// Why bytes are no record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// They begin otherwise: the data is something else than a record.
    #[error("the data is no record")]
    NoRecord,
    /// They begin like a record and go on like none.
    #[error("the record does not decode: {0}")]
    Damaged(#[from] io::Error),
    /// The text is no JSON.
    #[error("the record's text is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// It would not fit a transaction.
    #[error("the record has {0} bytes; at most {max} are allowed", max = Transaction::MAX_BODY)]
    TooLong(usize),
}

impl Record {
    /// The body of the data payload that carries the record.
    ///
    /// # Errors
    /// When the text is no JSON, or the body would be too long for a transaction.
    pub fn to_body(&self) -> Result<Vec<u8>, RecordError> {
        self.check_json()?;
        let mut body = MAGIC.to_vec();
        self.serialize(&mut body)?;
        if body.len() <= Transaction::MAX_BODY { Ok(body) } else { Err(RecordError::TooLong(body.len())) }
    }

    /// The record that a data payload carries.
    ///
    /// # Errors
    /// When it carries something else.
    pub fn from_body(body: &[u8]) -> Result<Self, RecordError> {
        let bytes = body.strip_prefix(MAGIC).ok_or(RecordError::NoRecord)?;
        let record = Self::try_from_slice(bytes)?;
        record.check_json()?;
        Ok(record)
    }

    fn check_json(&self) -> Result<(), RecordError> {
        if let Content::Json(text) = &self.content {
            serde_json::from_str::<serde::de::IgnoredAny>(text)?;
        }
        Ok(())
    }
}

/// The commitment to a payload under a salt, which should be random and is kept with the payload.
pub fn commitment(salt: &[u8; SALT], payload: &[u8]) -> [u8; 32] {
    sha256(&[salt, payload])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Record {
        Record { corrects: Some(TxId([4; 32])), content: Content::Json(text.into()) }
    }

    #[test]
    fn a_record_reads_back_to_the_letter() {
        for record in [
            json("{\"sold\": 3 ,\"price\":1.50}"),
            json("[]"),
            Record { corrects: None, content: Content::Commitment([8; 32]) },
        ] {
            let body = record.to_body().unwrap();
            assert_eq!(Record::from_body(&body).unwrap(), record);
            assert!(matches!(Record::from_body(&[&body[..], &[0]].concat()), Err(RecordError::Damaged(_))));
        }
    }

    #[test]
    fn other_data_is_no_record() {
        assert!(matches!(Record::from_body(b""), Err(RecordError::NoRecord)));
        assert!(matches!(Record::from_body(b"hello"), Err(RecordError::NoRecord)));
        assert!(matches!(Record::from_body(b"nmr1"), Err(RecordError::Damaged(_))));
    }

    #[test]
    fn text_must_be_json_and_fit() {
        assert!(matches!(json("{").to_body(), Err(RecordError::NotJson(_))));
        assert!(matches!(json("1 2").to_body(), Err(RecordError::NotJson(_))));
        let long = format!("\"{}\"", "x".repeat(Transaction::MAX_BODY));
        assert!(matches!(json(&long).to_body(), Err(RecordError::TooLong(_))));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_decoding_panic_and_what_decodes_encodes_back(bytes: Vec<u8>) {
            let body = [&MAGIC[..], &bytes].concat();
            if let Ok(record) = Record::from_body(&body) {
                proptest::prop_assert_eq!(record.to_body().unwrap(), body);
            }
        }
    }
}
