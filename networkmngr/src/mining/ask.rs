//! One node is asked for one block.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::network::{Network, Seen};

/// Longest that one block may take. The wait ends before when the job is stopped.
pub(super) const MINE: Duration = Duration::from_secs(600);

/// A block that a node mined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Mined {
    /// Who mined it.
    pub(crate) node: u16,
    /// Its height.
    pub(crate) height: u64,
    /// Its hash.
    pub(crate) hash: String,
}

/// Why there is no block.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoBlock {
    /// The chain has grown meanwhile, and nothing went wrong.
    #[error("another block came first")]
    Lost,
    #[error("{0}")]
    Failed(String),
}

#[derive(Deserialize)]
struct Block {
    hash: String,
    height: u64,
}

/// Asks the node for a block of this height, or for one on top of whatever it holds.
pub(super) async fn ask(network: &Network, node: &Seen, height: Option<u64>) -> Result<Mined, NoBlock> {
    let only = height.map(|height| format!("?height={height}")).unwrap_or_default();
    let url = format!("{}/mine{only}", node.address);
    let answer = network.client.post_json::<Block>(&url, Bytes::new(), MINE).await;
    let block = answer.map_err(|error| match error.status().map(|status| status.as_u16()) {
        Some(409) => NoBlock::Lost,
        _ => NoBlock::Failed(error.to_string()),
    })?;
    Ok(Mined { node: node.number, height: block.height, hash: block.hash })
}
