//! Records by topic, author and time.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State, rejection::QueryRejection};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::{
    Address, Amount, BlockHash, Height, Millis, Payload, Seconds, Topic, Transaction, TxId,
    record::{Content, Record},
};
use utoipa::{IntoParams, ToSchema};

use super::super::{App, docs, problem::Problem, store_failed};
use super::{Books, Cursor, damaged, page_size, read};
use crate::{
    drivers::store::Snapshot,
    machine::store::{Location, ReadChain as _, Result as StoreResult, Touch},
};

/// Places read from an index at once.
const AT_ONCE: usize = 256;
/// Places looked at for one page. A page that found fewer records than it may have by then ends there, and
/// says where to go on.
const MAX_LOOKS: usize = 10_000;

/// Which records.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Filed under this topic.
    topic: Option<String>,
    /// Signed by this account.
    #[param(value_type = Option<String>)]
    author: Option<Address>,
    /// Confirmed at this time or later, by the chain's clock, in seconds since 1970.
    since: Option<u32>,
    /// Confirmed at this time or before, likewise.
    until: Option<u32>,
    /// What is older than this: the `next` of the page before.
    #[param(value_type = Option<String>)]
    before: Option<Cursor>,
    /// How many records, 1 to 1000; 100 unless given.
    limit: Option<usize>,
}

/// What is looked for, with the topic checked.
#[derive(Debug, Clone)]
pub(super) struct Search {
    topic: Option<Topic>,
    author: Option<Address>,
    since: Option<Seconds>,
    until: Option<Seconds>,
}

impl Search {
    /// # Errors
    /// 400 when the topic is none.
    pub(super) fn new(
        topic: Option<String>,
        author: Option<Address>,
        since: Option<u32>,
        until: Option<u32>,
    ) -> Result<Self, Problem> {
        Ok(Self {
            topic: topic.map(read_topic).transpose()?,
            author,
            since: since.map(Seconds),
            until: until.map(Seconds),
        })
    }

    /// Places to look at, newest first, and whether there is data at all. Those without keep their place, so
    /// that a reader gets on.
    fn candidates(&self, snapshot: &Snapshot, before: Option<Location>) -> StoreResult<Vec<(Location, bool)>> {
        match (&self.topic, &self.author) {
            (None, Some(author)) => {
                let rows = snapshot.history(author, before, AT_ONCE)?;
                Ok(rows.into_iter().map(|(at, touch)| (at, touch == Touch::Filed)).collect())
            }
            (topic, _) => {
                let places = snapshot.filed(topic.as_ref(), before, AT_ONCE)?;
                Ok(places.into_iter().map(|at| (at, true)).collect())
            }
        }
    }
}

pub(super) fn read_topic(text: String) -> Result<Topic, Problem> {
    Topic::new(text).map_err(|error| Problem::bad_request(format!("The topic cannot be: {error}.")))
}

/// A page of records.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Records {
    /// Newest first.
    pub(super) records: Vec<Filed>,
    /// Where the next page begins; absent on the last one.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<Cursor>,
}

/// Data on the chain.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Filed {
    /// The transaction that carries it.
    #[schema(value_type = String, example = docs::hash)]
    pub(super) id: TxId,
    /// Under which topic.
    pub(super) topic: String,
    /// Who signed it.
    #[schema(value_type = String, example = docs::address)]
    pub(super) author: Address,
    /// When the author says it was written, in milliseconds since 1970.
    #[schema(value_type = u64)]
    pub(super) author_time: Millis,
    /// The chain's clock at its block, in seconds since 1970: the latest block time up to it.
    #[schema(value_type = u32)]
    pub(super) block_time: Seconds,
    /// The block's height.
    #[schema(value_type = u32)]
    pub(super) height: Height,
    /// Its position in the block, counted from 0.
    pub(super) position: u32,
    /// The block.
    #[schema(value_type = String, example = docs::hash)]
    pub(super) block: BlockHash,
    /// Blocks from that one to the tip, both counted.
    pub(super) confirmations: u32,
    /// What its author paid.
    #[schema(value_type = u64)]
    pub(super) fee: Amount,
    /// The record that it corrects, if it does; that one stays where it is.
    #[schema(value_type = Option<String>, example = docs::hash)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) corrects: Option<TxId>,
    #[serde(flatten)]
    #[schema(inline)]
    pub(super) says: Says,
}

/// What the data says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Says {
    /// A record's JSON, as its author wrote it.
    #[schema(value_type = Object)]
    Record(Box<RawValue>),
    /// SHA-256(salt ‖ payload) of a payload that its author keeps.
    Commitment(String),
    /// Other data, in hexadecimal.
    Data(String),
}

impl Filed {
    fn new(books: &mut Books, at: Location, transaction: Transaction) -> Result<Self, Problem> {
        let id = transaction.id();
        let Payload::Data { topic, body } = transaction.payload else {
            return Err(damaged(format!("the data at height {}", at.height)));
        };
        let (corrects, says) = says(&body);
        let (block, block_time) = books.block(at.height)?;
        Ok(Self {
            id,
            topic: topic.as_str().to_owned(),
            author: transaction.sender,
            author_time: transaction.time,
            block_time,
            height: at.height,
            position: at.position,
            block,
            confirmations: books.confirmations(at.height),
            fee: transaction.fee,
            corrects,
            says,
        })
    }
}

fn says(body: &[u8]) -> (Option<TxId>, Says) {
    let other = || Says::Data(HEXLOWER.encode(body));
    match Record::from_body(body) {
        Ok(Record { corrects, content: Content::Json(text) }) => {
            (corrects, RawValue::from_string(text).map_or_else(|_| other(), Says::Record))
        }
        Ok(Record { corrects, content: Content::Commitment(hash) }) => {
            (corrects, Says::Commitment(HEXLOWER.encode(&hash)))
        }
        Err(_) => (None, other()),
    }
}

/// Records, newest first
///
/// All data on the chain, or that of a topic, an author or a time, by pages. A page may have fewer records than
/// asked for and still name a `next`, when much had to be passed over.
#[utoipa::path(
    get, path = "/records", tag = docs::LEDGER, params(Filter),
    responses(
        (status = 200, body = Records),
        (status = 400, description = "A topic, author, time, cursor or limit that cannot be", body = docs::Problem),
    )
)]
pub(super) async fn records(
    State(app): State<Arc<App>>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<Records>, Problem> {
    let Query(Filter { topic, author, since, until, before, limit }) = filter?;
    let (search, limit) = (Search::new(topic, author, since, until)?, page_size(limit)?);
    read(app, move |books| page(books, &search, before, limit)).await.map(Json)
}

/// Reads a page. The confirmations are as of the books' snapshot.
pub(super) fn page(
    books: &mut Books,
    search: &Search,
    before: Option<Cursor>,
    limit: usize,
) -> Result<Records, Problem> {
    let mut records = Vec::new();
    let mut before = before.map(|Cursor(at)| at);
    let mut looks = 0;
    loop {
        let places = search.candidates(&books.snapshot, before).map_err(store_failed)?;
        let was_last = places.len() < AT_ONCE;
        for (at, is_data) in places {
            if records.len() == limit || looks == MAX_LOOKS {
                return Ok(Records { records, next: before.map(Cursor) });
            }
            (looks, before) = (looks + 1, Some(at));
            let (_, time) = books.block(at.height)?;
            if search.since.is_some_and(|since| time < since) {
                return Ok(Records { records, next: None });
            }
            if is_data && search.until.is_none_or(|until| time <= until) {
                records.extend(find(books, search, at)?);
            }
        }
        if was_last {
            return Ok(Records { records, next: None });
        }
    }
}

fn find(books: &mut Books, search: &Search, at: Location) -> Result<Option<Filed>, Problem> {
    let transaction = books.transaction(at)?;
    if search.author.is_some_and(|author| transaction.sender != author) {
        return Ok(None);
    }
    Filed::new(books, at, transaction).map(Some)
}

/// Which topics.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichTopics {
    /// Those after this one: the last of the page before.
    after: Option<String>,
    /// How many, 1 to 1000; 100 unless given.
    limit: Option<usize>,
}

/// A page of topics.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Topics {
    /// In order of their bytes.
    topics: Vec<String>,
}

/// Topics under which there are records
#[utoipa::path(
    get, path = "/records/topics", tag = docs::LEDGER, params(WhichTopics),
    responses((status = 200, body = Topics), (status = 400, description = "No topic, or a limit out of range", body = docs::Problem))
)]
pub(super) async fn topics(
    State(app): State<Arc<App>>,
    which: Result<Query<WhichTopics>, QueryRejection>,
) -> Result<Json<Topics>, Problem> {
    let Query(WhichTopics { after, limit }) = which?;
    let (after, limit) = (after.map(read_topic).transpose()?, page_size(limit)?);
    let topics = app.snapshot().topics(after.as_ref(), limit).map_err(store_failed)?;
    Ok(Json(Topics { topics: topics.into_iter().map(|topic| topic.as_str().to_owned()).collect() }))
}
