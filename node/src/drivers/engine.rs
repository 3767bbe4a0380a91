//! The machine's own thread: it takes events as they come, a batch at a time so that they share one
//! commit, and hands the effects out afterwards, messages to peers before. Waiting for the disk here keeps nobody else
//! waiting.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc, oneshot, watch};

use super::clock;
use crate::machine::{
    Machine,
    effect::{Effect, Reply},
    event::{Event, Request, RequestId},
    notice::Notice,
    peers::book::Nodes,
    store::{Store, StoreError},
    sync::CatchingUp,
};

/// Events that may wait; whoever brings more waits until there is room.
const QUEUE: usize = 1_024;
/// Bytes of messages, blocks and transactions that may wait; one that has more waits alone.
const QUEUE_BYTES: usize = 64 * 1024 * 1024;
/// Events that share one commit, at most.
const BATCH: usize = 256;
/// Notices that are kept for those who have not taken them yet; of more, the oldest are lost to them.
const NOTICES: usize = 256;

/// What the engine is sent.
enum Input {
    Event(Box<Event>, Room),
    Request(Request, oneshot::Sender<Reply>, Room),
    Stop,
}

/// A share of [`QUEUE_BYTES`], given back once the machine has dealt with what took it.
type Room = Option<OwnedSemaphorePermit>;

/// The node is stopping and answers no more.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the node is stopping")]
pub struct Stopped;

/// How everybody else reaches the machine. Cheap to clone.
#[derive(Clone)]
pub struct EngineHandle {
    input: mpsc::Sender<Input>,
    room: Arc<Semaphore>,
    journal: watch::Receiver<u64>,
    notices: broadcast::Sender<Notice>,
    shown: watch::Receiver<Shown>,
}

/// What everybody may look at without waiting for the machine, as of its last events.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// HTTP addresses of the nodes that this one knows.
    pub nodes: Arc<Nodes>,
    /// How far it is, while it catches up.
    pub catching_up: Option<CatchingUp>,
}

impl EngineHandle {
    /// Tells the machine of something small. Waits while its queue is full.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn event(&self, event: Event) -> Result<(), Stopped> {
        self.event_of(event, 0).await
    }

    /// Tells the machine of something that takes so many bytes. Waits while its queue is full.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn event_of(&self, event: Event, bytes: usize) -> Result<(), Stopped> {
        let room = self.room_for(bytes).await?;
        self.input.send(Input::Event(Box::new(event), room)).await.map_err(|_| Stopped)
    }

    /// The same from a thread that may block and tells of one thing at a time, whatever that takes.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub fn event_blocking(&self, event: Event) -> Result<(), Stopped> {
        self.input.blocking_send(Input::Event(Box::new(event), None)).map_err(|_| Stopped)
    }

    /// Asks the machine for something and waits for the reply.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn request(&self, request: Request) -> Result<Reply, Stopped> {
        let room = self.room_for(request.bytes()).await?;
        let (sender, receiver) = oneshot::channel();
        self.input.send(Input::Request(request, sender, room)).await.map_err(|_| Stopped)?;
        receiver.await.map_err(|_| Stopped)
    }

    /// First come, first served, so that what is large is not kept waiting by what is small.
    async fn room_for(&self, bytes: usize) -> Result<Room, Stopped> {
        if bytes == 0 {
            return Ok(None);
        }
        let share = u32::try_from(bytes.min(QUEUE_BYTES)).unwrap_or(u32::MAX);
        self.room.clone().acquire_many_owned(share).await.map(Some).map_err(|_| Stopped)
    }

    /// Changes whenever the journal grew.
    pub fn journal(&self) -> watch::Receiver<u64> {
        self.journal.clone()
    }

    /// What is told in passing from now on. Whoever takes it slowly misses some.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// What the machine shows, whenever that changes.
    pub fn shown(&self) -> watch::Receiver<Shown> {
        self.shown.clone()
    }

    /// HTTP addresses of the nodes that this one knows.
    pub fn nodes(&self) -> Arc<Nodes> {
        self.shown.borrow().nodes.clone()
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
    notices: broadcast::Sender<Notice>,
    shown: watch::Sender<Shown>,
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
    let (journal, journal_seen) = watch::channel(0);
    let (shown, seen) = watch::channel(Shown::default());
    let (handle, input) = queue(journal_seen, seen);
    let (ended, end) = oneshot::channel();
    let notices = handle.notices.clone();
    let waiting = BTreeMap::new();
    let (requests_so_far, wake_at) = (0, None);
    let mut engine = Engine { machine, input, outward, journal, notices, shown, waiting, requests_so_far, wake_at };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    std::thread::Builder::new().name("machine".into()).spawn(move || {
        engine.carry_out(first);
        let outcome = runtime.block_on(engine.run());
        let _ = ended.send(outcome);
    })?;
    Ok((handle, end))
}

fn queue(journal: watch::Receiver<u64>, shown: watch::Receiver<Shown>) -> (EngineHandle, mpsc::Receiver<Input>) {
    let (sender, input) = mpsc::channel(QUEUE);
    let room = Arc::new(Semaphore::new(QUEUE_BYTES));
    let (notices, _) = broadcast::channel(NOTICES);
    (EngineHandle { input: sender, room, journal, notices, shown }, input)
}

impl<S: Store> Engine<S> {
    async fn run(mut self) -> Result<(), StoreError> {
        loop {
            let (mut events, mut taken) = (Vec::new(), Vec::new());
            let mut stopping = match tokio::time::timeout(self.time_to_wake(), self.input.recv()).await {
                Ok(None) => return Ok(()),
                Ok(Some(input)) => self.admit(input, &mut events, &mut taken),
                Err(_) => false,
            };
            while !stopping && events.len() < BATCH {
                let Ok(input) = self.input.try_recv() else { break };
                stopping = self.admit(input, &mut events, &mut taken);
            }
            let now = clock::now();
            if self.wake_at.is_some_and(|at| at <= now.steady) {
                self.wake_at = None;
                events.push(Event::Wake);
            }
            self.machine.take_all(events, now)?;
            // Peers need not wait for this node's disk, so that what passes many nodes waits for one.
            let sends = self.machine.take_sends();
            self.carry_out(sends);
            let effects = self.machine.commit()?;
            drop(taken);
            self.show();
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

    /// Turns an input into an event, and keeps the room that it takes; true when it says to stop.
    fn admit(&mut self, input: Input, events: &mut Vec<Event>, taken: &mut Vec<Room>) -> bool {
        match input {
            Input::Event(event, room) => {
                taken.push(room);
                events.push(*event);
            }
            Input::Request(request, reply_to, room) => {
                taken.push(room);
                self.requests_so_far += 1;
                let id = RequestId(self.requests_so_far);
                self.waiting.insert(id, reply_to);
                events.push(Event::Request { id, request });
            }
            Input::Stop => return true,
        }
        false
    }

    /// Before anybody hears that something changed.
    fn show(&mut self) {
        let (nodes, catching_up) = (self.machine.nodes(), self.machine.catching_up());
        self.shown.send_if_modified(|shown| {
            let changed = !Arc::ptr_eq(&shown.nodes, &nodes) || shown.catching_up != catching_up;
            *shown = Shown { nodes, catching_up };
            changed
        });
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
                Effect::Notice(notice) => {
                    // Nobody may be following.
                    let _ = self.notices.send(notice);
                }
                Effect::WakeAt(at) => self.wake_at = Some(at),
                outward => {
                    let _ = self.outward.send(outward);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const QUARTER: usize = QUEUE_BYTES / 4;

    fn a_queue() -> (EngineHandle, mpsc::Receiver<Input>) {
        queue(watch::channel(0).1, watch::channel(Shown::default()).1)
    }

    #[tokio::test]
    async fn what_waits_is_bounded_by_bytes_and_goes_on_as_soon_as_there_is_room() {
        let (engine, mut input) = a_queue();
        for _ in 0..4 {
            engine.event_of(Event::Wake, QUARTER).now_or_never().expect("there is room").unwrap();
        }
        let mut fifth = Box::pin(engine.event_of(Event::Wake, QUARTER));
        assert!((&mut fifth).now_or_never().is_none(), "the queue is full");
        engine.event(Event::Wake).now_or_never().expect("what is small passes").unwrap();
        let first = input.recv().await.unwrap();
        assert!((&mut fifth).now_or_never().is_none(), "the machine has not dealt with it yet");
        drop(first);
        fifth.now_or_never().expect("there is room again").unwrap();
    }

    #[tokio::test]
    async fn what_is_larger_than_the_queue_waits_alone_and_is_not_overtaken() {
        let (engine, mut input) = a_queue();
        engine.event_of(Event::Wake, QUARTER).await.unwrap();
        let mut huge = Box::pin(engine.event_of(Event::Wake, 10 * QUEUE_BYTES));
        assert!((&mut huge).now_or_never().is_none());
        let mut later = Box::pin(engine.event_of(Event::Wake, QUARTER));
        assert!((&mut later).now_or_never().is_none(), "small ones do not starve a large one");
        drop(input.recv().await);
        huge.now_or_never().expect("it is alone").unwrap();
        assert!((&mut later).now_or_never().is_none());
        drop(input.recv().await);
        later.now_or_never().expect("and gone").unwrap();
    }

    #[tokio::test]
    async fn who_waits_for_room_hears_that_the_engine_has_stopped() {
        let (engine, input) = a_queue();
        engine.event_of(Event::Wake, QUEUE_BYTES).await.unwrap();
        let mut waiting = Box::pin(engine.event_of(Event::Wake, 1));
        assert!((&mut waiting).now_or_never().is_none());
        drop(input);
        assert!(waiting.now_or_never().expect("it does not wait for ever").is_err());
    }
}
