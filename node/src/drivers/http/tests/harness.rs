//! One node as the tests see it: started, asked, and given time to answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request as HttpRequest, StatusCode};
use ed25519_zebra::SigningKey;
use http_body_util::BodyExt as _;
use serde_json::Value;
use shared::{Address, Network, wire::NodeId, wire::PeerId};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use super::super::{Admin, Api, Identity, LogSigner, Shutdown, router, serve};
use super::samples::{self, Key};
use crate::accounts::{password::Cost, vault::Vault};
use crate::drivers::{
    clock,
    engine::{self, EngineHandle},
    miner::HashCap,
    net::LinkControl,
    outside::{Offer, Outside},
    store::RedbStore,
};
use crate::machine::{Machine, config::Config, effect::Effect, event::Event};

/// Longer than anything takes; a test that waits so long has failed.
pub(super) const LONG: Duration = Duration::from_secs(60);

/// A running node. Its threads end with its engine handle, its files with it.
pub(super) struct Node {
    pub(super) engine: EngineHandle,
    pub(super) router: Router,
    pub(super) address: SocketAddr,
    pub(super) shutdown: Shutdown,
    pub(super) network: Arc<Network>,
    /// Whom the node's blocks pay, except in a practice network.
    pub(super) miner: Key,
    pub(super) links: LinkControl,
    pub(super) vault: Arc<Vault>,
    pub(super) serving: JoinHandle<()>,
    pub(super) ended: oneshot::Receiver<Result<(), crate::machine::store::StoreError>>,
    folder: tempfile::TempDir,
}

/// How a node is started, where that is not the usual way.
pub(super) struct Setup {
    /// Distinguishes nodes: decides id, key and the miner's address.
    pub(super) number: u8,
    pub(super) network: Arc<Network>,
    /// Takes the place of the socket's address in what the router is told.
    pub(super) bound: Option<SocketAddr>,
    /// Whether proofs are found when they are asked for.
    pub(super) mines: bool,
    /// What lies here already; an empty folder otherwise.
    pub(super) folder: Option<tempfile::TempDir>,
    /// Whether the miner's account is everybody's.
    pub(super) practice: bool,
}

impl Setup {
    pub(super) fn new(number: u8) -> Self {
        Self { number, network: samples::network(), bound: None, mines: true, practice: false, folder: None }
    }

    pub(super) async fn start(mut self) -> Node {
        let folder = self.folder.take().unwrap_or_else(|| tempfile::tempdir().unwrap());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let miner = Key::new(self.number);
        let store = RedbStore::open(folder.path(), &self.network).unwrap();
        let reader = store.reader();
        // Passwords cost next to nothing.
        let cost = Cost::new(8, 1, 1).unwrap();
        let vault = Arc::new(Vault::open(folder.path(), cost, self.practice).unwrap());
        let rewarded = vault.practice().map_or(miner.address(), |account| account.address);
        let outside = Outside::default();
        let (engine, ended) = self.start_engine(store, rewarded, outside.clone());
        tokio::spawn(outside.clone().tell(engine.clone()));
        let links = LinkControl::default();
        tokio::spawn(keep_links(links.clone()));
        let shutdown = Shutdown::new();
        let bound = self.bound.unwrap_or(address);
        let api = Api {
            engine: engine.clone(),
            reader,
            progress: tokio::sync::watch::channel(None).1,
            network: self.network.clone(),
            identity: self.identity(address),
            log: LogSigner::new(log_key(self.number), &self.network),
            hash_cap: HashCap::new("200k".parse().unwrap()),
            outside,
            miner: rewarded,
            links: links.clone(),
            bound,
            admin: Admin::for_address(bound, folder.path()).unwrap(),
            vault: vault.clone(),
            shutdown: shutdown.clone(),
        };
        let router = router(api).unwrap();
        let serving = tokio::spawn(serve(listener, router.clone(), shutdown.clone()));
        let network = self.network;
        Node { engine, router, address, shutdown, network, miner, links, vault, serving, ended, folder }
    }

    fn identity(&self, address: SocketAddr) -> Identity {
        let peer_id = Key::new(self.number).peer_id();
        Identity {
            id: NodeId([self.number; 32]),
            address: format!("http://{address}"),
            stratum: None,
            peer_addresses: vec![format!("/ip4/127.0.0.1/tcp/4000/p2p/{peer_id}")],
            peer_id,
        }
    }

    fn start_engine(
        &self,
        store: RedbStore,
        miner: Address,
        outside: Outside,
    ) -> (EngineHandle, oneshot::Receiver<Result<(), crate::machine::store::StoreError>>) {
        let config = Config {
            peer: PeerId(Key::new(self.number).address().0),
            log_key: *LogSigner::new(log_key(self.number), &self.network).key().bytes(),
            miner,
            ..Config::alone(self.network.clone(), self.number)
        };
        let (outward, effects) = mpsc::unbounded_channel();
        let (machine, first) = Machine::open(config, store, clock::now()).unwrap();
        let (engine, ended) = engine::start(machine, first, outward).unwrap();
        tokio::spawn(carry_out(effects, engine.clone(), self.network.clone(), outside, self.mines));
        (engine, ended)
    }
}

/// Stands for the net driver: puts every wish in force.
async fn keep_links(links: LinkControl) {
    let mut wanted = links.wanted();
    loop {
        links.tell(|state| state.links = wanted.borrow_and_update().clone());
        if wanted.changed().await.is_err() {
            return;
        }
    }
}

/// The key that a node signs its log with.
fn log_key(number: u8) -> SigningKey {
    SigningKey::from([number; 32])
}

/// Stands for the miner: the targets are such that every second hash is a proof.
async fn carry_out(
    mut effects: mpsc::UnboundedReceiver<Effect>,
    engine: EngineHandle,
    network: Arc<Network>,
    outside: Outside,
    mines: bool,
) {
    while let Some(effect) = effects.recv().await {
        match effect {
            Effect::StartMining { template, .. } if mines => {
                let header = template.header(0, clock::wall());
                let proof = |nonce| template.solve(shared::Header { nonce, ..header }, 0, &network).ok();
                let block = (0..).find_map(proof).unwrap();
                let _ = engine.event(Event::Mined { block: Arc::new(block) }).await;
            }
            Effect::Offer { job, template } => outside.set_offer(Some(Offer::new(job, template))),
            Effect::Withdraw => outside.set_offer(None),
            _ => {}
        }
    }
}

/// What came back for a request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The JSON of an answer that must have this status.
    #[track_caller]
    pub(super) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self.json()
    }

    /// The sentence of an error that must have this status and be a proper problem.
    #[track_caller]
    pub(super) fn problem(self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let json = self.json();
        assert_eq!(json["status"], status);
        json["detail"].as_str().unwrap().to_owned()
    }
}

impl Node {
    pub(super) async fn start(number: u8) -> Self {
        Setup::new(number).start().await
    }

    /// Ends the node; its folder can then be another one's.
    pub(super) async fn stop(self) -> tempfile::TempDir {
        let Self { engine, router, shutdown, serving, ended, folder, network, .. } = self;
        shutdown.begin();
        serving.await.unwrap();
        engine.stop().await;
        ended.await.unwrap().unwrap();
        drop((router, engine));
        // Tasks that had the database open end by themselves.
        let free = async {
            while RedbStore::open(folder.path(), &network).is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, free).await.expect("nobody uses the database any more");
        folder
    }

    /// The node's data folder.
    pub(super) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Puts a request into the router.
    pub(super) async fn send(&self, request: HttpRequest<Body>) -> axum::response::Response {
        let answer = self.router.clone().oneshot(request);
        tokio::time::timeout(LONG, answer).await.expect("an answer in time").unwrap()
    }

    pub(super) async fn answer(&self, request: HttpRequest<Body>) -> Answer {
        let (parts, body) = self.send(request).await.into_parts();
        let body = tokio::time::timeout(LONG, body.collect()).await.expect("a body in time").unwrap();
        Answer { status: parts.status, headers: parts.headers, body: body.to_bytes().to_vec() }
    }

    /// A request under the node's own name.
    pub(super) fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        HttpRequest::builder().method(method).uri(path).header("host", self.address.to_string())
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.answer(self.request("GET", path).body(Body::empty()).unwrap()).await
    }

    pub(super) async fn post_empty(&self, path: &str) -> Answer {
        self.answer(self.request("POST", path).body(Body::empty()).unwrap()).await
    }

    pub(super) async fn post(&self, path: &str, json: &impl serde::Serialize) -> Answer {
        self.with_body("POST", path, "application/json", serde_json::to_vec(json).unwrap()).await
    }

    pub(super) async fn with_body(&self, method: &str, path: &str, media_type: &str, body: impl Into<Body>) -> Answer {
        self.answer(self.request(method, path).header("content-type", media_type).body(body.into()).unwrap()).await
    }

    /// Mines so many blocks.
    pub(super) async fn mine(&self, count: usize) {
        for _ in 0..count {
            self.post_empty("/mine").await.expect(201);
        }
    }

    /// The whole chain as JSON.
    pub(super) async fn chain(&self) -> Value {
        self.get("/chain").await.expect(200)
    }

    /// The whole chain as blocks.
    pub(super) async fn blocks(&self) -> Vec<shared::Block> {
        serde_json::from_value(self.chain().await["chain"].take()).unwrap()
    }

    /// Height and tip.
    pub(super) async fn tip(&self) -> (u64, String) {
        let health = self.get("/health").await.expect(200);
        (health["height"].as_u64().unwrap(), health["tip"].as_str().unwrap().to_owned())
    }
}
