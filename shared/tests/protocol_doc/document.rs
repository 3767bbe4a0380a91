//! Reads the examples of `docs/protocol.md`. Used by the tests of every crate that computes some of them.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

/// What the names of examples about accounts begin with.
pub(crate) const ACCOUNT: &str = "account ";
/// What the names of examples about chat begin with.
pub(crate) const CHAT: &str = "chat ";

/// What an example shows.
#[derive(Debug, PartialEq)]
pub(crate) enum Example {
    /// Bytes, as lower-case hex.
    Hex(String),
    /// Text, line by line.
    Text(String),
    /// JSON, however it is laid out.
    Json(Value),
}

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

/// All examples, by name.
pub(crate) fn examples() -> BTreeMap<String, Example> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md");
    let document = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
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
