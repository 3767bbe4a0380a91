//! What a machine is told at its start, and the limits it keeps.

use std::sync::Arc;
use std::time::Duration;

use shared::{
    Address, Network,
    wire::{NodeId, PeerAddress, PeerId},
};

use super::strategy::{Strategy, Tie};

/// What a machine is told at its start.
#[derive(Debug, Clone)]
pub struct Config {
    /// The network whose rules hold.
    pub network: Arc<Network>,
    /// This node's public id.
    pub node: NodeId,
    /// This node's key between nodes.
    pub peer: PeerId,
    /// Where its HTTP interface answers, as told to peers; may be empty.
    pub http: String,
    /// Where it accepts peers, as told to them; may be empty.
    pub listens: Vec<String>,
    /// The public key that checkpoints of the log are signed with.
    pub log_key: [u8; 32],
    /// Who gets the rewards of blocks mined here.
    pub miner: Address,
    /// How it mines, until it is told otherwise.
    pub strategy: Strategy,
    /// Which of two tips with equal work it takes, until it is told otherwise.
    pub tie: Tie,
    /// Addresses to join the network at, whoever answers there.
    pub join: Vec<String>,
    /// Peers known from earlier runs.
    pub known: Vec<PeerAddress>,
    /// Decides every choice left to chance.
    pub seed: u64,
}

impl Config {
    /// A node by itself, for tests and measurements to begin with: its ids and its log's key are this byte over and over, it
    /// knows nobody, nobody is told where it answers, and its rewards go to nobody.
    pub fn alone(network: Arc<Network>, number: u8) -> Self {
        Self {
            network,
            node: NodeId([number; 32]),
            peer: PeerId([number; 32]),
            http: String::new(),
            listens: Vec::new(),
            log_key: [number; 32],
            miner: Address::default(),
            strategy: Strategy::default(),
            tie: Tie::default(),
            join: Vec::new(),
            known: Vec::new(),
            seed: number.into(),
        }
    }
}

/// Peers that this node dials, at most.
pub const MAX_OUTBOUND: usize = 8;
/// So many of them are dialled as soon as they are known.
pub const DIALS_AT_ONCE: usize = 4;
/// After each dial the next one beyond those waits this long.
pub const DIAL_PAUSE: Duration = Duration::from_secs(5);
/// Peers that it accepts, at most.
pub const MAX_INBOUND: usize = 32;
/// Peers beyond that whose connections are let through to the machine, which then decides who stays.
pub const NEWCOMERS: usize = 8;
/// No accepted peer makes room for another within this time of the last one that did.
pub const EVICTION_PAUSE: Duration = Duration::from_secs(10);
/// A peer that has not said hello by then is let go.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// A peer that has not answered a request for headers by then is not waited for.
pub const HEADERS_TIMEOUT: Duration = Duration::from_secs(10);
/// A block that has not come by then is asked for elsewhere.
pub const BLOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// An announced block whose transactions have not come by then is fetched whole, from whoever has it.
pub const REBUILD_TIMEOUT: Duration = Duration::from_secs(2);
/// Transactions that have not come by then are asked for elsewhere.
pub const TRANSACTIONS_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request to mine or to resolve waits for peers' answers.
pub const RESOLVE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long it waits altogether while blocks that the peers have are on their way.
pub const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(60);
/// How often one peer, chosen by chance, is asked whether it has a better chain, and another one is
/// tried in the place of a present one, so that no part of a network stays apart.
pub const POLL_INTERVAL: Duration = Duration::from_secs(20);
/// Addresses of peers are written down for the next start at most this often.
pub const KEEP_INTERVAL: Duration = Duration::from_secs(300);
/// A miner's template is renewed after this time if the pool has changed.
pub const TEMPLATE_INTERVAL: Duration = Duration::from_secs(1);
/// A dial whose outcome was not told by then is over.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(30);
/// First pause before a peer that could not be reached is dialled again; doubled each time.
pub const REDIAL_FIRST: Duration = Duration::from_secs(1);
/// Longest such pause.
pub const REDIAL_LONGEST: Duration = Duration::from_secs(60);
/// Bytes a second that a peer is served. What is looked up counts beside what is sent, so that this is
/// 20,000 small blocks a second with their headers, or as many full ones as a node can check.
pub const SERVICE_RATE: i64 = 32 * 1024 * 1024;
/// Bytes that a peer is served at once, after a pause or as soon as it connects: one long answer.
pub const SERVICE_AT_ONCE: i64 = 4 * 1024 * 1024;
/// How long a peer that broke a rule is refused.
pub const BAN_PERIOD: Duration = Duration::from_secs(3600);
