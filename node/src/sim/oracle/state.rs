//! The chain's state after one block, worked out from the state before it in the plainest way: whole
//! maps, whole lists, and the log's tree hashed anew from its definition.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::{
    Address, Amount, ChainSpec, CheckedBlock, CheckedTransaction, LogRoot, Network, Payload, TxId,
    hash::sha256,
    rules::{header::Position, ledger::Account},
};

/// The chain's state after a block.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) block: Arc<CheckedBlock>,
    pub(super) position: Position,
    pub(super) accounts: Arc<BTreeMap<Address, Account>>,
    /// Accounts that the block itself had to do with.
    pub(super) touched: BTreeSet<Address>,
    /// All transactions of the chain, in order.
    pub(super) log: Arc<Vec<TxId>>,
    pub(super) log_root: LogRoot,
    /// Everything on all accounts together, in units.
    money: u128,
}

impl State {
    pub(super) fn genesis(network: &Network) -> Self {
        Self {
            block: network.genesis().clone(),
            position: Position::genesis(network.spec()),
            accounts: Arc::default(),
            touched: BTreeSet::new(),
            log: Arc::default(),
            log_root: LogRoot(tree_hash(&[])),
            money: 0,
        }
    }

    pub(super) fn account(&self, address: &Address) -> Account {
        self.accounts.get(address).copied().unwrap_or_default()
    }

    /// The state after `block`, which builds on this one's.
    ///
    /// # Errors
    /// The rule that the block breaks, as the end of a sentence.
    pub(super) fn after(&self, block: &Arc<CheckedBlock>, spec: &ChainSpec) -> Result<Self, String> {
        if !block.header().bits.target().is_ok_and(|target| target.is_met_by(&block.header().hash())) {
            return Err("its work is missing".into());
        }
        let position = self.position.follow(block.header(), spec).map_err(|error| error.to_string())?;
        let subsidy = u128::from(spec.subsidy_at(position.height).units());
        let mut books = Books { accounts: (*self.accounts).clone(), touched: BTreeSet::new() };
        let mut log = (*self.log).clone();
        let mut earned = subsidy;
        for transaction in block.transactions() {
            let id = TxId(sha256(&[&[0], &transaction.to_bytes()]));
            if id != transaction.id() {
                return Err("a transaction's id is not its hash".into());
            }
            if log.contains(&id) {
                return Err(format!("its chain has transaction {id} already"));
            }
            log.push(id);
            books.spend(transaction)?;
            earned += u128::from(transaction.fee.units());
        }
        let coinbase = block.coinbase();
        if u128::from(coinbase.reward.units()) != earned || block.height() != position.height {
            return Err("its reward or height is false".into());
        }
        books.receive(coinbase.miner, coinbase.reward)?;
        let leaves: Vec<_> = log.iter().map(|id| id.0).collect();
        let log_root = LogRoot(tree_hash(&leaves));
        if (coinbase.log_size, coinbase.log_root) != (log.len() as u64, log_root) {
            return Err("it commits to another log than its chain's".into());
        }
        let money = books.accounts.values().map(|account| u128::from(account.balance.units())).sum();
        if money != self.money + subsidy {
            return Err(format!("there are {money} units after it and were {} before it", self.money));
        }
        Ok(Self {
            block: block.clone(),
            position,
            accounts: Arc::new(books.accounts),
            touched: books.touched,
            log: Arc::new(log),
            log_root,
            money,
        })
    }

    /// Everything on all accounts together, in units.
    pub(super) fn money(&self) -> u128 {
        self.money
    }
}

/// Accounts while a block is gone through.
struct Books {
    accounts: BTreeMap<Address, Account>,
    touched: BTreeSet<Address>,
}

impl Books {
    fn account(&mut self, address: Address) -> &mut Account {
        self.touched.insert(address);
        self.accounts.entry(address).or_default()
    }

    fn spend(&mut self, transaction: &CheckedTransaction) -> Result<(), String> {
        let sender = self.account(transaction.sender);
        if sender.nonce != transaction.nonce {
            return Err("a transaction is out of order".into());
        }
        sender.nonce += 1;
        let cost = transaction.cost().map_err(|error| error.to_string())?;
        sender.balance = sender.balance.checked_sub(cost).ok_or("a sender cannot pay")?;
        match &transaction.payload {
            Payload::Transfer { to, amount } => self.receive(*to, *amount),
            Payload::Data { .. } => Ok(()),
        }
    }

    fn receive(&mut self, address: Address, amount: Amount) -> Result<(), String> {
        let account = self.account(address);
        account.balance = account.balance.checked_add(amount).ok_or("money overflows")?;
        Ok(())
    }
}

/// The Merkle tree hash of RFC 6962 section 2.1, word for word.
pub(super) fn tree_hash(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            sha256(&[&[1], &tree_hash(left), &tree_hash(right)])
        }
    }
}
