//! Brings a desk to a chain's tip: what left the chain is taken back, what is new is read by topic. Nothing is found by
//! going through blocks.

use std::sync::Arc;

use shared::{Height, Topic, Transaction};

use super::{
    desk::Desk,
    envelope::{Envelope, GROUPS, PROFILES},
    group::Entry,
};
use crate::machine::store::{Location, ReadChain, Result, StoreError};

/// Places read from an index at once.
const AT_ONCE: usize = 256;

/// Reads what is new to a desk. `chain` is one state of a chain; it must not change meanwhile. What waits in the pool may
/// make a desk interested in a room of which the chain has messages, so this is to be done again after that was told.
///
/// # Errors
/// When the chain cannot be read. The desk is then to be thrown away.
pub fn follow(desk: &mut Desk, chain: &impl ReadChain) -> Result<()> {
    let tip = chain.tip()?.ok_or_else(|| missing("the tip"))?;
    if desk.tip().is_some_and(|(hash, _)| hash == tip) {
        return fill(desk, chain, None);
    }
    let height = chain.entry(&tip)?.ok_or_else(|| missing("the tip's header"))?.position.height;
    let common = common_height(desk, chain)?;
    if let Some(common) = common {
        desk.retract(common);
    }
    let mut entries = Vec::new();
    for topic in [PROFILES, GROUPS] {
        let topic = Topic::new(topic).map_err(|error| StoreError::Damaged(error.to_string()))?;
        entries.extend(entries_above(chain, &topic, common)?);
    }
    entries.sort_by_key(|entry| entry.at);
    desk.take(entries);
    fill(desk, chain, Some(common))?;
    desk.arrive(tip, height);
    Ok(())
}

/// Reads the messages of rooms that are new to a desk, and what is new in the others if there are blocks to be read.
fn fill(desk: &mut Desk, chain: &impl ReadChain, above: Option<Option<Height>>) -> Result<()> {
    for (group, from_the_start) in desk.to_read() {
        let above = if from_the_start { None } else { above };
        if from_the_start || above.is_some() {
            desk.fill(&group, &entries_above(chain, &group.topic(), above.flatten())?);
        }
    }
    Ok(())
}

/// The height of the last block that a desk has read and the chain has; `None` when it has read none.
fn common_height(desk: &Desk, chain: &impl ReadChain) -> Result<Option<Height>> {
    let Some((mut hash, mut height)) = desk.tip() else { return Ok(None) };
    while chain.hash_at(height)? != Some(hash) {
        let entry = chain.entry(&hash)?.ok_or_else(|| missing("a block that was read before"))?;
        (hash, height) = (entry.header.previous, Height(height.0.saturating_sub(1)));
    }
    Ok(Some(height))
}

/// Chat under a topic that stands above this height, in the chain's order.
fn entries_above(chain: &impl ReadChain, topic: &Topic, above: Option<Height>) -> Result<Vec<Entry>> {
    let is_above = |at: &Location| above.is_none_or(|above| at.height > above);
    let mut places = Vec::new();
    loop {
        let before = places.last().copied();
        let found = chain.filed(Some(topic), before, AT_ONCE)?;
        let is_end = found.len() < AT_ONCE || !found.iter().all(is_above);
        places.extend(found.into_iter().filter(is_above));
        if is_end {
            break;
        }
    }
    places.reverse();
    let mut entries = Vec::new();
    for of_block in places.chunk_by(|one, next| one.height == next.height) {
        let transactions = read_block(chain, of_block)?;
        entries.extend(of_block.iter().zip(transactions).filter_map(|(at, transaction)| entry(*at, &transaction)));
    }
    Ok(entries)
}

/// The transactions at these places, which are of one block.
fn read_block(chain: &impl ReadChain, places: &[Location]) -> Result<Vec<Transaction>> {
    let lacking = || missing("a transaction of the chain");
    if let [at] = places {
        return Ok(vec![chain.transaction(*at)?.ok_or_else(lacking)?]);
    }
    let Some(first) = places.first() else { return Ok(Vec::new()) };
    let hash = chain.hash_at(first.height)?.ok_or_else(lacking)?;
    let block = chain.block(&hash)?.ok_or_else(lacking)?;
    let at = |place: &Location| block.transactions().get(place.position as usize).map(|one| Transaction::clone(one));
    places.iter().map(|place| at(place).ok_or_else(lacking)).collect()
}

/// What is no chat, though it lies among it, is passed over.
fn entry(at: Location, transaction: &Transaction) -> Option<Entry> {
    let envelope = Envelope::of(&transaction.payload).ok()?;
    Some(Entry { at, id: transaction.id(), author: transaction.sender, envelope: Arc::new(envelope) })
}

fn missing(what: &str) -> StoreError {
    StoreError::Damaged(format!("{what} is missing"))
}
