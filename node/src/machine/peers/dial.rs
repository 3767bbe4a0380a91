//! Whom to dial and when: enough peers of this node's own choosing, and now and then another one in
//! the place of a present one, so that halves of a network that were apart find each other again.

use rand::seq::IteratorRandom;
use shared::{
    Millis,
    wire::{PeerAddress, PeerId},
};

use super::super::{
    Machine,
    config::{DIAL_PAUSE, DIALS_AT_ONCE, MAX_OUTBOUND, POLL_INTERVAL},
    effect::Effect,
    event::Registration,
    store::{Result, Store},
    timers::Timer,
};

impl<S: Store> Machine<S> {
    /// Dials as many peers as are wanting and may be dialled by now, and sets the alarm for the next try.
    pub(in super::super) fn dial_if_needed(&mut self) {
        let joins = self.book.due_joins(MAX_OUTBOUND.saturating_sub(self.chosen_peers()), self.now);
        joins.into_iter().for_each(|dial| self.dial(dial));
        while self.may_dial_at().is_some_and(|at| at <= self.now) {
            let peers = &self.peers;
            let chosen = self.book.choose(|peer| peers.is_connected(peer), self.now, &mut self.rng);
            let Some(dial) = chosen else { break };
            self.next_dial = self.now.after(DIAL_PAUSE);
            self.dial(dial);
        }
        if let Some(allowed) = self.may_dial_at() {
            let known = self.book.next_due(|peer| self.peers.is_connected(peer));
            let next = known.map(|due| due.max(allowed)).into_iter().chain(self.book.next_join_due()).min();
            next.into_iter().for_each(|at| self.timers.set(at.max(self.now), Timer::Dial));
        }
    }

    /// Peers of this node's own choosing, present and to come.
    fn chosen_peers(&self) -> usize {
        self.peers.outbound().count() + self.book.dialling(self.now)
    }

    /// From when on one more peer may be dialled, if any: the first few at once, the others one by one, so that a
    /// large network that starts as one is not held up by all the connections that it will have.
    fn may_dial_at(&self) -> Option<Millis> {
        match self.chosen_peers() {
            ..DIALS_AT_ONCE => Some(self.now),
            DIALS_AT_ONCE..MAX_OUTBOUND => Some(self.next_dial),
            MAX_OUTBOUND.. => None,
        }
    }

    fn dial(&mut self, (peer, addresses): super::book::Dial) {
        self.out.push(Effect::Connect { peer, addresses });
    }

    pub(in super::super) fn connect_failed(&mut self, peer: Option<PeerId>, addresses: &[String]) {
        self.book.failed(peer.as_ref(), addresses, self.now, &mut self.rng);
        // The pause is for connections that are made.
        self.next_dial = self.now;
        self.dial_if_needed();
    }

    /// Regularly: ask one peer for a better chain, and try one more peer than usual.
    pub(in super::super) fn poll_due(&mut self) -> Result<()> {
        self.timers.set(self.now.after(POLL_INTERVAL), Timer::Poll);
        let chosen = self.peers.greeted().map(|(peer, _)| peer).choose(&mut self.rng);
        if let Some(peer) = chosen {
            self.ask_headers(peer)?;
        }
        self.prune_headers();
        self.book.lift_bans(self.now);
        if self.peers.outbound().count() >= MAX_OUTBOUND {
            let peers = &self.peers;
            let extra = self.book.choose(|peer| peers.is_connected(peer), self.now, &mut self.rng);
            extra.into_iter().for_each(|dial| self.dial(dial));
        }
        if let Some(addresses) = self.book.take_changed(self.now) {
            self.out.push(Effect::KeepPeers(addresses));
        }
        Ok(())
    }

    /// If the newcomer is one too many, another dialled peer goes, by chance.
    pub(super) fn make_room_after_rotation(&mut self, newcomer: PeerId) -> Result<()> {
        if self.peers.outbound().count() <= MAX_OUTBOUND {
            return Ok(());
        }
        let others = self.peers.outbound().map(|(peer, _)| *peer).filter(|peer| *peer != newcomer);
        match others.choose(&mut self.rng) {
            Some(peer) => self.part(peer, "its place goes to another peer for a while".into()),
            None => Ok(()),
        }
    }

    /// What was not asked for is not learnt, and each question has one answer.
    pub(in super::super) fn learn_addresses(&mut self, peer: PeerId, addresses: Vec<PeerAddress>) {
        let asked = self.peers.get_mut(&peer).is_some_and(|session| std::mem::take(&mut session.addresses_asked));
        if asked {
            self.book.hear(addresses);
            self.dial_if_needed();
        }
    }

    /// Gets to know peers that somebody names; tells how many were new.
    ///
    /// A peer that could not be reached lately is named because it is back. One of them is dialled even if there are
    /// enough peers already, or nobody else may be dialled yet, as when a split is healed of which both parts had enough.
    pub(in super::super) fn register(&mut self, registrations: Vec<Registration>) -> usize {
        let mut new = 0;
        let missed = |peer: &PeerId| self.book.is_missed(peer) && !self.peers.is_connected(peer);
        let back = registrations.iter().filter_map(|named| named.peer).filter(missed).choose(&mut self.rng);
        for registration in registrations {
            let Registration { node, http, peer, addresses } = registration;
            let is_new = match peer {
                Some(peer) => self.book.register(peer, node, http, addresses),
                None => addresses.into_iter().filter(|address| self.book.register_address(address.clone())).count() > 0,
            };
            new += usize::from(is_new);
        }
        self.dial_if_needed();
        if self.may_dial_at().is_none_or(|at| at > self.now) {
            let dial = back.and_then(|peer| self.book.take(&peer, self.now));
            dial.into_iter().for_each(|dial| self.dial(dial));
        }
        new
    }
}
