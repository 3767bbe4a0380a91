//! `networkmngr verify`: reads a receipt and tells, step by step, whether it holds. It asks nobody and needs
//! no network; what is looked at and what comes of it is decided in [`shared::receipt`].

mod verdict;

use std::fs::File;
use std::io::{self, Read};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use serde_json::{Value, json};
use shared::receipt::{MAX_BYTES, Opening, Outcome, Receipt, Report, Shown, Step, Wanted, verify};

use crate::cli::VerifyArgs;
use crate::term;

/// Verifies the receipt; 0 when it holds, 1 when it does not.
pub(crate) fn run(args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let receipt = read(&args.receipt)?;
    let opening = match (&args.payload, &args.salt) {
        (Some(payload), Some(salt)) => {
            let payload = std::fs::read(payload).with_context(|| format!("cannot read {}", payload.display()))?;
            Some(Opening { salt: salt.0, payload })
        }
        _ => None,
    };
    let wanted = Wanted { genesis: args.genesis, log_key: args.log_key, opening };
    let report = verify(&receipt, &wanted);
    if args.json {
        term::plain(&serde_json::to_string_pretty(&as_json(&report))?);
    } else {
        report.steps.iter().for_each(|step| term::plain(&line(step)));
        term::plain(&verdict::of(&report, &receipt, &wanted));
    }
    Ok(if report.shows.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The receipt in this file, or on stdin for `-`. Not more of it is read than a receipt can have.
fn read(path: &str) -> anyhow::Result<Receipt> {
    let (name, bytes) = match path {
        "-" => ("what came on stdin", up_to_limit(io::stdin().lock())),
        path => (path, File::open(path).and_then(up_to_limit)),
    };
    let bytes = bytes.with_context(|| format!("cannot read {name}"))?;
    Receipt::read(&bytes).map_err(|error| anyhow!("{name}: {}", term::printable(&error.to_string())))
}

fn up_to_limit(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn line(step: &Step) -> String {
    let (mark, sentence) = match &step.outcome {
        Outcome::Good(sentence) => (term::coloured("32", "✓"), sentence),
        Outcome::Bad(sentence) => (term::coloured("1;31", "✗"), sentence),
        Outcome::Open(sentence) => (term::coloured("33", "?"), sentence),
    };
    format!("{mark} {}  {}", step.question, term::printable(sentence))
}

fn as_json(report: &Report) -> Value {
    let steps: Vec<Value> = report.steps.iter().map(step_json).collect();
    json!({ "holds": report.shows.is_some(), "steps": steps, "shows": report.shows.as_ref().map(shown_json) })
}

fn step_json(step: &Step) -> Value {
    let (outcome, sentence) = match &step.outcome {
        Outcome::Good(sentence) => ("good", sentence),
        Outcome::Bad(sentence) => ("bad", sentence),
        Outcome::Open(sentence) => ("open", sentence),
    };
    json!({ "question": step.question, "outcome": outcome, "sentence": sentence })
}

fn shown_json(shown: &Shown) -> Value {
    json!({
        "transaction": shown.transaction,
        "genesis": shown.genesis,
        "block": shown.block,
        "height": shown.height,
        "time": shown.time,
        "blocks_on_top": shown.blocks_on_top,
        "work": shown.work,
    })
}
