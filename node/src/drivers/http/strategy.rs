//! How this node mines, honestly or not: told, and changed while it runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::{Address, BlockHash, CheckedTransaction, Height, Transaction, TxId};
use utoipa::ToSchema;

use super::{App, docs, extract::JsonBody, problem::Problem, unexpected};
use crate::machine::{
    effect::{Refused, Reply},
    event::Request,
    strategy::{self as machine, Attack, Ending, StrategyStatus},
};

/// Transactions named in one strategy, at most.
const MAX_NAMED: usize = 1_000;

/// How a node mines.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Strategy {
    /// On the tip, and every block is told of at once.
    Honest,
    /// Blocks are kept back and told of as others catch up (Eyal and Sirer 2014, algorithm 1).
    Selfish,
    /// A branch in secret, published as a whole when it wins: a double spend, or a forced reorganisation.
    Private(PrivateBranch),
    /// Breaking the rules among peers, so that they defend themselves.
    Liar(Lie),
}

/// A branch in secret. Once it is published or given up, the node mines on the tip again, and goes on
/// leaving the same transactions out.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PrivateBranch {
    /// The block to begin on; the tip unless given.
    #[schema(value_type = Option<String>, example = docs::hash)]
    #[serde(default)]
    from: Option<BlockHash>,
    /// Publish no earlier than when the public branch has so many blocks on top of that one.
    confirmations: u32,
    /// Publish no earlier than when the private branch is so many blocks longer than the public one. Having
    /// more work is enough unless given.
    #[serde(default)]
    lead: Option<u32>,
    /// Give up when the private branch is so many blocks shorter than the public one; never unless given.
    /// More than it is at the beginning.
    #[serde(default)]
    give_up: Option<u32>,
    /// Ids of transactions that are not mined, nor anything that their senders signed after them.
    #[schema(value_type = Vec<String>)]
    #[serde(default)]
    leave_out: BTreeSet<TxId>,
    /// Signed transactions that are mined in the private branch alone, in the place of others with the same
    /// sender and nonce.
    #[schema(value_type = Vec<docs::Transaction>)]
    #[serde(default)]
    instead: Vec<Transaction>,
}

/// What a liar does.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Lie {
    /// Mines blocks that pay one unit too much, and announces them.
    InvalidBlocks,
    /// Announces blocks and does not give them when asked.
    WithheldBodies,
    /// Asks for blocks that do not exist, without end.
    Floods,
}

/// Which of two tips with equal work is taken.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Tie {
    /// The one that was seen first.
    FirstSeen,
    /// The one that this address mined.
    #[schema(value_type = String, example = docs::address)]
    Prefer(Address),
}

/// What is to change; the rest stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StrategyChange {
    strategy: Option<Strategy>,
    tie: Option<Tie>,
}

/// How an attack ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AttackOutcome {
    /// The branch was published.
    Published,
    /// The public branch was too far ahead.
    GivenUp,
}

/// How a node mines, and what has come of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StrategyInForce {
    strategy: Strategy,
    tie: Tie,
    /// How many own blocks it keeps back.
    withheld: u32,
    /// The height of the tip that it shows to others.
    #[schema(value_type = u32)]
    public_height: Height,
    /// The height of the block that it mines on.
    #[schema(value_type = u32)]
    private_height: Height,
    /// How the attack ended, if one was set and has.
    ended: Option<AttackOutcome>,
}

/// How the node mines
#[utoipa::path(
    get, path = "/strategy", tag = docs::MINING,
    responses((status = 200, body = StrategyInForce), docs::Admin, docs::Unavailable)
)]
pub(super) async fn strategy(State(app): State<Arc<App>>) -> Result<Json<StrategyInForce>, Problem> {
    in_force(app.ask(Request::Strategy).await?)
}

/// Mine in another way
///
/// What the node kept back is published if it wins, and forgotten otherwise. Nothing of this outlives the
/// node's process: it begins with what its command line says.
#[utoipa::path(
    post, path = "/strategy", tag = docs::MINING, request_body = StrategyChange,
    responses(
        (status = 200, description = "What is in force now", body = StrategyInForce),
        (status = 422, description = "This cannot begin; the reason says why", body = docs::Problem),
        docs::Body, docs::Foreign, docs::Admin, docs::Unavailable,
    )
)]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    JsonBody(change): JsonBody<StrategyChange>,
) -> Result<Json<StrategyInForce>, Problem> {
    let genesis = app.api.network.genesis_hash();
    let strategy = change.strategy.map(|strategy| strategy.check(&genesis)).transpose()?;
    let tie = change.tie.map(|tie| match tie {
        Tie::FirstSeen => machine::Tie::FirstSeen,
        Tie::Prefer(miner) => machine::Tie::Prefer(miner),
    });
    in_force(app.ask(Request::SetStrategy { strategy, tie }).await?)
}

fn in_force(reply: Reply) -> Result<Json<StrategyInForce>, Problem> {
    match reply {
        Reply::Strategy(status) => Ok(Json((*status).into())),
        Reply::Refused(Refused::Invalid(reason)) => Err(impossible(&reason)),
        other => Err(unexpected(&other)),
    }
}

fn impossible(reason: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("The strategy stays as it is: {reason}."))
}

impl Strategy {
    fn check(self, genesis: &BlockHash) -> Result<machine::Strategy, Problem> {
        Ok(match self {
            Self::Honest => machine::Strategy::Honest,
            Self::Selfish => machine::Strategy::Selfish,
            Self::Private(branch) => machine::Strategy::Private(branch.check(genesis)?),
            Self::Liar(lie) => machine::Strategy::Liar { what: lie.into() },
        })
    }
}

impl PrivateBranch {
    fn check(self, genesis: &BlockHash) -> Result<Attack, Problem> {
        let Self { from, confirmations, lead, give_up, leave_out, instead } = self;
        if leave_out.len() + instead.len() > MAX_NAMED {
            return Err(impossible(&format!("it names more than {MAX_NAMED} transactions")));
        }
        let checked = instead.into_iter().enumerate().map(|(index, transaction)| {
            let wrong = |error| impossible(&format!("transaction {index} of `instead` is wrong: {error}"));
            transaction.check(genesis).map(Arc::new).map_err(wrong)
        });
        let instead = checked.collect::<Result<Vec<Arc<CheckedTransaction>>, _>>()?;
        Ok(Attack { from, confirmations, lead, give_up: give_up.unwrap_or(u32::MAX), leave_out, instead })
    }
}

impl From<Lie> for machine::Lie {
    fn from(lie: Lie) -> Self {
        match lie {
            Lie::InvalidBlocks => Self::InvalidBlocks,
            Lie::WithheldBodies => Self::WithheldBodies,
            Lie::Floods => Self::Floods,
        }
    }
}

impl From<machine::Strategy> for Strategy {
    fn from(strategy: machine::Strategy) -> Self {
        match strategy {
            machine::Strategy::Honest => Self::Honest,
            machine::Strategy::Selfish => Self::Selfish,
            machine::Strategy::Private(Attack { from, confirmations, lead, give_up, leave_out, instead }) => {
                let give_up = Some(give_up).filter(|blocks| *blocks != u32::MAX);
                let instead = instead.iter().map(|transaction| (***transaction).clone()).collect();
                Self::Private(PrivateBranch { from, confirmations, lead, give_up, leave_out, instead })
            }
            machine::Strategy::Liar { what } => Self::Liar(match what {
                machine::Lie::InvalidBlocks => Lie::InvalidBlocks,
                machine::Lie::WithheldBodies => Lie::WithheldBodies,
                machine::Lie::Floods => Lie::Floods,
            }),
        }
    }
}

impl From<StrategyStatus> for StrategyInForce {
    fn from(status: StrategyStatus) -> Self {
        Self {
            strategy: status.strategy.into(),
            tie: match status.tie {
                machine::Tie::FirstSeen => Tie::FirstSeen,
                machine::Tie::Prefer(miner) => Tie::Prefer(miner),
            },
            withheld: status.withheld,
            public_height: status.public,
            private_height: status.private,
            ended: status.ending.map(|ending| match ending {
                Ending::Published => AttackOutcome::Published,
                Ending::GivenUp => AttackOutcome::GivenUp,
            }),
        }
    }
}
