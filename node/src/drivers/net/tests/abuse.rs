//! Peers that break the rules, or never follow them: each loses its own connection, no more.

use futures::{AsyncReadExt, AsyncWriteExt};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

/// A raw peer in session with the node, and its stream.
async fn in_session(node: &mut Node) -> (RawPeer, Stream, PeerId) {
    // The larger id follows: the node sends the byte that begins the session.
    let mut peer = RawPeer::dial_as(&key_ordered(node, false), node, true);
    let mut stream = peer.stream().await;
    let id = node.connected().await;
    let mut byte = [0];
    in_time(AsyncReadExt::read_exact(&mut stream, &mut byte)).await.unwrap();
    (peer, stream, id)
}

#[tokio::test]
async fn a_spoilt_frame_ends_the_session() {
    let mut node = node().await;
    let long = u32::MAX.to_le_bytes();
    for (bytes, expected) in [
        (&[0; 4 * 65][..], Disconnect::EmptyFrames),
        (&long[..], Disconnect::FrameTooLong(u32::MAX)),
        (&[3, 0][..], Disconnect::Truncated),
        (&[3, 0, 0, 0, 1, 2][..], Disconnect::Truncated),
        (&[][..], Disconnect::Closed),
    ] {
        let (mut peer, mut stream, _) = in_session(&mut node).await;
        AsyncWriteExt::write_all(&mut stream, &[1, 0, 0, 0, 77]).await.unwrap();
        AsyncWriteExt::write_all(&mut stream, bytes).await.unwrap();
        if matches!(expected, Disconnect::Truncated | Disconnect::Closed) {
            AsyncWriteExt::close(&mut stream).await.unwrap();
        }
        assert_eq!(node.frame().await, [77]);
        assert_eq!(node.disconnected().await.1, expected);
        peer.closed().await;
    }
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_dropped_and_others_are_not() {
    let mut node = node().await;
    let mut friend = self::node().await;
    connect(&mut friend, &mut node).await;
    let (mut slow, stream, slow_id) = in_session(&mut node).await;
    // The friend's frames pass between those the other one leaves lying.
    let ended = loop {
        node.net.command(NetCommand::Send { peer: slow_id, frame: vec![0; 1 << 20].into() });
        node.send(&friend, "for the friend");
        assert_eq!(friend.frame().await, b"for the friend");
        friend.send(&node, "thanks");
        match node.next().await {
            NetEvent::Frame { peer, .. } => assert_eq!(peer, friend.id()),
            NetEvent::Disconnected { peer, reason } => break (peer, reason),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ended, (slow_id, Disconnect::SlowPeer));
    slow.closed().await;
    drop(stream);
    assert_eq!(node.frame().await, b"thanks");
    assert_exchange(&mut node, &mut friend).await;
}

#[tokio::test]
async fn a_flood_leaves_room_for_others() {
    let mut node = node().await;
    let mut friend = self::node().await;
    connect(&mut friend, &mut node).await;
    let (_peer, mut stream, _) = in_session(&mut node).await;
    let flood = tokio::spawn(async move {
        let bytes = [1, 0, 0, 0, 7].repeat(1000);
        while AsyncWriteExt::write_all(&mut stream, &bytes).await.is_ok() {}
    });
    // The flood stands at its limit before the friend's frame is sent.
    for _ in 0..200 {
        assert_eq!(node.frame().await, [7]);
    }
    friend.send(&node, "from the friend");
    let mut before = 0;
    while node.frame().await != b"from the friend" {
        before += 1;
    }
    assert!(before < 20_000, "{before} frames of the flood came first");
    flood.abort();
}

#[tokio::test]
async fn garbage_on_the_port_disturbs_nobody() {
    let (mut a, mut b) = (node().await, node().await);
    connect(&mut a, &mut b).await;
    let address = ("127.0.0.1", b.port());
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 4096], b"\x13/multistream/1.0.0\n\xff\xff\xff", b""] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(garbage).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // Closed one way or the other; what matters is that it is.
        let _ = in_time(socket.read_to_end(&mut answer)).await;
    }
    assert_exchange(&mut a, &mut b).await;
    let mut c = node().await;
    connect(&mut c, &mut b).await;
}

#[tokio::test]
async fn handshakes_under_way_are_limited() {
    let node = node().await;
    let mut sockets = Vec::new();
    // Connections that say nothing; those beyond the limit are closed at once.
    let refused = loop {
        let mut socket = TcpStream::connect(("127.0.0.1", node.port())).await.unwrap();
        let mut greeting = [0; 64];
        socket.write_all(b"\x13/multistream/1.0.0\n").await.unwrap();
        match in_time(socket.read(&mut greeting)).await {
            Ok(0) | Err(_) => break sockets.len(),
            Ok(_) => sockets.push(socket),
        }
        assert!(sockets.len() < 1000, "no limit");
    };
    assert_eq!(refused, 64);
}

#[tokio::test]
async fn a_peer_that_opens_no_stream_is_dropped() {
    let timing = Timing { session: Duration::from_millis(50), ..Timing::default() };
    let node = node_with(|_| {}, timing).await;
    let mut silent = RawPeer::dial(&node, false);
    silent.closed().await;
}

#[tokio::test]
async fn a_deciding_peer_that_never_begins_is_dropped() {
    let timing = Timing { session: Duration::from_millis(50), ..Timing::default() };
    let node = node_with(|_| {}, timing).await;
    let mut peer = RawPeer::dial_as(&key_ordered(&node, true), &node, true);
    let _stream = peer.stream().await;
    peer.closed().await;
}
