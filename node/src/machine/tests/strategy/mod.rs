//! Mining against the rules of good conduct: what is kept back, what is published when, and that nothing
//! of it is told before.

mod attacks;
mod lies;
mod selfish;
mod ties;

use shared::{
    Address, BlockHash,
    wire::{Message, PeerId},
};

use super::conversation::Node;
use crate::{
    drivers::store::MemoryStore,
    machine::{
        config::Config,
        effect::Reply,
        event::{Request, RequestId},
        journal::ChainEvent,
        store::ReadChain,
        strategy::{Attack, Strategy, StrategyStatus},
    },
};

pub(super) fn node_with(number: u8, configure: impl FnOnce(&mut Config)) -> Node {
    Node::over(number, MemoryStore::new(&super::branch::network()), configure)
}

pub(super) fn selfish(number: u8) -> Node {
    node_with(number, |config| config.strategy = Strategy::Selfish)
}

pub(super) fn status(node: &mut Node) -> StrategyStatus {
    let request = node.asks(Request::Strategy);
    status_in(node, request)
}

pub(super) fn status_in(node: &Node, request: RequestId) -> StrategyStatus {
    match node.reply(request) {
        Some(Reply::Strategy(status)) => (**status).clone(),
        other => panic!("no status but {other:?}"),
    }
}

pub(super) fn set(node: &mut Node, strategy: Strategy) -> RequestId {
    node.asks(Request::SetStrategy { strategy: Some(strategy), tie: None })
}

pub(super) fn attack(from: Option<BlockHash>, confirmations: u32) -> Attack {
    Attack { from, confirmations, lead: None, give_up: 10, leave_out: [].into(), instead: Vec::new() }
}

pub(super) fn announced_by(node: &mut Node, to: PeerId, miner: Address) -> Vec<u32> {
    let said = node.said_to(to).into_iter().filter_map(|message| match message {
        Message::Announce(announcement) if announcement.coinbase.miner == miner => Some(announcement.coinbase.height.0),
        _ => None,
    });
    said.collect()
}

pub(super) fn journal(node: &Node, from: u64) -> Vec<ChainEvent> {
    node.machine.store().journal(from, 1_000).unwrap().into_iter().map(|(_, event)| event).collect()
}
