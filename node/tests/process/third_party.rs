//! Other people's programs against the node: crates that follow logs, and scripts written from the protocol's
//! document alone with packages for signatures and Merkle trees (`tests/third_party`).

use std::path::Path;
use std::process::Command;

use ed25519_zebra::SigningKey;
use serde_json::{Value, json};
use shared::{Address, Amount, BlockHash, Millis, Payload, Topic, Transaction, transaction::VERSION};
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{
    Checkpoint, Error, Hash, HashReader as _, Tile, TileHashReader, TileReader, check_record, check_tree, prove_record,
    prove_tree, record_hash, stored_hash_index, tree_hash,
};

use crate::process::{Node, easy_genesis, text};

/// Names the Python that has the packages.
pub(crate) const PYTHON: &str = "THIRD_PARTY_PYTHON";

#[test]
#[ignore = "needs a Python with the packages of tests/third_party/requirements.txt, named by THIRD_PARTY_PYTHON"]
fn scripts_made_from_the_document_agree_with_the_node() {
    let python = std::env::var_os(PYTHON).unwrap_or_else(|| panic!("{PYTHON} names no Python"));
    let dir = tempfile::tempdir().unwrap();
    let spec = easy_genesis(dir.path(), "third party");
    let node = Node::start(&dir.path().join("node"), &["--genesis", text(&spec)]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/third_party/check.py");
    let done = Command::new(python).arg("-B").arg(script).args([&node.host, text(&spec)]).output().unwrap();
    let (said, errors) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{said}{errors}");
    assert_eq!(said, "agreed on 21 transactions, all their proofs, a checkpoint and 3 receipts\n");
    node.stop();
}

/// More than a full tile.
const ENTRIES: u64 = 300;

/// Notes of somebody who owns nothing and pays nothing.
fn file_notes(node: &Node) {
    let genesis: BlockHash = node.get("/blocks/0")["hash"].as_str().unwrap().parse().unwrap();
    let key = SigningKey::from([5; 32]);
    for nonce in 0..ENTRIES {
        let payload = Payload::Data { topic: Topic::new("note").unwrap(), body: nonce.to_le_bytes().to_vec() };
        let (sender, fee, time) = (Address::default(), Amount::ZERO, Millis(0));
        let unsigned = Transaction { version: VERSION, sender, nonce, fee, time, payload, signature: [0; 64] };
        let note = serde_json::to_vec(&unsigned.signed(&key, &genesis)).unwrap();
        assert_eq!(node.ask("POST", "/transactions", &note).status, 202);
    }
}

/// A node's tiles as the crate asks for them.
struct Tiles<'n>(&'n Node);

impl Tiles<'_> {
    /// The crate's paths name the height of tiles, which C2SP tlog-tiles has settled and leaves out.
    fn fetch(&self, tile: &Tile) -> Vec<u8> {
        let path = tile.path();
        let path = path.strip_prefix("tile/8/").unwrap().replace("data/", "entries/");
        let answer = self.0.ask("GET", &format!("/log/tile/{path}"), b"");
        assert_eq!(answer.status, 200, "{path}");
        answer.body
    }
}

impl TileReader for Tiles<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        Ok(tiles.iter().map(|tile| self.fetch(tile)).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// The newest checkpoint, if the node's log key signed it.
fn checkpoint(node: &Node) -> Checkpoint {
    let key = node.get("/log")["key"].as_str().unwrap().to_owned();
    let verifier = StandardVerifier::new(&key).unwrap();
    let note = Note::from_bytes(&node.ask("GET", "/log/checkpoint", b"").body).unwrap();
    let (signed, others) = note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!((signed.len(), others.len()), (1, 0));
    let checkpoint = Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!(Some(checkpoint.origin()), key.split('+').next());
    checkpoint
}

fn hashes(list: &Value) -> Vec<Hash> {
    let bytes = |hash: &Value| data_encoding::HEXLOWER.decode(hash.as_str().unwrap().as_bytes()).unwrap();
    list.as_array().unwrap().iter().map(|hash| Hash(bytes(hash).try_into().unwrap())).collect()
}

#[test]
fn a_monitor_of_logs_reads_checkpoint_tiles_and_proofs() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(&dir.path().join("node"), &["--genesis", text(&easy_genesis(dir.path(), "monitored"))]);
    file_notes(&node);
    (0..7).for_each(|_| drop(node.mine()));
    let checkpoint = checkpoint(&node);
    let (size, root) = (checkpoint.size(), *checkpoint.hash());
    assert_eq!(size, ENTRIES);

    // What this reads is authenticated by the root.
    let tiles = Tiles(&node);
    let log = TileHashReader::new(size, root, &tiles);
    assert_eq!(tree_hash(size, &log).unwrap(), root);
    for index in [0, 1, 255, 256, 299] {
        let given = node.get(&format!("/log/inclusion?index={index}&size={size}"));
        let path = hashes(&given["path"]);
        assert_eq!(path, prove_record(size, index, &log).unwrap(), "index {index}");
        let leaf = hashes(&json!([given["leaf"]]))[0];
        check_record(&path, size, root, index, leaf).unwrap();
    }
    for smaller in [1, 2, 255, 256, 257, 299, 300] {
        let given = node.get(&format!("/log/consistency?from={smaller}&to={size}"));
        let proof = hashes(&given["proof"]);
        assert_eq!(proof, prove_tree(size, smaller, &log).unwrap(), "size {smaller}");
        check_tree(&proof, size, root, smaller, hashes(&json!([given["from_root"]]))[0]).unwrap();
    }

    let mut entries = Vec::new();
    for (index, width) in [(0, 256), (1, 44)] {
        let bundle = tiles.fetch(&Tile::new(8, 0, index, width, true));
        let mut rest = &bundle[..];
        while let Some((length, after)) = rest.split_first_chunk() {
            let (entry, after) = after.split_at(u16::from_be_bytes(*length).into());
            entries.push(record_hash(entry));
            rest = after;
        }
    }
    let places: Vec<u64> = (0..size).map(|index| stored_hash_index(0, index)).collect();
    assert_eq!(entries, log.read_hashes(&places).unwrap());
    node.stop();
}
