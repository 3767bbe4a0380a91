//! The machine's own thread: it takes events as they come, a batch at a time so that they share one
//! commit, and hands the effects out afterwards. Waiting for the disk here keeps nobody else waiting.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::clock;
use crate::machine::{
    Machine,
    effect::{Effect, Reply},
    event::{Event, Request, RequestId},
    store::{Store, StoreError},
};

/// Events that may wait; whoever brings more waits until there is room.
const QUEUE: usize = 1_024;
/// Events that share one commit, at most.
const BATCH: usize = 256;

/// What the engine is sent.
enum Input {
    Event(Box<Event>),
    Request(Request, oneshot::Sender<Reply>),
    Stop,
}

/// The node is stopping and answers no more.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the node is stopping")]
pub struct Stopped;

/// How everybody else reaches the machine. Cheap to clone.
#[derive(Clone)]
pub struct EngineHandle {
    input: mpsc::Sender<Input>,
    journal: watch::Receiver<u64>,
}

impl EngineHandle {
    /// Tells the machine of something. Waits while its queue is full.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn event(&self, event: Event) -> Result<(), Stopped> {
        self.input.send(Input::Event(Box::new(event))).await.map_err(|_| Stopped)
    }

    /// The same from a thread that may block.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub fn event_blocking(&self, event: Event) -> Result<(), Stopped> {
        self.input.blocking_send(Input::Event(Box::new(event))).map_err(|_| Stopped)
    }

    /// Asks the machine for something and waits for the reply.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn request(&self, request: Request) -> Result<Reply, Stopped> {
        let (sender, receiver) = oneshot::channel();
        self.input.send(Input::Request(request, sender)).await.map_err(|_| Stopped)?;
        receiver.await.map_err(|_| Stopped)
    }

    /// Changes whenever the journal grew.
    pub fn journal(&self) -> watch::Receiver<u64> {
        self.journal.clone()
    }

    /// Lets the engine finish what it has begun, and end.
    pub async fn stop(&self) {
        let _ = self.input.send(Input::Stop).await;
    }
}

/// The thread's state.
struct Engine<S> {
    machine: Machine<S>,
    input: mpsc::Receiver<Input>,
    outward: mpsc::UnboundedSender<Effect>,
    journal: watch::Sender<u64>,
    waiting: BTreeMap<RequestId, oneshot::Sender<Reply>>,
    requests_so_far: u64,
    wake_at: Option<shared::Millis>,
}

/// Starts the machine's thread. Effects that concern the world go to `outward`, which is unbounded
/// because the machine makes effects only for events, and those are bounded.
///
/// # Errors
/// When the thread cannot be started. The thread itself ends with an error when the store fails.
pub fn start<S: Store + Send + 'static>(
    machine: Machine<S>,
    first: Vec<Effect>,
    outward: mpsc::UnboundedSender<Effect>,
) -> std::io::Result<(EngineHandle, oneshot::Receiver<Result<(), StoreError>>)> {
    let (sender, input) = mpsc::channel(QUEUE);
    let (journal, journal_seen) = watch::channel(0);
    let (ended, end) = oneshot::channel();
    let mut engine =
        Engine { machine, input, outward, journal, waiting: BTreeMap::new(), requests_so_far: 0, wake_at: None };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    std::thread::Builder::new().name("machine".into()).spawn(move || {
        engine.carry_out(first);
        let outcome = runtime.block_on(engine.run());
        let _ = ended.send(outcome);
    })?;
    Ok((EngineHandle { input: sender, journal: journal_seen }, end))
}

impl<S: Store> Engine<S> {
    async fn run(mut self) -> Result<(), StoreError> {
        loop {
            let mut events = Vec::new();
            let mut stopping = match tokio::time::timeout(self.time_to_wake(), self.input.recv()).await {
                Ok(None) => return Ok(()),
                Ok(Some(input)) => self.admit(input, &mut events),
                Err(_) => false,
            };
            while !stopping && events.len() < BATCH {
                let Ok(input) = self.input.try_recv() else { break };
                stopping = self.admit(input, &mut events);
            }
            let now = clock::now();
            if self.wake_at.is_some_and(|at| at <= now.steady) {
                self.wake_at = None;
                events.push(Event::Wake);
            }
            let effects = self.machine.handle_all(events, now)?;
            self.carry_out(effects);
            if stopping {
                return Ok(());
            }
        }
    }

    fn time_to_wake(&self) -> Duration {
        let longest = Duration::from_secs(3600);
        self.wake_at.map_or(longest, |at| at.since(clock::steady()).min(longest))
    }

    /// Turns an input into an event; true when it says to stop.
    fn admit(&mut self, input: Input, events: &mut Vec<Event>) -> bool {
        match input {
            Input::Event(event) => events.push(*event),
            Input::Request(request, reply_to) => {
                self.requests_so_far += 1;
                let id = RequestId(self.requests_so_far);
                self.waiting.insert(id, reply_to);
                events.push(Event::Request { id, request });
            }
            Input::Stop => return true,
        }
        false
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Reply { request, reply } => {
                    if let Some(reply_to) = self.waiting.remove(&request) {
                        // Whoever asked may have gone away.
                        let _ = reply_to.send(reply);
                    }
                }
                Effect::Journal => self.journal.send_modify(|count| *count += 1),
                Effect::WakeAt(at) => self.wake_at = Some(at),
                outward => {
                    let _ = self.outward.send(outward);
                }
            }
        }
    }
}
