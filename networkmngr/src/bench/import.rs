//! What a single machine takes to import blocks that a network has confirmed: decoding, every check, the machine and
//! the commit to disk, without a network around it. It is a limit to what the network confirms.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use node::drivers::clock;
use node::drivers::store::RedbStore;
use node::machine::Machine;
use node::machine::config::Config;
use node::machine::event::{Event, Request, RequestId};
use shared::{Block, Network};

/// Imports blocks that follow one another from the first one on, into a new store in this folder. Gives the time of
/// those after the first `untimed`.
pub(super) fn time(folder: &Path, network: Network, blocks: &[Vec<u8>], untimed: usize) -> anyhow::Result<Duration> {
    let network = Arc::new(network);
    let store = RedbStore::open(folder, &network)?;
    let (mut machine, _) = Machine::open(Config::alone(network.clone(), 1), store, clock::now())?;
    let mut import = |bytes: &[u8]| -> anyhow::Result<()> {
        let block = Block::from_bytes(bytes)?.check(&network)?;
        let (hash, request) = (block.hash(), Request::SubmitBlock(Arc::new(block)));
        machine.handle(Event::Request { id: RequestId(0), request }, clock::now())?;
        ensure!(machine.tip().hash == hash, "a block that the network confirmed was not taken");
        Ok(())
    };
    let (before, timed) = blocks.split_at_checked(untimed).context("there are fewer blocks")?;
    before.iter().try_for_each(|bytes| import(bytes))?;
    let begun = Instant::now();
    timed.iter().try_for_each(|bytes| import(bytes))?;
    Ok(begun.elapsed())
}
