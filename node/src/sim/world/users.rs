//! Users: everybody with an account, what they sign, and what they hand in at which node. They pay, file
//! records and raise fees, spend the same money twice on two sides of a split, hand in old transactions
//! again, and try what they must not. What a node has to answer is checked here.

use std::collections::BTreeMap;
use std::sync::Arc;

use ed25519_zebra::SigningKey;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use shared::{Address, Amount, BlockHash, CheckedTransaction, Payload, Topic, Transaction, wire::Message};

use super::World;
use crate::machine::{
    effect::{Effect, Outlook, Refused, Reply},
    event::{Event, Request, RequestId},
    store::ReadChain,
};

/// Everybody with an account.
pub(super) struct Users {
    keys: Vec<SigningKey>,
    by_address: BTreeMap<Address, usize>,
    /// The miner of each node. Whoever is none has only what others sent.
    pub(super) miners: Vec<usize>,
    /// Every transaction that anybody ever signed for this network.
    signed: Vec<Arc<CheckedTransaction>>,
}

impl Users {
    /// A miner for each of these nodes, and half as many others.
    pub(super) fn new(nodes: usize, seed: u64) -> Self {
        let keys: Vec<_> = (0..nodes + nodes.div_ceil(2)).map(|user| key(seed, user)).collect();
        let by_address = keys.iter().zip(0..).map(|(key, user)| (Address::of(key), user)).collect();
        Self { keys, by_address, miners: (0..nodes).collect(), signed: Vec::new() }
    }

    /// A miner for one more node.
    pub(super) fn add_miner(&mut self, seed: u64) {
        let user = self.keys.len();
        let key = key(seed, user);
        self.by_address.insert(Address::of(&key), user);
        self.keys.push(key);
        self.miners.push(user);
    }

    /// The address of a node's miner.
    pub(super) fn miner(&self, node: usize) -> Address {
        Address::of(&self.keys[self.miners[node]])
    }

    /// Somebody: mostly one of those who have something.
    fn draw(&self, rich: &[Address], rng: &mut ChaCha8Rng) -> usize {
        let pick = |rng: &mut ChaCha8Rng| rich.get(rng.random_range(0..rich.len().max(1)));
        let one = if rng.random_bool(0.8) { pick(rng).and_then(|address| self.by_address.get(address)) } else { None };
        one.copied().unwrap_or_else(|| rng.random_range(0..self.keys.len()))
    }

    fn anybody(&self, rng: &mut ChaCha8Rng) -> Address {
        Address::of(&self.keys[rng.random_range(0..self.keys.len())])
    }
}

fn key(seed: u64, user: usize) -> SigningKey {
    SigningKey::from(shared::hash::sha256(&[&seed.to_le_bytes(), &(user as u64).to_le_bytes()]))
}

/// What a user can spend at a node, and with which nonce.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purse {
    pub(super) user: usize,
    pub(super) nonce: u64,
    pub(super) left: u64,
}

impl Purse {
    /// An amount and a fee that it can pay; none when it is empty. Often most of what there is, so that a
    /// reorganisation can take away what pays for it.
    fn spend(&self, rng: &mut ChaCha8Rng) -> Option<(Amount, Amount)> {
        let fee = rng.random_range(0..1_000).min(self.left.saturating_sub(1));
        let amount = ((self.left / rng.random_range(1..=4)).saturating_sub(fee)).max(1);
        (amount + fee <= self.left).then_some((units(amount), units(fee)))
    }
}

fn units(units: u64) -> Amount {
    Amount::new(units).unwrap_or(Amount::MAX)
}

impl World {
    /// Somebody pays somebody else, or themselves, out of what they have at this node.
    pub fn pay(&mut self, node: usize) {
        if let Some(purse) = self.purse_at(node)
            && let Some((amount, fee)) = purse.spend(&mut self.rng)
        {
            let to =
                if self.rng.random_bool(0.1) { self.address_of(purse.user) } else { self.users.anybody(&mut self.rng) };
            let payment = self.sign(purse.user, purse.nonce, fee, Payload::Transfer { to, amount });
            self.hand_in_expecting(node, true, payment);
        }
    }

    /// Somebody files a record.
    pub fn file(&mut self, node: usize) {
        if let Some(purse) = self.purse_at(node) {
            let fee = units(self.rng.random_range(0..1_000).min(purse.left));
            let payload = record(&mut self.rng);
            let record = self.sign(purse.user, purse.nonce, fee, payload);
            self.hand_in_expecting(node, true, record);
        }
    }

    /// Somebody hands in several at once, and the node's process may end right after the last answer.
    pub fn hurry(&mut self, node: usize) {
        let count = self.rng.random_range(2..6);
        (0..count).for_each(|_| if self.rng.random_bool(0.5) { self.pay(node) } else { self.file(node) });
        if self.rng.random_bool(0.3) {
            let down = self.rng.random_range(100..5_000);
            self.crash(node, down);
        }
    }

    /// Somebody signs two transactions for the same money and gives them to two nodes, which may be one.
    pub fn spend_twice(&mut self, one: usize, other: usize) {
        let Some(purse) = self.purse_at(one) else { return };
        for (nth, node) in [one, other].into_iter().enumerate() {
            let Some((amount, fee)) = purse.spend(&mut self.rng) else { return };
            let to = self.users.anybody(&mut self.rng);
            let payment = self.sign(purse.user, purse.nonce, fee, Payload::Transfer { to, amount });
            match nth {
                0 => self.hand_in_expecting(node, true, payment),
                _ => drop(self.hand_in(node, payment)),
            }
        }
    }

    /// Somebody signs what waits once more with a higher fee, so that it goes faster: with enough, with too
    /// little, or with more than there is.
    pub fn outbid(&mut self, node: usize) {
        let Some(waiting) = self.waiting(node) else { return };
        let Some(rival) = waiting.get(self.rng.random_range(0..waiting.len().max(1))) else { return };
        let Some(user) = self.users.by_address.get(&rival.sender).copied() else { return };
        let Some(Outlook { spendable, .. }) = self.outlook(node, rival.sender) else { return };
        let fee = rival.fee.units();
        let enough = fee.div_ceil(10).max(1);
        let more = [0, enough - 1, enough, spendable.units(), spendable.units() + 1][self.rng.random_range(0..5)];
        let bid = self.sign(user, rival.nonce, units(fee + more), rival.payload.clone());
        self.hand_in_expecting(node, (enough..=spendable.units()).contains(&more), bid);
    }

    /// Something signed earlier is handed in again, at whichever node, or sent there by a stranger.
    pub fn replay(&mut self, node: usize) {
        if self.users.signed.is_empty() {
            return;
        }
        let again = self.users.signed[self.rng.random_range(0..self.users.signed.len())].clone();
        if self.rng.random_bool(0.5) {
            self.hand_in(node, again);
        } else if self.stranger_sends(node, vec![(**again).clone()]) {
            self.violate(node, "it banned a peer that sent an old transaction");
        }
    }

    /// Somebody tries to pay more than they have; a stranger does the same.
    pub fn overspend(&mut self, node: usize) {
        let Some(purse) = self.purse_at(node) else { return };
        let amount = units(purse.left.saturating_add(self.rng.random_range(1..1_000_000_000)));
        let to = self.users.anybody(&mut self.rng);
        let payment = self.sign(purse.user, purse.nonce, Amount::ZERO, Payload::Transfer { to, amount });
        self.hand_in_expecting(node, false, payment.clone());
        if self.stranger_sends(node, vec![(**payment).clone()]) {
            self.violate(node, "it banned a peer for what others may be able to afford");
        }
    }

    /// A stranger sends a transaction that was signed for another network, or changed on its way.
    pub fn send_forged(&mut self, node: usize) {
        let Some(purse) = self.purse_at(node) else { return };
        let forged = self.forged(purse);
        if forged.clone().check(&self.config.network.genesis_hash()).is_ok() {
            self.violate(node, "a signature for another network, or for something else, was found right");
        }
        if !self.stranger_sends(node, vec![forged]) && self.nodes[node].machine.is_some() {
            self.violate(node, "it did not ban a peer that sent a transaction with a false signature");
        }
    }

    /// A record whose signature is for another network or for something else.
    pub(super) fn forged(&mut self, purse: Purse) -> Transaction {
        let payload = record(&mut self.rng);
        let draft = self.draft(purse.user, purse.nonce, Amount::ZERO, payload);
        let key = &self.users.keys[purse.user];
        if self.rng.random_bool(0.5) {
            draft.signed(key, &BlockHash([0xaa; 32]))
        } else {
            let signed = draft.signed(key, &self.config.network.genesis_hash());
            Transaction { nonce: signed.nonce ^ 1, ..signed }
        }
    }

    /// Hands a transaction in as the node's own user; tells whether it was acknowledged, unless the node
    /// is down.
    pub fn hand_in(&mut self, node: usize, transaction: Arc<CheckedTransaction>) -> Option<bool> {
        let reply = self.ask(node, Request::SubmitTransaction(transaction.clone()))?;
        match reply {
            Reply::Accepted(id) if id == transaction.id() => {
                let machine = self.nodes[node].machine.as_ref()?;
                if let Err(violation) = self.oracle.promise(node, transaction, machine.tip(), machine.store()) {
                    self.violation.get_or_insert(violation);
                }
                Some(true)
            }
            Reply::Refused(Refused::Transaction(_)) => Some(false),
            other => self.nonsense(node, &other),
        }
    }

    /// The same for one that is in order in every respect, or is not.
    fn hand_in_expecting(&mut self, node: usize, taken: bool, transaction: Arc<CheckedTransaction>) {
        if self.hand_in(node, transaction.clone()) == Some(!taken) {
            let what = if taken { "refused what is in order" } else { "acknowledged what is not in order" };
            self.violate(node, &format!("it {what}: {transaction:?}"));
        }
    }

    /// What somebody at a node can spend there beside what waits; none when the node is down.
    pub(super) fn purse_at(&mut self, node: usize) -> Option<Purse> {
        let Purse { user, .. } = self.purse_on_chain(node)?;
        let outlook = self.outlook(node, self.address_of(user))?;
        Some(Purse { user, nonce: outlook.next_nonce, left: outlook.spendable.units() })
    }

    /// The same as if nothing waited there.
    pub(super) fn purse_on_chain(&mut self, node: usize) -> Option<Purse> {
        let machine = self.nodes[node].machine.as_ref()?;
        let user = self.users.draw(&self.oracle.rich(&machine.tip().hash), &mut self.rng);
        let account = machine.store().account(&self.address_of(user)).unwrap_or_default();
        Some(Purse { user, nonce: account.nonce, left: account.balance.units() })
    }

    /// What waits in a node's pool; none when the node is down.
    pub fn waiting(&mut self, node: usize) -> Option<Vec<Arc<CheckedTransaction>>> {
        match self.ask(node, Request::Pending)? {
            Reply::Pending(waiting) => Some(waiting),
            other => self.nonsense(node, &other),
        }
    }

    /// What that means for an address.
    pub fn outlook(&mut self, node: usize, address: Address) -> Option<Outlook> {
        match self.ask(node, Request::Outlook(address))? {
            Reply::Outlook(outlook) => Some(outlook),
            other => self.nonsense(node, &other),
        }
    }

    fn nonsense<T>(&mut self, node: usize, reply: &Reply) -> Option<T> {
        self.violate(node, &format!("it answered a question with {reply:?}"));
        None
    }

    /// Asks a node for something that it answers at once; none when it is down.
    pub(super) fn ask(&mut self, node: usize, request: Request) -> Option<Reply> {
        self.nodes[node].machine.as_ref()?;
        let mut effects = self.handle(node, Event::Request { id: RequestId(1), request });
        let replies = effects.extract_if(.., |effect| matches!(effect, Effect::Reply { request: RequestId(1), .. }));
        let replies: Vec<Effect> = replies.collect();
        self.carry_out(node, effects);
        match <[Effect; 1]>::try_from(replies) {
            Ok([Effect::Reply { reply, .. }]) => Some(reply),
            other => {
                self.violate(node, &format!("a request has one reply, this one got {other:?}"));
                None
            }
        }
    }

    /// A transaction of a user, noted so that it can be handed in again.
    fn sign(&mut self, user: usize, nonce: u64, fee: Amount, payload: Payload) -> Arc<CheckedTransaction> {
        let signed = self.sign_in_secret(user, nonce, fee, payload).check(&self.config.network.genesis_hash());
        let signed = Arc::new(signed.expect("what users sign here is within all limits"));
        self.users.signed.push(signed.clone());
        signed
    }

    /// A transaction of a user that nobody else hears of.
    pub(super) fn sign_in_secret(&self, user: usize, nonce: u64, fee: Amount, payload: Payload) -> Transaction {
        let genesis = self.config.network.genesis_hash();
        self.draft(user, nonce, fee, payload).signed(&self.users.keys[user], &genesis)
    }

    fn draft(&self, user: usize, nonce: u64, fee: Amount, payload: Payload) -> Transaction {
        let sender = self.address_of(user);
        let version = shared::transaction::VERSION;
        Transaction { version, sender, nonce, fee, time: self.now, payload, signature: [0; 64] }
    }

    fn address_of(&self, user: usize) -> Address {
        Address::of(&self.users.keys[user])
    }

    /// Something that was signed earlier and that a node's chain has.
    pub(super) fn any_confirmed(&mut self, node: usize) -> Option<Arc<CheckedTransaction>> {
        let store = self.nodes[node].machine.as_ref()?.store();
        let signed = self.users.signed.iter();
        let confirmed: Vec<_> =
            signed.filter(|signed| store.location(&signed.id()).is_ok_and(|at| at.is_some())).collect();
        if confirmed.is_empty() { None } else { Some(confirmed[self.rng.random_range(0..confirmed.len())].clone()) }
    }

    /// A stranger sends transactions; true when it is banned for it.
    fn stranger_sends(&mut self, node: usize, transactions: Vec<Transaction>) -> bool {
        let liar = self.stranger_meets(node, shared::Work::ZERO);
        self.stranger_says(node, liar, Message::Transactions(transactions)).banned
    }
}

/// A record of any size up to a few hundred bytes, now and then of the largest size there is.
pub(super) fn record(rng: &mut ChaCha8Rng) -> Payload {
    let longest = if rng.random_bool(0.02) { Transaction::MAX_BODY } else { 400 };
    let mut body = vec![0; rng.random_range(0..=longest)];
    rng.fill(&mut body[..]);
    let topic = ["sales", "stock", "notes"][rng.random_range(0..3)];
    Payload::Data { topic: Topic::new(topic).expect("it is short"), body }
}
