//! Reading a timeline's files, line by line, whoever has written them.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::entry::{Begun, Entry, FORMAT, What};
use super::file::{EARLIER, FILE};
use super::history::Mark;

/// Longest line with its break that is read, in bytes. What a node tells in a longer one is not taken.
pub(super) const MAX_LINE: u64 = 16 << 20;

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
    /// Number of the first entry of the file.
    first: u64,
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

    /// The timeline in this file alone.
    pub(super) fn file(path: &Path) -> Result<Self, ReadError> {
        let file = File::open(path).map_err(|error| ReadError::Io(path.to_owned(), error))?;
        let path = path.to_owned();
        Ok(Self { path, input: BufReader::new(file), then: None, lines: 0, read: 0, next: 1, first: 1 })
    }

    /// The timeline from this place on; `None` if its file is gone.
    pub(super) fn open_at(path: &Path, mark: &Mark) -> Result<Option<Self>, ReadError> {
        let earlier = path.with_file_name(EARLIER);
        for (file, then) in [(path, None), (&earlier, Some(path.to_owned()))] {
            if !file.is_file() {
                continue;
            }
            let mut reader = Self::file(file)?;
            if reader.line()?.is_some() && reader.first == mark.file {
                let sought = reader.input.seek(SeekFrom::Start(mark.offset));
                sought.map_err(|error| ReadError::Io(file.to_owned(), error))?;
                let next = mark.state.number() + 1;
                return Ok(Some(Self { then, lines: mark.lines, read: mark.offset, next, ..reader }));
            }
        }
        Ok(None)
    }

    /// Where it is: the number of the file's first entry, and the bytes and lines read.
    pub(super) fn place(&self) -> (u64, u64, u64) {
        (self.first, self.read, self.lines)
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
            self.first = self.begin(&line)?;
            self.next = self.first;
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

    pub(super) fn parse(&self, line: &str) -> Result<Entry, ReadError> {
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
