//! Taking a whole chain from JSON: reading it block by block, checking each against every rule, and
//! handing it to the machine, which adopts it if it has more work.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request as HttpRequest, State};
use axum::http::StatusCode;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use shared::{Block, BlockHash, CheckedBlock, Height, Network};

use super::{
    App,
    blocks::{Resolved, resolved},
    docs, extract,
    heavy::{self, Wanted},
    problem::Problem,
    store_failed,
};
use crate::{
    drivers::{audit::Replay, clock, store::Snapshot},
    machine::{effect::Reply, event::Request, store::ReadChain as _},
};

/// Adopt another chain
///
/// Takes what `GET /chain` of any node of the network gives, or the bare list of blocks. The list may
/// begin anywhere above genesis if the block before it is known here. The chain is adopted only if it
/// breaks no rule and has more work than the present one.
#[utoipa::path(
    post, path = "/chain/replace", tag = docs::ADMIN, request_body = docs::ChainOrList,
    responses(
        (status = 200, description = "The chain is adopted, or is the present one", body = Resolved),
        (status = 409, description = "The chain breaks a rule or does not have more work; a broken rule comes with \
            the `height` and `hash` of its block", body = docs::Problem),
        docs::Body, docs::Foreign, docs::Admin, docs::Unavailable,
    )
)]
pub(super) async fn replace(State(app): State<Arc<App>>, request: HttpRequest) -> Result<Json<Resolved>, Problem> {
    let permit = app.replacing.take()?;
    let bytes = extract::read_json(request, extract::CHAIN_BODY).await?;
    let (network, snapshot) = (app.api.network.clone(), app.snapshot());
    let check = move |wanted: &Wanted| read_chain(&bytes, &network, &snapshot, wanted);
    let blocks = heavy::run(permit, &app.api.shutdown, check).await?;
    match app.ask(Request::ReplaceChain(blocks)).await? {
        Reply::Refused(refused) => Err(Problem::conflict(format!("The chain is not adopted: {refused}."))),
        reply => resolved(reply).map(Json),
    }
}

/// Reads and checks a chain.
fn read_chain(
    json: &[u8],
    network: &Network,
    snapshot: &Snapshot,
    wanted: &Wanted,
) -> Result<Vec<Arc<CheckedBlock>>, Problem> {
    let reading = Reading { network, snapshot, wanted, replay: None, blocks: Vec::new(), at: None, refused: None };
    let reading = RefCell::new(reading);
    let mut json = serde_json::Deserializer::from_slice(json);
    let read = Document(&reading).deserialize(&mut json).and_then(|()| json.end());
    let reading = reading.into_inner();
    match (reading.refused, read) {
        (Some(problem), _) => Err(problem),
        (None, Err(error)) => Err(unreadable(&error, reading.at)),
        (None, Ok(())) if reading.blocks.is_empty() => Err(Problem::bad_request("The chain holds no blocks.")),
        (None, Ok(())) => Ok(reading.blocks),
    }
}

fn unreadable(error: &serde_json::Error, entry: Option<usize>) -> Problem {
    let mut problem = extract::not_json(error);
    if let Some(entry) = entry {
        problem.detail += &format!(" That is in entry {entry} of the chain, counted from 0.");
    }
    problem
}

/// A chain as far as it was read.
struct Reading<'a> {
    network: &'a Network,
    snapshot: &'a Snapshot,
    wanted: &'a Wanted,
    /// `None` before the first block, and when that builds on a branch whose accounts only the machine
    /// can work out.
    replay: Option<Replay<'a, Snapshot>>,
    blocks: Vec<Arc<CheckedBlock>>,
    /// The entry of the list that is being read.
    at: Option<usize>,
    /// Why reading ended early.
    refused: Option<Problem>,
}

impl Reading<'_> {
    fn take(&mut self, block: Block) -> Result<(), Problem> {
        self.wanted.check()?;
        let (hash, height) = (block.header.hash(), block.coinbase.height);
        if self.blocks.is_empty() {
            self.begin(&block)?;
        }
        let checked = if hash == self.network.genesis_hash() {
            self.genesis(&block)?
        } else {
            let checked = block.check(self.network).map_err(|error| broken(height, hash, &error))?;
            if let Some(replay) = &mut self.replay {
                let pushed = replay.push(&checked, clock::wall()).map_err(store_failed)?;
                pushed.map_err(|error| broken(height, hash, &error))?;
            }
            Arc::new(checked)
        };
        self.blocks.push(checked);
        Ok(())
    }

    fn begin(&mut self, first: &Block) -> Result<(), Problem> {
        let genesis = self.network.genesis_hash();
        let hash = first.header.hash();
        let parent = if hash == genesis { genesis } else { first.header.previous };
        if parent == BlockHash::ZERO {
            let detail = format!("The chain belongs to another network: it begins with {hash}, ours with {genesis}.");
            return Err(Problem::conflict(detail));
        }
        if self.snapshot.entry(&parent).map_err(store_failed)?.is_none() {
            let detail = format!(
                "The block before the first one, {parent}, is not known here: send the chain from its genesis block on."
            );
            return Err(Problem::conflict(detail));
        }
        self.replay = Replay::from_active(self.network, self.snapshot, parent).map_err(store_failed)?;
        Ok(())
    }

    fn genesis(&self, block: &Block) -> Result<Arc<CheckedBlock>, Problem> {
        let genesis = self.network.genesis();
        let rule = if !self.blocks.is_empty() {
            "the genesis block stands in the middle of the chain"
        } else if *block != genesis.to_block() {
            "it has the genesis block's header but other contents"
        } else {
            return Ok(genesis.clone());
        };
        Err(broken(block.coinbase.height, genesis.hash(), &rule))
    }
}

fn broken(height: Height, hash: BlockHash, rule: &dyn fmt::Display) -> Problem {
    let detail = format!("The chain is not adopted: block {height} ({}) breaks a rule: {rule}.", hash.short());
    Problem::new(StatusCode::CONFLICT, detail).with("height", height.0).with("hash", hash.to_string())
}

/// `{length, chain: [block…]}`, or the bare list.
struct Document<'r, 'a>(&'r RefCell<Reading<'a>>);

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a chain as GET /chain gives it, or a list of blocks")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<String>()? {
            if key != "chain" {
                map.next_value::<IgnoredAny>()?;
            } else if found {
                return Err(M::Error::duplicate_field("chain"));
            } else {
                found = true;
                map.next_value_seed(List(self.0))?;
            }
        }
        if found { Ok(()) } else { Err(M::Error::missing_field("chain")) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, blocks: A) -> Result<(), A::Error> {
        List(self.0).visit_seq(blocks)
    }
}

/// `[block…]`
struct List<'r, 'a>(&'r RefCell<Reading<'a>>);

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of blocks")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut blocks: A) -> Result<(), A::Error> {
        let mut reading = self.0.borrow_mut();
        loop {
            let position = reading.blocks.len();
            reading.at = Some(position);
            let Some(block) = blocks.next_element::<Block>()? else { break };
            if let Err(problem) = reading.take(block) {
                reading.refused = Some(problem);
                return Err(A::Error::custom("refused"));
            }
        }
        reading.at = None;
        Ok(())
    }
}
