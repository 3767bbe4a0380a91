//! The node's command line, shared by the `node` binary and `networkmngr node`.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// What one node is told at its start.
#[derive(Clone, Debug, clap::Args)]
pub struct NodeArgs {
    /// HTTP port
    #[arg(short, long, default_value_t = 5000)]
    pub port: u16,
    /// HTTP address
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub host: IpAddr,
    /// Port where peers connect; 0 takes any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub peer_port: u16,
    /// Address where peers connect
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub peer_host: IpAddr,
    /// Folder of the chain, keys and id
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Chain spec of another network (JSON)
    #[arg(long, value_name = "FILE")]
    pub genesis: Option<PathBuf>,
    /// A peer to join; may be given several times
    #[arg(long, value_name = "MULTIADDR")]
    pub join: Vec<String>,
    /// Look for peers on the local network
    #[arg(long)]
    pub mdns: bool,
    /// Cap in hashes per second: 200000, 200k, 1.5M or unlimited
    #[arg(long, value_name = "RATE")]
    pub hash_rate: Option<String>,
    /// Run under a manager: HTTP socket from LISTEN_FDS, ready line on stdout, end when stdin ends
    #[arg(long)]
    pub managed: bool,
}

/// Runs one node until it is asked to stop.
///
/// # Errors
/// What kept the node from starting, or from going on.
pub fn run(args: NodeArgs) -> anyhow::Result<()> {
    anyhow::bail!("no node can run on port {} yet", args.port)
}
