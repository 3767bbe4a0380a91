//! Links that go silent without a word, by way of a relay that stops forwarding.

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;

/// Forwards connections to a node until it is cut; then it holds them and forwards nothing.
struct Wire {
    address: String,
    cut: watch::Sender<bool>,
}

impl Wire {
    async fn to(node: &Node) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cut, is_cut) = watch::channel(false);
        let target = node.port();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
                tokio::spawn(Self::forward(near, far, is_cut.clone()));
            }
        });
        Self { address: format!("/ip4/127.0.0.1/tcp/{port}"), cut }
    }

    async fn forward(mut near: TcpStream, mut far: TcpStream, mut is_cut: watch::Receiver<bool>) {
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
            _ = async { is_cut.wait_for(|cut| *cut).await.is_ok() } => {}
        }
        // Held open, so that neither end sees it close.
        std::future::pending::<()>().await;
    }

    fn cut(&self) {
        self.cut.send(true).unwrap();
    }
}

/// Two nodes in session over a wire; the first one has the smaller id.
async fn over_a_wire(timing: Timing) -> (Node, Node, Wire) {
    let mut a = node_with(|_| {}, timing).await;
    let mut b = node_with(|_| {}, timing).await;
    if b.id() < a.id() {
        std::mem::swap(&mut a, &mut b);
    }
    let wire = Wire::to(&b).await;
    a.dial_at(&b, wire.address.clone());
    assert_eq!(a.connected().await, b.id());
    assert_eq!(b.connected().await, a.id());
    assert_exchange(&mut a, &mut b).await;
    (a, b, wire)
}

#[tokio::test]
async fn a_silent_link_is_noticed_by_both_ends() {
    let sweep = Duration::from_millis(100);
    let (mut a, mut b, wire) = over_a_wire(Timing { sweep, ..Timing::default() }).await;
    wire.cut();
    assert_eq!(a.disconnected().await, (b.id(), Disconnect::Unresponsive));
    assert_eq!(b.disconnected().await, (a.id(), Disconnect::Unresponsive));
}

#[tokio::test]
async fn a_new_connection_replaces_one_half_dead() {
    for decider_returns in [true, false] {
        let grace = Duration::from_millis(50);
        let (decider, follower, wire) = over_a_wire(Timing { grace, ..Timing::default() }).await;
        let (mut returns, mut stays) = if decider_returns { (decider, follower) } else { (follower, decider) };
        wire.cut();
        // Only one end knows that the link is gone.
        returns.net.command(NetCommand::Disconnect { peer: stays.id() });
        assert_eq!(returns.disconnected().await, (stays.id(), Disconnect::Requested));
        returns.dial(&stays);
        assert_eq!(stays.disconnected().await, (returns.id(), Disconnect::Replaced));
        assert_eq!(stays.connected().await, returns.id());
        assert_eq!(returns.connected().await, stays.id());
        assert_exchange(&mut returns, &mut stays).await;
    }
}

#[tokio::test]
async fn closing_a_dead_link_takes_no_room() {
    let (mut a, mut b, wire) = over_a_wire(Timing::default()).await;
    wire.cut();
    // What is queued keeps the connection from closing in good order.
    a.send(&b, vec![0; 4 << 20]);
    for node in [&a, &b] {
        let peer = if node.id() == a.id() { b.id() } else { a.id() };
        node.net.command(NetCommand::Disconnect { peer });
    }
    assert_eq!(a.disconnected().await.1, Disconnect::Requested);
    assert_eq!(b.disconnected().await.1, Disconnect::Requested);
    for _ in 0..6 {
        connect(&mut a, &mut b).await;
        a.net.command(NetCommand::Disconnect { peer: b.id() });
        assert_eq!(a.disconnected().await.1, Disconnect::Requested);
        assert_eq!(b.disconnected().await.1, Disconnect::Closed);
    }
}
