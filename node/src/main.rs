//! The `node` binary: one node on a machine of its own. `networkmngr node` is the same.

use std::process::ExitCode;

use clap::Parser;

/// One full peer of a proof-of-work network
#[derive(Parser)]
#[command(name = "node", version)]
struct Cli {
    #[command(flatten)]
    args: node::cli::NodeArgs,
}

fn main() -> ExitCode {
    node::cli::run(Cli::parse().args).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
