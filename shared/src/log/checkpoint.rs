//! What a log says of itself: its size and root as a checkpoint (C2SP tlog-checkpoint), signed as a note
//! (C2SP signed-note) with an Ed25519 key. When a node may sign is decided in the machine; here are the
//! texts, and their verification.

use std::{fmt, str::FromStr};

use data_encoding::{BASE64, HEXLOWER};
use ed25519_zebra::{SigningKey, VerificationKeyBytes};

use crate::{
    address::Address,
    hash::{BlockHash, LogRoot, sha256},
    signature::SignatureCheck,
};

/// The type byte of Ed25519 signatures in notes.
const ED25519: u8 = 1;
/// Signature lines that a note may have.
const MAX_SIGNATURES: usize = 64;
/// Longest note that is read, in bytes.
pub const MAX_NOTE: usize = 64 * 1024;

/// Size and root of a log at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Who states it: unique to the log.
    pub origin: String,
    /// How many transactions the log has.
    pub size: u64,
    /// Its root.
    pub root: LogRoot,
}

/// Why a text is no checkpoint, or not a good one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The text does not have the form of a signed note.
    #[error("it does not have the form of a signed note")]
    Form,
    /// The signed text is no checkpoint.
    #[error("its text is no checkpoint: {0}")]
    Checkpoint(&'static str),
    /// The key did not sign it.
    #[error("it carries no signature by the key {0}")]
    Unsigned(String),
    /// The key's signature is wrong.
    #[error("the signature of {0} does not match: the text was changed, or signed by another key")]
    Signature(String),
    /// The text is no key.
    #[error("not a log's key: it should look like NAME+8 HEXADECIMAL DIGITS+BASE64")]
    Key,
}

/// A log's public key and name, as those who verify notes keep it: `NAME+KEYID+BASE64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    name: String,
    key: [u8; 32],
}

impl LogKey {
    /// The name and key of the log that the holder of `key` keeps of the network with this genesis block.
    pub fn of(key: &SigningKey, genesis: &BlockHash) -> Self {
        let key: [u8; 32] = VerificationKeyBytes::from(key).into();
        let short = |hex: &str| hex.chars().take(16).collect::<String>();
        let name = format!("networkmngr/{}/{}", short(&genesis.to_string()), short(&HEXLOWER.encode(&key)));
        Self { name, key }
    }

    /// The name, which is also the origin of the log's checkpoints.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The 32 bytes of the Ed25519 public key.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.key
    }

    /// The first four bytes of SHA-256(name ‖ 0x0a ‖ 0x01 ‖ key).
    fn id(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = sha256(&[self.name.as_bytes(), b"\n", &[ED25519], &self.key]);
        [a, b, c, d]
    }
}

impl fmt::Display for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64.encode(&[&[ED25519], &self.key[..]].concat());
        write!(f, "{}+{}+{key}", self.name, HEXLOWER.encode(&self.id()))
    }
}

impl FromStr for LogKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        let bytes = BASE64.decode(key.as_bytes()).map_err(|_| NoteError::Key)?;
        let key = match bytes.split_first() {
            Some((&ED25519, key)) => key.try_into().map_err(|_| NoteError::Key)?,
            _ => return Err(NoteError::Key),
        };
        let key = Self { name: name.to_owned(), key };
        if is_name(name) && id == HEXLOWER.encode(&key.id()) { Ok(key) } else { Err(NoteError::Key) }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+')
}

impl Checkpoint {
    /// The signed note of this checkpoint, under its origin as the key's name.
    pub fn signed(&self, key: &SigningKey) -> String {
        let text = self.text();
        let name = LogKey { name: self.origin.clone(), key: VerificationKeyBytes::from(key).into() };
        let signature = [&name.id()[..], &key.sign(text.as_bytes()).to_bytes()].concat();
        format!("{text}\n\u{2014} {} {}\n", self.origin, BASE64.encode(&signature))
    }

    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(&self.root.0))
    }

    /// The checkpoint that `key` signed with this note. Signatures by others are not looked at.
    ///
    /// # Errors
    /// When the note is none, is not signed by the key, or its text is no checkpoint of that log.
    pub fn open(note: &str, key: &LogKey) -> Result<Self, NoteError> {
        let (text, signatures) = parts(note)?;
        let mut ours = signatures.into_iter().filter(|line| line.name == key.name && line.id == key.id()).peekable();
        if ours.peek().is_none() {
            return Err(NoteError::Unsigned(key.name.clone()));
        }
        let is_good = |line: SignatureLine<'_>| {
            let signature: Option<[u8; 64]> = line.signature.try_into().ok();
            signature.is_some_and(|bytes| SignatureCheck::new(&Address(key.key), &bytes, text.as_bytes()).holds())
        };
        if !ours.all(is_good) {
            return Err(NoteError::Signature(key.name.clone()));
        }
        let checkpoint = Self::parse(text)?;
        let own = checkpoint.origin == key.name;
        if own { Ok(checkpoint) } else { Err(NoteError::Checkpoint("it speaks of another log than its signer's")) }
    }

    fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty());
        let (Some(origin), Some(size), Some(root)) = (line(), line(), line()) else {
            return Err(NoteError::Checkpoint("it has fewer than three lines"));
        };
        let number: u64 = size.parse().map_err(|_| NoteError::Checkpoint("its size is no number"))?;
        if number.to_string() != size {
            return Err(NoteError::Checkpoint("its size is not written as it should be"));
        }
        let root = BASE64.decode(root.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok()).map(LogRoot);
        let root = root.ok_or(NoteError::Checkpoint("its root is no hash"))?;
        Ok(Self { origin: origin.to_owned(), size: number, root })
    }
}

struct SignatureLine<'a> {
    name: &'a str,
    id: [u8; 4],
    signature: Vec<u8>,
}

/// The signed text, its last newline included, and the signatures.
fn parts(note: &str) -> Result<(&str, Vec<SignatureLine<'_>>), NoteError> {
    let is_plain = note.len() <= MAX_NOTE && note.chars().all(|c| c >= ' ' || c == '\n');
    let (text, signatures) = note.rsplit_once("\n\n").filter(|_| is_plain).ok_or(NoteError::Form)?;
    let text = &note[..text.len() + 1];
    let lines = signatures.strip_suffix('\n').ok_or(NoteError::Form)?;
    let signatures: Option<Vec<_>> = lines.split('\n').take(MAX_SIGNATURES + 1).map(signature_line).collect();
    let signatures = signatures.filter(|lines| lines.len() <= MAX_SIGNATURES).ok_or(NoteError::Form)?;
    Ok((text, signatures))
}

fn signature_line(line: &str) -> Option<SignatureLine<'_>> {
    let (name, signature) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let bytes = BASE64.decode(signature.as_bytes()).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    is_name(name).then(|| SignatureLine { name, id: *id, signature: signature.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GENESIS: BlockHash = BlockHash([9; 32]);

    fn key(seed: u8) -> SigningKey {
        SigningKey::from([seed; 32])
    }

    fn checkpoint() -> (Checkpoint, LogKey) {
        let log = LogKey::of(&key(1), &GENESIS);
        (Checkpoint { origin: log.name().to_owned(), size: 7, root: LogRoot([3; 32]) }, log)
    }

    #[test]
    fn a_signed_checkpoint_opens_with_its_key_only() {
        let (checkpoint, log) = checkpoint();
        let note = checkpoint.signed(&key(1));
        assert_eq!(Checkpoint::open(&note, &log), Ok(checkpoint.clone()));
        let other = LogKey::of(&key(2), &GENESIS);
        assert_eq!(Checkpoint::open(&note, &other), Err(NoteError::Unsigned(other.name().into())));
        let changed = note.replacen("\n7\n", "\n8\n", 1);
        assert_eq!(Checkpoint::open(&changed, &log), Err(NoteError::Signature(log.name().into())));
    }

    #[test]
    fn cosignatures_by_others_do_no_harm() {
        let (checkpoint, log) = checkpoint();
        let note = checkpoint.signed(&key(1)) + "\u{2014} witness.example bnVtYmVycw==\n";
        assert_eq!(Checkpoint::open(&note, &log), Ok(checkpoint));
    }

    #[test]
    fn what_is_no_note_is_refused() {
        let (checkpoint, log) = checkpoint();
        let note = checkpoint.signed(&key(1));
        for broken in
            ["", "\n\n", "a\nb\n", &note[..note.len() - 1], &note.replace('\u{2014}', "-"), &format!("\t{note}")]
        {
            assert_eq!(Checkpoint::open(broken, &log), Err(NoteError::Form), "{broken:?}");
        }
        for text in ["x\n", "x\n07\nAA==\n", "x\nseven\nAA==\n", "x\n7\nAA==\n"] {
            assert!(matches!(Checkpoint::parse(text), Err(NoteError::Checkpoint(_))), "{text:?}");
        }
    }

    #[test]
    fn a_key_reads_back_and_a_changed_one_does_not() {
        let (_, log) = checkpoint();
        let text = log.to_string();
        assert_eq!(text.parse(), Ok(log));
        assert_eq!(text.replacen("networkmngr", "networkmngR", 1).parse::<LogKey>(), Err(NoteError::Key));
        assert_eq!("a+b".parse::<LogKey>(), Err(NoteError::Key));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_opening_panic(note: String) {
            let (_, log) = checkpoint();
            proptest::prop_assert!(Checkpoint::open(&note, &log).is_err());
        }
    }
}
