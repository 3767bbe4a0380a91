//! Bytes: of every type that travels or is stored, what is written reads back, each value has one
//! encoding, and no bytes make reading panic. JSON and texts are in [`crate::texts`].

use std::fmt::Debug;

use borsh::{BorshDeserialize, BorshSerialize};
use proptest::{collection::vec, prelude::*};
use shared::{
    Amount, Bits, Block, Coinbase, Header, LogEdge, Millis, Seconds, Transaction, TxId, Work,
    rules::{
        header::Position,
        ledger::{Account, Undo},
    },
    wire::{Announcement, Hello, Message, PeerAddress},
};

use crate::strategies::{
    account, amount, announcement, block, chain_spec, coinbase, header, hello, log_edge, message, payload,
    peer_address, position, record, topic, transaction, undo, work,
};

/// Where an encoding is cut short, and which byte of it is changed to what.
fn damage() -> impl Strategy<Value = (usize, usize, u8)> {
    (any::<usize>(), any::<usize>(), 1..=255u8)
}

/// Reads back; is refused when cut short or with a byte to spare; and with one byte changed is refused,
/// or is another value with exactly those bytes.
fn canonical<T>(value: &T, (cut, at, flip): (usize, usize, u8)) -> Result<(), TestCaseError>
where
    T: BorshSerialize + BorshDeserialize + PartialEq + Debug,
{
    let mut bytes = borsh::to_vec(value).unwrap();
    prop_assert_eq!(&T::try_from_slice(&bytes).unwrap(), value);
    prop_assert!(T::try_from_slice(&bytes[..cut % bytes.len()]).is_err());
    prop_assert!(T::try_from_slice(&[&bytes[..], &[0]].concat()).is_err());
    let at = at % bytes.len();
    bytes[at] ^= flip;
    if let Ok(other) = T::try_from_slice(&bytes) {
        prop_assert_ne!(&other, value);
        prop_assert_eq!(borsh::to_vec(&other).unwrap(), bytes);
    }
    Ok(())
}

/// Whatever the bytes, they are refused or are exactly what their value encodes to.
fn exact<T: BorshSerialize + BorshDeserialize>(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(value) = T::try_from_slice(bytes) {
        prop_assert_eq!(borsh::to_vec(&value).unwrap(), bytes);
    }
    Ok(())
}

/// A test for each type: its name, and how to make one.
macro_rules! canonical {
    ($($name:ident: $strategy:expr,)*) => {
        proptest! {$(
            #[test]
            fn $name(value in $strategy, damage in damage()) {
                canonical(&value, damage)?;
            }
        )*}
    };
}

canonical! {
    headers: header(),
    coinbases: coinbase(),
    topics: topic(),
    payloads: payload(),
    transactions: transaction(),
    blocks: block(),
    hellos: hello(),
    announcements: announcement(),
    peer_addresses: peer_address(),
    messages: message(),
    chain_specs: chain_spec(),
    accounts: account(),
    positions: position(),
    logs: log_edge(),
    undo_records: undo(),
    records: record(),
    amounts: amount(),
    amounts_of_work: work(),
    times: (any::<u32>().prop_map(Seconds), any::<u64>().prop_map(Millis)),
    compact_targets: any::<u32>().prop_map(Bits),
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(bytes in vec(any::<u8>(), 0..400)) {
        exact::<Header>(&bytes)?;
        exact::<Coinbase>(&bytes)?;
        exact::<Transaction>(&bytes)?;
        exact::<Block>(&bytes)?;
        exact::<Hello>(&bytes)?;
        exact::<Announcement>(&bytes)?;
        exact::<PeerAddress>(&bytes)?;
        exact::<Message>(&bytes)?;
        exact::<Account>(&bytes)?;
        exact::<Position>(&bytes)?;
        exact::<LogEdge>(&bytes)?;
        exact::<Undo>(&bytes)?;
        exact::<Amount>(&bytes)?;
        exact::<Work>(&bytes)?;
    }

    /// Lists and texts whose counts say whatever they like: the bytes behind the count are the count's own
    /// or none, so that random bytes get past the fixed parts in front.
    #[test]
    fn no_counts_make_reading_panic(message in message(), at: usize, count: u32) {
        let mut bytes = message.to_bytes();
        let at = at % bytes.len();
        let end = bytes.len().min(at + 4);
        bytes[at..end].copy_from_slice(&count.to_le_bytes()[..end - at]);
        exact::<Message>(&bytes)?;
    }

    #[test]
    fn the_functions_that_read_and_write_are_borsh(block in block(), message in message()) {
        prop_assert_eq!(block.header.to_bytes().to_vec(), borsh::to_vec(&block.header).unwrap());
        prop_assert_eq!(block.coinbase.to_bytes(), borsh::to_vec(&block.coinbase).unwrap());
        let bytes = block.to_bytes();
        prop_assert_eq!(&bytes, &borsh::to_vec(&block).unwrap());
        prop_assert_eq!(Block::from_bytes(&bytes).unwrap(), block);
        let bytes = message.to_bytes();
        prop_assert_eq!(&bytes, &borsh::to_vec(&message).unwrap());
        prop_assert_eq!(Message::from_bytes(&bytes), Ok(message));
    }

    #[test]
    fn a_log_goes_on_the_same_after_reading_back(before in log_edge(), after in vec(any::<[u8; 32]>(), 0..10)) {
        let mut back = LogEdge::try_from_slice(&borsh::to_vec(&before).unwrap()).unwrap();
        let mut log = before;
        for leaf in after {
            log.append(TxId(leaf));
            back.append(TxId(leaf));
            prop_assert_eq!((back.size(), back.root()), (log.size(), log.root()));
        }
    }
}
