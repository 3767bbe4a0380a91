//! Accounts over HTTP: making them, logging in, spending. What is allowed is decided by the vault
//! (`accounts::vault`) and the machine; here requests become questions to these two.
//!
//! Passwords and words cross the connection as they are, and HTTP does not encrypt. So all of these routes
//! answer to this machine alone, whatever address the node listens on; from elsewhere they are reached
//! through something that encrypts, such as an SSH tunnel or a proxy with TLS on the same machine.
//!
//! - `acting`: whose account a request uses; `cookie`: how browsers say so; `local`: where from
//! - `accounts`, `login`, `secrets`, `view`, `spend`: the routes
//! - `act`: signing in an account's name, for every route that does
//! - `refusal`: what goes wrong, in words; `body`: requests that hold secrets

mod accounts;
pub(super) mod act;
pub(super) mod acting;
mod body;
mod cookie;
mod local;
mod login;
mod refusal;
mod secrets;
mod spend;
mod view;

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use tokio::sync::Semaphore;

use self::{act::Turns, refusal::Refusal};
pub(super) use self::{local::Caller, refusal::sentence};
use super::{App, Shutdown, heavy, heavy::Slot, openapi::Routes, openapi::routes, problem::Problem, status::Identity};
use crate::accounts::vault::{Vault, VaultError};
use crate::drivers::clock;

/// Passwords tried at a time. Each takes 64 MiB and a processor for a while.
const AT_ONCE: usize = 2;
/// Requests that may wait for that.
const WAITING: usize = 16;
/// Longest pause between two looks for sessions that have run out.
const SWEEP: Duration = Duration::from_secs(60);

/// What an answer for the practice account says.
const PRACTICE_NOTE: &str = "practice account: everybody who reaches this node may spend from it";

/// What the routes share.
pub(super) struct Wallet {
    places: Slot,
    trials: Arc<Semaphore>,
    turns: Turns,
    cookie: String,
}

impl Wallet {
    /// For the node of this identity.
    pub(super) fn new(identity: &Identity) -> Self {
        Self {
            places: Slot::new(AT_ONCE + WAITING, "too many passwords are being checked"),
            trials: Arc::new(Semaphore::new(AT_ONCE)),
            turns: Turns::default(),
            cookie: cookie::name(identity),
        }
    }
}

impl App {
    /// Does what takes as long as trying a password, on a thread that may block, when it is its turn.
    async fn try_password<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Vault) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let place = self.wallet.places.take()?;
        let stopping = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The node is stopping; ask another one.");
        let turn = tokio::select! {
            turn = self.wallet.trials.clone().acquire_owned() => turn.map_err(|_| stopping())?,
            () = self.api.shutdown.begun() => return Err(stopping().into()),
        };
        let vault = self.api.vault.clone();
        let done = heavy::run(turn, &self.api.shutdown, move |_| {
            let outcome = work(&vault);
            drop(place);
            Ok(outcome)
        });
        Ok(done.await??)
    }
}

/// The routes, for callers on this machine.
pub(super) fn routes(app: &Arc<App>, none: Routes<Arc<App>>) -> Routes<Arc<App>> {
    let routes = none
        .routes(routes!(accounts::accounts, accounts::create_account))
        .routes(routes!(accounts::restore_account))
        .routes(routes!(login::log_in))
        .routes(routes!(login::log_out))
        .routes(routes!(view::wallet))
        .routes(routes!(spend::send))
        .routes(routes!(secrets::export_words))
        .routes(routes!(secrets::change_password));
    from_here(app, routes)
}

/// Lets routes that use accounts answer to callers on this machine only.
pub(super) fn from_here(app: &Arc<App>, routes: Routes<Arc<App>>) -> Routes<Arc<App>> {
    let local = from_fn_with_state(app.clone(), local::required);
    routes.wrapped(|router| router.layer(map_response(keep_out_of_caches)).layer(local))
}

async fn keep_out_of_caches(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Ends sessions as they run out, until the node is to end.
pub async fn sweep(vault: Arc<Vault>, shutdown: Shutdown) {
    while !shutdown.has_begun() {
        let now = clock::steady();
        let pause = vault.expire(now).map_or(SWEEP, |next| next.since(now).min(SWEEP));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.begun() => {}
        }
    }
}
