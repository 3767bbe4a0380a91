//! Catching up: headers first, then blocks from several peers. Here is what is known of each peer's
//! chain; `headers` asks for headers, `bodies` for blocks.

mod bodies;
mod headers;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use shared::{BlockHash, CheckedBlock, Height, Millis, Work, wire::PeerId};

/// How far a node is that catches up with its peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatchingUp {
    /// Its tip's height.
    pub height: Height,
    /// The highest that a peer spoke of. It may be wrong: nobody has shown that yet.
    pub goal: Height,
}

impl CatchingUp {
    /// Of fewer blocks than this nobody needs to hear.
    pub const WORTH_TELLING: u32 = 500;
}

/// What is known of a peer's chain.
#[derive(Debug, Default)]
pub struct PeerChain {
    /// The height that it last spoke of.
    pub height: Height,
    /// A tip that it said it has, whose header is not known here yet.
    claim: Option<(BlockHash, Work)>,
    /// The header with the most work that it certainly has.
    best: Option<(BlockHash, Work)>,
    /// Where to go on asking for headers; set while its last answer was not the end.
    more: Option<More>,
    /// The last header seen of a branch that has not shown more work than ours yet. No more is kept of
    /// such a branch than what the next headers are judged by.
    survey: Option<BlockHash>,
    /// Whether a survey showed more work than ours, so that its headers are kept from the fork on.
    proven: bool,
    headers_asked: Option<HeadersAsked>,
    blocks_asked: Option<BlocksAsked>,
}

/// Where to go on asking for headers.
#[derive(Debug, Clone, Copy)]
enum More {
    /// After the last one that was taken.
    After(BlockHash),
    /// Where ours end: there was no room for any.
    FromTip,
}

/// A request for headers whose answer is awaited.
#[derive(Debug)]
struct HeadersAsked {
    due: Millis,
    /// Where an earlier answer is gone on from: the work up to there.
    followed: Option<Work>,
}

/// A request for blocks whose answer is awaited.
#[derive(Debug)]
struct BlocksAsked {
    due: Millis,
    /// In the order asked.
    hashes: Vec<BlockHash>,
}

impl PeerChain {
    /// The peer says that this is its tip.
    fn claims(&mut self, head: BlockHash, height: Height, work: Work) {
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

    /// The tip that blocks are worth fetching from it for, given our own tip's work.
    fn goal(&self, ours: Work) -> Option<(BlockHash, Work)> {
        self.best.filter(|(_, theirs)| *theirs > ours || self.proven)
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
    /// Peers that spoke of headers which are not known here: a claim, or more to ask for. Others may be among them.
    open: BTreeSet<PeerId>,
    /// The header with the most work that some peer has and whose block is missing.
    target: Option<BlockHash>,
    /// Whether the way there may have changed although the target has not.
    stale: bool,
    /// Blocks missing on the way there, with their heights.
    path: BTreeMap<BlockHash, Height>,
    /// The same, lowest first; those that have come meanwhile are passed over.
    order: VecDeque<BlockHash>,
    /// Blocks asked for, and from whom.
    in_flight: BTreeMap<BlockHash, PeerId>,
    /// Blocks that came before their parent, and who sent them.
    held: BTreeMap<BlockHash, (PeerId, Arc<CheckedBlock>)>,
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

    /// Nothing more will come from this peer for now.
    pub fn forget_peer(&mut self, peer: &PeerId) {
        self.in_flight.retain(|_, from| from != peer);
    }

    /// Sets out for a block along these missing ones, lowest first. Held blocks elsewhere are dropped.
    fn set_out(&mut self, target: Option<BlockHash>, order: Vec<(BlockHash, Height)>) {
        (self.target, self.stale) = (target, false);
        self.order = order.iter().map(|(hash, _)| *hash).collect();
        self.path = order.into_iter().collect();
        let held = std::mem::take(&mut self.held);
        self.held_on.clear();
        self.held_bytes = 0;
        for (hash, (from, block)) in held {
            if self.path.contains_key(&hash) {
                self.hold(from, block);
            }
        }
    }

    /// A block is stored: it is no longer missing.
    fn arrived(&mut self, hash: &BlockHash) {
        self.in_flight.remove(hash);
        self.path.remove(hash);
        while self.order.front().is_some_and(|first| !self.path.contains_key(first)) {
            self.order.pop_front();
        }
    }

    /// Up to `window` missing blocks that nobody was asked for, lowest first, with their heights.
    fn wanted(&self, window: usize) -> VecDeque<(BlockHash, Height)> {
        let missing = self.order.iter().filter_map(|hash| Some((*hash, *self.path.get(hash)?))).take(window);
        missing.filter(|(hash, _)| !self.in_flight.contains_key(hash) && !self.held.contains_key(hash)).collect()
    }

    fn hold(&mut self, from: PeerId, block: Arc<CheckedBlock>) {
        let (hash, previous, size) = (block.hash(), block.header().previous, block.size());
        if self.held.insert(hash, (from, block)).is_none() {
            self.held_on.entry(previous).or_default().insert(hash);
            self.held_bytes += size;
        }
    }

    /// Held blocks that build on this one.
    fn release(&mut self, parent: &BlockHash) -> Vec<(PeerId, Arc<CheckedBlock>)> {
        let children = self.held_on.remove(parent).unwrap_or_default();
        let released: Vec<_> = children.iter().filter_map(|child| self.held.remove(child)).collect();
        self.held_bytes -= released.iter().map(|(_, block)| block.size()).sum::<usize>();
        released
    }

    /// Bytes of blocks that wait for their parents.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.held_bytes
    }
}
