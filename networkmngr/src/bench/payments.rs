//! Payments that six nodes confirm in a second: signed beforehand by many accounts, handed in over HTTP at all nodes as
//! fast as they take them, mined at one, until all have all of them in their chain. Beside it the bare check of as many
//! signatures at once on one core.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use node::accounts::miner;
use node::accounts::seed::{Keys, Seed};
use node::client::Client;
use node::drivers::clock;
use serde::Deserialize;
use serde::de::IgnoredAny;
use shared::transaction::{VERSION, check_all};
use shared::{Address, Amount, Bits, Block, BlockHash, ChainSpec, Network, Payload, Transaction};
use tokio::task::JoinSet;

use super::import;
use super::load::{self, Connection};
use super::report::{Aim, Row, Unit, digits};
use super::site::{ANSWER, Net, Wanted, health, wait_for};
use super::{Bench, Measured, What, computed};
use crate::proc;

const NODES: u16 = 6;
/// Accounts that pay, and how often each does at most. All together are fewer than a node's pool holds.
const ACCOUNTS: usize = 600;
const EACH: usize = 60;
/// Connections to each node. Each has one request under way, and a node commits what came meanwhile together.
const CONNECTIONS: usize = 2;
/// Payments in one request: half as many as a node takes in one.
const TOGETHER: usize = 500;
/// How long payments are handed in at most.
const HANDING_IN: Duration = Duration::from_secs(12);
/// Hashes a second of the miner: with the difficulty of [`spec`], a block every fifth of a second on average.
const HASH_RATE: &str = "330k";
/// How often the nodes are asked how far they are.
const LOOK: Duration = Duration::from_millis(50);
/// How long each part may take besides.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of the largest block as JSON, and more.
const LARGEST_ANSWER: usize = 64 << 20;
/// Payments a second that there should be.
const AIM: f64 = 5_000.0;

/// A network where one block's reward pays for everything, blocks are as large as can be, and difficulty stays.
fn spec() -> anyhow::Result<ChainSpec> {
    Ok(ChainSpec {
        name: "payments".into(),
        spacing: 1,
        half_life: 1_000_000_000,
        easiest_bits: Bits(0x207f_ffff),
        start_bits: Bits(0x1f00_ffff),
        subsidy: Amount::new(1 << 40).context("a reward")?,
        max_block_bytes: *ChainSpec::BLOCK_BYTES.end(),
        ..node::sim::fixed_network().spec().clone()
    })
}

/// A payment, signed.
pub(super) fn payment(keys: &Keys, nonce: u64, payload: Payload, genesis: &BlockHash) -> Transaction {
    let (version, sender, time) = (VERSION, keys.address(), clock::wall());
    let mut draft = Transaction { version, sender, nonce, fee: Amount::ZERO, time, payload, signature: [0; 64] };
    draft.fee = draft.usual_fee();
    draft.signed(keys.signing(), genesis)
}

/// What is handed in on one connection, in this order: requests, and how many payments are in each.
struct Load {
    connection: Connection,
    requests: Vec<(Bytes, usize)>,
}

/// Payments as they are handed in, and how fast their signatures alone are checked.
struct Prepared {
    /// For each connection, what is handed in on it, in order.
    payments: Vec<Vec<Transaction>>,
    checked: f64,
}

/// When all nodes were at a height, as far as was seen.
#[derive(Clone, Copy)]
struct Mark {
    at: Duration,
    height: u32,
}

pub(super) async fn measure(bench: &Bench<'_>) -> anyhow::Result<Measured> {
    let (accounts, each) = if bench.quick { (24, 2) } else { (ACCOUNTS, EACH) };
    let connections = usize::from(NODES) * CONNECTIONS;
    let spec = spec()?;
    let genesis = Network::new(spec.clone())?.genesis_hash();
    bench.progress.show(0.0, "signing");
    let prepared = computed(move || prepare(accounts, each, connections, &genesis)).await??;
    let network = bench.site.network(&Wanted { nodes: NODES, hash_rate: HASH_RATE, spec: Some(&spec) }).await?;
    let client = Client::new().with_max_answer(LARGEST_ANSWER);
    network.connected(&client).await?;
    bench.progress.show(0.2, "giving the accounts something to pay with");
    fund(&network, &client, accounts, each, &genesis).await?;
    let funded = lowest(&network, &client).await?.0;
    let load = connect(&network, prepared.payments).await?;
    let run = carry_out(bench, &network, &client, load, funded).await?;
    bench.progress.show(0.95, "importing the same blocks");
    let blocks = blocks(&client, &network.members[0].url, run.height).await?;
    // What is still running would take its share of the cores.
    drop(network);
    let folder = bench.site.place();
    let spec = Network::new(spec)?;
    let imported = computed(move || import::time(&folder, spec, &blocks, funded as usize)).await??;
    Ok(told(&run, prepared.checked, imported))
}

/// The blocks of a node's chain, without the first one, up to this height.
async fn blocks(client: &Client, url: &str, height: u32) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut blocks = Vec::new();
    for height in 1..=height {
        let block: Block = client.get(&format!("{url}/blocks/{height}"), ANSWER).await?;
        blocks.push(block.to_bytes());
    }
    Ok(blocks)
}

fn account(number: usize) -> Keys {
    let mut seed = [0x42; 32];
    seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
    Seed::from_bytes(&seed).keys()
}

/// Signs everything. Each account pays on one connection only, so that its payments come in order.
fn prepare(accounts: usize, each: usize, connections: usize, genesis: &BlockHash) -> anyhow::Result<Prepared> {
    let keys: Vec<Keys> = (0..accounts).map(account).collect();
    let amount = Amount::new(1).context("one unit")?;
    let mut payments: Vec<Vec<Transaction>> = vec![Vec::new(); connections];
    let mut all = Vec::with_capacity(accounts * each);
    for nonce in 0..each {
        for (number, of) in keys.iter().enumerate() {
            let to = keys[(number + 1) % accounts].address();
            let signed = payment(of, nonce as u64, Payload::Transfer { to, amount }, genesis);
            payments[number % connections].push(signed.clone());
            all.push(signed);
        }
    }
    let count = all.len();
    let begun = Instant::now();
    check_all(all, genesis).map_err(|(at, error)| anyhow::anyhow!("payment {at}: {error}"))?;
    Ok(Prepared { payments, checked: count as f64 / begun.elapsed().as_secs_f64() })
}

/// Mines a reward and spreads it over the accounts; returns when all nodes have that in their chain.
async fn fund(network: &Net, client: &Client, accounts: usize, each: usize, genesis: &BlockHash) -> anyhow::Result<()> {
    let first = &network.members[0];
    let mine = async || {
        client.post_json::<IgnoredAny>(&format!("{}/mine", first.url), Bytes::new(), ANSWER).await?;
        Ok::<(), anyhow::Error>(())
    };
    mine().await?;
    let keys = miner::read(&first.folder)?.context("the miner has no account")?.keys();
    let amount = Amount::new(each as u64 * 10).context("what an account gets")?;
    let mut connection = Connection::open(first.socket).await?;
    let spread = (0..accounts).map(|number| {
        let to = account(number).address();
        payment(&keys, number as u64, Payload::Transfer { to, amount }, genesis)
    });
    for (request, count) in requests(first.socket, &spread.collect::<Vec<_>>())? {
        hand_in(&mut connection, &request, count).await?;
    }
    wait_for(PATIENCE, "the accounts did not get their money", async || {
        let (lowest, highest, pending) = lowest(network, client).await?;
        if pending > 0 {
            mine().await?;
        }
        Ok((lowest == highest && pending == 0).then_some(()))
    })
    .await?;
    let last = account(accounts - 1).address();
    for member in &network.members {
        anyhow::ensure!(balance(client, &member.url, &last).await? > 0, "the accounts did not get their money");
    }
    Ok(())
}

async fn balance(client: &Client, url: &str, address: &Address) -> anyhow::Result<u64> {
    #[derive(Deserialize)]
    struct Account {
        balance: u64,
    }
    let account: Account = client.get(&format!("{url}/accounts/{address}"), ANSWER).await?;
    Ok(account.balance)
}

/// Payments as requests, each with how many are in it.
fn requests(at: SocketAddr, payments: &[Transaction]) -> anyhow::Result<Vec<(Bytes, usize)>> {
    let request = |some: &[Transaction]| {
        let body = serde_json::to_vec(some)?;
        Ok((load::request("POST", at, "/transactions/batch", &body), some.len()))
    };
    payments.chunks(TOGETHER).map(request).collect()
}

async fn hand_in(connection: &mut Connection, request: &[u8], count: usize) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Answer {
        accepted: usize,
    }
    let status = connection.exchange(request).await?;
    let answer = connection.last_answer();
    let taken = serde_json::from_str::<Answer>(&answer).is_ok_and(|answer| answer.accepted == count);
    anyhow::ensure!(status == 200 && taken, "payments were refused with {status}: {answer}");
    Ok(())
}

/// The lowest and the highest tip, and how many transactions wait at the node where most do.
async fn lowest(network: &Net, client: &Client) -> anyhow::Result<(u32, u32, usize)> {
    let asked = network.members.iter().map(|member| health(client, &member.url));
    let healths = futures::future::try_join_all(asked).await?;
    let heights = || healths.iter().map(|health| health.height);
    let pending = healths.iter().map(|health| health.pending).max().unwrap_or_default();
    Ok((heights().min().unwrap_or_default(), heights().max().unwrap_or_default(), pending))
}

async fn connect(network: &Net, payments: Vec<Vec<Transaction>>) -> anyhow::Result<Vec<Load>> {
    let mut load = Vec::with_capacity(payments.len());
    for (number, payments) in payments.into_iter().enumerate() {
        let at = network.members[number % network.members.len()].socket;
        load.push(Load { connection: Connection::open(at).await?, requests: requests(at, &payments)? });
    }
    Ok(load)
}

/// What was seen.
struct Run {
    payments: usize,
    /// From the first payment handed in until the last was taken.
    handed_in: Duration,
    /// Until the last node had the last one.
    confirmed: Duration,
    /// Payments in the chain, and when all nodes had them.
    curve: Vec<(Duration, usize)>,
    /// Of the last block with payments, or one above it.
    height: u32,
    /// Processor time of the nodes, of their manager and of this side.
    cpu: [Option<Duration>; 3],
}

async fn carry_out(
    bench: &Bench<'_>,
    network: &Net,
    client: &Client,
    load: Vec<Load>,
    funded: u32,
) -> anyhow::Result<Run> {
    let first = &network.members[0].url;
    client.post_json::<IgnoredAny>(&format!("{first}/mining/start"), Bytes::new(), ANSWER).await?;
    let before = cpu(network);
    let begun = Instant::now();
    let mut handing_in = JoinSet::new();
    for Load { mut connection, requests } in load {
        handing_in.spawn(async move {
            let mut taken = 0;
            for (request, count) in requests.iter().take_while(|_| begun.elapsed() < HANDING_IN) {
                hand_in(&mut connection, request, *count).await?;
                taken += count;
            }
            anyhow::Ok(taken)
        });
    }
    let (mut marks, mut handed_in, mut payments) = (Vec::new(), None, 0);
    let (curve, height) = loop {
        while let Some(done) = handing_in.try_join_next() {
            payments += done.context("a computation met a fault in this program")??;
        }
        if handing_in.is_empty() {
            handed_in.get_or_insert_with(|| begun.elapsed());
        }
        let (height, highest, pending) = lowest(network, client).await?;
        marks.push(Mark { at: begun.elapsed(), height });
        bench.progress.show(if handed_in.is_some() { 0.9 } else { 0.5 }, &format!("block {highest}, {pending} wait"));
        if handed_in.is_some() && pending == 0 && height == highest {
            let counts = counts(client, first, funded, height).await?;
            let curve = curve(&marks, &counts);
            if curve.last().is_some_and(|(_, count)| *count == payments) {
                break (curve, height);
            }
        }
        let (patience, seconds) = (HANDING_IN + PATIENCE, PATIENCE.as_secs());
        anyhow::ensure!(begun.elapsed() < patience, "not all payments were confirmed {seconds} s after the last one");
        tokio::time::sleep(LOOK).await;
    };
    let after = cpu(network);
    let cpu = std::array::from_fn(|at| after[at].zip(before[at]).map(|(after, before)| after.saturating_sub(before)));
    client.post_json::<IgnoredAny>(&format!("{first}/mining/stop"), Bytes::new(), ANSWER).await?;
    let confirmed = curve.last().map(|(at, _)| *at).unwrap_or_default();
    Ok(Run { payments, handed_in: handed_in.unwrap_or_default(), confirmed, curve, height, cpu })
}

/// Transactions in the blocks above `from`, up to `to`.
async fn counts(client: &Client, url: &str, from: u32, to: u32) -> anyhow::Result<Vec<(u32, usize)>> {
    #[derive(Deserialize)]
    struct Block {
        transactions: Vec<IgnoredAny>,
    }
    let mut counts = Vec::new();
    for height in from + 1..=to {
        let block: Block = client.get(&format!("{url}/blocks/{height}"), ANSWER).await?;
        counts.push((height, block.transactions.len()));
    }
    Ok(counts)
}

/// How many payments all nodes had in their chain, and since when, as far as marks tell.
fn curve(marks: &[Mark], counts: &[(u32, usize)]) -> Vec<(Duration, usize)> {
    let mut so_far = 0;
    let mut curve = Vec::new();
    for (height, count) in counts.iter().filter(|(_, count)| *count > 0) {
        so_far += count;
        if let Some(mark) = marks.iter().find(|mark| mark.height >= *height) {
            curve.push((mark.at, so_far));
        }
    }
    curve
}

/// Payments a second without the beginning, where blocks are empty, and the end, where payments are wanting.
fn steady(curve: &[(Duration, usize)]) -> Option<f64> {
    let all = curve.last()?.1;
    let first = curve.iter().find(|(_, count)| *count * 10 >= all)?;
    let last = curve.iter().rev().find(|(_, count)| *count * 10 <= all * 9)?;
    let (time, count) = (last.0.checked_sub(first.0)?, last.1.checked_sub(first.1)?);
    (count > 0 && !time.is_zero()).then(|| count as f64 / time.as_secs_f64())
}

/// Processor time so far of all nodes, of their manager and of this thread.
fn cpu(network: &Net) -> [Option<Duration>; 3] {
    let nodes: Option<Duration> = network.members.iter().map(|member| proc::cpu_time(member.pid)).sum();
    let own = nix::unistd::gettid().as_raw();
    [nodes, proc::cpu_time_of_thread(network.thread), proc::cpu_time_of_thread(own)]
}

fn told(run: &Run, checked: f64, imported: Duration) -> Measured {
    let all = run.payments;
    let rate = |time: Duration| all as f64 / time.as_secs_f64();
    let row = |words: &str, value| Row::new(What::Payments, words, value, Unit::Rate("payments"));
    let beside = "signatures checked, one core";
    let confirmed = rate(run.confirmed);
    let mut rows = vec![
        row(&format!("{all} payments confirmed at all {NODES} nodes"), confirmed)
            .beside(beside, checked)
            .aiming(Aim::AtLeast(AIM)),
    ];
    rows.extend(
        steady(&run.curve).map(|steady| row("of these, without first and last tenth", steady).beside(beside, checked)),
    );
    rows.push(row("the same blocks imported by one machine", rate(imported)).beside(beside, checked));
    rows.push(row(&format!("handed in over HTTP, {TOGETHER} in a request"), rate(run.handed_in)));
    let share = run.handed_in.as_secs_f64() / run.confirmed.as_secs_f64();
    let mut remarks = vec![format!(
        "payments: handing in took {} of {}, {:.0} % of the time.",
        Unit::Time.show(run.handed_in.as_secs_f64()),
        Unit::Time.show(run.confirmed.as_secs_f64()),
        share * 100.0
    )];
    if let [Some(nodes), Some(manager), Some(load)] = run.cpu {
        let each = |time: Duration| digits(time.as_secs_f64() * 1e6 / all as f64);
        remarks.push(format!(
            "payments: processor time for each was {} µs at the {NODES} nodes together, {} µs at their manager, which \
             writes down what happens, and {} µs here, where they are handed in.",
            each(nodes),
            each(manager),
            each(load)
        ));
    }
    Measured { rows, remarks }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn payments_count_once_all_nodes_have_their_block() {
        let marks = [(10, 4), (20, 5), (30, 7), (40, 7)].map(|(millis, height)| Mark { at: at(millis), height });
        let counts = [(5, 10), (6, 20), (7, 30), (8, 0), (9, 40)];
        assert_eq!(curve(&marks, &counts), [(at(20), 10), (at(30), 30), (at(30), 60)]);
    }

    #[test]
    fn the_steady_rate_leaves_both_ends_out() {
        let curve = [(1_000, 5), (2_000, 10), (3_000, 50), (4_000, 90), (9_000, 100)];
        let curve = curve.map(|(millis, count)| (at(millis), count));
        assert_eq!(steady(&curve), Some(40.0));
        assert_eq!((steady(&curve[..1]), steady(&[])), (None, None));
    }

    #[test]
    fn what_is_signed_holds_and_each_account_pays_on_one_connection() {
        let prepared = prepare(6, 2, 4, &BlockHash([1; 32])).unwrap();
        assert_eq!(prepared.payments.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2, 2]);
        assert!(prepared.checked > 0.0);
        assert!(shared::Network::new(spec().unwrap()).is_ok());
    }
}
