//! The queue of events from the driver to the node, and the outboxes behind the peers it shows.
//! The queue is bounded; who fills it waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::NetEvent;
use super::error::Disconnect;
use super::outbox::Outbox;
use shared::peer::PeerId;

/// Events in the queue. Frames are bounded tighter, for each peer, by its session.
const CAPACITY: usize = 1024;

/// An event as it stands in the queue.
pub(super) enum Queued {
    Connected {
        peer: PeerId,
        outbound: bool,
        address: String,
        outbox: Outbox,
    },
    Disconnected {
        peer: PeerId,
        reason: Disconnect,
    },
    /// `share` is the peer's part of the queue that the frame takes until the node has it.
    Frame {
        peer: PeerId,
        frame: Vec<u8>,
        share: OwnedSemaphorePermit,
    },
    Other(NetEvent),
}

/// The outbox of each peer whose `Connected` the node has taken and whose `Disconnected` it has
/// not. So a frame sent while a session is being replaced can never land in the next session.
#[derive(Debug, Clone, Default)]
pub(super) struct Outboxes(Arc<Mutex<HashMap<PeerId, Outbox>>>);

impl Outboxes {
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<PeerId, Outbox>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events from the driver, in order. Dropping it stops the driver.
#[derive(Debug)]
pub struct NetEvents {
    queue: mpsc::Receiver<Queued>,
    outboxes: Outboxes,
}

/// An empty queue.
pub(super) fn queue() -> (mpsc::Sender<Queued>, NetEvents, Outboxes) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let outboxes = Outboxes::default();
    (sender, NetEvents { queue: receiver, outboxes: outboxes.clone() }, outboxes)
}

impl NetEvents {
    /// The next event; `None` once the driver has stopped. Cancel safe.
    pub async fn recv(&mut self) -> Option<NetEvent> {
        Some(match self.queue.recv().await? {
            Queued::Connected { peer, outbound, address, outbox } => {
                self.outboxes.lock().insert(peer, outbox);
                NetEvent::Connected { peer, outbound, address }
            }
            Queued::Disconnected { peer, reason } => {
                self.outboxes.lock().remove(&peer);
                NetEvent::Disconnected { peer, reason }
            }
            Queued::Frame { peer, frame, share } => {
                drop(share);
                NetEvent::Frame { peer, frame }
            }
            Queued::Other(event) => event,
        })
    }
}
