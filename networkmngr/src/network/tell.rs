//! Telling nodes what the faults in force mean for them, and asking what has come of it. Each process is told when it
//! starts, before it can connect to anybody, and whenever something changes.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use node::drivers::net::{LinkState, Links};
use shared::peer::PeerId;
use tokio::time::Instant;

use super::faults::FaultError;
use super::{AT_ONCE, Network, Slot, State};

/// How long one node may take to answer. Long, because a thousand do so at once.
const ANSWER: Duration = Duration::from_secs(30);
/// How long it may take until what is wanted holds at every node, and what each node adds to it.
const HOLDS: (Duration, Duration) = (Duration::from_secs(15), Duration::from_millis(50));
/// Wait before the nodes are asked again: at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(200));
/// File in a node's folder with what it is told at its start.
const FILE: &str = "links.json";

impl Network {
    /// What the node is to be told now.
    fn links_of(&self, slot: &Slot) -> Links {
        let faults = self.lock_faults();
        // A thousand nodes would be a million ways.
        if faults.is_none() { Links::default() } else { faults.links(slot.plan.number, &self.peers()) }
    }

    /// The peer ids of all nodes that ever told theirs and are still of the network.
    fn peers(&self) -> Vec<(u16, PeerId)> {
        let slots = self.slots();
        slots.iter().filter_map(|slot| Some((slot.plan.number, slot.peer()?))).collect()
    }

    /// Writes down what holds for a process that is about to start; `None` if nothing is made up for it.
    ///
    /// # Errors
    /// The file cannot be written. The process must not start then.
    pub(super) async fn tell_at_start(&self, slot: &Slot) -> io::Result<Option<PathBuf>> {
        let mut told = slot.told.lock().await;
        *told = self.links_of(slot);
        let path = slot.plan.folder.join(FILE);
        if told.is_clear() {
            return match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(None),
            };
        }
        fs::create_dir_all(&slot.plan.folder)?;
        fs::write(&path, serde_json::to_vec(&*told)?)?;
        Ok(Some(path))
    }

    /// Tells a node that runs what holds for it, unless it knows.
    pub(super) async fn tell(&self, slot: &Slot) -> Result<(), FaultError> {
        // Under the lock, so that what is told last is what was wanted last.
        let mut told = slot.told.lock().await;
        let links = self.links_of(slot);
        if *told == links {
            return Ok(());
        }
        let url = format!("{}/links", slot.plan.address());
        let answer = self.client.post::<LinkState>(&url, &links, ANSWER).await;
        match answer {
            Ok(_) => {
                *told = links;
                Ok(())
            }
            Err(error) => Err(FaultError::Told { number: slot.plan.number, reason: error.to_string() }),
        }
    }

    /// Tells every node that runs; those that end meanwhile are told when they start again. Gives how many know.
    pub(super) async fn tell_all(&self) -> Result<usize, FaultError> {
        let mut slots = self.slots();
        slots.retain(|slot| slot.runs());
        let telling = slots.into_iter().map(|slot| async move {
            match self.tell(&slot).await {
                Err(error) if slot.runs() => Err(error),
                Err(_) => Ok(0),
                Ok(()) => Ok(1),
            }
        });
        let told: Vec<_> = futures::stream::iter(telling).buffer_unordered(AT_ONCE).collect().await;
        told.into_iter().sum()
    }

    /// Waits until the cuts in force hold at every running node: each has been told, refuses whom it must, and
    /// is in session with none of them. Gives how many nodes were asked.
    pub(super) async fn verify_cuts(&self) -> Result<usize, FaultError> {
        let deadline = self.holds_by();
        let mut backoff = BACKOFF.0;
        loop {
            // Nodes that came up meanwhile are told as well.
            self.tell_all().await?;
            let unaware = self.unaware().await;
            let looked = self.look().await;
            let leak = looked.iter().find_map(|(slot, state)| self.holds(slot, state.as_ref()).err());
            match leak.or(unaware) {
                None => return Ok(looked.len()),
                Some(leak) if Instant::now() >= deadline => return Err(leak),
                Some(_) => {}
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF.1);
        }
    }

    /// A node that is coming up and was told something else when its process was started. Two of them could meet before
    /// they are told.
    async fn unaware(&self) -> Option<FaultError> {
        for slot in self.slots() {
            let starting = matches!(*slot.state.borrow(), State::Spawning | State::Starting { .. });
            if starting && *slot.told.lock().await != self.links_of(&slot) {
                return Some(FaultError::Told { number: slot.plan.number, reason: "it is still starting".to_owned() });
            }
        }
        None
    }

    /// Waits until all running nodes are joined by sessions, if only through others; false if they are not in time.
    pub(super) async fn until_joined(&self) -> bool {
        let deadline = self.holds_by();
        let mut backoff = BACKOFF.0;
        loop {
            let looked = self.look().await;
            let states = looked.iter().map(|(slot, state)| Some((slot.peer()?, state.as_ref()?)));
            if states.collect::<Option<Vec<_>>>().is_some_and(|states| is_joined(&states)) {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF.1);
        }
    }

    fn holds_by(&self) -> Instant {
        let nodes = u32::try_from(self.running().len()).unwrap_or(u32::MAX);
        Instant::now() + HOLDS.0 + HOLDS.1 * nodes
    }

    /// What each running node says of its links; nothing of those that do not answer. Nodes that stopped running
    /// meanwhile are left out.
    async fn look(&self) -> Vec<(Arc<Slot>, Option<LinkState>)> {
        let mut running = self.slots();
        running.retain(|slot| slot.runs());
        let asked = running.into_iter().map(|slot| async move {
            let state = self.client.get::<LinkState>(&format!("{}/links", slot.plan.address()), ANSWER).await;
            (slot, state.ok())
        });
        let mut looked: Vec<_> = futures::stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        looked.retain(|(slot, state)| state.is_some() || slot.runs());
        looked.sort_by_key(|(slot, _)| slot.plan.number);
        looked
    }

    /// Whether the cuts hold at the node, as far as it tells.
    fn holds(&self, slot: &Slot, state: Option<&LinkState>) -> Result<(), FaultError> {
        let number = slot.plan.number;
        match state {
            Some(state) => leak(number, &self.links_of(slot), state, &self.peers()),
            None => Err(FaultError::Told { number, reason: "it does not answer".to_owned() }),
        }
    }
}

/// Whether a cut that is wanted at node `number` does not hold there, and towards whom.
fn leak(number: u16, wanted: &Links, state: &LinkState, peers: &[(u16, PeerId)]) -> Result<(), FaultError> {
    let name = |peer: &PeerId| match peers.iter().find(|(_, known)| known == peer) {
        Some((other, _)) => format!("node {other}"),
        None => format!("{peer}, which is none of the network's nodes"),
    };
    if let Some(peer) = state.connected.iter().find(|peer| wanted.to(peer).blocked) {
        return Err(FaultError::InSession { number, other: name(peer) });
    }
    let open = |peer: &&PeerId| wanted.to(peer).blocked && !state.links.to(peer).blocked;
    let others = peers.iter().filter(|(other, _)| *other != number).map(|(_, peer)| peer);
    match others.into_iter().find(open) {
        Some(peer) => Err(FaultError::Open { number, other: name(peer) }),
        None if wanted.rest.blocked && !state.links.rest.blocked => {
            Err(FaultError::Open { number, other: "peers from outside".to_owned() })
        }
        None => Ok(()),
    }
}

impl Slot {
    fn runs(&self) -> bool {
        matches!(*self.state.borrow(), State::Running(_))
    }

    /// The node's name among peers, once it has told it; `None` for one that was removed.
    fn peer(&self) -> Option<PeerId> {
        if matches!(*self.state.borrow(), State::Removed(_)) {
            return None;
        }
        self.lock_known().as_ref()?.peer
    }
}

/// Whether one can get from each of the nodes to each other by sessions.
fn is_joined(nodes: &[(PeerId, &LinkState)]) -> bool {
    let mut reached = vec![false; nodes.len()];
    let mut next: Vec<usize> = (0..nodes.len().min(1)).collect();
    while let Some(at) = next.pop() {
        if std::mem::replace(&mut reached[at], true) {
            continue;
        }
        let (peer, state) = &nodes[at];
        let near =
            |other: &usize| nodes[*other].1.connected.contains(peer) && state.connected.contains(&nodes[*other].0);
        next.extend((0..nodes.len()).filter(near).filter(|other| !reached[*other]));
    }
    reached.iter().all(|reached| *reached)
}

#[cfg(test)]
mod tests {
    use node::drivers::net::LinkConditions;

    use super::*;

    #[test]
    fn nodes_are_joined_through_each_other() {
        let peer = |number: u8| PeerId([number; 32]);
        let joined = |sessions: &[(u8, u8)], count: u8| {
            let state = |number| {
                let of = |(a, b): &(u8, u8)| (*a == number).then(|| peer(*b)).or((*b == number).then(|| peer(*a)));
                LinkState { connected: sessions.iter().filter_map(of).collect(), ..LinkState::default() }
            };
            let states: Vec<_> = (0..count).map(|number| (peer(number), state(number))).collect();
            is_joined(&states.iter().map(|(peer, state)| (*peer, state)).collect::<Vec<_>>())
        };
        assert!(joined(&[], 0) && joined(&[], 1) && !joined(&[], 2));
        assert!(joined(&[(0, 1), (1, 2)], 3));
        assert!(!joined(&[(0, 1), (2, 3)], 4));
    }

    #[test]
    fn a_split_that_does_not_hold_is_named_with_both_nodes() {
        let peers: Vec<_> = (0..3).map(|number| (number, PeerId([number as u8 + 1; 32]))).collect();
        let (near, far) = (peers[1].1, peers[2].1);
        let wanted = Links { rest: LinkConditions::BLOCKED, peers: [(near, LinkConditions::CLEAR)].into() };
        let found = |links: &Links, connected: &[PeerId]| {
            let state = LinkState { links: links.clone(), connected: connected.iter().copied().collect() };
            leak(0, &wanted, &state, &peers).map_err(|error| error.to_string())
        };
        assert_eq!(found(&wanted, &[near]), Ok(()));
        let connected = found(&wanted, &[near, far]).unwrap_err();
        assert_eq!(connected, "the split does not hold: node 0 is still connected to node 2");
        assert!(found(&wanted, &[PeerId([9; 32])]).unwrap_err().contains("none of the network's nodes"));
        let open = found(&Links::default(), &[]).unwrap_err();
        assert_eq!(open, "the split does not hold: node 0 does not refuse node 2");
        let named = Links { peers: [(far, LinkConditions::BLOCKED)].into(), ..Links::default() };
        assert!(found(&named, &[]).unwrap_err().contains("peers from outside"));
    }
}
