//! The bounded queue of frames on their way to one peer, between the node and the peer's writer.
//! A queue that is full ends its peer's session; it never makes the sender wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::error::Disconnect;

/// How much may wait for one peer before the peer counts as too slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Frames waiting.
    pub frames: usize,
    /// Bytes waiting or being written.
    pub bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { frames: 1024, bytes: 16 << 20 }
    }
}

/// A frame in the queue.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) frame: Bytes,
    /// Since when. A delay of the link counts from here, so that frames are held back side by side.
    pub(super) since: Instant,
}

/// The node's end.
#[derive(Debug)]
pub(super) struct Outbox {
    frames: mpsc::Sender<Waiting>,
    bytes: Arc<AtomicUsize>,
    limit: usize,
    stop: mpsc::Sender<Disconnect>,
}

/// The writer's end.
#[derive(Debug)]
pub(super) struct Outgoing {
    frames: mpsc::Receiver<Waiting>,
    bytes: Arc<AtomicUsize>,
}

/// An empty queue. `stop` ends the session when it overflows.
pub(super) fn queue(limits: QueueLimits, stop: mpsc::Sender<Disconnect>) -> (Outbox, Outgoing) {
    let (sender, receiver) = mpsc::channel(limits.frames.max(1));
    let bytes = Arc::new(AtomicUsize::new(0));
    let outbox = Outbox { frames: sender, bytes: bytes.clone(), limit: limits.bytes, stop };
    (outbox, Outgoing { frames: receiver, bytes })
}

impl Outbox {
    /// Queues a frame, or ends the session when there is no room for it.
    pub(super) fn push(&self, frame: Bytes) {
        let length = frame.len();
        let waiting = self.bytes.fetch_add(length, Ordering::Relaxed);
        let fits = waiting == 0 || waiting + length <= self.limit;
        let full = match self.frames.try_send(Waiting { frame, since: Instant::now() }) {
            Ok(()) => !fits,
            Err(mpsc::error::TrySendError::Full(_)) => true,
            // The session has ended already; its end is on the way to the node.
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        };
        if full {
            // The first reason given to a session is the one that counts, so a failure is fine.
            let _ = self.stop.try_send(Disconnect::SlowPeer);
        }
    }
}

impl Outgoing {
    /// Waits for frames and takes all there are, up to `limit`, into the empty `frames`.
    /// Never returns when the node's end is gone: the session ends by other means.
    pub(super) async fn take(&mut self, frames: &mut Vec<Waiting>, limit: usize) {
        if self.frames.recv_many(frames, limit).await == 0 {
            std::future::pending::<()>().await;
        }
    }

    /// Frees the room of frames that are written, or lost.
    pub(super) fn written(&self, frames: &[Waiting]) {
        let bytes = frames.iter().map(|waiting| waiting.frame.len()).sum();
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(limits: QueueLimits, frames: &[usize]) -> (Outgoing, mpsc::Receiver<Disconnect>) {
        let (stop, stopped) = mpsc::channel(1);
        let (outbox, outgoing) = queue(limits, stop);
        for length in frames {
            outbox.push(vec![0; *length].into());
        }
        (outgoing, stopped)
    }

    #[tokio::test]
    async fn either_limit_ends_the_session() {
        let limits = QueueLimits { frames: 3, bytes: 100 };
        let (_outgoing, mut stopped) = filled(limits, &[1, 1, 98]);
        assert!(stopped.try_recv().is_err());
        for frames in [&[1, 1, 1, 1][..], &[50, 51]] {
            let (_outgoing, mut stopped) = filled(limits, frames);
            assert_eq!(stopped.try_recv(), Ok(Disconnect::SlowPeer), "{frames:?}");
        }
    }

    #[tokio::test]
    async fn writing_makes_room() {
        let (stop, mut stopped) = mpsc::channel(1);
        let (outbox, mut outgoing) = queue(QueueLimits { frames: 8, bytes: 100 }, stop);
        let mut frames = Vec::new();
        for _ in 0..10 {
            outbox.push(vec![0; 60].into());
            outgoing.take(&mut frames, 8).await;
            outgoing.written(&frames);
            frames.clear();
        }
        assert!(stopped.try_recv().is_err());
    }
}
