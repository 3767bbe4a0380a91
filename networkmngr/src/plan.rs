//! What is to be started, worked out before anything is: ports, folders, the nodes' command lines.
//! Pure: nothing here touches the disk, the network or a process.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use node::cli::HashRate;

use crate::cli::StartArgs;
use crate::term;

/// Most nodes that one manager starts.
pub(crate) const MAX_NODES: u32 = 2000;

/// File in the network's folder that holds its chain spec, if it is not the built-in one.
pub(crate) const GENESIS_FILE: &str = "genesis.json";

/// Why a network cannot be planned as asked. Each is a mistake in the options.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    #[error("-a 0 asks for a network without nodes; ask for at least one")]
    NoNodes,
    #[error("{0} nodes are more than one manager starts; ask for at most {MAX_NODES}")]
    TooMany(u32),
    #[error("-p 0 names no port; choose one from 1 to 65534, for example -p 4999")]
    NoPort,
    #[error(
        "{} after port {first} would need ports up to {last}, but the last port is 65535; \
         choose a lower {option} or fewer nodes", term::nodes(*.amount as usize)
    )]
    PortRange { option: &'static str, first: u16, amount: u32, last: u64 },
    #[error("the ports {0} of {1} overlap the ports {2} of {3}; choose another {1}")]
    PortsOverlap(PortRange, &'static str, PortRange, &'static str),
    #[error("--stratum 0 names no port; choose the one for node 0, for example --stratum 3333")]
    NoStratumPort,
}

/// An inclusive range of ports, shown as `5000-5005`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PortRange(u16, u16);

impl PortRange {
    fn overlaps(&self, other: &Self) -> bool {
        self.0 <= other.1 && other.0 <= self.1
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

/// The nodes' program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// This very program, as `networkmngr node`.
    Own,
    /// Another build, with the command line of the `node` binary.
    Other(PathBuf),
}

/// A whole network, ready to be started.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Port of the manager; node `n` has the port `n + 1` further on.
    pub(crate) port: u16,
    /// How many nodes are started at first.
    pub(crate) amount: u16,
    /// The network's folder.
    pub(crate) folder: PathBuf,
    /// Whether an earlier network's data is deleted first.
    pub(crate) fresh: bool,
    /// Chain spec that the user gave this time.
    pub(crate) genesis: Option<PathBuf>,
    /// How long nodes may take to end when asked.
    pub(crate) wait_for_exit: Duration,
    wait_for_ready: Option<Duration>,
    hash_rate: HashRate,
    /// What runs as a node.
    pub(crate) program: Program,
    peer_host: IpAddr,
    peer_port: Option<u16>,
    stratum: Option<u16>,
}

/// One node of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodePlan {
    /// Number, from 0.
    pub(crate) number: u16,
    /// HTTP port on 127.0.0.1.
    pub(crate) port: u16,
    /// Port where peers connect; 0 is any free one.
    pub(crate) peer_port: u16,
    /// Port on 127.0.0.1 where miners of other makes connect, if they may.
    pub(crate) stratum: Option<u16>,
    /// Folder with the node's own data.
    pub(crate) folder: PathBuf,
    /// File that the node's stderr is appended to.
    pub(crate) log: PathBuf,
}

/// Files that a node is told of, where there are any.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeFiles {
    /// The network's own chain spec.
    pub(crate) genesis: Option<PathBuf>,
    /// The conditions of the ways to its peers from its start on.
    pub(crate) links: Option<PathBuf>,
}

impl NodePlan {
    /// Where the node answers HTTP.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Plan {
    /// Works out the network that `args` ask for, in `folder`.
    pub(crate) fn new(args: &StartArgs, folder: PathBuf) -> Result<Self, PlanError> {
        if args.amount == 0 {
            return Err(PlanError::NoNodes);
        }
        if args.amount > MAX_NODES {
            return Err(PlanError::TooMany(args.amount));
        }
        if args.port == 0 {
            return Err(PlanError::NoPort);
        }
        let amount = u16::try_from(args.amount).map_err(|_| PlanError::TooMany(args.amount))?;
        let peer_port = args.peer_port.filter(|port| *port != 0);
        if args.stratum == Some(0) {
            return Err(PlanError::NoStratumPort);
        }
        let mut taken = vec![(range("-p", args.port, args.amount, args.amount)?, "-p")];
        for (base, option) in [(peer_port, "--peer-port"), (args.stratum, "--stratum")] {
            let Some(base) = base else { continue };
            let ports = range(option, base, args.amount, args.amount - 1)?;
            if let Some((other, of)) = taken.iter().find(|(other, _)| ports.overlaps(other)) {
                return Err(PlanError::PortsOverlap(ports, option, *other, of));
            }
            taken.push((ports, option));
        }
        Ok(Self {
            port: args.port,
            amount,
            folder,
            fresh: args.fresh,
            genesis: args.genesis.clone(),
            wait_for_exit: args.wait_for_exit,
            wait_for_ready: args.wait_for_ready,
            hash_rate: args.hash_rate,
            program: args.node_bin.clone().map_or(Program::Own, Program::Other),
            peer_host: args.peer_host,
            peer_port,
            stratum: args.stratum,
        })
    }

    /// The nodes that are started at first, in the order of their numbers.
    pub(crate) fn nodes(&self) -> Vec<NodePlan> {
        (0..self.amount).filter_map(|number| self.node(number)).collect()
    }

    /// Node `number`, which may be one more than at first; `None` if no port or place is left for it.
    pub(crate) fn node(&self, number: u16) -> Option<NodePlan> {
        if u32::from(number) >= MAX_NODES {
            return None;
        }
        let port = self.port.checked_add(number)?.checked_add(1)?;
        let peer_port = match self.peer_port {
            Some(base) => base.checked_add(number)?,
            None => 0,
        };
        let stratum = match self.stratum {
            Some(base) => Some(base.checked_add(number)?),
            None => None,
        };
        let name = format!("node-{number:03}");
        let log = self.folder.join("logs").join(format!("{name}.log"));
        Some(NodePlan { number, port, peer_port, stratum, folder: self.folder.join(name), log })
    }

    /// What stands after the program's name to start `node`. `hash_rate` is its own, if it has one.
    pub(crate) fn node_args(&self, node: &NodePlan, hash_rate: Option<HashRate>, files: &NodeFiles) -> Vec<OsString> {
        let mut args: Vec<OsString> = Vec::new();
        let mut option = |name: &str, value: OsString| args.extend([name.into(), value]);
        option("--port", node.port.to_string().into());
        option("--peer-host", self.peer_host.to_string().into());
        option("--peer-port", node.peer_port.to_string().into());
        option("--data-dir", node.folder.clone().into());
        option("--hash-rate", hash_rate.unwrap_or(self.hash_rate).to_string().into());
        if let Some(port) = node.stratum {
            option("--stratum", port.to_string().into());
        }
        if let Some(genesis) = &files.genesis {
            option("--genesis", genesis.into());
        }
        if let Some(links) = &files.links {
            option("--links", links.into());
        }
        args.push("--managed".into());
        args
    }

    /// How many hashes per second a node may try unless it was told otherwise.
    pub(crate) fn hash_rate(&self) -> HashRate {
        self.hash_rate
    }

    /// How long the nodes may take until each is ready. Many nodes share few cores.
    pub(crate) fn ready_deadline(&self) -> Duration {
        let preset = Duration::from_secs(30) + Duration::from_millis(100) * u32::from(self.amount);
        self.wait_for_ready.unwrap_or(preset)
    }

    /// Ports where miners of other makes connect to the nodes that are started at first, if they may.
    pub(crate) fn stratum_ports(&self) -> Option<PortRange> {
        self.stratum.map(|first| PortRange(first, first.saturating_add(self.amount - 1)))
    }

    /// Address and first port where peers connect, if they are fixed.
    pub(crate) fn peer_sockets(&self) -> Option<(IpAddr, u16)> {
        self.peer_port.map(|base| (self.peer_host, base))
    }
}

/// The ports from `first` to `first + further`, if they exist.
fn range(option: &'static str, first: u16, amount: u32, further: u32) -> Result<PortRange, PlanError> {
    let last = u64::from(first) + u64::from(further);
    match u16::try_from(last) {
        Ok(last) => Ok(PortRange(first, last)),
        Err(_) => Err(PlanError::PortRange { option, first, amount, last }),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    fn plan(words: &str) -> Result<Plan, PlanError> {
        let words = std::iter::once("networkmngr").chain(words.split_whitespace());
        Plan::new(&Cli::try_parse_from(words).unwrap().start, PathBuf::from("/net"))
    }

    #[test]
    fn ports_and_folders_follow_the_number() {
        let plan = plan("-p 4999 -a 6").unwrap();
        let nodes = plan.nodes();
        let ports: Vec<u16> = nodes.iter().map(|node| node.port).collect();
        assert_eq!(ports, [5000, 5001, 5002, 5003, 5004, 5005]);
        assert_eq!(nodes[3].folder, Path::new("/net/node-003"));
        assert_eq!(nodes[3].log, Path::new("/net/logs/node-003.log"));
        assert!(nodes.iter().all(|node| node.peer_port == 0));
        assert_eq!(plan.node(6).unwrap().port, 5006);
    }

    #[test]
    fn the_last_port_may_be_used_but_not_passed() {
        assert_eq!(plan("-p 65529 -a 6").unwrap().nodes()[5].port, 65535);
        let error = plan("-p 65530 -a 6").unwrap_err();
        assert!(error.to_string().starts_with("6 nodes after port 65530 would need ports up to 65536"), "{error}");
        let error = plan("-p 65535 -a 1").unwrap_err();
        assert!(error.to_string().starts_with("1 node after port 65535 would need ports up to 65536"), "{error}");
        assert_eq!(plan("-p 65529 -a 6").unwrap().node(6), None);
    }

    #[test]
    fn senseless_amounts_and_ports_are_refused() {
        assert_eq!(plan("-a 0").unwrap_err(), PlanError::NoNodes);
        assert_eq!(plan("-a 2001").unwrap_err(), PlanError::TooMany(2001));
        assert_eq!(plan("-a 4294967295").unwrap_err(), PlanError::TooMany(u32::MAX));
        assert_eq!(plan("-p 0").unwrap_err(), PlanError::NoPort);
        assert_eq!(plan("-p 1 -a 2000").unwrap().nodes().len(), 2000);
    }

    #[test]
    fn peer_ports_must_fit_beside_the_others() {
        let nodes = plan("-p 4999 -a 3 --peer-port 6000").unwrap().nodes();
        assert_eq!(nodes[2].peer_port, 6002);
        assert!(matches!(plan("-a 3 --peer-port 65534"), Err(PlanError::PortRange { .. })));
        assert!(matches!(plan("-p 4999 -a 3 --peer-port 5002"), Err(PlanError::PortsOverlap(..))));
        assert!(matches!(plan("-p 4999 -a 3 --peer-port 4997"), Err(PlanError::PortsOverlap(..))));
        assert!(plan("-p 4999 -a 3 --peer-port 5003").is_ok());
    }

    #[test]
    fn ports_for_miners_must_fit_beside_the_others_and_are_told_to_the_nodes() {
        let plan_of = |words: &str| plan(&format!("-p 4999 -a 3 --peer-port 6000 {words}"));
        let with = plan_of("--stratum 3333").unwrap();
        assert_eq!(with.nodes()[2].stratum, Some(3335));
        let args = with.node_args(&with.nodes()[2], None, &NodeFiles::default());
        assert!(args.windows(2).any(|pair| pair[0] == "--stratum" && pair[1] == "3335"), "{args:?}");
        let error = plan_of("--stratum 5998").unwrap_err().to_string();
        assert!(error.contains("5998-6000 of --stratum") && error.contains("6000-6002 of --peer-port"), "{error}");
        assert!(matches!(plan_of("--stratum 5002"), Err(PlanError::PortsOverlap(..))));
        assert!(matches!(plan_of("--stratum 65534"), Err(PlanError::PortRange { option: "--stratum", .. })));
        assert_eq!(plan_of("--stratum 0").unwrap_err(), PlanError::NoStratumPort);
        assert!(plan_of("").unwrap().nodes().iter().all(|node| node.stratum.is_none()));
    }

    #[test]
    fn a_node_is_told_everything() {
        let plan = plan("-p 4999 -a 2 --hash-rate 1.5M --peer-host 192.0.2.1").unwrap();
        let files = NodeFiles { genesis: Some("/net/genesis.json".into()), links: Some("/net/links.json".into()) };
        let args = plan.node_args(&plan.nodes()[1], None, &files);
        let args: Vec<&str> = args.iter().map(|arg| arg.to_str().unwrap()).collect();
        let expected = "--port 5001 --peer-host 192.0.2.1 --peer-port 0 --data-dir /net/node-001 \
                        --hash-rate 1500000 --genesis /net/genesis.json --links /net/links.json --managed";
        assert_eq!(args.join(" "), expected);
        let own = plan.node_args(&plan.nodes()[1], Some(HashRate::UNLIMITED), &NodeFiles::default());
        assert!(own.iter().any(|arg| arg == "unlimited") && !own.iter().any(|arg| arg == "--links"));
    }
}
