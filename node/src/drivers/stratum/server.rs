//! The sockets of Stratum: takes connections, bounds them in number, size and patience, and carries lines between
//! each miner and its session. What the lines mean is the session's business.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use shared::{Address, Network};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tracing::{debug, info, warn};

use super::{
    budget::Throttle,
    session::{Happening, Session},
    wire::{self, notification},
};
use crate::{
    drivers::{
        clock,
        engine::EngineHandle,
        http::Shutdown,
        outside::{Guest, Outside},
    },
    machine::event::Event,
};

/// Miners at a time.
const MAX_CONNECTIONS: usize = 64;
/// What is read of a miner at once, in bytes.
const CHUNK: usize = 4_096;
/// What may wait to be sent to a miner, in bytes. One that takes it too slowly is let go.
const OUTBOX: usize = 256 * 1024;
/// How often a session looks at the time.
const TICK: Duration = Duration::from_secs(5);
/// For so long at the least a connection keeps its place, and one that was let go keeps it for so long afterwards: so
/// nobody gains anything by coming again and again.
const COOLING: Duration = Duration::from_secs(5);
/// Pause when the system has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What all miners share.
pub struct Hall {
    /// The machine, which takes blocks.
    engine: EngineHandle,
    /// Where work comes from.
    outside: Outside,
    /// The network whose rules hold.
    network: Arc<Network>,
    /// Whom the blocks of miners pay that name nobody.
    host: Address,
    /// When to end.
    shutdown: Shutdown,
    throttle: Mutex<Throttle>,
}

impl Hall {
    /// One that nobody has entered.
    pub fn new(
        engine: EngineHandle,
        outside: Outside,
        network: Arc<Network>,
        host: Address,
        shutdown: Shutdown,
    ) -> Self {
        Self { engine, outside, network, host, shutdown, throttle: Mutex::default() }
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves miners until the shutdown begins.
pub async fn serve(listener: TcpListener, hall: Hall) {
    let hall = Arc::new(hall);
    let mut connections = JoinSet::new();
    let mut so_far = 0_u32;
    loop {
        tokio::select! {
            biased;
            () = hall.shutdown.begun() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() >= MAX_CONNECTIONS => turn_away(&stream),
                Ok((stream, from)) => {
                    // 0 is that of work given out over HTTP.
                    so_far = so_far.checked_add(1).unwrap_or(1);
                    connections.spawn(Connection::new(hall.clone(), so_far, from).run(stream));
                }
                Err(error) => {
                    warn!("no miner's connection can be accepted at the moment: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    // Whatever a miner is told now, it sees the end of its connection.
    connections.shutdown().await;
}

fn turn_away(stream: &TcpStream) {
    let text = format!("this node serves {MAX_CONNECTIONS} miners already: try again later, or another node");
    // A new connection has room for a line.
    let _ = stream.try_write(notification("client.show_message", json!([text])).as_bytes());
}

/// How a connection ends.
enum End {
    /// By the miner, by the node's end, or by what lies between them.
    Left,
    /// By the node, for what the miner did.
    LetGo(&'static str),
}

struct Connection {
    hall: Arc<Hall>,
    session: Session,
    from: SocketAddr,
    guest: Option<Guest>,
    /// What came and is no whole line yet.
    input: Vec<u8>,
    /// What is still to be sent. Texts of the miner's own are in it, and it is cut anywhere.
    output: Vec<u8>,
}

impl Connection {
    fn new(hall: Arc<Hall>, number: u32, from: SocketAddr) -> Self {
        let session = Session::new(hall.network.clone(), hall.host, number.to_be_bytes(), clock::now());
        Self { hall, session, from, guest: None, input: Vec::new(), output: Vec::new() }
    }

    async fn run(mut self, mut stream: TcpStream) {
        // Lines are short, and a late one is work for nothing.
        let _ = stream.set_nodelay(true);
        let (from, began) = (self.from, Instant::now());
        let Err(end) = self.converse(&mut stream).await;
        self.guest = None;
        let cooling = match end {
            End::Left => {
                debug!(%from, "a miner left");
                drop(stream);
                COOLING.saturating_sub(began.elapsed())
            }
            End::LetGo(reason) => {
                info!(%from, "a miner is let go: {reason}");
                let text = format!("this node lets you go: {reason}");
                // To one who reads nothing, nothing can be said.
                let _ = stream.try_write(notification("client.show_message", json!([text])).as_bytes());
                COOLING
            }
        };
        tokio::select! {
            () = tokio::time::sleep(cooling) => {}
            () = self.hall.shutdown.begun() => {}
        }
    }

    async fn converse(&mut self, stream: &mut TcpStream) -> Result<Infallible, End> {
        let shutdown = self.hall.shutdown.clone();
        let (mut reader, mut writer) = stream.split();
        let mut offers = self.hall.outside.offers();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if self.session.works() && self.guest.is_none() {
                self.guest = Some(self.hall.outside.join());
                offers.mark_changed();
            }
            if self.output.len() > OUTBOX {
                return Err(End::LetGo("it does not read what it is told"));
            }
            self.input.reserve(CHUNK);
            tokio::select! {
                () = shutdown.begun() => return Err(End::Left),
                read = reader.read_buf(&mut self.input) => match read {
                    Ok(0) | Err(_) => return Err(End::Left),
                    Ok(_) => self.hear().await?,
                },
                written = writer.write(&self.output), if !self.output.is_empty() => match written {
                    Ok(count) => drop(self.output.drain(..count)),
                    Err(_) => return Err(End::Left),
                },
                Ok(()) = offers.changed(), if self.guest.is_some() => {
                    let offer = offers.borrow_and_update().clone();
                    self.session.offered(offer, clock::now(), &mut self.output);
                }
                _ = ticks.tick() => {
                    let happening = self.session.tick(clock::now(), &mut self.output);
                    self.act(happening).await?;
                }
            }
        }
    }

    /// Takes the whole lines of what has come.
    async fn hear(&mut self) -> Result<(), End> {
        let mut input = std::mem::take(&mut self.input);
        let lines = input.iter().filter(|byte| **byte == b'\n').count();
        let delay = self.hall.throttle().delay(lines, clock::steady());
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let mut rest = &input[..];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n').filter(|end| *end <= wire::MAX_LINE) {
            let happening = self.session.line(&rest[..end], clock::now(), &mut self.output);
            rest = &rest[end + 1..];
            self.act(happening).await?;
        }
        if rest.len() > wire::MAX_LINE {
            return Err(End::LetGo("its line is too long"));
        }
        let taken = input.len() - rest.len();
        input.drain(..taken);
        self.input = input;
        Ok(())
    }

    async fn act(&mut self, happening: Option<Happening>) -> Result<(), End> {
        let from = self.from;
        match happening {
            None => Ok(()),
            Some(Happening::Joined { worker, pays }) => {
                info!(%from, "miner {worker:?} joins; its blocks pay {pays}");
                Ok(())
            }
            Some(Happening::Found { worker, block }) => {
                info!(%from, "miner {worker:?} found block {} at height {}", block.hash(), block.height());
                let size = block.size();
                let mined = Event::Mined { block: Arc::new(*block) };
                self.hall.engine.event_of(mined, size).await.map_err(|_| End::Left)
            }
            Some(Happening::Over(reason)) => Err(End::LetGo(reason)),
        }
    }
}
