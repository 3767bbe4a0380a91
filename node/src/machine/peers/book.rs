//! The address book: whom this node could dial, who could not be reached lately, and who is who by
//! public id. It is bounded and its order is the peers' ids; what is left to chance comes from the
//! machine's seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::{
    RngExt,
    seq::{IndexedRandom, IteratorRandom},
};
use rand_chacha::ChaCha8Rng;
use shared::{
    Millis,
    wire::{MAX_ADDRESS, MAX_ADDRESSES, NodeId, PeerAddress, PeerId},
};

use super::super::config::{DIAL_TIMEOUT, KEEP_INTERVAL, REDIAL_FIRST, REDIAL_LONGEST};

/// Peers remembered, at most.
const MAX_KNOWN: usize = 4_000;
/// Of these, peers known by hearsay alone, at most: there is always room for one who was met or named.
const MAX_HEARSAY: usize = 3_000;
/// Peers known, from which on others are not asked for more: sixteen times as many as are dialled.
const ENOUGH_KNOWN: usize = 128;
/// How often somebody to dial is drawn before all who may be are looked for.
const DRAWS: usize = 4;
/// Failures in a row after which a peer known by hearsay alone is forgotten.
const HEARSAY_FAILURES: u32 = 5;
/// Banned peers remembered, at most.
const MAX_BANNED: usize = 1_000;
/// Addresses remembered for each.
const MAX_ADDRESSES_EACH: usize = 4;

/// What is known of a peer, connected or not.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Its public id, once told.
    pub node: Option<NodeId>,
    /// Its HTTP address, once told.
    pub http: String,
    addresses: Vec<String>,
    failures: u32,
    not_before: Millis,
    /// Until when a dial is taken to be under way.
    dialling: Option<Millis>,
    standing: Standing,
    /// Where it is among those that are drawn from.
    place: usize,
}

/// How a peer came to be known, from the weakest reason to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Standing {
    /// Another peer told of it, and nobody has seen it.
    #[default]
    Hearsay,
    /// The user named it, or it was kept from an earlier run.
    Named,
    /// It greeted us.
    Met,
}

/// An address given by the user, whoever answers there.
#[derive(Debug, Clone)]
struct Join {
    address: String,
    peer: Option<PeerId>,
    failures: u32,
    not_before: Millis,
    dialling: Option<Millis>,
}

/// HTTP addresses of nodes by their public ids.
pub type Nodes = BTreeMap<NodeId, String>;

/// Somebody to dial now.
pub type Dial = (Option<PeerId>, Vec<String>);

/// All peers this node knows of.
#[derive(Debug, Default)]
pub struct Book {
    own: PeerId,
    known: BTreeMap<PeerId, Known>,
    /// The same peers in no order that means anything, to draw from.
    drawn_from: Vec<PeerId>,
    /// Those of them that a dial may be under way to.
    dialled: BTreeSet<PeerId>,
    joins: Vec<Join>,
    banned: BTreeMap<PeerId, Millis>,
    /// What [`Self::nodes`] gave last, and whether that may be out of date.
    nodes: Arc<Nodes>,
    nodes_stale: bool,
    changed: bool,
    kept_at: Option<Millis>,
}

impl Book {
    /// A book of these peers and addresses.
    pub fn new(own: PeerId, known: &[PeerAddress], join: &[String]) -> Self {
        let mut book = Self { own, ..Self::default() };
        known.iter().for_each(|entry| {
            book.add(entry.peer, Standing::Named, vec![entry.address.clone()]);
        });
        book.joins = join
            .iter()
            .map(|address| Join {
                address: address.clone(),
                peer: None,
                failures: 0,
                not_before: Millis(0),
                dialling: None,
            })
            .collect();
        book
    }

    /// Notes addresses that somebody told of. They displace nothing that is known already.
    pub fn hear(&mut self, addresses: impl IntoIterator<Item = PeerAddress>) {
        let mut hearsay = self.known.values().filter(|known| known.standing == Standing::Hearsay).count();
        for PeerAddress { peer, address } in addresses {
            let new = !self.known.contains_key(&peer);
            let full = new && hearsay >= MAX_HEARSAY;
            if peer == self.own || self.banned.contains_key(&peer) || full || !fits(&address) {
                continue;
            }
            hearsay += usize::from(new);
            let known = self.note(peer);
            if known.addresses.len() < MAX_ADDRESSES_EACH && !known.addresses.contains(&address) {
                known.addresses.push(address);
                self.changed = true;
            }
        }
    }

    /// What is known of a peer, which is in the book from now on.
    fn note(&mut self, peer: PeerId) -> &mut Known {
        self.known.entry(peer).or_insert_with(|| {
            self.drawn_from.push(peer);
            Known { place: self.drawn_from.len() - 1, ..Known::default() }
        })
    }

    /// Whether so few peers are known that hearing of more is worth while.
    pub fn wants_more(&self) -> bool {
        self.known.len() < ENOUGH_KNOWN
    }

    /// Notes where a peer may be reached by a better source than hearsay; true when the peer is new.
    fn add(&mut self, peer: PeerId, standing: Standing, addresses: Vec<String>) -> bool {
        if peer == self.own || (self.known.len() >= MAX_KNOWN && !self.known.contains_key(&peer)) {
            return false;
        }
        let new = !self.known.contains_key(&peer);
        let known = self.note(peer);
        let mut changed = known.standing < standing;
        known.standing = known.standing.max(standing);
        for address in addresses.into_iter().filter(|address| fits(address)) {
            if !known.addresses.contains(&address) {
                known.addresses.insert(0, address);
                known.addresses.truncate(MAX_ADDRESSES_EACH);
                changed = true;
            }
        }
        self.changed |= changed;
        new
    }

    /// Notes a peer that somebody made known on purpose: no pause of its own holds it up.
    pub fn register(&mut self, peer: PeerId, node: Option<NodeId>, http: String, addresses: Vec<String>) -> bool {
        self.banned.remove(&peer);
        let new = self.add(peer, Standing::Named, addresses);
        if let Some(known) = self.known.get_mut(&peer) {
            self.nodes_stale = true;
            known.node = node.or(known.node);
            if !http.is_empty() && http.len() <= MAX_ADDRESS {
                known.http = http;
            }
            known.failures = 0;
            known.not_before = Millis(0);
        }
        new
    }

    /// Notes an address of somebody unknown, to be dialled without delay; true when it is new.
    pub fn register_address(&mut self, address: String) -> bool {
        let known = self.joins.iter().any(|join| join.address == address);
        let new = !known && self.joins.len() < MAX_ADDRESSES;
        if new {
            self.joins.push(Join { address, peer: None, failures: 0, not_before: Millis(0), dialling: None });
        }
        new
    }

    /// A connection stands.
    pub fn connected(&mut self, peer: &PeerId, address: &str) {
        self.dialled.remove(peer);
        if let Some(known) = self.known.get_mut(peer) {
            known.dialling = None;
        }
        let place = |address: &str| address.split("/p2p/").next().map(str::to_owned);
        for join in self.joins.iter_mut().filter(|join| place(&join.address) == place(address)) {
            join.peer = Some(*peer);
            join.dialling = None;
        }
    }

    /// A peer introduced itself on our network.
    pub fn greeted(&mut self, peer: PeerId, node: NodeId, http: String, listens: Vec<String>) {
        self.add(peer, Standing::Met, listens);
        if let Some(known) = self.known.get_mut(&peer) {
            self.nodes_stale |= known.node != Some(node) || known.http != http;
            known.node = Some(node);
            known.http = http;
            known.failures = 0;
        }
        for join in self.joins.iter_mut().filter(|join| join.peer == Some(peer)) {
            join.failures = 0;
        }
    }

    /// A connection is gone. One that ended before the greeting was a failure.
    pub fn lost(&mut self, peer: &PeerId, greeted: bool, now: Millis, rng: &mut ChaCha8Rng) {
        let failure = u32::from(!greeted);
        self.dialled.remove(peer);
        if let Some(known) = self.known.get_mut(peer) {
            known.dialling = None;
            known.failures = known.failures.saturating_add(failure);
            known.not_before = known.not_before.max(retry_at(known.failures, now, rng));
        }
        for join in self.joins.iter_mut().filter(|join| join.peer == Some(*peer)) {
            join.failures = join.failures.saturating_add(failure);
            join.not_before = join.not_before.max(retry_at(join.failures, now, rng));
            join.peer = None;
        }
    }

    /// A peer or address could not be reached.
    pub fn failed(&mut self, peer: Option<&PeerId>, addresses: &[String], now: Millis, rng: &mut ChaCha8Rng) {
        if let Some(peer) = peer {
            self.dialled.remove(peer);
        }
        if let Some(known) = peer.and_then(|peer| self.known.get_mut(peer)) {
            known.dialling = None;
            known.failures = known.failures.saturating_add(1);
            known.not_before = retry_at(known.failures, now, rng);
        }
        let hopeless = |known: &Known| known.standing == Standing::Hearsay && known.failures >= HEARSAY_FAILURES;
        if let Some(peer) = peer.filter(|peer| self.known.get(peer).is_some_and(hopeless)) {
            self.remove(peer);
        }
        for join in self.joins.iter_mut().filter(|join| join.dialling.is_some() && addresses.contains(&join.address)) {
            join.dialling = None;
            join.failures = join.failures.saturating_add(1);
            join.not_before = retry_at(join.failures, now, rng);
        }
    }

    /// A peer is of no use to us, such as one of another network: it is not tried again soon.
    pub fn useless(&mut self, peer: &PeerId, now: Millis) {
        let later = now.after(REDIAL_LONGEST);
        if let Some(known) = self.known.get_mut(peer) {
            known.failures = known.failures.saturating_add(6);
            known.not_before = later;
        }
        for join in self.joins.iter_mut().filter(|join| join.peer == Some(*peer)) {
            join.failures = join.failures.saturating_add(6);
            join.not_before = later;
        }
    }

    /// Forgets a peer and hears nothing of it for a while.
    pub fn ban(&mut self, peer: PeerId, until: Millis) {
        self.remove(&peer);
        if self.banned.len() >= MAX_BANNED
            && let Some(first) = self.banned.iter().min_by_key(|(_, until)| **until).map(|(peer, _)| *peer)
        {
            self.banned.remove(&first);
        }
        self.banned.insert(peer, until);
    }

    /// Bans that are over are forgotten.
    pub fn lift_bans(&mut self, now: Millis) {
        self.banned.retain(|_, until| *until > now);
    }

    /// Forgets a peer.
    pub fn remove(&mut self, peer: &PeerId) -> bool {
        self.changed = true;
        self.dialled.remove(peer);
        let Some(Known { place, .. }) = self.known.remove(peer) else { return false };
        self.nodes_stale = true;
        self.drawn_from.swap_remove(place);
        if let Some(moved) = self.drawn_from.get(place).and_then(|moved| self.known.get_mut(moved)) {
            moved.place = place;
        }
        true
    }

    /// The peer with this public id.
    pub fn find_node(&self, node: &NodeId) -> Option<PeerId> {
        self.known.iter().find(|(_, known)| known.node == Some(*node)).map(|(peer, _)| *peer)
    }

    /// Everybody known by public id, with the HTTP address.
    pub fn nodes(&mut self) -> Arc<Nodes> {
        if std::mem::take(&mut self.nodes_stale) {
            let nodes = self.known.values().filter_map(|known| Some((known.node?, known.http.clone())));
            self.nodes = Arc::new(nodes.collect());
        }
        self.nodes.clone()
    }

    /// Peers remembered.
    #[cfg(test)]
    pub fn known_count(&self) -> usize {
        self.known.len()
    }

    /// Dials under way.
    pub fn dialling(&self, now: Millis) -> usize {
        let known = self.dialled.iter().filter_map(|peer| self.known.get(peer)).map(|known| known.dialling);
        known.chain(self.joins.iter().map(|join| join.dialling)).filter(|dial| is_under_way(*dial, now)).count()
    }

    /// Up to `count` addresses the user gave that nobody is connected at and whose pause is over.
    pub fn due_joins(&mut self, count: usize, now: Millis) -> Vec<Dial> {
        let due = self
            .joins
            .iter_mut()
            .filter(|join| join.peer.is_none() && !is_under_way(join.dialling, now) && join.not_before <= now);
        due.take(count)
            .map(|join| {
                join.dialling = Some(now.after(DIAL_TIMEOUT));
                (None, vec![join.address.clone()])
            })
            .collect()
    }

    /// Somebody not connected whose pause is over, by chance.
    pub fn choose(&mut self, connected: impl Fn(&PeerId) -> bool, now: Millis, rng: &mut ChaCha8Rng) -> Option<Dial> {
        let ready = |(peer, known): &(&PeerId, &Known)| {
            !is_under_way(known.dialling, now)
                && known.not_before <= now
                && !known.addresses.is_empty()
                && !connected(peer)
        };
        // Most of the time most are: a few draws find one sooner than a look at all.
        let mut drawn = (0..DRAWS).filter_map(|_| self.drawn_from.choose(rng));
        let found = drawn.find_map(|peer| self.known.get_key_value(peer).filter(ready));
        let peer = match found {
            Some((peer, _)) => *peer,
            None => {
                let ready: Vec<PeerId> = self.known.iter().filter(ready).map(|(peer, _)| *peer).collect();
                *ready.choose(rng)?
            }
        };
        let known = self.known.get_mut(&peer)?;
        known.dialling = Some(now.after(DIAL_TIMEOUT));
        self.dialled.insert(peer);
        Some((Some(peer), known.addresses.clone()))
    }

    /// Whether the last attempts to reach this peer failed.
    pub fn is_missed(&self, peer: &PeerId) -> bool {
        self.known.get(peer).is_some_and(|known| known.failures > 0)
    }

    /// This very peer, unless a dial is under way.
    pub fn take(&mut self, peer: &PeerId, now: Millis) -> Option<Dial> {
        let free = |known: &&mut Known| !is_under_way(known.dialling, now) && !known.addresses.is_empty();
        let known = self.known.get_mut(peer).filter(free)?;
        known.dialling = Some(now.after(DIAL_TIMEOUT));
        self.dialled.insert(*peer);
        Some((Some(*peer), known.addresses.clone()))
    }

    /// When somebody not connected may be dialled next: the pause over, and no dial under way.
    pub fn next_due(&self, connected: impl Fn(&PeerId) -> bool) -> Option<Millis> {
        let known = self.known.iter().filter(|(peer, known)| !known.addresses.is_empty() && !connected(peer));
        known.map(|(_, known)| due(known.not_before, known.dialling)).min()
    }

    /// When an address that the user gave may be dialled next.
    pub fn next_join_due(&self) -> Option<Millis> {
        let joins = self.joins.iter().filter(|join| join.peer.is_none());
        joins.map(|join| due(join.not_before, join.dialling)).min()
    }

    /// Some peers that were met, for another node that asks, by chance.
    pub fn sample(&self, rng: &mut ChaCha8Rng) -> Vec<PeerAddress> {
        let met = self.known.iter().filter(|(_, known)| known.standing == Standing::Met);
        let all = met.flat_map(|(peer, known)| {
            known.addresses.iter().map(|address| PeerAddress { peer: *peer, address: address.clone() })
        });
        all.sample(rng, MAX_ADDRESSES)
    }

    /// Peers worth keeping for the next start, if they changed since they were last given, which is some
    /// time ago.
    pub fn take_changed(&mut self, now: Millis) -> Option<Vec<PeerAddress>> {
        let lately = self.kept_at.is_some_and(|at| now < at.after(KEEP_INTERVAL));
        if lately || !std::mem::take(&mut self.changed) {
            return None;
        }
        self.kept_at = Some(now);
        let worth_keeping = self.known.iter().filter(|(_, known)| known.standing > Standing::Hearsay);
        let entries = worth_keeping.flat_map(|(peer, known)| {
            known.addresses.iter().map(|address| PeerAddress { peer: *peer, address: address.clone() })
        });
        Some(entries.collect())
    }
}

/// When the pause and the dial under way are both over.
fn due(not_before: Millis, dialling: Option<Millis>) -> Millis {
    not_before.max(dialling.unwrap_or_default())
}

fn fits(address: &str) -> bool {
    !address.is_empty() && address.len() <= MAX_ADDRESS
}

/// A dial that was never answered, as when another connection to the same peer came first, is over
/// after a while.
fn is_under_way(dial: Option<Millis>, now: Millis) -> bool {
    dial.is_some_and(|until| until > now)
}

/// The end of the pause after this many failures: doubling, with a part left to chance so that nodes
/// that failed together do not try again together.
fn retry_at(failures: u32, now: Millis, rng: &mut ChaCha8Rng) -> Millis {
    let pause = REDIAL_FIRST.saturating_mul(1 << failures.min(6)).min(REDIAL_LONGEST);
    now.after(pause.mul_f64(rng.random_range(0.5..1.0)))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn whoever_is_known_can_be_drawn_and_nobody_else() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut book = Book::new(PeerId([0; 32]), &[], &[]);
        for _ in 0..2_000 {
            let peer = PeerId([rng.random_range(0..60); 32]);
            if rng.random_bool(0.5) {
                book.remove(&peer);
            } else {
                book.hear([PeerAddress { peer, address: "somewhere".to_owned() }]);
            }
            let drawn: BTreeMap<usize, PeerId> = book.drawn_from.iter().copied().enumerate().collect();
            let known: BTreeMap<usize, PeerId> = book.known.iter().map(|(peer, known)| (known.place, *peer)).collect();
            assert_eq!(drawn, known);
        }
    }
}
