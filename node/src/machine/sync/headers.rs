//! Asking peers for headers and taking their answers. Headers are kept only of branches that showed more
//! work than ours: a branch that has not yet is surveyed, whatever its length, by its last headers
//! alone, and asked for once more from the fork on when it has.

use shared::{
    BlockHash, Height, Work,
    rules::header::MEDIAN_SPAN,
    wire::{MAX_HEADERS, Message, PeerId},
};

use super::{
    super::{
        Machine,
        chain::{MAX_HEADERS_AHEAD, Refusal},
        config::HEADERS_TIMEOUT,
        inbound::ProvenHeader,
        peers::Fault,
        store::{Entry, Result, Store},
        timers::Timer,
    },
    HeadersAsked, More,
};

/// What an answer brought.
#[derive(Default)]
struct Taken {
    last: Option<(BlockHash, Entry)>,
    /// Whether any was not known before.
    new: bool,
    /// Whether it ended for want of room.
    cut: bool,
}

impl<S: Store> Machine<S> {
    /// A peer says that this is its tip.
    pub(in super::super) fn claimed(&mut self, peer: PeerId, head: BlockHash, height: Height, work: Work) {
        if let Some(session) = self.peers.get_mut(&peer) {
            session.chain.claims(head, height, work);
            self.sync.open.insert(peer);
        }
    }

    /// Asks a peer for the headers that follow what is known here, unless its answer is awaited.
    pub(in super::super) fn ask_headers(&mut self, peer: PeerId) -> Result<()> {
        let tip = self.chain.tip().hash;
        self.ask_headers_after(peer, tip, None)
    }

    fn ask_headers_after(&mut self, peer: PeerId, from: BlockHash, followed: Option<Work>) -> Result<()> {
        let due = self.now.after(HEADERS_TIMEOUT);
        let Some(session) = self.peers.get_mut(&peer) else { return Ok(()) };
        if session.greeting.is_none() || session.chain.headers_asked.is_some() {
            return Ok(());
        }
        session.chain.more = None;
        session.chain.headers_asked = Some(HeadersAsked { due, followed });
        self.timers.set(due, Timer::Headers(peer));
        let locator = self.chain.locator(from)?;
        self.send(peer, Message::GetHeaders { locator });
        Ok(())
    }

    pub(in super::super) fn on_headers(&mut self, peer: PeerId, headers: Vec<ProvenHeader>) -> Result<()> {
        let Some(session) = self.peers.get_mut(&peer) else { return Ok(()) };
        let Some(asked) = session.chain.headers_asked.take() else { return Ok(()) };
        let full = headers.len() == MAX_HEADERS;
        let taken = self.take_headers(peer, headers)?;
        let work = taken.last.map(|(_, entry)| entry.position.work);
        // One who gives the same again and again, or nothing that is taken, is not gone on with.
        let led_on = work.is_some_and(|work| asked.followed.is_none_or(|before| work > before));
        let more = taken.cut || (full && led_on);
        self.sync.stale |= taken.new;
        self.follow_up(peer, more, &taken)?;
        if !more && self.peers.get(&peer).is_none_or(|session| session.chain.headers_asked.is_none()) {
            self.waiting.answered(&peer);
        }
        Ok(())
    }

    fn take_headers(&mut self, peer: PeerId, headers: Vec<ProvenHeader>) -> Result<Taken> {
        let mut taken = Taken::default();
        for proven in headers {
            if self.room_for_headers_of(peer) == 0 {
                taken.cut = true;
                break;
            }
            match self.chain.judge_header(proven.hash, &proven.header, self.wall)? {
                Ok(entry) => {
                    taken.new |= self.chain.keep_header(proven.hash, entry)?;
                    taken.last = Some((proven.hash, entry));
                }
                Err(refusal) => {
                    self.refused_header(peer, &refusal)?;
                    break;
                }
            }
        }
        Ok(taken)
    }

    /// Decides what is kept of an answer, and whether it is gone on from there.
    fn follow_up(&mut self, peer: PeerId, more: bool, taken: &Taken) -> Result<()> {
        let ours = self.chain.tip().position.work;
        let Some(session) = self.peers.get_mut(&peer) else {
            self.prune_headers();
            return Ok(());
        };
        let theirs = &mut session.chain;
        theirs.claim = theirs.claim.filter(|_| more);
        if more {
            self.sync.open.insert(peer);
        }
        theirs.more = more.then(|| taken.last.map_or(More::FromTip, |(hash, _)| More::After(hash)));
        let Some((hash, entry)) = taken.last else {
            theirs.proven &= more;
            return Ok(());
        };
        theirs.has(hash, entry.position.height, entry.position.work);
        let surveyed = theirs.survey.take().is_some();
        let better = entry.position.work > ours;
        if better && surveyed {
            // Now for keeps, from the fork on.
            (theirs.proven, theirs.best, theirs.more) = (true, None, None);
            self.prune_headers();
            return self.ask_headers(peer);
        }
        if better || theirs.proven {
            theirs.proven &= more;
        } else {
            theirs.survey = more.then_some(hash);
            self.prune_headers();
        }
        Ok(())
    }

    /// How many more headers may be taken from a peer. Half of the room is kept for peers of this
    /// node's own choosing, so that strangers alone cannot fill it.
    pub(in super::super) fn room_for_headers_of(&self, peer: PeerId) -> usize {
        let outbound = self.peers.get(&peer).is_some_and(|session| session.outbound);
        self.chain.header_room().saturating_sub(if outbound { 0 } else { MAX_HEADERS_AHEAD / 2 })
    }

    /// An orphan here means that the peer's answer does not fit the locator, which happens to an honest
    /// one whose answer overtook a reorganisation; it will be asked again.
    pub(in super::super) fn refused_header(&mut self, peer: PeerId, refusal: &Refusal) -> Result<()> {
        if refusal.is_proof_of_fault() { self.punish(peer, Fault::Invalid(refusal.to_string())) } else { Ok(()) }
    }

    pub(in super::super) fn headers_due(&mut self, peer: PeerId) -> Result<()> {
        let Some(session) = self.peers.get_mut(&peer) else { return Ok(()) };
        if session.chain.headers_asked.as_ref().is_none_or(|asked| asked.due > self.now) {
            return Ok(());
        }
        session.chain.headers_asked = None;
        self.waiting.answered(&peer);
        self.punish(peer, Fault::Stalled)
    }

    /// Goes on with peers whose last answer was a full one, as far as there is room.
    pub(super) fn continue_headers(&mut self) -> Result<()> {
        let next = self.sync.open.iter().filter_map(|peer| Some((*peer, self.peers.get(peer)?.chain.more?)));
        for (peer, more) in next.collect::<Vec<_>>() {
            if self.room_for_headers_of(peer) < MAX_HEADERS {
                continue;
            }
            let known = match more {
                More::After(hash) => self.chain.entry(&hash)?.map(|entry| (hash, entry.position.work)),
                More::FromTip => None,
            };
            match known {
                Some((hash, work)) => self.ask_headers_after(peer, hash, Some(work))?,
                None => self.ask_headers(peer)?,
            }
        }
        Ok(())
    }

    /// Drops headers on the way to nobody's best chain, and all of a surveyed branch but its end.
    pub(in super::super) fn prune_headers(&mut self) {
        let ours = self.chain.tip().position.work;
        let chains = || self.peers.greeted().map(|(_, session)| &session.chain);
        let goals = chains().filter_map(|theirs| Some((theirs.goal(ours)?.0, usize::MAX)));
        let surveys = chains().filter_map(|theirs| Some((theirs.survey?, MEDIAN_SPAN)));
        let kept: Vec<_> = goals.chain(surveys).collect();
        self.chain.keep_headers_of(kept);
    }
}
