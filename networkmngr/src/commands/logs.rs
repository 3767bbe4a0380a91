//! `networkmngr logs`: what the nodes wrote to their log files. Works whether the network runs or not.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::found;
use crate::cli::LogsArgs;

/// How often the files are looked at when following.
const LOOK: Duration = Duration::from_millis(200);
/// Size of the pieces in which a file is read from its end.
const PIECE: u64 = 64 << 10;

/// One log file and how far it was shown.
struct Log {
    number: u16,
    file: BufReader<File>,
    unfinished: Vec<u8>,
}

/// Shows the last lines, and what follows if that is wanted.
pub(crate) fn run(args: LogsArgs) -> anyhow::Result<ExitCode> {
    let (folder, _) = found(&args.which)?;
    let mut logs = open(&folder.join("logs"), args.node)?;
    match show_all(&mut logs, &args, &mut io::stdout().lock()) {
        // The reader at the other end of the pipe has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        done => done.map(|()| ExitCode::SUCCESS).context("cannot show the logs"),
    }
}

fn show_all(logs: &mut [Log], args: &LogsArgs, out: &mut impl io::Write) -> io::Result<()> {
    let label = logs.len() > 1;
    for log in &mut *logs {
        log.skip_to_last(args.lines)?;
        log.show(label, out)?;
    }
    out.flush()?;
    if !args.follow {
        return Ok(());
    }
    loop {
        for log in &mut *logs {
            log.show(label, out)?;
        }
        out.flush()?;
        std::thread::sleep(LOOK);
    }
}

/// The log files of all nodes, or of one, in the order of their numbers.
fn open(folder: &Path, wanted: Option<u16>) -> anyhow::Result<Vec<Log>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut logs = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number = name.strip_prefix("node-").and_then(|name| name.strip_suffix(".log"));
        let Some(number) = number.and_then(|number| number.parse().ok()) else {
            continue;
        };
        if wanted.is_none_or(|wanted| wanted == number) {
            let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
            logs.push(Log { number, file: BufReader::new(file), unfinished: Vec::new() });
        }
    }
    logs.sort_by_key(|log| log.number);
    match wanted {
        Some(number) if logs.is_empty() => {
            bail!("node {number} has no log in {}", folder.display())
        }
        _ => Ok(logs),
    }
}

impl Log {
    /// Sets the place of reading to the beginning of the last `lines` lines.
    fn skip_to_last(&mut self, lines: usize) -> io::Result<()> {
        let file = self.file.get_mut();
        let length = file.metadata()?.len();
        let (mut end, mut found) = (length, 0);
        let mut begin = if lines == 0 { length } else { 0 };
        'pieces: while end > 0 && lines > 0 {
            let start = end.saturating_sub(PIECE);
            let mut piece = Vec::new();
            file.seek(SeekFrom::Start(start))?;
            io::Read::by_ref(file).take(end - start).read_to_end(&mut piece)?;
            for (at, byte) in piece.iter().enumerate().rev() {
                let after = start + at as u64 + 1;
                // The line break at the very end closes the last line and begins no other.
                if *byte == b'\n' && after < length {
                    found += 1;
                    if found == lines {
                        begin = after;
                        break 'pieces;
                    }
                }
            }
            end = start;
        }
        self.file.seek(SeekFrom::Start(begin)).map(|_| ())
    }

    /// Shows the whole lines written since the last time.
    fn show(&mut self, label: bool, out: &mut impl io::Write) -> io::Result<()> {
        while self.file.read_until(b'\n', &mut self.unfinished)? > 0 {
            if self.unfinished.last() != Some(&b'\n') {
                break;
            }
            if label {
                write!(out, "node {:<3} | ", self.number)?;
            }
            out.write_all(&self.unfinished)?;
            self.unfinished.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn shown(text: &[u8], lines: usize) -> String {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("node-007.log"), text).unwrap();
        let mut log = open(dir.path(), None).unwrap().remove(0);
        let mut out = Vec::new();
        log.skip_to_last(lines).unwrap();
        log.show(false, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_last_lines_are_shown() {
        assert_eq!(shown(b"a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(shown(b"a\nb\nc\n", 9), "a\nb\nc\n");
        assert_eq!(shown(b"a\nb\nc\n", 0), "");
        assert_eq!(shown(b"", 5), "");
        let long = b"0123456789\n".repeat(20_000);
        assert_eq!(shown(&long, 15_000).len(), 15_000 * 11);
    }

    #[test]
    fn a_line_is_shown_once_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node-000.log");
        std::fs::write(&path, "whole\nhal").unwrap();
        let mut log = open(dir.path(), Some(0)).unwrap().remove(0);
        let mut out = Vec::new();
        log.show(true, &mut out).unwrap();
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(b"f\n").unwrap();
        log.show(true, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "node 0   | whole\nnode 0   | half\n");
        assert!(open(dir.path(), Some(1)).is_err());
    }
}
