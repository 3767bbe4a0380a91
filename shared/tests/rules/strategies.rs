//! Random values of every type that travels or is stored, for property tests.

use borsh::BorshDeserialize;
use proptest::{
    collection::{btree_set, vec},
    prelude::*,
};
use shared::{
    Address, Amount, Block, BlockHash, ChainSpec, Coinbase, CoinbaseHash, Header, Height, LogEdge, LogRoot, Millis,
    Payload, Seconds, Topic, Transaction, TxId, Work,
    receipt::{HeaderHex, LogProof, Receipt},
    record::{Content, Record},
    rules::{
        header::Position,
        ledger::{Account, Undo},
    },
    wire::{Announcement, Hello, Message, NodeId, PeerAddress, PeerId},
    work::Bits,
};

pub(crate) fn amount() -> impl Strategy<Value = Amount> {
    prop_oneof![0..=Amount::MAX.units(), Just(0), Just(Amount::MAX.units())]
        .prop_map(|units| Amount::new(units).unwrap())
}

fn address() -> impl Strategy<Value = Address> {
    any::<[u8; 32]>().prop_map(Address)
}

pub(crate) fn topic() -> impl Strategy<Value = Topic> {
    "\\PC{1,16}".prop_map(|text| Topic::new(text).unwrap())
}

pub(crate) fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        (address(), amount()).prop_map(|(to, amount)| Payload::Transfer { to, amount }),
        (topic(), vec(any::<u8>(), 0..40)).prop_map(|(topic, body)| Payload::Data { topic, body }),
    ]
}

pub(crate) fn transaction() -> impl Strategy<Value = Transaction> {
    let signature = vec(any::<u8>(), 64).prop_map(|bytes| <[u8; 64]>::try_from(bytes).unwrap());
    (any::<u8>(), address(), any::<u64>(), amount(), any::<u64>(), payload(), signature).prop_map(
        |(version, sender, nonce, fee, time, payload, signature)| Transaction {
            version,
            sender,
            nonce,
            fee,
            time: Millis(time),
            payload,
            signature,
        },
    )
}

pub(crate) fn header() -> impl Strategy<Value = Header> {
    (any::<i32>(), any::<[u8; 32]>(), any::<[u8; 32]>(), any::<[u32; 3]>()).prop_map(
        |(version, previous, coinbase_hash, [time, bits, nonce])| Header {
            version,
            previous: BlockHash(previous),
            coinbase_hash: CoinbaseHash(coinbase_hash),
            time: Seconds(time),
            bits: Bits(bits),
            nonce,
        },
    )
}

pub(crate) fn coinbase() -> impl Strategy<Value = Coinbase> {
    let extra = vec(any::<u8>(), 0..=Coinbase::MAX_EXTRA);
    (any::<u32>(), address(), amount(), any::<u64>(), any::<[u8; 32]>(), extra).prop_map(
        |(height, miner, reward, log_size, log_root, extra)| Coinbase {
            height: Height(height),
            miner,
            reward,
            log_size,
            log_root: LogRoot(log_root),
            extra,
        },
    )
}

pub(crate) fn block() -> impl Strategy<Value = Block> {
    (header(), coinbase(), vec(transaction(), 0..4)).prop_map(|(header, coinbase, transactions)| Block {
        header,
        coinbase,
        transactions,
    })
}

pub(crate) fn hello() -> impl Strategy<Value = Hello> {
    let texts = ("\\PC{0,20}", vec("\\PC{0,20}", 0..4));
    (any::<u16>(), any::<[[u8; 32]; 3]>(), any::<u32>(), any::<u64>(), texts).prop_map(
        |(version, [genesis, head, node], height, work, (http, listens))| Hello {
            version,
            genesis: BlockHash(genesis),
            head: BlockHash(head),
            height: Height(height),
            work: Work::from(work),
            node: NodeId(node),
            http,
            listens,
        },
    )
}

pub(crate) fn peer_address() -> impl Strategy<Value = PeerAddress> {
    (any::<[u8; 32]>(), "\\PC{0,20}").prop_map(|(peer, address)| PeerAddress { peer: PeerId(peer), address })
}

pub(crate) fn announcement() -> impl Strategy<Value = Announcement> {
    let ids = vec(any::<[u8; 32]>().prop_map(TxId), 0..5);
    (header(), coinbase(), ids).prop_map(|(header, coinbase, transactions)| Announcement {
        header,
        coinbase,
        transactions,
    })
}

pub(crate) fn work() -> impl Strategy<Value = Work> {
    any::<[u8; 32]>().prop_map(|bytes| Work::try_from_slice(&bytes).unwrap())
}

pub(crate) fn account() -> impl Strategy<Value = Account> {
    (amount(), any::<u64>()).prop_map(|(balance, nonce)| Account { balance, nonce })
}

pub(crate) fn position() -> impl Strategy<Value = Position> {
    (any::<u32>(), work(), any::<u32>(), any::<u64>()).prop_map(|(height, work, latest, active)| Position {
        height: Height(height),
        work,
        latest: Seconds(latest),
        active,
    })
}

pub(crate) fn log_edge() -> impl Strategy<Value = LogEdge> {
    vec(any::<[u8; 32]>(), 0..40).prop_map(|leaves| {
        let mut log = LogEdge::default();
        leaves.into_iter().for_each(|leaf| log.append(TxId(leaf)));
        log
    })
}

pub(crate) fn undo() -> impl Strategy<Value = Undo> {
    (vec((address(), account()), 0..5), log_edge()).prop_map(|(accounts, log)| Undo { accounts, log })
}

/// Any record that bytes can express; its text need not be JSON.
pub(crate) fn record() -> impl Strategy<Value = Record> {
    let hash = any::<[u8; 32]>();
    let content = prop_oneof!["\\PC{0,20}".prop_map(Content::Json), hash.prop_map(Content::Commitment)];
    (prop::option::of(hash.prop_map(TxId)), content).prop_map(|(corrects, content)| Record { corrects, content })
}

pub(crate) fn log_proof() -> impl Strategy<Value = LogProof> {
    (any::<u64>(), vec(any::<[u8; 32]>(), 0..=64), "[a-z +/=\n]{0,40}").prop_map(|(index, path, checkpoint)| LogProof {
        index,
        path,
        checkpoint,
    })
}

/// Any receipt that JSON can express, most of which prove nothing.
pub(crate) fn receipt() -> impl Strategy<Value = Receipt> {
    let bytes = || vec(any::<u8>(), 0..20);
    let headers = vec(header().prop_map(|header| HeaderHex(header.to_bytes())), 0..3);
    ("\\PC{0,20}", chain_spec(), bytes(), log_proof(), "\\PC{0,20}", bytes(), headers).prop_map(
        |(about, network, transaction, proof, log_key, coinbase, headers)| Receipt {
            receipt: shared::receipt::VERSION,
            about,
            network,
            transaction,
            proof: proof.to_string(),
            log_key,
            coinbase,
            headers,
        },
    )
}

/// Any chain spec that bytes can express, most of which make no network.
pub(crate) fn chain_spec() -> impl Strategy<Value = ChainSpec> {
    ("\\PC{0,20}", any::<[u32; 6]>(), amount()).prop_map(
        |(name, [spacing, half_life, easiest_bits, start_bits, max_block_bytes, genesis_time], subsidy)| ChainSpec {
            name,
            spacing,
            half_life,
            easiest_bits: Bits(easiest_bits),
            start_bits: Bits(start_bits),
            subsidy,
            max_block_bytes,
            genesis_time: Seconds(genesis_time),
        },
    )
}

/// Every kind of message, in the order of the tags.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    let block_hash = || any::<[u8; 32]>().prop_map(BlockHash);
    let hashes = || vec(block_hash(), 0..5);
    let ids = || vec(any::<[u8; 32]>().prop_map(TxId), 0..5);
    prop_oneof![
        hello().prop_map(Message::Hello),
        announcement().prop_map(Message::Announce),
        hashes().prop_map(|locator| Message::GetHeaders { locator }),
        vec(header(), 0..4).prop_map(Message::Headers),
        hashes().prop_map(Message::GetBlocks),
        vec(block(), 0..3).prop_map(Message::Blocks),
        (block_hash(), btree_set(any::<u32>(), 0..5)).prop_map(|(block, positions)| Message::GetBlockTransactions {
            block,
            positions: positions.into_iter().collect()
        }),
        (block_hash(), vec(transaction(), 0..3))
            .prop_map(|(block, transactions)| Message::BlockTransactions { block, transactions }),
        ids().prop_map(Message::Pooled),
        ids().prop_map(Message::GetTransactions),
        vec(transaction(), 0..3).prop_map(Message::Transactions),
        Just(Message::GetAddresses),
        vec(peer_address(), 0..4).prop_map(Message::Addresses),
    ]
}
