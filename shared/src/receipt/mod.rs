//! Receipts: one file that shows, to anybody and offline, that a transaction stands in a chain and how much
//! work lies on it. Here is what the file holds; [`verify`] goes through it step by step.
//!
//! A receipt holds the exact transaction, its place in the log with a proof (C2SP tlog-proof, with a
//! checkpoint signed by the node's log key), the coinbase that commits to that log, the header that commits
//! to the coinbase, and headers on top of it.

mod verify;

use std::{fmt::Write as _, str::FromStr};

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

pub use self::verify::{Opening, Outcome, Report, Shown, Step, Wanted, verify};
use crate::{
    coinbase::Coinbase,
    header::Header,
    json::hex,
    log::{
        ProofError,
        checkpoint::{LogKey, MAX_NOTE},
    },
    spec::ChainSpec,
    transaction::Transaction,
};

/// The version of the format written here, and the only one read.
pub const VERSION: u32 = 1;

/// Longest receipt that is read, in bytes of JSON.
pub const MAX_BYTES: usize = 1024 * 1024;

/// Headers on top of the block that a receipt may carry.
pub const MAX_HEADERS: usize = 2_000;

/// What a tlog-proof begins with.
const PROOF_MAGIC: &str = "c2sp.org/tlog-proof@v1";

/// The file. None of it is checked yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Must be [`VERSION`].
    pub receipt: u32,
    /// For whoever opens the file; means nothing to the verification.
    #[serde(default)]
    pub about: String,
    /// The chain spec, from which the genesis block follows.
    pub network: ChainSpec,
    /// The transaction's exact bytes.
    #[serde(with = "hex")]
    pub transaction: Vec<u8>,
    /// Its place in the log, and the checkpoint.
    pub proof: String,
    /// The key that the checkpoint is signed with, as text.
    pub log_key: String,
    /// The coinbase's exact bytes.
    #[serde(with = "hex")]
    pub coinbase: Vec<u8>,
    /// The header that commits to the coinbase, then those on top of it, lowest first, 80 bytes each.
    pub headers: Vec<HeaderHex>,
}

/// A header's 80 bytes in hexadecimal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HeaderHex(#[serde(with = "hex")] pub [u8; Header::SIZE]);

/// Why a receipt cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// Longer than any receipt.
    #[error("it has more than {MAX_BYTES} bytes, which is more than a receipt takes")]
    TooLong,
    /// No JSON.
    #[error("it is not JSON: {0}")]
    NotJson(serde_json::Error),
    /// Something else.
    #[error("it is JSON, but no receipt: {0}")]
    NoReceipt(serde_json::Error),
    /// From the future, or nonsense.
    #[error("it is a receipt of version {0}; this program reads version {VERSION} only")]
    Version(u32),
}

impl Receipt {
    /// Puts a receipt together from parts that the caller read from one chain.
    pub fn new(
        network: &ChainSpec,
        transaction: &Transaction,
        proof: &LogProof,
        log_key: &LogKey,
        coinbase: &Coinbase,
        headers: &[Header],
    ) -> Self {
        Self {
            receipt: VERSION,
            about: "Shows that this transaction stands in the chain of this network. \
                    To check it offline: networkmngr verify THIS-FILE"
                .into(),
            network: network.clone(),
            transaction: transaction.to_bytes(),
            proof: proof.to_string(),
            log_key: log_key.to_string(),
            coinbase: coinbase.to_bytes(),
            headers: headers.iter().map(|header| HeaderHex(header.to_bytes())).collect(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it is no receipt of this version.
    pub fn read(json: &[u8]) -> Result<Self, ReceiptError> {
        if json.len() > MAX_BYTES {
            return Err(ReceiptError::TooLong);
        }
        #[derive(Deserialize)]
        struct Outline {
            receipt: u32,
        }
        let Outline { receipt } = serde_json::from_slice(json)?;
        if receipt == VERSION { Ok(serde_json::from_slice(json)?) } else { Err(ReceiptError::Version(receipt)) }
    }
}

impl From<serde_json::Error> for ReceiptError {
    fn from(error: serde_json::Error) -> Self {
        if error.is_data() { Self::NoReceipt(error) } else { Self::NotJson(error) }
    }
}

/// A transaction's place in the log: index, audit path and signed checkpoint (C2SP tlog-proof).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogProof {
    /// The transaction's place, counted from 0.
    pub index: u64,
    /// The audit path, from the leaf's sibling upwards.
    pub path: Vec<[u8; 32]>,
    /// The signed note.
    pub checkpoint: String,
}

impl std::fmt::Display for LogProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PROOF_MAGIC}\nindex {}\n", self.index)?;
        for hash in &self.path {
            f.write_str(&BASE64.encode(hash))?;
            f.write_char('\n')?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for LogProof {
    type Err = ProofError;

    fn from_str(text: &str) -> Result<Self, ProofError> {
        let (proof, checkpoint) = text.split_once("\n\n").ok_or(ProofError::Form)?;
        let mut lines = proof.split('\n').peekable();
        if lines.next() != Some(PROOF_MAGIC) || checkpoint.len() > MAX_NOTE {
            return Err(ProofError::Form);
        }
        let _ = lines.next_if(|line| line.starts_with("extra "));
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).ok_or(ProofError::Form)?;
        let number: u64 = index.parse().map_err(|_| ProofError::Form)?;
        if number.to_string() != index {
            return Err(ProofError::Form);
        }
        let hash = |line: &str| BASE64.decode(line.as_bytes()).ok()?.try_into().ok();
        let path: Option<Vec<[u8; 32]>> = lines.take(u64::BITS as usize + 1).map(hash).collect();
        let path = path.filter(|path| path.len() <= u64::BITS as usize).ok_or(ProofError::Form)?;
        Ok(Self { index: number, path, checkpoint: checkpoint.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_reads_back_and_extra_data_is_passed_over() {
        let proof =
            LogProof { index: 12, path: vec![[1; 32], [2; 32]], checkpoint: "a\n1\nb\n\n\u{2014} x y\n".into() };
        let text = proof.to_string();
        assert_eq!(text.parse(), Ok(proof.clone()));
        assert_eq!(text.replacen("index", "extra AAAA\nindex", 1).parse(), Ok(proof));
    }

    #[test]
    fn what_is_no_proof_is_refused() {
        let long = format!("{PROOF_MAGIC}\nindex 1\n{}\n\nnote", vec![BASE64.encode(&[0; 32]); 65].join("\n"));
        for text in [
            "",
            "c2sp.org/tlog-proof@v2\nindex 1\n\nnote",
            "c2sp.org/tlog-proof@v1\nindex 01\n\nnote",
            "c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\nnote",
            "c2sp.org/tlog-proof@v1\nindex 1",
            &long,
        ] {
            assert_eq!(text.parse::<LogProof>(), Err(ProofError::Form), "{text}");
        }
    }

    #[test]
    fn another_version_is_named() {
        let error = Receipt::read(br#"{"receipt": 2, "news": true}"#).unwrap_err();
        assert!(matches!(error, ReceiptError::Version(2)));
        assert!(matches!(Receipt::read(b"{}"), Err(ReceiptError::NoReceipt(_))));
        assert!(matches!(Receipt::read(b"[]"), Err(ReceiptError::NoReceipt(_))));
        assert!(matches!(Receipt::read(b""), Err(ReceiptError::NotJson(_))));
        assert!(matches!(Receipt::read(b"{\"receipt\": 1"), Err(ReceiptError::NotJson(_))));
        assert!(matches!(Receipt::read(&vec![b' '; MAX_BYTES + 1]), Err(ReceiptError::TooLong)));
    }
}
