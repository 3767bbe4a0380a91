//! How many payments a second a network of six confirms.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ed25519_zebra::SigningKey;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use node::client::Client;
use serde_json::{Value, json};
use shared::{Address, Amount, BlockHash, Millis, Payload, Transaction, transaction::VERSION};

use crate::network::{Network, PATIENCE, get, wait_for};

const NODES: u16 = 6;
/// Accounts that pay, each at one node and in order.
const PAYERS: u64 = 240;
/// Requests under way at each node.
const AT_ONCE: usize = 4;
/// Units for each payer.
const FUNDS: u64 = 1_000_000;

/// Somebody who pays, and the payments, signed beforehand.
struct Payer {
    address: Address,
    payments: Vec<Transaction>,
}

/// Sends `count` signed payments to six nodes that mine without pause, each payer to one of them, and times
/// from the first until all six have confirmed all.
pub(crate) async fn measure_payments(client: &Client, count: u64) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let spec = folder.path().join("payments.json");
    std::fs::write(&spec, spacious().to_string())?;
    let network = Network::start(client, NODES, &["--genesis", path(&spec)?]).await?;
    let nodes = network.addresses();
    let genesis = get(client, format!("{}/blocks/0", nodes[0])).await.context("a node does not answer")?;
    let genesis: BlockHash = serde_json::from_value(genesis["hash"].clone())?;
    let payers: Vec<Payer> = (0..PAYERS).map(|number| payer(number, count.div_ceil(PAYERS), &genesis)).collect();
    fund(client, &network, &nodes, &payers).await?;
    let before = log_size(client, &nodes[0]).await?;

    let total = payers.iter().map(|payer| payer.payments.len() as u64).sum::<u64>();
    let begun = Instant::now();
    let everywhere = (0..).zip(&nodes).map(|(number, node)| {
        let mine = payers.iter().skip(number).step_by(nodes.len());
        stream::iter(mine).map(|payer| pay(client, node, payer)).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>()
    });
    futures::future::try_join_all(everywhere).await?;
    let sent = begun.elapsed();
    for node in &nodes {
        wait_for(async || log_size(client, node).await.ok().filter(|size| *size >= before + total)).await?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{total} payments, sent to {NODES} nodes in {:.1} s, confirmed by all of them after {seconds:.1} s: {:.0} a second",
        sent.as_secs_f64(),
        total as f64 / seconds
    );
    network.order(client, "/stop/mining").await?;
    network.stop(client).await?;
    Ok(())
}

/// The practice network with larger blocks.
fn spacious() -> Value {
    json!({
        "name": "payments", "spacing": 2, "half_life": 60, "easiest_bits": "1f0fffff", "start_bits": "1f00ffff",
        "subsidy": 1_000_000_000, "max_block_bytes": 4_194_304, "genesis_time": 1_767_225_600,
    })
}

fn path(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("the temporary folder's name is no text")
}

fn payer(number: u64, payments: u64, genesis: &BlockHash) -> Payer {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    let key = SigningKey::from(seed);
    let (to, amount, fee) = (Address([9; 32]), Amount::new(1).unwrap_or_default(), Amount::new(2).unwrap_or_default());
    let payment = |nonce| Transaction {
        version: VERSION,
        sender: Address::default(),
        nonce,
        fee,
        time: Millis(0),
        payload: Payload::Transfer { to: Address::of(&SigningKey::from(to.0)), amount },
        signature: [0; 64],
    };
    let payments = (0..payments).map(|nonce| payment(nonce).signed(&key, genesis)).collect();
    Payer { address: Address::of(&key), payments }
}

/// Lets node 0's practice account give every payer something.
async fn fund(client: &Client, network: &Network, nodes: &[String], payers: &[Payer]) -> anyhow::Result<()> {
    client.post::<Value>(&format!("{}/mine", nodes[0]), &json!({}), PATIENCE).await?;
    for payer in payers {
        let gift = json!({ "to": payer.address, "amount": FUNDS });
        client.post::<Value>(&format!("{}/wallet/send", nodes[0]), &gift, PATIENCE).await?;
    }
    network.order(client, "/start/mining?continuous=true").await?;
    for node in nodes {
        wait_for(async || log_size(client, node).await.ok().filter(|size| *size >= payers.len() as u64)).await?;
    }
    Ok(())
}

async fn pay(client: &Client, node: &str, payer: &Payer) -> anyhow::Result<()> {
    for payment in &payer.payments {
        client.post::<Value>(&format!("{node}/transactions"), payment, PATIENCE).await?;
    }
    Ok(())
}

/// Transactions that a node's chain has.
async fn log_size(client: &Client, node: &str) -> anyhow::Result<u64> {
    let proof: Value = client.get(&format!("{node}/log/inclusion?index=0"), Duration::from_secs(10)).await?;
    proof["size"].as_u64().context("a proof without size")
}
