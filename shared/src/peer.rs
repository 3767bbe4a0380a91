//! A peer's identity and its text. The text is libp2p's (base58btc of an identity multihash), so that
//! ids can be pasted between this network's tools and any other libp2p tool.

use std::{fmt, str::FromStr};

use borsh::{BorshDeserialize, BorshSerialize};

/// A peer's identity: its raw Ed25519 public key (32 bytes).
///
/// Shown as libp2p shows it, `12D3Koo…`. Ids are ordered by their bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct PeerId(pub [u8; 32]);

/// What a text that should be a [`PeerId`] did wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a peer id: expected 52 base58 characters starting with 12D3Koo")]
pub struct PeerIdError;

/// What stands before the key: the identity multihash (code 0, 36 bytes) of a protobuf
/// `PublicKey { type: Ed25519, data: 32 bytes }`.
const PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];
const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Base58 characters of every id: the prefix fixes the magnitude, hence the length.
const TEXT_LENGTH: usize = 52;

impl PeerId {
    /// The id in the bytes of a libp2p peer id; `None` where that is another kind of key's. Whether the key is a point of
    /// the curve is not looked at: where it is none, nobody can answer for it.
    pub fn from_multihash(bytes: &[u8]) -> Option<Self> {
        bytes.strip_prefix(&PREFIX)?.try_into().ok().map(Self)
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The prefix's leading zero byte is written as a single '1'; the rest is one number.
        let mut digits = [0u8; TEXT_LENGTH - 1];
        for byte in PREFIX[1..].iter().chain(&self.0) {
            let mut carry = u32::from(*byte);
            for digit in digits.iter_mut().rev() {
                carry += u32::from(*digit) << 8;
                *digit = (carry % 58) as u8;
                carry /= 58;
            }
        }
        f.write_str("1")?;
        for digit in digits {
            write!(f, "{}", char::from(ALPHABET[usize::from(digit)]))?;
        }
        Ok(())
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PeerId {
    type Err = PeerIdError;

    fn from_str(text: &str) -> Result<Self, PeerIdError> {
        let digits = text.as_bytes();
        if digits.len() != TEXT_LENGTH || digits[0] != ALPHABET[0] {
            return Err(PeerIdError);
        }
        let mut bytes = [0u8; PREFIX.len() + 32];
        for digit in digits {
            let value = ALPHABET.iter().position(|c| c == digit);
            let mut carry = value.ok_or(PeerIdError)? as u32;
            for byte in bytes.iter_mut().rev() {
                carry += u32::from(*byte) * 58;
                *byte = carry as u8;
                carry >>= 8;
            }
            if carry != 0 {
                return Err(PeerIdError);
            }
        }
        let (prefix, key) = bytes.split_at(PREFIX.len());
        if prefix != PREFIX {
            return Err(PeerIdError);
        }
        key.try_into().map(PeerId).map_err(|_| PeerIdError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_is_reversible(key: [u8; 32]) {
            let peer = PeerId(key);
            prop_assert_eq!(peer.to_string().parse(), Ok(peer));
        }

        #[test]
        fn any_text_is_refused_or_read(text in ".{0,60}") {
            if let Ok(peer) = text.parse::<PeerId>() {
                prop_assert_eq!(peer.to_string(), text);
            }
        }

        #[test]
        fn any_base58_is_refused_or_read(text in "1[1-9A-HJ-NP-Za-km-z]{51}") {
            if let Ok(peer) = text.parse::<PeerId>() {
                prop_assert_eq!(peer.to_string(), text);
            }
        }
    }

    #[test]
    fn the_extremes_have_the_usual_start() {
        for key in [[0; 32], [0xff; 32]] {
            let text = PeerId(key).to_string();
            assert!(text.starts_with("12D3Koo"), "{text}");
            assert_eq!(text.parse(), Ok(PeerId(key)));
        }
    }
}
