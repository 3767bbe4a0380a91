//! Framing against bytes in memory; sessions over real connections are in the driver's tests.

use futures::TryStreamExt as _;

use super::*;

const PEER: PeerId = PeerId([7; 32]);

/// The frames read from `bytes`, and why reading ended.
async fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, Disconnect) {
    let (sender, mut receiver) = mpsc::channel(64);
    let reason = read_frames(bytes, PEER, &Heard::default(), &sender).await;
    drop(sender);
    let mut frames = Vec::new();
    while let Some(Queued::Frame { frame, .. }) = receiver.recv().await {
        frames.push(frame);
    }
    (frames, reason)
}

async fn written(frames: &[Vec<u8>]) -> Vec<u8> {
    let since = tokio::time::Instant::now();
    let frames: Vec<Waiting> = frames.iter().map(|frame| Waiting { frame: frame.clone().into(), since }).collect();
    let mut bytes = Vec::new();
    write_batch(&mut bytes, &frames).await.unwrap();
    bytes
}

#[tokio::test]
async fn frames_of_every_size_pass_unchanged() {
    let sizes = [1, 3, 100, CHUNK - 5, CHUNK - 4, CHUNK - 3, CHUNK, CHUNK + 1, 3 * CHUNK, 2, 200_000];
    let frames: Vec<_> = sizes.iter().enumerate().map(|(n, size)| vec![n as u8; *size]).collect();
    let bytes = written(&frames).await;
    assert_eq!(bytes.len(), sizes.iter().map(|size| 4 + size).sum::<usize>());
    let (read, reason) = read(&bytes).await;
    assert!(read == frames);
    assert_eq!(reason, Disconnect::Closed);
}

#[tokio::test]
async fn the_bytes_are_as_documented() {
    assert_eq!(written(&[b"abc".to_vec()]).await, b"\x03\x00\x00\x00abc");
}

#[tokio::test]
async fn a_stream_cut_anywhere_ends_without_a_partial_frame() {
    let bytes = written(&[vec![1; 5], vec![2; 5]]).await;
    for cut in 0..bytes.len() {
        let (frames, reason) = read(&bytes[..cut]).await;
        assert_eq!(frames.len(), cut / 9);
        let between = cut % 9 == 0;
        assert_eq!(reason, if between { Disconnect::Closed } else { Disconnect::Truncated }, "cut at {cut}");
    }
}

#[tokio::test]
async fn lengths_out_of_bounds_are_refused_before_anything_is_read() {
    for length in [MAX_FRAME as u32 + 1, u32::MAX] {
        assert_eq!(read(&length.to_le_bytes()).await.1, Disconnect::FrameTooLong(length));
    }
}

#[tokio::test]
async fn memory_follows_the_bytes_not_the_announcement() {
    for sent in [0, 1, FIRST_READ, FIRST_READ + 1, 100_000] {
        let mut reader = Measured { left: sent, asked: 0 };
        assert!(read_body(&mut reader, MAX_FRAME, &Heard::default()).await.is_err());
        assert!(reader.asked <= 2 * sent + FIRST_READ, "{} for {sent}", reader.asked);
    }
}

/// Gives zeros, and notes the largest buffer end it was offered.
struct Measured {
    left: usize,
    asked: usize,
}

impl AsyncRead for Measured {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        buffer: &mut [u8],
    ) -> std::task::Poll<io::Result<usize>> {
        let read = buffer.len().min(self.left).min(1000);
        self.left -= read;
        self.asked = self.asked.max(buffer.len());
        std::task::Poll::Ready(Ok(read))
    }
}

#[tokio::test]
async fn a_peer_that_floods_is_read_no_further_than_its_share() {
    let bytes = written(&vec![vec![9; 10]; 3 * UNTAKEN_FRAMES]).await;
    let (sender, mut receiver) = mpsc::channel(10 * UNTAKEN_FRAMES);
    let heard = Heard::default();
    let mut reading = std::pin::pin!(read_frames(&bytes[..], PEER, &heard, &sender));
    assert!(futures::poll!(&mut reading).is_pending());
    assert_eq!(receiver.len(), UNTAKEN_FRAMES);
    drop(receiver.recv().await);
    assert!(futures::poll!(&mut reading).is_pending());
    assert_eq!(receiver.len(), UNTAKEN_FRAMES);
}

#[tokio::test]
async fn beats_are_no_frames_and_only_so_many() {
    let beats = |count: u32| BEAT.repeat(count as usize);
    let frame = written(&[b"abc".to_vec()]).await;
    let bytes = [beats(MAX_BEATS - 1), frame.clone(), beats(1)].concat();
    assert_eq!(read(&bytes).await, (vec![b"abc".to_vec()], Disconnect::Closed));
    let bytes = [frame.clone(), beats(MAX_BEATS + 1), frame].concat();
    assert_eq!(read(&bytes).await, (vec![b"abc".to_vec()], Disconnect::EmptyFrames));
}

#[tokio::test]
async fn whoever_is_read_must_be_heard_from_sweep_to_sweep() {
    let heard = Heard::default();
    assert!(heard.since_last_sweep() && heard.since_last_sweep(), "before the session");
    let (sender, mut receiver) = mpsc::channel(1);
    let (peer, chunks) = futures::channel::mpsc::unbounded::<io::Result<Vec<u8>>>();
    let mut reading = std::pin::pin!(read_frames(chunks.into_async_read(), PEER, &heard, &sender));
    let mut hears = async |bytes: &[u8]| {
        peer.unbounded_send(Ok(bytes.to_vec())).unwrap();
        assert!(futures::poll!(&mut reading).is_pending());
        (heard.since_last_sweep(), heard.since_last_sweep())
    };
    assert_eq!(hears(&BEAT).await, (true, false));
    assert_eq!(hears(&[]).await, (false, false));
    assert_eq!(hears(&[2, 0, 0, 0, 7]).await, (true, false), "a part of a frame");
    assert_eq!(hears(&[7]).await, (true, false));
    // The first frame fills the queue; while the second waits for room, silence is this node's own fault.
    assert_eq!(hears(&[1, 0, 0, 0, 8]).await, (true, true));
    drop(receiver.recv().await);
    assert_eq!(hears(&[]).await, (true, false));
}

#[tokio::test]
async fn only_the_right_byte_begins_a_session() {
    assert!(accepted(&mut &[ACCEPT][..]).await);
    assert!(!accepted(&mut &[0][..]).await);
    assert!(!accepted(&mut &[][..]).await);
}
