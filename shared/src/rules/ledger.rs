//! What a block does to the accounts and the log, and whether it may. The caller looks accounts up;
//! nothing here knows where they are kept or which block comes next.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    address::Address,
    amount::Amount,
    block::CheckedBlock,
    header::Height,
    log::LogEdge,
    spec::ChainSpec,
    transaction::{CheckedTransaction, Payload},
};

/// What the chain knows of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Account {
    /// Units it can spend.
    pub balance: Amount,
    /// Transactions it has sent so far: the nonce of its next one.
    pub nonce: u64,
}

/// Why a block is wrong at its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The coinbase claims another height.
    #[error("the coinbase says height {found} at height {expected}")]
    Height {
        /// In the coinbase.
        found: Height,
        /// By the chain.
        expected: Height,
    },
    /// The miner gave itself another reward than the rule's.
    #[error("the reward is {found} units where subsidy and fees make {expected}")]
    Reward {
        /// In the coinbase.
        found: Amount,
        /// Subsidy and fees.
        expected: Amount,
    },
    /// The transactions are not those that the coinbase commits to. They may have been changed on the
    /// way: this alone says nothing against the block that the header names.
    #[error("the coinbase commits to another log than these transactions make")]
    Log,
    /// A transaction cannot take effect here.
    #[error("transaction {position} of the block cannot take effect: {error}")]
    Transaction {
        /// Counted from 0.
        position: usize,
        /// What is wrong with it.
        error: SpendError,
    },
    /// More money than can exist.
    #[error("the block would make more money than can exist")]
    Overflow,
}

/// Why a transaction cannot take effect on an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpendError {
    /// Out of order, or a replay.
    #[error("its nonce is {found}, the sender's next is {expected}")]
    Nonce {
        /// In the transaction.
        found: u64,
        /// By the chain.
        expected: u64,
    },
    /// The sender has less.
    #[error("it costs {cost} units, the sender has {balance}")]
    Unaffordable {
        /// Amount and fee.
        cost: Amount,
        /// The sender's balance.
        balance: Amount,
    },
    /// The receiver would have more than can exist.
    #[error("the receiver would have more than can exist")]
    Overflow,
}

/// A block's whole effect, and what undoes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Every touched account as it is after the block.
    pub accounts: BTreeMap<Address, Account>,
    /// The log after the block.
    pub log: LogEdge,
    /// How to take the block back.
    pub undo: Undo,
}

/// What a chain must remember to take a block back.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Undo {
    /// Every touched account as it was before the block, in order of address.
    pub accounts: Vec<(Address, Account)>,
    /// The log as it was before the block.
    pub log: LogEdge,
}

/// Accounts as a block being applied sees them: what it changed so far, over what was there before.
struct Working<L> {
    lookup: L,
    before: BTreeMap<Address, Account>,
    after: BTreeMap<Address, Account>,
}

impl<E, L: FnMut(&Address) -> Result<Account, E>> Working<L> {
    fn account(&mut self, address: &Address) -> Result<Account, E> {
        if let Some(account) = self.after.get(address) {
            return Ok(*account);
        }
        let account = (self.lookup)(address)?;
        self.before.insert(*address, account);
        self.after.insert(*address, account);
        Ok(account)
    }

    fn set(&mut self, address: Address, account: Account) {
        self.after.insert(address, account);
    }

    /// Outer error: the lookup failed. Inner: the transaction cannot take effect.
    fn spend(&mut self, transaction: &CheckedTransaction) -> Result<Result<(), SpendError>, E> {
        let sender = self.account(&transaction.sender)?;
        let debited = match debit(transaction, sender) {
            Ok(debited) => debited,
            Err(error) => return Ok(Err(error)),
        };
        self.set(transaction.sender, debited);
        if let Payload::Transfer { to, amount } = &transaction.payload {
            let mut receiver = self.account(to)?;
            let Some(balance) = receiver.balance.checked_add(*amount) else {
                return Ok(Err(SpendError::Overflow));
            };
            receiver.balance = balance;
            self.set(*to, receiver);
        }
        Ok(Ok(()))
    }
}

/// The sender's account after paying for a transaction.
///
/// # Errors
/// When the nonce is not the account's next, or the balance too small.
pub fn debit(transaction: &CheckedTransaction, account: Account) -> Result<Account, SpendError> {
    if transaction.nonce != account.nonce {
        return Err(SpendError::Nonce { found: transaction.nonce, expected: account.nonce });
    }
    let cost = transaction.cost().map_err(|_| SpendError::Overflow)?;
    let balance =
        account.balance.checked_sub(cost).ok_or(SpendError::Unaffordable { cost, balance: account.balance })?;
    let nonce = account.nonce.checked_add(1).ok_or(SpendError::Overflow)?;
    Ok(Account { balance, nonce })
}

/// Applies a block at `height` to the accounts that `lookup` finds and to the log before it. Checked in
/// this order: height, log, each transaction, reward.
///
/// # Errors
/// The outer error is the lookup's own. The inner one is the first rule that the block breaks.
pub fn apply<E>(
    block: &CheckedBlock,
    height: Height,
    spec: &ChainSpec,
    log: &LogEdge,
    lookup: impl FnMut(&Address) -> Result<Account, E>,
) -> Result<Result<Applied, LedgerError>, E> {
    let coinbase = block.coinbase();
    if coinbase.height != height {
        return Ok(Err(LedgerError::Height { found: coinbase.height, expected: height }));
    }
    // Before anything else about the transactions, for whatever is wrong with others than the
    // committed ones is no fault of the block.
    let mut after_log = log.clone();
    block.transactions().iter().for_each(|transaction| after_log.append(transaction.id()));
    if (coinbase.log_size, coinbase.log_root) != (after_log.size(), after_log.root()) {
        return Ok(Err(LedgerError::Log));
    }
    let mut working = Working { lookup, before: BTreeMap::new(), after: BTreeMap::new() };
    let mut earned = Some(spec.subsidy_at(height));
    for (position, transaction) in block.transactions().iter().enumerate() {
        if let Err(error) = working.spend(transaction)? {
            return Ok(Err(LedgerError::Transaction { position, error }));
        }
        earned = earned.and_then(|earned| earned.checked_add(transaction.fee));
    }
    let Some(expected) = earned else { return Ok(Err(LedgerError::Overflow)) };
    if coinbase.reward != expected {
        return Ok(Err(LedgerError::Reward { found: coinbase.reward, expected }));
    }
    // Paid last, so that a block cannot spend its own reward.
    let mut miner = working.account(&coinbase.miner)?;
    let Some(balance) = miner.balance.checked_add(coinbase.reward) else {
        return Ok(Err(LedgerError::Overflow));
    };
    miner.balance = balance;
    working.set(coinbase.miner, miner);
    let undo = Undo { accounts: working.before.into_iter().collect(), log: log.clone() };
    Ok(Ok(Applied { accounts: working.after, log: after_log, undo }))
}
