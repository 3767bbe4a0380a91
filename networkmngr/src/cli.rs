//! The command line: every option with the sentence that `--help` shows for it. What the values mean
//! together is checked by [`crate::plan`]; nothing is done here.

mod faults;
mod timeline;

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use data_encoding::HEXLOWER_PERMISSIVE;

pub(crate) use faults::{HashRateArgs, LinkArgs, NodesArgs, Order, PartitionArgs, PlainArgs, ReorgArgs, RestartArgs};
use node::cli::HashRate;
use shared::{BlockHash, log::checkpoint::LogKey, record::SALT};
pub(crate) use timeline::{ExplainArgs, ReplayArgs, When};

const EXAMPLES: &str = "\
Examples:
  networkmngr -p 4999 -a 6              a manager on port 4999, six nodes on 5000 to 5005
and then, from a second terminal:
  curl localhost:4999/start/mining      ten bursts of mining, 1 to 3 s apart
  networkmngr mine --times 3            three bursts, with their progress shown here
  networkmngr status                    who runs, and whether all hold one chain
  curl localhost:5000/chain             what node 0 holds to be the chain
  networkmngr logs 2 --follow           what node 2 writes
  networkmngr partition 0-2 3-5         split the network; heal ends that
  networkmngr explain                   what happened, and why
  networkmngr stop                      every node, then the manager (or Ctrl-C there)
  networkmngr verify receipt.json       whether a receipt holds, without asking anybody

The next start with the same port, or the same --data-dir, goes on with the same chain.
Exit codes: 0 done, 1 failed (the reason is on stderr), 2 wrong usage.";

/// Starts a proof-of-work network of real node processes on this machine, and stays until it is told
/// to stop. With a command: asks, or stops, the network that runs.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) start: StartArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Options that contradict what they are about, which only shows once that was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WrongUsage(pub(crate) String);

/// What can be done besides starting a network.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one node by itself (what the manager starts for each of its nodes)
    Node(node::cli::NodeArgs),
    /// Show the nodes of the running network: state, height, tip, peers, memory
    Status(StatusArgs),
    /// Mine: bursts, or continuously; shows the progress until the job is done
    Mine(MineArgs),
    /// Show what the nodes wrote to their log files
    Logs(LogsArgs),
    /// Split the network into groups that cannot reach each other; returns when it holds at every node
    Partition(PartitionArgs),
    /// End a split: the nodes connect again, and the chain with most work wins
    Heal(PlainArgs),
    /// Make links between nodes slow, uneven or lossy
    Link(LinkArgs),
    /// End nodes at once (SIGKILL), as a power cut would
    Kill(NodesArgs),
    /// Stop nodes (SIGSTOP): they stay, with their connections, but do nothing
    Pause(NodesArgs),
    /// Let paused nodes go on
    Resume(NodesArgs),
    /// Start nodes again, if wanted with another program or further arguments
    Restart(RestartArgs),
    /// Start one node more
    Add(PlainArgs),
    /// Take nodes out of the network for good; their folders stay
    Remove(NodesArgs),
    /// Change how many hashes per second nodes may try
    HashRate(HashRateArgs),
    /// Tell why things happened: every reorganisation, lost block and dropped transaction with its cause
    Explain(ExplainArgs),
    /// Show what every node held at some moment, by the timeline alone
    Replay(ReplayArgs),
    /// Stop every node, then the manager
    Stop(StopArgs),
    /// Take the last blocks back by true mining, at every node
    Reorg(ReorgArgs),
    /// Run a scenario file, on real processes or in the simulator
    Run(crate::scenario::RunArgs),
    /// Guided scenarios in teaching order: explain, predict, run, understand
    Lesson(crate::scenario::LessonArgs),
    /// Measure simulated networks beside what theory says: stale blocks, attacks, growth, difficulty
    Experiment(crate::experiment::ExperimentArgs),
    /// Check a receipt, offline: does the chain have the transaction, and what does it say?
    Verify(VerifyArgs),
}

/// How a network is started.
#[derive(Clone, Debug, Args)]
pub(crate) struct StartArgs {
    /// Port of the manager; the nodes take the ports after it
    #[arg(short, long, default_value_t = 4999)]
    pub(crate) port: u16,
    /// How many nodes to start
    #[arg(short, long, default_value_t = 6, value_name = "NODES")]
    pub(crate) amount: u32,
    /// Folder for chains, logs and network.json [default: network-PORT in the user's data folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Begin anew: delete what an earlier network left in the folder
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Most hashes per second that each node may try: 200000, 200k, 1.5M or unlimited
    #[arg(long, value_name = "RATE", default_value = "200k")]
    pub(crate) hash_rate: HashRate,
    /// Start this node program instead of the one built in
    #[arg(long, value_name = "PATH")]
    pub(crate) node_bin: Option<PathBuf>,
    /// Chain spec of another network (JSON)
    #[arg(long, value_name = "FILE")]
    pub(crate) genesis: Option<PathBuf>,
    /// Address where peers connect; set it to an address of this machine to let other machines join
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub(crate) peer_host: IpAddr,
    /// Port where peers connect to node 0, the next for node 1 and so on [default: any free ones]
    #[arg(long, value_name = "BASE")]
    pub(crate) peer_port: Option<u16>,
    /// Port where miners of other makes connect to node 0 by Stratum, the next for node 1 and so on
    #[arg(long, value_name = "BASE")]
    pub(crate) stratum: Option<u16>,
    /// How long nodes may take until they are ready [default: 30, and 0.1 for each node]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) wait_for_ready: Option<std::time::Duration>,
    /// How long nodes may take to end when asked, before they are made to
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) wait_for_exit: std::time::Duration,
}

/// Which network a command means.
#[derive(Clone, Debug, Args)]
pub(crate) struct Which {
    /// Port of the network's manager
    #[arg(short, long, default_value_t = 4999)]
    pub(crate) port: u16,
    /// Folder of the network, if it was started with one
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Print JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `mine`.
#[derive(Debug, Args)]
pub(crate) struct MineArgs {
    #[command(flatten)]
    pub(crate) which: Which,
    /// How many bursts [default: 10]
    #[arg(long, value_name = "N", conflicts_with_all = ["continuous", "stop"])]
    pub(crate) times: Option<String>,
    /// Shortest time between two bursts, in seconds [default: 1]
    #[arg(long, value_name = "S", conflicts_with_all = ["continuous", "stop"])]
    pub(crate) min: Option<String>,
    /// Longest time between two bursts, in seconds [default: 3]
    #[arg(long, value_name = "S", conflicts_with_all = ["continuous", "stop"])]
    pub(crate) max: Option<String>,
    /// Let every node mine without pause, until `mine --stop`
    #[arg(long, conflicts_with = "stop")]
    pub(crate) continuous: bool,
    /// End the mining that is under way
    #[arg(long)]
    pub(crate) stop: bool,
}

/// Options of `logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Number of one node [default: all nodes]
    pub(crate) node: Option<u16>,
    /// Go on showing lines as they are written, until Ctrl-C
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// How many of the last lines to show of each node
    #[arg(short = 'n', long, default_value_t = 20)]
    pub(crate) lines: usize,
}

/// Options of `stop`.
#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    #[command(flatten)]
    pub(crate) which: Which,
}

const VERIFY_EXAMPLES: &str = "\
Examples:
  curl localhost:5000/transactions/ID/receipt -o receipt.json     fetch a receipt, once six blocks lie on it
  networkmngr verify receipt.json                                 check it, offline
  networkmngr verify receipt.json --genesis HASH --log-key KEY    and that it is of your network and node
  networkmngr verify receipt.json --payload bill.pdf --salt HEX   and what a private record commits to

HASH is \"hash\" of a node's /blocks/0, KEY is \"key\" of its /log; get them from somebody you trust.
Exit codes: 0 the receipt holds, 1 it does not or cannot be read, 2 wrong usage.";

/// Options of `verify`.
#[derive(Debug, Args)]
#[command(after_help = VERIFY_EXAMPLES)]
pub(crate) struct VerifyArgs {
    /// The receipt's file, or - for stdin
    #[arg(value_name = "RECEIPT.json")]
    pub(crate) receipt: String,
    /// Genesis block of the network that the receipt should be of
    #[arg(long, value_name = "HASH")]
    pub(crate) genesis: Option<BlockHash>,
    /// Key of the node that should have signed: NAME+ID+BASE64
    #[arg(long, value_name = "KEY")]
    pub(crate) log_key: Option<LogKey>,
    /// What a private record is said to commit to
    #[arg(long, value_name = "FILE", requires = "salt")]
    pub(crate) payload: Option<PathBuf>,
    /// The salt of a private record, 64 hexadecimal digits
    #[arg(long, value_name = "HEX", requires = "payload")]
    pub(crate) salt: Option<Salt>,
    /// Print JSON instead of sentences
    #[arg(long)]
    pub(crate) json: bool,
}

/// The salt of a private record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Salt(pub(crate) [u8; SALT]);

impl std::str::FromStr for Salt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or_else(|| "a salt is 64 hexadecimal digits".into())
    }
}

fn seconds(text: &str) -> Result<std::time::Duration, String> {
    let seconds = text.parse::<f64>().ok();
    let duration = seconds.and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok());
    match duration {
        Some(duration) if duration.as_secs() <= 3600 => Ok(duration),
        _ => Err("give a number of seconds from 0 to 3600".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn options_have_the_promised_presets() {
        let cli = Cli::parse_from(["networkmngr"]);
        assert_eq!((cli.start.port, cli.start.amount), (4999, 6));
        assert_eq!(cli.start.hash_rate.to_string(), "200000");
        assert!(cli.command.is_none());
    }

    #[test]
    fn contradictions_are_usage_errors() {
        for words in [
            &["networkmngr", "mine", "--continuous", "--times", "3"][..],
            &["networkmngr", "mine", "--stop", "--continuous"],
            &["networkmngr", "-a", "6", "stop"],
            &["networkmngr", "-a", "six"],
            &["networkmngr", "-a", "-1"],
            &["networkmngr", "-p", "65536"],
            &["networkmngr", "--hash-rate", "fast"],
            &["networkmngr", "--wait-for-exit", "nan"],
            &["networkmngr", "launch"],
            &["networkmngr", "partition"],
            &["networkmngr", "partition", "0-2", "x"],
            &["networkmngr", "link", "0"],
            &["networkmngr", "link", "0", "1", "--clear"],
            &["networkmngr", "link", "0", "1", "--loss", "2"],
            &["networkmngr", "kill"],
            &["networkmngr", "restart", "0", "--as-usual", "--with", "--mdns"],
            &["networkmngr", "hash-rate", "0", "fast"],
            &["networkmngr", "explain", "--from", "soon"],
            &["networkmngr", "replay", "a.jsonl", "-p", "5000"],
            &["networkmngr", "verify"],
            &["networkmngr", "verify", "r.json", "--genesis", "12"],
            &["networkmngr", "verify", "r.json", "--log-key", "a+b"],
            &["networkmngr", "verify", "r.json", "--salt", &"00".repeat(32)],
            &["networkmngr", "verify", "r.json", "--payload", "p", "--salt", "00"],
        ] {
            let error = Cli::try_parse_from(words).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{words:?}");
        }
    }
}
