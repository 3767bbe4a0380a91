//! Orders to single nodes: add, kill, pause, resume, restart. One order at a time for each node.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Network, Seen, Slot, StartError, State};
use crate::bind::{BindError, bind_one};
use crate::term;

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OrderError {
    #[error("there is no node {number}; the last one is {last}")]
    Unknown { number: u16, last: usize },
    #[error("node {number} is {state}, so it cannot be {order}")]
    State { number: u16, state: &'static str, order: &'static str },
    #[error("node {0} is carrying out another order; ask again in a moment")]
    Busy(u16),
    #[error("no port or number is left for one more node")]
    Full,
    #[error("the network is being stopped")]
    Closing,
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Start(#[from] StartError),
}

impl Network {
    /// Starts one more node, on the port after the last one's.
    pub(crate) async fn add(self: &Arc<Self>) -> Result<Seen, OrderError> {
        if self.is_closing() {
            return Err(OrderError::Closing);
        }
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let number = u16::try_from(slots.len()).map_err(|_| OrderError::Full)?;
            let plan = self.plan.node(number).ok_or(OrderError::Full)?;
            let slot = Slot::new(plan.clone(), bind_one(plan.port)?);
            slots.push(slot.clone());
            slot
        };
        let _order = slot.order.lock().await;
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

    /// Lets a paused node go on.
    pub(crate) fn resume(&self, number: u16) -> Result<Seen, OrderError> {
        let slot = self.slot(number)?;
        let _order = slot.order.try_lock().map_err(|_| OrderError::Busy(number))?;
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
        slot.signal(Signal::SIGCONT);
        term::say(&format!("node {number} was resumed"));
        Ok(slot.seen())
    }

    /// Stops the node's process if it runs, and starts another with the same socket and folder.
    pub(crate) async fn restart(self: &Arc<Self>, number: u16) -> Result<Seen, OrderError> {
        if self.is_closing() {
            return Err(OrderError::Closing);
        }
        let slot = self.slot(number)?;
        let _order = slot.order.try_lock().map_err(|_| OrderError::Busy(number))?;
        slot.end_wanted.store(true, Ordering::SeqCst);
        self.stop_one(&slot, self.plan.wait_for_exit).await;
        self.bring_up(&slot).await?;
        term::say(&format!("node {number} was restarted"));
        Ok(slot.seen())
    }

    async fn bring_up(self: &Arc<Self>, slot: &Arc<Slot>) -> Result<(), OrderError> {
        if self.is_closing() {
            return Err(OrderError::Closing);
        }
        self.launch(slot).map_err(StartError::from)?;
        let running = slot.ready().await?;
        self.introduce(slot, &running).await;
        self.save();
        Ok(())
    }

    fn slot(&self, number: u16) -> Result<Arc<Slot>, OrderError> {
        let slots = self.slots();
        let last = slots.len().saturating_sub(1);
        slots.get(usize::from(number)).cloned().ok_or(OrderError::Unknown { number, last })
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

    fn cannot_be(&self, order: &'static str) -> OrderError {
        OrderError::State { number: self.plan.number, state: self.state.borrow().word(), order }
    }
}
