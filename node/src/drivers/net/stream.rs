//! One session's life on its stream: the reader, the writer, and the events in their order.
//! A frame is its length (u32, little-endian) and that many bytes; what they mean is not known
//! here. Delay and loss of a link apply between queue and stream.

use std::io;
use std::sync::Arc;

use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc};

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
    /// To the node.
    pub(super) events: mpsc::Sender<Queued>,
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
                let writing = (self.outgoing, self.way);
                exchange(stream, peer, writing, &mut self.stop, &self.events).await
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

async fn exchange<S>(
    stream: S,
    peer: PeerId,
    (outgoing, way): (Outgoing, Way),
    stop: &mut mpsc::Receiver<Disconnect>,
    events: &mpsc::Sender<Queued>,
) -> Disconnect
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (reader, writer) = stream.split();
    tokio::select! {
        biased;
        Some(reason) = stop.recv() => reason,
        reason = write_frames(writer, outgoing, way) => reason,
        reason = read_frames(reader, peer, events) => reason,
    }
}

async fn write_frames<W: AsyncWrite + Unpin>(mut writer: W, mut outgoing: Outgoing, mut way: Way) -> Disconnect {
    let mut frames = Vec::new();
    loop {
        outgoing.take(&mut frames, BATCH).await;
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

async fn read_frames<R: AsyncRead + Unpin>(mut reader: R, peer: PeerId, events: &mpsc::Sender<Queued>) -> Disconnect {
    // Everything a peer has read here and not yet taken by the node fits in this budget, so one
    // flooding peer fills its own share and leaves the event queue to the others.
    let budget = Arc::new(Semaphore::new(MAX_FRAME / UNIT));
    loop {
        let length = match read_length(&mut reader).await {
            Ok(length) => length,
            Err(reason) => return reason,
        };
        let cost = length.div_ceil(UNIT).max(MAX_FRAME / UNIT / UNTAKEN_FRAMES);
        let Ok(share) = budget.clone().acquire_many_owned(cost as u32).await else {
            return Disconnect::Closed;
        };
        let Ok(frame) = read_body(&mut reader, length).await else {
            return Disconnect::Truncated;
        };
        if events.send(Queued::Frame { peer, frame, share }).await.is_err() {
            return Disconnect::Shutdown;
        }
    }
}

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
        0 => Err(Disconnect::EmptyFrame),
        length if length as usize > MAX_FRAME => Err(Disconnect::FrameTooLong(length)),
        length => Ok(length as usize),
    }
}

/// Memory grows with the bytes that came, at most to twice as much, whatever was announced.
async fn read_body<R: AsyncRead + Unpin>(reader: &mut R, length: usize) -> io::Result<Vec<u8>> {
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
    }
    Ok(frame)
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
