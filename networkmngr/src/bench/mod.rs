//! `networkmngr bench`: how fast it is here, each figure beside a limit that is measured in the same run. Nothing touches
//! the user's networks: everything runs in temporary folders, on free ports of loopback.
//!
//! - `hash`, `start`, `propagation`, `payments`, `sync`, `open`, `http`: what is measured, and what the figures should be
//! - `site`: where: temporary folders, networks and nodes that end with what measures them
//! - `load`, `bare`: the loading side over HTTP, and a server without a node behind it to compare with
//! - `import`: one machine alone, as a limit to what a network confirms
//! - `sample`, `report`, `host`: figures of repetitions, the table and JSON, the machine in one line
//!
//! No measured time decides anything: the exit code is 0 also where an aim is missed.

mod bare;
mod hash;
mod host;
mod http;
mod import;
mod load;
mod open;
mod payments;
mod propagation;
mod report;
mod sample;
mod site;
mod start;
mod sync;

use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};
use serde::Serialize;

pub(crate) use self::bare::{BareArgs, serve as serve_bare};
use self::host::Host;
use self::report::{Failure, Report, Row};
use self::site::Site;
use crate::commands::start::Signals;
use crate::term;

const EXAMPLES: &str = "\
Examples:
  networkmngr bench                        everything, in less than two minutes
  networkmngr bench hash propagation       only these
  networkmngr bench start --nodes 1000     how long a large network takes to start
  networkmngr bench open --blocks 1000000  how long a node takes to open a chain of a million blocks
  networkmngr bench --json > bench.json    for programs

Each figure stands beside a limit that was measured in the same run: what the machine does without us. The ratio
of the two says more than the figure, since other programs slow both. Networks run in temporary folders (set
TMPDIR to choose where) and on free ports; nothing of them is left.
Exit codes: 0 done, also where an aim was missed, 1 something could not be measured, 2 wrong usage.";

/// Options of `bench`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BenchArgs {
    /// What to measure [default: all]
    #[arg(value_enum, value_name = "WHAT")]
    what: Vec<What>,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Measure as little as possible, to see that it works: the figures say little
    #[arg(long)]
    quick: bool,
    /// How many nodes `start` starts
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=2000))]
    nodes: u16,
    /// Blocks of the chains of `sync` and `open` [default: 30000 and 100000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    blocks: Option<u32>,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum What {
    /// Hashes a second of the miner's search
    Hash,
    /// From nothing to a network that is ready, and the memory of its nodes
    Start,
    /// How long a block takes from its miner to the last of six nodes
    Propagation,
    /// Payments that six nodes confirm in a second
    Payments,
    /// How fast a fresh node catches up, with empty blocks and with full ones
    Sync,
    /// How long a node takes to open a long chain, and its memory then
    Open,
    /// Requests that a node answers in a second
    Http,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Start => "start",
            Self::Propagation => "propagation",
            Self::Payments => "payments",
            Self::Sync => "sync",
            Self::Open => "open",
            Self::Http => "http",
        }
    }
}

/// What every measurement is given.
struct Bench<'a> {
    site: &'a Site,
    quick: bool,
    nodes: u16,
    blocks: Option<u32>,
    progress: Progress,
}

/// What one measurement came to.
#[derive(Default)]
struct Measured {
    rows: Vec<Row>,
    /// What else there is to know, a sentence each.
    remarks: Vec<String>,
}

/// Measures, and tells what came of it.
pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    term::keep_stdout_clear();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured: anyhow::Result<_> = runtime.block_on(async {
        let mut signals = Signals::new().context("cannot watch for Ctrl-C")?;
        let mut report = Report { machine: Host::here(), rows: Vec::new(), remarks: Vec::new(), failures: Vec::new() };
        let ended = tokio::select! {
            measured = measure_all(args, &mut report) => measured.map(|()| None),
            name = signals.next() => Ok(Some(name)),
        };
        term::passed();
        Ok((report, ended?))
    });
    // A computation that nobody waits for any more holds nobody up.
    runtime.shutdown_background();
    let (report, ended) = measured?;
    if ended.is_none() || !report.rows.is_empty() {
        report.tell(args.json)?;
    }
    match ended {
        Some(name) => Err(anyhow!("ended by {name}; nothing is left of what was started")),
        None if report.failures.is_empty() => Ok(ExitCode::SUCCESS),
        None => Ok(ExitCode::FAILURE),
    }
}

async fn measure_all(args: &BenchArgs, report: &mut Report) -> anyhow::Result<()> {
    let mut wanted = if args.what.is_empty() { What::value_variants().to_vec() } else { args.what.clone() };
    wanted.sort_unstable();
    wanted.dedup();
    let site = Site::make()?;
    for (done, what) in wanted.iter().enumerate() {
        let progress = Progress { what: *what, done, all: wanted.len() };
        progress.show(0.0, "");
        let bench = Bench { site: &site, quick: args.quick, nodes: args.nodes, blocks: args.blocks, progress };
        let measured = match what {
            What::Hash => hash::measure(&bench).await,
            What::Start => start::measure(&bench).await,
            What::Propagation => propagation::measure(&bench).await,
            What::Payments => payments::measure(&bench).await,
            What::Sync => sync::measure(&bench).await,
            What::Open => open::measure(&bench).await,
            What::Http => http::measure(&bench).await,
        };
        match measured {
            Ok(Measured { rows, remarks }) => {
                report.rows.extend(rows);
                report.remarks.extend(remarks);
            }
            Err(error) => report.failures.push(Failure { bench: *what, reason: format!("{error:#}") }),
        }
    }
    Ok(())
}

/// A line that shows how far all of it is, where there is a terminal.
#[derive(Clone, Copy)]
struct Progress {
    what: What,
    done: usize,
    all: usize,
}

impl Progress {
    /// This share of the present measurement is done.
    fn show(&self, share: f64, doing: &str) {
        let all = (self.done as f64 + share.clamp(0.0, 1.0)) / self.all.max(1) as f64;
        let doing = if doing.is_empty() { String::new() } else { format!(": {doing}") };
        term::passing(&format!("{} {}{doing}", bar(all), self.what.name()));
    }
}

fn bar(share: f64) -> String {
    const WIDTH: usize = 24;
    let full = ((share * WIDTH as f64) as usize).min(WIDTH);
    format!("[{}{}] {:3.0} %", "#".repeat(full), "·".repeat(WIDTH - full), share * 100.0)
}

/// Carries out what only computes, while signals are still heard.
async fn computed<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await.context("a computation met a fault in this program")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills() {
        assert_eq!(bar(0.0), format!("[{}]   0 %", "·".repeat(24)));
        assert_eq!(bar(0.5), format!("[{}{}]  50 %", "#".repeat(12), "·".repeat(12)));
        assert_eq!(bar(1.0), format!("[{}] 100 %", "#".repeat(24)));
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for what in What::value_variants() {
            assert_eq!(what.to_possible_value().unwrap().get_name(), what.name());
            assert_eq!(serde_json::to_value(what).unwrap(), what.name());
        }
    }
}
