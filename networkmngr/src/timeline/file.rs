//! The file of a timeline: JSON Lines, the first of which says what it is. Written in order and never over;
//! what a writer that was killed has left of its last line is taken away by the next. A network that runs for
//! long keeps the last two files of a bounded size; the later one begins with what every node holds.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::entry::{Begun, Entry, FORMAT, Told, What};
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
/// Longest line with its break that is read, in bytes. What a node tells in a longer one is not taken.
pub(super) const MAX_LINE: u64 = 16 << 20;
/// Entries after which the writer forgets old blocks.
const TRIM: u64 = 10_000;

/// Why a timeline cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("cannot read {path}: {error}", path = .0.display(), error = .1)]
    Io(PathBuf, io::Error),
    #[error("{path} is no timeline: its first line does not say so", path = .0.display())]
    NoTimeline(PathBuf),
    #[error(
        "{path} was written by a newer networkmngr (format {found}, this one reads up to {FORMAT}); update the program",
        path = .path.display()
    )]
    TooNew { path: PathBuf, found: u64 },
    #[error("line {line} of {path} cannot be read: {reason}", path = .path.display())]
    Line { path: PathBuf, line: u64, reason: String },
}

/// A line of the timeline.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// Number of the first entry that it stands for: its own, unless it tells of lost ones.
    pub(crate) first: u64,
    /// Number of its entry.
    pub(crate) number: u64,
    pub(crate) text: Arc<str>,
}

impl Line {
    /// The name of what happened; empty if it has none that is one line.
    pub(crate) fn event(&self) -> String {
        #[derive(Deserialize)]
        struct Named {
            event: String,
        }
        let named = serde_json::from_str::<Named>(&self.text).ok();
        named.map(|named| named.event).filter(|name| !name.contains(char::is_control)).unwrap_or_default()
    }
}

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
        let (past, damage) = match Past::read(&path) {
            Ok(past) => (past, None),
            Err(error) => {
                fs::rename(&path, folder.join(DAMAGED))?;
                (Past::default(), Some(error))
            }
        };
        let file = File::options().create(true).append(true).open(&path)?;
        file.set_len(past.length)?;
        let mut writer = Self::over(&path, file, past.length, Some(bound), begun);
        writer.next = past.next;
        writer.state = past.state;
        writer.begun.number = writer.next;
        writer.append(Entry::network(at, What::Begun(writer.begun.clone())));
        writer.flush()?;
        Ok((writer, damage))
    }

    fn over(path: &Path, file: File, length: u64, bound: Option<u64>, mut begun: Begun) -> Self {
        begun.number = 1;
        begun.format = FORMAT;
        let (pending, state) = (Vec::new(), State::default());
        let (path, full_at) = (path.to_owned(), bound.unwrap_or(u64::MAX));
        let (pending_entries, next, lost, lost_at) = (0, 1, 0, 0);
        Self { path, file, length, pending, pending_entries, bound, full_at, begun, next, lost, lost_at, state }
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
        if self.bound.is_some() && number.is_multiple_of(TRIM) {
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
            Ok(()) => self.lost = 0,
            Err(_) => {
                self.lost += self.pending_entries;
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
        (self.file, self.length) = (file, 0);
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
}

impl Default for Past {
    fn default() -> Self {
        Self { state: State::default(), next: 1, length: 0 }
    }
}

impl Past {
    fn read(path: &Path) -> Result<Self, ReadError> {
        let mut past = Self::default();
        let mut reader = match Reader::file(path) {
            Err(ReadError::Io(_, error)) if error.kind() == io::ErrorKind::NotFound => return Ok(past),
            reader => reader?,
        };
        while let Some(line) = reader.line()? {
            past.state.apply(&reader.parse(&line.text)?);
            past.next = line.number + 1;
            past.length = reader.read;
            if line.number.is_multiple_of(TRIM) {
                past.state.trim();
            }
        }
        Ok(past)
    }
}

/// Reads a timeline, entry by entry.
#[derive(Debug)]
pub(crate) struct Reader {
    path: PathBuf,
    input: BufReader<File>,
    /// The file that follows.
    then: Option<PathBuf>,
    /// Lines read.
    lines: u64,
    /// Bytes of whole lines read.
    read: u64,
    /// Number of the next entry.
    next: u64,
}

impl Reader {
    /// The timeline in this file, and before that, if the file goes on with another beside it, that one.
    ///
    /// # Errors
    /// It cannot be read, or is no timeline that this program knows.
    pub(crate) fn open(path: &Path) -> Result<Self, ReadError> {
        let mut reader = Self::file(path)?;
        let earlier = path.with_file_name(EARLIER);
        let continued = reader.peek()?.is_some_and(|begun| begun.continued);
        if path.file_name().is_some_and(|name| name == FILE) && continued && earlier.is_file() {
            reader = Self { then: Some(path.to_owned()), ..Self::file(&earlier)? };
        }
        Ok(reader)
    }

    fn file(path: &Path) -> Result<Self, ReadError> {
        let file = File::open(path).map_err(|error| ReadError::Io(path.to_owned(), error))?;
        let path = path.to_owned();
        Ok(Self { path, input: BufReader::new(file), then: None, lines: 0, read: 0, next: 1 })
    }

    /// How the file begins; `None` if it is empty. Reads nothing.
    fn peek(&self) -> Result<Option<Begun>, ReadError> {
        let mut reader = Self::file(&self.path)?;
        let Some(line) = reader.line()? else { return Ok(None) };
        match reader.parse(&line.text)?.what {
            What::Begun(begun) => Ok(Some(begun)),
            _ => Err(ReadError::NoTimeline(self.path.clone())),
        }
    }

    /// The next whole line.
    ///
    /// # Errors
    /// It cannot be read, or the file is no timeline.
    pub(crate) fn line(&mut self) -> Result<Option<Line>, ReadError> {
        let mut line = Vec::new();
        let read = self.input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        let read = read.map_err(|error| ReadError::Io(self.path.clone(), error))?;
        if line.pop_if(|last| *last == b'\n').is_none() {
            if read as u64 == MAX_LINE {
                return Err(self.unreadable("it is too long"));
            }
            // What a writer that was killed has left of a line.
            let Some(then) = self.then.take() else { return Ok(None) };
            *self = Self::file(&then)?;
            return self.line();
        }
        self.lines += 1;
        self.read += read as u64;
        let line = String::from_utf8(line).map_err(|_| self.unreadable("it is not UTF-8"))?;
        if self.lines == 1 {
            self.next = self.begin(&line)?;
        }
        let first = self.next;
        let number = first.saturating_add(lost_in(&line).saturating_sub(1));
        self.next = number.saturating_add(1);
        Ok(Some(Line { first, number, text: line.into() }))
    }

    fn begin(&self, line: &str) -> Result<u64, ReadError> {
        let none = || ReadError::NoTimeline(self.path.clone());
        let first: serde_json::Value = serde_json::from_str(line).map_err(|_| none())?;
        let format = first["format"].as_u64().filter(|_| first["event"] == "begun").ok_or_else(none)?;
        if format > u64::from(FORMAT) {
            return Err(ReadError::TooNew { path: self.path.clone(), found: format });
        }
        first["number"].as_u64().ok_or_else(none)
    }

    fn parse(&self, line: &str) -> Result<Entry, ReadError> {
        serde_json::from_str(line).map_err(|error| self.unreadable(&error.to_string()))
    }

    fn unreadable(&self, reason: &str) -> ReadError {
        ReadError::Line { path: self.path.clone(), line: self.lines.max(1), reason: reason.to_owned() }
    }
}

impl Iterator for Reader {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.line().transpose()?;
        Some(line.and_then(|line| self.parse(&line.text)))
    }
}

/// How many entries a line stands for that tells of lost ones; 1 for every other line.
fn lost_in(line: &str) -> u64 {
    // Most lines are not worth a second look.
    if !line.contains("\"lost\"") {
        return 1;
    }
    match serde_json::from_str(line) {
        Ok(Entry { node: None, what: What::Lost { entries }, .. }) => entries,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use shared::{BlockHash, TxId};

    use super::*;

    fn begun() -> Begun {
        let version = "0.1.0".to_owned();
        let genesis = Some(BlockHash([0; 32]));
        Begun {
            format: FORMAT,
            number: 1,
            version,
            genesis,
            simulated: false,
            seed: None,
            nodes: 2,
            continued: false,
            whole: 0,
        }
    }

    fn pooled(at: u64, node: u16, n: u8) -> Entry {
        let what = What::Pooled { id: TxId([n; 32]), returned: false };
        Entry { journal: Some(n.to_string()), ..Entry::node(at, node, what) }
    }

    fn ready(node: u16) -> Entry {
        Entry::node(0, node, What::Ready { miner: None, peer: None, id: None, address: None })
    }

    fn read(folder: &Path) -> Vec<Entry> {
        Reader::open(&folder.join(FILE)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn a_timeline_is_gone_on_with_where_it_ended() {
        let dir = tempfile::tempdir().unwrap();
        let (mut writer, damage) = Writer::resume(dir.path(), 10, begun()).unwrap();
        assert!(damage.is_none());
        assert_eq!(writer.append(pooled(20, 0, 1))[0].number, 2);
        assert_eq!(writer.append(pooled(15, 1, 2))[0].text.split(',').next(), Some("{\"at\":20"));
        drop(writer);
        // The writer was killed while it wrote.
        let path = dir.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole[..], b"{\"at\":30,\"nod"].concat()).unwrap();
        assert_eq!(read(dir.path()).len(), 3);

        let (mut writer, damage) = Writer::resume(dir.path(), 40, begun()).unwrap();
        assert!(damage.is_none());
        assert_eq!(writer.state().journal(1), Some("2"));
        assert_eq!(writer.append(pooled(50, 0, 3))[0].number, 5);
        writer.flush().unwrap();
        let entries = read(dir.path());
        assert_eq!(entries.iter().map(|entry| entry.at).collect::<Vec<_>>(), [10, 20, 20, 40, 50]);
        let What::Begun(again) = &entries[3].what else { panic!() };
        assert_eq!((again.number, again.continued), (4, false));
    }

    #[test]
    fn two_files_of_bounded_size_are_kept_and_the_later_stands_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (mut writer, _) = Writer::resume_within(dir.path(), 1, begun(), 1_000).unwrap();
        [0, 1].into_iter().for_each(|node| drop(writer.append(ready(node))));
        for n in 0..100 {
            writer.append(pooled(u64::from(n), u16::from(n % 2), n));
        }
        writer.flush().unwrap();
        for name in [FILE, EARLIER] {
            assert!(fs::metadata(dir.path().join(name)).unwrap().len() < 30_000, "{name}");
        }
        let state = |reader: Reader| {
            reader.fold(State::default(), |mut state, entry| {
                state.apply(&entry.unwrap());
                state
            })
        };
        let alone = state(Reader::file(&dir.path().join(FILE)).unwrap());
        let both = state(Reader::open(&dir.path().join(FILE)).unwrap());
        for node in [0, 1] {
            assert_eq!(alone.nodes[&node].pool.len(), 50);
            assert_eq!(alone.nodes[&node].pool, writer.state().nodes[&node].pool);
            assert_eq!(both.nodes[&node].pool, writer.state().nodes[&node].pool);
            assert_eq!(alone.journal(node), Some(["98", "99"][usize::from(node)]));
        }
        // Numbers go on from file to file.
        let next = writer.next();
        drop(writer);
        let (writer, _) = Writer::resume_within(dir.path(), 1, begun(), 1_000).unwrap();
        assert_eq!(writer.next(), next + 1);
    }

    /// What everybody holds may be more than a file is to have: then it is not told again with every entry.
    #[test]
    fn a_file_that_begins_with_more_than_its_bound_is_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        let (mut writer, _) = Writer::resume_within(dir.path(), 1, begun(), 100).unwrap();
        writer.append(ready(0));
        let begins = |line: &Line| line.event() == "begun";
        let files = (0..100).filter(|n| writer.append(pooled(1, 0, *n)).iter().any(begins)).count();
        assert!((2..40).contains(&files), "{files}");
        // Every number is told.
        writer.flush().unwrap();
        let mut reader = Reader::open(&dir.path().join(FILE)).unwrap();
        let lines: Vec<Line> = std::iter::from_fn(|| reader.line().unwrap()).collect();
        assert!(lines.windows(2).all(|pair| pair[1].first == pair[0].number + 1));
        assert_eq!(lines.last().map(|line| line.number), Some(writer.next() - 1));
        let What::Begun(begun) = serde_json::from_str::<Entry>(&lines[0].text).unwrap().what else { panic!() };
        assert_eq!((begun.continued, begun.whole), (true, 2));
    }

    /// Who reads slower than files are begun is not left in the belief that nothing is missing.
    #[test]
    fn a_reader_that_is_overtaken_by_two_files_sees_it_by_the_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let (mut writer, _) = Writer::resume_within(dir.path(), 1, begun(), 2_000).unwrap();
        let mut files = 1;
        let mut fill = |writer: &mut Writer, until| {
            while files < until {
                files += writer.append(pooled(1, 0, 7)).iter().filter(|line| line.event() == "begun").count();
            }
            writer.flush().unwrap();
        };
        fill(&mut writer, 2);
        let mut reader = Reader::open(&dir.path().join(FILE)).unwrap();
        assert_eq!(reader.line().unwrap().map(|line| line.first), Some(1));
        fill(&mut writer, 4);
        let lines: Vec<Line> = std::iter::from_fn(|| reader.line().unwrap()).collect();
        let gaps = lines.windows(2).filter(|pair| pair[1].first > pair[0].number + 1).count();
        assert_eq!((gaps, lines.last().map(|line| line.number)), (1, Some(writer.next() - 1)));
    }

    /// A disk that was full and is not any more: the line about it stands where the others would, with their number.
    #[test]
    fn lost_entries_are_counted_where_they_were_and_keep_their_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let (mut writer, _) = Writer::resume(dir.path(), 1, begun()).unwrap();
        let disk = std::mem::replace(&mut writer.file, File::open(&path).unwrap());
        for n in 1..=3 {
            writer.append(pooled(u64::from(n), 0, n));
            assert!(writer.flush().is_err());
        }
        writer.file = disk;
        assert_eq!(writer.append(pooled(9, 0, 9))[0].number, 5);
        writer.flush().unwrap();
        let mut reader = Reader::open(&path).unwrap();
        let lines: Vec<Line> = std::iter::from_fn(|| reader.line().unwrap()).collect();
        let places: Vec<_> = lines.iter().map(|line| (line.first, line.number, line.event())).collect();
        let place = |first, number, event: &str| (first, number, event.to_owned());
        assert_eq!(places, [place(1, 1, "begun"), place(2, 4, "lost"), place(5, 5, "pooled")]);
        assert_eq!(&*lines[1].text, r#"{"at":3,"event":"lost","entries":3}"#);
        drop(writer);
        let (writer, _) = Writer::resume(dir.path(), 10, begun()).unwrap();
        assert_eq!(writer.next(), 7);
    }

    #[test]
    fn names_of_several_lines_are_none() {
        let line = |text: &str| Line { first: 1, number: 1, text: text.into() };
        assert_eq!(line(r#"{"event":"pooled"}"#).event(), "pooled");
        for text in [r#"{"event":"a\nb"}"#, r#"{"event":"a\rb"}"#, r#"{"event":1}"#, "{}"] {
            assert_eq!(line(text).event(), "", "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("other.jsonl");
        let first = Entry::network(1, What::Begun(begun())).line();
        let refused = |text: String| {
            fs::write(&path, text).unwrap();
            let entries: Result<Vec<_>, _> = Reader::open(&path).and_then(Iterator::collect);
            entries.unwrap_err().to_string()
        };
        assert!(refused("{}\n".into()).contains("is no timeline"));
        assert!(refused("not even JSON\n".into()).contains("is no timeline"));
        let newer = first.replace("\"format\":1", "\"format\":2");
        assert!(refused(newer + "\n").contains("newer networkmngr (format 2"));
        let broken = refused(format!("{first}\n{{\"at\":2,\"event\":\"healed\"}}\n{{\"event\":\"healed\"}}\n"));
        assert!(broken.contains("line 3 of") && broken.contains("`at`"), "{broken}");
        assert!(refused(format!("{first}\nnonsense\n")).contains("line 2 of"));
        assert!(Reader::open(&dir.path().join("none")).unwrap_err().to_string().contains("cannot read"));
    }

    #[test]
    fn a_damaged_timeline_is_put_aside_and_told() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "nonsense\n").unwrap();
        let (writer, damage) = Writer::resume(dir.path(), 1, begun()).unwrap();
        assert!(damage.unwrap().to_string().contains("is no timeline"));
        assert_eq!(writer.next(), 2);
        assert_eq!(fs::read(dir.path().join(DAMAGED)).unwrap(), b"nonsense\n");
    }
}
