//! Conversions between the driver's own types and libp2p's: peer ids and addresses.
//! Only direct TCP addresses are known here; names are never resolved.

use std::net::SocketAddr;

use libp2p::Multiaddr;
use libp2p::identity::{PublicKey, ed25519};
use libp2p::multiaddr::Protocol;

use super::error::ConnectError;
use shared::peer::PeerId;

/// Most addresses tried for one peer.
pub(super) const MAX_ADDRESSES: usize = 8;

/// Our id of a libp2p peer; `None` when its key is not Ed25519.
pub(super) fn from_libp2p(peer: &libp2p::PeerId) -> Option<PeerId> {
    PeerId::from_multihash(&peer.to_bytes())
}

/// libp2p's id of a peer; `None` when the bytes are no point of the curve, so that no such peer
/// can exist.
pub(super) fn to_libp2p(peer: PeerId) -> Option<libp2p::PeerId> {
    let key = ed25519::PublicKey::try_from_bytes(&peer.0).ok()?;
    Some(PublicKey::from(key).to_peer_id())
}

/// The address to listen on.
pub(super) fn listen(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip()).with(Protocol::Tcp(address.port()))
}

/// An address somebody gave: where to dial, and whom to expect there if it says so.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    pub(super) address: Multiaddr,
    pub(super) peer: Option<PeerId>,
}

/// Whether an address that somebody gave can be dialled at all.
///
/// # Errors
/// [`ConnectError::BadAddress`] says how addresses read.
pub fn check_address(text: &str) -> Result<(), ConnectError> {
    parse(text).map(drop)
}

/// Reads `/ip4|ip6/…/tcp/…` with or without `/p2p/…`.
pub(super) fn parse(text: &str) -> Result<Target, ConnectError> {
    let bad = |why: &str| ConnectError::BadAddress(format!("{text:?} {why}"));
    let whole: Multiaddr = text.parse().map_err(|_| bad("is not a multiaddress"))?;
    let mut parts = whole.iter();
    let (ip, tcp) = (parts.next(), parts.next());
    let address = match (&ip, &tcp) {
        (Some(Protocol::Ip4(_) | Protocol::Ip6(_)), Some(Protocol::Tcp(1..))) => ip.into_iter().chain(tcp).collect(),
        _ => return Err(bad("must read /ip4/ADDRESS/tcp/PORT or /ip6/ADDRESS/tcp/PORT")),
    };
    let peer = match parts.next() {
        None => None,
        Some(Protocol::P2p(peer)) => {
            Some(from_libp2p(&peer).ok_or_else(|| bad("names a peer whose key is not Ed25519"))?)
        }
        Some(_) => return Err(bad("holds more than an IP address, a TCP port and a peer id")),
    };
    match parts.next() {
        None => Ok(Target { address, peer }),
        Some(_) => Err(bad("goes on after the peer id: relays are not supported")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libp2p::identity::Keypair;

    #[test]
    fn ids_convert_both_ways() {
        let theirs = Keypair::generate_ed25519().public().to_peer_id();
        let ours = from_libp2p(&theirs).unwrap();
        assert_eq!(ours.to_string(), theirs.to_base58());
        assert_eq!(to_libp2p(ours), Some(theirs));
    }

    #[test]
    fn addresses_are_read_or_refused_with_a_reason() {
        let peer = from_libp2p(&Keypair::generate_ed25519().public().to_peer_id()).unwrap();
        let plain = parse("/ip4/127.0.0.1/tcp/4000").unwrap();
        assert_eq!(plain.peer, None);
        let whole = parse(&format!("/ip4/127.0.0.1/tcp/4000/p2p/{peer}")).unwrap();
        assert_eq!(whole, Target { peer: Some(peer), ..plain });
        assert!(parse("/ip6/::1/tcp/4000").is_ok());
        for text in [
            "",
            "127.0.0.1:4000",
            "/ip4/127.0.0.1",
            "/ip4/127.0.0.1/tcp/0",
            "/ip4/127.0.0.1/udp/4000",
            "/dns4/example.org/tcp/4000",
            "/ip4/127.0.0.1/tcp/4000/ws",
            &format!("/ip4/127.0.0.1/tcp/4000/p2p/{peer}/p2p-circuit"),
        ] {
            let refused = parse(text);
            assert!(matches!(refused, Err(ConnectError::BadAddress(_))), "{text}: {refused:?}");
        }
    }
}
