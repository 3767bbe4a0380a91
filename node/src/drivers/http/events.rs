//! The journal as server-sent events: numbered, resumable, with the transactions of each block that
//! joins the chain told one by one. A follower is given only what it has taken; one that takes nothing
//! is let go by its connection.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

use axum::extract::{Query, State, rejection::QueryRejection};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use serde::{Deserialize, Serialize};
use shared::{Address, BlockHash, Height, Seconds, TxId, Work};
use tokio::sync::{OwnedSemaphorePermit, broadcast, broadcast::error::RecvError, watch};
use utoipa::IntoParams;

use super::{App, chat::ChatNews, docs, problem::Problem, store_failed, wallet::acting::Acting};
use crate::drivers::store::Snapshot;
use crate::machine::{
    journal::ChainEvent,
    notice::Notice,
    store::{ReadChain, Result as StoreResult},
};

/// Clients that follow at a time.
pub(super) const MAX_FOLLOWERS: usize = 64;

/// Journal entries read at once.
const AT_ONCE: usize = 64;

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Begin {
    /// Number of the first journal entry; the oldest ever has number 1. What happens from now on unless
    /// given. The header `Last-Event-ID` goes before it.
    from: Option<u64>,
}

/// What happens to the chain
///
/// Server-sent events, each with one JSON object: `connected` (a block joined the active chain),
/// `confirmed` (a transaction in it), `reorganised` (the chain is about to move to another branch: both
/// tips, their work and miners, how many blocks leave and join, how many transactions wait again),
/// `disconnected` (a block left the active chain: everything said about it is retracted), `side` (a block
/// was stored beside the active chain, as its branch has not more work), `pooled` and `dropped` (a
/// transaction entered the pool, or left it unconfirmed, with the reason), `contradicted` (the alarm: a
/// block left the active chain although this node has signed the log up to it, see `/log`), `restarted` (the
/// node was started again, with a pool that has nothing but what follows), and `gap` (what was asked for is no
/// longer known; begin anew from the chain). `connected` and `side` tell the block's miner, parent, time and
/// accumulated work.
///
/// Told in passing, without an id, not kept, and lost to whoever is slow: `orphan` (a block whose parent
/// is not known here) and `penalty` (what a peer did wrong, and whether it is banned), each with the peer's
/// public id if that is known.
///
/// To whoever is logged in, by cookie or token, also in passing: `chat`, when something changed in the account's rooms:
/// a `message` that is new or stands elsewhere than before, a `room`, or the list of rooms (neither). The page of the node
/// fetches again what it shows of it.
///
/// The others' ids are numbers of journal entries, kept through restarts: a client that sends the last
/// one as `Last-Event-ID` misses nothing and gets nothing twice.
#[utoipa::path(
    get, path = "/events", tag = docs::EVENTS,
    params(Begin, ("Last-Event-ID" = Option<String>, Header, description = "Go on after this event")),
    responses(
        (status = 200, description = "The events", body = String, content_type = "text/event-stream"),
        (status = 400, description = "No place in the journal", body = docs::Problem),
        docs::Unavailable,
    )
)]
pub(super) async fn events(
    State(app): State<Arc<App>>,
    acting: Option<Acting>,
    begin: Result<Query<Begin>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let permit = app.followers.take()?;
    let next = match (headers.get("last-event-id"), begin?.0.from) {
        (Some(last), _) => after(last.to_str().unwrap_or_default())?,
        (None, Some(from)) => Place { entry: from.max(1), part: 0 },
        (None, None) => {
            let newest = app.snapshot().journal_end().map_err(store_failed)?;
            Place { entry: newest + 1, part: 0 }
        }
    };
    let shutdown = app.api.shutdown.clone();
    let journal = app.api.engine.journal();
    let notices = app.api.engine.notices();
    let chat = acting.map(|acting| (acting, app.desks.news()));
    let feed = Feed { app, journal, notices, chat, next, entries: VecDeque::new(), current: None, _permit: permit };
    let events = stream::unfold(feed, move |mut feed| {
        let shutdown = shutdown.clone();
        async move {
            tokio::select! {
                event = feed.event() => event.map(|event| (Ok::<_, Infallible>(event), feed)),
                () = shutdown.begun() => None,
            }
        }
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

/// A place in the journal: one of the events that an entry is told as.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    entry: u64,
    part: usize,
}

/// The place after the event with this id. Ids are `ENTRY` for the last event of an entry, which is the
/// only one for most, and `ENTRY.PART` for those before it.
fn after(id: &str) -> Result<Place, Problem> {
    let place = match id.split_once('.') {
        None => id.parse().ok().map(|entry: u64| Place { entry: entry.saturating_add(1), part: 0 }),
        Some((entry, part)) => {
            let part = part.parse().ok().map(|part: usize| part.saturating_add(1));
            entry.parse().ok().zip(part).map(|(entry, part)| Place { entry, part })
        }
    };
    place.ok_or_else(|| {
        Problem::bad_request("Last-Event-ID must be the id of an event of this node, such as 17 or 17.2.")
    })
}

/// One follower.
struct Feed {
    app: Arc<App>,
    journal: watch::Receiver<u64>,
    notices: broadcast::Receiver<Notice>,
    /// Whose chat is told besides.
    chat: Option<(Acting, broadcast::Receiver<ChatNews>)>,
    /// The next event to tell.
    next: Place,
    /// Entries read and not told yet.
    entries: VecDeque<(u64, ChainEvent)>,
    current: Option<Telling>,
    _permit: OwnedSemaphorePermit,
}

/// An entry that is being told.
struct Telling {
    number: u64,
    entry: ChainEvent,
    about: About,
    /// The transactions that it confirms.
    confirms: Vec<TxId>,
    parts: Range<usize>,
}

/// An entry with what the store knows of the blocks that it names.
#[derive(Serialize)]
struct Explained<'a> {
    #[serde(flatten)]
    entry: &'a ChainEvent,
    #[serde(flatten)]
    about: &'a About,
}

/// What an entry leaves to the store.
#[derive(Serialize)]
#[serde(untagged)]
enum About {
    Nothing {},
    Block {
        #[serde(skip_serializing_if = "Option::is_none")]
        previous: Option<BlockHash>,
        miner: Address,
        work: Work,
        time: Seconds,
    },
    Tips {
        from_miner: Option<Address>,
        to_miner: Option<Address>,
    },
}

impl About {
    /// With the transactions that it confirms. Of most entries there is nothing to look up.
    fn of(entry: &ChainEvent, chain: &Snapshot) -> StoreResult<(Self, Vec<TxId>)> {
        match entry {
            ChainEvent::Connected { hash, transactions, .. } => {
                let block = if *transactions > 0 { chain.block(hash)? } else { None };
                let confirms = block.iter().flat_map(|block| block.transactions()).map(|transaction| transaction.id());
                Ok((Self::of_block(hash, true, chain)?, confirms.collect()))
            }
            // It names its parent itself.
            ChainEvent::Side { hash, .. } => Ok((Self::of_block(hash, false, chain)?, Vec::new())),
            ChainEvent::Reorganised { from, to, .. } => {
                let miner = |hash: &BlockHash| chain.coinbase(hash).map(|found| found.map(|coinbase| coinbase.miner));
                Ok((Self::Tips { from_miner: miner(from)?, to_miner: miner(to)? }, Vec::new()))
            }
            _ => Ok((Self::Nothing {}, Vec::new())),
        }
    }

    fn of_block(hash: &BlockHash, with_parent: bool, chain: &Snapshot) -> StoreResult<Self> {
        Ok(match (chain.entry(hash)?, chain.coinbase(hash)?) {
            (Some(entry), Some(coinbase)) => Self::Block {
                previous: with_parent.then_some(entry.header.previous),
                miner: coinbase.miner,
                work: entry.position.work,
                time: entry.header.time,
            },
            _ => Self::Nothing {},
        })
    }
}

/// A transaction is in a block of the active chain.
#[derive(Serialize)]
#[serde(tag = "event", rename = "confirmed")]
struct Confirmed {
    id: TxId,
    block: BlockHash,
    height: Height,
    position: usize,
}

/// Entries asked for are no longer known, or never were.
#[derive(Serialize)]
#[serde(tag = "event", rename = "gap")]
struct Gap {
    asked: u64,
    next: u64,
    reason: &'static str,
}

impl Feed {
    /// The next event; waits for one. `None` when there will be no more.
    async fn event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.current.as_mut().and_then(Telling::event) {
                return Some(event);
            }
            let read = if self.entries.is_empty() { self.read() } else { self.begin_entry().map(|()| None) };
            match read {
                Ok(Some(event)) => return Some(event),
                Ok(None) if self.entries.is_empty() && self.current.is_none() => {
                    if let Some(event) = self.wait().await? {
                        return Some(event);
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!("the journal cannot be read: {error}");
                    return None;
                }
            }
        }
    }

    /// Waits until the journal grows or there is a notice to tell; `None` when neither will be.
    async fn wait(&mut self) -> Option<Option<Event>> {
        tokio::select! {
            biased;
            grown = self.journal.changed() => grown.ok().map(|()| None),
            notice = self.notices.recv() => match notice {
                Ok(notice) => Some(Some(in_passing(&notice))),
                Err(RecvError::Lagged(_)) => Some(None),
                Err(RecvError::Closed) => None,
            },
            news = chat_news(&mut self.chat, &self.app) => Some(Some(Event::default().event("chat").data(&*news.json))),
        }
    }

    /// Reads more entries; gives an event if some are gone.
    fn read(&mut self) -> StoreResult<Option<Event>> {
        self.current = None;
        self.journal.borrow_and_update();
        let snapshot = self.app.snapshot();
        self.entries = snapshot.journal(self.next.entry, AT_ONCE)?.into();
        let asked = self.next.entry;
        let (next, reason) = match self.entries.front() {
            Some((first, _)) if *first > asked => (*first, "the entries before are no longer kept"),
            Some(_) => return Ok(None),
            None => match snapshot.journal_end()? + 1 {
                next if next < asked => (next, "the journal does not reach this far: it was begun anew"),
                _ => return Ok(None),
            },
        };
        self.next = Place { entry: next, part: 0 };
        Ok(Some(event(&Gap { asked, next, reason }, "gap", (next - 1).to_string())))
    }

    fn begin_entry(&mut self) -> StoreResult<()> {
        self.current = None;
        let Some((number, entry)) = self.entries.pop_front() else { return Ok(()) };
        let (about, confirms) = About::of(&entry, &self.app.snapshot())?;
        let first = if number == self.next.entry { self.next.part } else { 0 };
        self.next = Place { entry: number.saturating_add(1), part: 0 };
        let parts = first..confirms.len() + 1;
        self.current = Some(Telling { number, entry, about, confirms, parts });
        Ok(())
    }
}

/// The next news of the follower's own account; never comes for those who have none, or are logged out.
async fn chat_news(chat: &mut Option<(Acting, broadcast::Receiver<ChatNews>)>, app: &App) -> ChatNews {
    while let Some((acting, news)) = chat {
        let account = acting.account.address;
        match news.recv().await {
            Ok(_) | Err(RecvError::Lagged(_)) if !acting.holds(&app.api.vault) => *chat = None,
            Ok(news) if news.account == account => return news,
            Ok(_) => {}
            // Whoever reads slowly is told that all of it may be another.
            Err(RecvError::Lagged(_)) => return ChatNews::of_everything(account),
            Err(RecvError::Closed) => *chat = None,
        }
    }
    std::future::pending().await
}

impl Telling {
    fn event(&mut self) -> Option<Event> {
        let part = self.parts.next()?;
        let id = if self.parts.is_empty() { self.number.to_string() } else { format!("{}.{part}", self.number) };
        let name = match &self.entry {
            ChainEvent::Connected { height, hash, .. } => match part.checked_sub(1) {
                Some(position) => {
                    let confirmed =
                        Confirmed { id: *self.confirms.get(position)?, block: *hash, height: *height, position };
                    return Some(event(&confirmed, "confirmed", id));
                }
                None => "connected",
            },
            ChainEvent::Disconnected { .. } => "disconnected",
            ChainEvent::Reorganised { .. } => "reorganised",
            ChainEvent::Side { .. } => "side",
            ChainEvent::Pooled { .. } => "pooled",
            ChainEvent::Dropped { .. } => "dropped",
            ChainEvent::Contradicted { .. } => "contradicted",
            ChainEvent::Restarted => "restarted",
        };
        Some(event(&Explained { entry: &self.entry, about: &self.about }, name, id))
    }
}

fn event(data: &impl Serialize, name: &str, id: String) -> Event {
    // These types have only fields that JSON can hold.
    let json = serde_json::to_string(data).unwrap_or_default();
    Event::default().event(name).id(id).data(json)
}

/// Without an id, so that a follower's place in the journal stays where it is.
fn in_passing(notice: &Notice) -> Event {
    let name = match notice {
        Notice::Orphan { .. } => "orphan",
        Notice::Penalty { .. } => "penalty",
    };
    Event::default().event(name).data(serde_json::to_string(notice).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lead_to_the_place_after_them() {
        assert_eq!(after("17").unwrap(), Place { entry: 18, part: 0 });
        assert_eq!(after("17.0").unwrap(), Place { entry: 17, part: 1 });
        assert_eq!(after(&u64::MAX.to_string()).unwrap().entry, u64::MAX);
        for wrong in ["", "x", "-1", "17.", ".1", "1.2.3", "99999999999999999999"] {
            assert_eq!(after(wrong).unwrap_err().status, 400, "{wrong}");
        }
    }
}
