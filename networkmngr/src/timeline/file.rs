//! The file of a timeline as it is written: JSON Lines, the first of which says what it is. Written in order and never over;
//! what a writer that was killed has left of its last line is taken away by the next. A network that runs for
//! long keeps the last two files of a bounded size; the later one begins with what every node holds.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::entry::{Begun, Entry, FORMAT, Told, What};
use super::history::History;
use super::read::{Line, ReadError, Reader};
use super::state::State;

/// Its name in a network's folder.
pub(crate) const FILE: &str = "timeline.jsonl";
/// The file before it.
pub(crate) const EARLIER: &str = "timeline.1.jsonl";
/// One that could not be read any more.
pub(crate) const DAMAGED: &str = "timeline.damaged.jsonl";

/// Bytes after which another file is begun, where they are bounded. One that begins with more than half of that gets
/// twice as much as it begins with.
const BOUND: u64 = 64 << 20;
/// Bytes that wait to be written at most.
const PENDING: usize = 256 << 10;
/// Entries after which the writer forgets old blocks.
pub(super) const TRIM: u64 = 10_000;

/// Appends to a timeline.
#[derive(Debug)]
pub(crate) struct Writer {
    path: PathBuf,
    file: File,
    /// Bytes of the file that are whole lines.
    length: u64,
    /// Whole lines on their way to the file.
    pending: Vec<u8>,
    /// How many they are.
    pending_entries: u64,
    bound: Option<u64>,
    /// Bytes after which the next file is begun.
    full_at: u64,
    begun: Begun,
    /// Number of the next entry.
    next: u64,
    /// Entries before those that wait which are in no file.
    lost: u64,
    /// When the last of them happened.
    lost_at: u64,
    /// What the entries up to now come to.
    state: State,
    /// Number of the first entry of the file, and how many lines it has with those that wait.
    place: (u64, u64),
    history: Arc<History>,
}

impl Writer {
    /// A new timeline in a file of its own, without a bound. `begun` gets number 1.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn create(path: &Path, at: u64, begun: Begun) -> io::Result<Self> {
        File::create(path)?;
        let file = File::options().append(true).open(path)?;
        let mut writer = Self::over(path, file, 0, None, begun);
        writer.append(Entry::network(at, What::Begun(writer.begun.clone())));
        writer.flush()?;
        Ok(writer)
    }

    /// Goes on with the timeline of a network's folder, or begins one. Its last lines tell where each node's journal
    /// is to be followed from. One that cannot be read is kept under another name, and told with the reason.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn resume(folder: &Path, at: u64, begun: Begun) -> io::Result<(Self, Option<ReadError>)> {
        Self::resume_within(folder, at, begun, BOUND)
    }

    fn resume_within(folder: &Path, at: u64, begun: Begun, bound: u64) -> io::Result<(Self, Option<ReadError>)> {
        let path = folder.join(FILE);
        let history = Arc::new(History::of(&path));
        let (past, damage) = match Past::read(&path, &history) {
            Ok(past) => (past, None),
            Err(error) => {
                fs::rename(&path, folder.join(DAMAGED))?;
                (Past::default(), Some(error))
            }
        };
        let file = File::options().create(true).append(true).open(&path)?;
        file.set_len(past.length)?;
        let mut writer = Self::over(&path, file, past.length, Some(bound), begun);
        writer.history = history;
        writer.next = past.next;
        writer.state = past.state;
        writer.place = past.place;
        writer.begun.number = writer.next;
        writer.append(Entry::network(at, What::Begun(writer.begun.clone())));
        writer.flush()?;
        Ok((writer, damage))
    }

    fn over(path: &Path, file: File, length: u64, bound: Option<u64>, mut begun: Begun) -> Self {
        begun.number = 1;
        begun.format = FORMAT;
        let (pending, state) = (Vec::new(), State::default());
        let history = Arc::new(History::of(path));
        let (path, full_at) = (path.to_owned(), bound.unwrap_or(u64::MAX));
        let (pending_entries, next, lost, lost_at, place) = (0, 1, 0, 0, (1, 0));
        Self {
            path,
            file,
            length,
            pending,
            pending_entries,
            bound,
            full_at,
            begun,
            next,
            lost,
            lost_at,
            state,
            place,
            history,
        }
    }

    /// Adds an entry; gives its line as it stands in the file, after those with which another file had to begin. What
    /// waits in memory is written by [`Writer::flush`], or when it is much. An entry that is earlier than the one
    /// before it is dated like that one.
    pub(crate) fn append(&mut self, told: impl Into<Told>) -> Vec<Line> {
        let mut told = told.into();
        if told.entry.at < self.state.at {
            told.line =
                told.line.replacen(&format!("\"at\":{}", told.entry.at), &format!("\"at\":{}", self.state.at), 1);
            told.entry.at = self.state.at;
        }
        let begins = matches!(told.entry.what, What::Begun(_));
        let full = self.length + self.pending.len() as u64 >= self.full_at;
        let mut lines = if full && !begins { self.begin_another(told.entry.at) } else { Vec::new() };
        lines.push(self.push(told));
        lines
    }

    fn push(&mut self, told: Told) -> Line {
        self.state.apply(&told.entry);
        self.pending.extend_from_slice(told.line.as_bytes());
        self.pending.push(b'\n');
        self.pending_entries += 1;
        let number = self.next;
        self.next += 1;
        self.place.1 += 1;
        if number.is_multiple_of(TRIM) {
            self.state.trim();
        }
        if self.pending.len() >= PENDING {
            // It is tried again, and told, by the next flush.
            let _ = self.flush();
        }
        Line { first: number, number, text: told.line.into() }
    }

    /// Puts everything into the file, where it outlives this process.
    ///
    /// # Errors
    /// The file cannot be written: what waited is lost, which the timeline says as soon as it can. One line stands for
    /// all that was lost at that place, and has the number of the last of it, so that the others keep theirs.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let lost =
            (self.lost > 0).then(|| Entry::network(self.lost_at, What::Lost { entries: self.lost }).line() + "\n");
        let written = self.write(lost.unwrap_or_default().as_bytes());
        match &written {
            Ok(()) => {
                self.place.1 += u64::from(self.lost > 0);
                self.lost = 0;
                self.history.note(self.place.0, self.length, self.place.1, &self.state);
            }
            Err(_) => {
                self.lost += self.pending_entries;
                self.place.1 -= self.pending_entries;
                self.lost_at = self.state.at;
            }
        }
        self.pending.clear();
        self.pending_entries = 0;
        written
    }

    /// Writes these lines and what waits, or nothing.
    fn write(&mut self, before: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(before).and_then(|()| self.file.write_all(&self.pending));
        match &written {
            Ok(()) => self.length += (before.len() + self.pending.len()) as u64,
            // Half of a line must not stand before whole ones.
            Err(_) => self.file.set_len(self.length)?,
        }
        written
    }

    /// What the entries up to now come to.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// What was before.
    pub(crate) fn history(&self) -> &Arc<History> {
        &self.history
    }

    /// Number of the next entry.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Puts the file aside in the place of the one before, and begins another with what everybody holds, of which it
    /// gives the lines. If that cannot be done, the file grows on.
    fn begin_another(&mut self, at: u64) -> Vec<Line> {
        let moved = self.flush().and_then(|()| self.file.sync_all()).and_then(|()| {
            let earlier = self.path.with_file_name(EARLIER);
            fs::rename(&self.path, &earlier)?;
            let next = File::options().create(true).append(true).open(&self.path);
            next.or_else(|error| fs::rename(&earlier, &self.path).and(Err(error)))
        });
        let bound = self.bound.unwrap_or(u64::MAX);
        let Ok(file) = moved else {
            self.full_at = self.length.saturating_add(bound);
            return Vec::new();
        };
        (self.file, self.length, self.place) = (file, 0, (self.next, 0));
        self.state.trim();
        let whole = self.state.told_whole(at);
        let begun = Begun { number: self.next, continued: true, whole: whole.len() as u64, ..self.begun.clone() };
        let begun = Entry::network(at, What::Begun(begun));
        let lines = std::iter::once(begun).chain(whole).map(|entry| self.push(entry.into())).collect();
        // Else a network that holds much would begin one file after the other.
        self.full_at = bound.max(2 * (self.length + self.pending.len() as u64));
        lines
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

/// What a timeline came to that is gone on with.
#[derive(Debug)]
struct Past {
    state: State,
    next: u64,
    /// Bytes that are whole lines.
    length: u64,
    /// Number of the first entry of the file, and how many lines it has.
    place: (u64, u64),
}

impl Default for Past {
    fn default() -> Self {
        Self { state: State::default(), next: 1, length: 0, place: (1, 0) }
    }
}

impl Past {
    fn read(path: &Path, history: &History) -> Result<Self, ReadError> {
        let mut past = Self::default();
        let mut reader = match Reader::file(path) {
            Err(ReadError::Io(_, error)) if error.kind() == io::ErrorKind::NotFound => return Ok(past),
            reader => reader?,
        };
        while let Some(line) = reader.line()? {
            past.state.apply(&reader.parse(&line.text)?);
            past.next = line.number + 1;
            if line.number.is_multiple_of(TRIM) {
                past.state.trim();
            }
            let (file, length, lines) = reader.place();
            (past.length, past.place) = (length, (file, lines));
            history.note(file, length, lines, &past.state);
        }
        Ok(past)
    }
}

#[cfg(test)]
mod tests;
