//! Carries out a document, from its first block to its last, in a home folder and on ports of its own.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::compare::{Bindings, ELISION, outputs};
use crate::curl;
use crate::document::{Block, Document, Example};
use crate::program::{LIMIT, Next, Program};

/// The home folder that the documents speak of.
const HOME: &str = "/home/you";
/// The ports that the documents speak of; others are taken in their place.
const PORTS: [std::ops::Range<u16>; 2] = [4990..5020, 6000..6010];
/// The manager's port when none is given.
const PRESET_PORT: &str = "4999";
/// What a program says of a port that somebody else has taken.
const TAKEN: [&str; 2] = ["in use by another program", "Address already in use"];

/// Paths that only tell something, when they are asked for with GET.
const ASKED: [&str; 9] =
    ["/health", "/links", "/node/id", "/chain", "/blocks/", "/wallet", "/accounts/", "/records", "/transactions/"];

/// Commands for a network that runs, which they find by its port.
const ATTACHED: [&str; 16] = [
    "explain",
    "replay",
    "status",
    "mine",
    "logs",
    "stop",
    "partition",
    "heal",
    "link",
    "kill",
    "pause",
    "resume",
    "restart",
    "add",
    "remove",
    "hash-rate",
];

/// Why a document is not true, or could not be tried.
#[derive(Debug)]
pub(crate) enum Failure {
    PortTaken,
    Differs(String),
}

pub(crate) struct Session {
    home: TempDir,
    base: u16,
    programs: Vec<Program>,
    bindings: Bindings,
    /// Exit code of the last command.
    code: i32,
}

/// Where in the document we are, and what stands there.
struct Place<'a> {
    document: &'a str,
    line: usize,
    what: &'a str,
}

impl Session {
    pub(crate) fn new(document: &Document) -> Self {
        let (home, base) = (tempfile::tempdir().unwrap(), free_ports(&document.numbers));
        let bindings = Bindings::new(base..base + port_count());
        Self { home, base, programs: Vec::new(), bindings, code: 0 }
    }

    /// Carries out the whole document. In the end every program that it started must have ended well.
    pub(crate) fn run(mut self, document: &Document) -> Result<(), Failure> {
        for block in &document.blocks {
            match block {
                Block::Commands(examples) => {
                    for example in examples {
                        let place = Place { document: &document.name, line: example.line, what: &example.command };
                        self.example(&place, example)?;
                    }
                }
                Block::Continued { line, output } => {
                    let place = Place { document: &document.name, line: *line, what: "the program that runs" };
                    self.continued(&place, output)?;
                }
            }
        }
        self.all_ended(&Place { document: &document.name, line: 0, what: "a program that was started" })
    }

    /// Waits until the programs that were started have ended, and checks that they ended well.
    fn all_ended(&mut self, place: &Place<'_>) -> Result<(), Failure> {
        for mut program in self.programs.drain(..) {
            let (rest, status) = program.ended();
            if !status.is_some_and(|status| status.success()) {
                let Place { document, line, what } = place;
                let report = format!("{document}:{line}: {what}: it ended with {status:?}, and wrote last: {rest:#?}");
                return Err(Failure::Differs(report));
            }
        }
        Ok(())
    }

    fn example(&mut self, place: &Place<'_>, example: &Example) -> Result<(), Failure> {
        let output: Vec<String> = example.output.iter().map(|line| self.here(line)).collect();
        let command = self.bindings.here(&self.here(&example.command));
        let command = command.replacen("cargo run --release --", "networkmngr", 1);
        let words = curl::words(&command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["networkmngr", rest @ ..] => {
                let lasts = match rest {
                    ["node", "account" | "audit", ..] => false,
                    [first, ..] => *first == "node" || first.starts_with('-'),
                    [] => true,
                };
                let fails = output.first().is_some_and(|line| line.starts_with("error:"));
                if lasts && !fails {
                    return self.start(place, rest, &output);
                }
                let asks = rest.first().is_some_and(|word| ["status", "logs", "explain", "replay"].contains(word));
                // The port that is preset in the program is another one here.
                let port = self.here(PRESET_PORT);
                let attached = rest.first().is_some_and(|word| ATTACHED.contains(word)) && !rest.contains(&"-p");
                let more: &[&str] = if attached { &["-p", &port] } else { &[] };
                let words = [rest, more].concat();
                self.finish(place, &output, asks, |session| session.program(&words))
            }
            ["curl", ..] => {
                let asks = ASKED.iter().any(|path| command.contains(path))
                    && !words.iter().any(|word| ["-d", "-X"].contains(word));
                self.finish(place, &output, asks, |session| match curl::run(&command, session.home.path()) {
                    Ok(body) => (0, body),
                    Err(error) => (7, error),
                })
            }
            ["kill", "-9", pid] => {
                let pid = self.bindings.pid(pid).unwrap_or_else(|| panic!("line {}: whose pid is that?", place.line));
                kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
                Ok(())
            }
            ["echo", "$?"] => self.finish(place, &output, false, |session| (0, session.code.to_string())),
            _ => panic!("{}:{}: {command:?} is no command that this test knows", place.document, place.line),
        }
    }

    /// A command that ends. What only asks is asked again until it is answered as documented, since
    /// nodes learn of a block, or of each other, a moment after the order that led to it.
    fn finish(
        &mut self,
        place: &Place<'_>,
        output: &[String],
        asks: bool,
        run: impl Fn(&Self) -> (i32, String),
    ) -> Result<(), Failure> {
        let until = Instant::now() + LIMIT;
        loop {
            let (code, printed) = run(self);
            let printed: Vec<String> = printed.trim_end().lines().map(str::to_owned).collect();
            let mut bindings = self.bindings.clone();
            match outputs(output, &printed, &mut bindings) {
                Ok(()) => {
                    (self.code, self.bindings) = (code, bindings);
                    return Ok(());
                }
                Err(at) if !asks || Instant::now() >= until => return Err(differs(place, output, &printed, at)),
                Err(_) => {}
            }
        }
    }

    /// A program that goes on running after it has printed what is documented.
    fn start(&mut self, place: &Place<'_>, words: &[&str], output: &[String]) -> Result<(), Failure> {
        if words.first() != Some(&"node") {
            // It is typed where the manager before it ran, so that one must have ended.
            self.all_ended(place)?;
        }
        if words.contains(&"--fresh") {
            self.bindings.forget_heights();
        }
        self.programs.push(Program::start(self.command(words)));
        self.read(place, output, false)
    }

    fn continued(&mut self, place: &Place<'_>, output: &[String]) -> Result<(), Failure> {
        let output: Vec<String> = output.iter().map(|line| self.here(line)).collect();
        // What the program printed meanwhile and the document does not show is passed over.
        self.read(place, &output, true)
    }

    fn read(&mut self, place: &Place<'_>, output: &[String], mut skipping: bool) -> Result<(), Failure> {
        let Self { programs, bindings, .. } = self;
        let program = programs.last().unwrap_or_else(|| panic!("line {}: no program runs", place.line));
        let mut printed = Vec::new();
        for (at, line) in output.iter().enumerate() {
            if line.trim() == ELISION {
                skipping = true;
                continue;
            }
            loop {
                let Next::Line(next) = program.next() else {
                    return Err(differs(place, output, &printed, at));
                };
                let agrees = bindings.agree(line, &next);
                printed.push(next);
                if agrees {
                    skipping = false;
                    break;
                }
                if !skipping {
                    return Err(differs(place, output, &printed, at));
                }
            }
        }
        Ok(())
    }

    fn program(&self, words: &[&str]) -> (i32, String) {
        let Output { status, stdout, stderr } = self.command(words).output().unwrap();
        let printed = [stdout, stderr].concat();
        (status.code().unwrap_or(-1), String::from_utf8(printed).unwrap())
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_networkmngr"));
        command.args(words).stdin(Stdio::null()).current_dir(self.home.path());
        command.env("HOME", self.home.path()).env_remove("XDG_DATA_HOME").env_remove("RUST_LOG");
        command
    }

    /// The document's text with the ports and the home folder of this session.
    fn here(&self, text: &str) -> String {
        let mut here = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let number = &rest[start..];
            let number = &number[..number.find(|c: char| !c.is_alphanumeric()).unwrap_or(number.len())];
            let whole = !rest[..start].ends_with(char::is_alphanumeric);
            here.push_str(&rest[..start]);
            match number.parse().ok().filter(|_| whole).and_then(|port| self.port(port)) {
                Some(port) => here.push_str(&port.to_string()),
                None => here.push_str(number),
            }
            rest = &rest[start + number.len()..];
        }
        here.push_str(rest);
        here.replace(HOME, &shown(self.home.path()))
    }

    fn port(&self, documented: u16) -> Option<u16> {
        let mut first = self.base;
        for range in PORTS {
            if range.contains(&documented) {
                return Some(first + documented - range.start);
            }
            first += range.end - range.start;
        }
        None
    }
}

fn shown(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// How many ports the documents speak of.
fn port_count() -> u16 {
    PORTS.iter().map(|range| range.end - range.start).sum()
}

/// The first of as many neighbouring ports as the documents speak of, none of them among `avoided`, and all
/// below those that the system gives out on its own.
fn free_ports(avoided: &BTreeSet<u16>) -> u16 {
    let count = port_count();
    for _ in 0..1000 {
        let base = rand::random_range(15_000..32_000 - count);
        if avoided.range(base..base + count).next().is_some() {
            continue;
        }
        let bound = (0..count).map(|n| TcpListener::bind((Ipv4Addr::LOCALHOST, base + n)));
        if bound.collect::<Result<Vec<_>, _>>().is_ok() {
            return base;
        }
    }
    panic!("no {count} neighbouring ports are free");
}

/// The two outputs one below the other, with the line where they part.
fn differs(place: &Place<'_>, documented: &[String], printed: &[String], at: usize) -> Failure {
    let taken = |lines: &[String]| lines.iter().any(|line| TAKEN.iter().any(|words| line.contains(words)));
    if taken(printed) && !taken(documented) {
        return Failure::PortTaken;
    }
    let known: BTreeSet<&String> = documented.iter().collect();
    let mut report = format!("{}:{}: {} printed something else\n", place.document, place.line, place.what);
    report.push_str("documented (> the first line that was not found):\n");
    for (number, line) in documented.iter().enumerate() {
        report.push_str(&format!("  {} {line}\n", if number == at { '>' } else { ' ' }));
    }
    report.push_str("printed (+ not word for word in the document):\n");
    for line in printed {
        report.push_str(&format!("  {} {line}\n", if known.contains(line) { ' ' } else { '+' }));
    }
    Failure::Differs(report)
}
