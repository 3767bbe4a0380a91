//! Reads the console blocks out of a Markdown document. A line that begins with `$ ` is a command, what
//! follows it is its output; a block without commands goes on with the output of the program that was
//! started last and still runs.

use std::collections::BTreeSet;

/// A document's console blocks.
pub(crate) struct Document {
    pub(crate) name: String,
    /// All whole numbers in it that could be ports.
    pub(crate) numbers: BTreeSet<u16>,
    pub(crate) blocks: Vec<Block>,
}

/// One block between fences.
#[derive(Debug, PartialEq)]
pub(crate) enum Block {
    /// Commands with their outputs.
    Commands(Vec<Example>),
    /// More output of the running program.
    Continued { line: usize, output: Vec<String> },
}

/// A command and what it prints.
#[derive(Debug, PartialEq)]
pub(crate) struct Example {
    /// Number of its line in the document, from 1.
    pub(crate) line: usize,
    pub(crate) command: String,
    pub(crate) output: Vec<String>,
}

impl Document {
    pub(crate) fn parse(name: &str, text: &str) -> Self {
        let mut blocks = Vec::new();
        let mut lines = (1..).zip(text.lines());
        while let Some((line, fence)) = lines.next() {
            if fence.trim() == "```console" {
                let inside: Vec<(usize, &str)> = lines.by_ref().take_while(|(_, text)| text.trim() != "```").collect();
                blocks.push(Block::parse(line + 1, &inside));
            }
        }
        let numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect();
        Self { name: name.to_owned(), numbers, blocks }
    }
}

impl Block {
    fn parse(line: usize, inside: &[(usize, &str)]) -> Self {
        let mut examples: Vec<Example> = Vec::new();
        let mut before = Vec::new();
        for (line, text) in inside {
            match (text.strip_prefix("$ "), examples.last_mut()) {
                (Some(command), _) => {
                    examples.push(Example { line: *line, command: command.to_owned(), output: Vec::new() });
                }
                (None, Some(example)) => example.output.push((*text).to_owned()),
                (None, None) => before.push((*text).to_owned()),
            }
        }
        for output in examples.iter_mut().map(|example| &mut example.output).chain([&mut before]) {
            while output.last().is_some_and(|last| last.trim().is_empty()) {
                output.pop();
            }
        }
        assert!(before.is_empty() || examples.is_empty(), "line {line}: output before the first command of a block");
        if examples.is_empty() { Self::Continued { line, output: before } } else { Self::Commands(examples) }
    }
}

#[test]
fn blocks_are_commands_with_output_or_more_output() {
    let text = "# Title\n```console\n$ one\na\n\nb\n\n$ two\n```\n```sh\n$ not this\n```\n```console\nmore\n```\n";
    let example = |line, command: &str, output: &[&str]| Example {
        line,
        command: command.to_owned(),
        output: output.iter().map(|line| (*line).to_owned()).collect(),
    };
    let document = Document::parse("x.md", text);
    assert_eq!(
        document.blocks,
        [
            Block::Commands(vec![example(3, "one", &["a", "", "b"]), example(8, "two", &[])]),
            Block::Continued { line: 14, output: vec!["more".to_owned()] },
        ]
    );
}
