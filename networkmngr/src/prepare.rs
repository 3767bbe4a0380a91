//! Everything that a network has before its first process is started: the folder, the sockets, the record, the
//! timeline. Nothing is started here, and what cannot be had is an error that leaves nothing behind.

use std::net::TcpListener;
use std::sync::Arc;

use anyhow::Context as _;

use crate::bind::bind_all;
use crate::folder::{self, Folder};
use crate::limits;
use crate::network::Network;
use crate::plan::Plan;
use crate::record::{Manager, Process, Record};
use crate::term;
use crate::timeline::Recorder;

/// A network that is ready to be started.
pub(crate) struct Prepared {
    plan: Plan,
    nodes: Vec<TcpListener>,
    record: Record,
    /// Writes down what happens.
    pub(crate) timeline: Arc<Recorder>,
    /// Where the manager is to answer.
    pub(crate) manager: TcpListener,
    /// This process's until it is dropped: to be held as long as the network runs.
    pub(crate) folder: Folder,
}

/// Takes everything that the plan needs.
///
/// # Errors
/// What cannot be had, as a sentence.
pub(crate) fn prepare(plan: Plan) -> anyhow::Result<Prepared> {
    limits::raise_open_files(plan.amount)?;
    let mut folder = Folder::take(&plan.folder)?;
    folder.outwait_leftovers();
    let sockets = bind_all(&plan)?;
    let manager = Manager {
        address: format!("http://127.0.0.1:{}", plan.port),
        process: Process::of(std::process::id()),
        since: term::now(),
    };
    let record = folder.prepare(plan.fresh, plan.genesis.as_deref(), manager)?;
    let genesis = folder::genesis_hash(&plan.folder, &record);
    let timeline = Recorder::resume(&plan.folder, genesis, plan.amount).context("the timeline cannot be written")?;
    Ok(Prepared { plan, nodes: sockets.nodes, record, timeline, manager: sockets.manager, folder })
}

impl Prepared {
    /// The network, none of its nodes started yet, with what is to be held beside it. Needs a tokio runtime.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn network(self) -> std::io::Result<(Arc<Network>, TcpListener, Folder)> {
        let network = Network::new(self.plan, self.nodes, self.record, self.timeline)?;
        Ok((network, self.manager, self.folder))
    }
}
