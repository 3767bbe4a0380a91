//! `networkmngr partition`, `heal` and `link`: faults between nodes.

use std::process::ExitCode;
use std::time::Duration;

use super::{Attached, ORDER, shown};
use crate::api::{LinksView, PartitionOrder, RulesOrder};
use crate::cli::{LinkArgs, PartitionArgs, PlainArgs, ReorgArgs};
use crate::network::{Healed, LinkRule, Partition, ReorgOrder, Reorganised};
use crate::node_set::NodeSet;
use crate::term;

/// How long the mining of a branch may take, and a little more.
const MINING: Duration = Duration::from_secs(330);

/// Splits the network.
pub(crate) fn partition(args: PartitionArgs) -> anyhow::Result<ExitCode> {
    let network = Attached::find(&args.order.which)?;
    let order = PartitionOrder { groups: args.groups };
    let split: Partition = network.order("/partition", &order, ORDER)?;
    shown(args.order.json, &split, split_sentence)
}

fn split_sentence(split: &Partition) -> String {
    let mut sides: Vec<String> = split.groups.iter().map(|group| term::numbers(group)).collect();
    if sides.iter().any(|side| side.contains(',')) {
        sides.iter_mut().for_each(|side| *side = format!("[{side}]"));
    }
    let last = sides.pop().unwrap_or_default();
    let (first, asked) = (sides.join(", "), term::nodes(split.verified));
    let mut sentence = format!("nodes {first} and {last} cannot reach each other any more (verified at {asked})");
    if !split.absent.is_empty() {
        let absent = term::numbers(&split.absent);
        sentence.push_str(&format!("; not running: {absent}, refused by the other side, told when they go on"));
    }
    sentence
}

/// Ends a split.
pub(crate) fn heal(args: PlainArgs) -> anyhow::Result<ExitCode> {
    let network = Attached::find(&args.order.which)?;
    let healed: Healed = network.post("/heal", ORDER)?;
    shown(args.order.json, &healed, |healed| {
        let nodes = term::nodes(healed.nodes);
        let state = if healed.was_split { "is whole again" } else { "was not split" };
        if healed.joined {
            format!("the network {state}: {nodes} are connected, if only through others")
        } else {
            format!("no split is in force at {nodes}, but they are not all connected yet; see `networkmngr status`")
        }
    })
}

/// Takes blocks back by mining.
pub(crate) fn reorg(args: ReorgArgs) -> anyhow::Result<ExitCode> {
    let network = Attached::find(&args.order.which)?;
    let order = ReorgOrder { depth: args.depth, leave_out: args.without, node: args.by };
    let done: Reorganised = network.order("/reorg", &order, MINING)?;
    shown(args.order.json, &done, |done| {
        let Reorganised { node, fork_height, from, to, height, .. } = done;
        let (from, to) = (from.short(), to.short());
        format!("node {node} mined another branch on block {fork_height}: {from} is left for {to} at height {height}")
    })
}

/// Makes links slow, uneven or lossy, or all as they were.
pub(crate) fn link(args: LinkArgs) -> anyhow::Result<ExitCode> {
    let network = Attached::find(&args.order.which)?;
    if args.clear {
        let view: LinksView = network.delete("/links")?;
        return shown(args.order.json, &view, |_| "all links are as they were".to_owned());
    }
    let rule = LinkRule {
        from: args.from.unwrap_or(NodeSet::All),
        to: args.to.unwrap_or(NodeSet::All),
        delay_ms: args.delay,
        jitter_ms: args.jitter,
        loss: args.loss,
        one_way: args.one_way,
        cut: args.cut,
    };
    let said = rule.to_string();
    let view: LinksView = network.order("/links", &RulesOrder { rules: vec![rule] }, ORDER)?;
    shown(args.order.json, &view, |view| format!("{said} (kept by {})", term::nodes(view.nodes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_read_as_sentences() {
        let split = |groups: &[&[u16]], absent: &[u16]| {
            let groups = groups.iter().map(|group| group.to_vec()).collect();
            split_sentence(&Partition { groups, verified: 6, absent: absent.to_vec() })
        };
        let halves = "nodes 0-2 and 3-5 cannot reach each other any more (verified at 6 nodes)";
        assert_eq!(split(&[&[0, 1, 2], &[3, 4, 5]], &[]), halves);
        let odd = split(&[&[0, 2], &[1], &[3, 4]], &[4]);
        assert!(odd.starts_with("nodes [0, 2], [1] and [3-4] cannot"), "{odd}");
        assert!(odd.ends_with("; not running: 4, refused by the other side, told when they go on"), "{odd}");
    }
}
