//! The file that holds one account: its seed, encrypted under its password. `docs/protocol.md` specifies
//! it byte for byte, so that other programs can open it. Where such files lie is [`super::directory`]'s
//! business.

use std::io;

use chacha20poly1305::{AeadInOut as _, KeyInit as _, XChaCha20Poly1305};
use rand::{TryRng as _, rngs::SysRng};
use serde::{Deserialize, Serialize};
use shared::Address;
use zeroize::Zeroizing;

use super::{
    name::{AccountName, Email},
    password::{Cost, NewPassword, NoMemory, Password},
    seed::Seed,
};

/// What the associated data begins with, so that the ciphertext of anything else is never a keystore's.
pub const DOMAIN: &[u8] = b"networkmngr keystore 1\n";

/// The only version of the file there is.
pub const VERSION: u64 = 1;

const KDF: &str = "argon2id";
const CIPHER: &str = "xchacha20-poly1305";
/// Bytes of the cipher's tag.
const TAG: usize = 16;

/// An account whose seed is locked by a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keystore {
    name: AccountName,
    address: Address,
    cost: Cost,
    salt: [u8; 16],
    nonce: [u8; 24],
    ciphertext: Vec<u8>,
}

/// What the password gives.
#[derive(Debug)]
pub struct Contents {
    /// The account's seed.
    pub seed: Seed,
    /// Its owner's e-mail address, if there is one.
    pub email: Option<Email>,
}

/// Why a file is no keystore.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeystoreError {
    /// Of another time.
    #[error("it is a keystore of version {0}, and this program reads version {VERSION}")]
    Version(u64),
    /// Not what a keystore looks like.
    #[error("{0}")]
    Malformed(String),
}

/// Why a keystore does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another password, or a file that was changed; which of the two cannot be told.
    #[error("the password is wrong, or the account's file was changed")]
    Password,
    /// Written by a faulty program.
    #[error("the account's file holds another account than it says")]
    Contents,
    /// Not now.
    #[error(transparent)]
    NoMemory(#[from] NoMemory),
}

/// Why an account cannot be locked.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The system gives no randomness.
    #[error("the system gives no randomness: {0}")]
    Randomness(#[from] io::Error),
    /// Not now.
    #[error(transparent)]
    NoMemory(#[from] NoMemory),
}

impl Keystore {
    /// Locks an account. Takes as long as one try of the password.
    ///
    /// # Errors
    /// When the system has no randomness or no memory to give.
    pub fn seal(name: AccountName, password: &NewPassword, contents: &Contents, cost: Cost) -> Result<Self, SealError> {
        let (mut salt, mut nonce) = ([0; 16], [0; 24]);
        SysRng.try_fill_bytes(&mut salt).map_err(io::Error::other)?;
        SysRng.try_fill_bytes(&mut nonce).map_err(io::Error::other)?;
        Ok(Self::seal_with(name, password, contents, cost, salt, nonce)?)
    }

    /// The same with a salt and nonce that were never used before.
    pub(super) fn seal_with(
        name: AccountName,
        password: &NewPassword,
        Contents { seed, email }: &Contents,
        cost: Cost,
        salt: [u8; 16],
        nonce: [u8; 24],
    ) -> Result<Self, NoMemory> {
        let mut sealed = Self { name, address: seed.keys().address(), cost, salt, nonce, ciphertext: Vec::new() };
        let key = cost.key(password.as_ref(), &salt)?;
        let email = email.as_ref().map(Email::as_str).unwrap_or_default();
        // Encrypted where it is, and never moved before.
        let mut text = Vec::with_capacity(Seed::SIZE + email.len() + TAG);
        text.extend_from_slice(seed.as_bytes());
        text.extend_from_slice(email.as_bytes());
        XChaCha20Poly1305::new((&*key).into())
            .encrypt_in_place((&nonce).into(), &sealed.associated_data(), &mut text)
            .expect("the cipher takes far longer texts");
        sealed.ciphertext = text;
        Ok(sealed)
    }

    /// Unlocks the account. Takes a while, by design.
    ///
    /// # Errors
    /// When the password is wrong, or there is no memory to try it.
    pub fn open(&self, password: &Password) -> Result<Contents, OpenError> {
        let key = self.cost.key(password, &self.salt)?;
        let mut text = Zeroizing::new(self.ciphertext.clone());
        XChaCha20Poly1305::new((&*key).into())
            .decrypt_in_place((&self.nonce).into(), &self.associated_data(), &mut *text)
            .map_err(|_| OpenError::Password)?;
        let (seed, email) = text.split_first_chunk().ok_or(OpenError::Contents)?;
        let seed = Seed::from_bytes(seed);
        let email = std::str::from_utf8(email).map_err(|_| OpenError::Contents)?;
        let email = Some(email).filter(|email| !email.is_empty()).map(str::parse);
        let email = email.transpose().map_err(|_| OpenError::Contents)?;
        if seed.keys().address() == self.address { Ok(Contents { seed, email }) } else { Err(OpenError::Contents) }
    }

    /// The account's name.
    pub fn name(&self) -> &AccountName {
        &self.name
    }

    /// The account's address.
    pub fn address(&self) -> Address {
        self.address
    }

    /// What cannot be changed without the password being refused: whose account it is, and all that the key
    /// depends on.
    pub(super) fn associated_data(&self) -> Vec<u8> {
        let bound = (self.name.as_str(), self.address, self.cost.figures(), self.salt);
        [DOMAIN, &borsh::to_vec(&bound).expect("writing to memory cannot fail")].concat()
    }

    /// The bytes of the file.
    pub fn to_json(&self) -> Vec<u8> {
        let [memory_kib, passes, lanes] = self.cost.figures();
        let file = File {
            version: VERSION,
            name: self.name.to_string(),
            address: self.address,
            kdf: Kdf { algorithm: KDF.into(), memory_kib, passes, lanes, salt: Hex(self.salt.to_vec()) },
            cipher: Cipher {
                algorithm: CIPHER.into(),
                nonce: Hex(self.nonce.to_vec()),
                ciphertext: Hex(self.ciphertext.clone()),
            },
        };
        let mut json = serde_json::to_vec_pretty(&file).expect("text and numbers are JSON");
        json.push(b'\n');
        json
    }

    /// Reads a file. Nothing in it is believed before the password has opened it, and nothing in it can
    /// make that take more than [`Cost`] allows.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(json: &[u8]) -> Result<Self, KeystoreError> {
        let malformed = |error: &dyn std::fmt::Display| KeystoreError::Malformed(error.to_string());
        let Versioned { version } = serde_json::from_slice(json).map_err(|error| malformed(&error))?;
        if version != VERSION {
            return Err(KeystoreError::Version(version));
        }
        let file: File = serde_json::from_slice(json).map_err(|error| malformed(&error))?;
        if file.kdf.algorithm != KDF || file.cipher.algorithm != CIPHER {
            return Err(malformed(&format!("its algorithms are not {KDF} and {CIPHER}")));
        }
        let cost = Cost::new(file.kdf.memory_kib, file.kdf.passes, file.kdf.lanes);
        let length = Seed::SIZE + TAG..=Seed::SIZE + Email::MAX + TAG;
        if !length.contains(&file.cipher.ciphertext.0.len()) {
            return Err(malformed(&"its ciphertext has an impossible length"));
        }
        Ok(Self {
            name: file.name.parse().map_err(|error| malformed(&error))?,
            address: file.address,
            cost: cost.map_err(|error| malformed(&error))?,
            salt: file.kdf.salt.0.try_into().map_err(|_| malformed(&"its salt has not 16 bytes"))?,
            nonce: file.cipher.nonce.0.try_into().map_err(|_| malformed(&"its nonce has not 24 bytes"))?,
            ciphertext: file.cipher.ciphertext.0,
        })
    }
}

#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u64,
    name: String,
    address: Address,
    kdf: Kdf,
    cipher: Cipher,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
    algorithm: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: Hex,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cipher {
    algorithm: String,
    nonce: Hex,
    ciphertext: Hex,
}

/// Bytes as two lower-case hexadecimal digits each: one text for each value.
struct Hex(Vec<u8>);

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes());
        bytes.map(Self).map_err(|_| serde::de::Error::custom("bytes are lower-case hexadecimal digits, two for each"))
    }
}
