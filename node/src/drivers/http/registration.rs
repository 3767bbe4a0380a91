//! Reading what people and programs write to make a node known: an object like `GET /node/id` gives, an
//! HTTP address to ask for such an object, or a multiaddress. Nothing here talks to anybody.

use libp2p::{Multiaddr, multiaddr::Protocol};
use serde::Deserialize;
use shared::wire::{NodeId, PeerId};

use crate::machine::event::Registration;

/// What a list of nodes holds, for errors.
pub(super) const EXPECTED: &str = "a JSON list of nodes, each an object like GET /node/id gives, or a string: \
     an HTTP address such as \"127.0.0.1:5001\", or a multiaddress such as \"/ip4/127.0.0.1/tcp/40123\"";

/// A node as it tells of itself.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Described {
    id: Option<String>,
    #[serde(default)]
    address: String,
    peer_id: Option<String>,
    #[serde(default)]
    peer_addresses: Vec<String>,
}

/// What to do about an item of the list.
#[derive(Debug, PartialEq)]
pub(super) enum Item {
    /// All is known.
    Ready(Registration),
    /// The node at this base URL must be asked who it is.
    Ask(String),
}

/// Reads a string of the list.
pub(super) fn from_text(text: &str) -> Result<Item, String> {
    let text = text.trim();
    if text.starts_with('/') {
        let (address, peer) = multiaddress(text)?;
        return Ok(Item::Ready(Registration { node: None, http: String::new(), peer, addresses: vec![address] }));
    }
    base_url(text).map(Item::Ask)
}

/// Reads an object of the list.
pub(super) fn from_description(described: Described) -> Result<Item, String> {
    if !described.peer_addresses.is_empty() {
        return ready(described).map(Item::Ready);
    }
    if described.address.is_empty() {
        return Err("it names neither \"peer_addresses\" nor an \"address\" to ask for them".into());
    }
    base_url(&described.address).map(Item::Ask)
}

/// Reads the answer of a node that was asked.
pub(super) fn from_answer(described: Described) -> Result<Registration, String> {
    if described.peer_addresses.is_empty() {
        return Err("the node there does not say where it accepts peers".into());
    }
    ready(described)
}

fn ready(described: Described) -> Result<Registration, String> {
    let node = described.id.map(|id| id.parse::<NodeId>().map_err(|error| format!("its \"id\" is {error}")));
    let mut peer = described.peer_id.as_deref().map(peer_id).transpose()?;
    let mut addresses = Vec::new();
    for text in &described.peer_addresses {
        let (address, named) = multiaddress(text)?;
        if peer.is_some() && named.is_some() && peer != named {
            return Err(format!("{text:?} names another peer than the other fields"));
        }
        peer = peer.or(named);
        addresses.push(address);
    }
    Ok(Registration { node: node.transpose()?, http: described.address, peer, addresses })
}

/// `http://host:port` from an address with or without the scheme.
fn base_url(text: &str) -> Result<String, String> {
    let authority = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    let parsed = authority.parse::<axum::http::uri::Authority>().ok();
    match parsed.filter(|parsed| !parsed.host().is_empty() && parsed.port_u16().is_some_and(|port| port > 0)) {
        Some(parsed) if !authority.contains('@') => Ok(format!("http://{parsed}")),
        _ => Err("it is no HTTP address: write host:port or http://host:port".into()),
    }
}

fn peer_id(text: &str) -> Result<PeerId, String> {
    let wrong = || format!("{text:?} is no peer id of this network, which begins with 12D3KooW");
    text.parse().map_err(|_| wrong())
}

/// Reads `/ip4|ip6/…/tcp/…` with or without `/p2p/…`; gives the part before that, and the peer.
fn multiaddress(text: &str) -> Result<(String, Option<PeerId>), String> {
    let wrong = || format!("{text:?} is no peer address: write /ip4/ADDRESS/tcp/PORT, and /p2p/PEER_ID if it is known");
    let whole: Multiaddr = text.parse().map_err(|_| wrong())?;
    let parts: Vec<Protocol<'_>> = whole.iter().collect();
    let (place, peer) = match parts.as_slice() {
        [ip @ (Protocol::Ip4(_) | Protocol::Ip6(_)), tcp @ Protocol::Tcp(1..)] => ([ip, tcp], None),
        [ip @ (Protocol::Ip4(_) | Protocol::Ip6(_)), tcp @ Protocol::Tcp(1..), Protocol::P2p(peer)] => {
            ([ip, tcp], Some(PeerId::from_multihash(&peer.to_bytes()).ok_or_else(wrong)?))
        }
        _ => return Err(wrong()),
    };
    let address: Multiaddr = place.into_iter().cloned().collect();
    Ok((address.to_string(), peer))
}

#[cfg(test)]
mod tests {
    use libp2p::identity::Keypair;

    use super::*;

    fn somebody() -> (String, PeerId) {
        let key = Keypair::generate_ed25519();
        let peer = PeerId(key.public().try_into_ed25519().unwrap().to_bytes());
        (key.public().to_peer_id().to_base58(), peer)
    }

    fn registration(item: Item) -> Registration {
        match item {
            Item::Ready(registration) => registration,
            Item::Ask(url) => panic!("{url} would be asked"),
        }
    }

    #[test]
    fn objects_of_node_id_are_read_whole() {
        let (text, peer) = somebody();
        let described: Described = serde_json::from_value(serde_json::json!({
            "id": "ab".repeat(32), "address": "http://127.0.0.1:5000", "peer_id": text,
            "peer_addresses": [format!("/ip4/127.0.0.1/tcp/4000/p2p/{text}")], "nodes": {},
        }))
        .unwrap();
        let registration = registration(from_description(described).unwrap());
        assert_eq!(registration.peer, Some(peer));
        assert_eq!(registration.addresses, ["/ip4/127.0.0.1/tcp/4000"]);
        assert_eq!(registration.http, "http://127.0.0.1:5000");
        assert_eq!(registration.node, Some("ab".repeat(32).parse().unwrap()));
    }

    #[test]
    fn an_object_without_peer_addresses_is_asked_for_at_its_address() {
        let described = Described { address: "127.0.0.1:5000".into(), ..Described::default() };
        assert_eq!(from_description(described).unwrap(), Item::Ask("http://127.0.0.1:5000".into()));
        assert!(from_description(Described::default()).unwrap_err().contains("peer_addresses"));
        assert!(from_answer(Described::default()).is_err());
    }

    #[test]
    fn strings_are_http_addresses_or_multiaddresses() {
        for text in ["localhost:5001", "http://localhost:5001", " http://localhost:5001/ "] {
            assert_eq!(from_text(text).unwrap(), Item::Ask("http://localhost:5001".into()));
        }
        assert_eq!(from_text("[::1]:5001").unwrap(), Item::Ask("http://[::1]:5001".into()));
        let (text, peer) = somebody();
        let named = registration(from_text(&format!("/ip6/::1/tcp/4000/p2p/{text}")).unwrap());
        assert_eq!((named.peer, named.addresses), (Some(peer), vec!["/ip6/::1/tcp/4000".to_owned()]));
        assert_eq!(registration(from_text("/ip4/10.0.0.1/tcp/1").unwrap()).peer, None);
    }

    #[test]
    fn what_names_nobody_is_refused_with_a_reason() {
        let (text, _) = somebody();
        for wrong in [
            "",
            "localhost",
            "https://localhost:5001",
            "http://localhost:5001/path",
            "user@localhost:5001",
            "localhost:0",
            "localhost:99999",
            "/",
            "/ip4/127.0.0.1",
            "/ip4/127.0.0.1/tcp/0",
            "/dns4/example.org/tcp/4000",
            &format!("/ip4/127.0.0.1/tcp/4000/p2p/{text}/p2p-circuit"),
        ] {
            assert!(from_text(wrong).is_err(), "{wrong}");
        }
        let described = |peer: &str, at: String| Described {
            peer_id: Some(peer.into()),
            peer_addresses: vec![at],
            ..Described::default()
        };
        let (other, _) = somebody();
        let mixed = described(&text, format!("/ip4/127.0.0.1/tcp/4000/p2p/{other}"));
        assert!(from_description(mixed).unwrap_err().contains("another peer"));
        assert!(from_description(described("12D3Koo", "/ip4/127.0.0.1/tcp/4000".into())).is_err());
    }
}
