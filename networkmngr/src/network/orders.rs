//! Orders to single nodes: add, kill, pause, resume, restart, remove. One order at a time for each node.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AT_ONCE, Network, Seen, Slot, StartError, State};
use crate::bind::{BindError, bind_one};
use crate::term;
use crate::timeline::What;

/// How long a node may take to forget another one.
const FORGET: Duration = Duration::from_secs(10);

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OrderError {
    #[error("there is no node {number}; the last one is {last}")]
    Unknown { number: u16, last: usize },
    #[error("node {0} was removed from the network for good; add another one")]
    Removed(u16),
    #[error("node {number} is {state}, so it cannot be {order}")]
    State { number: u16, state: &'static str, order: &'static str },
    #[error("node {0} is carrying out another order; ask again in a moment")]
    Busy(u16),
    #[error("no port or number is left for one more node")]
    Full,
    #[error("the network is being stopped")]
    Closing,
    #[error("node {number} goes on, but {fault}")]
    Told { number: u16, fault: String },
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Start(#[from] StartError),
}

/// How a node's process is started. The preset is as all others are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({ "args": [] }))]
pub(crate) struct StartCommand {
    /// Another node program, with the command line of the `node` binary.
    #[schema(value_type = Option<String>)]
    pub(crate) program: Option<PathBuf>,
    /// What stands behind the arguments that every node gets.
    pub(crate) args: Vec<String>,
}

impl Network {
    /// Starts one more node, on the port after the last one's.
    pub(crate) async fn add(self: &Arc<Self>) -> Result<Seen, OrderError> {
        if self.is_closing() {
            return Err(OrderError::Closing);
        }
        let changing = self.changing.lock().await;
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let number = u16::try_from(slots.len()).map_err(|_| OrderError::Full)?;
            let plan = self.plan.node(number).ok_or(OrderError::Full)?;
            let slot = Slot::new(plan.clone(), bind_one(plan.port)?);
            slots.push(slot.clone());
            slot
        };
        if self.is_split() {
            // It joins one of the groups, or makes one more.
            self.timeline.network(What::Split { groups: self.faults().groups });
        }
        drop(changing);
        let _order = slot.order.lock().await;
        self.witness(slot.clone());
        self.bring_up(&slot).await?;
        term::say(&format!("node {} was added at {}", slot.plan.number, slot.plan.address()));
        Ok(slot.seen())
    }

    /// Ends the node's process at once, as a power cut would.
    pub(crate) async fn kill(&self, number: u16) -> Result<Seen, OrderError> {
        let slot = self.slot(number)?;
        let _order = slot.order.try_lock().map_err(|_| OrderError::Busy(number))?;
        if slot.state.borrow().pid().is_none() {
            return Err(slot.cannot_be("killed"));
        }
        slot.end_wanted.store(true, Ordering::SeqCst);
        slot.signal(Signal::SIGKILL);
        slot.ended().await;
        self.save();
        term::say(&format!("node {number} was killed, as asked"));
        Ok(slot.seen())
    }

    /// Stops the node's process (SIGSTOP): it stays, with its connections, but does nothing.
    pub(crate) fn pause(&self, number: u16) -> Result<Seen, OrderError> {
        let slot = self.slot(number)?;
        let _order = slot.order.try_lock().map_err(|_| OrderError::Busy(number))?;
        let paused = slot.state.send_if_modified(|state| {
            let State::Running(running) = &*state else {
                return false;
            };
            self.timeline.node(number, What::Paused);
            *state = State::Paused(running.clone());
            true
        });
        if !paused {
            return Err(slot.cannot_be("paused"));
        }
        slot.signal(Signal::SIGSTOP);
        term::say(&format!("node {number} was paused"));
        Ok(slot.seen())
    }

    /// Lets a paused node go on. What was changed about its links meanwhile, it is told first of all.
    pub(crate) async fn resume(&self, number: u16) -> Result<Seen, OrderError> {
        let slot = self.slot(number)?;
        let _order = slot.order.try_lock().map_err(|_| OrderError::Busy(number))?;
        let mut paused = false;
        slot.state.send_if_modified(|state| {
            paused = matches!(state, State::Paused(_));
            if paused {
                // Before it does anything that would stand before this.
                self.timeline.node(number, What::Resumed);
            }
            false
        });
        if !paused {
            return Err(slot.cannot_be("resumed"));
        }
        slot.signal(Signal::SIGCONT);
        let told = self.tell(&slot).await;
        let resumed = slot.state.send_if_modified(|state| {
            let State::Paused(running) = &*state else {
                return false;
            };
            *state = State::Running(running.clone());
            true
        });
        if !resumed {
            return Err(slot.cannot_be("resumed"));
        }
        // What was changed just now was not meant for it yet.
        let told = told.and(self.tell(&slot).await);
        told.map_err(|error| OrderError::Told { number, fault: error.to_string() })?;
        term::say(&format!("node {number} was resumed"));
        Ok(slot.seen())
    }

    /// Takes the node out of the network for good: ends its process, and has the others forget it. Its folder and
    /// its port stay, and its number is not given to another.
    pub(crate) async fn remove(&self, number: u16) -> Result<Seen, OrderError> {
        let slot = self.slot(number)?;
        let _order = slot.order.try_lock().map_err(|_| OrderError::Busy(number))?;
        slot.end_wanted.store(true, Ordering::SeqCst);
        self.stop_one(&slot, self.plan.wait_for_exit).await;
        slot.state.send_if_modified(|state| {
            let State::Ended(ended) = &*state else {
                return false;
            };
            self.timeline.node(number, What::Removed);
            *state = State::Removed(ended.clone());
            true
        });
        self.save();
        self.forget(&slot).await;
        term::say(&format!("node {number} was removed"));
        Ok(slot.seen())
    }

    /// Has the running nodes forget one. What fails is let be: they would only try to reach it in vain.
    async fn forget(&self, slot: &Slot) {
        let id = slot.lock_known().as_ref().map(|known| known.id.clone());
        let Some(id) = id else { return };
        let asked = self.running().into_iter().map(|node| {
            let url = format!("{}/nodes/{id}", node.address);
            async move { self.client.delete::<serde::de::IgnoredAny>(&url, FORGET).await.is_ok() }
        });
        futures::stream::iter(asked).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
    }

    /// Stops the node's process if it runs, and starts another with the same socket and folder, as the last one was
    /// started.
    pub(crate) async fn restart(self: &Arc<Self>, number: u16) -> Result<Seen, OrderError> {
        self.restart_as(number, None).await
    }

    /// The same, started with another command from now on.
    pub(crate) async fn restart_with(self: &Arc<Self>, number: u16, command: StartCommand) -> Result<Seen, OrderError> {
        self.restart_as(number, Some(command)).await
    }

    async fn restart_as(self: &Arc<Self>, number: u16, command: Option<StartCommand>) -> Result<Seen, OrderError> {
        if self.is_closing() {
            return Err(OrderError::Closing);
        }
        let slot = self.slot(number)?;
        let _order = slot.order.try_lock().map_err(|_| OrderError::Busy(number))?;
        slot.end_wanted.store(true, Ordering::SeqCst);
        self.stop_one(&slot, self.plan.wait_for_exit).await;
        let before = command.map(|command| std::mem::replace(&mut slot.lock_start().command, command));
        if let Err(error) = self.bring_up(&slot).await {
            // A command that does not work is not kept.
            if let Some(before) = before {
                slot.lock_start().command = before;
            }
            return Err(error);
        }
        term::say(&format!("node {number} was restarted"));
        Ok(slot.seen())
    }

    async fn bring_up(self: &Arc<Self>, slot: &Arc<Slot>) -> Result<(), OrderError> {
        if self.is_closing() {
            return Err(OrderError::Closing);
        }
        self.launch(slot).await.map_err(StartError::from)?;
        slot.ready().await?;
        // Who may reach it is told by whom it may reach: before they hear of each other.
        if let Err(error) = self.tell_all().await {
            term::warn(&error.to_string());
        }
        self.introduce(slot).await;
        self.save();
        Ok(())
    }

    /// The place of node `number`, unless it was removed.
    pub(super) fn slot(&self, number: u16) -> Result<Arc<Slot>, OrderError> {
        let slots = self.slots();
        let last = slots.len().saturating_sub(1);
        let slot = slots.get(usize::from(number)).cloned().ok_or(OrderError::Unknown { number, last })?;
        let removed = matches!(*slot.state.borrow(), State::Removed(_));
        if removed { Err(OrderError::Removed(number)) } else { Ok(slot) }
    }
}

impl Slot {
    /// Sends a signal to the node's process, if it has one.
    pub(super) fn signal(&self, signal: Signal) {
        // The state names a pid only until the one task that reaps it has seen its end.
        if let Some(pid) = self.state.borrow().pid().and_then(|pid| i32::try_from(pid).ok()) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    pub(super) fn cannot_be(&self, order: &'static str) -> OrderError {
        OrderError::State { number: self.plan.number, state: self.state.borrow().word(), order }
    }
}
