//! One session's life on its stream: the reader, the writer, and the events in their order.
//! A frame is its length (u32, little-endian) and that many bytes; what they mean is not known
//! here. Delay and loss of a link apply between queue and stream. One without bytes is a beat: it
//! says that its sender lives, also when there is nothing to say.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc, watch};

use super::MAX_FRAME;
use super::error::Disconnect;
use super::events::Queued;
use super::links::Way;
use super::outbox::{Outbox, Outgoing, Waiting};
use shared::peer::PeerId;

/// The byte with which the deciding end begins a session.
const ACCEPT: u8 = 1;
/// Bytes written to the stream at once; yamux cuts its frames there.
const CHUNK: usize = 16 << 10;
/// Frames taken from the queue at once.
const BATCH: usize = 64;
/// Memory given to a frame before its first byte is there, at most.
const FIRST_READ: usize = 16 << 10;
/// Frames of one peer that may be read and not yet taken by the node.
const UNTAKEN_FRAMES: usize = 64;
/// The unit in which [`MAX_FRAME`] bytes of untaken frames are counted.
const UNIT: usize = 1 << 10;
/// A beat.
const BEAT: [u8; 4] = [0; 4];
/// Beats from one sweep to the next, after which a peer does nothing but cost time. There should be one or two.
const MAX_BEATS: u32 = 64;

/// A session about to run.
pub(super) struct Session {
    pub(super) peer: PeerId,
    pub(super) outbound: bool,
    pub(super) address: String,
    /// Whether this end decides, and so sends the byte that begins the session.
    pub(super) decides: bool,
    pub(super) outbox: Outbox,
    pub(super) outgoing: Outgoing,
    /// The conditions of the way to the peer.
    pub(super) way: Way,
    /// Why to end; the first reason counts.
    pub(super) stop: mpsc::Receiver<Disconnect>,
    /// When to write a beat.
    pub(super) beats: watch::Receiver<()>,
    /// Whether the peer was heard.
    pub(super) heard: Heard,
    /// To the node.
    pub(super) events: mpsc::Sender<Queued>,
}

/// Whether anything came from a peer, between its reader and the sweeps of the event loop.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard(Arc<AtomicU8>);

impl Heard {
    /// Nothing is read: the session has not begun, or the node has not taken what came before.
    const UNREAD: u8 = 0;
    /// Nothing came since the last sweep.
    const NOTHING: u8 = 1;
    /// Something came.
    const SOMETHING: u8 = 2;

    /// Whether the peer was heard since the last call, or may be by what is not read yet.
    pub(super) fn since_last_sweep(&self) -> bool {
        let swept = self.0.compare_exchange(Self::SOMETHING, Self::NOTHING, Ordering::Relaxed, Ordering::Relaxed);
        swept.unwrap_or_else(|state| state) != Self::NOTHING
    }

    /// Notes it; true when it is the first time since a sweep.
    fn note(&self) -> bool {
        self.0.swap(Self::SOMETHING, Ordering::Relaxed) == Self::NOTHING
    }

    /// Nothing is read until the next [`Self::note`].
    fn stop_reading(&self) {
        self.0.store(Self::UNREAD, Ordering::Relaxed);
    }
}

impl Session {
    /// Runs until the session ends. Emits `Connected` first and gives back the last event,
    /// `Disconnected`; being one task, it can emit nothing before or after.
    pub(super) async fn run<S>(mut self, mut stream: S) -> Queued
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let begun = match self.decides {
            true => stream.write_all(&[ACCEPT]).await,
            false => Ok(()),
        };
        let Session { peer, outbound, address, outbox, .. } = self;
        let connected = Queued::Connected { peer, outbound, address, outbox };
        let reason = match (self.events.send(connected).await, begun) {
            (Ok(()), Ok(())) => {
                let (reader, writer) = stream.split();
                tokio::select! {
                    biased;
                    Some(reason) = self.stop.recv() => reason,
                    reason = write_frames(writer, self.outgoing, self.way, self.beats) => reason,
                    reason = read_frames(reader, peer, &self.heard, &self.events) => reason,
                }
            }
            (Err(_), _) => Disconnect::Shutdown,
            (_, Err(_)) => Disconnect::Closed,
        };
        Queued::Disconnected { peer, reason }
    }
}

/// Waits for the byte with which the deciding end begins the session.
pub(super) async fn accepted<S: AsyncRead + Unpin>(stream: &mut S) -> bool {
    let mut byte = [0];
    stream.read_exact(&mut byte).await.is_ok() && byte == [ACCEPT]
}

async fn write_frames<W>(
    mut writer: W,
    mut outgoing: Outgoing,
    mut way: Way,
    mut beats: watch::Receiver<()>,
) -> Disconnect
where
    W: AsyncWrite + Unpin,
{
    let mut frames = Vec::new();
    loop {
        tokio::select! {
            biased;
            // First, so that beats go out even where all frames are lost. They show that the process lives, and are
            // not subject to the conditions of the way.
            Ok(()) = beats.changed() => match write_beat(&mut writer).await {
                Ok(()) => continue,
                Err(_) => return Disconnect::Closed,
            },
            () = outgoing.take(&mut frames, BATCH) => {}
        }
        // Where conditions are made up, each frame goes by itself when it is due.
        let size = if way.is_clear() { BATCH } else { 1 };
        for batch in frames.chunks(size) {
            let passes = way.is_clear() || way.passes(batch[0].since).await;
            if passes && write_batch(&mut writer, batch).await.is_err() {
                return Disconnect::Closed;
            }
            outgoing.written(batch);
        }
        frames.clear();
    }
}

async fn write_beat<W: AsyncWrite + Unpin>(writer: &mut W) -> io::Result<()> {
    writer.write_all(&BEAT).await?;
    writer.flush().await
}

/// Small frames share writes, hence packets; a large one is written from where it lies.
async fn write_batch<W: AsyncWrite + Unpin>(writer: &mut W, frames: &[Waiting]) -> io::Result<()> {
    let total: usize = frames.iter().map(|waiting| 4 + waiting.frame.len()).sum();
    let mut buffer = Vec::with_capacity(total.min(CHUNK));
    for Waiting { frame, .. } in frames {
        if buffer.len() + 4 > CHUNK {
            writer.write_all(&buffer).await?;
            buffer.clear();
        }
        buffer.extend_from_slice(&(frame.len() as u32).to_le_bytes());
        let (head, rest) = frame.split_at(frame.len().min(CHUNK - buffer.len()));
        buffer.extend_from_slice(head);
        if !rest.is_empty() {
            writer.write_all(&buffer).await?;
            buffer.clear();
            writer.write_all(rest).await?;
        }
    }
    writer.write_all(&buffer).await?;
    writer.flush().await
}

async fn read_frames<R>(mut reader: R, peer: PeerId, heard: &Heard, events: &mpsc::Sender<Queued>) -> Disconnect
where
    R: AsyncRead + Unpin,
{
    // Everything a peer has read here and not yet taken by the node fits in this budget, so one
    // flooding peer fills its own share and leaves the event queue to the others.
    let budget = Arc::new(Semaphore::new(MAX_FRAME / UNIT));
    let mut beats = 0;
    heard.note();
    loop {
        let length = match read_length(&mut reader).await {
            Ok(length) => length,
            Err(reason) => return reason,
        };
        if heard.note() {
            beats = 0;
        }
        if length == 0 {
            beats += 1;
            if beats > MAX_BEATS {
                return Disconnect::EmptyFrames;
            }
            continue;
        }
        heard.stop_reading();
        let cost = length.div_ceil(UNIT).max(MAX_FRAME / UNIT / UNTAKEN_FRAMES);
        let Ok(share) = budget.clone().acquire_many_owned(cost as u32).await else {
            return Disconnect::Closed;
        };
        heard.note();
        let Ok(frame) = read_body(&mut reader, length, heard).await else {
            return Disconnect::Truncated;
        };
        heard.stop_reading();
        beats = 0;
        if events.send(Queued::Frame { peer, frame, share }).await.is_err() {
            return Disconnect::Shutdown;
        }
        heard.note();
    }
}

/// The length of the next frame; 0 is a beat.
async fn read_length<R: AsyncRead + Unpin>(reader: &mut R) -> Result<usize, Disconnect> {
    let mut bytes = [0; 4];
    match reader.read(&mut bytes).await {
        Ok(0) | Err(_) => return Err(Disconnect::Closed),
        Ok(read) => {
            let rest = reader.read_exact(&mut bytes[read..]).await;
            rest.map_err(|_| Disconnect::Truncated)?;
        }
    }
    match u32::from_le_bytes(bytes) {
        length if length as usize > MAX_FRAME => Err(Disconnect::FrameTooLong(length)),
        length => Ok(length as usize),
    }
}

/// Memory grows with the bytes that came, at most to twice as much, whatever was announced.
async fn read_body<R: AsyncRead + Unpin>(reader: &mut R, length: usize, heard: &Heard) -> io::Result<Vec<u8>> {
    let mut frame = Vec::new();
    let mut filled = 0;
    while filled < length {
        if filled == frame.len() {
            let size = length.min((2 * filled).max(FIRST_READ));
            frame.reserve_exact(size - filled);
            frame.resize(size, 0);
        }
        match reader.read(&mut frame[filled..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
        heard.note();
    }
    Ok(frame)
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
