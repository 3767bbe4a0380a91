//! Strangers who lie to a node. Whatever they do, the node must go on with the honest ones, and ban
//! where the lie is proven.

use shared::{
    BlockHash, Header, Height, TxId, Work,
    wire::{Announcement, Hello, Message, NodeId, PeerId, VERSION},
};

use super::{World, peer_id};
use crate::{
    machine::{effect::Effect, event::Event, inbound, mining::Template},
    sim::storm::forge,
};

impl World {
    /// A stranger connects to a node and announces a block with valid work that gives its miner too
    /// much. The node must refuse it and ban the stranger.
    pub fn lie_to(&mut self, node: usize) {
        let Some((_, template)) = self.nodes[node].job.clone() else { return };
        let Some(announcement) = forge(&template, self.now, &self.config.network) else { return };
        let liar = self.stranger_meets(node, Work::ZERO);
        let banned = self.stranger_says(node, liar, Message::Announce(announcement));
        let tip_moved = self.nodes[node].job.as_ref().is_none_or(|(_, now)| *now != template);
        if !banned && !tip_moved {
            self.violate(node, "it did not ban a peer that announced a forged reward");
        }
    }

    /// A stranger claims much work, announces a proven block and never gives its transactions.
    pub fn withhold_from(&mut self, node: usize) {
        let Some((_, template)) = self.nodes[node].job.clone() else { return };
        let Some(mut announcement) = self.announce(&template) else { return };
        announcement.transactions.push(TxId([0xdd; 32]));
        let liar = self.stranger_meets(node, Work::from(u64::MAX));
        if self.stranger_says(node, liar, Message::Announce(announcement)) {
            self.violate(node, "it banned a peer that only did not answer");
        }
    }

    /// A stranger gives proven headers on a node's tip whose blocks nobody has.
    pub fn lead_nowhere(&mut self, node: usize, count: usize) {
        let Some((_, template)) = self.nodes[node].job.clone() else { return };
        let Some(first) = self.announce(&template) else { return };
        let mut headers = vec![first.header];
        while headers.len() < count {
            let previous = headers.last().map(Header::hash).unwrap_or_default();
            // Its bits are right as long as the difficulty stays; else the node stops there.
            headers.push(prove(Header { previous, time: shared::Seconds(first.header.time.0 + 1), ..first.header }));
        }
        let liar = self.stranger_meets(node, Work::from(u64::MAX));
        self.stranger_says(node, liar, Message::Headers(headers));
    }

    fn announce(&self, template: &Template) -> Option<Announcement> {
        let header = prove(template.header(7, self.now));
        let block = template.solve(header, 7, &self.config.network).ok()?;
        let transactions = block.transactions().iter().map(|transaction| transaction.id()).collect();
        Some(Announcement { header, coinbase: block.coinbase().clone(), transactions })
    }

    /// The stranger of a node comes, or comes again, and introduces itself.
    fn stranger_meets(&mut self, node: usize, work: Work) -> PeerId {
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

    /// True when the node bans the stranger for it.
    fn stranger_says(&mut self, node: usize, liar: PeerId, message: Message) -> bool {
        let Ok(message) = inbound::check(message, &self.config.network) else { return false };
        let effects = self.handle(node, Event::Message { peer: liar, message });
        let banned = effects.iter().any(|effect| matches!(effect, Effect::Ban { peer, .. } if *peer == liar));
        self.carry_out(node, effects);
        banned
    }
}

fn prove(mut header: Header) -> Header {
    while header.proven_hash().is_err() {
        header.nonce = header.nonce.wrapping_add(1);
    }
    header
}
