//! Following one node's events into the timeline, from where the timeline last had them. When a node is to be
//! followed is the network's to know.

use std::time::Duration;

use node::client::{Client, ClientError, Events, ServerEvent};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{Block, BlockHash, TxId};

use super::entry::{About, Entry, NotTold, Told, What};
use super::record::{Recorder, now};

/// How long a node may take to answer a question.
const ANSWER: Duration = Duration::from_secs(30);
/// As much of a pool as a node tells at once: 4 MiB of transactions, which are several times as long in JSON.
const POOL: &str = "/transactions/pending?limit=1000000";
/// The most bytes of that.
const POOL_BYTES: usize = 32 << 20;
/// Events that are written at once.
const AT_ONCE: usize = 256;

#[derive(Deserialize)]
struct Health {
    height: u32,
    tip: BlockHash,
}

#[derive(Deserialize)]
struct Pending {
    transactions: Vec<Transaction>,
}

#[derive(Deserialize)]
struct Transaction {
    id: TxId,
}

/// A node that answers at `address`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Followed<'a> {
    pub(crate) number: u16,
    pub(crate) address: &'a str,
    pub(crate) client: &'a Client,
    pub(crate) recorder: &'a Recorder,
}

impl Followed<'_> {
    /// Writes down what the node tells, until it tells no more. What the timeline has already is not told again.
    ///
    /// # Errors
    /// The node has no events, or the connection broke, or the node did not say what it holds where its journal does
    /// not tell. Then the timeline is as before, and following it again begins there.
    pub(crate) async fn follow(&self) -> Result<(), ClientError> {
        let last = self.recorder.journal(self.number);
        let fresh = last.is_none() && self.get::<Health>("/health").await.is_ok_and(|health| health.height == 0);
        // The journal of a node that has just begun tells everything; that of an older one, nothing of when.
        let begin = if fresh { "/events?from=1" } else { "/events" };
        let url = format!("{}{begin}", self.address);
        let mut events = self.client.follow(&url, last.as_deref(), ANSWER).await?;
        if last.is_none() && !fresh {
            let held = self.held().await?;
            self.recorder.write([held]);
        }
        while let Some(event) = events.next().await? {
            self.take(event, &mut events).await?;
        }
        Ok(())
    }

    /// Writes down an event, and those that are here with it, up to the first gap. That comes with what the node holds
    /// after it, or not at all.
    async fn take(&self, event: ServerEvent, events: &mut Events) -> Result<(), ClientError> {
        let at = now();
        let mut told = Vec::new();
        let mut next = Some(event);
        while let Some(event) = next {
            let one = self.told(at, &event).await;
            if matches!(one.entry.what, What::Gap { .. }) {
                self.recorder.write(told);
                let held = self.held().await?;
                self.recorder.write([one, held]);
                return Ok(());
            }
            told.push(one);
            next = if told.len() < AT_ONCE { events.ready() } else { None };
        }
        self.recorder.write(told);
        Ok(())
    }

    async fn told(&self, at: u64, event: &ServerEvent) -> Told {
        let id = event.id.as_deref();
        let told = Told::by_node(at, self.number, id, &event.data).or_else(|error| match error {
            NotTold::NoObject(_) => {
                let other = json!({ "event": event.event, "data": event.data });
                Told::by_node(at, self.number, id, &other.to_string())
            }
            NotTold::TooLong => Err(error),
        });
        match told {
            Ok(told) => self.complete(told, &event.data).await,
            Err(error) => {
                // Of an event in passing, nothing that is numbered is missing.
                let asked: u64 = id.and_then(|id| id.split('.').next()?.parse().ok()).unwrap_or(0);
                let next = if id.is_some() { asked.saturating_add(1) } else { asked };
                let gap = What::Gap { asked, next, reason: format!("what it told is not taken: {error}") };
                Entry { journal: id.map(str::to_owned), ..Entry::node(at, self.number, gap) }.into()
            }
        }
    }

    /// Adds what an older node program does not tell of a block, unless the timeline has it.
    async fn complete(&self, told: Told, data: &str) -> Told {
        let What::Connected { hash, about: About { previous, miner, .. }, .. } = told.entry.what else { return told };
        if previous.is_some() && miner.is_some() {
            return told;
        }
        let _one_at_a_time = self.recorder.looking_up.lock().await;
        if self.recorder.block(&hash).is_some_and(|about| about.miner.is_some()) {
            return told;
        }
        let Ok(block) = self.get::<Block>(&format!("/blocks/{hash}")).await else { return told };
        let Ok(Value::Object(mut data)) = serde_json::from_str(data) else { return told };
        data.insert("previous".to_owned(), json!(block.header.previous));
        data.insert("miner".to_owned(), json!(block.coinbase.miner));
        data.insert("time".to_owned(), json!(block.header.time));
        let Entry { at, ref journal, .. } = told.entry;
        Told::by_node(at, self.number, journal.as_deref(), &Value::Object(data).to_string()).unwrap_or(told)
    }

    /// What the node holds, where its journal does not tell. Whatever it tells from then on leads on from there, even
    /// if it was told before.
    async fn held(&self) -> Result<Told, ClientError> {
        let Health { height, tip } = self.get("/health").await?;
        let client = self.client.clone().with_max_answer(POOL_BYTES);
        let pending: Result<Pending, _> = client.get(&format!("{}{}", self.address, POOL), ANSWER).await;
        let pool = match pending {
            Ok(pending) => pending.transactions.into_iter().map(|transaction| transaction.id).collect(),
            // Other node programs need not tell.
            Err(error) if error.status().is_some_and(|status| status.as_u16() == 404) => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(Entry::node(now(), self.number, What::Held { height, tip, pool }).into())
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.client.get(&format!("{}{path}", self.address), ANSWER).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;
    use node::drivers::http::problem::Problem;

    use super::*;

    /// A node whose journal begins anew after entry 3, and which is too busy to say what it holds when it is first
    /// asked.
    async fn node_with_a_gap() -> String {
        let hash = BlockHash([7; 32]);
        let events = format!(
            "id: 3\ndata: {{\"event\":\"pooled\",\"id\":\"{hash}\",\"returned\":false}}\n\n\
             id: 8\ndata: {{\"event\":\"gap\",\"asked\":4,\"next\":9,\"reason\":\"no longer kept\"}}\n\n\
             id: 9\ndata: {{\"event\":\"restarted\"}}\n\n"
        );
        let after_gap = "id: 9\ndata: {\"event\":\"restarted\"}\n\n";
        let gap = events.split_once("\n\n").unwrap().1.to_owned();
        let told = move |headers: axum::http::HeaderMap| async move {
            let last = headers.get("last-event-id").map(|last| last.to_str().unwrap().to_owned());
            match last.as_deref() {
                Some("2") => events,
                Some("3") => gap,
                Some("8") => after_gap.to_owned(),
                last => panic!("{last:?}"),
            }
        };
        let busy = AtomicBool::new(true);
        let busy = std::sync::Arc::new(busy);
        let health = move || async move {
            if busy.swap(false, Ordering::SeqCst) {
                return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy"));
            }
            Ok(axum::Json(json!({ "height": 5, "tip": hash })))
        };
        let router = Router::new().route("/events", get(told)).route("/health", get(health));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// A gap without what the node holds after it would leave the timeline wrong for good.
    #[tokio::test]
    async fn a_gap_is_written_down_with_what_the_node_holds_or_asked_for_again() {
        let dir = tempfile::tempdir().unwrap();
        let recorder = Recorder::resume(dir.path(), None, 1).unwrap();
        let before = Entry { journal: Some("2".to_owned()), ..Entry::node(1, 0, What::Resumed) };
        recorder.write([before.into()]);
        let address = node_with_a_gap().await;
        let followed = Followed { number: 0, address: &address, client: &Client::new(), recorder: &recorder };
        assert_eq!(followed.follow().await.unwrap_err().status().map(|status| status.as_u16()), Some(503));
        assert_eq!(recorder.journal(0).as_deref(), Some("3"));
        followed.follow().await.unwrap();
        let crate::timeline::Recent::Lines(lines) = recorder.lines(2, 10) else { panic!() };
        let told: Vec<String> = lines.iter().map(|line| line.event()).collect();
        assert_eq!(told, ["resumed", "pooled", "gap", "held", "restarted"]);
        assert_eq!(recorder.journal(0).as_deref(), Some("9"));
    }
}
