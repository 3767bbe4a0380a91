//! Re-checking the stored chain from genesis to the tip, and all that is stored beside it.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::{Block, BlockHash, CheckedBlock, Height, Network};
use utoipa::ToSchema;

use super::{
    App, docs,
    heavy::{self, Wanted},
    problem::Problem,
    replay::Replay,
    store_failed, tip_of,
};
use crate::{
    drivers::clock,
    machine::store::{Location, ReadChain, StoreError},
};

/// What re-checking the chain found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Verdict {
    /// Whether everything is right.
    valid: bool,
    /// Height of the tip that was checked up to.
    #[schema(value_type = u32)]
    height: Height,
    /// Milliseconds that it took.
    checked_ms: u64,
    /// The first thing that is wrong; absent when nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    wrong: Option<Wrong>,
}

/// Something wrong in a stored chain.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct Wrong {
    /// At which height.
    #[schema(value_type = u32)]
    pub(super) height: Height,
    /// The block there; absent when there is none.
    #[schema(value_type = Option<String>, example = docs::hash)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hash: Option<BlockHash>,
    /// What is wrong, as a sentence.
    pub(super) reason: String,
}

/// Re-check the stored chain
///
/// Every block from genesis to the tip: proof of work, links, times, difficulty, signatures, ledger and
/// log; then that the stored accounts, places and undo records are what the blocks make them. Memory
/// grows with the number of accounts. One check at a time; it ends when nobody waits for it.
#[utoipa::path(get, path = "/valid", tag = docs::CHAIN, responses((status = 200, body = Verdict), docs::Unavailable))]
pub(super) async fn valid(State(app): State<Arc<App>>) -> Result<Json<Verdict>, Problem> {
    let permit = app.validating.take()?;
    let snapshot = app.snapshot()?;
    let (_, height) = tip_of(&snapshot)?;
    let network = app.api.network.clone();
    let check = move |wanted: &Wanted| {
        let begun = Instant::now();
        let wrong = find_wrong(&snapshot, &network, height, wanted)?;
        let checked_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Verdict { valid: wrong.is_none(), height, checked_ms, wrong })
    };
    heavy::run(permit, &app.api.shutdown, check).await.map(Json)
}

/// The first thing wrong with a chain up to `tip`, if anything is.
pub(super) fn find_wrong(
    chain: &impl ReadChain,
    network: &Network,
    tip: Height,
    wanted: &Wanted,
) -> Result<Option<Wrong>, Problem> {
    let mut replay = Replay::from_genesis(network);
    if chain.hash_at(Height::GENESIS).map_err(store_failed)? != Some(network.genesis_hash()) {
        return Ok(Some(wrong(Height::GENESIS, None, "the chain does not begin with this network's genesis block")));
    }
    for height in (1..=tip.0).map(Height) {
        wanted.check()?;
        match check_block(chain, network, &mut replay, height) {
            Ok(None) => {}
            Ok(Some(wrong)) => return Ok(Some(wrong)),
            Err(StoreError::Damaged(reason)) => return Ok(Some(wrong(height, None, reason))),
            Err(error) => return Err(store_failed(error)),
        }
    }
    check_end(chain, &replay, wanted)
}

fn wrong(height: Height, hash: Option<BlockHash>, reason: impl ToString) -> Wrong {
    Wrong { height, hash, reason: reason.to_string() }
}

fn check_block<S: ReadChain>(
    chain: &S,
    network: &Network,
    replay: &mut Replay<'_, S>,
    height: Height,
) -> Result<Option<Wrong>, StoreError> {
    let Some(hash) = chain.hash_at(height)? else {
        return Ok(Some(wrong(height, None, "the active chain has no block at this height")));
    };
    let fault = |reason: &dyn ToString| Ok(Some(wrong(height, Some(hash), reason.to_string())));
    let Some(block) = chain.block(&hash)? else { return fault(&"the block is not stored") };
    let block = match Block::check(block.to_block(), network) {
        Ok(block) => block,
        Err(error) => return fault(&error),
    };
    if block.hash() != hash {
        return fault(&"another block is stored in its place");
    }
    let applied = match replay.push(&block, clock::wall())? {
        Ok(applied) => applied,
        Err(broken) => return fault(&broken),
    };
    if chain.entry(&hash)?.map(|entry| entry.position) != Some(*replay.position()) {
        return fault(&"the stored height, work or active time is not what the chain makes it");
    }
    if chain.undo(&hash)?.is_some_and(|undo| undo != applied.undo) {
        return fault(&"the stored undo record would not take the block back");
    }
    match misplaced(chain, &block)? {
        Some(position) => fault(&format!("transaction {position} of the block is filed in another place")),
        None => Ok(None),
    }
}

fn misplaced(chain: &impl ReadChain, block: &CheckedBlock) -> Result<Option<u32>, StoreError> {
    for (position, transaction) in (0..).zip(block.transactions()) {
        if chain.location(&transaction.id())? != Some(Location { height: block.height(), position }) {
            return Ok(Some(position));
        }
    }
    Ok(None)
}

fn check_end<S: ReadChain>(chain: &S, replay: &Replay<'_, S>, wanted: &Wanted) -> Result<Option<Wrong>, Problem> {
    let height = replay.position().height;
    let tip = chain.tip().map_err(store_failed)?;
    if chain.log().map_err(store_failed)? != *replay.log() {
        return Ok(Some(wrong(height, tip, "the stored log is not the one that the blocks make")));
    }
    for (address, account) in replay.accounts() {
        wanted.check()?;
        let stored = chain.account(address).map_err(store_failed)?;
        if stored != *account {
            let reason = format!(
                "the account {address} is stored with balance {} and nonce {}, the blocks make it {} and {}",
                stored.balance, stored.nonce, account.balance, account.nonce
            );
            return Ok(Some(wrong(height, tip, reason)));
        }
    }
    Ok(None)
}
