//! What the event loop does with established connections: settles the one session with each
//! peer, runs it, and closes what is dead, late or not needed.
//! The rules of settling are in `session`; here they are carried out.

use std::collections::HashSet;
use std::future::Future;
use std::time::Duration;

use libp2p::Stream;
use libp2p::swarm::ConnectionId;
use tokio::sync::{mpsc, watch};

use super::error::{ConnectError, Disconnect};
use super::links::{LinkConditions, Way};
use super::outbox;
use super::session::{Pair, Step};
use super::stream::{self, Heard, Session};
use super::swarm::Driver;
use shared::peer::PeerId;

/// A connection on which nothing came from sweep to sweep so many times, for 15 to 20 s, is dead.
const SILENT_SWEEPS: u8 = 3;

/// An established connection that is not being closed.
pub(super) struct Connection {
    pub(super) peer: PeerId,
    dialled: bool,
    address: String,
    /// Whether the session on it brought anything.
    heard: Heard,
    /// Sweeps since it did.
    silent: u8,
    /// The relay stream, between two steps.
    stream: Option<Stream>,
    /// Ends the session this connection carries.
    stop: Option<mpsc::Sender<Disconnect>>,
    /// Tells the session of the conditions that hold for it.
    conditions: watch::Sender<LinkConditions>,
}

/// From a task of the loop.
pub(super) enum Report {
    /// The deciding end chose the connection; `None` when the stream ended instead.
    Accepted(ConnectionId, Option<Stream>),
    /// The session on the connection is over; the node is about to be told.
    Ending(ConnectionId),
    /// The session's last event is in the queue.
    Ended(PeerId, ConnectionId),
    GraceOver(ConnectionId),
    /// [`Timing::session`](super::Timing) is over.
    SessionDue(ConnectionId),
}

impl Connection {
    pub(super) fn new(peer: PeerId, dialled: bool, address: String) -> Self {
        let conditions = watch::channel(LinkConditions::CLEAR).0;
        Self { peer, dialled, address, heard: Heard::default(), silent: 0, stream: None, stop: None, conditions }
    }

    /// Tells the session, if there is one, to end. The first reason counts.
    pub(super) fn end(&mut self, reason: Disconnect) {
        if let Some(stop) = &self.stop {
            let _ = stop.try_send(reason);
        }
    }
}

impl Driver {
    pub(super) fn established(&mut self, id: ConnectionId, connection: Connection) {
        let (peer, dialled) = (connection.peer, connection.dialled);
        self.connections.insert(id, connection);
        if self.swarm.behaviour().relay.conditions().to(&peer).blocked {
            // It was admitted a moment before the way was cut.
            return self.close(id, Disconnect::Cut, ConnectError::Cut);
        }
        self.report_after(self.timing.session, Report::SessionDue(id));
        if dialled {
            let steps = self.pair(peer).dialled(id);
            self.take(peer, steps);
        }
    }

    pub(super) fn opened(&mut self, id: ConnectionId, stream: Stream) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.stream = Some(stream);
        let peer = connection.peer;
        let steps = self.pair(peer).opened(id);
        self.take(peer, steps);
    }

    pub(super) fn report(&mut self, report: Report) {
        match report {
            Report::Accepted(id, stream) => {
                let Some(connection) = self.connections.get_mut(&id) else { return };
                let peer = connection.peer;
                connection.stream = stream;
                if connection.stream.is_none() {
                    return self.close(id, Disconnect::Closed, ConnectError::ClosedByPeer);
                }
                let steps = self.pair(peer).accepted(id);
                self.take(peer, steps);
            }
            Report::Ending(id) => self.close(id, Disconnect::Closed, ConnectError::ClosedByPeer),
            Report::Ended(peer, id) => {
                let steps = self.pair(peer).ended(id);
                self.take(peer, steps);
                self.forget_if_empty(peer);
                self.tell_sessions();
            }
            Report::GraceOver(id) => {
                let Some(peer) = self.connections.get(&id).map(|c| c.peer) else { return };
                let steps = self.pair(peer).grace_over(id);
                self.take(peer, steps);
            }
            Report::SessionDue(id) => {
                if self.connections.get(&id).is_some_and(|connection| connection.stop.is_none()) {
                    let late = ConnectError::Timeout(self.timing.session);
                    self.close(id, Disconnect::Closed, late);
                }
            }
        }
    }

    /// Does what settling the session with the peer asks for.
    fn take(&mut self, peer: PeerId, steps: Vec<Step<ConnectionId>>) {
        for step in steps {
            match step {
                Step::Open(id) => self.swarm.behaviour_mut().relay.open(id),
                Step::AwaitAccept(id) => self.await_accept(id),
                Step::Start(id) => self.start(peer, id),
                Step::Replace(id) => {
                    if let Some(connection) = self.connections.get_mut(&id) {
                        connection.end(Disconnect::Replaced);
                    }
                }
                Step::Grace(id) => self.report_after(self.timing.grace, Report::GraceOver(id)),
                Step::Close(id) => {
                    let twin = ConnectError::AlreadyConnected(peer);
                    self.close(id, Disconnect::Replaced, twin);
                }
            }
        }
    }

    fn await_accept(&mut self, id: ConnectionId) {
        let stream = self.connections.get_mut(&id).and_then(|connection| connection.stream.take());
        let Some(mut stream) = stream else { return };
        self.report_when(async move {
            let accepted = stream::accepted(&mut stream).await;
            Report::Accepted(id, accepted.then_some(stream))
        });
    }

    fn start(&mut self, peer: PeerId, id: ConnectionId) {
        let decides = self.pair(peer).decides();
        let conditions = self.swarm.behaviour().relay.conditions().to(&peer);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let Some(stream) = connection.stream.take() else { return };
        let (stop, stopped) = mpsc::channel(1);
        let (outbox, outgoing) = outbox::queue(self.queue, stop.clone());
        connection.stop = Some(stop);
        connection.conditions.send_replace(conditions);
        let session = Session {
            peer,
            outbound: connection.dialled,
            address: connection.address.clone(),
            decides,
            outbox,
            outgoing,
            way: Way::new(connection.conditions.subscribe()),
            stop: stopped,
            beats: self.beats.subscribe(),
            heard: connection.heard.clone(),
            events: self.events.clone(),
        };
        self.dials.connected(peer, id);
        self.tell_sessions();
        let (events, reports) = (self.events.clone(), self.reports.0.clone());
        tokio::spawn(async move {
            let last = session.run(stream).await;
            // Known here before the node can react to it, say with another attempt to connect.
            // Sending fails, here and below, only when nobody is left to care.
            let _ = reports.send(Report::Ending(id));
            let _ = events.send(last).await;
            let _ = reports.send(Report::Ended(peer, id));
        });
    }

    /// Puts other conditions in force: for the sessions that go on, and against those that are cut.
    pub(super) fn set_links(&mut self) {
        let links = self.links_wanted.borrow_and_update().clone();
        self.swarm.behaviour_mut().relay.set_conditions(links.clone());
        let peers: HashSet<_> = self.connections.values().map(|connection| connection.peer).collect();
        peers
            .into_iter()
            .filter(|peer| links.to(peer).blocked)
            .for_each(|peer| self.drop_peer(peer, Disconnect::Cut, ConnectError::Cut));
        for connection in self.connections.values() {
            connection.conditions.send_replace(links.to(&connection.peer));
        }
        self.links.tell(|state| state.links = links);
    }

    /// Keeps what is told of the sessions true.
    fn tell_sessions(&self) {
        let in_session = self.pairs.iter().filter(|(_, pair)| pair.in_session());
        let connected = in_session.map(|(peer, _)| *peer).collect();
        self.links.tell(|state| state.connected = connected);
    }

    /// Closes every connection with the peer.
    pub(super) fn drop_peer(&mut self, peer: PeerId, session: Disconnect, dial: ConnectError) {
        let of_peer = self.connections.iter().filter(|(_, connection)| connection.peer == peer);
        let connections: Vec<_> = of_peer.map(|(id, _)| *id).collect();
        for id in connections {
            self.close(id, session, dial.clone());
        }
    }

    /// Ends what a connection carries, and closes it.
    pub(super) fn close(&mut self, id: ConnectionId, session: Disconnect, dial: ConnectError) {
        let Some(mut connection) = self.connections.remove(&id) else { return };
        connection.end(session);
        let pair = self.pair(connection.peer);
        pair.ending(id);
        pair.gone(id);
        self.forget_if_empty(connection.peer);
        self.fail_dial(id, dial);
        self.swarm.behaviour_mut().relay.forget(id);
        self.swarm.close_connection(id);
    }

    pub(super) fn fail_dial(&mut self, id: ConnectionId, reason: ConnectError) {
        if let Some(event) = self.dials.failed(id, reason) {
            self.emit(event);
        }
    }

    fn pair(&mut self, peer: PeerId) -> &mut Pair<ConnectionId> {
        let local = self.local;
        self.pairs.entry(peer).or_insert_with(|| Pair::new(local, peer))
    }

    fn forget_if_empty(&mut self, peer: PeerId) {
        if self.pairs.get(&peer).is_some_and(Pair::is_empty) {
            self.pairs.remove(&peer);
        }
    }

    /// Tells all peers that this node lives, and closes the connections of those that say nothing.
    pub(super) fn sweep(&mut self) {
        self.beats.send_replace(());
        let mut dead = Vec::new();
        for (id, connection) in &mut self.connections {
            connection.silent = if connection.heard.since_last_sweep() { 0 } else { connection.silent + 1 };
            if connection.silent >= SILENT_SWEEPS {
                dead.push(*id);
            }
        }
        for id in dead {
            let late = ConnectError::Timeout(self.timing.session);
            self.close(id, Disconnect::Unresponsive, late);
        }
    }

    fn report_after(&self, delay: Duration, report: Report) {
        self.report_when(async move {
            tokio::time::sleep(delay).await;
            report
        });
    }

    /// Runs a task whose result comes back as a report.
    fn report_when(&self, task: impl Future<Output = Report> + Send + 'static) {
        let reports = self.reports.0.clone();
        tokio::spawn(async move {
            // Nobody reads it when the driver has stopped.
            let _ = reports.send(task.await);
        });
    }
}
