//! Signing in the name of an account and handing the transaction over. Two requests of one account take
//! turns, so that each gets a nonce of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde::Serialize;
use shared::{Address, Amount, Payload, Transaction, TxId, transaction::VERSION};
use utoipa::ToSchema;

use super::super::{App, docs, problem::Problem};
use crate::accounts::session::Unlocked;
use crate::drivers::clock;

/// A transaction that was signed and accepted.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct Signed {
    /// The transaction's id.
    #[schema(value_type = String, example = docs::hash)]
    pub(in super::super) id: TxId,
    /// Its nonce. Another transaction with the same nonce can only take its place, never come after it.
    pub(in super::super) nonce: u64,
    /// Its fee, in whole units.
    #[schema(value_type = u64)]
    pub(in super::super) fee: Amount,
}

/// Whose turn it is, for each account that is about to sign.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<BTreeMap<Address, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    fn of(&self, address: Address) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&address).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(address, Arc::downgrade(&turn));
        turn
    }
}

/// Signs this in the name of `account` and gives it to the machine, which keeps it until it is confirmed.
/// Without a fee, the size decides; without a nonce, it comes after all that the account has pending.
///
/// # Errors
/// 422 when the transaction cannot take effect, with the reason.
pub(in super::super) async fn sign_and_submit(
    app: &App,
    account: &Unlocked,
    payload: Payload,
    fee: Option<Amount>,
    nonce: Option<u64>,
) -> Result<Signed, Problem> {
    let turn = app.wallet.turns.of(account.address);
    let _turn = turn.lock().await;
    let nonce = match nonce {
        Some(nonce) => nonce,
        None => app.outlook(account.address).await?.next_nonce,
    };
    let mut transaction = unsigned(account, payload, nonce);
    transaction.fee = fee.unwrap_or_else(|| transaction.usual_fee());
    let sent = app.submit(transaction.signed(account.keys.signing(), &app.api.network.genesis_hash())).await?;
    Ok(Signed { id: sent.id(), nonce, fee: sent.fee })
}

/// The same for the usual fee, or for as much of it as the account has: an account without money may take part where
/// blocks have room for it.
///
/// # Errors
/// 422 when the transaction cannot take effect, with the reason.
pub(in super::super) async fn sign_and_submit_if_poor(
    app: &App,
    account: &Unlocked,
    payload: Payload,
) -> Result<TxId, Problem> {
    let turn = app.wallet.turns.of(account.address);
    let _turn = turn.lock().await;
    let outlook = app.outlook(account.address).await?;
    let mut transaction = unsigned(account, payload, outlook.next_nonce);
    transaction.fee = transaction.usual_fee().min(outlook.spendable);
    let sent = app.submit(transaction.signed(account.keys.signing(), &app.api.network.genesis_hash())).await?;
    Ok(sent.id())
}

fn unsigned(account: &Unlocked, payload: Payload, nonce: u64) -> Transaction {
    Transaction {
        version: VERSION,
        sender: account.address,
        nonce,
        fee: Amount::ZERO,
        time: clock::wall().min(Transaction::MAX_TIME),
        payload,
        signature: [0; 64],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_shared_while_somebody_needs_them() {
        let turns = Turns::default();
        let (one, other) = (turns.of(Address([1; 32])), turns.of(Address([2; 32])));
        assert!(Arc::ptr_eq(&one, &turns.of(Address([1; 32]))));
        assert!(!Arc::ptr_eq(&one, &other));
        drop((one, other));
        turns.of(Address([3; 32]));
        assert_eq!(turns.0.lock().unwrap().len(), 1);
    }
}
