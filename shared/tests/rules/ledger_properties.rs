//! What holds for all blocks: the ledger does what a plain model of it does, money is neither made nor
//! lost but for the subsidy, and undoing a chain of blocks gives back each state there was.

use borsh::BorshDeserialize;
use proptest::{collection::vec, prelude::*};
use shared::{
    Address, Amount, ChainSpec, Height, LogEdge, Transaction,
    rules::ledger::{Account, Applied, LedgerError, Undo},
};

use crate::ledger::{Accounts, account, applied, block, data, data_of, transfer, units};

const SUBSIDY: u64 = 50;

/// What somebody tries to do. Addresses are few, so that sender, receiver and miner often coincide.
#[derive(Debug, Clone)]
struct Attempt {
    sender: u8,
    /// Nobody: data.
    to: Option<u8>,
    /// Units of a transfer, bytes of data.
    amount: u64,
    fee: u64,
}

/// A miner, and what it is offered.
type Round = (u8, Vec<Attempt>);

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let attempt = (0..4u8, prop::option::weighted(0.8, 0..4u8), 1..60u64, 0..4u64);
    let attempt = attempt.prop_map(|(sender, to, amount, fee)| Attempt { sender, to, amount, fee });
    vec((0..4u8, vec(attempt, 0..12)), 1..8)
}

fn address(number: u8) -> Address {
    Address([number; 32])
}

fn spec() -> ChainSpec {
    ChainSpec { subsidy: units(SUBSIDY), ..ChainSpec::practice() }
}

/// The ledger in its plainest form: signed numbers, one line for each rule.
#[derive(Clone, Default)]
struct Model {
    balances: [i64; 4],
    nonces: [u64; 4],
}

impl Model {
    /// The transactions of a round that can take effect, which then have; and their fees.
    fn play(&mut self, (miner, attempts): &Round) -> (Vec<Transaction>, u64) {
        let (mut done, mut fees) = (Vec::new(), 0);
        for Attempt { sender, to, amount, fee } in attempts {
            let from = usize::from(*sender);
            let cost = fee + to.map_or(0, |_| *amount);
            if self.balances[from] < cost as i64 {
                continue;
            }
            done.push(match to {
                Some(to) => transfer(address(*sender), self.nonces[from], *fee, address(*to), *amount),
                None => data_of(address(*sender), self.nonces[from], *fee, *amount as usize),
            });
            self.nonces[from] += 1;
            self.balances[from] -= cost as i64;
            if let Some(to) = to {
                self.balances[usize::from(*to)] += *amount as i64;
            }
            fees += fee;
        }
        self.balances[usize::from(*miner)] += (SUBSIDY + fees) as i64;
        (done, fees)
    }

    fn accounts(&self) -> Accounts {
        let accounts = (0..4).map(|n| (address(n as u8), account(self.balances[n] as u64, self.nonces[n])));
        accounts.filter(|(_, account)| *account != Account::default()).collect()
    }
}

/// Writes accounts as a store does, where a default account is the same as none.
fn write(accounts: &mut Accounts, changes: impl IntoIterator<Item = (Address, Account)>) {
    for (address, account) in changes {
        accounts.insert(address, account);
    }
    accounts.retain(|_, account| *account != Account::default());
}

fn money(accounts: &Accounts) -> u64 {
    accounts.values().map(|account| account.balance.units()).sum()
}

/// A chain as far as the ledger knows it, with what undoes each block and what there was before it.
#[derive(Default)]
struct Chain {
    model: Model,
    accounts: Accounts,
    log: LogEdge,
    history: Vec<(Model, Accounts, LogEdge, Undo)>,
}

impl Chain {
    fn height(&self) -> u32 {
        self.history.len() as u32
    }

    /// Applies a block of this round, and compares with the model.
    fn grow(&mut self, round: &Round) -> Result<(), TestCaseError> {
        let (before, height) = (self.model.clone(), Height(self.height() + 1));
        let (transactions, fees) = self.model.play(round);
        let count = transactions.len() as u64;
        let block = block(height, address(round.0), units(SUBSIDY + fees), &self.log, transactions);
        let Applied { accounts: changed, log, undo } =
            applied(block, height, &spec(), &self.log, &self.accounts).unwrap();
        prop_assert_eq!(log.size(), self.log.size() + count);
        prop_assert!(undo.accounts.is_sorted_by(|(one, _), (next, _)| one < next));
        prop_assert!(undo.accounts.iter().map(|(address, _)| address).eq(changed.keys()));
        self.history.push((before, self.accounts.clone(), std::mem::replace(&mut self.log, log), undo));
        write(&mut self.accounts, changed);
        prop_assert_eq!(&self.accounts, &self.model.accounts());
        prop_assert_eq!(money(&self.accounts), SUBSIDY * u64::from(height.0));
        Ok(())
    }

    /// Takes the last block back, and compares with what there was.
    fn shrink(&mut self) -> Result<(), TestCaseError> {
        let Some((model, accounts, log, undo)) = self.history.pop() else { return Ok(()) };
        // As it would be read from a disk.
        let undo = Undo::try_from_slice(&borsh::to_vec(&undo).unwrap()).unwrap();
        write(&mut self.accounts, undo.accounts);
        prop_assert_eq!(&self.accounts, &accounts);
        prop_assert_eq!(&undo.log, &log);
        (self.model, self.log) = (model, undo.log);
        Ok(())
    }
}

proptest! {
    #[test]
    fn blocks_do_what_the_model_does_and_undo_takes_each_back(rounds in rounds()) {
        let mut chain = Chain::default();
        rounds.iter().try_for_each(|round| chain.grow(round))?;
        rounds.iter().try_for_each(|_| chain.shrink())?;
        prop_assert_eq!((chain.accounts, chain.log), (Accounts::new(), LogEdge::default()));
    }

    /// However often the chain goes from one branch to another, it ends as if it had only seen the last.
    #[test]
    fn branches_that_were_undone_leave_nothing_behind(branches in vec((0..6usize, rounds()), 1..6)) {
        let (mut chain, mut rounds) = (Chain::default(), Vec::new());
        for (depth, branch) in branches {
            let kept = rounds.len().saturating_sub(depth);
            rounds.drain(kept..).try_for_each(|_: Round| chain.shrink())?;
            branch.iter().try_for_each(|round| chain.grow(round))?;
            rounds.extend(branch);
        }
        let mut alone = Chain::default();
        rounds.iter().try_for_each(|round| alone.grow(round))?;
        prop_assert_eq!((chain.accounts, chain.log), (alone.accounts, alone.log));
    }

    /// Any other reward, order or size of the log than the rule's is refused.
    #[test]
    fn a_block_changed_in_any_rule_is_refused(rounds in rounds(), off in 1..100u64, which in 0..5) {
        let spec = spec();
        let (mut model, mut accounts, mut log) = (Model::default(), Accounts::new(), LogEdge::default());
        for (height, round) in (1..).map(Height).zip(&rounds) {
            let (transactions, fees) = model.play(round);
            let right = block(height, address(round.0), units(SUBSIDY + fees), &log, transactions);
            let mut wrong = right.clone();
            match which {
                0 => wrong.coinbase.reward = units(SUBSIDY + fees + off),
                1 => wrong.coinbase.log_size += off,
                2 => wrong.coinbase.height = Height(height.0 + 1),
                3 => wrong.transactions.push(data(address(0), model.nonces[0], 0)),
                _ => {
                    let mut transactions = right.transactions.clone();
                    transactions.push(data(address(0), model.nonces[0] + off, 0));
                    wrong = block(height, address(round.0), right.coinbase.reward, &log, transactions);
                }
            }
            let refused = applied(wrong, height, &spec, &log, &accounts);
            let named = match which {
                0 => matches!(refused, Err(LedgerError::Reward { .. })),
                1 | 3 => matches!(refused, Err(LedgerError::Log)),
                2 => matches!(refused, Err(LedgerError::Height { .. })),
                _ => matches!(refused, Err(LedgerError::Transaction { .. })),
            };
            prop_assert!(named, "{:?}", refused);
            let done = applied(right, height, &spec, &log, &accounts).unwrap();
            write(&mut accounts, done.accounts);
            log = done.log;
        }
    }

    #[test]
    fn the_supply_never_passes_its_limit(subsidy in 0..=Amount::MAX.units(), height in 1..=u32::MAX) {
        let spec = ChainSpec { subsidy: units(subsidy), ..ChainSpec::practice() };
        let last = Amount::MAX.units().checked_div(subsidy).unwrap_or(u64::MAX);
        let paid = u128::from(subsidy) * u128::from(last.min(height.into()));
        prop_assert!(paid <= u128::from(Amount::MAX.units()));
        let expected = if u64::from(height) <= last { units(subsidy) } else { Amount::ZERO };
        prop_assert_eq!(spec.subsidy_at(Height(height)), expected);
    }
}
