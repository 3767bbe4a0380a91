//! The timeline of a network that runs: whatever happens is written down here, in one order by one clock, and given
//! to whoever follows. What the nodes tell is fetched by [`super::follow`].

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use node::drivers::clock;
use shared::BlockHash;
use tokio::sync::watch;

use super::entry::{About, Begun, Entry, FORMAT, Told, What};
use super::file::{DAMAGED, FILE, Writer};
use super::history::History;
use super::read::Line;
use super::state::State;
use crate::term;

/// Lines that are kept in memory for followers, and their bytes.
const RECENT: (usize, usize) = (4096, 16 << 20);

/// Writes the timeline, for all who have something to add.
#[derive(Debug)]
pub(crate) struct Recorder {
    path: PathBuf,
    inner: Mutex<Inner>,
    history: Arc<History>,
    /// Number of the next entry.
    next: watch::Sender<u64>,
    /// Held while a block is looked up, so that each is looked up once.
    pub(super) looking_up: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Inner {
    writer: Writer,
    recent: VecDeque<Line>,
    recent_bytes: usize,
    /// Whether the user was told that it cannot be written.
    warned: bool,
}

/// What a follower gets from memory.
#[derive(Debug)]
pub(crate) enum Recent {
    Lines(Vec<Line>),
    /// They are no longer in memory, but in the file.
    InFile,
    /// Nothing has come yet.
    Nothing,
}

impl Recorder {
    /// Goes on with the timeline in a network's folder, or begins one, for a network of so many nodes.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn resume(folder: &Path, genesis: Option<BlockHash>, nodes: u16) -> std::io::Result<Arc<Self>> {
        let begun = Begun {
            format: FORMAT,
            number: 1,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            genesis,
            simulated: false,
            seed: None,
            nodes,
            continued: false,
            whole: 0,
        };
        let (writer, damage) = Writer::resume(folder, now(), begun)?;
        if let Some(error) = damage {
            term::warn(&format!("{error}; a new timeline was begun, and this one kept as {DAMAGED}"));
        }
        Ok(Self::over(folder.join(FILE), writer))
    }

    /// A new timeline in a file of its own. `begun` gets number 1.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn create(path: &Path, at: u64, begun: Begun) -> std::io::Result<Arc<Self>> {
        Ok(Self::over(path.to_owned(), Writer::create(path, at, begun)?))
    }

    fn over(path: PathBuf, writer: Writer) -> Arc<Self> {
        let next = watch::channel(writer.next()).0;
        let history = writer.history().clone();
        let inner = Mutex::new(Inner { writer, recent: VecDeque::new(), recent_bytes: 0, warned: false });
        Arc::new(Self { path, inner, history, next, looking_up: tokio::sync::Mutex::default() })
    }

    /// Writes down something about the network.
    pub(crate) fn network(&self, what: What) {
        self.write([Entry::network(now(), what).into()]);
    }

    /// Writes down something about one node.
    pub(crate) fn node(&self, node: u16, what: What) {
        self.write([Entry::node(now(), node, what).into()]);
    }

    /// Writes these down. A failure is told once and changes nothing else.
    pub(crate) fn write(&self, told: impl IntoIterator<Item = Told>) {
        let mut inner = self.lock();
        for told in told {
            let lines = inner.writer.append(told);
            lines.into_iter().for_each(|line| inner.remember(line));
        }
        match inner.writer.flush() {
            Ok(()) => inner.warned = false,
            Err(_) if inner.warned => {}
            Err(error) => {
                inner.warned = true;
                term::warn(&format!("the timeline cannot be written, so a part of it is missing: {error}"));
            }
        }
        self.next.send_replace(inner.writer.next());
    }

    /// Whether all of it is in the file.
    ///
    /// # Errors
    /// What was written last is not: the file cannot be written.
    pub(crate) fn check(&self) -> std::io::Result<()> {
        let mut inner = self.lock();
        let lost = inner.warned;
        inner.writer.flush()?;
        if lost { Err(std::io::Error::other("a part of it was lost")) } else { Ok(()) }
    }

    /// Something of what the entries up to now come to. Nothing is written meanwhile.
    pub(crate) fn now<T>(&self, view: impl FnOnce(&State) -> T) -> T {
        view(self.lock().writer.state())
    }

    /// What the entries up to now come to, to be looked at at leisure.
    pub(crate) fn snapshot(&self) -> State {
        self.now(State::clone)
    }

    /// What was before.
    pub(crate) fn history(&self) -> &Arc<History> {
        &self.history
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Number of the next entry, to watch.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.next.subscribe()
    }

    /// At most `limit` lines from this number on.
    pub(crate) fn lines(&self, from: u64, limit: usize) -> Recent {
        let inner = self.lock();
        if from >= inner.writer.next() {
            return Recent::Nothing;
        }
        if inner.recent.front().is_none_or(|first| first.number > from) {
            return Recent::InFile;
        }
        let first = inner.recent.partition_point(|line| line.number < from);
        match inner.recent.range(first..).take(limit).cloned().collect::<Vec<_>>() {
            lines if lines.is_empty() => Recent::Nothing,
            lines => Recent::Lines(lines),
        }
    }

    /// The id of the last thing that the node's journal told.
    pub(super) fn journal(&self, node: u16) -> Option<String> {
        self.lock().writer.state().journal(node).map(str::to_owned)
    }

    /// What is known of a block, if anything.
    pub(super) fn block(&self, hash: &BlockHash) -> Option<About> {
        self.lock().writer.state().tree.get(hash).map(|block| block.about)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn remember(&mut self, line: Line) {
        self.recent_bytes += line.text.len();
        self.recent.push_back(line);
        while self.recent.len() > RECENT.0 || self.recent_bytes > RECENT.1 {
            let Some(oldest) = self.recent.pop_front() else { return };
            self.recent_bytes -= oldest.text.len();
        }
    }
}

/// The recorder's clock, in milliseconds.
pub(super) fn now() -> u64 {
    clock::wall().0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn followers_get_from_memory_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let recorder = Recorder::resume(dir.path(), None, 2).unwrap();
        assert!(matches!(recorder.lines(2, 10), Recent::Nothing));
        recorder.node(1, What::Paused);
        recorder.network(What::Healed);
        let Recent::Lines(lines) = recorder.lines(2, 10) else { panic!() };
        let told: Vec<_> = lines.iter().map(|line| (line.number, line.event())).collect();
        assert_eq!(told, [(2, "paused".to_owned()), (3, "healed".to_owned())]);
        assert!(matches!(recorder.lines(3, 10), Recent::Lines(lines) if lines.len() == 1));
        assert!(matches!(recorder.lines(4, 10), Recent::Nothing));
        assert_eq!(*recorder.watch().borrow(), 4);
        // The beginning was written before anybody could follow.
        assert!(matches!(recorder.lines(1, 10), Recent::InFile));
        drop(recorder);
        let recorder = Recorder::resume(dir.path(), None, 2).unwrap();
        assert!(matches!(recorder.lines(2, 10), Recent::InFile));
        assert_eq!(*recorder.watch().borrow(), 5);
    }
    /// Few lines of any length do not fill the memory.
    #[test]
    fn what_followers_get_from_memory_is_bounded_in_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let recorder = Recorder::resume(dir.path(), None, 2).unwrap();
        let long = "x".repeat(RECENT.1 / 3);
        (0..5).for_each(|number| recorder.network(What::Step { number, text: long.clone() }));
        assert!(matches!(recorder.lines(4, 10), Recent::InFile));
        assert!(matches!(recorder.lines(5, 10), Recent::Lines(lines) if lines.len() == 2));
        assert!(recorder.lock().recent_bytes <= RECENT.1);
    }
}
