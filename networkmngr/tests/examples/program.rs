//! Long-running programs of a session: the manager, or a node by itself. Their lines are read as they
//! come; every wait has a limit; they are killed, by their pid, if the session does not end them.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Longest wait for a line, or for the end.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A program that was started and not yet seen to end.
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
}

/// What came of waiting for a line.
pub(crate) enum Next {
    Line(String),
    Ended,
    Nothing,
}

impl Program {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        forward(child.stdout.take().unwrap(), sender.clone());
        forward(child.stderr.take().unwrap(), sender);
        Self { child, lines }
    }

    /// The next line of either output.
    pub(crate) fn next(&self) -> Next {
        match self.lines.recv_timeout(LIMIT) {
            Ok(line) => Next::Line(line),
            Err(RecvTimeoutError::Disconnected) => Next::Ended,
            Err(RecvTimeoutError::Timeout) => Next::Nothing,
        }
    }

    /// The lines up to the end, and how it ended; `None` if it does not end.
    pub(crate) fn ended(&mut self) -> (Vec<String>, Option<ExitStatus>) {
        let mut rest = Vec::new();
        loop {
            match self.next() {
                Next::Line(line) => rest.push(line),
                Next::Ended => return (rest, self.child.wait().ok()),
                Next::Nothing => return (rest, None),
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn forward(output: impl Read + Send + 'static, to: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if to.send(line).is_err() {
                return;
            }
        }
    });
}
