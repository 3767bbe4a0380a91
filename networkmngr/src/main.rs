//! The program's entry: reads the command line, hands over to one command, and turns its outcome into
//! an exit code (0 done, 1 failed, 2 wrong usage). Nothing is decided here.

mod api;
mod bench;
mod bind;
mod child;
mod cli;
mod commands;
mod experiment;
mod folder;
mod limits;
mod mining;
mod network;
mod node_set;
mod plan;
mod prepare;
mod proc;
mod record;
mod scenario;
mod term;
mod timeline;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::commands::orders::Verb;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => commands::start::run(cli.start),
        Some(Command::Node(args)) => node::cli::run(args),
        Some(Command::Status(args)) => commands::status::run(args),
        Some(Command::Mine(args)) => commands::mine::run(args),
        Some(Command::Logs(args)) => commands::logs::run(args),
        Some(Command::Partition(args)) => commands::faults::partition(args),
        Some(Command::Heal(args)) => commands::faults::heal(args),
        Some(Command::Link(args)) => commands::faults::link(args),
        Some(Command::Kill(args)) => commands::orders::run(Verb::Kill, args),
        Some(Command::Pause(args)) => commands::orders::run(Verb::Pause, args),
        Some(Command::Resume(args)) => commands::orders::run(Verb::Resume, args),
        Some(Command::Restart(args)) => commands::orders::restart(args),
        Some(Command::Add(args)) => commands::orders::add(args),
        Some(Command::Remove(args)) => commands::orders::run(Verb::Remove, args),
        Some(Command::HashRate(args)) => commands::orders::hash_rate(args),
        Some(Command::Explain(args)) => commands::timeline::run_explain(args),
        Some(Command::Replay(args)) => commands::timeline::run_replay(args),
        Some(Command::Stop(args)) => commands::stop::run(args),
        Some(Command::Reorg(args)) => commands::faults::reorg(args),
        Some(Command::Run(args)) => scenario::run(&args),
        Some(Command::Lesson(args)) => scenario::lesson(&args),
        Some(Command::Experiment(args)) => experiment::run(&args),
        Some(Command::Verify(args)) => commands::verify::run(args),
        Some(Command::Bench(args)) => bench::run(&args),
        Some(Command::BareServer(args)) => bench::serve_bare(&args),
    };
    done.unwrap_or_else(|error| {
        term::error(&error);
        if error.is::<plan::PlanError>() || error.is::<cli::WrongUsage>() {
            ExitCode::from(2)
        } else {
            ExitCode::FAILURE
        }
    })
}
