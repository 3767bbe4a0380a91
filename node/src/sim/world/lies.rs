//! Strangers who lie to a node. Whatever they do, the node must go on with the honest ones, and ban
//! where the lie is proven.

use std::sync::Arc;

use rand::RngExt;
use shared::{
    Block, BlockHash, Header, Height, TxId, Work,
    wire::{Announcement, Hello, Message, NodeId, PeerId, VERSION},
};

use super::{World, forge::Cheat, forge::prove, peer_id};
use crate::machine::{
    effect::{Effect, Refused, Reply},
    event::{Event, Request},
    inbound,
};

/// What a node did about a stranger's words.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// It refuses the stranger from now on.
    pub(super) banned: bool,
    /// What it said to the stranger.
    answers: Vec<Message>,
}

impl World {
    /// A stranger makes a block with valid work that cheats in some respect, and announces it, leads the
    /// node to ask for it, or hands it in by HTTP. The node must not take it, and must ban the stranger.
    pub fn lie_to(&mut self, node: usize) {
        let cheat = Cheat::ALL[self.rng.random_range(0..Cheat::ALL.len())];
        let Some(block) = self.forge(node, cheat) else { return };
        let way = self.rng.random_range(0..3);
        let held_against = match way {
            0 => self.announced_lie(node, &block),
            1 => self.offered_lie(node, &block),
            _ => self.handed_in_lie(node, &block),
        };
        if !held_against {
            self.violate(node, &format!("it did not refuse a block that cheats ({cheat:?}, {way})"));
        }
    }

    fn announced_lie(&mut self, node: usize, block: &Block) -> bool {
        let liar = self.stranger_meets(node, Work::ZERO);
        let mut heard = self.stranger_says(node, liar, Message::Announce(announcement(block)));
        while let Some(answer) = heard.answers.iter().find_map(|asked| transactions_of(block, asked)) {
            heard = self.stranger_says(node, liar, answer);
        }
        heard.banned
    }

    /// The node asks for blocks only where it needs them, and whom it wants.
    fn offered_lie(&mut self, node: usize, block: &Block) -> bool {
        let liar = self.stranger_meets(node, Work::from(u64::MAX));
        let heard = self.stranger_says(node, liar, Message::Headers(vec![block.header]));
        let asked = heard.answers.iter().any(|answer| matches!(answer, Message::GetBlocks(_)));
        heard.banned || !asked || self.stranger_says(node, liar, Message::Blocks(vec![block.clone()])).banned
    }

    fn handed_in_lie(&mut self, node: usize, block: &Block) -> bool {
        let Ok(block) = block.clone().check(&self.config.network) else { return true };
        let reply = self.ask(node, Request::SubmitBlock(Arc::new(block)));
        matches!(reply, Some(Reply::Refused(Refused::Invalid(_))))
    }

    /// A stranger claims much work, announces a proven block and never gives its transactions.
    pub fn withhold_from(&mut self, node: usize) {
        let Some(block) = self.block_on(node) else { return };
        let mut announcement = announcement(&block);
        announcement.transactions.push(TxId([0xdd; 32]));
        let liar = self.stranger_meets(node, Work::from(u64::MAX));
        if self.stranger_says(node, liar, Message::Announce(announcement)).banned {
            self.violate(node, "it banned a peer that only did not answer");
        }
    }

    /// A stranger gives proven headers on a node's tip whose blocks nobody has.
    pub fn lead_nowhere(&mut self, node: usize, count: usize) {
        let Some(first) = self.block_on(node) else { return };
        let mut headers = vec![first.header];
        while headers.len() < count {
            let previous = headers.last().map(Header::hash).unwrap_or_default();
            // Its bits are right as long as the difficulty stays; else the node stops there.
            headers.push(prove(Header { previous, time: shared::Seconds(first.header.time.0 + 1), ..first.header }));
        }
        let liar = self.stranger_meets(node, Work::from(u64::MAX));
        self.stranger_says(node, liar, Message::Headers(headers));
    }

    /// The stranger of a node comes, or comes again, and introduces itself.
    pub(super) fn stranger_meets(&mut self, node: usize, work: Work) -> PeerId {
        let liar = peer_id(usize::MAX - node);
        let hello = Hello {
            version: VERSION,
            genesis: self.config.network.genesis_hash(),
            head: BlockHash([0xee; 32]),
            height: Height::GENESIS,
            work,
            node: NodeId([0xee; 32]),
            http: String::new(),
            listens: Vec::new(),
        };
        self.tell(node, Event::PeerConnected { peer: liar, outbound: false, address: "liar".into() });
        self.stranger_says(node, liar, Message::Hello(hello));
        liar
    }

    /// What the node does about what a stranger says.
    pub(super) fn stranger_says(&mut self, node: usize, liar: PeerId, message: Message) -> Heard {
        let event = match inbound::check(message, &self.config.network) {
            Ok(message) => Event::Message { peer: liar, message },
            Err(fault) => Event::Misbehaved { peer: liar, fault },
        };
        let effects = self.handle(node, event);
        let mut heard = Heard::default();
        for effect in &effects {
            match effect {
                Effect::Ban { peer, .. } => heard.banned |= *peer == liar,
                Effect::Send { to, message } if to.contains(&liar) => heard.answers.push(message.clone()),
                _ => {}
            }
        }
        self.carry_out(node, effects);
        heard
    }
}

fn announcement(block: &Block) -> Announcement {
    let transactions = block.transactions.iter().map(|transaction| transaction.id()).collect();
    Announcement { header: block.header, coinbase: block.coinbase.clone(), transactions }
}

/// The answer to a request for some of a block's transactions.
fn transactions_of(block: &Block, asked: &Message) -> Option<Message> {
    let Message::GetBlockTransactions { block: hash, positions } = asked else { return None };
    let wanted = positions.iter().filter_map(|position| block.transactions.get(*position as usize));
    (*hash == block.header.hash())
        .then(|| Message::BlockTransactions { block: *hash, transactions: wanted.cloned().collect() })
}
