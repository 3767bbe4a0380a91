//! The seed of an account, its 24 words, and the keys that follow from it. Everything here is secret:
//! nothing of it is printed, and all of it is overwritten when it is let go.

use std::{fmt, io};

use bip39::{Language, Mnemonic};
use ed25519_zebra::SigningKey;
use hkdf::Hkdf;
use rand::{TryRng as _, rngs::SysRng};
use sha2::Sha256;
use shared::Address;
use zeroize::{Zeroize as _, Zeroizing};

/// HKDF's `info` for the seed of the Ed25519 key that signs transactions (RFC 8032 section 5.1.5).
pub const SIGNING_LABEL: &[u8] = b"networkmngr account signing 1";
/// HKDF's `info` for the X25519 key that messages to the account are encrypted for (RFC 7748 section 5).
pub const EXCHANGE_LABEL: &[u8] = b"networkmngr account exchange 1";
/// Words that stand for a seed.
pub const WORDS: usize = 24;

/// Where all of an account comes from: 32 random bytes.
pub struct Seed(Zeroizing<[u8; Seed::SIZE]>);

/// A seed as its owner writes it down: 24 words of BIP39's English list, with a space between.
pub struct Words(Zeroizing<String>);

/// The keys that follow from a seed. They stay at one place in memory until they are overwritten.
pub struct Keys {
    signing: Box<Zeroizing<SigningKey>>,
    exchange: Box<Zeroizing<[u8; 32]>>,
}

/// Why words are no seed. The words themselves are never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// Another number of them.
    #[error("an account has {WORDS} words, not {0}")]
    Count(usize),
    /// One that is not in the list; counted from 1.
    #[error("word {0} is not in the list of BIP39's English words; check its spelling")]
    Unknown(usize),
    /// The checksum in the last word does not match.
    #[error("the words do not belong together: one of them is wrong, or they stand in another order")]
    Checksum,
}

impl Seed {
    /// Bytes of a seed.
    pub const SIZE: usize = 32;

    /// A new one, from the system's randomness.
    ///
    /// # Errors
    /// When the system has none to give.
    pub fn generate() -> io::Result<Self> {
        let mut seed = Self(Zeroizing::default());
        SysRng.try_fill_bytes(&mut *seed.0).map_err(io::Error::other)?;
        Ok(seed)
    }

    /// The seed of these bytes.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// The seed that these words stand for (BIP39, without a passphrase: the words are the seed's bytes and
    /// a checksum). Capitals and the space between words do not matter.
    ///
    /// # Errors
    /// What is wrong with the words.
    pub fn from_words(text: &str) -> Result<Self, WordsError> {
        let lower = Zeroizing::new(text.to_lowercase());
        let count = lower.split_whitespace().count();
        if count != WORDS {
            return Err(WordsError::Count(count));
        }
        let mnemonic = Mnemonic::parse_in_normalized(Language::English, &lower).map_err(|error| match error {
            bip39::Error::UnknownWord(position) => WordsError::Unknown(position + 1),
            _ => WordsError::Checksum,
        })?;
        let (mut entropy, _) = mnemonic.to_entropy_array();
        let mut seed = Self(Zeroizing::default());
        seed.0.copy_from_slice(&entropy[..Self::SIZE]);
        entropy.zeroize();
        Ok(seed)
    }

    /// The bytes themselves.
    pub fn as_bytes(&self) -> &[u8; Self::SIZE] {
        &self.0
    }

    /// The words that stand for it.
    pub fn words(&self) -> Words {
        let mnemonic = Mnemonic::from_entropy_in(Language::English, &*self.0).expect("32 bytes make 24 words");
        // Long enough for any 24 words, so that the text is never moved and left behind.
        let mut text = Zeroizing::new(String::with_capacity(WORDS * 9));
        for word in mnemonic.words() {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
        Words(text)
    }

    /// The account's keys: HKDF-SHA256 (RFC 5869) of the seed without salt, 32 bytes for each label.
    pub fn keys(&self) -> Keys {
        let mut secret = Zeroizing::new([0; 32]);
        self.derive(SIGNING_LABEL, &mut secret);
        let signing = Box::new(Zeroizing::new(SigningKey::from(*secret)));
        let mut exchange = Box::new(Zeroizing::new([0; 32]));
        self.derive(EXCHANGE_LABEL, &mut exchange);
        Keys { signing, exchange }
    }

    fn derive(&self, label: &[u8], key: &mut [u8; 32]) {
        Hkdf::<Sha256>::new(None, &*self.0).expand(label, key).expect("32 bytes are one block of SHA-256");
    }
}

impl Words {
    /// The words with a space between.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }
}

impl Keys {
    /// The account's address: the public half of the signing key.
    pub fn address(&self) -> Address {
        Address::of(self.signing())
    }

    /// What transactions are signed with.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The secret half of the X25519 key that messages to the account are encrypted for.
    pub fn exchange(&self) -> &[u8; 32] {
        &self.exchange
    }
}

/// Declares that a type is shown by its name alone.
macro_rules! shown_by_name {
    ($($name:ident),*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(secret)"))
            }
        })*
    };
}
shown_by_name!(Seed, Words, Keys);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_that_bip39_publishes() {
        let published = [
            (0x00, "abandon ".repeat(23) + "art"),
            (
                0x7f,
                "legal winner thank year wave sausage worth useful ".repeat(2)
                    + "legal winner thank year wave sausage worth title",
            ),
            (
                0x80,
                "letter advice cage absurd amount doctor acoustic avoid ".repeat(2)
                    + "letter advice cage absurd amount doctor acoustic bless",
            ),
            (0xff, "zoo ".repeat(23) + "vote"),
        ];
        for (byte, words) in published {
            let seed = Seed::from_bytes(&[byte; 32]);
            assert_eq!(seed.words().as_str(), words);
            assert_eq!(seed.words().iter().count(), WORDS);
            assert_eq!(Seed::from_words(&words).unwrap().as_bytes(), seed.as_bytes());
        }
    }

    #[test]
    fn words_are_read_as_people_write_them() {
        let seed = Seed::generate().unwrap();
        let text = seed.words().as_str().to_uppercase().replace(' ', " \n\t");
        assert_eq!(Seed::from_words(&format!("  {text}\n")).unwrap().as_bytes(), seed.as_bytes());
    }

    #[test]
    fn wrong_words_are_named_by_their_place_only() {
        let good = "abandon ".repeat(23) + "art";
        let refused = |text: &str| Seed::from_words(text).unwrap_err();
        assert_eq!(refused(""), WordsError::Count(0));
        assert_eq!(refused(&good[8..]), WordsError::Count(23));
        assert_eq!(refused(&"abandon ".repeat(12)), WordsError::Count(12));
        assert_eq!(refused(&good.replacen("abandon", "abandom", 1)), WordsError::Unknown(1));
        assert_eq!(refused(&good.replace("art", "zoo")), WordsError::Checksum);
        assert_eq!(refused(&good.replacen("abandon", "secret", 1)), WordsError::Checksum);
    }

    #[test]
    fn the_keys_differ_from_each_other_and_between_seeds() {
        let (one, two) = (Seed::from_bytes(&[1; 32]).keys(), Seed::from_bytes(&[2; 32]).keys());
        assert_ne!(one.signing().as_ref(), one.exchange());
        assert_ne!(one.address(), two.address());
        assert_ne!(one.exchange(), two.exchange());
        assert_eq!(one.address(), Seed::from_bytes(&[1; 32]).keys().address());
    }

    #[test]
    fn nothing_secret_is_shown() {
        let seed = Seed::from_bytes(&[0xab; 32]);
        assert_eq!(
            format!("{:?} {:?} {:?}", seed, seed.words(), seed.keys()),
            "Seed(secret) Words(secret) Keys(secret)"
        );
    }
}
