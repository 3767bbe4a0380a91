//! The lines of Stratum V1: JSON, one object a line. What miners ask is read and what they are told is written
//! here; hexadecimal fields and their byte orders too. What follows from it is the session's business.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{BlockHash, Seconds};

/// Longest line that a miner may send, in bytes, without its end.
pub const MAX_LINE: usize = 4_096;
/// How much of a miner's own text is said back or logged, in characters.
pub const MAX_SHOWN: usize = 128;

/// What a miner asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Named in the reply, whatever it is.
    pub id: Value,
    /// What is asked.
    pub method: String,
    /// With which values.
    pub params: Vec<Value>,
}

/// What a line holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// A question.
    Request(Request),
    /// An answer to a message that needs none, or nothing at all.
    Nothing,
    /// No JSON object, or none with a method.
    Nonsense,
}

impl Line {
    /// Reads a line, with or without its end.
    pub fn read(line: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Object {
            #[serde(default)]
            id: Value,
            method: Option<String>,
            #[serde(default)]
            params: Value,
            #[serde(default)]
            result: Value,
            #[serde(default)]
            error: Value,
        }
        if line.trim_ascii().is_empty() {
            return Self::Nothing;
        }
        let Ok(object) = serde_json::from_slice::<Object>(line) else { return Self::Nonsense };
        match (object.method, object.params) {
            (Some(method), Value::Array(params)) => Self::Request(Request { id: object.id, method, params }),
            (Some(method), _) => Self::Request(Request { id: object.id, method, params: Vec::new() }),
            (None, _) if !object.result.is_null() || !object.error.is_null() => Self::Nothing,
            (None, _) => Self::Nonsense,
        }
    }
}

/// Why a miner is refused something, with the numbers that Stratum has for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What is asked cannot be understood or done.
    #[error("{0}")]
    Other(String),
    /// The job is one of another block, or too old.
    #[error("stale: this job is over, or was never given")]
    Stale,
    /// The same share came before.
    #[error("duplicate share")]
    Duplicate,
    /// The hash is above the share's target.
    #[error("low difficulty: the share's hash is above the target")]
    LowDifficulty,
    /// The worker has not said who it is.
    #[error("{0}")]
    Unauthorized(String),
    /// mining.subscribe is missing.
    #[error("not subscribed: send mining.subscribe first")]
    NotSubscribed,
}

impl Refusal {
    /// The number.
    pub fn code(&self) -> u8 {
        match self {
            Self::Other(_) => 20,
            Self::Stale => 21,
            Self::Duplicate => 22,
            Self::LowDifficulty => 23,
            Self::Unauthorized(_) => 24,
            Self::NotSubscribed => 25,
        }
    }
}

/// The answer to a question, as a line.
pub fn reply(id: &Value, answer: Result<Value, Refusal>) -> String {
    let message = match answer {
        Ok(result) => json!({ "id": id, "result": result, "error": null }),
        Err(refusal) => json!({ "id": id, "result": null, "error": [refusal.code(), refusal.to_string(), null] }),
    };
    format!("{message}\n")
}

/// A message that needs no answer, as a line.
pub fn notification(method: &str, params: Value) -> String {
    format!("{}\n", json!({ "id": null, "method": method, "params": params }))
}

/// Bytes as miners are told them.
pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// So many bytes, in the order in which they are written.
pub fn read_bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// A number of 32 bits, most significant digit first.
pub fn read_number(text: &str) -> Option<u32> {
    read_bytes(text).map(u32::from_be_bytes)
}

/// A number of 32 bits, most significant digit first: the version, the bits and the time.
pub fn number(number: u32) -> String {
    hex(&number.to_be_bytes())
}

/// A hash as mining.notify has it: each group of four of the header's bytes in reverse.
pub fn swapped(hash: &BlockHash) -> String {
    let mut bytes = hash.0;
    bytes.chunks_exact_mut(4).for_each(<[u8]>::reverse);
    hex(&bytes)
}

/// A share as mining.submit has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Submission<'a> {
    /// Who found it.
    pub worker: &'a str,
    /// Which job it is for.
    pub job: &'a str,
    /// The miner's part of the extranonce.
    pub extranonce2: [u8; 4],
    /// The header's time.
    pub time: Seconds,
    /// The header's nonce.
    pub nonce: u32,
    /// The bits of the version that the miner rolls, if it sent any.
    pub version: Option<u32>,
}

impl<'a> Submission<'a> {
    /// Reads the values of mining.submit.
    ///
    /// # Errors
    /// What is wrong with the first one that is.
    pub fn read(params: &'a [Value]) -> Result<Self, Refusal> {
        let text = |index: usize| params.get(index).and_then(Value::as_str);
        let wrong = |what: &str| Refusal::Other(format!("mining.submit takes {what}"));
        Ok(Self {
            worker: text(0).ok_or_else(|| wrong("the worker's name first"))?,
            job: text(1).ok_or_else(|| wrong("the job's id second"))?,
            extranonce2: text(2).and_then(read_bytes).ok_or_else(|| wrong("8 digits of extranonce2 third"))?,
            time: text(3).and_then(read_number).map(Seconds).ok_or_else(|| wrong("8 digits of time fourth"))?,
            nonce: text(4).and_then(read_number).ok_or_else(|| wrong("8 digits of nonce fifth"))?,
            version: match params.get(5) {
                None | Some(Value::Null) => None,
                Some(bits) => {
                    Some(bits.as_str().and_then(read_number).ok_or_else(|| wrong("8 digits of version bits sixth"))?)
                }
            },
        })
    }
}

/// The beginning of a text that a miner made up, fit to be shown.
pub fn shown(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MAX_SHOWN).collect()
}
