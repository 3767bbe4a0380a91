//! What it costs the machine to catch up: one machine gets a chain of empty blocks from another through
//! messages, in one process, over stores in memory, with no network in between. Prints blocks a second
//! for the receiver alone and for everything. The limit beside it is the check of a header by itself.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use node::{
    drivers::store::MemoryStore,
    machine::{
        Machine,
        config::Config,
        effect::Effect,
        event::{Event, Request, RequestId},
        inbound,
        mining::Template,
    },
    sim::easy_network,
};
use shared::{
    CheckedBlock, Millis, Network,
    wire::{Message, PeerId},
};

/// Examples:
///   cargo run --release -p node --example sync_cost
///   cargo run --release -p node --example sync_cost -- --blocks 100000
#[derive(Parser)]
#[command(verbatim_doc_comment)]
struct Args {
    /// Blocks to catch up with.
    #[arg(long, default_value_t = 30_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    blocks: u32,
}

struct Node {
    machine: Machine<MemoryStore>,
    peer: PeerId,
    template: Option<Arc<Template>>,
    mail: VecDeque<Message>,
    busy: Duration,
}

impl Node {
    fn new(number: u8, network: &Arc<Network>, now: Millis) -> anyhow::Result<Self> {
        let config = Config::alone(network.clone(), number);
        let (machine, _) = Machine::open(config, MemoryStore::new(network), now)?;
        let peer = PeerId([number; 32]);
        Ok(Self { machine, peer, template: None, mail: VecDeque::new(), busy: Duration::ZERO })
    }

    fn handle(&mut self, event: Event, now: Millis) -> anyhow::Result<()> {
        let begun = Instant::now();
        let effects = self.machine.handle(event, now)?;
        self.busy += begun.elapsed();
        for effect in effects {
            match effect {
                Effect::Send { message, .. } => self.mail.push_back(message),
                Effect::StartMining { template, .. } => self.template = Some(template),
                _ => {}
            }
        }
        Ok(())
    }

    fn mine(&mut self, network: &Network, now: Millis) -> anyhow::Result<()> {
        let Some(template) = self.template.take() else { anyhow::bail!("there is nothing to mine") };
        let mut header = template.header(0, now);
        while header.proven_hash().is_err() {
            header.nonce += 1;
        }
        let block: CheckedBlock = template.solve(header, 0, network)?;
        self.handle(Event::Mined { block: Arc::new(block) }, now)
    }

    fn connected(&mut self, other: PeerId, outbound: bool, now: Millis) -> anyhow::Result<()> {
        self.handle(Event::PeerConnected { peer: other, outbound, address: String::new() }, now)
    }
}

/// Delivers what `from` said; false when it said nothing.
fn deliver(
    from: &mut Node,
    to: &mut Node,
    network: &Network,
    now: Millis,
    checking: &mut Duration,
) -> anyhow::Result<bool> {
    let mail = std::mem::take(&mut from.mail);
    let any = !mail.is_empty();
    for message in mail {
        let begun = Instant::now();
        let message = inbound::check(message, network)?;
        *checking += begun.elapsed();
        to.handle(Event::Message { peer: from.peer, message }, now)?;
    }
    Ok(any)
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let network = easy_network(5);
    let mut now = Millis::from(network.genesis().header().time);
    let mut full = Node::new(1, &network, now)?;
    full.handle(Event::Request { id: RequestId(0), request: Request::SetMining(true) }, now)?;
    for _ in 0..args.blocks {
        now = now.after(Duration::from_secs(5));
        full.mine(&network, now)?;
    }
    full.mail.clear();

    let mut empty = Node::new(2, &network, now)?;
    let mut checking = Duration::ZERO;
    let begun = Instant::now();
    full.connected(empty.peer, false, now)?;
    empty.connected(full.peer, true, now)?;
    full.busy = Duration::ZERO;
    while empty.machine.tip().hash != full.machine.tip().hash {
        // Real time passes: a peer is served so much a second.
        let now = now.after(begun.elapsed());
        let said = deliver(&mut full, &mut empty, &network, now, &mut checking)?
            | deliver(&mut empty, &mut full, &network, now, &mut checking)?;
        if !said {
            anyhow::ensure!(begun.elapsed() < Duration::from_secs(600), "it did not catch up");
            full.handle(Event::Wake, now)?;
        }
    }
    let elapsed = begun.elapsed();
    let rate = |time: Duration| f64::from(args.blocks) / time.as_secs_f64();
    println!("{} empty blocks in {:.2} s: {:.0} blocks/s", args.blocks, elapsed.as_secs_f64(), rate(elapsed));
    println!("  the receiving machine alone {:.0} blocks/s", rate(empty.busy));
    println!("  the giving machine alone    {:.0} blocks/s", rate(full.busy));
    println!("  checks before the machine   {:.0} blocks/s", rate(checking));
    Ok(())
}
