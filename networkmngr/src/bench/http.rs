//! Requests that one node answers in a second over several kept connections, beside a bare server with answers of the
//! same size. This process is the client of both; they take turns.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use node::accounts::miner;
use node::client::Client;
use serde::de::IgnoredAny;
use shared::{Amount, Network, Payload, TxId};

use super::bare::{self, Bare};
use super::load::{self, Connection};
use super::payments::payment;
use super::report::{Aim, Row, Unit};
use super::sample::Spread;
use super::site::{ANSWER, Solo};
use super::{Bench, Measured, What, computed};

const CONNECTIONS: usize = 8;
/// Turns that each of the two takes for each path, and their length.
const TURNS: usize = 5;
const TURN: Duration = Duration::from_millis(300);
/// Blocks of the node's chain.
const BLOCKS: u32 = 12;
/// What a node's answer should be of the bare one, where nothing but the node itself is asked.
const SHARE: f64 = 0.8;

pub(super) async fn measure(bench: &Bench<'_>) -> anyhow::Result<Measured> {
    let spec = node::sim::fixed_network();
    let folder = bench.site.place();
    let node = bench.site.node(&folder, Some(&bench.site.write_spec(spec.spec())?)).await?;
    let client = Client::new();
    let id = confirmed_payment(&client, &node, &folder, &spec).await?;
    let paths = ["/node/id".to_owned(), "/chain?limit=10".to_owned(), format!("/transactions/{id}")];
    let shown = ["/node/id", "/chain?limit=10", "/transactions/{id}"];
    let mut rows = Vec::new();
    for (number, (path, shown)) in paths.iter().zip(shown).enumerate() {
        let share = |turn: f64| (number as f64 + turn) / paths.len() as f64;
        let of_path = compare(bench, &node, path, |turn| bench.progress.show(share(turn), shown)).await;
        let (ours, bare, bytes) = of_path.with_context(|| format!("GET {shown}"))?;
        let row = Row::of_spread(What::Http, format!("GET {shown}"), ours, Unit::Rate("requests"));
        let row = row.beside(format!("bare route, {bytes} bytes"), bare.p50);
        rows.push(if number == 0 { row.aiming(Aim::RatioAtLeast(SHARE)) } else { row });
    }
    Ok(Measured { rows, remarks: Vec::new() })
}

/// Rates of the node and of the bare server, and the size of the answer of both.
async fn compare(
    bench: &Bench<'_>,
    node: &Solo,
    path: &str,
    shown: impl Fn(f64),
) -> anyhow::Result<(Spread, Spread, usize)> {
    let (turns, time) = if bench.quick { (1, Duration::from_millis(10)) } else { (TURNS, TURN) };
    let wanted = load::request("GET", node.socket, path, b"");
    let mut first = Connection::open(node.socket).await?;
    let status = first.exchange(&wanted).await?;
    anyhow::ensure!(status == 200, "the answer is {status}: {}", first.last_answer());
    let bytes = first.last_answer().len();
    let bare = computed(move || Bare::start(bytes)).await??;
    let bare_wanted = load::request("GET", bare.socket, bare::PATH, b"");
    let (mut to_node, mut to_bare) = (vec![first], Vec::new());
    while to_node.len() < CONNECTIONS {
        to_node.push(Connection::open(node.socket).await?);
    }
    while to_bare.len() < CONNECTIONS {
        to_bare.push(Connection::open(bare.socket).await?);
    }
    let (mut rates, mut bare_rates) = (Vec::new(), Vec::new());
    for turn in 0..turns {
        shown(turn as f64 / turns as f64);
        rates.push(load::hammer(&mut to_node, &wanted, time).await?);
        bare_rates.push(load::hammer(&mut to_bare, &bare_wanted, time).await?);
    }
    let rates = Spread::of(rates).zip(Spread::of(bare_rates)).context("nothing was measured")?;
    Ok((rates.0, rates.1, bytes))
}

/// A chain with one payment in it, with some blocks above.
async fn confirmed_payment(
    client: &Client,
    node: &Solo,
    folder: &std::path::Path,
    network: &Network,
) -> anyhow::Result<TxId> {
    let url = &node.identity.address;
    let mine = async || client.post_json::<IgnoredAny>(&format!("{url}/mine"), Bytes::new(), ANSWER).await;
    mine().await?;
    let keys = miner::read(folder)?.context("the node has no account")?.keys();
    let to_itself = Payload::Transfer { to: keys.address(), amount: Amount::new(1).context("one unit")? };
    let signed = payment(&keys, 0, to_itself, &network.genesis_hash());
    client.post::<IgnoredAny>(&format!("{url}/transactions"), &signed, ANSWER).await?;
    for _ in 0..BLOCKS {
        mine().await?;
    }
    Ok(signed.id())
}
