//! All records of a search as one file, written piece by piece from one snapshot, newest first.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State, rejection::QueryRejection};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use serde::Deserialize;
use shared::Address;
use utoipa::{IntoParams, ToSchema};

use super::super::{App, docs, problem::Problem};
use super::records::{Filed, Says, Search, page};
use super::{Books, Cursor, MAX_PAGE};

/// The first line of a CSV file.
const COLUMNS: [&str; 14] = [
    "id",
    "topic",
    "author",
    "author_time",
    "block_time",
    "height",
    "position",
    "block",
    "confirmations",
    "fee",
    "corrects",
    "record",
    "commitment",
    "data",
];

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// Comma-separated values (RFC 4180) with a line of column names.
    Csv,
    /// JSON Lines: one record a line.
    Jsonl,
}

/// Which records, in which form.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// `csv` or `jsonl`.
    #[param(inline)]
    format: Format,
    /// Filed under this topic.
    topic: Option<String>,
    /// Signed by this account.
    #[param(value_type = Option<String>)]
    author: Option<Address>,
    /// Confirmed at this time or later, by the chain's clock, in seconds since 1970.
    since: Option<u32>,
    /// Confirmed at this time or before, likewise.
    until: Option<u32>,
}

/// Records as a file
///
/// Everything that `/records` finds, newest first, as CSV or JSON Lines.
#[utoipa::path(
    get, path = "/records/export", tag = docs::LEDGER, params(Which),
    responses(
        (status = 200, content((String = "text/csv"), (String = "application/jsonl"))),
        (status = 400, description = "A format, topic, author or time that cannot be", body = docs::Problem),
    )
)]
pub(super) async fn export(
    State(app): State<Arc<App>>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(Which { format, topic, author, since, until }) = which?;
    let search = Search::new(topic, author, since, until)?;
    let writer = Writer { books: Books::open(&app)?, search, format, next: None, begun: false, done: false };
    let pieces = stream::try_unfold(writer, |mut writer| async {
        if writer.done {
            return Ok(None);
        }
        // Reading and encoding must not keep other requests waiting.
        let written = tokio::task::spawn_blocking(move || writer.piece().map(|piece| (piece, writer)));
        written.await.map_err(io::Error::other)?.map(Some)
    });
    let (media_type, file) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"records.csv\""),
        Format::Jsonl => ("application/jsonl", "attachment; filename=\"records.jsonl\""),
    };
    let headers = [(header::CONTENT_TYPE, media_type), (header::CONTENT_DISPOSITION, file)];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// The file in the making.
struct Writer {
    books: Books,
    search: Search,
    format: Format,
    next: Option<Cursor>,
    begun: bool,
    done: bool,
}

impl Writer {
    fn piece(&mut self) -> io::Result<Bytes> {
        let failed = |problem: Problem| io::Error::other(problem.detail);
        let records = page(&mut self.books, &self.search, self.next, MAX_PAGE).map_err(failed)?;
        (self.next, self.done) = (records.next, records.next.is_none());
        match self.format {
            Format::Csv => self.csv(&records.records),
            Format::Jsonl => jsonl(&records.records),
        }
    }

    fn csv(&mut self, records: &[Filed]) -> io::Result<Bytes> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        if !std::mem::replace(&mut self.begun, true) {
            writer.write_record(COLUMNS)?;
        }
        for record in records {
            writer.write_record(row(record))?;
        }
        writer.into_inner().map(Bytes::from).map_err(|error| io::Error::other(error.to_string()))
    }
}

fn jsonl(records: &[Filed]) -> io::Result<Bytes> {
    let mut lines = Vec::new();
    for record in records {
        serde_json::to_writer(&mut lines, record)?;
        lines.push(b'\n');
    }
    Ok(lines.into())
}

fn row(record: &Filed) -> [String; COLUMNS.len()] {
    let (json, commitment, data) = match &record.says {
        Says::Record(json) => (json.get(), "", ""),
        Says::Commitment(hash) => ("", hash.as_str(), ""),
        Says::Data(hex) => ("", "", hex.as_str()),
    };
    [
        record.id.to_string(),
        harmless(&record.topic),
        record.author.to_string(),
        record.author_time.0.to_string(),
        record.block_time.0.to_string(),
        record.height.to_string(),
        record.position.to_string(),
        record.block.to_string(),
        record.confirmations.to_string(),
        record.fee.to_string(),
        record.corrects.map(|id| id.to_string()).unwrap_or_default(),
        harmless(json),
        commitment.to_owned(),
        data.to_owned(),
    ]
}

/// Spreadsheets take a cell that begins like a formula for one, and what others wrote must not be run there.
fn harmless(text: &str) -> String {
    let number = || serde_json::from_str::<serde_json::Number>(text).is_ok();
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !number() { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_text_and_numbers_stay() {
        assert_eq!(harmless("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!(harmless("@here"), "'@here");
        assert_eq!(harmless("-12.5"), "-12.5");
        assert_eq!(harmless("{\"a\":1}"), "{\"a\":1}");
    }
}
