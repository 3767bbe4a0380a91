//! Takes every listening socket of the network before anything is started, so that a port in use is
//! named while nothing has to be undone. Sockets only; no processes.

use std::io::{Error, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};

use crate::plan::Plan;

/// How many ports an error names before it only counts them.
const NAMED: usize = 5;
/// Where free ports are looked for: from the one up to the other.
const FIRST: u16 = 20_000;
const EPHEMERAL: u16 = 32_768;
/// How often.
const TRIES: usize = 1_000;

/// The sockets of a whole network, bound and listening on 127.0.0.1.
#[derive(Debug)]
pub(crate) struct Sockets {
    /// The manager's.
    pub(crate) manager: TcpListener,
    /// One for each node, in the order of their numbers.
    pub(crate) nodes: Vec<TcpListener>,
}

/// A port that could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    #[error("{} in use by another program; choose other ports with {option} (nothing was started)", listed(.ports))]
    Busy { ports: Vec<u16>, option: &'static str },
    #[error("port {port} cannot be used: {source} (nothing was started)")]
    Refused { port: u16, source: Error },
}

/// Binds the manager's socket and each node's.
///
/// Fixed peer ports and those for miners are tried as well and given back, since the nodes bind them on their own.
pub(crate) fn bind_all(plan: &Plan) -> Result<Sockets, BindError> {
    let ports = std::iter::once(plan.port).chain(plan.nodes().into_iter().map(|node| node.port));
    let mut listeners = bind_each(ports.map(|port| (Ipv4Addr::LOCALHOST.into(), port)), "-p")?;
    if let Some((host, _)) = plan.peer_sockets() {
        let peers = plan.nodes().into_iter().map(|node| (host, node.peer_port));
        drop(bind_each(peers, "--peer-port")?);
    }
    let miners = plan.nodes().into_iter().filter_map(|node| node.stratum);
    drop(bind_each(miners.map(|port| (Ipv4Addr::LOCALHOST.into(), port)), "--stratum")?);
    let manager = listeners.remove(0);
    Ok(Sockets { manager, nodes: listeners })
}

/// Binds one node's socket.
pub(crate) fn bind_one(port: u16) -> Result<TcpListener, BindError> {
    let mut listeners = bind_each([(Ipv4Addr::LOCALHOST.into(), port)].into_iter(), "-p")?;
    Ok(listeners.remove(0))
}

/// The first of so many neighbouring ports that are free now, below those that systems give out on their own.
///
/// # Errors
/// None were found.
pub(crate) fn free_ports(count: u16) -> std::io::Result<u16> {
    let last = EPHEMERAL.saturating_sub(count).max(FIRST + 1);
    let free = |first: &u16| {
        let bound = (*first..first.saturating_add(count)).map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
        bound.collect::<Result<Vec<_>, _>>().is_ok()
    };
    let mut tried = (0..TRIES).map(|_| rand::random_range(FIRST..last));
    tried.find(free).ok_or_else(|| Error::other(format!("no {count} neighbouring ports are free")))
}

fn bind_each(
    sockets: impl Iterator<Item = (std::net::IpAddr, u16)>,
    option: &'static str,
) -> Result<Vec<TcpListener>, BindError> {
    let mut listeners = Vec::new();
    let mut busy = Vec::new();
    for (host, port) in sockets {
        match TcpListener::bind((host, port)) {
            Ok(listener) => listeners.push(listener),
            Err(error) if error.kind() == ErrorKind::AddrInUse => busy.push(port),
            Err(source) => return Err(BindError::Refused { port, source }),
        }
    }
    if busy.is_empty() { Ok(listeners) } else { Err(BindError::Busy { ports: busy, option }) }
}

fn listed(ports: &[u16]) -> String {
    let named: Vec<String> = ports.iter().take(NAMED).map(u16::to_string).collect();
    match ports.len() {
        1 => format!("port {} is", named[0]),
        all if all <= NAMED => format!("ports {} are", named.join(", ")),
        all => format!("ports {} and {} more are", named.join(", "), all - NAMED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_ports_are_named() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = bind_one(port).unwrap_err();
        assert!(error.to_string().starts_with(&format!("port {port} is in use")), "{error}");
    }

    #[test]
    fn free_ports_are_neighbours() {
        let first = free_ports(20).unwrap();
        assert!((FIRST..EPHEMERAL - 19).contains(&first));
    }

    #[test]
    fn many_busy_ports_make_a_short_sentence() {
        assert_eq!(listed(&[5000, 5002]), "ports 5000, 5002 are");
        assert_eq!(listed(&[1, 2, 3, 4, 5, 6, 7]), "ports 1, 2, 3, 4, 5 and 2 more are");
    }
}
