//! The node as a pure state machine: events in, effects out.
//!
//! [`Machine::handle`] is deterministic. It reads no clock, starts no thread and draws no randomness
//! but from its seed; equal state, events and time give equal effects, whether they come from real
//! drivers or from the simulator. It touches the world only through its store, which it reads as it
//! goes and writes once, before it hands any effect out but messages to peers. Rules that need no
//! chain were checked before an event gets here, see [`inbound`].

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod chain;
pub mod config;
pub mod effect;
pub mod event;
pub mod inbound;
pub mod journal;
pub mod mining;
pub mod notice;
mod own;
pub mod peers;
mod pool;
mod relay;
mod requests;
pub mod seal;
mod serve;
pub mod store;
pub mod strategy;
pub mod sync;
#[cfg(test)]
pub(crate) mod tests;
pub mod timers;

use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use shared::{
    Millis,
    wire::{PeerAddress, PeerId},
};

use self::{
    chain::{Chain, Tip},
    config::Config,
    effect::Effect,
    event::Event,
    inbound::Incoming,
    journal::ChainEvent,
    mining::Mining,
    own::Own,
    peers::{Peers, book::Book, book::Nodes},
    pool::Pool,
    relay::Relay,
    requests::Waiting,
    seal::Seal,
    serve::Ask,
    store::{Result, Store},
    strategy::Conduct,
    sync::{CatchingUp, Sync},
    timers::{Moment, Timer, Timers},
};

/// One node's whole state.
pub struct Machine<S> {
    config: Config,
    chain: Chain<S>,
    pool: Pool,
    own: Own,
    peers: Peers,
    book: Book,
    sync: Sync,
    relay: Relay,
    mining: Mining,
    conduct: Conduct,
    waiting: Waiting,
    seal: Seal,
    timers: Timers,
    /// Before that no peer is chosen to be dialled beyond the first few.
    next_dial: Millis,
    rng: ChaCha8Rng,
    /// By the steady clock, which everything that the machine waits for is measured by.
    now: Millis,
    /// By the system's clock, as blocks are dated.
    wall: Millis,
    /// What the drivers were last asked to wake this machine at.
    wake_at: Option<Millis>,
    out: Vec<Effect>,
}

impl<S: Store> Machine<S> {
    /// A machine over a store that has at least the genesis block, and its first effects.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open(config: Config, store: S, now: impl Into<Moment>) -> Result<(Self, Vec<Effect>)> {
        let Moment { steady, wall } = now.into();
        let own = store.own_transactions()?;
        let chain = Chain::open(config.network.clone(), store)?;
        let mut machine = Self {
            book: Book::new(config.peer, &config.known, &config.join),
            relay: Relay::new(chain.tip().hash),
            conduct: Conduct::new(chain.tip().hash),
            rng: ChaCha8Rng::seed_from_u64(config.seed),
            config,
            chain,
            pool: Pool::default(),
            own: Own::default(),
            peers: Peers::default(),
            sync: Sync::default(),
            mining: Mining::default(),
            waiting: Waiting::default(),
            seal: Seal::default(),
            timers: Timers::default(),
            next_dial: steady,
            now: steady,
            wall,
            wake_at: None,
            out: Vec::new(),
        };
        machine.tell_restart()?;
        machine.open_seal()?;
        machine.open_strategy()?;
        machine.offer_again(own)?;
        machine.dial_if_needed();
        machine.poll_due()?;
        machine.prepare()?;
        let effects = machine.commit()?;
        Ok((machine, effects))
    }

    /// Tells followers that the pool is gone. Of a node that never told of anything they hold nothing to be wrong.
    fn tell_restart(&mut self) -> Result<()> {
        if self.chain.store().journal_end()? > 0 {
            self.journal(ChainEvent::Restarted);
        }
        Ok(())
    }

    /// HTTP addresses of the nodes that this one knows.
    pub fn nodes(&mut self) -> Arc<Nodes> {
        self.book.nodes()
    }

    /// How far this node is, while blocks that its peers have are on their way and many are wanting.
    pub fn catching_up(&self) -> Option<CatchingUp> {
        let height = self.chain.tip().position.height;
        let goal = self.peers.greeted().map(|(_, session)| session.chain.height).max()?;
        let far = goal.0 > height.0.saturating_add(CatchingUp::WORTH_TELLING);
        (far && self.sync.is_active()).then_some(CatchingUp { height, goal })
    }

    /// The active chain's tip.
    pub fn tip(&self) -> &Tip {
        self.chain.tip()
    }

    /// The store, as of the last commit.
    pub fn store(&self) -> &S {
        self.chain.store()
    }

    /// The store, for a restart: everything else is lost with the machine.
    pub fn into_store(self) -> S {
        self.chain.into_store()
    }

    /// Takes one event.
    ///
    /// # Errors
    /// When the store fails. The machine must not be used any more then.
    pub fn handle(&mut self, event: Event, now: impl Into<Moment>) -> Result<Vec<Effect>> {
        self.handle_all([event], now)
    }

    /// Takes several events that came together; their effects depend on one common commit.
    ///
    /// # Errors
    /// When the store fails. The machine must not be used any more then.
    pub fn handle_all(
        &mut self,
        events: impl IntoIterator<Item = Event>,
        now: impl Into<Moment>,
    ) -> Result<Vec<Effect>> {
        self.take_all(events, now)?;
        self.commit()
    }

    /// Takes several events that came together, up to the commit: [`Self::take_sends`] and [`Self::commit`] give
    /// their effects.
    ///
    /// # Errors
    /// When the store fails. The machine must not be used any more then.
    pub fn take_all(&mut self, events: impl IntoIterator<Item = Event>, now: impl Into<Moment>) -> Result<()> {
        let Moment { steady, wall } = now.into();
        (self.now, self.wall) = (self.now.max(steady), wall);
        let mut news = false;
        for event in events {
            if self.is_told_again(&event) {
                continue;
            }
            news = true;
            self.dispatch(event)?;
            self.weigh_branch()?;
        }
        if news { self.prepare() } else { Ok(()) }
    }

    /// What peers are told. It need not wait for the commit, since it promises them nothing: whatever they were told
    /// and this node then lost in a crash, they have.
    pub fn take_sends(&mut self) -> Vec<Effect> {
        self.out.extract_if(.., |effect| matches!(effect, Effect::Send { .. })).collect()
    }

    /// Commits what the events taken came to, and gives the effects that depend on it.
    ///
    /// # Errors
    /// When the store fails. The machine must not be used any more then.
    pub fn commit(&mut self) -> Result<Vec<Effect>> {
        let told = !self.chain.batch_mut().journal.is_empty();
        self.chain.commit()?;
        if told {
            self.out.push(Effect::Journal);
        }
        if let Some(at) = self.timers.next()
            && self.wake_at.is_none_or(|set| at < set)
        {
            self.wake_at = Some(at);
            self.out.push(Effect::WakeAt(at));
        }
        Ok(std::mem::take(&mut self.out))
    }

    fn dispatch(&mut self, event: Event) -> Result<()> {
        match event {
            Event::PeerConnected { peer, outbound, address } => return self.peer_connected(peer, outbound, address),
            Event::PeerDisconnected { peer } => return self.peer_disconnected(peer),
            Event::ConnectFailed { peer, addresses } => self.connect_failed(peer, &addresses),
            Event::Discovered { peer, address } => {
                self.book.hear([PeerAddress { peer, address }]);
                self.dial_if_needed();
            }
            Event::Message { peer, message } => return self.message(peer, message),
            Event::Misbehaved { peer, fault } => return self.punish(peer, fault),
            Event::Mined { block } => return self.mined(block),
            Event::MinersOutside { present } => self.set_outside(present),
            Event::Request { id, request } => return self.request(id, request),
            Event::Wake => return self.wake(),
        }
        Ok(())
    }

    fn message(&mut self, peer: PeerId, message: Incoming) -> Result<()> {
        let greeted = self.peers.get(&peer).is_some_and(|session| session.greeting.is_some());
        if !greeted && !matches!(message, Incoming::Hello(_)) {
            return Ok(());
        }
        match message {
            Incoming::Hello(hello) => self.on_hello(peer, hello),
            Incoming::Announce(hash, announcement) => self.on_announce(peer, hash, announcement),
            Incoming::GetHeaders(locator) => self.asked(peer, Ask::Headers(locator)),
            Incoming::Headers(headers) => self.on_headers(peer, headers),
            Incoming::GetBlocks(hashes) => self.asked(peer, Ask::Blocks(hashes)),
            Incoming::Blocks(blocks) => self.on_blocks(peer, blocks),
            Incoming::GetBlockTransactions(block, positions) => {
                self.asked(peer, Ask::BlockTransactions(block, positions))
            }
            Incoming::BlockTransactions(block, transactions) => self.on_block_transactions(peer, block, transactions),
            Incoming::Pooled(ids) => self.on_pooled(peer, ids),
            Incoming::GetTransactions(ids) => self.asked(peer, Ask::Transactions(ids)),
            Incoming::Transactions(transactions) => self.on_transactions(peer, transactions),
            Incoming::GetAddresses => self.asked(peer, Ask::Addresses),
            Incoming::Addresses(addresses) => {
                self.learn_addresses(peer, addresses);
                Ok(())
            }
        }
    }

    fn wake(&mut self) -> Result<()> {
        // One that came early leaves the alarm standing, or each would set one more.
        self.wake_at = self.wake_at.filter(|at| *at > self.now);
        while let Some(timer) = self.timers.take_due(self.now) {
            match timer {
                Timer::Hello(peer) => self.hello_due(peer)?,
                Timer::Headers(peer) => self.headers_due(peer)?,
                Timer::Blocks(peer) => self.blocks_due(peer)?,
                Timer::Transactions(peer) => self.transactions_due(peer)?,
                Timer::Rebuild(hash) => self.rebuild_due(hash),
                Timer::Serve(peer) => self.serve_due(peer)?,
                Timer::Dial => self.dial_if_needed(),
                Timer::Poll => self.poll_due()?,
                Timer::Template => self.template_due()?,
                Timer::Flood => self.flood_due(),
                // Whoever waits is looked after once this batch of events is through.
                Timer::Resolve => {}
            }
        }
        Ok(())
    }

    /// What is done once after all events of a batch, before they are committed together.
    fn prepare(&mut self) -> Result<()> {
        self.schedule_downloads()?;
        self.settle_waiting()?;
        self.weigh_branch()?;
        self.update_mining()?;
        self.relay_news()?;
        self.move_seal()
    }
}
