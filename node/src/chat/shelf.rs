//! How an account's outbox and what it has read are kept on disk: encrypted with a key that follows from the account's,
//! since texts that wait are as secret as those that were sent.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use hkdf::Hkdf;
use rand::CryptoRng;
use sha2::Sha256;
use shared::{Address, BlockHash};
use zeroize::Zeroizing;

use super::{
    envelope::{GroupId, MessageId},
    outbox::Item,
    room::Line,
    text::{lock, random, unlock},
};
use crate::machine::store::Location;

const MAGIC: &[u8; 4] = b"nmgo";
const VERSION: u8 = 1;
const DOMAIN: &[u8] = b"networkmngr chat outbox 1\n";

/// Everything about chat that is not on the chain.
#[derive(Debug, Default, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Shelf {
    /// What is wanted, in the order in which it was.
    pub outbox: Vec<Item>,
    /// What was read, by group.
    pub marks: BTreeMap<GroupId, Mark>,
}

/// How far somebody has read.
#[derive(Debug, Default, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Mark {
    /// Everything up to this place on the chain.
    pub up_to: Option<Location>,
    /// These besides, wherever they are.
    pub besides: BTreeSet<MessageId>,
}

impl Mark {
    /// Whether a message was read.
    pub fn has(&self, line: &Line<'_>) -> bool {
        self.besides.contains(&line.id) || self.is_passed(line)
    }

    /// Whether a message stands before all that is known one by one.
    pub fn is_passed(&self, line: &Line<'_>) -> bool {
        self.up_to.is_some_and(|up_to| line.at.is_some_and(|at| at <= up_to))
    }
}

/// Why a file gives no shelf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShelfError {
    /// Written by a program that came later, or no such file.
    #[error("it was written by a newer version of this program; update, or move the file away")]
    Version,
    /// Changed, or another account's.
    #[error("it was damaged, or belongs to another account; move it away to begin anew")]
    Damaged,
}

impl Shelf {
    /// The bytes of the file.
    pub fn seal(&self, secret: &[u8; 32], genesis: &BlockHash, owner: &Address, rng: &mut impl CryptoRng) -> Vec<u8> {
        let mut buffer = borsh::to_vec(self).expect("writing to memory cannot fail");
        let nonce: [u8; 24] = random(rng);
        lock(&key(secret), &nonce, &data(genesis, owner), &mut buffer);
        [MAGIC.as_slice(), &[VERSION], &nonce, &buffer].concat()
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Why it is of no use to this account.
    pub fn open(bytes: &[u8], secret: &[u8; 32], genesis: &BlockHash, owner: &Address) -> Result<Self, ShelfError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(ShelfError::Damaged)?;
        let (version, rest) = rest.split_first().ok_or(ShelfError::Damaged)?;
        if *version != VERSION {
            return Err(ShelfError::Version);
        }
        let (nonce, sealed) = rest.split_first_chunk().ok_or(ShelfError::Damaged)?;
        let mut buffer = Zeroizing::new(sealed.to_vec());
        unlock(&key(secret), nonce, &data(genesis, owner), &mut buffer).ok_or(ShelfError::Damaged)?;
        borsh::from_slice(&buffer).map_err(|_| ShelfError::Damaged)
    }
}

fn key(secret: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, secret).expand(DOMAIN, &mut *key).expect("32 bytes are one block of SHA-256");
    key
}

fn data(genesis: &BlockHash, owner: &Address) -> Vec<u8> {
    [DOMAIN, &genesis.0, &owner.0].concat()
}
