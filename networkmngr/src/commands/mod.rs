//! One file for each command of the program.

pub(crate) mod faults;
pub(crate) mod logs;
pub(crate) mod mine;
pub(crate) mod orders;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod timeline;
pub(crate) mod verify;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use node::client::{Client, ClientError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::cli::Which;
use crate::folder;
use crate::record::Record;
use crate::term;

/// How long the manager may take to answer a question.
const ANSWER: Duration = Duration::from_secs(30);

/// How long the manager may take to carry out an order. It has deadlines of its own, some of which its user sets.
const ORDER: Duration = Duration::from_secs(2 * 3600);

/// How long a look at a port may take.
const GLANCE: Duration = Duration::from_secs(2);

/// A running network, found by what it wrote down.
struct Attached {
    folder: PathBuf,
    address: String,
    client: Client,
    runtime: tokio::runtime::Runtime,
}

/// The network's folder and what it says of itself.
fn found(which: &Which) -> anyhow::Result<(PathBuf, Record)> {
    let path = match &which.data_dir {
        Some(given) => folder::locate(Some(given), which.port)?,
        // A network that was started with a folder of its own choosing tells which.
        None => match folder_at(which.port) {
            Some(told) => told,
            None => folder::locate(None, which.port)?,
        },
    };
    let record = Record::read(&path)?.with_context(|| {
        format!(
            "there is no network in {}; start one with `networkmngr -p {} -a 6`, or say with -p or \
             --data-dir which one you mean",
            path.display(),
            which.port
        )
    })?;
    Ok((path, record))
}

/// The folder of the network whose manager answers on this port.
fn folder_at(port: u16) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Health {
        folder: PathBuf,
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let url = format!("http://127.0.0.1:{port}/health");
    let health: Health = runtime.block_on(Client::new().get(&url, GLANCE)).ok()?;
    Some(health.folder)
}

impl Attached {
    fn find(which: &Which) -> anyhow::Result<Self> {
        let (folder, record) = found(which)?;
        let Some(manager) = record.manager else {
            bail!("the network in {} is not running; start it with `networkmngr`", folder.display());
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { folder, address: manager.address, client: Client::new(), runtime })
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let url = format!("{}{path}", self.address);
        let answer = self.runtime.block_on(self.client.get(&url, ANSWER));
        answer.map_err(|error| self.explained(error))
    }

    fn post<T: DeserializeOwned>(&self, path: &str, deadline: Duration) -> anyhow::Result<T> {
        let url = format!("{}{path}", self.address);
        let answer = self.runtime.block_on(self.client.post_json(&url, bytes::Bytes::new(), deadline));
        answer.map_err(|error| self.explained(error))
    }

    fn order<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize, deadline: Duration) -> anyhow::Result<T> {
        let url = format!("{}{path}", self.address);
        let answer = self.runtime.block_on(self.client.post(&url, body, deadline));
        answer.map_err(|error| self.explained(error))
    }

    fn delete<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let url = format!("{}{path}", self.address);
        let answer = self.runtime.block_on(self.client.delete(&url, ORDER));
        answer.map_err(|error| self.explained(error))
    }

    fn explained(&self, error: ClientError) -> anyhow::Error {
        match error {
            ClientError::Unreachable { .. } => anyhow::anyhow!(
                "the network in {} is not running: its manager at {} ended without a word; start it \
                 with `networkmngr`",
                self.folder.display(),
                self.address
            ),
            error => error.into(),
        }
    }
}

/// Prints the outcome of an order: the manager's answer, or a sentence about it.
fn shown<T: Serialize>(json: bool, answer: &T, sentence: impl FnOnce(&T) -> String) -> anyhow::Result<ExitCode> {
    let text = if json { serde_json::to_string_pretty(answer)? } else { sentence(answer) };
    term::plain(&text);
    Ok(ExitCode::SUCCESS)
}
