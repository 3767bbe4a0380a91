//! What somebody outside orders at a node: requests whose replies come later, payments and records in the
//! name of its miner, one more node.

use std::sync::Arc;

use shared::{Address, Amount, CheckedTransaction, Payload, Topic, TxId};

use super::{SimNode, World, empty_disk};
use crate::machine::{
    effect::{Outlook, Refused, Reply},
    event::{Event, Request, RequestId},
    strategy::{Strategy, StrategyStatus, Tie},
};

/// Requests of this module are numbered from here on; lower numbers are the world's own.
const FIRST: u64 = 1_000;

impl World {
    /// Asks a node for something; the reply is there, or will be, at [`World::take_reply`].
    pub fn request(&mut self, node: usize, request: Request) -> RequestId {
        self.requests += 1;
        let id = RequestId(FIRST + self.requests);
        self.tell(node, Event::Request { id, request });
        id
    }

    /// The reply to a request, once.
    pub fn take_reply(&mut self, node: usize, id: RequestId) -> Option<Reply> {
        self.nodes[node].replies.remove(&id)
    }

    /// Has a node mine in another way, or take another tip in ties.
    ///
    /// # Errors
    /// Why it does not.
    pub fn set_strategy(&mut self, node: usize, strategy: Option<Strategy>, tie: Option<Tie>) -> Result<(), String> {
        if let Some(Strategy::Liar { .. }) = strategy {
            self.ground.liars.insert(node);
        }
        match self.ask(node, Request::SetStrategy { strategy, tie }) {
            Some(Reply::Strategy(_)) => Ok(()),
            Some(Reply::Refused(why)) => Err(why.to_string()),
            Some(other) => Err(format!("node {node} answered {other:?}")),
            None => Err(format!("node {node} does not run")),
        }
    }

    /// How a node mines, and what has come of it; nothing while it does not run.
    pub fn strategy(&mut self, node: usize) -> Option<StrategyStatus> {
        match self.ask(node, Request::Strategy)? {
            Reply::Strategy(status) => Some(*status),
            _ => None,
        }
    }

    /// Whether a node runs and is not paused.
    pub fn is_up(&self, node: usize) -> bool {
        self.nodes[node].machine.is_some() && !self.nodes[node].paused
    }

    /// The network's genesis block.
    pub fn genesis(&self) -> shared::BlockHash {
        self.ground.network.genesis_hash()
    }

    /// The address that a node's rewards go to.
    pub fn miner(&self, node: usize) -> Address {
        self.users.miner(node)
    }

    /// Whether a node is paused.
    pub fn is_paused(&self, node: usize) -> bool {
        self.nodes[node].paused
    }

    /// Whether a node is to mine without end.
    pub fn mines(&self, node: usize) -> bool {
        self.nodes[node].mines
    }

    /// A payment signed by one node's miner, handed in at a node, or only signed. With `nonce` it may contradict an earlier
    /// one; without, it is the next that this node knows of. Unless given, the fee is one unit for every
    /// hundred bytes.
    ///
    /// # Errors
    /// Why the node does not take it.
    pub fn send_payment(
        &mut self,
        from: usize,
        to: Address,
        amount: Amount,
        fee: Option<Amount>,
        nonce: Option<u64>,
        at: Option<usize>,
    ) -> Result<Arc<CheckedTransaction>, String> {
        self.sign_and_submit(from, Payload::Transfer { to, amount }, fee, nonce, at)
    }

    /// Data filed by a node's miner at that node.
    ///
    /// # Errors
    /// Why the node does not take it.
    pub fn send_data(
        &mut self,
        by: usize,
        topic: Topic,
        body: Vec<u8>,
        fee: Option<Amount>,
    ) -> Result<Arc<CheckedTransaction>, String> {
        self.sign_and_submit(by, Payload::Data { topic, body }, fee, None, Some(by))
    }

    fn sign_and_submit(
        &mut self,
        from: usize,
        payload: Payload,
        fee: Option<Amount>,
        nonce: Option<u64>,
        at: Option<usize>,
    ) -> Result<Arc<CheckedTransaction>, String> {
        let user = self.users.miners[from];
        let nonce = match nonce {
            Some(nonce) => nonce,
            None => self.outlook_of(at.unwrap_or(from), self.users.miner(from))?.next_nonce,
        };
        let signed = |fee| self.sign_in_secret(user, nonce, fee, payload.clone());
        let transaction = signed(fee.unwrap_or_else(|| signed(Amount::ZERO).usual_fee()));
        let checked = transaction.check(&self.ground.network.genesis_hash()).map_err(|error| error.to_string())?;
        let checked = Arc::new(checked);
        let Some(at) = at else { return Ok(checked) };
        match self.ask(at, Request::SubmitTransaction(checked.clone())) {
            Some(Reply::Accepted(_)) => Ok(checked),
            Some(Reply::Refused(Refused::Transaction(why))) => Err(why.to_string()),
            Some(other) => Err(format!("the node answered {other:?}")),
            None => Err("the node does not run".into()),
        }
    }

    fn outlook_of(&mut self, node: usize, address: Address) -> Result<Outlook, String> {
        self.outlook(node, address).ok_or_else(|| "the node does not run".into())
    }

    /// Whether a transaction waits in a node's pool.
    pub fn is_pending(&mut self, node: usize, id: &TxId) -> bool {
        self.waiting(node).is_some_and(|waiting| waiting.iter().any(|transaction| transaction.id() == *id))
    }

    /// One more node, with nothing on its disk, that knows of all others; gives its number. In a split it is
    /// of the group [`World::REST`].
    pub fn add_node(&mut self) -> usize {
        let number = self.nodes.len();
        self.nodes.push(SimNode::new(number, self.config.seed, empty_disk(&self.config)));
        self.ground.links.grow();
        if let Some(groups) = &mut self.ground.groups {
            groups.push(Self::REST);
        }
        self.users.add_miner(self.config.seed);
        self.start(number);
        number
    }
}
