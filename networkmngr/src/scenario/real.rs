//! Real processes as a scenario's engine: a network of its own, in a folder of its own, started and ended
//! by the same code as any other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use clap::Parser as _;
use node::accounts::miner;
use node::accounts::seed::Keys;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use shared::record::{Content, Record};
use shared::{Address, Amount, BlockHash, Millis, Payload, Topic, Transaction, TxId};

use super::engine::{Branch, Engine, Held, Measures, Outcome, Payment, Trouble, Whereabouts};
use super::file::{Delay, Link, Plan as Wanted, Strategy};
use super::spec;
use crate::bind::bind_all;
use crate::cli::Cli;
use crate::folder::Folder;
use crate::limits;
use crate::network::{LinkRule, Network, Seen};
use crate::node_set::NodeSet;
use crate::plan::Plan;
use crate::record::{Manager, Process};
use crate::term;
use crate::timeline::{Recorder, What};

/// How long a node may take to answer what it need not work for.
const ANSWER: Duration = Duration::from_secs(10);
/// How long the timeline may lag behind the nodes.
const TOLD: Duration = Duration::from_secs(10);
/// How long one block may take.
const MINE: Duration = Duration::from_secs(600);

/// A network of real processes under a scenario.
pub(super) struct Real {
    network: Arc<Network>,
    timeline: Arc<Recorder>,
    /// Held as long as the network runs.
    _folder: Folder,
    begun: Instant,
    genesis: BlockHash,
    nodes: u16,
    /// Hashes per second, all together.
    rate: f64,
    /// Hashes per second of a share of 1.
    unit: f64,
    /// Hashes per second of those nodes that do not have the same as the others.
    rates: BTreeMap<u16, f64>,
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
    /// Starts the network of a plan, with nobody mining.
    pub(super) async fn start(wanted: &Wanted, place: &Place) -> anyhow::Result<Self> {
        let spec = spec::real(wanted)?;
        std::fs::create_dir_all(&place.folder)
            .with_context(|| format!("cannot make the folder {}", place.folder.display()))?;
        let genesis = place.folder.with_extension("genesis.json");
        std::fs::write(&genesis, serde_json::to_vec_pretty(&spec)?)
            .with_context(|| format!("cannot write {}", genesis.display()))?;
        let network = Self::bring_up(wanted, place, &genesis).await;
        let removed = std::fs::remove_file(&genesis);
        let (network, timeline, folder) = network?;
        removed.with_context(|| format!("cannot delete {}", genesis.display()))?;
        let genesis = shared::Network::new(spec)?.genesis_hash();
        let rate = wanted.hash_rate as f64;
        let mut real = Self {
            network,
            timeline,
            _folder: folder,
            begun: Instant::now(),
            genesis,
            nodes: wanted.nodes,
            rate,
            unit: rate / total_share(wanted),
            rates: BTreeMap::new(),
            mining: BTreeSet::new(),
            signed: BTreeMap::new(),
        };
        if let Err(trouble) = real.shape(wanted).await {
            real.end().await;
            return Err(trouble.into());
        }
        Ok(Self { begun: Instant::now(), ..real })
    }

    async fn bring_up(
        wanted: &Wanted,
        place: &Place,
        genesis: &std::path::Path,
    ) -> anyhow::Result<(Arc<Network>, Arc<Recorder>, Folder)> {
        let rate = (wanted.hash_rate as f64 / f64::from(wanted.nodes)).ceil() as u64;
        let (port, amount, rate) = (place.port.to_string(), wanted.nodes.to_string(), rate.max(1).to_string());
        let words = ["networkmngr", "-p", &port, "-a", &amount, "--hash-rate", &rate];
        let mut args = Cli::try_parse_from(words)?.start;
        args.genesis = Some(genesis.to_owned());
        let plan = Plan::new(&args, place.folder.clone())?;
        limits::raise_open_files(plan.amount)?;
        let mut folder = Folder::take(&plan.folder)?;
        let sockets = bind_all(&plan)?;
        let manager = Manager {
            address: format!("http://127.0.0.1:{}", plan.port),
            process: Process::of(std::process::id()),
            since: term::now(),
        };
        let record = folder.prepare(false, plan.genesis.as_deref(), manager)?;
        let genesis = crate::folder::genesis_hash(&plan.folder, &record);
        let timeline =
            Recorder::resume(&plan.folder, genesis, plan.amount).context("the timeline cannot be written")?;
        let network = Network::new(plan, sockets.nodes, record, timeline.clone())?;
        if let Err(error) = network.start().await {
            network.stop_all().await;
            return Err(error.into());
        }
        Ok((network, timeline, folder))
    }

    /// Gives the network the shares, links and topology that are wanted.
    async fn shape(&mut self, wanted: &Wanted) -> Outcome<()> {
        if wanted.shares.iter().any(|share| *share != 1.0) {
            for (node, share) in (0..).zip(&wanted.shares) {
                self.cap(node, *share).await?;
            }
        }
        let rest = rule(NodeSet::All, NodeSet::All, wanted.delay, wanted.loss);
        let mut rules = vec![rest];
        if let Some(pairs) = wanted.topology.pairs(wanted.nodes) {
            let pairs = &pairs;
            let missing = |a: u16| (a + 1..wanted.nodes).filter(move |b| !pairs.contains(&(a, *b)));
            rules.extend((0..wanted.nodes).filter_map(|a| {
                let others: BTreeSet<u16> = missing(a).collect();
                let cut = rule(NodeSet::Some([a].into()), NodeSet::Some(others.clone()), Delay::default(), 0.0);
                (!others.is_empty()).then_some(LinkRule { cut: true, ..cut })
            }));
        }
        rules.extend(wanted.links.iter().map(|link| rule(link.from.clone(), link.to.clone(), link.delay, link.loss)));
        if rules.len() > 1 || wanted.delay != Delay::default() || wanted.loss > 0.0 {
            self.network.set_links(&rules).await.map_err(Trouble::new)?;
        }
        Ok(())
    }

    async fn cap(&mut self, node: u16, share: f64) -> Outcome<()> {
        let rate = share * self.unit;
        self.rates.insert(node, rate);
        self.set_rate(node, rate).await
    }

    async fn set_rate(&self, node: u16, rate: f64) -> Outcome<()> {
        // A node without power mines nothing worth mentioning.
        let rate = (rate.round() as u64).max(1).to_string().parse().map_err(Trouble::new)?;
        self.network.set_hash_rate(node, rate).await.map(drop).map_err(Trouble::new)
    }

    /// Ends every node.
    pub(super) async fn end(&self) {
        self.network.stop_all().await;
        self.network.save_as_stopped();
    }

    /// Lets a node mine without pause, or stop.
    async fn switch(&self, number: u16, on: bool) -> Outcome<()> {
        let url = format!("{}/mining/{}", self.node(number)?.address, if on { "start" } else { "stop" });
        let told = self.network.client.post_json::<IgnoredAny>(&url, Bytes::new(), ANSWER).await;
        told.map(drop).map_err(|error| Trouble(format!("node {number}: {error}")))
    }

    async fn change(&self, number: u16, strategy: &serde_json::Value) -> Outcome<()> {
        let url = format!("{}/strategy", self.node(number)?.address);
        let body = serde_json::to_vec(strategy).map_err(Trouble::new)?;
        let told = self.network.client.post_json::<IgnoredAny>(&url, body.into(), ANSWER).await;
        told.map(drop).map_err(|error| Trouble(format!("node {number}: {error}")))
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
        let url = format!("{}/blocks/{height}", self.node(number)?.address);
        let block = self.network.client.get::<Block>(&url, ANSWER).await.map_err(Trouble::new)?;
        Ok(Some(block.hash))
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
        let (keys, node) = (self.keys(from)?, self.node(at.unwrap_or(from))?);
        let nonce = match nonce {
            Some(nonce) => nonce,
            None => self.next_nonce(&node, keys.address()).await?,
        };
        let sign = |fee| {
            let (version, sender, time) = (shared::transaction::VERSION, keys.address(), now());
            let draft = Transaction { version, sender, nonce, fee, time, payload: payload.clone(), signature: [0; 64] };
            draft.signed(keys.signing(), &self.genesis)
        };
        let usual = || Amount::new(sign(Amount::ZERO).to_bytes().len().div_ceil(100) as u64).unwrap_or_default();
        let signed = sign(fee.unwrap_or_else(usual));
        let id = signed.id();
        if at.is_some() {
            let body = serde_json::to_vec(&signed).map_err(Trouble::new)?;
            let url = format!("{}/transactions", node.address);
            self.network.client.post_json::<IgnoredAny>(&url, body.into(), ANSWER).await.map_err(Trouble::new)?;
        }
        self.signed.insert(id, signed);
        Ok(id)
    }

    async fn next_nonce(&self, node: &Seen, address: Address) -> Outcome<u64> {
        #[derive(Deserialize)]
        struct Account {
            pending: Pending,
        }
        #[derive(Deserialize)]
        struct Pending {
            next_nonce: u64,
        }
        let url = format!("{}/accounts/{address}", node.address);
        let account = self.network.client.get::<Account>(&url, ANSWER).await.map_err(Trouble::new)?;
        Ok(account.pending.next_nonce)
    }
}

fn total_share(wanted: &Wanted) -> f64 {
    if wanted.shares.is_empty() { f64::from(wanted.nodes) } else { wanted.shares.iter().sum() }
}

fn now() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn rule(from: NodeSet, to: NodeSet, delay: Delay, loss: f64) -> LinkRule {
    let (low, high) = (delay.least, delay.most);
    let millis = |millis: u64| u32::try_from(millis).unwrap_or(u32::MAX);
    let (delay_ms, jitter_ms) = (millis((low + high) / 2), millis((high - low) / 2));
    LinkRule { from, to, delay_ms, jitter_ms, loss, one_way: false, cut: false }
}

impl Engine for Real {
    fn elapsed(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn pass(&mut self, millis: u64) -> Outcome<()> {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        Ok(())
    }

    async fn held(&mut self) -> Outcome<Vec<Held>> {
        let healths = crate::mining::healths(&self.network, self.network.running()).await;
        let mut held = Vec::with_capacity(healths.len());
        for (node, health) in healths {
            let health = health.ok_or_else(|| Trouble(format!("node {node} does not answer")))?;
            let tip = health.tip.parse().map_err(|_| Trouble(format!("node {node} answers with no hash")))?;
            held.push(Held { node, tip, height: u32::try_from(health.height).unwrap_or(u32::MAX), work: health.work });
        }
        Ok(held)
    }

    async fn mine_one(&mut self, by: u16, height: u32) -> Outcome<()> {
        let node = self.node(by)?;
        let set = |rate: f64| self.set_rate(by, rate);
        let own = self.rates.get(&by).copied().unwrap_or(self.rate / f64::from(self.nodes));
        set(self.rate).await?;
        let url = format!("{}/mine?height={height}", node.address);
        let answer = self.network.client.post_json::<IgnoredAny>(&url, Bytes::new(), MINE).await;
        set(own).await?;
        match answer {
            Ok(_) => Ok(()),
            // Another was first: there is a block of that height as well.
            Err(error) if error.status().is_some_and(|status| status.as_u16() == 409) => Ok(()),
            Err(error) => Err(Trouble(format!("node {by}: {error}"))),
        }
    }

    async fn set_mining(&mut self, nodes: &[u16], on: bool) -> Outcome<()> {
        for node in nodes {
            self.switch(*node, on).await?;
            if on {
                self.mining.insert(*node)
            } else {
                self.mining.remove(node)
            };
        }
        Ok(())
    }

    async fn pay(&mut self, payment: &Payment) -> Outcome<TxId> {
        let to = self.keys(payment.to)?.address();
        let nonce = payment.instead_of.and_then(|id| self.signed.get(&id)).map(|earlier| earlier.nonce);
        let at = if payment.secret { None } else { Some(payment.at) };
        let payload = Payload::Transfer { to, amount: payment.amount };
        self.sign_and_submit(payment.from, payload, payment.fee, nonce, at).await
    }

    async fn record(&mut self, by: u16, topic: &str, record: &str, fee: Option<Amount>) -> Outcome<TxId> {
        let topic = Topic::new(topic).map_err(Trouble::new)?;
        let body = Record { corrects: None, content: Content::Json(record.into()) }.to_body().map_err(Trouble::new)?;
        self.sign_and_submit(by, Payload::Data { topic, body }, fee, None, Some(by)).await
    }

    async fn find(&mut self, node: u16, id: TxId) -> Outcome<Whereabouts> {
        #[derive(Deserialize)]
        #[serde(tag = "status", rename_all = "snake_case")]
        enum Place {
            Confirmed { confirmations: u32 },
            Pending {},
        }
        let url = format!("{}/transactions/{id}", self.node(node)?.address);
        match self.network.client.get::<Place>(&url, ANSWER).await {
            Ok(Place::Confirmed { confirmations }) => Ok(Whereabouts::Confirmed(confirmations)),
            Ok(Place::Pending {}) => Ok(Whereabouts::Pending),
            Err(error) if error.status().is_some_and(|status| status.as_u16() == 404) => Ok(Whereabouts::Unknown),
            Err(error) => Err(Trouble(format!("node {node}: {error}"))),
        }
    }

    async fn split(&mut self, groups: &[Vec<u16>]) -> Outcome<()> {
        self.network.partition(groups).await.map(drop).map_err(Trouble::new)
    }

    async fn heal(&mut self) -> Outcome<()> {
        self.network.heal().await.map(drop).map_err(Trouble::new)
    }

    async fn kill(&mut self, node: u16) -> Outcome<()> {
        self.network.kill(node).await.map(drop).map_err(Trouble::new)
    }

    async fn pause(&mut self, node: u16) -> Outcome<()> {
        self.network.pause(node).map(drop).map_err(Trouble::new)
    }

    async fn resume(&mut self, node: u16) -> Outcome<()> {
        self.network.resume(node).await.map(drop).map_err(Trouble::new)
    }

    async fn restart(&mut self, node: u16) -> Outcome<()> {
        self.network.restart(node).await.map(drop).map_err(Trouble::new)
    }

    async fn remove(&mut self, node: u16) -> Outcome<()> {
        self.network.remove(node).await.map(drop).map_err(Trouble::new)
    }

    async fn add(&mut self) -> Outcome<u16> {
        self.network.add().await.map(|node| node.number).map_err(Trouble::new)
    }

    async fn set_link(&mut self, link: &Link) -> Outcome<()> {
        let rule = rule(link.from.clone(), link.to.clone(), link.delay, link.loss);
        self.network.set_links(&[rule]).await.map(drop).map_err(Trouble::new)
    }

    async fn set_share(&mut self, node: u16, share: f64) -> Outcome<()> {
        self.cap(node, share).await
    }

    async fn set_strategy(&mut self, node: u16, strategy: Strategy) -> Outcome<()> {
        let strategy = match strategy {
            Strategy::Honest => json!("honest"),
            Strategy::Selfish => json!("selfish"),
            Strategy::InvalidBlocks => json!({ "liar": "invalid_blocks" }),
            Strategy::WithheldBodies => json!({ "liar": "withheld_bodies" }),
            Strategy::Floods => json!({ "liar": "floods" }),
        };
        self.change(node, &json!({ "strategy": strategy })).await
    }

    async fn prefer(&mut self, miner: u16, nodes: &[u16]) -> Outcome<()> {
        let address = self.keys(miner)?.address();
        for node in nodes {
            self.change(*node, &json!({ "tie": { "prefer": address } })).await?;
        }
        Ok(())
    }

    async fn attack(&mut self, branch: &Branch) -> Outcome<()> {
        let from = self.block_below(branch.by, branch.depth).await?;
        let instead: Vec<&Transaction> = branch.instead.iter().filter_map(|id| self.signed.get(id)).collect();
        let private = json!({
            "from": from, "confirmations": branch.confirmations, "give_up": branch.give_up,
            "leave_out": branch.without, "instead": instead,
        });
        self.change(branch.by, &json!({ "strategy": { "private": private } })).await
    }

    async fn attack_over(&mut self, node: u16) -> Outcome<Option<bool>> {
        #[derive(Deserialize)]
        struct InForce {
            ended: Option<String>,
        }
        let url = format!("{}/strategy", self.node(node)?.address);
        let status = self.network.client.get::<InForce>(&url, ANSWER).await.map_err(Trouble::new)?;
        Ok(status.ended.map(|ended| ended == "published"))
    }

    async fn boost(&mut self, node: u16, on: bool) -> Outcome<()> {
        let own = self.rates.get(&node).copied().unwrap_or(self.rate / f64::from(self.nodes));
        self.set_rate(node, if on { self.rate } else { own }).await?;
        let mines = on || self.mining.contains(&node);
        self.switch(node, mines).await
    }

    fn note(&mut self, what: What) {
        self.timeline.network(what);
    }

    fn close(&mut self) -> Outcome<()> {
        Ok(())
    }

    async fn measures(&mut self) -> Outcome<Measures> {
        let timeline = self.network.plan().folder.join(crate::timeline::FILE);
        let deadline = Instant::now() + TOLD;
        loop {
            let held = self.held().await?;
            match super::measure::read(&timeline, &held)? {
                Some(measures) => return Ok(measures),
                None if Instant::now() >= deadline => {
                    return Err(Trouble("the timeline lags behind what the nodes hold".into()));
                }
                None => self.pass(100).await?,
            }
        }
    }
}
