//! Sessions between well-behaved nodes: frames, order, crossing dials, restarts, stopping.

use super::*;

#[tokio::test]
async fn frames_pass_both_ways_in_order() {
    let (mut a, mut b) = (node().await, node().await);
    connect(&mut a, &mut b).await;
    for number in 0..500u32 {
        a.send(&b, number.to_le_bytes().to_vec());
        b.send(&a, (number + 1000).to_le_bytes().to_vec());
    }
    for number in 0..500u32 {
        assert_eq!(b.frame().await, number.to_le_bytes());
        assert_eq!(a.frame().await, (number + 1000).to_le_bytes());
    }
}

#[tokio::test]
async fn the_event_says_who_dialled_and_where() {
    let (mut a, mut b) = (node().await, node().await);
    a.dial(&b);
    match a.next().await {
        NetEvent::Connected { peer, outbound: true, address } => {
            assert_eq!((peer, address), (b.id(), b.address()));
        }
        other => panic!("{other:?}"),
    }
    match b.next().await {
        NetEvent::Connected { peer, outbound: false, address } => {
            assert_eq!(peer, a.id());
            assert!(address.starts_with("/ip4/127.0.0.1/tcp/"), "{address}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_longest_frame_passes() {
    let (mut a, mut b) = (node().await, node().await);
    connect(&mut a, &mut b).await;
    let frame: Vec<u8> = (0..MAX_FRAME).map(|n| (n % 251) as u8).collect();
    a.send(&b, frame.clone());
    a.send(&b, "after it");
    assert!(b.frame().await == frame);
    assert_eq!(b.frame().await, b"after it");
}

#[tokio::test]
async fn frames_that_cannot_be_sent_are_dropped_here() {
    let (mut a, mut b) = (node().await, node().await);
    a.send(&b, "no session yet");
    connect(&mut a, &mut b).await;
    a.send(&b, "");
    a.send(&b, vec![0; MAX_FRAME + 1]);
    assert_exchange(&mut a, &mut b).await;
}

#[tokio::test]
async fn dialling_each_other_at_once_settles_on_one_session() {
    let mut stays = node().await;
    for round in 0..50 {
        let mut other = node().await;
        stays.dial(&other);
        if round % 3 == 2 {
            // Here the dials cross at another stage.
            tokio::task::yield_now().await;
        }
        other.dial(&stays);
        assert_eq!(stays.connected().await, other.id());
        assert_eq!(other.connected().await, stays.id());
        for _ in 0..5 {
            assert_exchange(&mut stays, &mut other).await;
        }
        other.net.command(NetCommand::Disconnect { peer: stays.id() });
        assert_eq!(other.disconnected().await, (stays.id(), Disconnect::Requested));
        assert_eq!(stays.disconnected().await, (other.id(), Disconnect::Closed));
    }
}

#[tokio::test]
async fn dialling_twice_makes_one_session() {
    let (mut a, mut b) = (node().await, node().await);
    a.dial(&b);
    a.dial(&b);
    assert_eq!(a.connected().await, b.id());
    assert_eq!(b.connected().await, a.id());
    a.dial(&b);
    b.dial(&a);
    assert_exchange(&mut a, &mut b).await;
}

#[tokio::test]
async fn a_peer_met_again_under_a_bare_address_is_named() {
    let (mut a, mut b) = (node().await, node().await);
    let addresses = vec![b.bare_address()];
    a.net.command(NetCommand::Connect { peer: None, addresses: addresses.clone() });
    assert_eq!(a.connected().await, b.id());
    assert_eq!(b.connected().await, a.id());
    a.net.command(NetCommand::Connect { peer: None, addresses: addresses.clone() });
    let reason = ConnectError::AlreadyConnected(b.id());
    assert_eq!(a.next().await, NetEvent::ConnectFailed { peer: None, addresses, reason });
    assert_exchange(&mut a, &mut b).await;
}

#[tokio::test]
async fn a_restarted_peer_is_noticed_and_reconnects() {
    for restarts_first in [true, false] {
        let (first, second) = ordered_pair().await;
        let (mut restarts, mut stays) = if restarts_first { (first, second) } else { (second, first) };
        connect(&mut restarts, &mut stays).await;
        restarts.net.command(NetCommand::Shutdown);
        assert_eq!(restarts.disconnected().await, (stays.id(), Disconnect::Shutdown));
        assert_eq!(in_time(restarts.events.recv()).await, None);
        assert_eq!(stays.disconnected().await, (restarts.id(), Disconnect::Closed));
        let Node { folder, net, links, .. } = restarts;
        let (again, events) = start(config(&folder)).await.unwrap();
        assert_eq!(again.local_peer(), net.local_peer());
        let mut again = Node { net: again, events, folder, links };
        connect(&mut again, &mut stays).await;
        assert_exchange(&mut again, &mut stays).await;
    }
}

/// The answer to the end of a session is at once another attempt, which must not be taken for one
/// to a peer still in session.
#[tokio::test]
async fn connecting_again_at_once_always_has_an_outcome() {
    let (mut a, mut b) = (node().await, node().await);
    connect(&mut a, &mut b).await;
    for _ in 0..50 {
        a.net.command(NetCommand::Disconnect { peer: b.id() });
        assert_eq!(b.disconnected().await, (a.id(), Disconnect::Closed));
        b.dial(&a);
        assert_eq!(a.disconnected().await, (b.id(), Disconnect::Requested));
        assert_eq!(b.connected().await, a.id());
        assert_eq!(a.connected().await, b.id());
    }
}

#[tokio::test]
async fn dropping_the_events_or_the_handle_stops_the_driver() {
    let (mut a, mut b, mut c) = (node().await, node().await, node().await);
    connect(&mut a, &mut c).await;
    connect(&mut b, &mut c).await;
    drop(a.events);
    assert_eq!(c.disconnected().await, (a.net.local_peer(), Disconnect::Closed));
    drop(b.net);
    let Some(NetEvent::Disconnected { reason, .. }) = in_time(b.events.recv()).await else {
        panic!("expected the end of the session");
    };
    assert_eq!(reason, Disconnect::Shutdown);
    assert_eq!(in_time(b.events.recv()).await, None);
    assert_eq!(c.disconnected().await.1, Disconnect::Closed);
}

/// The node has not yet seen that the session was replaced; what it sends meanwhile must not
/// turn up in the new one, whose first frame would then make no sense.
#[tokio::test]
async fn a_frame_for_an_old_session_never_lands_in_the_next() {
    let (mut a, mut b) = (node().await, node().await);
    connect(&mut a, &mut b).await;
    b.net.command(NetCommand::Disconnect { peer: a.id() });
    assert_eq!(b.disconnected().await.1, Disconnect::Requested);
    b.dial(&a);
    assert_eq!(b.connected().await, a.id());
    b.send(&a, "the new session is up at both ends");
    a.send(&b, "for the old session");
    assert_eq!(a.disconnected().await, (b.id(), Disconnect::Closed));
    assert_eq!(a.connected().await, b.id());
    a.send(&b, "for the new session");
    assert_eq!(b.frame().await, b"for the new session");
}
