//! Ending nodes: ask, wait, SIGTERM, wait, SIGKILL; each end is reaped and reported.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use nix::sys::signal::Signal;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Network, Slot, State};
use crate::term;

/// How long a node may take after SIGTERM, before SIGKILL.
const AFTER_TERM: Duration = Duration::from_secs(2);
/// What each node adds to the time that all are given, since many share few cores.
const PER_NODE: Duration = Duration::from_millis(20);

/// How one node ended at the network's stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Ending {
    /// The node.
    pub(crate) number: u16,
    /// In words, for example `exit status 0` or `ended by SIGKILL`.
    pub(crate) how: String,
}

impl Network {
    /// Ends every node and reports how each ended. No node starts afterwards.
    pub(crate) async fn stop_all(&self) -> Vec<Ending> {
        self.closing.store(true, Ordering::SeqCst);
        let slots = self.slots();
        let patience = self.plan.wait_for_exit + PER_NODE * u32::try_from(slots.len()).unwrap_or(u32::MAX);
        let live: Vec<&Arc<Slot>> = slots.iter().filter(|slot| slot.state.borrow().ended().is_none()).collect();
        futures::future::join_all(live.iter().map(|slot| self.stop_one(slot, patience))).await;
        live.iter().map(|slot| slot.ending()).collect()
    }

    /// Sends SIGKILL to every node.
    pub(crate) fn kill_all(&self) {
        self.closing.store(true, Ordering::SeqCst);
        for slot in self.slots() {
            slot.signal(Signal::SIGKILL);
        }
    }

    /// Ends one node, giving it `patience` to do so by itself. Returns when it is reaped.
    pub(super) async fn stop_one(&self, slot: &Slot, patience: Duration) {
        let mut states = slot.state.subscribe();
        let spawned = states.wait_for(|state| !matches!(state, State::Spawning)).await;
        let ready = spawned.is_ok_and(|state| state.ready().is_some());
        // A stopped process would neither hear the question nor SIGTERM.
        slot.signal(Signal::SIGCONT);
        if ready {
            let url = format!("{}/shutdown", slot.plan.address());
            let ask = self.client.post_json::<IgnoredAny>(&url, Bytes::new(), patience);
            // A node that cannot be asked is told by signal at once.
            let asked = async {
                if ask.await.is_ok() {
                    slot.ended().await;
                }
            };
            let either = async {
                tokio::select! { () = slot.ended() => {}, () = asked => {} }
            };
            let _ = tokio::time::timeout(patience, either).await;
        }
        for (signal, wait) in [(Signal::SIGTERM, AFTER_TERM), (Signal::SIGKILL, Duration::MAX)] {
            slot.signal(signal);
            if tokio::time::timeout(wait, slot.ended()).await.is_ok() {
                return;
            }
        }
    }
}

impl Slot {
    /// Waits until the node has no process.
    pub(super) async fn ended(&self) {
        let mut states = self.state.subscribe();
        let _ = states.wait_for(|state| state.ended().is_some()).await;
    }

    fn ending(&self) -> Ending {
        let state = self.state.borrow();
        let how = state.ended().map_or_else(|| state.word().to_owned(), |ended| ended.exit.to_string());
        Ending { number: self.plan.number, how }
    }
}

/// The endings in few lines: nodes that ended alike stand together.
pub(crate) fn describe(endings: &[Ending]) -> Vec<String> {
    let mut alike: BTreeMap<&str, Vec<u16>> = BTreeMap::new();
    for ending in endings {
        alike.entry(&ending.how).or_default().push(ending.number);
    }
    let line = |(how, numbers): (&str, Vec<u16>)| {
        let word = if numbers.len() == 1 { "node" } else { "nodes" };
        format!("{word} {}: {how}", term::numbers(&numbers))
    };
    alike.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_ended_alike_share_a_line() {
        let ending = |number, how: &str| Ending { number, how: how.to_owned() };
        let endings = [
            ending(0, "exit status 0"),
            ending(1, "exit status 0"),
            ending(2, "ended by SIGKILL"),
            ending(3, "exit status 0"),
        ];
        assert_eq!(describe(&endings), ["node 2: ended by SIGKILL", "nodes 0-1, 3: exit status 0"]);
        assert!(describe(&[]).is_empty());
    }
}
