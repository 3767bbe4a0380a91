//! Many signed transactions in one request: their signatures are checked together, and one commit keeps them
//! all. Each counts by itself, as if it had come alone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::{BlockHash, CheckedTransaction, Transaction, TxId, transaction};
use utoipa::ToSchema;

use super::{
    App, docs,
    extract::JsonBody,
    problem::Problem,
    transactions::{may_be_sent, not_pooled, not_taken},
    unexpected,
};
use crate::machine::{effect::Reply, event::Request};

/// Transactions in one request, at most.
const MAX_BATCH: usize = 1_000;

/// What became of each transaction, in the order in which they were sent.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Outcomes {
    /// How many of them are in the pool and kept until they are confirmed.
    accepted: usize,
    /// Each of them.
    outcomes: Vec<Outcome>,
}

/// What became of one transaction.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransactionOutcome)]
pub(super) struct Outcome {
    /// The transaction's id.
    #[schema(value_type = String, example = docs::hash)]
    id: TxId,
    /// Why it is not taken; absent where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<docs::TransactionRefused>)]
    error: Option<Problem>,
}

/// Send many signed transactions
///
/// A list of up to 1000, in 1 MiB. They are taken in this order, so that each sender's nonces may follow one another;
/// each is taken or refused by itself, as POST /transactions would. Many times cheaper than as many requests.
#[utoipa::path(
    post, path = "/transactions/batch", tag = docs::TRANSACTIONS, request_body = Vec<docs::Transaction>,
    responses((status = 200, body = Outcomes), docs::Body, docs::Foreign, docs::Unavailable)
)]
pub(super) async fn submit_batch(
    State(app): State<Arc<App>>,
    JsonBody(transactions): JsonBody<Vec<Transaction>>,
) -> Result<Json<Outcomes>, Problem> {
    if transactions.len() > MAX_BATCH {
        let count = transactions.len();
        return Err(Problem::bad_request(format!(
            "{count} transactions are too many: send at most {MAX_BATCH} at once."
        )));
    }
    let genesis = app.api.network.genesis_hash();
    let checking = tokio::task::spawn_blocking(move || check_each(transactions, &genesis));
    let checked = checking.await.map_err(|_| super::heavy::given_up())?;
    let good: Vec<_> = checked.iter().filter_map(|(_, checked)| checked.as_ref().ok().cloned()).collect();
    let mut pooled = match app.ask(Request::SubmitTransactions(good)).await? {
        Reply::Submitted(outcomes) => outcomes.into_iter(),
        other => return Err(unexpected(&other)),
    };
    let outcome = |(id, checked): (TxId, Result<_, Problem>)| {
        let taken =
            checked.and_then(|_| pooled.next().map_or(Ok(()), |outcome| outcome.map_err(|why| not_pooled(&why))));
        Outcome { id, error: taken.err() }
    };
    let outcomes: Vec<Outcome> = checked.into_iter().map(outcome).collect();
    Ok(Json(Outcomes { accepted: outcomes.iter().filter(|outcome| outcome.error.is_none()).count(), outcomes }))
}

type Checked = (TxId, Result<Arc<CheckedTransaction>, Problem>);

/// All signatures at once, and one by one only where that says that something is wrong.
fn check_each(transactions: Vec<Transaction>, genesis: &BlockHash) -> Vec<Checked> {
    let sendable = |checked: CheckedTransaction| may_be_sent(&checked).map(|()| Arc::new(checked));
    match transaction::check_all(transactions.clone(), genesis) {
        Ok(checked) => checked.into_iter().map(|checked| (checked.id(), sendable(checked))).collect(),
        Err(_) => {
            let check = |transaction: Transaction| {
                let id = transaction.id();
                (id, transaction.check(genesis).map_err(|error| not_taken(&error)).and_then(sendable))
            };
            transactions.into_iter().map(check).collect()
        }
    }
}
