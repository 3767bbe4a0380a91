//! Making the nodes known to each other: everyone gets the list of all.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use serde::de::IgnoredAny;

use super::{AT_ONCE, Network, Running, Slot, StartError};
use crate::child::Identity;
use crate::term;

/// How long one node may take to take the list. Long, because a thousand do so at once.
const DEADLINE: Duration = Duration::from_secs(60);

impl Network {
    /// Sends every node the full list.
    pub(super) async fn register_all(&self) -> Result<(), StartError> {
        let nodes: Vec<(u16, String, Running)> = self
            .running()
            .into_iter()
            .filter_map(|node| node.state.ready().cloned().map(|running| (node.number, node.address, running)))
            .collect();
        let list = listed(nodes.iter().map(|(_, _, running)| &*running.identity))?;
        let sent = nodes.into_iter().map(|(number, address, _)| {
            let list = list.clone();
            async move {
                let sent = self.send_list(&address, list).await;
                sent.map_err(|reason| StartError::Register { number, reason })
            }
        });
        let mut sent = futures::stream::iter(sent).buffer_unordered(AT_ONCE);
        while let Some(sent) = sent.next().await {
            sent?;
        }
        Ok(())
    }

    /// Tells a new process about the others and the others about it. What fails is told: the network
    /// goes on, since nodes also learn of each other from their peers.
    pub(super) async fn introduce(&self, slot: &Slot, running: &Running) {
        let all = self.running();
        let identities = all.iter().filter_map(|node| node.state.ready());
        let (Ok(everyone), Ok(newcomer)) =
            (listed(identities.map(|running| &*running.identity)), listed([&*running.identity].into_iter()))
        else {
            return;
        };
        let sent = all.into_iter().map(|node| {
            let list = if node.number == slot.plan.number { &everyone } else { &newcomer };
            let list = list.clone();
            async move {
                if let Err(reason) = self.send_list(&node.address, list).await {
                    term::warn(&format!("node {} did not take the list of nodes: {reason}", node.number));
                }
            }
        });
        futures::stream::iter(sent).buffer_unordered(AT_ONCE).collect::<()>().await;
    }

    async fn send_list(&self, address: &str, list: Bytes) -> Result<(), String> {
        let url = format!("{address}/nodes/register");
        let sent = self.client.post_json::<IgnoredAny>(&url, list, DEADLINE).await;
        sent.map(|_| ()).map_err(|error| error.to_string())
    }
}

fn listed<'i>(identities: impl Iterator<Item = &'i Identity>) -> std::io::Result<Bytes> {
    let identities: Vec<&Identity> = identities.collect();
    Ok(Bytes::from(serde_json::to_vec(&identities)?))
}
