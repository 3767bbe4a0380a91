//! Keeps the documents true: carries out the commands of their console blocks, in order and with the
//! real program, and compares what is printed with what the document shows. What differs from run to
//! run (times, hashes, pids, ports, who won) may differ here, but must differ consistently.

#![allow(clippy::unwrap_used, reason = "an unexpected value fails the test")]

mod compare;
mod curl;
mod document;
mod program;
mod session;

use document::Document;
use session::{Failure, Session};

/// How often a document is begun anew because somebody else took one of its ports meanwhile.
const TRIES: usize = 5;

fn hold_true(name: &str, text: &str) {
    let document = Document::parse(name, text);
    assert!(!document.blocks.is_empty(), "{name} has no console block");
    for _ in 0..TRIES {
        match Session::new(&document).run(&document) {
            Ok(()) => return,
            Err(Failure::PortTaken) => {}
            Err(Failure::Differs(report)) => panic!("{report}"),
        }
    }
    panic!("{name}: no free ports in {TRIES} tries");
}

#[test]
fn the_examples_are_true() {
    hold_true("examples.md", include_str!("../../../examples.md"));
}

#[test]
fn the_readme_is_true() {
    hold_true("README.md", include_str!("../../../README.md"));
}
