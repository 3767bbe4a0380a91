//! What chat puts into the body of a data payload, byte for byte, and the topics it is filed under. Whether a
//! rotation may take effect is [`super::group`]'s business; nothing here opens anything.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize, io};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use shared::{Address, BlockHash, Payload, Topic, Transaction, hash::sha256};

/// What a body that carries chat begins with.
pub const MAGIC: &[u8; 4] = b"nmg1";
/// X25519, HKDF-SHA256 and ChaCha20-Poly1305 for seals (RFC 9180), XChaCha20-Poly1305 for texts: the only suite
/// there is.
pub const SUITE: u8 = 1;
/// Most members of a group: their seals must fit one transaction.
pub const MAX_MEMBERS: usize = 200;
/// Longest display name and longest name of a room, in bytes.
pub const MAX_NAME: usize = 64;
/// What all topics of chat begin with.
pub const TOPICS: &str = "chat/";
/// Where profiles are filed.
pub const PROFILES: &str = "chat/profiles";
/// Where rotations and departures are filed.
pub const GROUPS: &str = "chat/rooms";

const GROUP_DOMAIN: &[u8] = b"networkmngr chat group 1\n";
const EPOCH_DOMAIN: &[u8] = b"networkmngr chat epoch 1\n";
const MESSAGE_ID_DOMAIN: &[u8] = b"networkmngr chat message id 1\n";

/// Declares identifiers: bytes shown as lower-case hexadecimal digits.
macro_rules! identifier {
    ($($(#[$doc:meta])* $name:ident($size:literal), $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
        pub struct $name(pub [u8; $size]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
                bytes.map(Self).ok_or($what)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as Deserialize>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

identifier! {
    /// A group. It follows from who founded it, so nobody can found it in their place.
    GroupId(16), "a room's id has 32 lower-case hexadecimal digits";
    /// A time between two changes of a group's key: the hash of the rotation that began it.
    EpochId(32), "an epoch's id has 64 lower-case hexadecimal digits";
    /// A message, the same one however often it has to be encrypted anew.
    MessageId(16), "a message's id has 32 lower-case hexadecimal digits";
}

impl GroupId {
    /// The group that `founder` founds on this network with this salt.
    pub fn of(genesis: &BlockHash, founder: &Address, salt: &[u8; 32]) -> Self {
        Self(first_half(sha256(&[GROUP_DOMAIN, &genesis.0, &founder.0, salt])))
    }

    /// The topic of its messages.
    pub fn topic(&self) -> Topic {
        topic(&format!("{TOPICS}{self}"))
    }
}

impl EpochId {
    /// The epoch that a rotation begins, if it takes effect. `body` is the payload's. The nonce and fee of
    /// the transaction do not matter, so that it can be signed again.
    pub fn of(genesis: &BlockHash, author: &Address, body: &[u8]) -> Self {
        Self(sha256(&[EPOCH_DOMAIN, &genesis.0, &author.0, body]))
    }
}

impl MessageId {
    /// The message of an author with this plaintext, not padded. There is no other with the same id, by anybody.
    pub fn of(group: &GroupId, author: &Address, plaintext: &[u8]) -> Self {
        Self(first_half(sha256(&[MESSAGE_ID_DOMAIN, &group.0, &author.0, plaintext])))
    }
}

fn first_half(hash: [u8; 32]) -> [u8; 16] {
    *hash.first_chunk().expect("there are 16 of 32 bytes")
}

/// A topic of this text, which is one by its length.
fn topic(text: &str) -> Topic {
    Topic::new(text).expect("short, and not empty")
}

/// What a body carries. Decoding has checked the limits that are told here, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Envelope {
    /// Makes an account known: filed under [`PROFILES`].
    Profile(Profile),
    /// Gives a group another key: filed under [`GROUPS`].
    Rotation(Box<Rotation>),
    /// A member's text: filed under the group's topic.
    Message(Message),
    /// A member goes: filed under [`GROUPS`].
    Leave(Leave),
}

/// How an account is reached. Its signature is the transaction's.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Profile {
    /// [`SUITE`].
    pub suite: u8,
    /// The X25519 public key that the account's seals are for (RFC 7748 section 5).
    pub receiving: [u8; 32],
    /// What it calls itself: 1 to [`MAX_NAME`] bytes. Nobody checks that it is the only one of that name.
    pub name: String,
}

/// The beginning of an epoch.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Rotation {
    /// [`SUITE`].
    pub suite: u8,
    /// Which group.
    pub group: GroupId,
    /// What it follows.
    pub origin: Origin,
    /// Who is in it from now on, ordered by address, each once: 1 to [`MAX_MEMBERS`], at least one of them an admin.
    pub members: Vec<Seat>,
    /// Follows from the key, see [`super::key::EpochKey::commit`]: everybody was given the same one.
    pub commit: [u8; 32],
    /// The room's name, encrypted.
    pub name: SealedName,
    /// The key before this one, encrypted with this one: who is new may read back.
    pub link: Option<SealedLink>,
}

/// What a rotation follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Origin {
    /// Nothing: it founds the group, whose id follows from this salt and the author.
    Founding {
        /// Random.
        salt: [u8; 32],
    },
    /// This epoch.
    After(EpochId),
}

/// A member's place in a rotation.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Seat {
    /// The member.
    pub address: Address,
    /// Its receiving key, which the seal is for.
    pub receiving: [u8; 32],
    /// Whether it may change the group.
    pub admin: bool,
    /// The epoch's key for this member.
    pub seal: Seal,
}

/// HPKE's encapsulated key and ciphertext (RFC 9180 section 6.1) of the 32 bytes of an epoch's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Seal {
    /// `enc`.
    pub encapsulated: [u8; 32],
    /// `ct`: the key and a tag.
    pub ciphertext: [u8; 48],
}

/// A room's name under an epoch's key: nonce, and the padded text with its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SealedName {
    /// Random.
    pub nonce: [u8; 24],
    /// [`super::text::NAME_SIZE`] bytes and a tag.
    pub ciphertext: [u8; 144],
}

/// An epoch's key under the next one's: nonce, and the key with a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SealedLink {
    /// Random.
    pub nonce: [u8; 24],
    /// The key and a tag.
    pub ciphertext: [u8; 48],
}

/// A text, encrypted.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Message {
    /// [`SUITE`].
    pub suite: u8,
    /// With the key of which epoch.
    pub epoch: EpochId,
    /// Random.
    pub nonce: [u8; 24],
    /// One of [`super::text::BUCKETS`] bytes, and a tag of 16.
    pub ciphertext: Vec<u8>,
}

/// Its sender goes, whatever epoch follows this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Leave {
    /// Which group.
    pub group: GroupId,
    /// The epoch in which it was a member.
    pub epoch: EpochId,
}

/// Why a body is no envelope.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// It begins otherwise.
    #[error("the data carries no chat")]
    NoChat,
    /// It begins as one and does not go on as one.
    #[error("the chat data is damaged: {0}")]
    Damaged(#[from] io::Error),
    /// From the future, or nonsense.
    #[error("the chat data is of suite {0}; this program knows suite {SUITE}")]
    Suite(u8),
    /// A limit is not kept.
    #[error("the chat data breaks a rule: {0}")]
    Rule(&'static str),
}

impl Envelope {
    /// The envelope in a payload that is filed where such envelopes are.
    ///
    /// # Errors
    /// Why there is none.
    pub fn of(payload: &Payload) -> Result<Self, EnvelopeError> {
        let Payload::Data { topic, body } = payload else { return Err(EnvelopeError::NoChat) };
        let envelope = Self::from_body(body)?;
        let is_in_place = match &envelope {
            Self::Profile(_) => topic.as_str() == PROFILES,
            Self::Rotation(_) | Self::Leave(_) => topic.as_str() == GROUPS,
            // Which group's it is shows when it is opened.
            Self::Message(_) => group_of_topic(topic).is_some(),
        };
        if is_in_place { Ok(envelope) } else { Err(EnvelopeError::Rule("it lies under a topic that is not its own")) }
    }

    /// The envelope that these bytes are.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn from_body(body: &[u8]) -> Result<Self, EnvelopeError> {
        let bytes = body.strip_prefix(MAGIC).ok_or(EnvelopeError::NoChat)?;
        let envelope = Self::try_from_slice(bytes)?;
        envelope.check()?;
        Ok(envelope)
    }

    /// The bytes.
    pub fn to_body(&self) -> Vec<u8> {
        let mut body = MAGIC.to_vec();
        self.serialize(&mut body).expect("writing to memory cannot fail");
        body
    }

    /// The payload of a transaction that carries it. A message needs its group.
    pub fn to_payload(&self, group: Option<&GroupId>) -> Payload {
        let topic = match (self, group) {
            (Self::Message(_), Some(group)) => group.topic(),
            (Self::Profile(_), _) => topic(PROFILES),
            _ => topic(GROUPS),
        };
        Payload::Data { topic, body: self.to_body() }
    }

    fn check(&self) -> Result<(), EnvelopeError> {
        let rule = |holds: bool, words| if holds { Ok(()) } else { Err(EnvelopeError::Rule(words)) };
        match self {
            Self::Profile(profile) => {
                check_suite(profile.suite)?;
                rule((1..=MAX_NAME).contains(&profile.name.len()), "a display name has 1 to 64 bytes")
            }
            Self::Rotation(rotation) => {
                check_suite(rotation.suite)?;
                let members = &rotation.members;
                rule((1..=MAX_MEMBERS).contains(&members.len()), "a group has 1 to 200 members")?;
                rule(members.is_sorted_by(|one, next| one.address < next.address), "members are ordered by address")?;
                rule(members.iter().any(|seat| seat.admin), "a group has an admin")
            }
            Self::Message(message) => {
                check_suite(message.suite)?;
                rule(super::text::is_bucket(message.ciphertext.len()), "a message has one of the fixed lengths")
            }
            Self::Leave(_) => Ok(()),
        }
    }
}

fn check_suite(suite: u8) -> Result<(), EnvelopeError> {
    if suite == SUITE { Ok(()) } else { Err(EnvelopeError::Suite(suite)) }
}

/// The group whose messages lie under this topic.
pub fn group_of_topic(topic: &Topic) -> Option<GroupId> {
    topic.as_str().strip_prefix(TOPICS)?.parse().ok()
}

impl Rotation {
    /// The members' addresses, in order.
    pub fn addresses(&self) -> impl Iterator<Item = Address> {
        self.members.iter().map(|seat| seat.address)
    }

    /// Whether somebody is among the members.
    pub fn has(&self, address: &Address) -> bool {
        self.members.binary_search_by(|seat| seat.address.cmp(address)).is_ok()
    }
}

// Their bodies fit a transaction whatever they hold.
const _: () =
    assert!(4 + 1 + 1 + 16 + 33 + 4 + MAX_MEMBERS * (32 + 32 + 1 + 80) + 32 + 168 + 73 <= Transaction::MAX_BODY);
const _: () = assert!(4 + 1 + 1 + 32 + 24 + 4 + super::text::LARGEST + 16 <= Transaction::MAX_BODY);
