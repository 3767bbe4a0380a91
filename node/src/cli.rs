//! The node's command line, shared by the `node` binary and `networkmngr node`.

mod account;
mod audit;
mod secrets;

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::Context as _;
use shared::Address;

pub use crate::hash_rate::HashRate;
use crate::{
    accounts::name::AccountName,
    machine::strategy::{Lie, Strategy},
};

const EXAMPLES: &str = "\
Examples:
  networkmngr node                                   a node on port 5000
  networkmngr node -p 5001 --join /ip4/127.0.0.1/tcp/6000/p2p/12D3Koo...
  networkmngr node --peer-host 0.0.0.0 --peer-port 6000
                                                     let other machines join
  networkmngr node --mdns                            find peers on the local network
  networkmngr node account new anna                  make an account in the node's folder
  networkmngr node --miner anna                      and send the rewards there
  networkmngr node --stratum 3333                    let miners of other makes work, such as
                                                     minerd -a sha256d -o stratum+tcp://127.0.0.1:3333 -u me
  networkmngr node audit                             check every byte of the chain of one that is stopped

While it runs:
  curl localhost:5000/node/id                        who it is, and whom it knows
  curl localhost:5000/mine                           mine one block
  curl localhost:5000/chain                          the whole chain
  curl localhost:5000/shutdown                       end it
";

/// What one node is told at its start.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct NodeArgs {
    #[command(subcommand)]
    pub(crate) command: Option<NodeCommand>,
    /// HTTP port; 0 takes any free one
    #[arg(short, long, default_value_t = 5000)]
    pub port: u16,
    /// HTTP address; off loopback, administration needs the token in the data folder
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub host: IpAddr,
    /// Port where peers connect; 0 takes any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub peer_port: u16,
    /// Address where peers connect; 0.0.0.0 lets other machines in
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub peer_host: IpAddr,
    /// Folder of the chain, keys and id [default: node-PORT in the platform's data folder]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Chain spec (JSON) of another network, for a new data folder
    #[arg(long, value_name = "FILE")]
    pub genesis: Option<PathBuf>,
    /// A peer to join, such as /ip4/192.168.1.5/tcp/6000; may be given several times
    #[arg(long, value_name = "MULTIADDR", value_parser = multiaddr)]
    pub join: Vec<String>,
    /// Look for peers on the local network
    #[arg(long)]
    pub mdns: bool,
    /// Cap in hashes per second: 200000, 200k, 1.5M or unlimited
    #[arg(long, value_name = "RATE", default_value_t = HashRate::UNLIMITED)]
    pub hash_rate: HashRate,
    /// Who gets the rewards: an address, or the name of an account in the data folder [default: miner]
    #[arg(long, value_name = "ADDRESS|NAME")]
    pub miner: Option<RewardsTo>,
    /// Port where miners of other makes connect by Stratum, at the address of --host; 0 takes any free one
    #[arg(long, value_name = "PORT")]
    pub stratum: Option<u16>,
    /// Conditions of the ways to peers from the start on (JSON, as POST /links takes them)
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub links: Option<PathBuf>,
    /// How it mines: honestly, or as an attacker would; POST /strategy changes it
    #[arg(long, value_enum, value_name = "STRATEGY", default_value_t)]
    pub strategy: StrategyName,
    /// Of two tips with equal work, take the one that this address mined, instead of the first
    #[arg(long, value_name = "ADDRESS")]
    pub prefer: Option<Address>,
    /// Run under a manager: HTTP socket from LISTEN_FDS, ready line on stdout, end when stdin ends
    #[arg(long, hide_short_help = true)]
    pub managed: bool,
}

/// What can be done with a node's folder besides running the node.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum NodeCommand {
    /// The accounts in a node's folder: make, list, restore, export; no node has to run
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Check every byte of the chain in a node's folder; no node may run there
    Audit(audit::AuditArgs),
}

/// How a node mines from its start on, as people name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum StrategyName {
    /// On the tip, telling of each block at once
    #[default]
    Honest,
    /// Keeping blocks back, and telling of them as others catch up
    Selfish,
    /// A liar: announces blocks that pay too much
    InvalidBlocks,
    /// A liar: gives nobody the blocks that it announces
    WithheldBodies,
    /// A liar: asks its peers for blocks without end
    Floods,
}

impl From<StrategyName> for Strategy {
    fn from(name: StrategyName) -> Self {
        match name {
            StrategyName::Honest => Self::Honest,
            StrategyName::Selfish => Self::Selfish,
            StrategyName::InvalidBlocks => Self::Liar { what: Lie::InvalidBlocks },
            StrategyName::WithheldBodies => Self::Liar { what: Lie::WithheldBodies },
            StrategyName::Floods => Self::Liar { what: Lie::Floods },
        }
    }
}

/// Who gets the rewards of a node, as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RewardsTo {
    /// Whoever has this address.
    Address(Address),
    /// An account in the node's folder.
    Account(AccountName),
}

impl FromStr for RewardsTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // No name is as long as an address.
        if text.len() > AccountName::MAX || text.to_ascii_lowercase().starts_with("nm1") {
            return text.parse().map(Self::Address).map_err(|error| error.to_string());
        }
        text.parse().map(Self::Account).map_err(|error| format!("neither an address nor a name: {error}"))
    }
}

fn multiaddr(text: &str) -> Result<String, crate::drivers::net::ConnectError> {
    crate::drivers::net::check_address(text).map(|()| text.to_owned())
}

/// Runs one node until it is asked to stop, or does what else the command line says.
///
/// # Errors
/// What kept the node from starting or from going on, or the command from being carried out.
pub fn run(args: NodeArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        Some(NodeCommand::Account(command)) => return account::run(command.clone()).map(|()| ExitCode::SUCCESS),
        Some(NodeCommand::Audit(args)) => return Ok(audit::run(args)),
        None => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .context("the system gives the node no event loop")?;
    let ended = runtime.block_on(crate::run::run(args));
    // A thread that still checks a frame or waits for input holds nobody up.
    runtime.shutdown_background();
    ended.map(|()| ExitCode::SUCCESS)
}

/// The folder for programs' data on this platform.
///
/// # Errors
/// When no home folder is set.
pub fn data_home() -> anyhow::Result<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(path) = absolute("XDG_DATA_HOME") {
        return Ok(path.join("networkmngr"));
    }
    let home = absolute("HOME").context("HOME is not set; say with --data-dir where the data should go")?;
    let below = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/share" };
    Ok(home.join(below).join("networkmngr"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewards_go_to_an_address_or_a_name() {
        let address = Address([7; 32]);
        let rewards = |text: &str| text.parse::<RewardsTo>();
        assert_eq!(rewards(&address.to_string()), Ok(RewardsTo::Address(address)));
        assert_eq!(rewards("anna"), Ok(RewardsTo::Account("anna".parse().unwrap())));
        let mut misspelt = address.to_string();
        misspelt.replace_range(20..21, if &misspelt[20..21] == "q" { "p" } else { "q" });
        assert!(rewards(&misspelt).unwrap_err().contains("checksum"));
        assert!(rewards("nm1").unwrap_err().contains("address"));
        assert!(rewards("an na").unwrap_err().contains("letters"));
    }
}
