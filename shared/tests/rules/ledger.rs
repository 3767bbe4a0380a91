//! Every way in which a block cannot take effect at its place in the chain, and the corner cases in
//! which sender, receiver and miner are the same.

use std::{collections::BTreeMap, convert::Infallible};

use shared::{
    Address, Amount, Block, BlockHash, ChainSpec, CheckedBlock, Coinbase, CoinbaseHash, Header, Height, LogEdge,
    LogRoot, Millis, Payload, Seconds, Topic, Transaction,
    rules::ledger::{Account, Applied, LedgerError, SpendError, apply},
    transaction::VERSION,
    work::Bits,
};

pub(crate) type Accounts = BTreeMap<Address, Account>;

pub(crate) const HEIGHT: Height = Height(1);

pub(crate) fn units(units: u64) -> Amount {
    Amount::new(units).unwrap()
}

pub(crate) fn account(balance: u64, nonce: u64) -> Account {
    Account { balance: units(balance), nonce }
}

fn transaction(sender: Address, nonce: u64, fee: u64, payload: Payload) -> Transaction {
    Transaction { version: VERSION, sender, nonce, fee: units(fee), time: Millis(nonce), payload, signature: [0; 64] }
}

pub(crate) fn transfer(sender: Address, nonce: u64, fee: u64, to: Address, amount: u64) -> Transaction {
    transaction(sender, nonce, fee, Payload::Transfer { to, amount: units(amount) })
}

pub(crate) fn data(sender: Address, nonce: u64, fee: u64) -> Transaction {
    data_of(sender, nonce, fee, 3)
}

/// Data of so many bytes.
pub(crate) fn data_of(sender: Address, nonce: u64, fee: u64, bytes: usize) -> Transaction {
    let payload = Payload::Data { topic: Topic::new("t").unwrap(), body: vec![1; bytes] };
    transaction(sender, nonce, fee, payload)
}

/// A block of these transactions whose coinbase is right for `reward`. Signatures and work were
/// another module's business before a block gets to the ledger.
pub(crate) fn block(
    height: Height,
    miner: Address,
    reward: Amount,
    log: &LogEdge,
    transactions: Vec<Transaction>,
) -> Block {
    let mut after = log.clone();
    transactions.iter().for_each(|transaction| after.append(transaction.id()));
    let coinbase =
        Coinbase { height, miner, reward, log_size: after.size(), log_root: after.root(), extra: Vec::new() };
    let header = Header {
        version: 1,
        previous: BlockHash::ZERO,
        coinbase_hash: CoinbaseHash::ZERO,
        time: Seconds(0),
        bits: Bits(0),
        nonce: 0,
    };
    Block { header, coinbase, transactions }
}

pub(crate) fn applied(
    block: Block,
    height: Height,
    spec: &ChainSpec,
    log: &LogEdge,
    accounts: &Accounts,
) -> Result<Applied, LedgerError> {
    let lookup = |address: &Address| Ok::<_, Infallible>(accounts.get(address).copied().unwrap_or_default());
    let Ok(applied) = apply(&CheckedBlock::trusted(block), height, spec, log, lookup);
    applied
}

const A: Address = Address([1; 32]);
const B: Address = Address([2; 32]);
const MINER: Address = Address([3; 32]);

fn spec() -> ChainSpec {
    ChainSpec { subsidy: units(50), ..ChainSpec::practice() }
}

/// Applies one block with these transactions and a reward of 50 and `fees` to a fresh log.
fn at_once(accounts: &Accounts, fees: u64, transactions: Vec<Transaction>) -> Result<Applied, LedgerError> {
    let log = LogEdge::default();
    applied(block(HEIGHT, MINER, units(50 + fees), &log, transactions), HEIGHT, &spec(), &log, accounts)
}

fn one_account(account: Account) -> Accounts {
    Accounts::from([(A, account)])
}

fn spend_error(accounts: &Accounts, transactions: Vec<Transaction>) -> (usize, SpendError) {
    match at_once(accounts, 0, transactions) {
        Err(LedgerError::Transaction { position, error }) => (position, error),
        other => panic!("not a transaction's error: {other:?}"),
    }
}

#[test]
fn each_rule_of_spending_is_named_with_its_position() {
    let rich = one_account(account(100, 4));
    let nonce = |found, expected| SpendError::Nonce { found, expected };
    assert_eq!(spend_error(&rich, vec![data(A, 3, 0)]), (0, nonce(3, 4)));
    assert_eq!(spend_error(&rich, vec![data(A, 4, 0), data(A, 4, 0)]), (1, nonce(4, 5)));
    assert_eq!(spend_error(&rich, vec![data(A, 4, 0), data(A, 6, 0)]), (1, nonce(6, 5)));

    let unaffordable = SpendError::Unaffordable { cost: units(101), balance: units(100) };
    assert_eq!(spend_error(&rich, vec![transfer(A, 4, 1, B, 100)]), (0, unaffordable));
    // What a transaction brings can be spent by the next one, but not by the one before.
    let unaffordable = SpendError::Unaffordable { cost: units(60), balance: Amount::ZERO };
    assert_eq!(spend_error(&rich, vec![transfer(B, 0, 0, A, 60), transfer(A, 4, 0, B, 60)]), (0, unaffordable));
    assert!(at_once(&rich, 0, vec![transfer(A, 4, 0, B, 60), transfer(B, 0, 0, A, 60)]).is_ok());

    let mut full = one_account(account(1, 0));
    full.insert(B, Account { balance: Amount::MAX, nonce: 0 });
    assert_eq!(spend_error(&full, vec![transfer(A, 0, 0, B, 1)]), (0, SpendError::Overflow));
    assert_eq!(spend_error(&one_account(account(1, u64::MAX)), vec![data(A, u64::MAX, 0)]), (0, SpendError::Overflow));
    let too_much = one_account(Account { balance: Amount::MAX, nonce: 0 });
    assert_eq!(spend_error(&too_much, vec![transfer(A, 0, 1, B, Amount::MAX.units())]), (0, SpendError::Overflow));
}

#[test]
fn each_rule_of_the_coinbase_is_named() {
    let log = LogEdge::default();
    let none = Accounts::new();
    let right = block(HEIGHT, MINER, units(50), &log, Vec::new());
    let refused = |block: Block| applied(block, HEIGHT, &spec(), &log, &none).unwrap_err();

    let high = block(Height(2), MINER, units(50), &log, Vec::new());
    assert_eq!(refused(high), LedgerError::Height { found: Height(2), expected: HEIGHT });
    for found in [units(49), units(51), Amount::ZERO, Amount::MAX] {
        let forged = block(HEIGHT, MINER, found, &log, Vec::new());
        assert_eq!(refused(forged), LedgerError::Reward { found, expected: units(50) });
    }
    let mut size = right.clone();
    size.coinbase.log_size = 1;
    assert_eq!(refused(size), LedgerError::Log);
    let mut root = right.clone();
    root.coinbase.log_root = LogRoot::ZERO;
    assert_eq!(refused(root), LedgerError::Log);
    assert!(applied(right, HEIGHT, &spec(), &log, &none).is_ok());
}

#[test]
fn more_money_than_can_exist_is_refused() {
    let miner = Accounts::from([(MINER, Account { balance: Amount::MAX, nonce: 0 })]);
    assert_eq!(at_once(&miner, 0, Vec::new()), Err(LedgerError::Overflow));
    // Accounts that together hold more than can exist: fees that no amount can hold.
    let max = Account { balance: Amount::MAX, nonce: 0 };
    let accounts = Accounts::from([(A, max), (B, max)]);
    let fees = vec![data(A, 0, Amount::MAX.units()), data(B, 0, 1)];
    assert_eq!(at_once(&accounts, 0, fees), Err(LedgerError::Overflow));
}

#[test]
fn a_transfer_to_oneself_costs_the_fee() {
    let applied = at_once(&one_account(account(10, 0)), 2, vec![transfer(A, 0, 2, A, 8)]).unwrap();
    assert_eq!(applied.accounts[&A], account(8, 1));
    assert_eq!(applied.accounts[&MINER], account(52, 0));
}

#[test]
fn a_miner_cannot_spend_its_reward_in_the_same_block() {
    let unaffordable = SpendError::Unaffordable { cost: units(1), balance: Amount::ZERO };
    assert_eq!(spend_error(&Accounts::new(), vec![transfer(MINER, 0, 0, A, 1)]), (0, unaffordable));
    let applied = at_once(&Accounts::from([(MINER, account(5, 0))]), 1, vec![transfer(MINER, 0, 1, MINER, 4)]);
    assert_eq!(applied.unwrap().accounts[&MINER], account(4 + 51, 1));
}

#[test]
fn a_failed_lookup_is_the_callers_own_error() {
    let log = LogEdge::default();
    let block = CheckedBlock::trusted(block(HEIGHT, MINER, units(50), &log, Vec::new()));
    let lookup = |_: &Address| Err::<Account, _>("the disk is gone");
    assert_eq!(apply(&block, HEIGHT, &spec(), &log, lookup), Err("the disk is gone"));
}
