//! Bytes and JSON: what is written reads back, each value has one encoding, and nothing panics.

use borsh::BorshDeserialize;
use proptest::prelude::*;
use shared::{Block, Header, LogEdge, Transaction, TxId, wire::Message};

use crate::strategies::{block, header, message, transaction};

/// Reads back, and is refused when cut short or with a byte to spare.
fn exact<T: PartialEq + std::fmt::Debug>(
    value: T,
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Option<T>,
    cut: usize,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(decode(bytes), Some(value));
    prop_assert_eq!(decode(&bytes[..cut % bytes.len()]), None);
    prop_assert_eq!(decode(&[bytes, &[0]].concat()), None);
    Ok(())
}

proptest! {
    #[test]
    fn headers_read_back(header in header(), cut: usize) {
        exact(header, &header.to_bytes(), |bytes| Header::try_from_slice(bytes).ok(), cut)?;
        let json = serde_json::to_string(&header).unwrap();
        prop_assert_eq!(serde_json::from_str::<Header>(&json).unwrap(), header);
    }

    #[test]
    fn transactions_read_back(transaction in transaction(), cut: usize) {
        let bytes = transaction.to_bytes();
        let json = serde_json::to_string(&transaction).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Transaction>(&json).unwrap(), &transaction);
        exact(transaction, &bytes, |bytes| Transaction::from_bytes(bytes).ok(), cut)?;
    }

    #[test]
    fn blocks_read_back(block in block(), cut: usize) {
        let bytes = block.to_bytes();
        let json = serde_json::to_string(&block).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Block>(&json).unwrap(), &block);
        exact(block, &bytes, |bytes| Block::from_bytes(bytes).ok(), cut)?;
    }

    #[test]
    fn messages_read_back(message in message(), cut: usize) {
        let bytes = message.to_bytes();
        exact(message, &bytes, |bytes| Message::from_bytes(bytes).ok(), cut)?;
    }

    /// Damaged in one byte, a message is refused or is another message with exactly those bytes.
    #[test]
    fn no_two_encodings_mean_the_same(message in message(), at: usize, flip in 1..=255u8) {
        let mut bytes = message.to_bytes();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        if let Ok(other) = Message::from_bytes(&bytes) {
            prop_assert_ne!(&other, &message);
            prop_assert_eq!(other.to_bytes(), bytes);
        }
    }

    #[test]
    fn no_bytes_make_a_block_panic(bytes: Vec<u8>) {
        if let Ok(block) = Block::from_bytes(&bytes) {
            prop_assert_eq!(block.to_bytes(), bytes);
        }
    }

    /// A changed text is refused or means something else; it never panics.
    #[test]
    fn no_json_makes_reading_panic(block in block(), at: usize, with: char) {
        let json = serde_json::to_string(&block).unwrap();
        let at = at % json.chars().count();
        let changed: String = json.chars().enumerate().map(|(n, old)| if n == at { with } else { old }).collect();
        let _ = serde_json::from_str::<Block>(&changed).map(|block| block.to_bytes());
    }

    #[test]
    fn a_log_reads_back_and_goes_on_the_same(before in 0..40u8, after in 0..10u8) {
        let mut log = LogEdge::default();
        (0..before).for_each(|leaf| log.append(TxId([leaf; 32])));
        let mut back = LogEdge::try_from_slice(&borsh::to_vec(&log).unwrap()).unwrap();
        for leaf in 0..after {
            log.append(TxId([leaf; 32]));
            back.append(TxId([leaf; 32]));
        }
        prop_assert_eq!(back.root(), log.root());
        prop_assert_eq!(back.size(), u64::from(before) + u64::from(after));
    }
}
