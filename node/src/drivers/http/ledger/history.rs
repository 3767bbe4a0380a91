//! Everything that an address sent, received, filed and mined.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State, rejection::PathRejection, rejection::QueryRejection};
use serde::{Deserialize, Serialize};
use shared::{Address, Amount, BlockHash, Height, Millis, Payload, Seconds, TxId};
use utoipa::{IntoParams, ToSchema};

use super::super::{App, docs, extract::parse, problem::Problem, store_failed};
use super::{Books, Cursor, damaged, page_size, read};
use crate::machine::store::{Location, ReadChain as _, Touch};

/// Which part of a history.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// What is older than this: the `next` of the page before.
    #[param(value_type = Option<String>)]
    before: Option<Cursor>,
    /// How many entries, 1 to 1000; 100 unless given.
    limit: Option<usize>,
}

/// A page of a history.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct History {
    /// The address.
    #[schema(value_type = String, example = docs::address)]
    address: Address,
    /// Newest first.
    entries: Vec<Entry>,
    /// Where the next page begins; absent on the last one.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cursor>,
}

/// One entry of a history.
#[derive(Debug, Serialize, ToSchema)]
struct Entry {
    /// The block's height.
    #[schema(value_type = u32)]
    height: Height,
    /// The block.
    #[schema(value_type = String, example = docs::hash)]
    block: BlockHash,
    /// The chain's clock at that block, in seconds since 1970: the latest block time up to it.
    #[schema(value_type = u32)]
    time: Seconds,
    /// Blocks from that one to the tip, both counted.
    confirmations: u32,
    #[serde(flatten)]
    #[schema(inline)]
    what: What,
}

/// What happened.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum What {
    /// It sent units to another address.
    Sent(Transfer),
    /// It received units from another address.
    Received(Transfer),
    /// It sent units to itself.
    Moved(Transfer),
    /// It filed data.
    Filed {
        /// The transaction.
        #[schema(value_type = String, example = docs::hash)]
        id: TxId,
        /// When the author says it was written, in milliseconds since 1970.
        #[schema(value_type = u64)]
        author_time: Millis,
        /// Under which topic.
        topic: String,
        /// Bytes of data.
        bytes: usize,
        /// What it paid for that.
        #[schema(value_type = u64)]
        fee: Amount,
    },
    /// It mined the block.
    Mined {
        /// The subsidy and the fees of the block.
        #[schema(value_type = u64)]
        reward: Amount,
    },
}

/// A payment.
#[derive(Debug, Serialize, ToSchema)]
struct Transfer {
    /// The transaction.
    #[schema(value_type = String, example = docs::hash)]
    id: TxId,
    /// When the author says it was written, in milliseconds since 1970.
    #[schema(value_type = u64)]
    author_time: Millis,
    /// Who paid.
    #[schema(value_type = String, example = docs::address)]
    from: Address,
    /// Who was paid.
    #[schema(value_type = String, example = docs::address)]
    to: Address,
    /// How much.
    #[schema(value_type = u64)]
    amount: Amount,
    /// What the sender paid besides.
    #[schema(value_type = u64)]
    fee: Amount,
}

/// What an address sent, received, filed and mined
///
/// Newest first, by pages, from an index. Only what is confirmed: what waits is in `/accounts/{address}`.
#[utoipa::path(
    get, path = "/accounts/{address}/history", tag = docs::TRANSACTIONS,
    params(("address" = String, Path, description = "The account's address"), Which),
    responses(
        (status = 200, body = History),
        (status = 400, description = "No address, no cursor, or a limit out of range", body = docs::Problem),
    )
)]
pub(super) async fn history(
    State(app): State<Arc<App>>,
    address: Result<Path<String>, PathRejection>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<History>, Problem> {
    let address: Address = parse(&address?)?;
    let Query(Which { before, limit }) = which?;
    let limit = page_size(limit)?;
    read(app, move |books| page(books, address, before, limit)).await.map(Json)
}

fn page(books: &mut Books, address: Address, before: Option<Cursor>, limit: usize) -> Result<History, Problem> {
    let before = before.map(|Cursor(at)| at);
    let mut rows = books.snapshot.history(&address, before, limit + 1).map_err(store_failed)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|(at, _)| Cursor(*at));
    let entries = rows.into_iter().map(|(at, touch)| entry(books, at, touch)).collect::<Result<_, _>>()?;
    Ok(History { address, entries, next })
}

fn entry(books: &mut Books, at: Location, touch: Touch) -> Result<Entry, Problem> {
    let what = match touch {
        Touch::Mined => mined(books, at.height)?,
        Touch::Sent => What::Sent(transfer(books, at)?),
        Touch::Received => What::Received(transfer(books, at)?),
        Touch::Moved => What::Moved(transfer(books, at)?),
        Touch::Filed => filed(books, at)?,
    };
    let (block, time) = books.block(at.height)?;
    Ok(Entry { height: at.height, block, time, confirmations: books.confirmations(at.height), what })
}

fn mined(books: &mut Books, height: Height) -> Result<What, Problem> {
    let (block, _) = books.block(height)?;
    let coinbase = books.snapshot.coinbase(&block).map_err(store_failed)?;
    let coinbase = coinbase.ok_or_else(|| damaged(format!("the coinbase of block {block}")))?;
    Ok(What::Mined { reward: coinbase.reward })
}

fn transfer(books: &mut Books, at: Location) -> Result<Transfer, Problem> {
    let transaction = books.transaction(at)?;
    let Payload::Transfer { to, amount } = transaction.payload else {
        return Err(damaged(format!("the payment at height {}", at.height)));
    };
    let (id, fee) = (transaction.id(), transaction.fee);
    Ok(Transfer { id, author_time: transaction.time, from: transaction.sender, to, amount, fee })
}

fn filed(books: &mut Books, at: Location) -> Result<What, Problem> {
    let transaction = books.transaction(at)?;
    let id = transaction.id();
    let Payload::Data { topic, body } = transaction.payload else {
        return Err(damaged(format!("the data at height {}", at.height)));
    };
    let topic = topic.as_str().to_owned();
    Ok(What::Filed { id, author_time: transaction.time, topic, bytes: body.len(), fee: transaction.fee })
}
