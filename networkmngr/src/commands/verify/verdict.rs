//! The verdict on a receipt, in words for somebody who has never heard of a chain. Only worded here; nothing
//! is checked.

use std::fmt::Write as _;

use jiff::Timestamp;
use shared::{
    Millis, Payload, Transaction, Work,
    receipt::{Outcome, Receipt, Report, Shown, Wanted},
    record::{Content, Record},
};

use crate::term;

/// Hashes that an ordinary computer tries in a second.
const ORDINARY: f64 = 10_000_000.0;

/// What the receipt came to, and what is left to the reader.
pub(super) fn of(report: &Report, receipt: &Receipt, wanted: &Wanted) -> String {
    match &report.shows {
        Some(shown) => holds(shown, receipt, wanted),
        None => fails(report),
    }
}

fn fails(report: &Report) -> String {
    let failed = report.steps.iter().find(|step| matches!(step.outcome, Outcome::Bad(_)));
    let question = failed.map_or("", |step| step.question);
    format!("\nThe receipt does not hold. The question that it fails at: {question}\nDo not rely on anything in it.")
}

fn holds(shown: &Shown, receipt: &Receipt, wanted: &Wanted) -> String {
    let (kind, mut rows) = contents(&shown.transaction);
    let transaction = &shown.transaction;
    rows.push(("fee", transaction.fee.in_words()));
    rows.push(("written", format!("{}, as its author says", date(transaction.time))));
    rows.push(("transaction", shown.id.to_string()));
    let height = shown.height;
    rows.push(("in the chain", format!("by block {height}, mined {}", date(shown.time.into()))));
    rows.push(("block", shown.block.to_string()));
    rows.push(("on top", blocks(shown.blocks_on_top)));
    let mut text = format!("\nThe receipt holds. It shows {kind}:\n\n");
    for (name, value) in rows {
        let lines: Vec<String> = value.split('\n').map(term::printable).collect();
        let _ = writeln!(text, "  {name:13}{}", lines.join("\n               "));
    }
    text.push('\n');
    text.push_str(&left_to_compare(shown, receipt, wanted));
    text
}

type Row = (&'static str, String);

/// What kind of transaction it is, and what it says.
fn contents(transaction: &Transaction) -> (&'static str, Vec<Row>) {
    let sender = transaction.sender.to_string();
    match &transaction.payload {
        Payload::Transfer { to, amount } => {
            ("a payment", vec![("from", sender), ("to", to.to_string()), ("amount", amount.in_words())])
        }
        Payload::Data { topic, body } => {
            let mut rows = vec![("topic", format!("{:?}", topic.as_str())), ("author", sender)];
            let Ok(Record { corrects, content }) = Record::from_body(body) else {
                rows.push(("size", format!("{} bytes", body.len())));
                return ("data that is no record", rows);
            };
            if let Some(corrected) = corrects {
                rows.push(("corrects", format!("the record {corrected}")));
            }
            match content {
                Content::Json(text) => {
                    rows.push(("says", text));
                    ("a record", rows)
                }
                Content::Commitment(_) => ("a private record, whose contents only its author can give", rows),
            }
        }
    }
}

fn left_to_compare(shown: &Shown, receipt: &Receipt, wanted: &Wanted) -> String {
    let mut text = String::new();
    if wanted.genesis.is_none() {
        let genesis = shown.genesis;
        let question = "Is that the network you mean? Anybody can start one.";
        let _ =
            write!(text, "\n- {question}\n  Its genesis block, to compare, or to give with --genesis:\n  {genesis}");
    }
    if wanted.log_key.is_none() {
        let (key, effort) = (term::printable(&receipt.log_key), effort(&shown.work));
        let question = "Is that the node you trust? Without its word the receipt rests on the work alone,";
        let _ = write!(
            text,
            "\n- {question}\n  which an ordinary computer can do in {effort}.\n  Its key, to compare, or to give with \
             --log-key:\n  {key}"
        );
    }
    if text.is_empty() {
        "Network and node are those that you named.".into()
    } else {
        format!("What is left to you, from another source than this file:{text}")
    }
}

fn blocks(count: usize) -> String {
    if count == 1 { "1 block".into() } else { format!("{count} blocks") }
}

/// How long an ordinary computer needs for so much work.
fn effort(work: &Work) -> String {
    const UNITS: [(&str, f64); 5] =
        [("year", 31_557_600.0), ("day", 86_400.0), ("hour", 3_600.0), ("minute", 60.0), ("second", 1.0)];
    let seconds = work.to_f64() / ORDINARY;
    match UNITS.into_iter().find(|(_, length)| seconds >= *length) {
        Some((name, length)) => {
            let count = (seconds / length).round();
            let plural = if count == 1.0 { "" } else { "s" };
            format!("about {count:.0} {name}{plural}")
        }
        None => "less than a second".into(),
    }
}

/// In UTC, so that a receipt reads the same everywhere.
fn date(time: Millis) -> String {
    let moment = i64::try_from(time.0).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    match moment {
        Some(moment) => moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        None => format!("{} ms after 1970, which is no year that calendars reach", time.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_in_utc_and_never_fail() {
        assert_eq!(date(Millis(1_767_225_603_000)), "2026-01-01 00:00:03 UTC");
        assert_eq!(date(Millis(0)), "1970-01-01 00:00:00 UTC");
        assert!(date(Transaction::MAX_TIME).contains("9007199254740991 ms after 1970"));
        assert!(date(Millis(u64::MAX)).contains("after 1970"));
    }

    #[test]
    fn effort_is_told_in_the_largest_unit_that_fits() {
        let effort_of = |target: u32| effort(&shared::Bits(target).target().unwrap().work());
        assert_eq!(effort_of(0x1f00_ffff), "less than a second");
        assert_eq!(effort_of(0x1d00_ffff), "about 7 minutes");
        assert_eq!(effort_of(0x1b00_ffff), "about 326 days");
        assert!(effort_of(0x0300_0001).ends_with("years"));
    }
}
