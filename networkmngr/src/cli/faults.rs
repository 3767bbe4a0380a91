//! The command line of faults made on purpose, and of orders to single nodes.

use std::path::PathBuf;

use clap::Args;
use node::cli::HashRate;

use super::Which;
use crate::node_set::NodeSet;

/// What every order has in common.
#[derive(Clone, Debug, Args)]
pub(crate) struct Order {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Print the manager's answer as JSON instead of a sentence
    #[arg(long)]
    pub(crate) json: bool,
}

const PARTITION_EXAMPLES: &str = "\
Examples:
  networkmngr partition 0-2 3-5         two halves
  networkmngr partition 0               node 0 alone, all others together
  networkmngr partition 0,3 1,4 2,5     three groups
  networkmngr heal                      all reach each other again

Nodes that are named in no group, or added later, form one further group. The split also holds for nodes that are
restarted meanwhile, and for peers from outside: they are refused by all.";

/// Options of `partition`.
#[derive(Debug, Args)]
#[command(after_help = PARTITION_EXAMPLES)]
pub(crate) struct PartitionArgs {
    /// The groups: numbers and ranges such as 0-2 or 0,3,5
    #[arg(required = true, value_name = "NODES")]
    pub(crate) groups: Vec<NodeSet>,
    #[command(flatten)]
    pub(crate) order: Order,
}

/// Options of commands without arguments.
#[derive(Debug, Args)]
pub(crate) struct PlainArgs {
    #[command(flatten)]
    pub(crate) order: Order,
}

const REORG_EXAMPLES: &str = "\
Examples:
  networkmngr reorg 3                     the last three blocks leave every chain, a longer branch takes their place
  networkmngr reorg 3 --without ID        and it leaves this transaction out
  curl -X POST localhost:4999/reorg -H 'content-type: application/json' -d '{\"depth\": 3}'

One node mines the branch from below those blocks, in silence and with all speed, and publishes it when it has
more work. Transactions of the blocks that left go back to the pools.";

/// Options of `reorg`.
#[derive(Debug, Args)]
#[command(after_help = REORG_EXAMPLES)]
pub(crate) struct ReorgArgs {
    /// How many blocks are taken back
    #[arg(value_name = "DEPTH")]
    pub(crate) depth: u32,
    /// A transaction that the new branch leaves out; may be given several times
    #[arg(long, value_name = "ID")]
    pub(crate) without: Vec<shared::TxId>,
    /// The node that mines the branch [default: the first that runs]
    #[arg(long, value_name = "NODE")]
    pub(crate) by: Option<u16>,
    #[command(flatten)]
    pub(crate) order: Order,
}

const LINK_EXAMPLES: &str = "\
Examples:
  networkmngr link all all --delay 100 --jitter 20     every message comes 80 to 120 ms later
  networkmngr link 0 1-5 --loss 5%                     one in twenty between node 0 and the others is lost
  networkmngr link 0 1 --delay 2s --one-way            only from node 0 to node 1
  networkmngr link 0 1                                 these two as if nothing were made up
  networkmngr link --clear                             all of them

What is set holds besides what was set before; of several rules for one way, the last one holds.";

/// Options of `link`.
#[derive(Debug, Args)]
#[command(after_help = LINK_EXAMPLES)]
pub(crate) struct LinkArgs {
    /// The nodes at one end: numbers and ranges such as 0-2 or 0,3,5, or all
    #[arg(value_name = "NODES", required_unless_present = "clear")]
    pub(crate) from: Option<NodeSet>,
    /// The nodes at the other end
    #[arg(value_name = "NODES", required_unless_present = "clear")]
    pub(crate) to: Option<NodeSet>,
    /// How much later messages come: 100, 100ms or 1.5s, at most 4s, the jitter with it
    #[arg(long, value_name = "MS", default_value = "0", value_parser = milliseconds)]
    pub(crate) delay: u32,
    /// By how much the delay may differ, either way
    #[arg(long, value_name = "MS", default_value = "0", value_parser = milliseconds)]
    pub(crate) jitter: u32,
    /// The part of the messages that is lost: 0.05 or 5%
    #[arg(long, value_name = "PART", default_value = "0", value_parser = part)]
    pub(crate) loss: f64,
    /// Only from the first nodes to the second, not back
    #[arg(long)]
    pub(crate) one_way: bool,
    /// No way at all between them
    #[arg(long, conflicts_with_all = ["delay", "jitter", "loss"])]
    pub(crate) cut: bool,
    /// Take back all that was set
    #[arg(long, conflicts_with_all = ["from", "to", "delay", "jitter", "loss", "one_way", "cut"])]
    pub(crate) clear: bool,
    #[command(flatten)]
    pub(crate) order: Order,
}

/// Options of orders to some nodes: `kill`, `pause`, `resume`, `remove`.
#[derive(Debug, Args)]
pub(crate) struct NodesArgs {
    /// Which nodes: numbers and ranges such as 0-2 or 0,3,5, or all that can be
    pub(crate) nodes: NodeSet,
    #[command(flatten)]
    pub(crate) order: Order,
}

const RESTART_EXAMPLES: &str = "\
Examples:
  networkmngr restart 2                              as it was started the last time
  networkmngr restart 0-2 --node-bin ./other-node    with another node program
  networkmngr restart 2 --with --miner --with nm1…   with further arguments
  networkmngr restart 2 --as-usual                   as all others again";

/// Options of `restart`.
#[derive(Debug, Args)]
#[command(after_help = RESTART_EXAMPLES)]
pub(crate) struct RestartArgs {
    /// Which nodes: numbers and ranges such as 0-2 or 0,3,5, or all
    pub(crate) nodes: NodeSet,
    /// Start this node program from now on
    #[arg(long, value_name = "PATH")]
    pub(crate) node_bin: Option<PathBuf>,
    /// One more argument for the node; may be given several times
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) with: Vec<String>,
    /// Start it as all others are, without another program and further arguments
    #[arg(long, conflicts_with_all = ["node_bin", "with"])]
    pub(crate) as_usual: bool,
    #[command(flatten)]
    pub(crate) order: Order,
}

/// Options of `hash-rate`.
#[derive(Debug, Args)]
pub(crate) struct HashRateArgs {
    /// Which nodes: numbers and ranges such as 0-2 or 0,3,5, or all that run
    pub(crate) nodes: NodeSet,
    /// Most hashes per second: 200000, 200k, 1.5M or unlimited
    pub(crate) rate: HashRate,
    #[command(flatten)]
    pub(crate) order: Order,
}

fn milliseconds(text: &str) -> Result<u32, String> {
    let wrong = || format!("{text:?} is no time: write milliseconds such as 100, or 1.5s");
    let (number, unit) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 1.0),
        (None, Some(number)) => (number, 1e3),
        (None, None) => (text, 1.0),
    };
    let milliseconds = number.parse::<f64>().map_err(|_| wrong())? * unit;
    // The manager says what is too long.
    if (0.0..1e9).contains(&milliseconds) { Ok(milliseconds.round() as u32) } else { Err(wrong()) }
}

fn part(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').map_or_else(|| text.parse(), |number| number.parse().map(|n: f64| n / 1e2));
    let part = number.ok().filter(|part| (0.0..=1.0).contains(part));
    part.ok_or_else(|| format!("{text:?} is no part of the whole: write a number from 0 to 1, or 5%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_parts_are_read_as_people_write_them() {
        assert_eq!(milliseconds("100"), Ok(100));
        assert_eq!(milliseconds("20ms"), Ok(20));
        assert_eq!(milliseconds("1.5s"), Ok(1500));
        assert_eq!(part("0.05"), Ok(0.05));
        assert_eq!(part("5%"), Ok(0.05));
        assert_eq!((part("0"), part("1"), part("100%")), (Ok(0.0), Ok(1.0), Ok(1.0)));
        for wrong in ["", "-1", "NaN", "soon", "inf", "1e30"] {
            assert!(milliseconds(wrong).is_err() && part(wrong).is_err(), "{wrong}");
        }
        assert!(part("1.5").is_err() && part("101%").is_err());
    }
}
