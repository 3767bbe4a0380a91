//! Real processes as a scenario's engine: a network of its own, in a folder of its own, started and ended
//! by the same code as any other.

mod engine;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use clap::Parser as _;
use node::accounts::miner;
use node::accounts::seed::Keys;
use node::client::ClientError;
use node::drivers::clock;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use shared::{Address, Amount, BlockHash, Payload, Transaction, TxId};

use super::engine::{Engine as _, Outcome, Trouble, link_rule};
use super::file::Plan as Wanted;
use super::spec;
use super::values::Delay;
use crate::cli::Cli;
use crate::folder::Folder;
use crate::network::{LinkRule, Network, Seen};
use crate::node_set::NodeSet;
use crate::plan::Plan;
use crate::prepare::prepare;
use crate::timeline::Recorder;

/// How long a node may take to answer what it need not work for.
const ANSWER: Duration = Duration::from_secs(10);

/// A network of real processes under a scenario.
pub(super) struct Real {
    network: Arc<Network>,
    timeline: Arc<Recorder>,
    /// Held as long as the network runs.
    _folder: Folder,
    begun: Instant,
    genesis: BlockHash,
    /// Hashes per second, all together.
    rate: f64,
    /// Hashes per second of a share of 1.
    unit: f64,
    /// The share of each node that has another one than 1.
    shares: BTreeMap<u16, f64>,
    /// Nodes that were told to mine without pause.
    mining: BTreeSet<u16>,
    /// What was signed.
    signed: BTreeMap<TxId, Transaction>,
}

/// Where the network runs.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) port: u16,
    pub(super) folder: PathBuf,
}

impl Real {
    /// Starts the network of a plan, with nobody mining. Before its first process is started, it is `told` where is
    /// written down what it does.
    pub(super) async fn start(
        wanted: &Wanted,
        place: &Place,
        told: impl FnOnce(Arc<Recorder>),
    ) -> anyhow::Result<Self> {
        let spec = spec::real(wanted)?;
        let file = write_spec(&place.folder, &serde_json::to_vec_pretty(&spec)?)?;
        let network = Self::bring_up(wanted, place, &file, told).await;
        let removed = std::fs::remove_file(&file);
        let (network, timeline, folder) = network?;
        let rate = wanted.hash_rate as f64;
        let mut real = Self {
            network,
            timeline,
            _folder: folder,
            begun: Instant::now(),
            genesis: shared::Network::new(spec)?.genesis_hash(),
            rate,
            unit: rate / wanted.total_share(),
            shares: BTreeMap::new(),
            mining: BTreeSet::new(),
            signed: BTreeMap::new(),
        };
        let shaped = real.shape(wanted).await.map_err(anyhow::Error::from);
        if let Err(error) = shaped.and(removed.with_context(|| format!("cannot delete {}", file.display()))) {
            real.end().await;
            return Err(error);
        }
        Ok(Self { begun: Instant::now(), ..real })
    }

    async fn bring_up(
        wanted: &Wanted,
        place: &Place,
        spec: &Path,
        told: impl FnOnce(Arc<Recorder>),
    ) -> anyhow::Result<(Arc<Network>, Arc<Recorder>, Folder)> {
        let rate = (wanted.hash_rate as f64 / wanted.total_share()).round().max(1.0).to_string();
        let (port, amount) = (place.port.to_string(), wanted.nodes.to_string());
        let mut args = Cli::try_parse_from(["networkmngr", "-p", &port, "-a", &amount, "--hash-rate", &rate])?.start;
        args.genesis = Some(spec.to_owned());
        let prepared = prepare(Plan::new(&args, place.folder.clone())?)?;
        let timeline = prepared.timeline.clone();
        told(timeline.clone());
        let (network, _, folder) = prepared.network()?;
        if let Err(error) = network.start().await {
            network.stop_all().await;
            return Err(error.into());
        }
        Ok((network, timeline, folder))
    }

    /// Gives the network the shares, links and topology that are wanted.
    async fn shape(&mut self, wanted: &Wanted) -> Outcome<()> {
        for (node, share) in (0..).zip(&wanted.shares).filter(|(_, share)| **share != 1.0) {
            self.set_share_of(node, *share).await?;
        }
        let rest = link_rule(NodeSet::All, NodeSet::All, wanted.delay, wanted.loss);
        let mut rules = vec![rest];
        if let Some(pairs) = wanted.topology.pairs(wanted.nodes) {
            let pairs = &pairs;
            let missing = |a: u16| (a + 1..wanted.nodes).filter(move |b| !pairs.contains(&(a, *b)));
            rules.extend((0..wanted.nodes).filter_map(|a| {
                let others: BTreeSet<u16> = missing(a).collect();
                let cut = link_rule(NodeSet::Some([a].into()), NodeSet::Some(others.clone()), Delay::default(), 0.0);
                (!others.is_empty()).then_some(LinkRule { cut: true, ..cut })
            }));
        }
        rules.extend(
            wanted.links.iter().map(|link| link_rule(link.from.clone(), link.to.clone(), link.delay, link.loss)),
        );
        if rules.len() > 1 || wanted.delay != Delay::default() || wanted.loss > 0.0 {
            self.network.set_links(&rules).await.map_err(Trouble::new)?;
        }
        Ok(())
    }

    async fn set_share_of(&mut self, node: u16, share: f64) -> Outcome<()> {
        self.shares.insert(node, share);
        self.cap(node, self.own_rate(node)).await
    }

    /// What a node's share makes in hashes per second.
    fn own_rate(&self, node: u16) -> f64 {
        self.shares.get(&node).unwrap_or(&1.0) * self.unit
    }

    async fn cap(&self, node: u16, rate: f64) -> Outcome<()> {
        // A node without power mines nothing worth mentioning.
        let rate = rate.round().max(1.0).to_string().parse().map_err(Trouble::new)?;
        self.network.cap(node, rate).await.map_err(Trouble::new)
    }

    /// Ends every node.
    pub(super) async fn end(&self) {
        self.network.stop_all().await;
        self.network.save_as_stopped();
    }

    /// Lets a node mine without pause, or stop.
    async fn switch(&self, number: u16, on: bool) -> Outcome<()> {
        self.tell(number, if on { "/mining/start" } else { "/mining/stop" }, &serde_json::json!({})).await
    }

    /// What a node answers.
    async fn ask<T: DeserializeOwned>(&self, number: u16, path: &str) -> Outcome<T> {
        let url = format!("{}{path}", self.node(number)?.address);
        self.network.client.get(&url, ANSWER).await.map_err(|error| of_node(number, &error))
    }

    /// Has a node do something.
    async fn tell(&self, number: u16, path: &str, order: &serde_json::Value) -> Outcome<()> {
        let url = format!("{}{path}", self.node(number)?.address);
        let told = self.network.client.post_json::<IgnoredAny>(&url, Bytes::from(order.to_string()), ANSWER).await;
        told.map(drop).map_err(|error| of_node(number, &error))
    }

    /// The block so many below a node's tip; nothing for the tip itself.
    async fn block_below(&mut self, number: u16, depth: u32) -> Outcome<Option<BlockHash>> {
        #[derive(Deserialize)]
        struct Block {
            hash: BlockHash,
        }
        let held = self.held().await?.into_iter().find(|held| held.node == number);
        let height = held.and_then(|held| held.height.checked_sub(depth));
        let height = height.ok_or_else(|| Trouble(format!("node {number} has no {depth} blocks to take back")))?;
        if depth == 0 {
            return Ok(None);
        }
        Ok(Some(self.ask::<Block>(number, &format!("/blocks/{height}")).await?.hash))
    }

    fn node(&self, number: u16) -> Outcome<Seen> {
        let running = self.network.running().into_iter().find(|node| node.number == number);
        running.ok_or_else(|| Trouble(format!("node {number} does not run")))
    }

    fn keys(&self, number: u16) -> Outcome<Keys> {
        let plan = self.network.plan().node(number).ok_or_else(|| Trouble(format!("there is no node {number}")))?;
        let seed = miner::read(&plan.folder).map_err(Trouble::new)?;
        seed.map(|seed| seed.keys()).ok_or_else(|| Trouble(format!("node {number} has no account yet")))
    }

    /// Signs in the name of a node's miner, and hands in at a node.
    async fn sign_and_submit(
        &mut self,
        from: u16,
        payload: Payload,
        fee: Option<Amount>,
        nonce: Option<u64>,
        at: Option<u16>,
    ) -> Outcome<TxId> {
        let keys = self.keys(from)?;
        let nonce = match nonce {
            Some(nonce) => nonce,
            None => self.next_nonce(at.unwrap_or(from), keys.address()).await?,
        };
        let (version, sender, time) = (shared::transaction::VERSION, keys.address(), clock::wall());
        let mut draft = Transaction { version, sender, nonce, fee: Amount::ZERO, time, payload, signature: [0; 64] };
        draft.fee = fee.unwrap_or_else(|| draft.usual_fee());
        let signed = draft.signed(keys.signing(), &self.genesis);
        let id = signed.id();
        if let Some(at) = at {
            self.tell(at, "/transactions", &serde_json::to_value(&signed).map_err(Trouble::new)?).await?;
        }
        self.signed.insert(id, signed);
        Ok(id)
    }

    async fn next_nonce(&self, at: u16, address: Address) -> Outcome<u64> {
        #[derive(Deserialize)]
        struct Account {
            pending: Pending,
        }
        #[derive(Deserialize)]
        struct Pending {
            next_nonce: u64,
        }
        Ok(self.ask::<Account>(at, &format!("/accounts/{address}")).await?.pending.next_nonce)
    }
}

/// A node's refusal, or that it does not answer.
fn of_node(number: u16, error: &ClientError) -> Trouble {
    Trouble(format!("node {number}: {error}"))
}

/// Writes the chain spec beside the folder, in a file that is not there yet.
fn write_spec(folder: &Path, json: &[u8]) -> anyhow::Result<PathBuf> {
    let mut path = folder.as_os_str().to_owned();
    path.push(".genesis.json");
    let path = PathBuf::from(path);
    let made = folder.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.with_context(|| format!("cannot make the folder of {}", folder.display()))?;
    let written = std::fs::File::create_new(&path).and_then(|mut file| file.write_all(json));
    written.with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
