//! The transport: TCP, noise and yamux, and an end to closing that takes forever.
//! Everything below authenticated, multiplexed connections is set up here and nowhere else.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use libp2p::Transport;
use libp2p::core::muxing::{StreamMuxer, StreamMuxerBox, StreamMuxerEvent};
use libp2p::core::transport::Boxed;
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::{PeerId, noise, tcp, yamux};
use tokio::time::Sleep;

use super::error::NetError;

/// Time for TCP's, noise's and yamux's handshakes together.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for what is left unsent when a connection is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Streams of one connection, both ways: one relay stream, and some that a peer may try in vain.
const MAX_STREAMS: usize = 16;

/// The transport of a node with this key.
pub(super) fn transport(key: &Keypair) -> Result<Boxed<(PeerId, StreamMuxerBox)>, NetError> {
    let noise = noise::Config::new(key).map_err(|error| NetError::Noise(error.to_string()))?;
    let mut yamux = yamux::Config::default();
    yamux.set_max_num_streams(MAX_STREAMS);
    Ok(tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .upgrade(Version::V1Lazy)
        .authenticate(noise)
        .multiplex(yamux)
        .timeout(HANDSHAKE_TIMEOUT)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(CloseInTime::new(muxer))))
        .boxed())
}

/// A muxer whose closing fails after [`CLOSE_TIMEOUT`], so that the connection is then dropped.
///
/// Closing sends what is queued first. A peer that reads nothing, or whose link is down, would
/// keep a closed connection, its memory and its task alive until the system gives TCP up.
struct CloseInTime<M> {
    muxer: M,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<M> CloseInTime<M> {
    fn new(muxer: M) -> Self {
        Self { muxer, deadline: None }
    }
}

impl<M> StreamMuxer for CloseInTime<M>
where
    M: StreamMuxer + Unpin,
    M::Error: Send + Sync + 'static,
{
    type Substream = M::Substream;
    type Error = io::Error;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Self::Substream>> {
        Pin::new(&mut self.muxer).poll_inbound(cx).map_err(io::Error::other)
    }

    fn poll_outbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Self::Substream>> {
        Pin::new(&mut self.muxer).poll_outbound(cx).map_err(io::Error::other)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Poll::Ready(closed) = Pin::new(&mut this.muxer).poll_close(cx) {
            return Poll::Ready(closed.map_err(io::Error::other));
        }
        let sleep = || Box::pin(tokio::time::sleep(CLOSE_TIMEOUT));
        let deadline = this.deadline.get_or_insert_with(sleep);
        deadline.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<StreamMuxerEvent>> {
        Pin::new(&mut self.muxer).poll(cx).map_err(io::Error::other)
    }
}
