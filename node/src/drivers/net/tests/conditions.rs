//! Ways that are cut, slow or lossy on purpose.

use super::*;

/// Sets the conditions of the one way from a node to another.
async fn set(from: &Node, to: &Node, conditions: LinkConditions) {
    let links = Links { peers: [(to.id(), conditions)].into(), ..Links::default() };
    in_time(from.links.set(links)).await;
}

/// Waits until the node is in session with these peers alone.
async fn in_session(node: &Node, peers: &[&Node]) {
    let peers: BTreeSet<_> = peers.iter().map(|peer| peer.id()).collect();
    while node.links.state().connected != peers {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_way_that_is_cut_ends_the_session_and_refuses_both_ways_until_it_is_mended() {
    let (mut a, mut b) = (node().await, node().await);
    connect(&mut a, &mut b).await;
    in_session(&a, &[&b]).await;
    set(&a, &b, LinkConditions::BLOCKED).await;
    assert_eq!(a.disconnected().await, (b.id(), Disconnect::Cut));
    assert_eq!(b.disconnected().await, (a.id(), Disconnect::Closed));
    in_time(in_session(&a, &[])).await;
    in_time(in_session(&b, &[])).await;
    b.dial(&a);
    assert_eq!(b.failed().await, ConnectError::ClosedByPeer);
    a.dial(&b);
    assert_eq!(a.failed().await, ConnectError::Cut);
    a.net.command(NetCommand::Connect { peer: None, addresses: vec![b.bare_address()] });
    assert_eq!(a.failed().await, ConnectError::Cut);
    set(&a, &b, LinkConditions::CLEAR).await;
    connect(&mut b, &mut a).await;
    assert_exchange(&mut a, &mut b).await;
}

#[tokio::test]
async fn who_is_not_named_can_be_cut_off_from_the_start() {
    let (mut friend, mut stranger) = (node().await, node().await);
    let peers = [(friend.id(), LinkConditions::CLEAR)].into();
    let links = Links { rest: LinkConditions::BLOCKED, peers };
    let mut lonely = node_with(|config| config.links = LinkControl::new(links.clone()), Timing::default()).await;
    assert_eq!(lonely.links.state(), LinkState { links, connected: BTreeSet::new() });
    stranger.dial(&lonely);
    assert_eq!(stranger.failed().await, ConnectError::ClosedByPeer);
    lonely.dial(&stranger);
    assert_eq!(lonely.failed().await, ConnectError::Cut);
    connect(&mut friend, &mut lonely).await;
    in_time(in_session(&lonely, &[&friend])).await;
}

#[tokio::test]
async fn a_delay_holds_frames_back_side_by_side_and_in_order() {
    let (mut a, mut b) = (node().await, node().await);
    connect(&mut a, &mut b).await;
    set(&a, &b, LinkConditions { delay_ms: 60, jitter_ms: 40, ..LinkConditions::CLEAR }).await;
    let begun = std::time::Instant::now();
    for number in 0..300u32 {
        a.send(&b, number.to_le_bytes().to_vec());
    }
    // The other way is as it was.
    b.send(&a, "back");
    assert_eq!(a.frame().await, b"back");
    for number in 0..300u32 {
        assert_eq!(b.frame().await, number.to_le_bytes());
    }
    assert!(begun.elapsed() >= Duration::from_millis(20));
}

#[tokio::test]
async fn frames_that_are_lost_leave_the_session_as_it_is() {
    let (mut a, mut b) = (node().await, node().await);
    connect(&mut a, &mut b).await;
    set(&a, &b, LinkConditions { loss: 1.0, ..LinkConditions::CLEAR }).await;
    (0..10).for_each(|_| a.send(&b, "lost"));
    b.send(&a, "the other way");
    assert_eq!(a.frame().await, b"the other way");
    // The frames were due at once, and the other way took longer than that.
    set(&a, &b, LinkConditions::CLEAR).await;
    assert_exchange(&mut a, &mut b).await;
}

#[tokio::test]
async fn frames_held_back_count_against_the_queue() {
    let queue = QueueLimits { frames: 100, bytes: 1_000 };
    let mut a = node_with(|config| config.queue = queue, Timing::default()).await;
    let mut b = node().await;
    connect(&mut a, &mut b).await;
    set(&a, &b, LinkConditions { delay_ms: MAX_DELAY_MS, ..LinkConditions::CLEAR }).await;
    (0..11).for_each(|_| a.send(&b, vec![1; 100]));
    assert_eq!(a.disconnected().await, (b.id(), Disconnect::SlowPeer));
}
