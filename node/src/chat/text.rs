//! What an epoch's key encrypts: messages, the room's name, and the key before it. XChaCha20-Poly1305
//! (draft-irtf-cfrg-xchacha-03) with random nonces. Lengths are padded, so that they tell little.

use borsh::{BorshDeserialize, BorshSerialize};
use chacha20poly1305::{AeadInOut as _, KeyInit as _, XChaCha20Poly1305};
use rand::CryptoRng;
use shared::{Address, BlockHash, Millis, Transaction};
use zeroize::{Zeroize as _, Zeroizing};

use super::{
    envelope::{EpochId, GroupId, MAX_NAME, Message, MessageId, SUITE, SealedLink, SealedName},
    key::{EpochKey, Purpose, Setting},
};

/// Lengths that a message's plaintext is padded to, in bytes.
pub const BUCKETS: [usize; 8] = [128, 256, 512, 1024, 2048, 4096, 8192, LARGEST];
/// The longest of [`BUCKETS`].
pub const LARGEST: usize = 16_384;
/// Longest text, in bytes: it and what stands beside it fit [`LARGEST`].
pub const MAX_TEXT: usize = 16_000;
/// Length that a room's name is padded to.
pub const NAME_SIZE: usize = 128;

const TAG: usize = 16;
const MESSAGE_DOMAIN: &[u8] = b"networkmngr chat message 1\n";
const NAME_DOMAIN: &[u8] = b"networkmngr chat name 1\n";
const LINK_DOMAIN: &[u8] = b"networkmngr chat link 1\n";

/// What a member wrote.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Text {
    /// Random, so that nothing said twice is the same message.
    pub tag: [u8; 16],
    /// When its author says that it was written: at most [`Transaction::MAX_TIME`].
    pub time: Millis,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// 1 to [`MAX_TEXT`] bytes.
    pub text: String,
}

impl Text {
    /// A new one.
    pub fn written(text: String, reply_to: Option<MessageId>, time: Millis, rng: &mut impl CryptoRng) -> Self {
        Self { tag: random(rng), time, reply_to, text }
    }

    /// The message's id, if this author wrote it in this group.
    pub fn id(&self, group: &GroupId, author: &Address) -> MessageId {
        MessageId::of(group, author, &borsh::to_vec(self).expect("writing to memory cannot fail"))
    }
}

/// Who encrypted a message, where: what it cannot be taken out of.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Which network.
    pub genesis: &'a BlockHash,
    /// Which group.
    pub group: &'a GroupId,
    /// With the key of which epoch.
    pub epoch: &'a EpochId,
    /// Whose signature is around it.
    pub author: &'a Address,
}

impl Place<'_> {
    fn associated_data(&self) -> Vec<u8> {
        [MESSAGE_DOMAIN, &self.genesis.0, &self.group.0, &self.epoch.0, &self.author.0].concat()
    }
}

/// Whether a message's ciphertext may have this length.
pub fn is_bucket(length: usize) -> bool {
    length.checked_sub(TAG).is_some_and(|plain| BUCKETS.contains(&plain))
}

/// Encrypts a text, which has at most [`MAX_TEXT`] bytes. `key` is the epoch's [`Purpose::Message`] key.
pub fn encrypt(key: &[u8; 32], place: &Place<'_>, text: &Text, rng: &mut impl CryptoRng) -> Message {
    let mut buffer = borsh::to_vec(text).expect("writing to memory cannot fail");
    let size = BUCKETS.into_iter().find(|bucket| *bucket >= buffer.len()).unwrap_or(LARGEST);
    buffer.resize(size, 0);
    let nonce = random(rng);
    lock(key, &nonce, &place.associated_data(), &mut buffer);
    Message { suite: SUITE, epoch: *place.epoch, nonce, ciphertext: buffer }
}

/// Decrypts a message. `None` when it was encrypted with another key, by somebody else, or somewhere else, when a
/// bit of it was changed, or when what is inside is no text.
pub fn decrypt(key: &[u8; 32], place: &Place<'_>, message: &Message) -> Option<Text> {
    let mut buffer = Zeroizing::new(message.ciphertext.clone());
    unlock(key, &message.nonce, &place.associated_data(), &mut buffer)?;
    let mut rest = buffer.as_slice();
    let text = Text::deserialize(&mut rest).ok()?;
    let fits = (1..=MAX_TEXT).contains(&text.text.len()) && text.time <= Transaction::MAX_TIME;
    let bucket = BUCKETS.into_iter().find(|bucket| *bucket >= buffer.len() - rest.len());
    (fits && bucket == Some(buffer.len()) && rest.iter().all(|byte| *byte == 0)).then_some(text)
}

/// Encrypts a room's name of at most [`MAX_NAME`] bytes.
pub fn seal_name(key: &EpochKey, setting: &Setting, name: &str, rng: &mut impl CryptoRng) -> SealedName {
    let mut buffer = borsh::to_vec(name).expect("writing to memory cannot fail");
    buffer.resize(NAME_SIZE, 0);
    let nonce = random(rng);
    lock(&key.derive(Purpose::Name, setting), &nonce, &[NAME_DOMAIN, &setting.to_bytes()].concat(), &mut buffer);
    SealedName { nonce, ciphertext: buffer.try_into().expect("the padded name and a tag") }
}

/// Decrypts a room's name; `None` when it is not one.
pub fn open_name(key: &EpochKey, setting: &Setting, sealed: &SealedName) -> Option<String> {
    let mut buffer = Zeroizing::new(sealed.ciphertext.to_vec());
    let data = [NAME_DOMAIN, &setting.to_bytes()].concat();
    unlock(&key.derive(Purpose::Name, setting), &sealed.nonce, &data, &mut buffer)?;
    let mut rest = buffer.as_slice();
    let name = String::deserialize(&mut rest).ok()?;
    ((1..=MAX_NAME).contains(&name.len()) && rest.iter().all(|byte| *byte == 0)).then_some(name)
}

/// Encrypts the key before this one.
pub fn seal_link(key: &EpochKey, setting: &Setting, before: &EpochKey, rng: &mut impl CryptoRng) -> SealedLink {
    let mut buffer = Vec::with_capacity(32 + TAG);
    buffer.extend_from_slice(before.as_bytes());
    let nonce = random(rng);
    lock(&key.derive(Purpose::Link, setting), &nonce, &[LINK_DOMAIN, &setting.to_bytes()].concat(), &mut buffer);
    SealedLink { nonce, ciphertext: buffer.try_into().expect("a key and a tag") }
}

/// Decrypts the key before this one.
pub fn open_link(key: &EpochKey, setting: &Setting, sealed: &SealedLink) -> Option<EpochKey> {
    let mut buffer = Zeroizing::new(sealed.ciphertext.to_vec());
    let data = [LINK_DOMAIN, &setting.to_bytes()].concat();
    unlock(&key.derive(Purpose::Link, setting), &sealed.nonce, &data, &mut buffer)?;
    let opened = buffer.as_slice().try_into().ok().map(EpochKey::from_bytes);
    buffer.zeroize();
    opened
}

pub(super) fn random<const N: usize>(rng: &mut impl CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

pub(super) fn lock(key: &[u8; 32], nonce: &[u8; 24], data: &[u8], buffer: &mut Vec<u8>) {
    XChaCha20Poly1305::new(key.into())
        .encrypt_in_place(nonce.into(), data, buffer)
        .expect("the cipher takes far longer texts");
}

pub(super) fn unlock(key: &[u8; 32], nonce: &[u8; 24], data: &[u8], buffer: &mut Vec<u8>) -> Option<()> {
    XChaCha20Poly1305::new(key.into()).decrypt_in_place(nonce.into(), data, buffer).ok()
}
