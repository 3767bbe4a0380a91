//! The 32-byte hashes of the protocol, each its own type so that none can stand in for another, and
//! the two hash functions behind them. Nothing here knows what is being hashed.

use std::{cmp::Ordering, fmt, str::FromStr};

use borsh::{BorshDeserialize, BorshSerialize};
use data_encoding::HEXLOWER_PERMISSIVE;
use sha2::{Digest, Sha256};

/// SHA-256 (FIPS 180-4) of the concatenation of `parts`.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// SHA-256 applied twice, as Bitcoin hashes headers.
pub fn sha256d(bytes: &[u8]) -> [u8; 32] {
    sha256(&[&sha256(&[bytes])])
}

/// Why a text is not a hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a hash: {0:?} is not 64 hexadecimal digits")]
pub struct ParseHashError(String);

pub(crate) fn parse_hex(text: &str) -> Result<[u8; 32], ParseHashError> {
    HEXLOWER_PERMISSIVE
        .decode(text.as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| ParseHashError(text.chars().take(80).collect()))
}

/// The order of the bytes from the first one on. Ids and hashes nearly always differ in the first eight, which is one
/// comparison of numbers; ordered sets and maps of them spend most of their time here.
pub(crate) fn in_order(one: &[u8; 32], other: &[u8; 32]) -> Ordering {
    let first = |bytes: &[u8; 32]| u64::from_be_bytes(std::array::from_fn(|place| bytes[place]));
    first(one).cmp(&first(other)).then_with(|| one.cmp(other))
}

fn reversed(mut bytes: [u8; 32]) -> [u8; 32] {
    bytes.reverse();
    bytes
}

/// Declares a 32-byte hash type; `as written` shows the bytes in order, `reversed` as Bitcoin shows
/// block hashes, so that a low hash reads as a number with leading zeros.
macro_rules! hash_type {
    ($(#[$doc:meta])* $name:ident, $order:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default, BorshSerialize, BorshDeserialize)]
        pub struct $name(pub [u8; 32]);

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                in_order(&self.0, &other.0)
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl $name {
            /// All bits zero.
            pub const ZERO: Self = Self([0; 32]);

            /// The first eight shown digits, enough for a person to tell two apart.
            pub fn short(&self) -> String {
                self.to_string().chars().take(8).collect()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&hash_type!(@order $order, self.0)))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseHashError;
            fn from_str(text: &str) -> Result<Self, ParseHashError> {
                let bytes = parse_hex(text)?;
                Ok(Self(hash_type!(@order $order, bytes)))
            }
        }
    };
    (@order as_written, $bytes:expr) => { $bytes };
    (@order reversed, $bytes:expr) => { reversed($bytes) };
}

hash_type!(
    /// SHA-256d of a header's 80 bytes. Shown byte-reversed, as Bitcoin does.
    BlockHash, reversed
);
hash_type!(
    /// SHA-256d of a coinbase's bytes; stands where Bitcoin's header has the Merkle root, and is
    /// shown byte-reversed as that is.
    CoinbaseHash, reversed
);
hash_type!(
    /// A transaction's identity: its RFC 6962 leaf hash, SHA-256(0x00 ‖ transaction bytes).
    TxId, as_written
);
hash_type!(
    /// The RFC 6962 Merkle tree hash over all transactions of a chain.
    LogRoot, as_written
);
hash_type!(
    /// SHA-256d of a chain spec's bytes.
    SpecHash, as_written
);

#[cfg(test)]
mod tests {
    use proptest::{prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn sha256d_matches_the_published_hello() {
        let hash = data_encoding::HEXLOWER.encode(&sha256d(b"hello"));
        assert_eq!(hash, "9595c9df90075148eb06860365df33584b75bff782a510c6cd4883a419833d50");
    }

    proptest! {
        /// Where they differ in any byte, or in none.
        #[test]
        fn the_order_is_that_of_the_bytes(one: [u8; 32], place in 0_usize..32, byte: u8) {
            let mut other = one;
            other[place] = byte;
            prop_assert_eq!(in_order(&one, &other), one.cmp(&other));
        }
    }

    #[test]
    fn block_hashes_read_reversed_and_transaction_ids_as_written() {
        let mut bytes = [0; 32];
        bytes[31] = 0xab;
        assert!(TxId(bytes).to_string().ends_with("ab"));
        assert!(BlockHash(bytes).to_string().starts_with("ab"));
        assert_eq!(BlockHash(bytes).to_string().parse(), Ok(BlockHash(bytes)));
    }

    #[test]
    fn a_text_that_is_no_hash_is_refused_with_its_own_words() {
        let error = "xyz".parse::<BlockHash>().unwrap_err();
        assert!(error.to_string().contains("xyz"));
        assert!("ab".repeat(33).parse::<TxId>().is_err());
    }
}
