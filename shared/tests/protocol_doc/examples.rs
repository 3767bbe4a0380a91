//! Every example of the document by name, computed.

use std::{collections::BTreeMap, fmt::Write};

use data_encoding::HEXLOWER;
use shared::{
    LogEdge, Topic, TxId,
    asert::next_target,
    log::{checkpoint, leaf_hash, node_hash},
    receipt,
    rules::{header, ledger::Account},
    transaction, wire,
    wire::{Announcement, Hello, Message, NodeId, PeerAddress, PeerId},
    work::Bits,
};

use crate::{
    chain::{Chain, key},
    document::Example,
    receipts,
};

#[derive(Default)]
pub(crate) struct Examples(BTreeMap<&'static str, Example>);

impl Examples {
    pub(crate) fn hex(&mut self, name: &'static str, bytes: impl AsRef<[u8]>) {
        self.0.insert(name, Example::Hex(HEXLOWER.encode(bytes.as_ref())));
    }

    pub(crate) fn text(&mut self, name: &'static str, text: impl ToString) {
        self.0.insert(name, Example::Text(text.to_string().trim_end().to_owned()));
    }

    pub(crate) fn json(&mut self, name: &'static str, value: &impl serde::Serialize) {
        self.0.insert(name, Example::Json(serde_json::to_value(value).unwrap()));
    }
}

pub(crate) fn all() -> BTreeMap<&'static str, Example> {
    let (mut examples, chain) = (Examples::default(), Chain::build());
    encoding(&mut examples);
    network(&mut examples, &chain);
    transactions(&mut examples, &chain);
    log(&mut examples, &chain);
    blocks(&mut examples, &chain);
    difficulty(&mut examples, &chain);
    messages(&mut examples, &chain);
    receipts::examples(&mut examples, &chain);
    examples.0
}

fn encoding(examples: &mut Examples) {
    examples.hex("u32", borsh::to_vec(&1_048_576_u32).unwrap());
    examples.hex("text", borsh::to_vec("practice").unwrap());
    examples.hex("list", borsh::to_vec(&vec![7_u32, 8]).unwrap());
}

fn network(examples: &mut Examples, chain: &Chain) {
    let (spec, genesis) = (chain.network.spec(), chain.network.genesis());
    examples.json("spec", spec);
    examples.hex("spec bytes", borsh::to_vec(spec).unwrap());
    examples.text("spec hash", spec.hash());
    examples.hex("genesis coinbase", genesis.coinbase().to_bytes());
    examples.hex("genesis header", genesis.header().to_bytes());
    examples.text("genesis coinbase hash", genesis.header().coinbase_hash);
    examples.text("genesis hash", genesis.hash());
    let shown = genesis.hash().to_string();
    examples.text("protocol name", format!("/networkmngr/{}/2", &shown[..16]));
}

fn transactions(examples: &mut Examples, chain: &Chain) {
    examples.hex("public key", chain.alice.0);
    examples.text("address", chain.alice);
    examples.text("other address", chain.bob);
    assert_eq!(chain.transfer.sender, shared::Address::of(&key(1)));
    examples.hex("domain", transaction::SIGNING_DOMAIN);
    examples.hex("signed bytes", chain.transfer.signed_bytes(&chain.network.genesis_hash()));
    examples.hex("transfer", chain.transfer.to_bytes());
    examples.text("transfer id", chain.transfer.id());
    examples.json("transfer json", &chain.transfer);
    examples.hex("data", chain.data.to_bytes());
    examples.text("data id", chain.data.id());
}

fn log(examples: &mut Examples, chain: &Chain) {
    let [one, two, three] = [[0], [1], [2]].map(|data| leaf_hash(&data));
    examples.text("empty root", LogEdge::default().root());
    let mut leaves = String::new();
    [one, two, three].iter().for_each(|leaf| writeln!(leaves, "{}", TxId(*leaf)).unwrap());
    examples.text("three leaves", leaves);
    let mut edge = LogEdge::default();
    [one, two, three].iter().for_each(|leaf| edge.append(TxId(*leaf)));
    assert_eq!(edge.root().0, node_hash(&node_hash(&one, &two), &three));
    examples.text("three root", edge.root());
    let second = &chain.blocks[1].coinbase;
    assert_eq!(second.log_root.0, node_hash(&chain.transfer.id().0, &chain.data.id().0));
    examples.text("two transactions root", second.log_root);
}

fn blocks(examples: &mut Examples, chain: &Chain) {
    let [first, second] = &chain.blocks;
    examples.hex("block 1", first.to_bytes());
    examples.text("block 1 hash", first.header.hash());
    examples.hex("block 2 header", second.header.to_bytes());
    examples.hex("block 2 coinbase", second.coinbase.to_bytes());
    examples.text("block 2 hash", second.header.hash());
    examples.text("block 2 size", second.to_bytes().len());
    examples.json("block 2 json", second);
    let mut accounts = String::new();
    for (address, Account { balance, nonce }) in chain.accounts() {
        writeln!(accounts, "{address} {balance} {nonce}").unwrap();
    }
    examples.text("accounts", accounts);
}

fn difficulty(examples: &mut Examples, chain: &Chain) {
    let mut rows = String::new();
    for bits in [0x1d00_ffff, 0x1f00_ffff, 0x1f0f_ffff, 0x207f_ffff, 0x0300_0001, 0x0200_8000, 0x0101_0000].map(Bits) {
        let target = bits.target().unwrap();
        writeln!(rows, "{bits} {target:?} {}", target.work()).unwrap();
    }
    examples.text("compact", rows);

    let mut rows = String::new();
    for position in &chain.positions {
        let bits = position.next_bits(chain.network.spec());
        let (height, latest, active) = (position.height, position.latest.0, position.active);
        writeln!(rows, "{height} {latest} {active} {} {bits}", position.work).unwrap();
    }
    examples.text("positions", rows);

    let mut rows = String::new();
    for (time, height) in [(2, 0), (24, 2), (62, 0), (-58, 0), (0, 100), (100_000, 0), (0, 100_000)] {
        writeln!(rows, "{time} {height} {}", next_target(&chain.network.spec().anchor(), time, height).bits()).unwrap();
    }
    examples.text("asert", rows);
    let late = 24 - 2 * (2 + 1);
    let exponent: u128 = late * 65_536 / 60;
    let cubic = 195_766_423_245_049 * exponent + 971_821_376 * exponent.pow(2) + 5_127 * exponent.pow(3) + (1 << 47);
    let factor = 65_536 + (cubic >> 48);
    examples.text("asert steps", format!("{late}\n{exponent}\n{factor}\n{:x}", 0xffff * factor));
}

fn messages(examples: &mut Examples, chain: &Chain) {
    let [first, second] = &chain.blocks;
    let hello = Message::Hello(Hello {
        version: wire::VERSION,
        genesis: chain.network.genesis_hash(),
        head: second.header.hash(),
        height: second.coinbase.height,
        work: chain.positions[2].work,
        node: NodeId([0xab; 32]),
        http: "http://127.0.0.1:5000".into(),
        listens: vec!["/ip4/127.0.0.1/tcp/40123".into()],
    });
    let announce = Message::Announce(Announcement {
        header: second.header,
        coinbase: second.coinbase.clone(),
        transactions: vec![chain.transfer.id(), chain.data.id()],
    });
    let locator = vec![first.header.hash(), chain.network.genesis_hash()];
    let positions = Message::GetBlockTransactions { block: second.header.hash(), positions: vec![0, 1] };
    let address = PeerAddress { peer: PeerId(chain.alice.0), address: "/ip4/127.0.0.1/tcp/40123".into() };
    for (name, message) in [
        ("hello", hello),
        ("announce", announce),
        ("get headers", Message::GetHeaders { locator }),
        ("headers", Message::Headers(vec![first.header])),
        ("get block transactions", positions),
        ("pooled", Message::Pooled(vec![chain.transfer.id()])),
        ("addresses", Message::Addresses(vec![address])),
    ] {
        assert_eq!(Message::from_bytes(&message.to_bytes()), Ok(message.clone()));
        examples.hex(name, message.to_bytes());
    }
    let bytes = Message::GetAddresses.to_bytes();
    examples.hex("frame", [&u32::try_from(bytes.len()).unwrap().to_le_bytes(), &bytes[..]].concat());
    examples.text("tags", tags());
    examples.text("limits", limits());
}

/// One message of every kind says its own tag and name.
fn tags() -> String {
    let mut tags = String::new();
    for tag in 0..=u8::MAX {
        // No empty message of a kind is longer than a hello, whose every part is zero or empty.
        let decoded = (1..600).find_map(|length| {
            let mut bytes = vec![0; length];
            bytes[0] = tag;
            Message::from_bytes(&bytes).ok()
        });
        if let Some(message) = decoded {
            writeln!(tags, "{tag} {}", message.name()).unwrap();
        }
    }
    tags
}

fn limits() -> String {
    let rows: [(&str, usize); 16] = [
        ("bytes of a message", wire::MAX_MESSAGE),
        ("headers in a message", wire::MAX_HEADERS),
        ("hashes in a locator", wire::MAX_LOCATOR),
        ("blocks or block hashes in a message", wire::MAX_BLOCKS),
        ("transactions or their ids in a message not about one block", wire::MAX_TRANSACTIONS),
        ("transactions, ids or positions in a message about one block", wire::MAX_BLOCK_TRANSACTIONS),
        ("peer addresses in a message", wire::MAX_ADDRESSES),
        ("listening addresses in a hello", wire::MAX_LISTENS),
        ("bytes of an address", wire::MAX_ADDRESS),
        ("bytes of a topic", Topic::MAX),
        ("bytes of a data payload's body", shared::Transaction::MAX_BODY),
        ("bytes of a coinbase's extra", shared::Coinbase::MAX_EXTRA),
        ("seconds a block may be ahead of the clock", header::MAX_AHEAD as usize),
        ("bytes of a receipt", receipt::MAX_BYTES),
        ("headers on top in a receipt", receipt::MAX_HEADERS),
        ("bytes of a signed note", checkpoint::MAX_NOTE),
    ];
    rows.iter().fold(String::new(), |mut text, (what, limit)| {
        writeln!(text, "{limit} {what}").unwrap();
        text
    })
}
