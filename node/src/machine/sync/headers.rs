//! Asking peers for headers and taking their answers.

use shared::{
    BlockHash,
    wire::{MAX_HEADERS, Message, PeerId},
};

use super::super::{
    Machine,
    chain::Refusal,
    config::HEADERS_TIMEOUT,
    inbound::ProvenHeader,
    peers::Fault,
    store::{Result, Store},
    timers::Timer,
};

impl<S: Store> Machine<S> {
    /// Asks a peer for the headers that follow what is known here, unless its answer is awaited.
    pub(in super::super) fn ask_headers(&mut self, peer: PeerId) -> Result<()> {
        let from = self.chain.tip().hash;
        self.ask_headers_after(peer, from)
    }

    fn ask_headers_after(&mut self, peer: PeerId, from: BlockHash) -> Result<()> {
        let due = self.now.after(HEADERS_TIMEOUT);
        let Some(session) = self.peers.get_mut(&peer) else { return Ok(()) };
        if session.greeting.is_none() || session.chain.headers_due.is_some() {
            return Ok(());
        }
        session.chain.headers_due = Some(due);
        session.chain.more_after = None;
        self.timers.set(due, Timer::Headers(peer));
        let locator = self.chain.locator(from)?;
        self.send(peer, Message::GetHeaders { locator });
        Ok(())
    }

    pub(in super::super) fn give_headers(&mut self, peer: PeerId, locator: &[BlockHash]) -> Result<()> {
        let headers = self.chain.headers_after(locator, MAX_HEADERS)?;
        self.send(peer, Message::Headers(headers));
        Ok(())
    }

    pub(in super::super) fn on_headers(&mut self, peer: PeerId, headers: Vec<ProvenHeader>) -> Result<()> {
        let Some(session) = self.peers.get_mut(&peer) else { return Ok(()) };
        if session.chain.headers_due.take().is_none() {
            return Ok(());
        }
        self.waiting.answered(&peer);
        let full = headers.len() == MAX_HEADERS;
        let mut last = None;
        for proven in headers {
            if self.chain.header_room() == 0 {
                break;
            }
            match self.chain.accept_header(proven.hash, &proven.header, self.now)? {
                Ok(entry) => {
                    last = Some(proven.hash);
                    if let Some(session) = self.peers.get_mut(&peer) {
                        session.chain.has(proven.hash, entry.position.height, entry.position.work);
                    }
                }
                Err(refusal) => {
                    self.refused_header(peer, &refusal);
                    break;
                }
            }
        }
        if let Some(session) = self.peers.get_mut(&peer) {
            session.chain.more_after = if full { last } else { None };
            session.chain.claim = session.chain.claim.filter(|_| full);
        }
        Ok(())
    }

    /// An orphan here means that the peer's answer does not fit the locator, which happens to an honest
    /// one whose answer overtook a reorganisation; it will be asked again.
    pub(in super::super) fn refused_header(&mut self, peer: PeerId, refusal: &Refusal) {
        if refusal.is_proof_of_fault() {
            self.punish(peer, Fault::Invalid(refusal.to_string()));
        }
    }

    pub(in super::super) fn headers_due(&mut self, peer: PeerId) {
        let Some(session) = self.peers.get_mut(&peer) else { return };
        if session.chain.headers_due.is_some_and(|due| due <= self.now) {
            session.chain.headers_due = None;
            self.waiting.answered(&peer);
            self.punish(peer, Fault::Stalled);
        }
    }

    /// Goes on with peers whose last answer was a full one, as far as there is room.
    pub(super) fn continue_headers(&mut self) -> Result<()> {
        if self.chain.header_room() < MAX_HEADERS {
            return Ok(());
        }
        let next: Vec<_> =
            self.peers.greeted().filter_map(|(peer, session)| Some((peer, session.chain.more_after?))).collect();
        for (peer, after) in next {
            self.ask_headers_after(peer, after)?;
        }
        Ok(())
    }
}
