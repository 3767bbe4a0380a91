//! What the system knows of a process: when it began (so that a reused pid is not mistaken for it),
//! how much memory it holds and processor time it took. Empty answers where there is no `/proc`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Memory of one process, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Memory {
    /// In main memory, with what it shares with other processes.
    pub(crate) resident: u64,
    /// Of that, what belongs to it alone and is not backed by a file.
    pub(crate) own: u64,
}

/// When the process began, in clock ticks since the machine did; `None` if it is gone or unknown.
pub(crate) fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may itself hold brackets and spaces; the start is the 20th field after it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    if matches!(fields.next(), Some("Z" | "X")) {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// The memory that the process holds now.
pub(crate) fn memory(pid: u32) -> Option<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.trim_end_matches("kB").trim().parse().ok()?;
        Some(kib * 1024)
    };
    Some(Memory { resident: field("VmRSS:")?, own: field("RssAnon:")? })
}

/// Bytes of the process's memory that no other process shares, and that would be free if it ended.
pub(crate) fn unshared(pid: u32) -> Option<u64> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let kib = ["Private_Clean:", "Private_Dirty:"].map(|name| {
        let line = rollup.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_end_matches("kB").trim().parse::<u64>().ok()
    });
    Some((kib[0]? + kib[1]?) * 1024)
}

/// How long the threads that the process has now were on a processor.
pub(crate) fn cpu_time(pid: u32) -> Option<Duration> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let times = threads.flatten().filter_map(|thread| on_processor(&thread.path()));
    Some(times.sum())
}

/// How long one thread of this program was on a processor.
pub(crate) fn cpu_time_of_thread(thread: i32) -> Option<Duration> {
    on_processor(std::path::Path::new(&format!("/proc/self/task/{thread}")))
}

/// The first field of a task's `schedstat`: nanoseconds.
fn on_processor(task: &std::path::Path) -> Option<Duration> {
    let text = std::fs::read_to_string(task.join("schedstat")).ok()?;
    text.split_ascii_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn knows_this_process_and_no_other_of_its_pid() {
        let pid = std::process::id();
        assert!(started(pid).is_some_and(|ticks| ticks > 0));
        assert_eq!(started(u32::MAX), None);
        let memory = memory(pid).unwrap();
        assert!(memory.resident >= memory.own && memory.own > 0, "{memory:?}");
        assert!(unshared(pid).is_some_and(|bytes| bytes > 0));
        assert_eq!((unshared(u32::MAX), cpu_time(u32::MAX)), (None, None));
        let thread = nix::unistd::gettid().as_raw();
        assert!(cpu_time(pid).is_some() && cpu_time_of_thread(thread).is_some());
    }
}
