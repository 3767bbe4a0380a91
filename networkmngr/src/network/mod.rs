//! The set of nodes: their sockets, their processes' states, their place in `network.json`. Which
//! orders may be given to a node and what they mean is here; how HTTP or the command line words them
//! is not.

mod conditions;
mod faults;
mod life;
mod orders;
mod register;
mod reorg;
mod standin;
mod stop;
mod tell;
mod witness;

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use node::cli::HashRate;
use node::client::Client;
use node::drivers::net::Links;
use shared::peer::PeerId;
use tokio::sync::watch;

pub(crate) use conditions::{Faults, LinkRule};
pub(crate) use faults::{FaultError, Healed, Partition};
pub(crate) use orders::{OrderError, StartCommand};
pub(crate) use reorg::{ReorgError, ReorgOrder, Reorganised};
pub(crate) use stop::{Ending, describe};

use crate::child::{Exit, Identity, Spawner};
use crate::plan::{NodePlan, Plan};
use crate::record::{self, Process, Record};
use crate::term;
use crate::timeline::Recorder;

/// Most requests to nodes that are under way at once, where the order does not matter.
pub(crate) const AT_ONCE: usize = 64;

/// All nodes of one manager.
#[derive(Debug)]
pub(crate) struct Network {
    plan: Plan,
    slots: Mutex<Vec<Arc<Slot>>>,
    spawner: Spawner,
    record: Mutex<Record>,
    /// Held by the reorganisation to order that is under way.
    reorganising: tokio::sync::Mutex<()>,
    closing: AtomicBool,
    faults: Mutex<Faults>,
    /// Held while the faults are changed, so that what is verified is what was wanted.
    changing: tokio::sync::Mutex<()>,
    /// Everything that happens.
    pub(crate) timeline: Arc<Recorder>,
    /// For requests to the nodes.
    pub(crate) client: Client,
}

/// One node's place: its number, port and folder, whatever process fills it.
#[derive(Debug)]
struct Slot {
    plan: NodePlan,
    /// Keeps the port while no process of the node runs, and gives each its duplicate.
    socket: TcpListener,
    state: watch::Sender<State>,
    /// Whether the end of the present process is wanted.
    end_wanted: AtomicBool,
    /// Held by the order that the node is carrying out, so that two never mix.
    order: tokio::sync::Mutex<()>,
    /// How its next process is started, where that is not as usual.
    start: Mutex<Start>,
    /// By what the others know the node, once it has said so. It stays while there is no process.
    known: Mutex<Option<Known>>,
    /// What its process was told last of the ways to its peers.
    told: tokio::sync::Mutex<Links>,
}

/// By what other nodes know a node.
#[derive(Clone, Debug)]
struct Known {
    /// Its permanent id, 64 hex digits.
    id: String,
    /// Its name among peers; `None` if it says none that there can be.
    peer: Option<PeerId>,
}

/// How a node is started, where that is not as all others are.
#[derive(Clone, Debug, Default)]
struct Start {
    command: StartCommand,
    hash_rate: Option<HashRate>,
}

/// What a node is doing.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// Its process is being made.
    Spawning,
    /// Its process runs and has not yet said that it is ready.
    Starting { pid: u32 },
    /// It works.
    Running(Running),
    /// Its process is stopped (SIGSTOP) until it is resumed.
    Paused(Running),
    /// Its process has ended.
    Ended(Ended),
    /// It was taken out of the network for good.
    Removed(Ended),
}

/// A node whose process is ready.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) identity: Arc<Identity>,
}

/// How a node's process ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) exit: Arc<Exit>,
    /// What it wrote last to its log.
    pub(crate) last_lines: Arc<[String]>,
    /// What it said of itself, if it was ever ready.
    pub(crate) identity: Option<Arc<Identity>>,
}

impl State {
    /// The state in one word.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Spawning | Self::Starting { .. } => "starting",
            Self::Running(_) => "running",
            Self::Paused(_) => "paused",
            Self::Ended(_) => "ended",
            Self::Removed(_) => "removed",
        }
    }

    /// The pid of the process, while there is one.
    pub(crate) fn pid(&self) -> Option<u32> {
        match self {
            Self::Starting { pid } => Some(*pid),
            Self::Running(running) | Self::Paused(running) => Some(running.process.pid),
            Self::Spawning | Self::Ended(_) | Self::Removed(_) => None,
        }
    }

    /// What the node said of itself, now or before its process ended.
    pub(crate) fn identity(&self) -> Option<&Arc<Identity>> {
        match self {
            Self::Running(running) | Self::Paused(running) => Some(&running.identity),
            Self::Ended(ended) | Self::Removed(ended) => ended.identity.as_ref(),
            Self::Spawning | Self::Starting { .. } => None,
        }
    }

    /// The process and what it said of itself, if it is ready or paused.
    pub(crate) fn ready(&self) -> Option<&Running> {
        match self {
            Self::Running(running) | Self::Paused(running) => Some(running),
            _ => None,
        }
    }

    /// How its process ended, if it has none.
    pub(crate) fn ended(&self) -> Option<&Ended> {
        match self {
            Self::Ended(ended) | Self::Removed(ended) => Some(ended),
            _ => None,
        }
    }
}

/// One node as it was at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) number: u16,
    pub(crate) address: String,
    pub(crate) state: State,
}

/// Why a network did not come up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("node {number} did not start: {exit}{}", quoted(.last_lines))]
    Node { number: u16, exit: Arc<Exit>, last_lines: Arc<[String]> },
    #[error("node {number} did not take the list of nodes: {reason}")]
    Register { number: u16, reason: String },
    #[error("the manager could not go on: {0}")]
    System(#[from] std::io::Error),
}

impl Network {
    /// A network with its sockets, none of its nodes started yet. Needs a tokio runtime.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn new(
        plan: Plan,
        nodes: Vec<TcpListener>,
        record: Record,
        timeline: Arc<Recorder>,
    ) -> std::io::Result<Arc<Self>> {
        let slots = plan.nodes().into_iter().zip(nodes).map(|(plan, socket)| Slot::new(plan, socket));
        Ok(Arc::new(Self {
            slots: Mutex::new(slots.collect()),
            spawner: Spawner::start()?,
            record: Mutex::new(record),
            reorganising: tokio::sync::Mutex::default(),
            closing: AtomicBool::new(false),
            faults: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            timeline,
            client: Client::new(),
            plan,
        }))
    }

    /// Starts every node and makes them known to each other.
    ///
    /// # Errors
    /// The first node that did not come up. The others are left as they are: stop them.
    pub(crate) async fn start(self: &Arc<Self>) -> Result<(), StartError> {
        let slots = self.slots();
        for slot in &slots {
            self.launch(slot).await?;
        }
        let ready = slots.iter().map(|slot| slot.ready());
        futures::future::try_join_all(ready).await?;
        self.register_all().await?;
        // Not before, so that nobody's questions hold up the start.
        slots.into_iter().for_each(|slot| self.witness(slot));
        let mut record = self.lock_record();
        record.first_ready.get_or_insert_with(term::now);
        drop(record);
        self.save();
        Ok(())
    }

    /// The plan that this network follows.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// All nodes as they are now, in the order of their numbers.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.slots().iter().map(|slot| slot.seen()).collect()
    }

    /// The nodes that work now.
    pub(crate) fn running(&self) -> Vec<Seen> {
        let mut seen = self.seen();
        seen.retain(|node| matches!(node.state, State::Running(_)));
        seen
    }

    /// Whether node `number` works now.
    pub(crate) fn is_running(&self, number: u16) -> bool {
        let slots = self.slots();
        let slot = slots.get(usize::from(number));
        slot.is_some_and(|slot| matches!(*slot.state.borrow(), State::Running(_)))
    }

    /// Writes down how the nodes are now. A failure is told and changes nothing else.
    pub(crate) fn save(&self) {
        let nodes = self.slots().iter().map(|slot| slot.recorded()).collect();
        let mut record = self.lock_record();
        record.nodes = nodes;
        if let Err(error) = record.write(&self.plan.folder) {
            term::warn(&format!("{error:#}"));
        }
    }

    /// Writes down that no manager runs any more.
    pub(crate) fn save_as_stopped(&self) {
        self.lock_record().manager = None;
        self.save();
    }

    /// When the manager began, local time.
    pub(crate) fn since(&self) -> String {
        self.lock_record().manager.as_ref().map(|manager| manager.since.clone()).unwrap_or_default()
    }

    /// How long a start, or a restart, may take.
    fn ready_deadline(&self) -> Duration {
        self.plan.ready_deadline()
    }

    fn genesis(&self) -> Option<PathBuf> {
        let record = self.lock_record();
        record.genesis.as_ref().map(|file| self.plan.folder.join(file))
    }

    fn slots(&self) -> Vec<Arc<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lock_record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the network is being stopped.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }
}

impl Slot {
    fn new(plan: NodePlan, socket: TcpListener) -> Arc<Self> {
        let nothing = Ended {
            exit: Arc::new(Exit::NotStarted("it was not its turn yet".to_owned())),
            last_lines: Arc::new([]),
            identity: None,
        };
        Arc::new(Self {
            plan,
            socket,
            state: watch::channel(State::Ended(nothing)).0,
            end_wanted: AtomicBool::new(false),
            order: tokio::sync::Mutex::default(),
            start: Mutex::default(),
            known: Mutex::default(),
            told: tokio::sync::Mutex::default(),
        })
    }

    fn seen(&self) -> Seen {
        let state = self.state.borrow().clone();
        Seen { number: self.plan.number, address: self.plan.address(), state }
    }

    fn recorded(&self) -> record::Node {
        let state = self.state.borrow();
        let identity = state.identity();
        let name = |path: &std::path::Path| path.file_name().map(PathBuf::from).unwrap_or_default();
        record::Node {
            number: self.plan.number,
            id: identity.map(|identity| identity.id.clone()),
            address: self.plan.address(),
            peer_addresses: identity.map(|known| known.peer_addresses.clone()).unwrap_or_default(),
            process: state.ready().map(|running| running.process),
            folder: name(&self.plan.folder),
            log: PathBuf::from("logs").join(name(&self.plan.log)),
        }
    }

    fn lock_start(&self) -> MutexGuard<'_, Start> {
        self.start.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_known(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the node works or its process has ended.
    async fn ready(&self) -> Result<Running, StartError> {
        let mut states = self.state.subscribe();
        let settled = |state: &State| !matches!(state, State::Spawning | State::Starting { .. });
        let state = states.wait_for(settled).await.map(|state| state.clone());
        match state {
            Ok(State::Running(running) | State::Paused(running)) => Ok(running),
            Ok(State::Ended(Ended { exit, last_lines, .. }) | State::Removed(Ended { exit, last_lines, .. })) => {
                Err(StartError::Node { number: self.plan.number, exit, last_lines })
            }
            // The sender lives in `self`, so it cannot be gone.
            Ok(_) | Err(_) => Err(StartError::System(std::io::Error::other("a node's state was lost"))),
        }
    }
}

/// The last lines of a node's log as they follow a sentence.
pub(crate) fn quoted(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::from(" (it wrote nothing to its log)");
    }
    let lines: Vec<String> = lines.iter().map(|line| format!("\n    | {line}")).collect();
    format!("; the last lines of its log:{}", lines.concat())
}
