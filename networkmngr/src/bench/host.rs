//! The machine that is measured, in one line. What the system does not tell is left out.

use std::fmt;

use node::drivers::miner::kernel::Method;
use serde::Serialize;

use super::report::Unit;

/// A machine and this program on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Host {
    /// The processor, as it calls itself.
    cpu: Option<String>,
    /// Cores that this program may use.
    cores: usize,
    /// Instructions that the nonce search has a use for, as far as the processor has them.
    features: Vec<&'static str>,
    /// How nonces are searched.
    hash_method: String,
    /// Main memory, in bytes.
    memory: Option<u64>,
    /// Whether the program was built with optimisation.
    optimised: bool,
    /// Where the temporary folders are.
    folder: String,
}

impl Host {
    /// This one.
    pub(super) fn here() -> Self {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self {
            cpu: field(&cpuinfo, "model name").map(str::to_owned),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            features: features(),
            hash_method: Method::best().to_string(),
            memory: field(&meminfo, "MemTotal")
                .and_then(|text| text.trim_end_matches("kB").trim().parse::<u64>().ok())
                .map(|kib| kib * 1024),
            optimised: !cfg!(debug_assertions),
            folder: std::env::temp_dir().display().to_string(),
        }
    }

    /// What makes the figures worthless.
    pub(super) fn warning(&self) -> Option<String> {
        (!self.optimised).then(|| {
            "This is a debug build: the figures say nothing about the program. Build it with `cargo build --release`."
                .to_owned()
        })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = if self.cores == 1 { "core" } else { "cores" };
        write!(f, "{}, {} {cores}", self.cpu.as_deref().unwrap_or("unknown processor"), self.cores)?;
        if !self.features.is_empty() {
            write!(f, " with {}", self.features.join(", "))?;
        }
        if let Some(memory) = self.memory {
            write!(f, ", {} memory", Unit::Bytes.show(memory as f64))?;
        }
        write!(f, ", {} build", if self.optimised { "optimised" } else { "debug" })?;
        write!(f, "; folders in {}", self.folder)
    }
}

/// The value of the first line `name : value`.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.into_iter().find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim())
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let found = [
        ("SSE4.1", std::arch::is_x86_feature_detected!("sse4.1")),
        ("AVX2", std::arch::is_x86_feature_detected!("avx2")),
        ("SHA", std::arch::is_x86_feature_detected!("sha")),
        ("AVX-512", std::arch::is_x86_feature_detected!("avx512f")),
    ];
    found.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
}

#[cfg(target_arch = "aarch64")]
fn features() -> Vec<&'static str> {
    if std::arch::is_aarch64_feature_detected!("sha2") { vec!["NEON", "SHA"] } else { vec!["NEON"] }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn features() -> Vec<&'static str> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_s_files_are_read_by_name() {
        let text = "model\t: 1\nmodel name\t: Some CPU @ 2 GHz\nMemTotal:  8 kB\n";
        assert_eq!(field(text, "model name"), Some("Some CPU @ 2 GHz"));
        assert_eq!(field(text, "MemTotal"), Some("8 kB"));
        assert_eq!(field(text, "absent"), None);
    }

    #[test]
    fn a_machine_is_told_in_one_line() {
        let host = Host {
            cpu: Some("Some CPU".into()),
            cores: 2,
            features: vec!["AVX2", "SHA"],
            hash_method: "sha".into(),
            memory: Some(8 << 30),
            optimised: false,
            folder: "/tmp".into(),
        };
        let line = "Some CPU, 2 cores with AVX2, SHA, 8,192 MiB memory, debug build; folders in /tmp";
        assert_eq!(host.to_string(), line);
        assert!(host.warning().is_some_and(|warning| warning.contains("--release")));
        assert_eq!(Host { optimised: true, ..host }.warning(), None);
    }
}
