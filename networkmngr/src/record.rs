//! `network.json`: what a network writes down about itself, so that later commands find it and the
//! next start goes on with it. Reading and writing only; who may use a folder is [`crate::folder`]'s.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// Version of the format that this program writes; it reads no newer one.
pub(crate) const VERSION: u32 = 1;

const FILE: &str = "network.json";

/// One network as its folder describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Version of this format.
    pub(crate) version: u32,
    /// When all nodes were first ready; absent while that never happened.
    pub(crate) first_ready: Option<String>,
    /// File in the folder with the chain spec, if it is not the built-in one.
    pub(crate) genesis: Option<PathBuf>,
    /// The manager, while one runs.
    pub(crate) manager: Option<Manager>,
    /// The nodes of the last start, by number.
    pub(crate) nodes: Vec<Node>,
}

/// A running manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manager {
    /// Where it answers HTTP.
    pub(crate) address: String,
    #[serde(flatten)]
    pub(crate) process: Process,
    /// When it began, local time.
    pub(crate) since: String,
}

/// A process, told from a later one with the same pid by its start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// Clock ticks since the machine started; absent where the system does not tell.
    pub(crate) pid_started: Option<u64>,
}

impl Process {
    /// The process that has this pid now.
    pub(crate) fn of(pid: u32) -> Self {
        Self { pid, pid_started: crate::proc::started(pid) }
    }

    /// Whether this very process still runs; false where the system does not tell.
    pub(crate) fn is_alive(self) -> bool {
        self.pid_started.is_some() && crate::proc::started(self.pid) == self.pid_started
    }
}

/// One node of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) number: u16,
    /// Its permanent id, once it has told it.
    pub(crate) id: Option<String>,
    /// Where it answers HTTP.
    pub(crate) address: String,
    /// Where its peers connect.
    pub(crate) peer_addresses: Vec<String>,
    /// Its process, while one runs.
    pub(crate) process: Option<Process>,
    /// Folder of its data, within the network's.
    pub(crate) folder: PathBuf,
    /// Its log file, within the network's folder.
    pub(crate) log: PathBuf,
}

impl Record {
    /// Reads the record in `folder`; `None` if there is none.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Option<Self>> {
        let path = folder.join(FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let damaged = || format!("{} is damaged; restore it, or choose another --data-dir", path.display());
        let value: serde_json::Value = serde_json::from_slice(&bytes).with_context(damaged)?;
        let version = value["version"].as_u64().with_context(damaged)?;
        if version > u64::from(VERSION) {
            anyhow::bail!(
                "{} was written by a newer networkmngr (format {version}, this one reads up to {VERSION}); \
                 update the program, or choose another --data-dir",
                path.display()
            );
        }
        Ok(Some(serde_json::from_value(value).with_context(damaged)?))
    }

    /// Writes the record into `folder`, whole or not at all.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(FILE);
        let next = folder.join("network.json.new");
        let write = || -> std::io::Result<()> {
            let mut text = serde_json::to_vec_pretty(self)?;
            text.push(b'\n');
            let mut file = std::fs::File::create(&next)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&next, &path)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let process = Process { pid: 7, pid_started: Some(99) };
        Record {
            version: VERSION,
            first_ready: None,
            genesis: None,
            manager: Some(Manager {
                address: "http://127.0.0.1:4999".to_owned(),
                process,
                since: "2026-11-21 02:17:05".to_owned(),
            }),
            nodes: vec![Node {
                number: 0,
                id: Some("ab".to_owned()),
                address: "http://127.0.0.1:5000".to_owned(),
                peer_addresses: vec![],
                process: Some(process),
                folder: "node-000".into(),
                log: "logs/node-000.log".into(),
            }],
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Record::read(folder.path()).unwrap(), None);
        record().write(folder.path()).unwrap();
        assert_eq!(Record::read(folder.path()).unwrap(), Some(record()));
    }

    #[test]
    fn newer_and_damaged_records_are_refused_with_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |text: &str| {
            std::fs::write(folder.path().join(FILE), text).unwrap();
            Record::read(folder.path()).unwrap_err().to_string()
        };
        assert!(refused(r#"{"version": 2, "unheard": "of"}"#).contains("newer networkmngr (format 2"));
        for text in ["", "{", "[]", "{}", r#"{"version": "1"}"#, r#"{"version": 1}"#] {
            assert!(refused(text).contains("is damaged"), "{text}");
        }
    }
}
