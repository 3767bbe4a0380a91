//! Orders to some nodes, one after the other: `kill`, `pause`, `resume`, `restart`, `add`, `remove`, `hash-rate`.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use node::drivers::http::TOKEN_FILE;
use serde::Serialize;

use super::{Attached, ORDER, shown};
use crate::api::{NodeView, NodesView, RateOrder, RateView};
use crate::cli::{HashRateArgs, NodesArgs, Order, PlainArgs, RestartArgs};
use crate::network::StartCommand;
use crate::node_set::NodeSet;
use crate::term;

/// An order that names nodes and nothing else.
#[derive(Clone, Copy)]
pub(crate) enum Verb {
    Kill,
    Pause,
    Resume,
    Remove,
}

impl Verb {
    fn path(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Remove => "remove",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Kill => "killed",
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Remove => "removed",
        }
    }

    /// Whether `all` means a node in this state as well.
    fn concerns(self, state: &str) -> bool {
        match self {
            Self::Kill => matches!(state, "starting" | "running" | "paused"),
            Self::Pause => state == "running",
            Self::Resume => state == "paused",
            Self::Remove => state != "removed",
        }
    }
}

/// Gives the order to each of the nodes.
pub(crate) fn run(verb: Verb, args: NodesArgs) -> anyhow::Result<ExitCode> {
    let network = Attached::find(&args.order.which)?;
    let numbers = numbers(&network, &args.nodes, |state| verb.concerns(state))?;
    let give = |number| network.post::<NodeView>(&format!("/nodes/{number}/{}", verb.path()), ORDER);
    each(&args.order, &numbers, verb.done(), give)
}

/// Starts nodes again.
pub(crate) fn restart(args: RestartArgs) -> anyhow::Result<ExitCode> {
    let mut network = Attached::find(&args.order.which)?;
    let numbers = numbers(&network, &args.nodes, |state| state != "removed")?;
    let mut command = StartCommand { program: None, args: args.with };
    if let Some(program) = args.node_bin {
        let path = std::path::absolute(&program).with_context(|| format!("{} is no path", program.display()))?;
        command.program = Some(path);
        // Whoever has a program started shows that the network's folder is his.
        let token = network.folder.join(TOKEN_FILE);
        let token = std::fs::read_to_string(&token).with_context(|| format!("cannot read {}", token.display()))?;
        network.client = network.client.with_token(token.trim());
    }
    let as_last_time = command == StartCommand::default() && !args.as_usual;
    let give = |number| {
        let path = format!("/nodes/{number}/restart");
        if as_last_time { network.post::<NodeView>(&path, ORDER) } else { network.order(&path, &command, ORDER) }
    };
    each(&args.order, &numbers, "restarted", give)
}

/// Starts one node more.
pub(crate) fn add(args: PlainArgs) -> anyhow::Result<ExitCode> {
    let network = Attached::find(&args.order.which)?;
    let node: NodeView = network.post("/nodes", ORDER)?;
    shown(args.order.json, &node, |node| format!("node {} was added at {}", node.number, node.address))
}

/// Changes nodes' hash rates.
pub(crate) fn hash_rate(args: HashRateArgs) -> anyhow::Result<ExitCode> {
    let network = Attached::find(&args.order.which)?;
    let numbers = numbers(&network, &args.nodes, |state| state == "running")?;
    let order = RateOrder { hash_rate: args.rate };
    let give = |number| network.order::<RateView>(&format!("/nodes/{number}/hash-rate"), &order, ORDER);
    each(&args.order, &numbers, &format!("given a hash rate of {}", args.rate), give)
}

/// The nodes that are meant; `all` are those whose state allows it.
fn numbers(network: &Attached, nodes: &NodeSet, concerned: impl Fn(&str) -> bool) -> anyhow::Result<Vec<u16>> {
    if *nodes != NodeSet::All {
        return Ok(nodes.named().collect());
    }
    let all: NodesView = network.get("/nodes")?;
    let concerned = all.nodes.iter().filter(|node| concerned(&node.state));
    Ok(concerned.map(|node| node.number).collect())
}

/// Carries out an order at each node, up to the first where it fails.
fn each<T: Serialize>(
    order: &Order,
    numbers: &[u16],
    done: &str,
    give: impl Fn(u16) -> anyhow::Result<T>,
) -> anyhow::Result<ExitCode> {
    if numbers.is_empty() {
        bail!("there is no node that could be {done}; see `networkmngr status`");
    }
    let mut answers = Vec::new();
    for (place, number) in numbers.iter().enumerate() {
        match give(*number) {
            Ok(answer) => answers.push(answer),
            Err(error) if place > 0 => {
                return Err(error.context(format!("only {}", sentence(&numbers[..place], done))));
            }
            Err(error) => return Err(error),
        }
    }
    shown(order.json, &answers, |_| sentence(numbers, done))
}

fn sentence(numbers: &[u16], done: &str) -> String {
    match numbers {
        [number] => format!("node {number} was {done}"),
        numbers => format!("nodes {} were {done}", term::numbers(numbers)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_said_of_one_or_several() {
        assert_eq!(sentence(&[3], "killed"), "node 3 was killed");
        assert_eq!(sentence(&[0, 1, 2, 5], "paused"), "nodes 0-2, 5 were paused");
    }

    #[test]
    fn all_are_those_that_can_be() {
        let all = ["starting", "running", "paused", "ended", "removed"];
        let concerned = |verb: Verb| all.into_iter().filter(|state| verb.concerns(state)).collect::<Vec<_>>();
        assert_eq!(concerned(Verb::Kill), ["starting", "running", "paused"]);
        assert_eq!(concerned(Verb::Pause), ["running"]);
        assert_eq!(concerned(Verb::Resume), ["paused"]);
        assert_eq!(concerned(Verb::Remove), ["starting", "running", "paused", "ended"]);
    }
}
