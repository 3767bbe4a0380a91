//! `docs/protocol.md` against the code: every example in it is computed here and must be the same, so
//! that somebody can write a compatible node from the document alone.

#![allow(clippy::unwrap_used, reason = "an unexpected value fails the test")]

mod chain;
mod examples;
mod receipts;

use std::{collections::BTreeMap, path::Path};

use examples::Example;

/// An example of the document: what stands between fences that say its kind and its name. In bytes,
/// what follows `;` on a line is commentary.
fn example(kind: &str, lines: &[&str]) -> Example {
    match kind {
        "hex" => {
            let digits = lines.iter().flat_map(|line| line.split(';').next().unwrap().split_whitespace());
            Example::Hex(digits.collect())
        }
        "text" => Example::Text(lines.join("\n")),
        "json" => Example::Json(serde_json::from_str(&lines.join("\n")).unwrap()),
        other => panic!("no example is of kind {other:?}"),
    }
}

fn in_document(document: &str) -> BTreeMap<String, Example> {
    let mut examples = BTreeMap::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("```") else { continue };
        let (kind, name) = label.split_once(' ').unwrap_or_else(|| panic!("an example without a name: {line}"));
        let content: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        let before = examples.insert(name.to_owned(), example(kind, &content));
        assert_eq!(before, None, "two examples are called {name:?}");
    }
    examples
}

#[test]
fn every_example_of_the_document_is_what_the_code_computes() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md");
    let document = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut written = in_document(&document);
    for (name, computed) in examples::all() {
        let written = written.remove(name).unwrap_or_else(|| panic!("{name:?} is not in the document: {computed:?}"));
        assert_eq!(written, computed, "the example {name:?}: left is in the document, right is computed");
    }
    assert!(written.is_empty(), "nothing computes {:?}", written.keys());
}
