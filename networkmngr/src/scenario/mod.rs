//! Scenarios: one file, two engines. A file says what network there is, what is done to it and what must
//! come of it; it is run on real processes, or with many seeds in the simulator of the same node code.
//!
//! - `file`, with `step`, `expectation` and `values`: what may stand in the file; `sense`: whether it can be meant
//! - `engine`: what a scenario needs of a network; `real` and `simulated` are the two there are
//! - `lesson`: scenarios with a question before and an explanation after
//! - `run`: what steps and expectations mean; `words` says them; `report` prints and writes what came of it
//! - `runs`, `beside`: runs that a manager carries out beside its network
//! - `scribe`, `measure`: the timeline, written in the simulator, and counted on real processes

mod beside;
mod engine;
mod expectation;
mod file;
mod judge;
mod lesson;
mod measure;
mod real;
mod report;
mod run;
mod runs;
mod scribe;
mod sense;
mod simulated;
mod spec;
mod step;
mod values;
mod words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

pub(crate) use self::file::{Lesson, Scenario};
pub(crate) use self::lesson::{LessonArgs, all as lessons, run as lesson};
use self::real::{Place, Real};
use self::report::Narrator;
use self::run::Report;
pub(crate) use self::runs::{EngineKind, FOLDER as RUNS_FOLDER, Run, RunError, RunState, RunView, Runs, Wanted};
use self::simulated::Simulated;

const EXAMPLES: &str = "\
Examples:
  networkmngr run split.toml                          on real processes, in a folder of its own
  networkmngr run split.toml --simulate --seeds 100   a hundred times in the simulator, in virtual time
  networkmngr run split.toml --simulate --seed 17     once, with the seed that failed
  networkmngr run split.toml --json > report.json     for programs

What a file may hold is told in docs/scenarios.md. A real run that fails leaves its folder with all logs.
Exit codes: 0 passed, 1 failed (the reason is told), 2 wrong usage.";

/// Options of `run`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    /// The scenario
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// Run it in the simulator instead of on real processes
    #[arg(long)]
    simulate: bool,
    /// How many seeds to simulate, from the first on
    #[arg(long, value_name = "N", default_value_t = 1, requires = "simulate", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    seeds: u64,
    /// The first seed [default: the file's]
    #[arg(long, value_name = "S", requires = "simulate")]
    seed: Option<u64>,
    /// Port of the real network's manager; the nodes take those after it
    #[arg(short, long, default_value_t = 4999, conflicts_with = "simulate")]
    port: u16,
    /// Folder of the real network, which must not be there yet [default: one for temporary files]
    #[arg(long, value_name = "DIR", conflicts_with = "simulate")]
    data_dir: Option<PathBuf>,
    /// Leave the real network's folder also when the run passed
    #[arg(long, conflicts_with = "simulate")]
    keep: bool,
    /// Write everything that the simulated network did, one JSON object a line, for explain and replay
    #[arg(long, value_name = "FILE", requires = "simulate", conflicts_with = "seeds")]
    timeline: Option<PathBuf>,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print the report as JSON instead of tables
    #[arg(long)]
    json: bool,
}

/// Runs a scenario and tells what came of it.
pub(crate) fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let scenario = read(&args.file)?;
    if !args.json && !scenario.about.is_empty() {
        crate::term::plain(scenario.about.trim());
    }
    let reports = if args.simulate { simulate(&scenario, args)? } else { vec![on_processes(&scenario, args)?] };
    if let Some(path) = &args.report {
        let json = serde_json::to_vec_pretty(&reports)?;
        std::fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))?;
    }
    report::tell(&reports, &args.file, args.json)?;
    let passed = reports.iter().all(|report| report.passed);
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(path: &Path) -> anyhow::Result<Scenario> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Scenario::parse(&text).with_context(|| format!("{} is no scenario", path.display()))
}

fn simulate(scenario: &Scenario, args: &RunArgs) -> anyhow::Result<Vec<Report>> {
    let first = args.seed.unwrap_or(scenario.seed);
    let seeds = first..first.saturating_add(args.seeds);
    let alone = args.seeds == 1 && !args.json;
    let runs = crate::experiment::work::all(1, seeds, |work| {
        Ok(simulate_once(scenario, work.seed, alone, args.timeline.as_deref()))
    })?;
    Ok(runs.into_iter().flatten().collect())
}

/// One simulated run.
pub(crate) fn simulate_once(scenario: &Scenario, seed: u64, aloud: bool, timeline: Option<&Path>) -> Report {
    let report = match Simulated::new(scenario.network.get_ref(), seed, timeline) {
        Ok(mut engine) => {
            let mut narrator = Narrator::new(aloud);
            let run = run::run(scenario, seed, &mut engine, &mut narrator);
            // Nothing in it waits: virtual time passes by itself.
            futures::executor::block_on(run)
        }
        Err(trouble) => Report::not_begun(scenario, &trouble),
    };
    Report { engine: "simulated".into(), seed: Some(seed), ..report }
}

fn on_processes(scenario: &Scenario, args: &RunArgs) -> anyhow::Result<Report> {
    let folder = match &args.data_dir {
        Some(folder) => std::path::absolute(folder)?,
        None => std::env::temp_dir().join(format!("networkmngr-run-{}-{}", args.port, std::process::id())),
    };
    anyhow::ensure!(!folder.exists(), "{} is there already; choose another --data-dir", folder.display());
    in_folder(scenario, &Place { port: args.port, folder }, !args.json, args.keep)
}

fn in_folder(scenario: &Scenario, place: &Place, aloud: bool, keep: bool) -> anyhow::Result<Report> {
    crate::term::keep_stdout_clear();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(real_run(scenario, place, aloud))?;
    if report.passed && !keep {
        let removed = std::fs::remove_dir_all(&place.folder);
        removed.with_context(|| format!("cannot delete {}", place.folder.display()))?;
    } else if aloud {
        crate::term::plain(&format!("chains and logs are in {}", place.folder.display()));
    }
    Ok(report)
}

/// A lesson on real processes, in a folder that is gone afterwards unless something failed.
fn run_for_lesson(scenario: &Scenario, port: u16, aloud: bool) -> anyhow::Result<Report> {
    let folder = std::env::temp_dir().join(format!("networkmngr-lesson-{port}-{}", std::process::id()));
    in_folder(scenario, &Place { port, folder }, aloud, false)
}

/// One run on real processes, which are ended whatever happens.
async fn real_run(scenario: &Scenario, place: &Place, aloud: bool) -> anyhow::Result<Report> {
    let mut engine = Real::start(scenario.network.get_ref(), place, drop).await?;
    let mut narrator = Narrator::new(aloud);
    let shown = narrator.keep_showing();
    let outcome = tokio::select! {
        never = shown => match never {},
        report = run::run(scenario, scenario.seed, &mut engine, &mut narrator) => Ok(report),
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("ended by Ctrl-C; the folder is {}", place.folder.display())),
    };
    crate::term::passed();
    engine.end().await;
    Ok(Report { engine: "real".into(), ..outcome? })
}

#[cfg(test)]
mod tests;
