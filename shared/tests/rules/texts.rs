//! JSON and texts: what is shown reads back, no two texts of a kind mean the same but for capitals, and
//! no text makes reading panic; likewise proofs about the log. Bytes are in [`crate::codecs`].

use std::{
    convert::Infallible,
    fmt::{Debug, Display},
    str::FromStr,
};

use ed25519_zebra::SigningKey;
use proptest::{collection::vec, prelude::*};
use serde::{Serialize, de::DeserializeOwned};
use shared::{
    Address, Bits, Block, BlockHash, ChainSpec, CoinbaseHash, Header, LogRoot, SpecHash, Transaction, TxId, Work,
    log::{
        LogNode,
        checkpoint::{Checkpoint, LogKey},
        leaf_hash, prove, verify_consistency, verify_inclusion,
    },
    peer::PeerId,
    receipt::{LogProof, Receipt, Wanted, verify},
    wire::NodeId,
};

use crate::strategies::{block, chain_spec, header, log_proof, receipt, transaction};

/// Reads back; any text is refused or is what its value is shown as, apart from capitals.
fn shown<T>(value: T, any: &str, change: (usize, char)) -> Result<(), TestCaseError>
where
    T: FromStr + Display + PartialEq + Debug,
{
    let text = value.to_string();
    prop_assert_eq!(text.parse().ok(), Some(value));
    for text in [any, &changed(&text, change)] {
        if let Ok(read) = text.parse::<T>() {
            prop_assert_eq!(read.to_string().to_lowercase(), text.to_lowercase());
        }
    }
    Ok(())
}

/// Reads back; and a text changed in one place is refused, or reads and writes without a change of meaning.
fn json<T>(value: &T, change: (usize, char)) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let text = serde_json::to_string(value).unwrap();
    prop_assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value);
    if let Ok(other) = serde_json::from_str::<T>(&changed(&text, change)) {
        let again = serde_json::to_string(&other).unwrap();
        prop_assert_eq!(serde_json::from_str::<T>(&again).unwrap(), other);
    }
    Ok(())
}

/// One place of a text is changed.
fn changed(text: &str, (at, with): (usize, char)) -> String {
    let at = at % text.chars().count();
    text.chars().enumerate().map(|(n, old)| if n == at { with } else { old }).collect()
}

/// A place, and what stands there instead; often something that could.
fn change() -> impl Strategy<Value = (usize, char)> {
    let with = prop_oneof![any::<char>(), prop::char::range('0', '9'), prop::char::range('a', 'z'), Just('"')];
    (any::<usize>(), with)
}

proptest! {
    #[test]
    fn hashes_and_addresses(bytes: [u8; 32], text in ".{0,70}", hex in "[0-9a-fA-F]{64}", change in change()) {
        for text in [&text, &hex] {
            shown(BlockHash(bytes), text, change)?;
            shown(CoinbaseHash(bytes), text, change)?;
            shown(TxId(bytes), text, change)?;
            shown(LogRoot(bytes), text, change)?;
            shown(SpecHash(bytes), text, change)?;
            shown(NodeId(bytes), text, change)?;
            shown(hex.parse::<Work>().unwrap(), text, change)?;
            shown(Address(bytes), text, change)?;
        }
    }

    /// Peer ids tell capitals apart.
    #[test]
    fn peer_ids(bytes: [u8; 32], change in change()) {
        let changed = changed(&PeerId(bytes).to_string(), change);
        if let Ok(read) = changed.parse::<PeerId>() {
            prop_assert_eq!(read.to_string(), changed);
        }
    }

    #[test]
    fn compact_targets(bits: u32, text in ".{0,10}", change in change()) {
        shown(Bits(bits), &text, change)?;
    }

    /// A bech32m checksum finds any four wrong characters or fewer.
    #[test]
    fn an_address_with_a_few_wrong_characters_is_no_address(
        bytes: [u8; 32], wrong in prop::collection::btree_map(3..61usize, 0..32usize, 1..=4),
    ) {
        const DIGITS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
        let right = Address(bytes).to_string();
        let mut text = right.clone().into_bytes();
        wrong.into_iter().for_each(|(at, digit)| text[at] = DIGITS[digit]);
        let text = String::from_utf8(text).unwrap();
        prop_assert!(text == right || text.parse::<Address>().is_err(), "{} and {}", right, text);
    }

    #[test]
    fn headers_in_json(header in header(), change in change()) {
        json::<Header>(&header, change)?;
    }

    #[test]
    fn transactions_in_json(transaction in transaction(), change in change()) {
        json::<Transaction>(&transaction, change)?;
    }

    #[test]
    fn blocks_in_json(block in block(), change in change()) {
        json::<Block>(&block, change)?;
    }

    #[test]
    fn chain_specs_in_json(spec in chain_spec(), change in change()) {
        json::<ChainSpec>(&spec, change)?;
    }

    /// Where an id stands, it belongs to the transaction: changed contents are found by it.
    #[test]
    fn no_changed_transaction_keeps_its_id(transaction in transaction(), change in change()) {
        let text = serde_json::to_string(&transaction).unwrap();
        if let Ok(other) = serde_json::from_str::<Transaction>(&changed(&text, change)) {
            prop_assert_eq!(other, transaction);
        }
    }

    #[test]
    fn receipts_in_json(receipt in receipt(), change in change()) {
        json::<Receipt>(&receipt, change)?;
        let text = serde_json::to_string(&receipt).unwrap();
        prop_assert_eq!(&Receipt::read(text.as_bytes()).unwrap(), &receipt);
        prop_assert_eq!(verify(&receipt, &Wanted::default()).shows, None);
    }

    /// Proofs of the log as text; what they say after their path is the checkpoint's business.
    #[test]
    fn log_proofs(proof in log_proof(), change in change()) {
        let text = proof.to_string();
        prop_assert_eq!(text.parse::<LogProof>(), Ok(proof));
        let changed = changed(&text, change);
        if let Ok(other) = changed.parse::<LogProof>() {
            prop_assert_eq!(other.to_string(), changed);
        }
    }

    #[test]
    fn log_keys(secret: [u8; 32], genesis: [u8; 32], change in change()) {
        let key = LogKey::of(&SigningKey::from(secret), &BlockHash(genesis));
        let text = key.to_string();
        prop_assert_eq!(text.parse::<LogKey>(), Ok(key));
        let changed = changed(&text, change);
        prop_assert!(changed == text || changed.parse::<LogKey>().is_err());
    }

    #[test]
    fn checkpoints(secret: [u8; 32], genesis: [u8; 32], size: u64, root: [u8; 32], change in change()) {
        let secret = SigningKey::from(secret);
        let key = LogKey::of(&secret, &BlockHash(genesis));
        let checkpoint = Checkpoint { origin: key.name().to_owned(), size, root: LogRoot(root) };
        let note = checkpoint.signed(&secret);
        prop_assert_eq!(&Checkpoint::open(&note, &key).unwrap(), &checkpoint);
        let changed = changed(&note, change);
        prop_assert!(changed == note || Checkpoint::open(&changed, &key).is_err());
    }

    /// Whatever a proof holds, it is found right or wrong: the right one is, and nothing else.
    #[test]
    fn proofs_of_inclusion_and_consistency(
        size in 1..80u64, index: u64, smaller: u64, path in vec(any::<[u8; 32]>(), 0..70), wrong: u64, far: u64,
    ) {
        let leaves: Vec<[u8; 32]> = (0..size).map(|n| leaf_hash(&n.to_le_bytes())).collect();
        let kept = |node: LogNode| Ok::<_, Infallible>(leaves[usize::try_from(node.index).unwrap()]);
        let root = |size| prove::root(size, &kept).unwrap().0;
        let (index, smaller) = (index % size, smaller % size + 1);
        let leaf = &leaves[index as usize];
        let right = prove::inclusion(index, size, &kept).unwrap().unwrap();
        prop_assert_eq!(verify_inclusion(leaf, index, size, &right, &root(size)), Ok(()));
        prop_assert!(wrong == index || verify_inclusion(leaf, wrong, size, &right, &root(size)).is_err());
        prop_assert!(verify_inclusion(leaf, wrong, far, &path, &root(size)).is_err());
        let right = prove::consistency(smaller, size, &kept).unwrap().unwrap();
        prop_assert_eq!(verify_consistency(smaller, size, &right, &root(smaller), &root(size)), Ok(()));
        prop_assert!(path == right || verify_consistency(smaller, size, &path, &root(smaller), &root(size)).is_err());
        prop_assert!(verify_consistency(wrong, far, &path, &root(smaller), &root(size)).is_err());
    }
}
