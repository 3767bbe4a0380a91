//! `networkmngr stop`.

use std::process::ExitCode;
use std::time::Duration;

use super::Attached;
use crate::api::Stopped;
use crate::cli::StopArgs;
use crate::network::describe;
use crate::{folder, term};

/// How long the whole network may take to end. The manager itself never waits this long for its nodes
/// unless it was told to.
const DEADLINE: Duration = Duration::from_secs(2 * 3600);

/// Stops the network, and returns when its manager has ended as well.
pub(crate) fn run(args: StopArgs) -> anyhow::Result<ExitCode> {
    let network = Attached::find(&args.which)?;
    let stopped: Stopped = network.post("/shutdown/all", DEADLINE)?;
    for line in describe(&stopped.nodes) {
        term::plain(&line);
    }
    folder::wait_until_free(&network.folder)?;
    term::plain("the manager has ended");
    Ok(ExitCode::SUCCESS)
}
