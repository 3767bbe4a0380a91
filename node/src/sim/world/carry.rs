//! What machines want done: dialling, sending over links that delay, lose, double and reorder, ending
//! connections, mining, waking.

use shared::{
    Millis,
    wire::{Message, PeerId},
};

use super::{Happening, World, node_at, pair, peer_id, peer_number};
use crate::{
    machine::{effect::Effect, event::Event, inbound},
    sim::link::Link,
};

impl World {
    pub(super) fn dialled(&mut self, from: usize, peer: Option<PeerId>, address: String) {
        let reachable = node_at(&address)
            .filter(|to| *to < self.nodes.len() && *to != from && self.can_meet(from, *to))
            .filter(|to| self.nodes[*to].machine.is_some() && !self.bans.contains(&pair(from, *to)));
        let Some(to) = reachable else {
            return self.tell(from, Event::ConnectFailed { peer, addresses: vec![address] });
        };
        if self.links.contains_key(&pair(from, to)) {
            return;
        }
        self.links_so_far += 1;
        let link = Link { id: self.links_so_far, last_arrival: [self.now; 2] };
        self.links.insert(pair(from, to), link);
        self.tell(from, Event::PeerConnected { peer: peer_id(to), outbound: true, address });
        self.tell(to, Event::PeerConnected { peer: peer_id(from), outbound: false, address: String::new() });
    }

    pub(super) fn disconnect(&mut self, a: usize, b: usize) {
        if self.links.remove(&pair(a, b)).is_some() {
            self.tell(a, Event::PeerDisconnected { peer: peer_id(b) });
            self.tell(b, Event::PeerDisconnected { peer: peer_id(a) });
        }
    }

    pub(super) fn carry_out(&mut self, node: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Connect { peer, addresses } => {
                    let restarts = self.nodes[node].restarts;
                    let at = Millis(self.now.0 + self.config.conditions.delay(&mut self.rng));
                    let address = addresses.into_iter().next().unwrap_or_default();
                    self.schedule(at, Happening::Dial { from: node, restarts, peer, address });
                }
                Effect::Send { to, message } => self.send(node, &to, message),
                Effect::Disconnect { peer, .. } => self.part(node, peer),
                Effect::Ban { peer, .. } => {
                    if let Some(other) = self.index(peer) {
                        self.bans.insert(pair(node, other));
                        self.violate(node, &format!("it banned node {other}, which is honest"));
                    }
                    self.part(node, peer);
                }
                Effect::StartMining { job, template } => self.nodes[node].job = Some((job, template)),
                Effect::StopMining => self.nodes[node].job = None,
                Effect::WakeAt(at) => {
                    let restarts = self.nodes[node].restarts;
                    self.schedule(at.max(self.now), Happening::Wake { node, restarts });
                }
                Effect::Reply { .. } | Effect::Journal | Effect::Notice(_) | Effect::KeepPeers(_) => {}
            }
        }
    }

    fn index(&self, peer: PeerId) -> Option<usize> {
        let node = peer_number(peer)?;
        (node < self.nodes.len()).then_some(node)
    }

    /// The machine that asked to part has forgotten the peer already; only the other end is told.
    fn part(&mut self, node: usize, peer: PeerId) {
        if let Some(other) = self.index(peer)
            && self.links.remove(&pair(node, other)).is_some()
        {
            self.tell(other, Event::PeerDisconnected { peer: peer_id(node) });
        }
    }

    fn send(&mut self, from: usize, to: &[PeerId], message: Message) {
        let checked = inbound::check(message, &self.config.network);
        for peer in to {
            let Some(to) = self.index(*peer) else { continue };
            let Some(link) = self.links.get_mut(&pair(from, to)) else { continue };
            let direction = usize::from(to > from);
            let arrivals = self.config.conditions.arrivals(self.now, link.last_arrival[direction], &mut self.rng);
            let id = link.id;
            if let Some(last) = arrivals.last() {
                link.last_arrival[direction] = *last;
            }
            for at in arrivals {
                let happening = match checked.clone() {
                    Ok(message) => Happening::Deliver { link: id, from, to, message },
                    Err(fault) => Happening::Misbehave { link: id, from, to, fault },
                };
                self.schedule(at, happening);
            }
        }
    }
}
