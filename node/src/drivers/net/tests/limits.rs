//! What a node refuses: too many peers, banned ones, itself, other networks, bad addresses.

use super::*;

#[tokio::test]
async fn accepted_peers_are_limited_and_room_is_reused() {
    let mut full = node_with(|config| config.max_inbound = 2, Timing::default()).await;
    let (mut a, mut b, mut c) = (node().await, node().await, node().await);
    connect(&mut a, &mut full).await;
    connect(&mut b, &mut full).await;
    c.dial(&full);
    assert_eq!(c.failed().await, ConnectError::ClosedByPeer);
    assert_exchange(&mut a, &mut full).await;
    a.net.command(NetCommand::Disconnect { peer: full.id() });
    assert_eq!(full.disconnected().await.0, a.id());
    connect(&mut c, &mut full).await;
    // The node itself may still dial.
    assert_eq!(a.disconnected().await.1, Disconnect::Requested);
    connect(&mut full, &mut a).await;
}

#[tokio::test]
async fn dialled_peers_are_limited() {
    let mut dialler = node_with(|config| config.max_outbound = 0, Timing::default()).await;
    let mut others = Vec::new();
    let failure = loop {
        let other = node().await;
        dialler.dial(&other);
        others.push(other);
        match dialler.next().await {
            NetEvent::Connected { .. } => assert!(others.len() < 20, "no limit"),
            NetEvent::ConnectFailed { reason, .. } => break reason,
            event => panic!("{event:?}"),
        }
    };
    assert_eq!(failure, ConnectError::Full);
    assert_eq!(others.len(), behaviour::SPARE_DIALS + 1);
}

#[tokio::test]
async fn a_ban_ends_the_session_and_refuses_both_ways_until_it_is_over() {
    let (mut a, mut b) = (node().await, node().await);
    connect(&mut a, &mut b).await;
    let peer = b.id();
    let ban = |duration| NetCommand::Ban { peer, duration };
    a.net.command(ban(Duration::MAX));
    assert_eq!(a.disconnected().await, (b.id(), Disconnect::Banned));
    assert_eq!(b.disconnected().await, (a.id(), Disconnect::Closed));
    b.dial(&a);
    assert_eq!(b.failed().await, ConnectError::ClosedByPeer);
    a.dial(&b);
    assert_eq!(a.failed().await, ConnectError::Banned);
    a.net.command(NetCommand::Connect { peer: None, addresses: vec![b.bare_address()] });
    assert_eq!(a.failed().await, ConnectError::Banned);
    a.net.command(ban(Duration::ZERO));
    connect(&mut b, &mut a).await;
}

#[tokio::test]
async fn a_node_does_not_connect_to_itself() {
    let mut a = node().await;
    a.dial(&a);
    assert_eq!(a.failed().await, ConnectError::SelfDial);
    for address in [a.address(), a.bare_address()] {
        a.net.command(NetCommand::Connect { peer: None, addresses: vec![address] });
        assert_eq!(a.failed().await, ConnectError::SelfDial);
    }
}

#[tokio::test]
async fn another_network_is_told_apart() {
    let mut a = node().await;
    let mut foreign = node_with(|config| config.protocol = "/test/2".into(), Timing::default()).await;
    a.dial(&foreign);
    assert_eq!(a.failed().await, ConnectError::WrongNetwork);
    foreign.dial(&a);
    assert_eq!(foreign.failed().await, ConnectError::WrongNetwork);
    let mut b = node().await;
    connect(&mut a, &mut b).await;
}

#[tokio::test]
async fn failed_dials_say_why() {
    let (mut a, b, c) = (node().await, node().await, node().await);
    a.dial_at(&b, c.bare_address());
    assert_eq!(a.failed().await, ConnectError::WrongPeer(c.id().to_string()));
    a.dial_at(&b, c.address());
    assert!(matches!(a.failed().await, ConnectError::BadAddress(_)));
    a.net.command(NetCommand::Connect { peer: None, addresses: Vec::new() });
    assert!(matches!(a.failed().await, ConnectError::BadAddress(_)));
    a.net.command(NetCommand::Connect { peer: Some(b.id()), addresses: vec!["nowhere".into()] });
    assert!(matches!(a.failed().await, ConnectError::BadAddress(_)));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    a.dial_at(&b, format!("/ip4/127.0.0.1/tcp/{port}"));
    let ConnectError::Unreachable(why) = a.failed().await else { panic!("expected Unreachable") };
    assert!(why.contains("refused"), "{why}");
}

#[tokio::test]
async fn one_good_address_is_enough() {
    let (mut a, mut b) = (node().await, node().await);
    let addresses = vec!["nowhere".into(), "/ip4/127.0.0.1/tcp/1".into(), b.address()];
    a.net.command(NetCommand::Connect { peer: Some(b.id()), addresses });
    assert_eq!(a.connected().await, b.id());
    assert_eq!(b.connected().await, a.id());
}

#[tokio::test]
async fn a_busy_port_is_named() {
    let taken = node().await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&folder);
    config.listen.set_port(taken.port());
    let error = start(config).await.unwrap_err();
    assert!(matches!(error, NetError::PortBusy(address) if address.port() == taken.port()));
    assert!(error.to_string().contains(&taken.port().to_string()), "{error}");
}

#[tokio::test]
async fn bad_settings_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let mut nameless = config(&folder);
    nameless.protocol = "test".into();
    assert!(matches!(start(nameless).await.unwrap_err(), NetError::Protocol(_)));
    let mut elsewhere = config(&folder);
    elsewhere.listen = "192.0.2.1:0".parse().unwrap();
    let error = start(elsewhere).await.unwrap_err();
    assert!(matches!(error, NetError::Listen { .. }), "{error}");
    let mut blocked = config(&folder);
    blocked.data_dir = folder.path().join(identity::FILE).join("below a file");
    assert!(matches!(start(blocked).await.unwrap_err(), NetError::KeyFile { .. }));
}

#[tokio::test]
async fn bound_to_every_interface_the_addresses_are_theirs() {
    let a = node_with(|config| config.listen = "0.0.0.0:0".parse().unwrap(), Timing::default()).await;
    let addresses = a.net.listen_addresses();
    assert!(!addresses.is_empty());
    for address in &addresses {
        assert!(!address.contains("0.0.0.0") && address.ends_with(&format!("/p2p/{}", a.id())), "{address}");
    }
    let mut b = node().await;
    b.net.command(NetCommand::Connect { peer: Some(a.id()), addresses });
    assert_eq!(b.connected().await, a.id());
}

/// Needs an interface that passes multicast.
#[tokio::test]
#[ignore = "needs a network that passes multicast"]
async fn nodes_on_one_network_discover_each_other() {
    let open = |config: &mut Config| {
        config.listen = "0.0.0.0:0".parse().unwrap();
        config.mdns = true;
    };
    let mut a = node_with(open, Timing::default()).await;
    let mut b = node_with(open, Timing::default()).await;
    let NetEvent::Discovered { peer, address } = a.next().await else { panic!("expected Discovered") };
    assert_eq!(peer, b.id());
    a.net.command(NetCommand::Connect { peer: Some(peer), addresses: vec![address] });
    loop {
        match b.next().await {
            NetEvent::Connected { peer, .. } => break assert_eq!(peer, a.id()),
            NetEvent::Discovered { peer, .. } => assert_eq!(peer, a.id()),
            other => panic!("{other:?}"),
        }
    }
}
