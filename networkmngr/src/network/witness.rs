//! What the nodes tell is written into the timeline: one task for each node follows its events through all its
//! processes. What the manager itself does to the network is written down where it is done.

use std::sync::Arc;
use std::time::Duration;

use super::{Network, Slot, State};
use crate::record::Process;
use crate::timeline::Followed;

/// Wait before a node that runs and stopped telling is asked again: at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

impl Network {
    /// Follows a node until it is removed, or the network is stopped.
    pub(super) fn witness(self: &Arc<Self>, slot: Arc<Slot>) {
        let network = self.clone();
        tokio::spawn(async move { network.follow_events(&slot).await });
    }

    async fn follow_events(&self, slot: &Slot) {
        let address = slot.plan.address();
        let followed =
            Followed { number: slot.plan.number, address: &address, client: &self.client, recorder: &self.timeline };
        let mut known: Option<Process> = None;
        let mut backoff = BACKOFF.0;
        let mut states = slot.state.subscribe();
        while let Some(process) = next_process(&mut states).await {
            if known != Some(process) {
                (known, backoff) = (Some(process), BACKOFF.0);
            }
            let told = followed.follow().await;
            if self.is_closing() {
                return;
            }
            // A node program without events has none later either.
            let has_none = told.is_err_and(|error| error.status().is_some_and(|status| status.as_u16() == 404));
            let wait = if has_none { Duration::MAX } else { backoff };
            let over = |state: &State| state.ready().map(|running| running.process) != Some(process);
            let _ = tokio::time::timeout(wait, states.wait_for(over)).await;
            backoff = (backoff * 2).min(BACKOFF.1);
        }
    }
}

/// Waits for a process that is ready; `None` once there will be none.
async fn next_process(states: &mut tokio::sync::watch::Receiver<State>) -> Option<Process> {
    let settled = |state: &State| state.ready().is_some() || matches!(state, State::Removed(_));
    let state = states.wait_for(settled).await.ok()?;
    state.ready().map(|running| running.process)
}
