//! Catching up: headers first, then blocks from several peers. Here is what is known of each peer's
//! chain; [`headers`] asks for headers, [`bodies`] for blocks.

mod bodies;
mod headers;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use shared::{BlockHash, CheckedBlock, Height, Millis, Work, wire::PeerId};

/// What is known of a peer's chain.
#[derive(Debug, Default)]
pub struct PeerChain {
    /// The height that it last spoke of.
    pub height: Height,
    /// A tip that it said it has, whose header is not known here yet.
    claim: Option<(BlockHash, Work)>,
    /// The header with the most work that it certainly has.
    best: Option<(BlockHash, Work)>,
    /// Where to go on asking for headers; set while its last answer was a full one.
    more_after: Option<BlockHash>,
    /// Until when its answer to a request for headers is awaited.
    headers_due: Option<Millis>,
    /// Until when its answer to a request for blocks is awaited.
    blocks_due: Option<Millis>,
}

impl PeerChain {
    /// The peer says that this is its tip.
    pub fn claims(&mut self, head: BlockHash, height: Height, work: Work) {
        self.height = height;
        self.claim = Some((head, work));
    }

    /// The peer certainly has this header.
    pub fn has(&mut self, hash: BlockHash, height: Height, work: Work) {
        if self.best.is_none_or(|(_, best)| work > best) {
            self.best = Some((hash, work));
            self.height = height;
        }
    }

    /// Forgets the best header if nothing is known of it any more.
    fn forget_best_unless(&mut self, known: impl FnOnce(&BlockHash) -> bool) {
        self.best = self.best.filter(|(hash, _)| known(hash));
    }

    /// Whether it certainly has this block at its tip.
    pub fn is_at(&self, hash: &BlockHash) -> bool {
        self.best.is_some_and(|(best, _)| best == *hash)
    }

    /// Whether it spoke of more work than this.
    pub fn is_ahead_of(&self, work: Work) -> bool {
        [self.best, self.claim].into_iter().flatten().any(|(_, theirs)| theirs > work)
    }
}

/// The download under way.
#[derive(Debug, Default)]
pub struct Sync {
    /// The header with the most work that some peer has and whose block is missing.
    target: Option<BlockHash>,
    /// Blocks missing on the way there, with their heights.
    path: BTreeMap<BlockHash, Height>,
    /// The same, lowest first; those that have come meanwhile are passed over.
    order: VecDeque<BlockHash>,
    /// Blocks asked for, and from whom.
    in_flight: BTreeMap<BlockHash, PeerId>,
    /// Blocks that came before their parent.
    held: BTreeMap<BlockHash, Arc<CheckedBlock>>,
    /// The held blocks' parents.
    held_on: BTreeMap<BlockHash, BTreeSet<BlockHash>>,
    held_bytes: usize,
}

impl Sync {
    /// Whether blocks are on their way.
    pub fn is_active(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// Blocks known by header whose contents are still to come.
    pub fn missing(&self) -> usize {
        self.path.len()
    }

    /// Nothing more will come from this peer.
    pub fn forget_peer(&mut self, peer: &PeerId) {
        self.in_flight.retain(|_, from| from != peer);
    }

    /// A block is stored: it is no longer missing.
    fn arrived(&mut self, hash: &BlockHash) {
        self.in_flight.remove(hash);
        self.path.remove(hash);
        while self.order.front().is_some_and(|first| !self.path.contains_key(first)) {
            self.order.pop_front();
        }
    }

    /// Up to `window` missing blocks that nobody was asked for, lowest first.
    fn wanted(&self, window: usize) -> Vec<BlockHash> {
        let missing = self.order.iter().filter(|hash| self.path.contains_key(hash)).take(window);
        missing.filter(|hash| !self.in_flight.contains_key(hash) && !self.held.contains_key(hash)).copied().collect()
    }

    fn hold(&mut self, block: Arc<CheckedBlock>) {
        let hash = block.hash();
        self.held_on.entry(block.header().previous).or_default().insert(hash);
        self.held_bytes += block.size();
        self.held.insert(hash, block);
    }

    /// Held blocks that build on this one.
    fn release(&mut self, parent: &BlockHash) -> Vec<Arc<CheckedBlock>> {
        let children = self.held_on.remove(parent).unwrap_or_default();
        let released: Vec<_> = children.iter().filter_map(|child| self.held.remove(child)).collect();
        self.held_bytes -= released.iter().map(|block| block.size()).sum::<usize>();
        released
    }

    fn drop_held(&mut self) {
        self.held.clear();
        self.held_on.clear();
        self.held_bytes = 0;
    }
}
