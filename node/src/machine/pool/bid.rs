//! What a transaction must pay to enter, and why one does not. That one may take the place of another
//! with the same sender and nonce is this node's policy, not a rule of the network: a block may hold
//! either.

use std::cmp::Ordering;

use shared::{
    Amount, CheckedTransaction, TxId,
    rules::ledger::{Account, SpendError},
};

/// Why a transaction does not enter the pool, or had to leave it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// It is there already.
    #[error("it is in the pool already")]
    Known,
    /// The chain has it.
    #[error("it is confirmed already")]
    Confirmed,
    /// The chain has another transaction of its sender with this nonce.
    #[error("its nonce {found} was used by a confirmed transaction; the sender's next is {next}")]
    Used {
        /// In the transaction.
        found: u64,
        /// The first nonce that nothing confirmed or pending has.
        next: u64,
    },
    /// Transactions that should come before it are missing.
    #[error("its nonce is {found}, the sender's next is {next}: what comes before it must be sent first")]
    Early {
        /// In the transaction.
        found: u64,
        /// The first nonce that nothing confirmed or pending has.
        next: u64,
    },
    /// The sender cannot pay for it and for everything else that it has pending.
    #[error("it costs {cost} units, the sender has {left}{}", beside(*pending))]
    Unaffordable {
        /// Amount and fee.
        cost: Amount,
        /// The balance without the pending ones' cost.
        left: Amount,
        /// The cost of the sender's other pending transactions.
        pending: Amount,
    },
    /// More than can exist.
    #[error("amount and fee together are more than can exist")]
    Overflow,
    /// Another one with its nonce waits, and it does not pay enough to take that one's place.
    #[error("{waiting} with the same nonce waits already; a fee of at least {enough} units would take its place")]
    Underbid {
        /// The one that waits.
        waiting: TxId,
        /// The least fee that is enough, in units.
        enough: u64,
    },
    /// It had to leave for another one with its nonce.
    #[error("{by} with the same nonce and a higher fee took its place")]
    Replaced {
        /// The one that took its place.
        by: TxId,
    },
    /// There is no room.
    #[error("the pool is full; try again after the next blocks, or with a higher fee")]
    Full,
    /// It had to leave.
    #[error("the pool is full, and one with a higher fee took its place")]
    Displaced,
}

/// What a sender's balance is told without.
fn beside(pending: Amount) -> String {
    if pending == Amount::ZERO {
        return String::new();
    }
    format!(" beside the {pending} that its other pending transactions cost")
}

impl PoolError {
    /// Whether the transaction can never enter any more, as far as the present chain goes.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Confirmed | Self::Used { .. })
    }

    /// Why a sender cannot pay, given its confirmed account and the cost of what else it has pending.
    pub(super) fn of_spend(error: SpendError, account: Account, pending: Amount) -> Self {
        match error {
            SpendError::Nonce { found, expected } if found < account.nonce => Self::Used { found, next: expected },
            SpendError::Nonce { found, expected } => Self::Early { found, next: expected },
            SpendError::Unaffordable { cost, balance } => Self::Unaffordable { cost, left: balance, pending },
            SpendError::Overflow => Self::Overflow,
        }
    }
}

/// Which of two transactions pays more for each byte.
pub(super) fn by_rate(one: &CheckedTransaction, other: &CheckedTransaction) -> Ordering {
    let scaled = |of: &CheckedTransaction, by: &CheckedTransaction| u128::from(of.fee.units()) * by.size() as u128;
    scaled(one, other).cmp(&scaled(other, one))
}

/// What a transaction pays, in millionths of a unit for each byte.
pub(super) fn rate(transaction: &CheckedTransaction) -> u128 {
    u128::from(transaction.fee.units()) * 1_000_000 / transaction.size().max(1) as u128
}

/// The least fee, in units, with which a transaction of so many bytes takes the place of one that
/// waits: a tenth more, at least one unit more, and more for each byte. So a place changes hands some
/// hundred times at most, and nodes that get the same bids in any order end with the same one, as long
/// as each is enough against the one below it.
fn enough(size: usize, waiting: &CheckedTransaction) -> u64 {
    let fee = waiting.fee.units();
    let a_tenth_more = fee + fee.div_ceil(10).max(1);
    let more_for_each_byte = u128::from(fee) * size as u128 / waiting.size().max(1) as u128 + 1;
    a_tenth_more.max(u64::try_from(more_for_each_byte).unwrap_or(u64::MAX))
}

/// Whether a transaction may take the place of one with the same sender and nonce.
///
/// # Errors
/// What would be enough.
pub fn outbid(transaction: &CheckedTransaction, waiting: &CheckedTransaction) -> Result<(), PoolError> {
    let enough = enough(transaction.size(), waiting);
    if transaction.fee.units() >= enough { Ok(()) } else { Err(PoolError::Underbid { waiting: waiting.id(), enough }) }
}
