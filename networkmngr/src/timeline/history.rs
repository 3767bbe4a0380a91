//! The past of a timeline, looked at without reading it from its beginning: places in its files, with what had come
//! together up to each. Reading only; blocking.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::entry::{Entry, What};
use super::explain::{Stretch, explain_on};
use super::file::TRIM;
use super::read::{Line, ReadError, Reader};
use super::state::State;
use super::story::{Clock, Story};

/// Bytes between two places at first. Whatever is asked for, no more than that is replayed before it.
const STEP: u64 = 4 << 20;
/// Places that are kept at most; of more, every other one is forgotten.
const MOST: usize = 64;
/// Entries before a stretch that are read as well, for what began there and goes on.
const BEFORE: u64 = 2_000;
/// Entries in which stories are looked for at once.
const STRETCH: u64 = 20_000;
/// Bytes of lines that are given at once, but at least one line.
const BYTES: usize = 8 << 20;

/// A place between two lines of a timeline's file.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// Number of the first entry of the file, which tells it from the others.
    pub(super) file: u64,
    /// Bytes before it.
    pub(super) offset: u64,
    /// Lines before it.
    pub(super) lines: u64,
    /// What the entries before it come to.
    pub(super) state: State,
}

/// A moment of a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// After the entry of this number.
    Entry(u64),
    /// After all entries up to this time, in milliseconds.
    Time(u64),
}

/// Which stories are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// Those that reach to this entry or beyond it.
    From(u64),
    /// The last ones that begin before this entry.
    Before(u64),
}

/// Stories, and the entries in which they were looked for.
#[derive(Debug)]
pub(crate) struct Stories {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) stories: Vec<Story>,
}

/// Where a timeline begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beginning {
    /// Number of the first entry that is kept.
    pub(crate) number: u64,
    /// Its time, in milliseconds.
    pub(crate) at: u64,
    /// Whether time is virtual.
    pub(crate) simulated: bool,
}

/// The files of a timeline.
#[derive(Debug)]
pub(crate) struct History {
    path: PathBuf,
    step: u64,
    marks: Mutex<Marks>,
}

#[derive(Debug, Default)]
struct Marks {
    /// How much farther apart they are than at first.
    sparse: u32,
    /// By file and offset, and so in the order of the entries.
    kept: BTreeMap<(u64, u64), Mark>,
}

impl History {
    /// That of the timeline in this file.
    pub(super) fn of(path: &Path) -> Self {
        Self::with_step(path, STEP)
    }

    fn with_step(path: &Path, step: u64) -> Self {
        Self { path: path.to_owned(), step, marks: Mutex::default() }
    }

    /// Keeps this place, unless one close to it is kept already. `state` is what has come together up to it.
    pub(super) fn note(&self, file: u64, offset: u64, lines: u64, state: &State) {
        let mut marks = self.lock();
        let step = self.step << marks.sparse;
        let near = (file, offset.saturating_sub(step - 1))..(file, offset.saturating_add(step));
        if offset < step || marks.kept.range(near).next().is_some() {
            return;
        }
        marks.kept.insert((file, offset), Mark { file, offset, lines, state: state.clone() });
        let files: BTreeSet<u64> = marks.kept.keys().map(|(file, _)| *file).collect();
        // There are two files at most.
        if let Some(oldest) = files.iter().rev().nth(1) {
            marks.kept.retain(|(file, _), _| file >= oldest);
        }
        if marks.kept.len() > MOST {
            let mut odd = false;
            marks.kept.retain(|_, _| {
                odd = !odd;
                odd
            });
            marks.sparse += 1;
        }
    }

    /// Where the timeline begins.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn beginning(&self) -> Result<Beginning, ReadError> {
        let mut reader = Reader::open(&self.path)?;
        let Some(line) = reader.line()? else { return Ok(Beginning::default()) };
        let entry = reader.parse(&line.text)?;
        let simulated = matches!(&entry.what, What::Begun(begun) if begun.simulated);
        Ok(Beginning { number: line.first, at: entry.at, simulated })
    }

    /// What everybody held at some moment; at the end, if the timeline does not reach so far.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn state_at(&self, moment: Moment) -> Result<State, ReadError> {
        let before = |state: &State| match moment {
            Moment::Entry(number) => state.number() <= number,
            Moment::Time(at) => state.at <= at,
        };
        let mut replay = self.replay(before)?;
        while let Some((number, entry)) = replay.peek()? {
            let beyond = match moment {
                Moment::Entry(wanted) => number > wanted,
                Moment::Time(wanted) => entry.at > wanted,
            };
            if beyond {
                break;
            }
            replay.take(&entry);
        }
        Ok(replay.state)
    }

    /// At most so many lines from this number on, and not much more than [`BYTES`].
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) fn lines(&self, from: u64, limit: usize) -> Result<Vec<Line>, ReadError> {
        let mut reader = self.replay(|state| state.number() < from)?.reader;
        let (mut lines, mut bytes) = (Vec::new(), 0);
        while lines.len() < limit && bytes < BYTES {
            let Some(line) = reader.line()? else { break };
            if line.number >= from {
                bytes += line.text.len();
                lines.push(line);
            }
        }
        Ok(lines)
    }

    /// At most so many stories, of those that are told without being asked for all, in the order of their entries.
    ///
    /// # Errors
    /// The timeline cannot be read.
    pub(crate) fn stories(&self, page: Page, limit: usize) -> Result<Stories, ReadError> {
        let Beginning { number: first, at: begun, simulated } = self.beginning()?;
        let (from, to) = match page {
            Page::From(from) => (from.max(first), from.max(first).saturating_add(STRETCH - 1)),
            Page::Before(end) => (end.saturating_sub(STRETCH).max(first), end.saturating_sub(1)),
        };
        let mut replay = self.replay(|state| state.number().saturating_add(BEFORE) < from)?;
        let state = replay.state.clone();
        let clock = if simulated { Clock::Since(begun) } else { Clock::Local };
        let mut entries = Vec::new();
        let mut last = state.number();
        while let Some((number, entry)) = replay.peek()? {
            if number > to {
                break;
            }
            last = number;
            // Of entries that were lost there is no state.
            entries.push(Ok::<_, ReadError>(entry));
        }
        let whole = Stretch { from: 0, to: u64::MAX, node: None, all: false, clock };
        let mut stories = explain_on(state, entries, &whole)?;
        stories.sort_by_key(|story| story.number);
        let to = last.min(to).max(from.saturating_sub(1));
        Ok(cut(Stories { from, to, stories }, page, limit))
    }

    /// Reads from the last place on whose state is early enough.
    fn replay(&self, early_enough: impl Fn(&State) -> bool) -> Result<Replay<'_>, ReadError> {
        let mark = self.lock().kept.values().rev().find(|mark| early_enough(&mark.state)).cloned();
        if let Some(mark) = mark
            && let Some(reader) = Reader::open_at(&self.path, &mark)?
        {
            return Ok(Replay { history: self, reader, state: mark.state });
        }
        Ok(Replay { history: self, reader: Reader::open(&self.path)?, state: State::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaves of these stories those that are on the page, at most so many.
fn cut(mut found: Stories, page: Page, limit: usize) -> Stories {
    match page {
        Page::From(_) => {
            found.stories.retain(|story| story.last >= found.from && story.number <= found.to);
            if found.stories.len() > limit {
                // What is left out comes on the next page, and so does what begins with the same entry.
                let next = found.stories[limit].number;
                found.stories.truncate(limit);
                found.to = next.saturating_sub(1).max(found.from);
            }
        }
        Page::Before(_) => {
            found.stories.retain(|story| story.number >= found.from && story.number <= found.to);
            if found.stories.len() > limit {
                found.stories.drain(..found.stories.len() - limit);
                found.from = found.stories.first().map_or(found.from, |story| story.number);
            }
        }
    }
    found
}

/// A timeline that is read on from some place.
struct Replay<'h> {
    history: &'h History,
    reader: Reader,
    /// What the entries that were taken in come to.
    state: State,
}

impl Replay<'_> {
    /// The next entry with its number, which is not taken in by that.
    fn peek(&mut self) -> Result<Option<(u64, Entry)>, ReadError> {
        let Some(line) = self.reader.line()? else { return Ok(None) };
        Ok(Some((line.number, self.reader.parse(&line.text)?)))
    }

    /// Takes the entry in that was read last.
    fn take(&mut self, entry: &Entry) {
        self.state.apply(entry);
        if self.state.number().is_multiple_of(TRIM) {
            self.state.trim();
        }
        let (file, offset, lines) = self.reader.place();
        self.history.note(file, offset, lines, &self.state);
    }
}

#[cfg(test)]
mod tests;
