//! `node audit`: the audit of a node's folder while no node runs in it. What is checked is in
//! [`crate::drivers::audit`] and beneath the store; here it is asked for, followed and put in words.

use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::data_home;
use crate::drivers::{
    audit::{Progress, Report, Stop, Verdict, Wrong, audit},
    clock,
    folder::{self, read_network},
    store::{CHAIN_FILE, OpenError, RedbReader},
};

const EXAMPLES: &str = "\
Examples:
  networkmngr node audit                             the chain of the node on port 5000
  networkmngr node audit --data-dir ~/.local/share/networkmngr/network-4999/node-000
                                                     that of node 0 of a network

Exit codes: 0 everything is as it should be, 1 something is wrong (said on stdout),
2 it could not be checked (the reason is on stderr).";

/// Which folder is audited, and how the outcome is shown.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct AuditArgs {
    /// Port of the node, if it was started without --data-dir
    #[arg(short, long, default_value_t = 5000)]
    port: u16,
    /// Folder of the node, if it was started with one
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print JSON, as GET /valid of a running node gives it
    #[arg(long)]
    json: bool,
}

/// How an audit ended.
struct Outcome {
    found: Result<Report, Damage>,
    took: Duration,
}

/// What is wrong, as JSON and in words.
struct Damage {
    wrong: Wrong,
    sentence: String,
}

/// Audits the folder and prints the outcome.
pub(super) fn run(args: &AuditArgs) -> ExitCode {
    match examine(args) {
        Ok((outcome, file)) => {
            let code = if outcome.found.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(1) };
            let text = if args.json { json(outcome) } else { words(&outcome, &file) };
            // A closed pipe is no error.
            let _ = writeln!(std::io::stdout(), "{text}");
            code
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// The outcome, and the file that it is about.
fn examine(args: &AuditArgs) -> anyhow::Result<(Outcome, PathBuf)> {
    let folder = match &args.data_dir {
        Some(folder) => folder.clone(),
        None => data_home()?.join(format!("node-{}", args.port)),
    };
    let spec = folder.join(folder::GENESIS);
    if !spec.try_exists().with_context(|| format!("{} cannot be read", folder.display()))? {
        bail!("{} is no node's folder: name one with --data-dir, or the node's port with --port", folder.display());
    }
    let network = read_network(&spec)?;
    let begun = Instant::now();
    let mut line = Line::new();
    line.show("re-hashing the file");
    let found = match RedbReader::open_untouched(&folder, &network) {
        Ok(Ok(reader)) => {
            let snapshot = reader.snapshot();
            match audit(&snapshot, &network, clock::wall(), &mut |progress| line.follow(progress)) {
                Ok(report) => Ok(report),
                Err(Stop::Fault(fault)) => Err(Damage::of(*fault)),
                Err(Stop::Failed(reason)) => bail!("the chain cannot be read: {reason}"),
                Err(Stop::GivenUp) => bail!("the audit was given up"),
            }
        }
        Ok(Err(fault)) => Err(Damage::of(fault)),
        Err(OpenError::Damaged { reason, .. }) => {
            let sentence = format!("the database does not open: {reason}");
            Err(Damage { wrong: Wrong::somewhere(&sentence), sentence })
        }
        Err(error) => return Err(error.into()),
    };
    drop(line);
    Ok((Outcome { found, took: begun.elapsed() }, folder.join(CHAIN_FILE)))
}

impl Damage {
    fn of(fault: impl fmt::Display + Into<Wrong>) -> Self {
        Self { sentence: fault.to_string(), wrong: fault.into() }
    }
}

fn json(Outcome { found, took }: Outcome) -> String {
    let height = found.as_ref().ok().map(|report| report.height);
    let verdict = Verdict::new(height, took, found.map_err(|damage| damage.wrong));
    serde_json::to_string(&verdict).expect("a verdict has only plain values")
}

fn words(outcome: &Outcome, file: &Path) -> String {
    match &outcome.found {
        Ok(report) => sound(report),
        Err(damage) => format!(
            "{} is damaged\n{}\n\nNothing in it should be relied on. Move it away and start the node: it fetches the \
             chain from its peers.\nPayments and records that were sent to this node and are not confirmed are in this \
             file alone: send them again.",
            file.display(),
            damage.sentence
        ),
    }
}

fn sound(report: &Report) -> String {
    let Report { height, tip, blocks, side_blocks, transactions, accounts, log_root } = report;
    let beside = match side_blocks {
        0 => String::new(),
        count => format!(" and {} of other branches", grouped(*count)),
    };
    let [blocks, transactions, accounts] = [(blocks, "block"), (transactions, "transaction"), (accounts, "account")]
        .map(|(count, of)| counted(*count, of));
    let height = grouped(height.0.into());
    format!(
        "checked {blocks}{beside}, {transactions}, {accounts}: everything is as it should be\n\
         tip   height {height}, {tip}\n\
         log   {transactions}, root {log_root}"
    )
}

/// `1 block`, `12,345 blocks`.
fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let with_commas = digits.chars().enumerate().flat_map(|(at, digit)| {
        let comma = at > 0 && (digits.len() - at).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    });
    with_commas.collect()
}

/// How often the line is written anew.
const EVERY: Duration = Duration::from_millis(200);

/// One line on a terminal that tells how far things are, and is gone in the end.
struct Line {
    terminal: bool,
    begun: Instant,
    shown: Option<Instant>,
}

impl Line {
    fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), begun: Instant::now(), shown: None }
    }

    fn show(&mut self, text: &str) {
        if self.terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K{text}");
        }
        self.shown = Some(Instant::now());
    }

    /// Goes on whatever the progress is.
    fn follow(&mut self, progress: Progress) -> bool {
        if !self.terminal || self.shown.is_some_and(|shown| shown.elapsed() < EVERY) {
            return true;
        }
        let Progress { done, of } = progress;
        let rate = done as f64 / self.begun.elapsed().as_secs_f64();
        self.show(&format!("checked {} of {} blocks, {} a second", grouped(done), grouped(of), grouped(rate as u64)));
        true
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.show("");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_on_the_eye() {
        let shown = [0, 7, 999, 1_000, 12_345, 1_234_567].map(grouped);
        assert_eq!(shown, ["0", "7", "999", "1,000", "12,345", "1,234,567"]);
        assert_eq!([counted(1, "block"), counted(2_000, "block")], ["1 block", "2,000 blocks"]);
    }
}
