//! What the system knows of a process: when it began (so that a reused pid is not mistaken for it)
//! and how much memory it holds. Empty answers where there is no `/proc`.

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
    }
}
