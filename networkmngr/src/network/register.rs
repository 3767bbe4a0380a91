//! Making the nodes known to each other: everyone is told of all others, or in a large network of so many of
//! them, drawn by chance, that it cannot fall apart. The rest they hear of from their peers.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use rand::seq::IteratorRandom as _;
use serde::de::IgnoredAny;

use super::{AT_ONCE, Network, Seen, Slot, StartError};
use crate::term;

/// How long one node may take to take the list. Long, because a thousand do so at once.
const DEADLINE: Duration = Duration::from_secs(60);

/// Nodes that one is told of, at most. Sixteen times as many as it dials, so that lists that are drawn by chance
/// join a network of any size; and what a node costs does not grow with the number of the others.
const LISTED: usize = 128;

/// A node that may be told of.
struct Listed {
    number: u16,
    address: String,
    /// What it says of itself, as JSON.
    described: String,
}

impl Network {
    /// Sends every node its list of others.
    pub(super) async fn register_all(&self) -> Result<(), StartError> {
        let nodes = listed(&self.running())?;
        let lists = nodes.iter().map(|node| (node.number, node.address.clone(), list_for(node.number, &nodes)));
        let sent = lists.collect::<Vec<_>>().into_iter().map(|(number, address, list)| async move {
            let sent = self.send_list(&address, list).await;
            sent.map_err(|reason| StartError::Register { number, reason })
        });
        let mut sent = futures::stream::iter(sent).buffer_unordered(AT_ONCE);
        while let Some(sent) = sent.next().await {
            sent?;
        }
        Ok(())
    }

    /// Tells a new process about the others and some of the others about it. What fails is told: the network
    /// goes on, since nodes also learn of each other from their peers.
    pub(super) async fn introduce(&self, slot: &Slot) {
        let number = slot.plan.number;
        let Ok(nodes) = listed(&self.running()) else { return };
        let Some(newcomer) = nodes.iter().find(|node| node.number == number) else { return };
        let told = nodes.iter().filter(|node| node.number != number).sample(&mut rand::rng(), LISTED);
        let lists = told.into_iter().map(|node| (node.number, node.address.clone(), json_list([newcomer])));
        let lists = lists.chain([(number, newcomer.address.clone(), list_for(number, &nodes))]);
        let sent = lists.collect::<Vec<_>>().into_iter().map(|(number, address, list)| async move {
            if let Err(reason) = self.send_list(&address, list).await {
                term::warn(&format!("node {number} did not take the list of nodes: {reason}"));
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

fn listed(nodes: &[Seen]) -> std::io::Result<Vec<Listed>> {
    let ready = nodes.iter().filter_map(|node| Some((node, node.state.ready()?)));
    ready
        .map(|(node, running)| {
            let described = serde_json::to_string(&*running.identity)?;
            Ok(Listed { number: node.number, address: node.address.clone(), described })
        })
        .collect()
}

/// What one node is told: all the others if they are few, else some of them.
fn list_for(number: u16, nodes: &[Listed]) -> Bytes {
    json_list(nodes.iter().filter(|node| node.number != number).sample(&mut rand::rng(), LISTED))
}

fn json_list<'l>(nodes: impl IntoIterator<Item = &'l Listed>) -> Bytes {
    let items: Vec<&str> = nodes.into_iter().map(|node| &*node.described).collect();
    Bytes::from(format!("[{}]", items.join(",")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Nodes that describe themselves by their numbers.
    fn nodes(count: u16) -> Vec<Listed> {
        let node = |number: u16| Listed { number, address: String::new(), described: number.to_string() };
        (0..count).map(node).collect()
    }

    fn told(number: u16, nodes: &[Listed]) -> BTreeSet<u16> {
        serde_json::from_slice(&list_for(number, nodes)).unwrap()
    }

    #[test]
    fn in_a_small_network_everyone_is_told_of_everyone_else() {
        for count in [1, 2, 6, 129] {
            let nodes = nodes(count);
            for number in 0..count {
                assert_eq!(told(number, &nodes), (0..count).filter(|other| *other != number).collect(), "{number}");
            }
        }
    }

    #[test]
    fn in_a_large_network_the_lists_are_short_and_join_it() {
        let nodes = nodes(1_000);
        let lists: Vec<BTreeSet<u16>> = (0..1_000).map(|number| told(number, &nodes)).collect();
        assert!(
            lists.iter().enumerate().all(|(number, list)| list.len() == LISTED && !list.contains(&(number as u16)))
        );
        let (mut reached, mut next) = (BTreeSet::from([0]), vec![0]);
        while let Some(number) = next.pop() {
            next.extend(lists[usize::from(number)].iter().filter(|other| reached.insert(**other)));
        }
        assert_eq!(reached.len(), 1_000);
    }
}
