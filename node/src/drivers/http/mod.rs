//! The node's HTTP interface: its routes, who may use them, and the server behind them.
//!
//! What stands in the chain is read from snapshots of the database and never waits for the machine;
//! what only the machine knows or decides is asked of it through its engine. Handlers turn requests
//! into those two and answers into JSON; no rule of the protocol is decided here.
//!
//! - reading: `chain` (streamed), `reads` (blocks, accounts), `transactions`, `status`, `metrics`
//! - the feed of events: `events`
//! - the chain as books, and as a log with proofs and receipts: `ledger`, `log`
//! - many transactions at once: `batch`
//! - acting: `mining` and `strategy` (how), `getwork` (by miners of other makes), `blocks` (new blocks, asking peers), `replace`, `nodes` with
//!   `registration`, `links`
//! - accounts, logging in, spending: `wallet`
//! - group chat, end-to-end encrypted: `chat`
//! - what browsers show: `pages`, with the files in `node/web`
//! - around them: `guard` and `token` (who may), `extract` (reading requests), `heavy` (one big job at
//!   a time), `serve` and `patience` (connections), `problem` (errors), `openapi` (what its documents have in
//!   common with other servers') and `docs` (its own)

mod batch;
mod blocks;
mod chain;
mod chat;
mod docs;
mod events;
mod extract;
mod getwork;
pub mod guard;
mod heavy;
mod ledger;
mod links;
mod log;
mod metrics;
mod mining;
mod nodes;
pub mod openapi;
pub mod pages;
mod patience;
pub mod problem;
mod reads;
mod registration;
mod replace;
mod serve;
mod status;
mod strategy;
mod token;
mod transactions;
mod valid;
mod wallet;

#[cfg(test)]
mod tests;

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Json, Response};
use shared::{Address, Network};
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;

use self::{
    chat::Desks, heavy::Slot, metrics::Counted, openapi::Handlers, openapi::Routes, openapi::routes, openapi::verb,
    problem::Problem, status::Introduction, wallet::Wallet,
};
pub use self::{
    log::LogSigner,
    serve::{Shutdown, serve},
    status::{Identity, NodeInfo},
    token::{Admin, FILE as TOKEN_FILE},
    wallet::sweep,
};
use super::{
    engine::EngineHandle,
    miner::HashCap,
    net::LinkControl,
    outside::Outside,
    progress::Progress,
    store::{RedbReader, Snapshot},
};
use crate::{
    accounts::vault::Vault,
    client::Client,
    machine::{
        effect::Reply,
        event::Request,
        store::{ReadChain, StoreError},
    },
};

/// Everything that the interface needs of its node.
pub struct Api {
    /// The machine.
    pub engine: EngineHandle,
    /// Where snapshots of the chain come from.
    pub reader: RedbReader,
    /// How far the node is while it catches up.
    pub progress: watch::Receiver<Option<Progress>>,
    /// The network whose rules hold.
    pub network: Arc<Network>,
    /// Who this node is.
    pub identity: Identity,
    /// Signs for this node's log.
    pub log: LogSigner,
    /// Its miner's cap.
    pub hash_cap: HashCap,
    /// Where miners of other makes get work.
    pub outside: Outside,
    /// Whom its blocks pay.
    pub miner: Address,
    /// The conditions of its ways to peers.
    pub links: LinkControl,
    /// The address that the server listens on. Requests must name it, or a loopback name, as their
    /// `Host`.
    pub bound: SocketAddr,
    /// Who may administer the node; see [`Admin::for_address`].
    pub admin: Admin,
    /// The accounts of its users.
    pub vault: Arc<Vault>,
    /// Begun by `/shutdown`. Whoever runs the node waits for it, and begins it when there is another
    /// reason to end: answers that take long are given up then.
    pub shutdown: Shutdown,
}

/// What the handlers share.
struct App {
    api: Api,
    client: Client,
    validating: Slot,
    replacing: Slot,
    followers: Slot,
    counted: Counted,
    introduction: Introduction,
    wallet: Wallet,
    desks: Desks,
    getwork: Arc<getwork::Desk>,
}

impl App {
    /// The chain as of the newest commit.
    fn snapshot(&self) -> Arc<Snapshot> {
        self.api.reader.snapshot()
    }

    /// Asks the machine. Nobody waits for the answer of a node that is stopping.
    async fn ask(&self, request: Request) -> Result<Reply, Problem> {
        let stopping = || {
            let detail = "The node is stopping. It may have passed on what was sent: look before you send it again.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        };
        tokio::select! {
            reply = self.api.engine.request(request) => reply.map_err(|_| stopping()),
            () = self.api.shutdown.begun() => Err(stopping()),
        }
    }
}

fn store_failed(error: StoreError) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("The chain cannot be read: {error}."))
}

/// The machine answered another question than was asked, or refused what it never refuses.
fn unexpected(reply: &Reply) -> Problem {
    match reply {
        Reply::Refused(refused) => Problem::conflict(format!("The node refused: {refused}.")),
        other => {
            tracing::error!("the machine gave an unexpected reply: {other:?}");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The node gave itself an answer that it does not expect.")
        }
    }
}

/// The tip's hash and height.
fn tip_of(snapshot: &Snapshot) -> Result<(shared::BlockHash, shared::Height), Problem> {
    let missing = || store_failed(StoreError::Damaged("the tip is missing".into()));
    let hash = snapshot.tip().map_err(store_failed)?.ok_or_else(missing)?;
    let entry = snapshot.entry(&hash).map_err(store_failed)?.ok_or_else(missing)?;
    Ok((hash, entry.position.height))
}

/// All routes, behind the guards.
///
/// # Errors
/// [`problem::Problem`] with status 500 when the chain cannot be read.
pub fn router(api: Api) -> Result<Router, Problem> {
    let hosts = guard::Hosts::of(api.bound);
    let counted = Counted::from_now(&*api.reader.snapshot()).map_err(store_failed)?;
    let wallet = Wallet::new(&api.identity);
    let getwork = getwork::Desk::new(api.outside.clone(), api.miner);
    let app = Arc::new(App {
        api,
        client: Client::new(),
        validating: Slot::new(1, "the chain is being checked for somebody else"),
        replacing: Slot::new(1, "another chain is being weighed"),
        followers: Slot::new(events::MAX_FOLLOWERS, "too many clients follow the events"),
        counted,
        introduction: Introduction::default(),
        wallet,
        desks: Desks::default(),
        getwork,
    });
    if let Some(account) = app.api.vault.practice() {
        app.resume_chat(account);
    }
    let router = routes(&app, Routes::served())
        .into_router()
        .route(openapi::DOCUMENT, axum::routing::get(document))
        .with_state(app)
        .route("/web/{*path}", axum::routing::get(pages::web))
        .merge(openapi::pages())
        .fallback(problem::unknown_path)
        .method_not_allowed_fallback(problem::wrong_method);
    Ok(guard::guarded(router, hosts).layer(CatchPanicLayer::custom(after_panic)))
}

async fn document(State(app): State<Arc<App>>) -> Json<OpenApi> {
    let mut document = routes(&app, Routes::documented(docs::frame())).into_document();
    docs::name_rest(&mut document, log::TILE_ROUTE, log::TILE_PATH);
    Json(document)
}

fn routes(app: &Arc<App>, none: Routes<Arc<App>>) -> Routes<Arc<App>> {
    let required = from_fn_with_state(app.clone(), token::required);
    let admin = |handlers: Handlers<Arc<App>>| handlers.map(|methods| methods.layer(required.clone()));
    let (ledger, log) = (ledger::ledger_routes(app, none.none()), log::log_routes(none.none()));
    let (wallet, chat) = (wallet::routes(app, none.none()), chat::routes(app, none.none()));
    let getwork = getwork::getwork_routes(none.none());
    none.routes(routes!(status::index))
        .routes(routes!(status::node_id))
        .routes(routes!(status::health))
        .routes(routes!(metrics::metrics))
        .routes(verb(routes!(mining::mine), mining::mine))
        .routes(admin(routes!(mining::start)))
        .routes(admin(routes!(mining::stop)))
        .routes(admin(routes!(mining::set_hash_rate)))
        .merge(getwork)
        .routes(admin(routes!(strategy::strategy, strategy::change)))
        .routes(routes!(chain::chain))
        .routes(admin(routes!(replace::replace)))
        .routes(routes!(reads::block))
        .routes(routes!(reads::account))
        .routes(routes!(valid::valid))
        .routes(blocks::new_routes())
        .routes(verb(routes!(blocks::resolve), blocks::resolve))
        .routes(routes!(nodes::nodes))
        .routes(admin(routes!(nodes::register, nodes::unregister)))
        .routes(admin(routes!(nodes::unregister_one)))
        .routes(routes!(links::links))
        .routes(admin(routes!(links::set)))
        .routes(routes!(transactions::submit))
        .routes(routes!(batch::submit_batch))
        .routes(routes!(transactions::pending))
        .routes(routes!(transactions::transaction))
        .merge(ledger)
        .merge(log)
        .routes(routes!(events::events))
        .routes(admin(verb(routes!(status::shutdown), status::shutdown)))
        .merge(wallet)
        .merge(chat)
}

/// The last net under the handlers: a fault of this program, told as such.
fn after_panic(panic: Box<dyn Any + Send>) -> Response {
    let what = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!("a request ended in a panic: {}", what.unwrap_or("no message"));
    let detail = "This request met a fault in the node; its log says more. Other requests are not affected.";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail).into_response()
}
