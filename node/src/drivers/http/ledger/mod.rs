//! The chain as books: the history of an address, records by topic, author and time, and both as files. All
//! of it is read from indices of one snapshot, newest first, by pages; nothing is ever found by scanning the
//! chain.

mod export;
mod history;
mod records;
mod write;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use shared::{BlockHash, Height, Seconds, Transaction};

use super::{App, openapi::Routes, openapi::routes, problem::Problem, store_failed, tip_of, wallet};
use crate::{
    drivers::store::Snapshot,
    machine::store::{Location, ReadChain as _, StoreError},
};

/// Entries of a page, unless asked for another number.
const PAGE: usize = 100;
/// Most entries of a page.
const MAX_PAGE: usize = 1_000;

/// A place on the chain as cursors name it: `HEIGHT.POSITION`. What is on a page lies before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor(pub(super) Location);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.height, self.0.position)
    }
}

impl FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let place = text.split_once('.').and_then(|(height, position)| {
            Some(Location { height: Height(height.parse().ok()?), position: position.parse().ok()? })
        });
        place.map(Self).ok_or("a cursor is the \"next\" of the page before, such as 17.0")
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// How many entries a page has.
///
/// # Errors
/// 400 when that is none or too many.
fn page_size(asked: Option<usize>) -> Result<usize, Problem> {
    match asked {
        None => Ok(PAGE),
        Some(limit) if (1..=MAX_PAGE).contains(&limit) => Ok(limit),
        Some(_) => Err(Problem::bad_request(format!("\"limit\" takes 1 to {MAX_PAGE}."))),
    }
}

/// One block that was read from.
struct Page {
    height: Height,
    block: BlockHash,
    time: Seconds,
    /// All of its transactions, once a second one was wanted.
    transactions: Option<Vec<Transaction>>,
}

/// Reads what stands at places of one snapshot, best in the order of places.
struct Books {
    snapshot: Arc<Snapshot>,
    tip: Height,
    open: Option<Page>,
}

impl Books {
    fn open(app: &App) -> Result<Self, Problem> {
        let snapshot = app.snapshot();
        let (_, tip) = tip_of(&snapshot)?;
        Ok(Self { snapshot, tip, open: None })
    }

    /// Blocks from this height to the tip, both counted.
    fn confirmations(&self, height: Height) -> u32 {
        self.tip.0.saturating_sub(height.0).saturating_add(1)
    }

    /// The block at this height, and the chain's clock there: the latest block time up to it, which never
    /// goes back.
    fn block(&mut self, height: Height) -> Result<(BlockHash, Seconds), Problem> {
        if let Some(page) = self.open.as_ref().filter(|page| page.height == height) {
            return Ok((page.block, page.time));
        }
        let missing = || damaged(format!("the block at height {height}"));
        let block = self.snapshot.hash_at(height).map_err(store_failed)?.ok_or_else(missing)?;
        let entry = self.snapshot.entry(&block).map_err(store_failed)?.ok_or_else(missing)?;
        let time = entry.position.latest;
        self.open = Some(Page { height, block, time, transactions: None });
        Ok((block, time))
    }

    fn transaction(&mut self, at: Location) -> Result<Transaction, Problem> {
        let is_open = self.open.as_ref().is_some_and(|page| page.height == at.height);
        let missing = || damaged(format!("transaction {} of the block at height {}", at.position, at.height));
        let (block, _) = self.block(at.height)?;
        if !is_open {
            // The first of a block, and often the only one.
            return self.snapshot.transaction(at).map_err(store_failed)?.ok_or_else(missing);
        }
        let Some(page) = &mut self.open else { return Err(missing()) };
        if page.transactions.is_none() {
            let block = self.snapshot.block(&block).map_err(store_failed)?.ok_or_else(missing)?;
            page.transactions = Some(block.to_block().transactions);
        }
        let transaction = page.transactions.as_ref().and_then(|all| all.get(at.position as usize));
        transaction.cloned().ok_or_else(missing)
    }
}

fn damaged(what: String) -> Problem {
    store_failed(StoreError::Damaged(format!("{what} is missing")))
}

/// Reading the disk must not keep other requests waiting.
async fn read<T: Send + 'static>(
    app: Arc<App>,
    read: impl FnOnce(&mut Books) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let reading = tokio::task::spawn_blocking(move || read(&mut Books::open(&app)?));
    reading.await.map_err(|error| {
        tracing::error!("reading the books failed: {error}");
        Problem::new(
            axum::http::StatusCode::INTERNAL_SERVER_ERROR,
            "The chain could not be read; the node's log says more.",
        )
    })?
}

pub(super) fn ledger_routes(app: &Arc<App>, none: Routes<Arc<App>>) -> Routes<Arc<App>> {
    let write = wallet::from_here(app, none.none().routes(routes!(write::record)));
    none.routes(routes!(history::history))
        .routes(routes!(records::records))
        .merge(write)
        .routes(routes!(records::topics))
        .routes(routes!(export::export))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back() {
        let cursor = Cursor(Location { height: Height(17), position: 3 });
        assert_eq!(cursor.to_string(), "17.3");
        assert_eq!("17.3".parse(), Ok(cursor));
        for wrong in ["", "17", "17.", ".3", "17.3.1", "-1.0", "4294967296.0"] {
            assert!(wrong.parse::<Cursor>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn pages_have_a_size() {
        assert_eq!(page_size(None).unwrap(), PAGE);
        assert_eq!(page_size(Some(MAX_PAGE)).unwrap(), MAX_PAGE);
        assert!(page_size(Some(0)).is_err() && page_size(Some(MAX_PAGE + 1)).is_err());
    }
}
