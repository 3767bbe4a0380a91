//! Following one node's events into the timeline, from where the timeline last had them. When a node is to be
//! followed is the network's to know.

use std::time::Duration;

use node::client::{Client, ClientError, Events, ServerEvent};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{Block, BlockHash, TxId};

use super::entry::{About, Entry, Told, What};
use super::record::{Recorder, now};

/// How long a node may take to answer a question.
const ANSWER: Duration = Duration::from_secs(30);
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
    /// The node has no events, or the connection broke.
    pub(crate) async fn follow(&self) -> Result<(), ClientError> {
        let last = self.recorder.journal(self.number);
        let fresh = last.is_none() && self.get::<Health>("/health").await.is_ok_and(|health| health.height == 0);
        // The journal of a node that has just begun tells everything; that of an older one, nothing of when.
        let begin = if fresh { "/events?from=1" } else { "/events" };
        let url = format!("{}{begin}", self.address);
        let mut events = self.client.follow(&url, last.as_deref(), ANSWER).await?;
        if last.is_none() && !fresh {
            self.held().await;
        }
        while let Some(event) = events.next().await? {
            let gap = self.take(event, &mut events).await;
            if gap {
                self.held().await;
            }
        }
        Ok(())
    }

    /// Writes down an event, and those that are here with it. Tells whether one was a gap.
    async fn take(&self, event: ServerEvent, events: &mut Events) -> bool {
        let at = now();
        let mut told = Vec::new();
        let mut next = Some(event);
        while let Some(event) = next {
            told.push(self.told(at, &event).await);
            next = if told.len() < AT_ONCE { events.ready() } else { None };
        }
        let gap = told.iter().any(|told| matches!(told.entry.what, What::Gap { .. }));
        self.recorder.write(told);
        gap
    }

    async fn told(&self, at: u64, event: &ServerEvent) -> Told {
        let id = event.id.as_deref();
        let told = Told::by_node(at, self.number, id, &event.data);
        let told = told.or_else(|_| {
            let other = json!({ "event": event.event, "data": event.data });
            Told::by_node(at, self.number, id, &other.to_string())
        });
        match told {
            Ok(told) => self.complete(told, &event.data).await,
            // An object of two texts can be read.
            Err(_) => Entry::node(at, self.number, What::Other(serde_json::Map::new())).into(),
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

    /// Writes down what the node holds, where its journal does not tell. Whatever it tells from then on leads on
    /// from there, even if it was told before.
    async fn held(&self) {
        let Ok(Health { height, tip }) = self.get("/health").await else { return };
        let pool = self.get::<Pending>("/transactions/pending").await;
        let pool = pool.map(|pending| pending.transactions).unwrap_or_default();
        let pool = pool.into_iter().map(|transaction| transaction.id).collect();
        self.recorder.node(self.number, What::Held { height, tip, pool });
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.client.get(&format!("{}{path}", self.address), ANSWER).await
    }
}
