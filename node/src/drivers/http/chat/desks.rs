//! The desks of those who are logged in. Each is made when its owner first asks for chat, has a task that shows it the
//! chain and the pool whenever they change and sends what is due, and goes with its owner's last session.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use rand::rng;
use shared::Address;
use tokio::sync::{Notify, OwnedMutexGuard, broadcast};
use tokio::task::JoinError;

use super::{
    super::{App, problem::Problem, store_failed, wallet::act::sign_and_submit_if_poor},
    keep,
    shown::MessageShown,
};
use crate::accounts::session::Unlocked;
use crate::chat::{
    desk::{Desk, Errand, News},
    envelope::GroupId,
    follow::follow,
};
use crate::machine::store::ReadChain as _;

/// News that are kept for followers who have not taken them yet.
const KEPT_NEWS: usize = 1_024;
/// Messages of a room told one by one; of more at a time, the room is told.
const MOST_MESSAGES: usize = 64;
/// Longest time between two looks at whether somebody is still logged in.
const LOOK: Duration = Duration::from_secs(30);
/// Tries to see chain and pool as of the same tip.
const TRIES: usize = 4;

/// What changed for an account, as its followers are told.
#[derive(Debug, Clone)]
pub(in super::super) struct ChatNews {
    /// Whose.
    pub(in super::super) account: Address,
    /// The JSON of the event.
    pub(in super::super) json: Arc<str>,
}

impl ChatNews {
    /// That anything may be another.
    pub(in super::super) fn of_everything(account: Address) -> Self {
        Self::new(account, None, None)
    }

    /// Of a message, of a room, or of everything if of neither.
    fn new(account: Address, room: Option<GroupId>, message: Option<MessageShown>) -> Self {
        let mut json = serde_json::json!({ "event": "chat", "account": account, "room": room });
        if let Some(message) = message {
            json["message"] = serde_json::to_value(message).unwrap_or_default();
        }
        Self { account, json: json.to_string().into() }
    }
}

/// All desks of a node.
pub(in super::super) struct Desks {
    running: Mutex<BTreeMap<Address, Arc<Running>>>,
    news: broadcast::Sender<ChatNews>,
}

impl Default for Desks {
    fn default() -> Self {
        Self { running: Mutex::default(), news: broadcast::channel(KEPT_NEWS).0 }
    }
}

impl Desks {
    /// What changes from now on, for everybody's accounts.
    pub(in super::super) fn news(&self) -> broadcast::Receiver<ChatNews> {
        self.news.subscribe()
    }

    /// Has an account's desk look whether somebody is still logged in.
    pub(in super::super) fn look_again(&self, address: &Address) {
        if let Some(running) = self.with(|all| all.get(address).cloned()) {
            running.wake.notify_one();
        }
    }

    /// Makes room for another one.
    fn forget(&self, address: &Address, running: &Arc<Running>) {
        if self.is_known(address, running) {
            self.with(|all| all.remove(address));
        }
    }

    fn is_known(&self, address: &Address, running: &Arc<Running>) -> bool {
        self.with(|all| all.get(address).is_some_and(|known| Arc::ptr_eq(known, running)))
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<Address, Arc<Running>>) -> T) -> T {
        act(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A desk and how its task is woken.
struct Running {
    /// `None` until the chain was read.
    desk: Arc<tokio::sync::Mutex<Option<Desk>>>,
    /// Whose turn it is to write the outbox's file. It is taken by whoever has the desk, so that files are written in
    /// the order in which the outbox changed, and nobody has to wait with the desk until one is written.
    file: Arc<tokio::sync::Mutex<()>>,
    wake: Notify,
}

impl Running {
    /// Writes what changed in the outbox of this desk. The desk is free once this was called, not only when it is done.
    async fn write(
        self: &Arc<Self>,
        app: &Arc<App>,
        desk: &mut Desk,
    ) -> impl Future<Output = Result<(), Problem>> + Send + use<> {
        let file = self.file.clone().lock_owned().await;
        let (shelf, account) = (desk.changed_shelf(), desk.account().clone());
        let (app, running) = (app.clone(), self.clone());
        async move {
            let Some(shelf) = shelf else { return Ok(()) };
            let written = blocking(move || {
                let _turn = file;
                keep::write(app.api.vault.data_dir(), &account, &app.api.network.genesis_hash(), &shelf)
            });
            let written = written.await;
            if written.is_err()
                && let Some(desk) = running.desk.lock().await.as_mut()
            {
                desk.keep_shelf_later();
            }
            written
        }
    }
}

/// A desk that nobody else uses at the moment.
pub(super) struct Open {
    guard: OwnedMutexGuard<Option<Desk>>,
    running: Arc<Running>,
}

impl Open {
    pub(super) fn desk(&mut self) -> &mut Desk {
        self.guard.as_mut().expect("an open desk has read the chain")
    }

    /// Looks at it where that may take its time.
    ///
    /// # Errors
    /// 500 when that failed.
    pub(super) async fn look<T: Send + 'static>(
        mut self,
        look: impl FnOnce(&Desk) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        blocking(move || look(self.desk())).await
    }

    /// Has what was asked for sent, and waits until it is kept on disk; it is also when nobody waits.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub(super) async fn keep(mut self, app: &Arc<App>) -> Result<(), Problem> {
        let app = app.clone();
        let kept = tokio::spawn(async move {
            let running = self.running.clone();
            let written = running.write(&app, self.desk()).await;
            drop(self);
            running.wake.notify_one();
            written.await
        });
        kept.await.unwrap_or_else(|error| Err(failed(&error)))
    }
}

impl App {
    /// The desk of an account, as of the newest commit or a moment before. The first time this takes as long as reading
    /// its rooms.
    pub(super) async fn desk(self: &Arc<Self>, account: &Arc<Unlocked>) -> Result<Open, Problem> {
        loop {
            let fresh = || Arc::new(Running { desk: Arc::default(), file: Arc::default(), wake: Notify::new() });
            let running = self.desks.with(|running| running.entry(account.address).or_insert_with(fresh).clone());
            let mut guard = running.desk.clone().lock_owned().await;
            if guard.is_none() {
                // One that ended while this request waited for it is not begun again: there is another by now.
                if !self.desks.is_known(&account.address, &running) {
                    continue;
                }
                *guard = Some(self.read_desk(account).await?);
                tokio::spawn(run(self.clone(), account.clone(), running.clone()));
            }
            return Ok(Open { guard, running });
        }
    }

    /// Has the chat of an account go on that has chatted here before: what waits is sent, and a room that somebody left
    /// gets its next key, also when its owner looks at something else.
    pub(in super::super) fn resume_chat(self: &Arc<Self>, account: Arc<Unlocked>) {
        let app = self.clone();
        tokio::spawn(async move {
            if keep::exists(app.api.vault.data_dir(), &account)
                && let Err(problem) = app.desk(&account).await
            {
                tracing::warn!("the chat of {} does not go on: {}", account.name, problem.detail);
            }
        });
    }

    async fn read_desk(self: &Arc<Self>, account: &Arc<Unlocked>) -> Result<Desk, Problem> {
        let (app, account) = (self.clone(), account.clone());
        let desk = blocking(move || {
            let genesis = app.api.network.genesis_hash();
            let shelf = keep::read(app.api.vault.data_dir(), &account, &genesis)?;
            Ok(Desk::new(account, genesis, shelf))
        });
        let (mut desk, _) = self.show(desk.await?).await?;
        // All of it is new; nobody is told.
        desk.take_news();
        Ok(desk)
    }

    /// Shows a desk the chain and the pool. Tells whether it saw both as of the same tip.
    async fn show(self: &Arc<Self>, mut desk: Desk) -> Result<(Desk, bool), Problem> {
        for _ in 0..TRIES {
            let before = self.snapshot();
            let pool = self.pool().await?;
            desk = blocking(move || {
                let mut see = || -> crate::machine::store::Result<()> {
                    follow(&mut desk, &*before)?;
                    desk.wait(&pool);
                    follow(&mut desk, &*before)
                };
                see().map_err(store_failed)?;
                Ok(desk)
            })
            .await?;
            // A block that came between the two may have taken from the one what it brought to the other.
            let now = self.snapshot().tip().map_err(store_failed)?;
            if now == desk.tip().map(|(hash, _)| hash) {
                return Ok((desk, true));
            }
        }
        Ok((desk, false))
    }

    /// Shows a desk what there is, sends what is due, and tells what changed. Whether anything was sent.
    async fn turn(self: &Arc<Self>, running: &Arc<Running>, desk: Desk) -> Result<(Desk, bool), Problem> {
        let (mut desk, is_current) = self.show(desk).await?;
        let mut sent = false;
        // What stands neither in the pool of one moment nor on the chain of another is not to be sent twice.
        if is_current {
            let due;
            (desk, due) = blocking(move || {
                let due = desk.due(&mut rng());
                Ok((desk, due))
            })
            .await?;
            sent = send(self, running, &mut desk, due).await;
            if sent {
                // Nobody is to see it as it was before.
                (desk, _) = self.show(desk).await?;
            }
        }
        tell(self, &mut desk);
        Ok((desk, sent))
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Problem> + Send + 'static) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(failed(&error)))
}

fn failed(error: &JoinError) -> Problem {
    tracing::error!("chat failed: {error}");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The chat met a fault in the node; its log says more.")
}

/// Follows the chain for one desk until its owner is logged out or the node ends.
async fn run(app: Arc<App>, account: Arc<Unlocked>, running: Arc<Running>) {
    let mut journal = app.api.engine.journal();
    let mut goes_on = true;
    loop {
        journal.borrow_and_update();
        let mut guard = running.desk.lock().await;
        let goes_on_now = goes_on && app.api.vault.is_unlocked(&account.address);
        let turn = match guard.take().filter(|_| goes_on_now) {
            Some(desk) => app
                .turn(&running, desk)
                .await
                .inspect_err(|problem| {
                    tracing::warn!("the chat of {} ends for now: {}", account.name, problem.detail);
                })
                .ok(),
            None => None,
        };
        let Some((desk, sent)) = turn else {
            // After the last write, and before anybody else has the desk: so nobody reads what is on disk while
            // somebody still writes it.
            let _written = running.file.lock().await;
            return app.desks.forget(&account.address, &running);
        };
        *guard = Some(desk);
        drop(guard);
        if sent {
            continue;
        }
        tokio::select! {
            grown = journal.changed() => goes_on = grown.is_ok(),
            () = running.wake.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
            () = app.api.shutdown.begun() => goes_on = false,
        }
    }
}

/// Signs and sends; whether anything was taken.
async fn send(app: &Arc<App>, running: &Arc<Running>, desk: &mut Desk, due: Vec<Errand>) -> bool {
    let mut sent = false;
    for errand in due {
        let account = desk.account().clone();
        match sign_and_submit_if_poor(app, &account, errand.payload.clone()).await {
            Ok(transaction) => {
                desk.sent(&errand, &transaction);
                sent = true;
            }
            Err(problem) => desk.refused(&errand, &problem.detail),
        }
    }
    // What cannot be kept now is kept with the next change; it is in the pool, and on disk as what it was.
    tokio::spawn(running.write(app, desk).await);
    sent
}

/// Tells followers what changed.
fn tell(app: &App, desk: &mut Desk) {
    let news = desk.take_news();
    if app.desks.news.receiver_count() == 0 {
        return;
    }
    let account = desk.account().address;
    let mut messages: BTreeMap<GroupId, Vec<_>> = BTreeMap::new();
    for one in &news {
        if let News::Message(group, id) = one {
            messages.entry(*group).or_default().push(*id);
        }
    }
    let tell = |room: Option<GroupId>, message: Option<MessageShown>| {
        // Nobody may be listening any more.
        let _ = app.desks.news.send(ChatNews::new(account, room, message));
    };
    if news.contains(&News::Account) {
        tell(None, None);
    }
    let rooms = news.iter().filter_map(|one| if let News::Room(group) = one { Some(*group) } else { None });
    rooms.for_each(|room| tell(Some(room), None));
    for (group, ids) in messages {
        if ids.len() > MOST_MESSAGES {
            tell(Some(group), None);
            continue;
        }
        for id in ids {
            // One that is not there any more is gone from the room.
            let shown = desk.message(&group, &id).map(|seen| MessageShown::new(app, desk, seen));
            tell(Some(group), shown);
        }
    }
}
