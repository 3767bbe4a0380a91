//! Rows as bytes: what is written reads back, each value has one encoding, no bytes make reading panic, and
//! whole blocks come back from a file to the byte. Types that travel too are held to this in `shared`.

use std::{fmt::Debug, sync::Arc};

use borsh::{BorshDeserialize, BorshSerialize};
use proptest::{collection::vec, prelude::*};
use shared::{
    Address, Amount, Bits, Block, BlockHash, CheckedBlock, Coinbase, CoinbaseHash, Header, Height, LogRoot, Millis,
    Payload, Seconds, Topic, Transaction, TxId, Work, rules::header::Position,
};

use super::disk::{Disk, Prepared};
use crate::machine::{
    journal::ChainEvent,
    seal::Sealed,
    store::{Batch, Entry, Location, ReadChain, Standing, Store, Touch},
};

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
    exact::<T>(&bytes)
}

/// Whatever the bytes, they are refused or are exactly what their value encodes to.
fn exact<T: BorshSerialize + BorshDeserialize>(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(value) = T::try_from_slice(bytes) {
        prop_assert_eq!(borsh::to_vec(&value).unwrap(), bytes);
    }
    Ok(())
}

fn damage() -> impl Strategy<Value = (usize, usize, u8)> {
    (any::<usize>(), any::<usize>(), 1..=255u8)
}

fn hash() -> impl Strategy<Value = BlockHash> {
    any::<[u8; 32]>().prop_map(BlockHash)
}

fn height() -> impl Strategy<Value = Height> {
    any::<u32>().prop_map(Height)
}

fn amount() -> impl Strategy<Value = Amount> {
    (0..=Amount::MAX.units()).prop_map(|units| Amount::new(units).unwrap())
}

fn header() -> impl Strategy<Value = Header> {
    (any::<i32>(), hash(), any::<[u8; 32]>(), any::<[u32; 3]>()).prop_map(
        |(version, previous, coinbase_hash, [time, bits, nonce])| Header {
            version,
            previous,
            coinbase_hash: CoinbaseHash(coinbase_hash),
            time: Seconds(time),
            bits: Bits(bits),
            nonce,
        },
    )
}

fn entry() -> impl Strategy<Value = Entry> {
    let standing = prop_oneof![Just(Standing::Untried), Just(Standing::Valid), Just(Standing::Invalid)];
    let position = (height(), any::<u64>(), any::<u32>(), any::<u64>());
    (header(), position, standing).prop_map(|(header, (height, work, latest, active), standing)| Entry {
        header,
        position: Position { height, work: Work::from(work), latest: Seconds(latest), active },
        standing,
    })
}

fn location() -> impl Strategy<Value = Location> {
    (height(), any::<u32>()).prop_map(|(height, position)| Location { height, position })
}

fn touch() -> impl Strategy<Value = Touch> {
    prop_oneof![Just(Touch::Sent), Just(Touch::Received), Just(Touch::Moved), Just(Touch::Filed), Just(Touch::Mined)]
}

fn sealed() -> impl Strategy<Value = Sealed> {
    (any::<[u8; 32]>(), height(), hash()).prop_map(|(key, height, hash)| Sealed { key, height, hash })
}

fn chain_event() -> impl Strategy<Value = ChainEvent> {
    let id = || any::<[u8; 32]>().prop_map(TxId);
    prop_oneof![
        (height(), hash(), any::<u32>()).prop_map(|(height, hash, transactions)| ChainEvent::Connected {
            height,
            hash,
            transactions
        }),
        (height(), hash(), hash()).prop_map(|(height, hash, better)| ChainEvent::Disconnected { height, hash, better }),
        (id(), any::<bool>()).prop_map(|(id, returned)| ChainEvent::Pooled { id, returned }),
        (id(), "\\PC{0,20}").prop_map(|(id, reason)| ChainEvent::Dropped { id, reason }),
        (height(), hash(), hash()).prop_map(|(height, hash, better)| ChainEvent::Contradicted { height, hash, better }),
        ([hash(), hash()], any::<[u64; 2]>(), height(), any::<[u32; 3]>()).prop_map(
            |([from, to], [from_work, to_work], fork, [left, joined, returned])| ChainEvent::Reorganised {
                from,
                from_work: Work::from(from_work),
                to,
                to_work: Work::from(to_work),
                fork,
                left,
                joined,
                returned,
            }
        ),
        (height(), hash(), hash()).prop_map(|(height, hash, previous)| ChainEvent::Side { height, hash, previous }),
        Just(ChainEvent::Restarted),
    ]
}

fn transaction() -> impl Strategy<Value = Transaction> {
    let payload = prop_oneof![
        (any::<[u8; 32]>(), amount()).prop_map(|(to, amount)| Payload::Transfer { to: Address(to), amount }),
        ("\\PC{1,16}", vec(any::<u8>(), 0..40))
            .prop_map(|(topic, body)| Payload::Data { topic: Topic::new(topic).unwrap(), body }),
    ];
    (any::<[u8; 32]>(), any::<u64>(), amount(), any::<u64>(), payload, any::<[[u8; 32]; 2]>()).prop_map(
        |(sender, nonce, fee, time, payload, signature)| Transaction {
            version: shared::transaction::VERSION,
            sender: Address(sender),
            nonce,
            fee,
            time: Millis(time),
            payload,
            signature: signature.concat().try_into().unwrap(),
        },
    )
}

fn block() -> impl Strategy<Value = Block> {
    let coinbase = (height(), any::<[u8; 32]>(), amount(), any::<u64>(), any::<[u8; 32]>(), vec(any::<u8>(), 0..100));
    let coinbase = coinbase.prop_map(|(height, miner, reward, log_size, log_root, extra)| Coinbase {
        height,
        miner: Address(miner),
        reward,
        log_size,
        log_root: LogRoot(log_root),
        extra,
    });
    (header(), coinbase, vec(transaction(), 0..5)).prop_map(|(header, coinbase, transactions)| Block {
        header: Header { coinbase_hash: coinbase.hash(), ..header },
        coinbase,
        transactions,
    })
}

proptest! {
    #[test]
    fn rows_are_canonical(
        entry in entry(), location in location(), touch in touch(), sealed in sealed(), event in chain_event(),
        damage in damage(),
    ) {
        canonical(&entry, damage)?;
        canonical(&location, damage)?;
        canonical(&touch, damage)?;
        canonical(&sealed, damage)?;
        canonical(&event, damage)?;
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in vec(any::<u8>(), 0..200)) {
        exact::<Entry>(&bytes)?;
        exact::<Location>(&bytes)?;
        exact::<Touch>(&bytes)?;
        exact::<Sealed>(&bytes)?;
        exact::<ChainEvent>(&bytes)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn blocks_and_own_transactions_come_back_from_a_file_to_the_byte(
        blocks in vec(block(), 1..5), own in vec(transaction(), 0..5), events in vec(chain_event(), 0..5),
    ) {
        let disk = Disk::default();
        let mut store = disk.open(Prepared::InTurn).unwrap();
        let mut batch = Batch { journal: events.clone(), ..Batch::default() };
        for block in &blocks {
            let block = Arc::new(CheckedBlock::trusted(block.clone()));
            batch.blocks.insert(block.hash(), (super::samples::entry(&block, Standing::Untried), block));
        }
        batch.own = own.iter().map(|own| (own.id(), Some(own.clone()))).collect();
        store.commit(batch).unwrap();
        drop(store);
        let store = disk.open(Prepared::InTurn).unwrap();
        for block in &blocks {
            let back = store.block(&block.header.hash()).unwrap().unwrap();
            prop_assert_eq!(back.to_block().to_bytes(), block.to_bytes());
        }
        let back = store.own_transactions().unwrap();
        prop_assert!(back.len() == own.len() && own.iter().all(|own| back.contains(own)));
        let journal: Vec<ChainEvent> = store.journal(1, 10).unwrap().into_iter().map(|(_, event)| event).collect();
        prop_assert_eq!(journal, events);
    }
}

/// Journals of earlier versions are read: their entries have these bytes for good.
#[test]
fn journal_entries_of_earlier_versions_decode() {
    let height = [7, 0, 0, 0];
    let entry = |tag: u8, rest: &[&[u8]]| [&[tag][..], &rest.concat()].concat();
    let (hash, better) = (BlockHash([1; 32]), BlockHash([2; 32]));
    let (id, block) = (TxId([3; 32]), Height(7));
    let old = [
        (entry(0, &[&height, &[1; 32], &[5, 0, 0, 0]]), ChainEvent::Connected { height: block, hash, transactions: 5 }),
        (entry(1, &[&height, &[1; 32], &[2; 32]]), ChainEvent::Disconnected { height: block, hash, better }),
        (entry(2, &[&[3; 32], &[1]]), ChainEvent::Pooled { id, returned: true }),
        (entry(3, &[&[3; 32], &[2, 0, 0, 0], b"no"]), ChainEvent::Dropped { id, reason: "no".into() }),
        (entry(4, &[&height, &[1; 32], &[2; 32]]), ChainEvent::Contradicted { height: block, hash, better }),
        (entry(6, &[&height, &[1; 32], &[2; 32]]), ChainEvent::Side { height: block, hash, previous: better }),
        (entry(7, &[]), ChainEvent::Restarted),
    ];
    for (bytes, event) in old {
        assert_eq!(borsh::from_slice::<ChainEvent>(&bytes).unwrap(), event);
        assert_eq!(borsh::to_vec(&event).unwrap(), bytes);
    }
}
