//! The key of an epoch, and what follows from it. Everything in this file is secret but the commitment.

use std::fmt;

use hkdf::Hkdf;
use rand::CryptoRng;
use sha2::Sha256;
use shared::BlockHash;
use zeroize::Zeroizing;

use super::envelope::{EpochId, GroupId, Origin};

/// 256 random bits that the members of an epoch share.
#[derive(Clone)]
pub struct EpochKey(Box<Zeroizing<[u8; 32]>>);

impl fmt::Debug for EpochKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EpochKey(secret)")
    }
}

/// Where a rotation stands, which is known before its key is drawn: bound into everything that it encrypts, so that
/// nothing can be moved to another network, group or place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Which network.
    pub genesis: BlockHash,
    /// Which group.
    pub group: GroupId,
    /// The epoch before, if there is one.
    pub parent: Option<EpochId>,
}

impl Setting {
    /// That of a rotation of this group.
    pub fn of(genesis: &BlockHash, group: &GroupId, origin: &Origin) -> Self {
        let parent = match origin {
            Origin::Founding { .. } => None,
            Origin::After(parent) => Some(*parent),
        };
        Self { genesis: *genesis, group: *group, parent }
    }

    /// Its bytes: genesis hash, group, optional parent.
    pub fn to_bytes(self) -> Vec<u8> {
        borsh::to_vec(&(self.genesis, self.group, self.parent)).expect("writing to memory cannot fail")
    }
}

/// What a key is derived for: HKDF's `info` begins with one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Shown to everybody in the rotation.
    Commit,
    /// Encrypts messages.
    Message,
    /// Encrypts the room's name.
    Name,
    /// Encrypts the key of the epoch before.
    Link,
}

impl Purpose {
    /// The label.
    pub fn label(self) -> &'static [u8] {
        match self {
            Self::Commit => b"networkmngr chat commit 1\n",
            Self::Message => b"networkmngr chat message key 1\n",
            Self::Name => b"networkmngr chat name key 1\n",
            Self::Link => b"networkmngr chat link key 1\n",
        }
    }
}

impl EpochKey {
    /// A fresh one.
    pub fn draw(rng: &mut impl CryptoRng) -> Self {
        let mut key = Self(Box::default());
        rng.fill_bytes(&mut **key.0);
        key
    }

    /// The key of these bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Box::new(Zeroizing::new(*bytes)))
    }

    /// The bytes themselves.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// HKDF-SHA256 (RFC 5869) without salt: 32 bytes for this purpose and setting.
    pub fn derive(&self, purpose: Purpose, setting: &Setting) -> Zeroizing<[u8; 32]> {
        let info = [purpose.label(), &setting.to_bytes()].concat();
        let mut derived = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, self.as_bytes())
            .expand(&info, &mut *derived)
            .expect("32 bytes are one block of SHA-256");
        derived
    }

    /// What shows that everybody was given this key. No two keys have the same commitment.
    pub fn commit(&self, setting: &Setting) -> [u8; 32] {
        *self.derive(Purpose::Commit, setting)
    }
}
