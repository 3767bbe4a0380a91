//! From nothing to a network that is ready, beside as many processes that do nothing; and the memory of its nodes.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use super::report::{Aim, Row, Unit};
use super::sample::{Spread, mean};
use super::site::{Net, Wanted};
use super::{Bench, Measured, What, computed};
use crate::child::own_executable;
use crate::proc;

/// Starts of a small network, of which the median is told.
const REPETITIONS: usize = 7;
/// From how many nodes on one start has to do.
const LARGE: u16 = 30;
/// Seconds until six nodes should be ready.
const SIX: f64 = 0.1;
/// Seconds until a thousand nodes should be ready.
const THOUSAND: f64 = 10.0;
/// Bytes that a node should hold, with what it shares with others and without.
const RESIDENT: f64 = 12.0 * 1_048_576.0;
const UNSHARED: f64 = 2.0 * 1_048_576.0;

pub(super) async fn measure(bench: &Bench<'_>) -> anyhow::Result<Measured> {
    let nodes = bench.nodes;
    let repetitions = if bench.quick || nodes >= LARGE { 1 } else { REPETITIONS };
    let (mut ready, mut bare) = (Vec::new(), Vec::new());
    let mut rows = Vec::new();
    for done in 0..repetitions {
        bench.progress.show(done as f64 / repetitions as f64, &format!("{nodes} nodes"));
        bare.push(computed(move || spawn_bare(nodes)).await??);
        let before = (own_cpu(), proc::memory(std::process::id()));
        let network = bench.site.network(&Wanted { nodes, hash_rate: "200k", spec: None }).await?;
        ready.push(network.took);
        if done == 0 {
            rows = of_first(&network, before, nodes);
        }
    }
    let (Some(ready), Some(bare)) = (Spread::of_times(&ready), Spread::of_times(&bare)) else {
        return Ok(Measured::default());
    };
    let row = Row::of_spread(What::Start, format!("start of {nodes} nodes until all are ready"), ready, Unit::Time)
        .beside(format!("{nodes} bare processes"), bare.p50);
    let row = match nodes {
        ..=6 => row.aiming(Aim::AtMost(SIX)),
        1000 => row.aiming(Aim::AtMost(THOUSAND)),
        _ => row,
    };
    rows.insert(0, row);
    Ok(Measured { rows, remarks: Vec::new() })
}

/// What the nodes and their manager hold and took, where the system tells.
fn of_first(network: &Net, before: (Option<Duration>, Option<proc::Memory>), nodes: u16) -> Vec<Row> {
    let of_nodes = |read: fn(u32) -> Option<f64>| {
        mean(&network.members.iter().filter_map(|member| read(member.pid)).collect::<Vec<_>>())
    };
    let row = |words: &str, value: Option<f64>, unit: Unit| Some(Row::new(What::Start, words, value?, unit));
    let (cpu_before, memory_before) = before;
    let cpu = own_cpu().zip(cpu_before).map(|(now, before)| now.saturating_sub(before).as_secs_f64());
    let memory = proc::memory(std::process::id()).zip(memory_before);
    let memory = memory.map(|(now, before)| now.own.saturating_sub(before.own) as f64);
    let each = |value: Option<f64>| value.map(|value| value / f64::from(nodes));
    let resident = of_nodes(|pid| Some(proc::memory(pid)?.resident as f64));
    let unshared = of_nodes(|pid| Some(proc::unshared(pid)? as f64));
    let node_cpu = of_nodes(|pid| Some(proc::cpu_time(pid)?.as_secs_f64()));
    let rows = [
        row("memory of a node, resident", resident, Unit::Bytes).map(|row| row.aiming(Aim::AtMost(RESIDENT))),
        row("memory of a node, shared with nobody", unshared, Unit::Bytes).map(|row| row.aiming(Aim::AtMost(UNSHARED))),
        row("processor time of a node's start", node_cpu, Unit::Time),
        row("memory of the manager for each node", each(memory), Unit::Bytes),
        row("processor time of the manager for each node", each(cpu), Unit::Time),
    ];
    rows.into_iter().flatten().collect()
}

/// Starts so many processes that print a line and end; until all have printed it.
fn spawn_bare(count: u16) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let spawn = || {
        let mut command = Command::new(own_executable()?);
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::piped());
        command.spawn().map(Reaped)
    };
    let mut children = (0..count).map(|_| spawn()).collect::<Result<Vec<_>, _>>()?;
    for child in &mut children {
        let stdout = child.0.stdout.take();
        let read = stdout.map(|stdout| BufReader::new(stdout).read_line(&mut String::new())).transpose()?;
        anyhow::ensure!(read.is_some_and(|bytes| bytes > 0), "a process ended without a word");
    }
    Ok(begun.elapsed())
}

/// A process that ends by itself and is reaped when this is dropped.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.wait();
    }
}

/// Processor time that this program took.
fn own_cpu() -> Option<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    let micros = (usage.user_time() + usage.system_time()).num_microseconds();
    u64::try_from(micros).ok().map(Duration::from_micros)
}
