//! Settling which connection carries the one session with a peer: pure rules, no I/O.
//!
//! Between two peers several connections can exist for a while: both dialled at once, one dialled
//! twice, one came back while the other end still holds the dead link. If each end chose for
//! itself they could choose differently, so **one end decides: the peer with the smaller id**.
//!
//! - The dialling end opens one stream on its connection; that asks for a session.
//! - The deciding end begins the session by sending one byte on the stream it chose. The other end
//!   begins when it reads that byte, ending an older session if it still believes in one.
//! - A stream that arrives while a session lives *waits*. If it was merely crossing (dialled at
//!   once), the other end takes the session and closes the extra connection itself. If the
//!   session ends, or if after a grace time the stream still waits (the other end lost the
//!   session, and this end has not noticed), the waiting stream gets the session.
//! - A new session begins only after the old one has reported its end.

use shared::peer::PeerId;

/// What the driver has to do next, on connection `C`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step<C> {
    /// Open the stream on a connection this end dialled.
    Open(C),
    /// Wait for the deciding end's byte on the stream.
    AwaitAccept(C),
    /// Begin the session on the stream.
    Start(C),
    /// End the running session in favour of a newer connection. It will report its end.
    Replace(C),
    /// Report back with [`Pair::grace_over`] after the grace time.
    Grace(C),
    /// Close the connection: it carries no session and is not needed.
    Close(C),
}

/// What this end knows of the connections with one peer.
#[derive(Debug)]
pub(super) struct Pair<C> {
    decides: bool,
    session: Option<Session<C>>,
    /// A connection whose stream is ready, waiting for the session's end.
    next: Option<C>,
    /// A connection this end dialled, from its establishment until it carries the session.
    asking: Option<C>,
}

#[derive(Debug, Clone, Copy)]
struct Session<C> {
    connection: C,
    /// Told to end, and has not yet reported that it did.
    ending: bool,
}

impl<C: Copy + Eq> Pair<C> {
    /// Nothing between `local` and `peer` yet.
    pub(super) fn new(local: PeerId, peer: PeerId) -> Self {
        Self { decides: local < peer, session: None, next: None, asking: None }
    }

    /// Whether this end decides, and hence sends the byte that begins a session.
    pub(super) fn decides(&self) -> bool {
        self.decides
    }

    /// The connection of a session that runs and was not told to end.
    pub(super) fn live(&self) -> Option<C> {
        self.session.filter(|session| !session.ending).map(|session| session.connection)
    }

    /// Whether a session runs, if only to its end.
    pub(super) fn in_session(&self) -> bool {
        self.session.is_some()
    }

    /// Whether nothing is known of the peer, so that this record can go.
    pub(super) fn is_empty(&self) -> bool {
        self.session.is_none() && self.next.is_none() && self.asking.is_none()
    }

    /// This end's dial succeeded.
    #[must_use]
    pub(super) fn dialled(&mut self, connection: C) -> Vec<Step<C>> {
        if self.live().is_some() || self.asking.is_some() {
            return vec![Step::Close(connection)];
        }
        self.asking = Some(connection);
        vec![Step::Open(connection)]
    }

    /// The stream on a connection is open, by either end.
    #[must_use]
    pub(super) fn opened(&mut self, connection: C) -> Vec<Step<C>> {
        if !self.decides {
            vec![Step::AwaitAccept(connection)]
        } else if self.live().is_some() && self.asking == Some(connection) {
            self.asking = None;
            vec![Step::Close(connection)]
        } else {
            self.claim(connection)
        }
    }

    /// The deciding end chose this connection. Only for the end that follows.
    #[must_use]
    pub(super) fn accepted(&mut self, connection: C) -> Vec<Step<C>> {
        self.claim(connection)
    }

    fn claim(&mut self, connection: C) -> Vec<Step<C>> {
        if self.session.is_none() {
            return self.start(connection);
        }
        let mut steps: Vec<_> = self.next.replace(connection).map(Step::Close).into_iter().collect();
        match &mut self.session {
            Some(session) if !session.ending && !self.decides => {
                session.ending = true;
                steps.push(Step::Replace(session.connection));
            }
            Some(session) if !session.ending => steps.push(Step::Grace(connection)),
            _ => {}
        }
        steps
    }

    fn start(&mut self, connection: C) -> Vec<Step<C>> {
        self.session = Some(Session { connection, ending: false });
        let asking = self.asking.take().filter(|other| *other != connection);
        [Step::Start(connection)].into_iter().chain(asking.map(Step::Close)).collect()
    }

    /// The grace time asked for with [`Step::Grace`] is over.
    #[must_use]
    pub(super) fn grace_over(&mut self, connection: C) -> Vec<Step<C>> {
        match &mut self.session {
            Some(session) if self.next == Some(connection) && !session.ending => {
                session.ending = true;
                vec![Step::Replace(session.connection)]
            }
            _ => Vec::new(),
        }
    }

    /// The driver told the session on this connection to end, for a reason of its own.
    pub(super) fn ending(&mut self, connection: C) {
        if let Some(session) = self.session.as_mut().filter(|s| s.connection == connection) {
            session.ending = true;
        }
    }

    /// The session on this connection has ended, and said so to the node.
    #[must_use]
    pub(super) fn ended(&mut self, connection: C) -> Vec<Step<C>> {
        if self.session.is_none_or(|session| session.connection != connection) {
            return Vec::new();
        }
        self.session = None;
        let mut steps = vec![Step::Close(connection)];
        if let Some(next) = self.next.take() {
            steps.extend(self.start(next));
        }
        steps
    }

    /// A connection without a session is gone, or given up by the driver.
    pub(super) fn gone(&mut self, connection: C) {
        self.next = self.next.filter(|next| *next != connection);
        self.asking = self.asking.filter(|asking| *asking != connection);
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
