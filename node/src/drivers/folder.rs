//! The node's folder: which network it is of, who the node is, who gets its rewards, and which peers it
//! knew. Small files, each written whole or not at all. The chain in it is the store's business.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ed25519_zebra::SigningKey;
use serde::{Deserialize, Serialize};
use shared::{
    Address, ChainSpec, Network,
    hash::sha256,
    wire::{NodeId, PeerAddress},
};

use super::files;
use crate::accounts::miner::{self, MinerError};

/// The chain spec's file in a folder.
pub const GENESIS: &str = "genesis.json";

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The system says no.
    #[error("cannot {what} {path}: {error}", path = path.display())]
    Io {
        /// What was tried, as a verb.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's words.
        error: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path} is damaged: {reason}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A chain spec that makes no network.
    #[error("{path} is no usable chain spec: {reason}", path = path.display())]
    Spec {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The folder belongs to another network.
    #[error(
        "{path} belongs to the network \"{found}\", not to \"{wanted}\": choose another folder with --data-dir, \
         or leave out --genesis to go on with the folder's own network",
        path = path.display()
    )]
    OtherNetwork {
        /// The folder.
        path: PathBuf,
        /// Name of its network.
        found: String,
        /// Name of the network asked for.
        wanted: String,
    },
    /// There is no account for the rewards.
    #[error(transparent)]
    Miner(#[from] MinerError),
}

/// An open folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    network: Network,
    node: NodeId,
    miner: Address,
}

#[derive(Serialize, Deserialize)]
struct PeerEntry {
    peer: String,
    address: String,
}

impl Folder {
    /// Opens a folder, making it and what is missing in it. `genesis` is a chain spec to begin with; a
    /// folder that has one already must have the same.
    ///
    /// # Errors
    /// When the folder cannot be written, is damaged, or belongs to another network.
    pub fn open(path: &Path, genesis: Option<&Path>) -> Result<Self, FolderError> {
        fs::create_dir_all(path).map_err(|error| io("make the folder", path, error))?;
        let network = open_network(path, genesis)?;
        let node = read_or_make(&path.join("node.id"), new_node_id)?;
        let node = node.parse().map_err(|_| damaged(&path.join("node.id"), "it holds no node id"))?;
        let miner = miner::read_or_make(path)?.keys().address();
        Ok(Self { path: path.to_owned(), network, node, miner })
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The network it is of.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The node's public id.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The folder's own account, which gets the rewards unless another one is named.
    pub fn miner(&self) -> Address {
        self.miner
    }

    /// The key that checkpoints of the log are signed with, in the file `log.key`. Whoever deletes the
    /// file begins a new log, in the eyes of those who verify its checkpoints.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds no key.
    pub fn log_key(&self) -> Result<SigningKey, FolderError> {
        read_or_make_key(&self.path.join("log.key"))
    }

    /// Peers kept from earlier runs. A list that cannot be read is no reason not to start.
    pub fn peers(&self) -> Vec<PeerAddress> {
        let entries = fs::read(self.peers_path()).ok().and_then(|json| serde_json::from_slice(&json).ok());
        let entries: Vec<PeerEntry> = entries.unwrap_or_default();
        let read = |entry: PeerEntry| Some(PeerAddress { peer: entry.peer.parse().ok()?, address: entry.address });
        entries.into_iter().filter_map(read).collect()
    }

    fn peers_path(&self) -> PathBuf {
        self.path.join("peers.json")
    }

    /// Keeps peers for the next start.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_peers(&self, peers: &[PeerAddress]) -> Result<(), FolderError> {
        let entry = |entry: &PeerAddress| PeerEntry { peer: entry.peer.to_string(), address: entry.address.clone() };
        let entries: Vec<PeerEntry> = peers.iter().map(entry).collect();
        let json = serde_json::to_vec_pretty(&entries).unwrap_or_default();
        write_whole(&self.peers_path(), &json)
    }
}

fn io(what: &'static str, path: &Path, error: std::io::Error) -> FolderError {
    FolderError::Io { what, path: path.to_owned(), error }
}

fn damaged(path: &Path, reason: &str) -> FolderError {
    FolderError::Damaged { path: path.to_owned(), reason: reason.to_owned() }
}

/// The network of a chain spec file.
///
/// # Errors
/// When the file cannot be read or makes no network.
pub fn read_network(path: &Path) -> Result<Network, FolderError> {
    let json = fs::read(path).map_err(|error| io("read", path, error))?;
    let refuse = |reason: String| FolderError::Spec { path: path.to_owned(), reason };
    let spec: ChainSpec = serde_json::from_slice(&json).map_err(|error| refuse(error.to_string()))?;
    Network::new(spec).map_err(|error| refuse(error.to_string()))
}

fn open_network(folder: &Path, genesis: Option<&Path>) -> Result<Network, FolderError> {
    let own = folder.join(GENESIS);
    let wanted = genesis.map(read_network).transpose()?;
    if own.exists() {
        let network = read_network(&own)?;
        return match wanted {
            Some(wanted) if wanted.genesis_hash() != network.genesis_hash() => Err(FolderError::OtherNetwork {
                path: folder.to_owned(),
                found: network.spec().name.clone(),
                wanted: wanted.spec().name.clone(),
            }),
            _ => Ok(network),
        };
    }
    let network = match wanted {
        Some(network) => network,
        None => Network::new(ChainSpec::practice()).map_err(|error| damaged(&own, &error.to_string()))?,
    };
    let json = serde_json::to_vec_pretty(network.spec()).unwrap_or_default();
    write_whole(&own, &json)?;
    Ok(network)
}

fn new_node_id() -> String {
    NodeId(sha256(&[uuid::Uuid::new_v4().as_bytes()])).to_string()
}

fn new_seed() -> String {
    data_encoding::HEXLOWER.encode(&rand::random::<[u8; 32]>())
}

/// The key in a file, as 64 hexadecimal digits, or a new one.
fn read_or_make_key(path: &Path) -> Result<SigningKey, FolderError> {
    let seed = read_or_make(path, new_seed)?;
    let seed = data_encoding::HEXLOWER_PERMISSIVE.decode(seed.as_bytes()).ok();
    let seed: Option<[u8; 32]> = seed.and_then(|seed| seed.try_into().ok());
    seed.map(SigningKey::from).ok_or_else(|| damaged(path, "it holds no key"))
}

/// The text in a file, or a new one, kept there for its owner's eyes only.
fn read_or_make(path: &Path, make: impl FnOnce() -> String) -> Result<String, FolderError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let text = make();
            write_whole(path, text.as_bytes())?;
            Ok(text)
        }
        Err(error) => Err(io("read", path, error)),
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    files::replace(path, bytes).map_err(|error| io("write", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_who_the_node_is() {
        let folder = tempfile::tempdir().unwrap();
        let first = Folder::open(folder.path(), None).unwrap();
        let peers = vec![PeerAddress { peer: shared::peer::PeerId([3; 32]), address: "/ip4/127.0.0.1/tcp/1".into() }];
        first.keep_peers(&peers).unwrap();
        let again = Folder::open(folder.path(), None).unwrap();
        assert_eq!(again.node(), first.node());
        assert_eq!(again.miner(), first.miner());
        assert_eq!(again.peers(), peers);
    }

    #[test]
    fn another_networks_folder_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        Folder::open(&folder.path().join("data"), None).unwrap();
        let other = folder.path().join("other.json");
        let spec = ChainSpec { name: "elsewhere".into(), ..ChainSpec::practice() };
        fs::write(&other, serde_json::to_vec(&spec).unwrap()).unwrap();
        let error = Folder::open(&folder.path().join("data"), Some(&other)).unwrap_err().to_string();
        assert!(error.contains("\"practice\"") && error.contains("\"elsewhere\""), "{error}");
    }

    #[test]
    fn what_is_damaged_is_named() {
        let folder = tempfile::tempdir().unwrap();
        Folder::open(folder.path(), None).unwrap();
        fs::write(folder.path().join("miner.seed"), "not a seed").unwrap();
        let error = Folder::open(folder.path(), None).unwrap_err().to_string();
        assert!(error.contains("miner.seed"), "{error}");
        fs::write(folder.path().join("genesis.json"), "{}").unwrap();
        let error = Folder::open(folder.path(), None).unwrap_err().to_string();
        assert!(error.contains("genesis.json") && error.contains("name"), "{error}");
    }
}
