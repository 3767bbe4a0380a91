//! `networkmngr status`.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::Attached;
use crate::api::{NodeView, NodesView, StatusView};
use crate::cli::StatusArgs;
use crate::mining::{Bursts, Job, JobKind, JobState};
use crate::network::Faults;
use crate::term;

/// Shows the running network.
pub(crate) fn run(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let network = Attached::find(&args.which)?;
    if args.json {
        let status: Value = network.get("/status")?;
        let nodes: Value = network.get("/nodes")?;
        let all = json!({ "status": status, "nodes": nodes["nodes"] });
        term::plain(&serde_json::to_string_pretty(&all)?);
        return Ok(ExitCode::SUCCESS);
    }
    let status: StatusView = network.get("/status")?;
    let nodes: NodesView = network.get("/nodes")?;
    let mut table = term::table(["node", "state", "address", "pid", "height", "tip", "peers", "memory"]);
    for node in &nodes.nodes {
        table.add_row(row(node));
    }
    term::plain(&table.trim_fmt());
    let manager = &status.manager;
    term::plain(&format!("\nmanager  {} since {}, pid {}", manager.address, manager.since, manager.pid));
    term::plain(&format!("folder   {}", manager.folder));
    term::plain(&format!("chain    {}", status.agreement));
    for line in faults(&status.faults) {
        term::plain(&line);
    }
    if let Some(job) = &status.job {
        term::plain(&format!("mining   {}", described(job)));
    }
    for node in nodes.nodes.iter().filter(|node| node.state == "ended") {
        let exit = node.exit.as_deref().unwrap_or_default();
        let lines = crate::network::quoted(&node.last_lines);
        term::plain(&format!("node {} ended: {exit}{lines}", node.number));
    }
    Ok(ExitCode::SUCCESS)
}

fn faults(faults: &Faults) -> Vec<String> {
    let split = (!faults.groups.is_empty()).then(|| format!("split    {}", term::sides(&faults.groups)));
    split.into_iter().chain(faults.rules.iter().map(|rule| format!("links    {rule}"))).collect()
}

fn row(node: &NodeView) -> [String; 8] {
    let health = node.health.as_ref();
    let said = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    [
        node.number.to_string(),
        node.state.clone(),
        node.address.clone(),
        said(node.pid.map(|pid| pid.to_string())),
        said(health.map(|health| health.height.to_string())),
        said(health.map(|health| term::short(&health.tip))),
        said(health.map(|health| health.peers.to_string())),
        said(node.memory.map(|memory| mebibytes(memory.resident))),
    ]
}

fn mebibytes(bytes: u64) -> String {
    let tenths = bytes * 10 / (1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

fn described(job: &Job) -> String {
    let state = match job.state {
        JobState::Running => "under way",
        JobState::Done => "done",
        JobState::Settling => "stopped, settling",
        JobState::Stopped => "stopped",
    };
    match job.kind {
        JobKind::Bursts(Bursts { times, .. }) => {
            format!("job {}: {} of {}, {state}", job.job, job.done, term::bursts(times))
        }
        JobKind::Continuous => format!("job {}: continuous, {state}", job.job),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_shown_with_one_decimal() {
        assert_eq!(mebibytes(0), "0.0 MiB");
        assert_eq!(mebibytes(7 << 20), "7.0 MiB");
        assert_eq!(mebibytes((7 << 20) + (1 << 19)), "7.5 MiB");
    }
}
