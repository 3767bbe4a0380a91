//! `/events`: the timeline as server-sent events, as it is written. A follower is given only what it has taken; one
//! that falls far behind loses its connection, and goes on from the file when it comes back.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use node::drivers::http::problem::Problem;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};

use utoipa::IntoParams;

use super::{Api, docs};
use crate::network::Ending;
use crate::scenario::RunState;
use crate::timeline::{Line, ReadError, Reader, Recent, Recorder};

/// Clients that follow at a time.
pub(super) const MAX_FOLLOWERS: usize = 64;
/// Lines read at once.
const AT_ONCE: usize = 256;

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Begin {
    /// Number of the first entry; the first ever has number 1. What happens from now on unless given. The header
    /// `Last-Event-ID` goes before it.
    from: Option<u64>,
}

/// Everything that happens, as it happens
///
/// The lines of the timeline as server-sent events: the name is the line's `event`, the id is the number of the entry. A
/// client that comes back with `Last-Event-ID` goes on where it was, whatever happened meanwhile; what is no longer kept
/// is told as `gap`. Ends when the network has ended.
#[utoipa::path(
    get, path = "/events", tag = docs::TIMELINE, params(Begin, docs::LastEventId),
    responses(
        (status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream"),
        (status = 400, description = "The id or the number is none", body = docs::Problem),
        docs::TooManyFollow, docs::Foreign,
    )
)]
pub(super) async fn events(
    State(api): State<Api>,
    begin: Result<Query<Begin>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let over = Over::Network(api.closing.report.subscribe());
    follow(&api, api.network.timeline.clone(), over, begin?.0, &headers)
}

/// The events of this timeline.
pub(super) fn follow(
    api: &Api,
    recorder: Arc<Recorder>,
    over: Over,
    begin: Begin,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let full = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Too many clients follow already; try again later.");
    let permit = api.followers.clone().try_acquire_owned().map_err(|_| full())?;
    let newest = *recorder.watch().borrow();
    let asked = match (headers.get("last-event-id"), begin.from) {
        (Some(last), _) => Some(after(last.to_str().unwrap_or_default())?),
        (None, from) => from.map(|from| from.max(1)),
    };
    let written = recorder.watch();
    let feed = Feed {
        recorder,
        next: asked.unwrap_or(newest),
        waiting: VecDeque::new(),
        source: Source::Unknown,
        written,
        over,
        said: false,
        _permit: permit,
    };
    let events = stream::unfold(feed, |mut feed| async move {
        let event = feed.event().await?;
        Some((Ok::<_, Infallible>(event), feed))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

/// The number after the one of the last event.
fn after(id: &str) -> Result<u64, Problem> {
    let number = id.parse::<u64>().ok();
    number
        .map(|number| number.saturating_add(1))
        .ok_or_else(|| Problem::bad_request("Last-Event-ID must be the id of an event of this manager, such as 17."))
}

/// One follower.
struct Feed {
    recorder: Arc<Recorder>,
    /// Number of the next entry to tell.
    next: u64,
    waiting: VecDeque<Line>,
    source: Source,
    written: watch::Receiver<u64>,
    over: Over,
    /// Whether it was told that there will be no more.
    said: bool,
    _permit: OwnedSemaphorePermit,
}

/// When a timeline is over.
pub(super) enum Over {
    /// When the network has told how its nodes ended.
    Network(watch::Receiver<Option<Arc<[Ending]>>>),
    /// When the run has ended.
    Run(watch::Receiver<RunState>),
}

impl Over {
    fn is_over(&self) -> bool {
        match self {
            Self::Network(report) => report.borrow().is_some(),
            Self::Run(state) => state.borrow().is_over(),
        }
    }

    /// Waits until that may be another.
    async fn changed(&mut self) -> Result<(), watch::error::RecvError> {
        match self {
            Self::Network(report) => report.changed().await,
            Self::Run(state) => state.changed().await,
        }
    }
}

/// From where a follower gets its lines.
enum Source {
    /// It has not had any.
    Unknown,
    /// The file, up to its end.
    File(Box<Reader>),
    /// Memory. There is no way back.
    Memory,
}

impl Feed {
    /// The next event; waits for one. `None` when there will be no more, or the follower is too far behind.
    async fn event(&mut self) -> Option<Event> {
        loop {
            if let Some(line) = self.waiting.pop_front() {
                if let Some(gap) = self.gap(&line) {
                    self.waiting.push_front(line);
                    return Some(gap);
                }
                self.next = line.number + 1;
                return Some(told(&line));
            }
            self.source = match std::mem::replace(&mut self.source, Source::Memory) {
                Source::File(reader) => {
                    self.source = self.read(reader).await?;
                    continue;
                }
                other => other,
            };
            let newest = *self.written.borrow_and_update();
            if self.next > newest {
                let asked = std::mem::replace(&mut self.next, newest);
                return Some(told_gap(asked, newest, "the timeline does not reach this far: it was begun anew"));
            }
            match (self.recorder.lines(self.next, AT_ONCE), &self.source) {
                (Recent::Lines(lines), _) => {
                    self.waiting = lines.into();
                    self.source = Source::Memory;
                }
                (Recent::InFile, Source::Unknown) => {
                    let path = self.recorder.path().to_owned();
                    let opened = tokio::task::spawn_blocking(move || Reader::open(&path)).await.ok()?;
                    self.source = Source::File(Box::new(opened.ok()?));
                }
                (Recent::InFile, _) => return None,
                (Recent::Nothing, _) => {
                    // The last word of a network that is stopped is how its nodes ended.
                    if self.over.is_over() {
                        return self.last_word();
                    }
                    tokio::select! {
                        changed = self.written.changed() => changed.ok()?,
                        ended = self.over.changed() => ended.ok()?,
                    }
                }
            }
        }
    }

    /// What followers of a run that is over are told, so that they do not come back for more.
    fn last_word(&mut self) -> Option<Event> {
        let told = std::mem::replace(&mut self.said, true);
        let run = matches!(self.over, Over::Run(_));
        (run && !told).then(|| Event::default().event("over").data(json!({ "event": "over" }).to_string()))
    }

    /// Reads more lines of the file; once there are none, memory has what follows.
    async fn read(&mut self, mut reader: Box<Reader>) -> Option<Source> {
        let next = self.next;
        let read = tokio::task::spawn_blocking(move || {
            let mut lines = VecDeque::new();
            while lines.len() < AT_ONCE {
                match reader.line()? {
                    None => return Ok::<_, ReadError>((lines, Source::Memory)),
                    Some(line) if line.number >= next => lines.push_back(line),
                    Some(_) => {}
                }
            }
            Ok((lines, Source::File(reader)))
        });
        let (lines, source) = read.await.ok()?.ok()?;
        self.waiting = lines;
        Some(source)
    }

    /// What is to be said before a line if those before it are gone: they were so before they were asked for, or
    /// files were begun faster than this one was read.
    fn gap(&mut self, line: &Line) -> Option<Event> {
        let asked = self.next;
        self.next = asked.max(line.first);
        (line.first > asked).then(|| told_gap(asked, line.first, "the entries before are no longer kept"))
    }
}

fn told(line: &Line) -> Event {
    Event::default().event(line.event()).id(line.number.to_string()).data(&*line.text)
}

/// `entries` is how many are missing, where that is known.
fn told_gap(asked: u64, next: u64, reason: &str) -> Event {
    let entries = next.checked_sub(asked);
    let gap = json!({ "event": "gap", "asked": asked, "next": next, "entries": entries, "reason": reason });
    Event::default().event("gap").id(next.saturating_sub(1).to_string()).data(gap.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lead_to_the_entry_after_them() {
        assert_eq!(after("17").unwrap(), 18);
        for wrong in ["", "x", "-1", "1.2", "99999999999999999999"] {
            assert_eq!(after(wrong).unwrap_err().status, 400, "{wrong}");
        }
    }

    /// What a node calls its events is its own affair, and must not break the stream of everybody.
    #[test]
    fn any_line_makes_an_event() {
        for name in ["pooled", "a\nb", "a\r\nb", ""] {
            let text = json!({ "event": name, "text": "a\nb" }).to_string();
            let line = Line { first: 3, number: 3, text: format!("{text}\r").into() };
            let shown = format!("{:?}", told(&line));
            let named = !name.is_empty() && !name.contains(char::is_control);
            assert_eq!(
                (line.event().as_str(), shown.contains("id: 3")),
                (if named { name } else { "" }, true),
                "{shown}"
            );
        }
    }
}
