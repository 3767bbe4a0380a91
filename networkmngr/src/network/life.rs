//! The life of one process: spawned, ready, ended. One task follows each process from its order to its
//! end and is the only one that reaps it, so that no signal ever reaches a stranger's pid.

use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;

use super::{Ended, Known, Network, Running, Slot, Start, State, quoted};
use crate::child::{Exit, Launch, NodeProcess};
use crate::plan::{NodeFiles, Program};
use crate::record::Process;
use crate::term;
use crate::timeline::What;

impl Network {
    /// Orders a process for the node and follows it until its end. Returns at once.
    ///
    /// # Errors
    /// The node's socket cannot be duplicated, or its folder not be written.
    pub(super) async fn launch(self: &Arc<Self>, slot: &Arc<Slot>) -> io::Result<()> {
        let links = self.tell_at_start(slot).await?;
        let Start { command, hash_rate } = slot.lock_start().clone();
        let files = NodeFiles { genesis: self.genesis(), links };
        let mut args = self.plan.node_args(&slot.plan, hash_rate, &files);
        args.extend(command.args.into_iter().map(OsString::from));
        let launch = Launch {
            program: command.program.map_or_else(|| self.plan.program.clone(), Program::Other),
            args,
            socket: slot.socket.try_clone()?,
            log: slot.plan.log.clone(),
        };
        slot.end_wanted.store(false, Ordering::SeqCst);
        slot.state.send_replace(State::Spawning);
        let spawned = self.spawner.spawn(launch);
        tokio::spawn(self.clone().follow(slot.clone(), spawned));
        Ok(())
    }

    async fn follow(self: Arc<Self>, slot: Arc<Slot>, spawned: oneshot::Receiver<io::Result<NodeProcess>>) {
        let spawned = spawned.await.unwrap_or_else(|_| Err(io::Error::other("the manager is ending")));
        let ended = match spawned {
            Ok(mut process) => self.live(&slot, &mut process).await,
            Err(error) => Ended {
                exit: Arc::new(Exit::NotStarted(self.explained(&slot, &error))),
                last_lines: Arc::new([]),
                identity: None,
            },
        };
        let was_ready = ended.identity.is_some();
        let wanted = slot.end_wanted.load(Ordering::SeqCst) || self.is_closing();
        let unexpected = was_ready && !wanted;
        self.turn(&slot, What::Ended { how: ended.exit.to_string(), wanted }, State::Ended(ended.clone()));
        if unexpected {
            let (number, exit, lines) = (slot.plan.number, &ended.exit, quoted(&ended.last_lines));
            term::warn(&format!("node {number} ended by itself: {exit}{lines}"));
            self.save();
        }
        if !self.is_closing() {
            self.stand_in(slot, &ended.exit);
        }
    }

    /// Follows a process to its end.
    async fn live(&self, slot: &Slot, process: &mut NodeProcess) -> Ended {
        let pid = process.pid;
        self.turn(slot, What::Started { pid: Some(pid) }, State::Starting { pid });
        let deadline = self.ready_deadline();
        let ready = tokio::time::timeout(deadline, process.ready()).await;
        let late = || {
            let seconds = deadline.as_secs_f32();
            Err(Exit::NotReady(format!("was not ready within {seconds} s")))
        };
        let mut identity = None;
        let exit = match ready.unwrap_or_else(|_| late()) {
            Ok(said) => {
                let identity = identity.insert(Arc::new(said)).clone();
                let peer = identity.peer_id.parse().ok();
                *slot.lock_known() = Some(Known { id: identity.id.clone(), peer });
                let ready = What::Ready {
                    miner: identity.miner,
                    peer: Some(identity.peer_id.clone()),
                    id: Some(identity.id.clone()),
                    address: Some(identity.address.clone()),
                };
                self.turn(slot, ready, State::Running(Running { process: Process::of(pid), identity }));
                match process.ended().await {
                    Ok(status) => Exit::Ended(status),
                    Err(error) => Exit::NotReady(format!("cannot be watched any more: {error}")),
                }
            }
            Err(exit) => {
                process.kill().await;
                exit
            }
        };
        Ended { exit: Arc::new(exit), last_lines: process.last_lines().into(), identity }
    }

    /// The node's state changes, and the timeline has it in the same step: what follows from the new state, whoever
    /// does it, stands after this.
    fn turn(&self, slot: &Slot, what: What, state: State) {
        slot.state.send_modify(|now| {
            self.timeline.node(slot.plan.number, what);
            *now = state;
        });
    }

    /// The system's error in terms of what the user can change.
    fn explained(&self, slot: &Slot, error: &io::Error) -> String {
        let own = slot.lock_start().command.program.clone();
        let option = if own.is_some() { "" } else { " (--node-bin)" };
        match (own.map_or_else(|| self.plan.program.clone(), Program::Other), error.kind()) {
            (Program::Other(path), io::ErrorKind::NotFound) => {
                format!("there is no program {}{option}", path.display())
            }
            (Program::Other(path), io::ErrorKind::PermissionDenied) => {
                format!("{} may not be run as a program{option}", path.display())
            }
            (_, io::ErrorKind::WouldBlock) => "the system allows no more processes".to_owned(),
            _ => error.to_string(),
        }
    }
}
