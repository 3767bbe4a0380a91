//! Compares a line of a document with a line that was printed. Times and measures may be any; a hash,
//! height or pid of the document stands for whatever it was when it first appeared in this run, and
//! must stay that. Anything else must be the same, except how wide the columns of tables are.

use std::collections::BTreeMap;
use std::ops::Range;

/// A line of `...` stands for any number of lines; at the end of a line it stands for the rest of it.
pub(crate) const ELISION: &str = "...";

/// Numbers from here on are pids and ports of peers in the documents, and differ from run to run.
const LARGE: u64 = 1000;

/// Words before a number that may be any.
const FREE: [&str; 6] = ["after", "checked", "done", "length", "ms", "tcp"];

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Time,
    Decimal,
    Hash(String),
    Name(String),
    Number(u64),
    Other(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Hash,
    Name,
    Height,
    Large,
}

/// What stands for what in this run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings {
    /// Ports of this run, which stand for themselves. A pid of this run may be the same number, none of the
    /// document is.
    ports: Range<u16>,
    /// Whole hashes and names of the document, and what they are here.
    whole: BTreeMap<String, String>,
    actual: BTreeMap<(Kind, String), String>,
    documented: BTreeMap<(Kind, String), String>,
}

impl Bindings {
    pub(crate) fn new(ports: Range<u16>) -> Self {
        Self { ports, ..Self::default() }
    }

    /// Whether the printed line is the documented one. What it tells about this run is remembered.
    pub(crate) fn agree(&mut self, documented: &str, printed: &str) -> bool {
        let before = self.clone();
        let agree = self.compare(documented, &settled(printed));
        if !agree {
            *self = before;
        }
        agree
    }

    /// The pid in this run of the process with this pid in the document.
    pub(crate) fn pid(&self, documented: &str) -> Option<i32> {
        self.actual.get(&(Kind::Large, documented.to_owned()))?.parse().ok()
    }

    fn compare(&mut self, documented: &str, printed: &str) -> bool {
        let elided = documented.strip_suffix(ELISION);
        let expected = tokens(elided.unwrap_or(documented));
        let found = tokens(printed);
        let enough = if elided.is_some() { found.len() >= expected.len() } else { found.len() == expected.len() };
        let who_won = printed.contains(" mined block ");
        let mut word = "";
        enough
            && expected.iter().zip(&found).enumerate().all(|(at, (documented, found))| {
                let before_hash = || expected[at + 1..].iter().find(|token| !is_sign(token)).is_some_and(is_hash);
                let same = match (documented, found) {
                    (Token::Hash(one), Token::Hash(other)) => self.hash(one, other),
                    (Token::Name(one), Token::Name(other)) => self.name(one, other),
                    (Token::Number(_), Token::Number(_)) if word == "node" && who_won => true,
                    (Token::Number(one), Token::Number(other)) => self.number(*one, *other, word, before_hash()),
                    (one, other) => one == other,
                };
                if let Token::Other(text) = documented
                    && !is_sign(documented)
                {
                    word = text;
                }
                same
            })
    }

    /// A hash and its first eight digits stand for the same.
    fn hash(&mut self, one: &str, other: &str) -> bool {
        if one.len() == other.len() && one.len() == LONG {
            self.whole.insert(one.to_owned(), other.to_owned());
        }
        self.bind(Kind::Hash, &one[..SHORT], &other[..SHORT])
    }

    fn name(&mut self, one: &str, other: &str) -> bool {
        self.whole.insert(one.to_owned(), other.to_owned());
        self.bind(Kind::Name, one, other)
    }

    /// A chain begins anew, and its heights with it.
    pub(crate) fn forget_heights(&mut self) {
        self.actual.retain(|(kind, _), _| *kind != Kind::Height);
        self.documented.retain(|(kind, _), _| *kind != Kind::Height);
    }

    /// The text with what its whole hashes and names are in this run.
    pub(crate) fn here(&self, text: &str) -> String {
        self.whole.iter().fold(text.to_owned(), |text, (documented, actual)| text.replace(documented, actual))
    }

    /// Whether a number after `word` may stand for another one.
    fn number(&mut self, one: u64, other: u64, word: &str, before_hash: bool) -> bool {
        let is_port = u16::try_from(one).is_ok_and(|port| self.ports.contains(&port));
        if FREE.contains(&word) {
            true
        } else if is_port {
            one == other
        } else if one >= LARGE {
            self.bind(Kind::Large, &one.to_string(), &other.to_string())
        } else if ["block", "height"].contains(&word) || before_hash {
            self.bind(Kind::Height, &one.to_string(), &other.to_string())
        } else {
            one == other
        }
    }

    fn bind(&mut self, kind: Kind, documented: &str, printed: &str) -> bool {
        if printed == UNKNOWN {
            return true;
        }
        let actual = self.actual.entry((kind, documented.to_owned())).or_insert_with(|| printed.to_owned());
        let back = self.documented.entry((kind, printed.to_owned())).or_insert_with(|| documented.to_owned());
        actual == printed && back == documented
    }
}

/// Compares whole outputs; tells where they part: how many documented lines were found, in order.
pub(crate) fn outputs(documented: &[String], printed: &[String], bindings: &mut Bindings) -> Result<(), usize> {
    let Some((first, rest)) = documented.split_first() else {
        return if printed.is_empty() { Ok(()) } else { Err(0) };
    };
    if first.trim() == ELISION {
        let mut furthest = 0;
        for skipped in 0..=printed.len() {
            let mut tried = bindings.clone();
            match outputs(rest, &printed[skipped..], &mut tried) {
                Ok(()) => {
                    *bindings = tried;
                    return Ok(());
                }
                Err(found) => furthest = furthest.max(found),
            }
        }
        return Err(furthest + 1);
    }
    match printed.split_first() {
        Some((line, more)) if bindings.agree(first, line) => outputs(rest, more, bindings).map_err(|found| found + 1),
        _ => Err(0),
    }
}

/// Digits of a hash, and of one that is told by its first.
const LONG: usize = 64;
const MIDDLE: usize = 16;
const SHORT: usize = 8;

/// Stands for a hash that was not printed.
const UNKNOWN: &str = "????????";

/// A burst in which several blocks were mined is told in other words than one with a single block. The
/// documents show the latter; this puts the line of the former into those words.
fn settled(printed: &str) -> String {
    let tied = || {
        let (before, rest) = printed.split_once("burst ")?;
        let (_, rest) = rest.split_once(" at height ")?;
        let (_, last) = rest.rsplit_once("; block ")?;
        let (height, rest) = last.split_once(" by node ")?;
        let (node, rest) = rest.split_once(" settled it; ")?;
        Some((before, node, height.parse().ok()?, rest))
    };
    let followed = || {
        let (before, rest) = printed.split_once("node ")?;
        let (node, rest) = rest.split_once(" mined block ")?;
        let (height, rest) = rest.split_once(" (")?;
        let (_, rest) = rest.split_once(" s and ")?;
        let (more, rest) = rest.split_once(" more block")?;
        let (_, rest) = rest.split_once(" followed; ")?;
        let more = if more == "one" { 1 } else { more.parse().ok()? };
        Some((before, node, height.parse::<u64>().ok()? + more, rest))
    };
    let told = tied().or_else(followed);
    told.map_or_else(
        || printed.to_owned(),
        |(before, node, height, rest)| {
            format!("{before}node {node} mined block {height} ({UNKNOWN}…) in 0.0 s; {rest}")
        },
    )
}

fn is_sign(token: &Token) -> bool {
    matches!(token, Token::Other(text) if !text.starts_with(char::is_alphanumeric))
}

fn is_hash(token: &Token) -> bool {
    matches!(token, Token::Hash(_))
}

fn tokens(line: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let length = if let Some(length) = time(rest) {
            tokens.push(Token::Time);
            length
        } else if first.is_alphanumeric() || first == '?' {
            let (token, length) = word(rest);
            tokens.push(token);
            length
        } else {
            if !first.is_whitespace() {
                tokens.push(Token::Other(first.to_string()));
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// Length of the local time that the text begins with, such as `2026-11-21 02:17:05` or with `.123`.
fn time(text: &str) -> Option<usize> {
    const FORM: &[u8] = b"0000-00-00 00:00:00";
    let fits = |form: &[u8], text: &[u8]| {
        text.len() >= form.len()
            && form
                .iter()
                .zip(text)
                .all(|(form, byte)| if *form == b'0' { byte.is_ascii_digit() } else { form == byte })
    };
    let bytes = text.as_bytes();
    fits(FORM, bytes).then(|| if fits(b".000", &bytes[FORM.len()..]) { FORM.len() + 4 } else { FORM.len() })
}

/// The word or number that the text begins with, and its length.
fn word(text: &str) -> (Token, usize) {
    let run = |text: &str| text.find(|c: char| !(c.is_alphanumeric() || c == '?')).unwrap_or(text.len());
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let length = run(text);
    let word = &text[..length];
    if [SHORT, MIDDLE, LONG].contains(&length) && word.bytes().all(|byte| b"0123456789abcdef?".contains(&byte)) {
        return (Token::Hash(word.to_owned()), length);
    }
    if (word.starts_with("12D3Koo") || word.starts_with("nm1")) && length > 20 {
        return (Token::Name(word.to_owned()), length);
    }
    if digits(word) < length {
        return (Token::Other(word.to_owned()), length);
    }
    let (mut end, mut parts) = (length, 1);
    while let Some(more) = text[end..].strip_prefix('.').map(digits).filter(|more| *more > 0) {
        (end, parts) = (end + 1 + more, parts + 1);
    }
    match (parts, word.parse()) {
        (1, Ok(number)) => (Token::Number(number), end),
        (2, _) => (Token::Decimal, end),
        _ => (Token::Other(text[..end].to_owned()), end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(documented: &[&str], printed: &[&str]) -> bool {
        let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        outputs(&owned(documented), &owned(printed), &mut Bindings::default()).is_ok()
    }

    const BURST: &str = "2026-11-21 02:17:05  node 3 mined block 7 (0000c11f…) in 0.03 s; all 6 nodes agree";

    #[test]
    fn times_measures_and_winners_may_differ() {
        assert!(all(&[BURST], &["2027-01-02 23:59:59  node 1 mined block 8 (00aa00aa…) in 12.5 s; all 6 nodes agree"]));
        assert!(!all(
            &[BURST],
            &["2027-01-02 23:59:59  node 1 mined block 8 (00aa00aa…) in 12.5 s; all 5 nodes agree"]
        ));
        assert!(!all(&[BURST], &["node 1 mined block 8 (00aa00aa…) in 12.5 s; all 6 nodes agree"]));
        assert!(all(&["127.0.0.1 16.9 MiB"], &["127.0.0.1    9.9 MiB"]));
        // A free port of the system's may be the number of a pid.
        assert!(all(&["/tcp/42269/p2p", "42270", "42269"], &["/tcp/27692/p2p", "27692", "27693"]));
        assert!(!all(&["127.0.0.1"], &["127.0.0.2"]));
    }

    #[test]
    fn what_stands_for_something_goes_on_standing_for_it() {
        let row = "4  http://x  5107  11  000231cd…";
        assert!(all(&[row, row], &["4  http://x  99  12  ffff31cd…", "4  http://x  99  12  ffff31cd…"]));
        for other in ["4 http://x 98 12 ffff31cd…", "4 http://x 99 13 ffff31cd…", "4 http://x 99 12 aaaa31cd…"] {
            assert!(!all(&[row, row], &["4  http://x  99  12  ffff31cd…", other]), "{other}");
        }
        // A pid that is the number of a port is still a pid.
        let mut bindings = Bindings::new(20_000..20_060);
        assert!(bindings.agree("http://127.0.0.1:20010  5107", "http://127.0.0.1:20010  20010"));
        assert!(bindings.agree("http://127.0.0.1:20010  5107", "http://127.0.0.1:20010  20010"));
        assert!(!bindings.agree("http://127.0.0.1:20010  5107", "http://127.0.0.1:20010  20011"));
        assert!(!bindings.agree("http://127.0.0.1:20010", "http://127.0.0.1:20011"));
        // Two hashes of the document are not one here.
        assert!(!all(&["(0000aaaa…)", "(0000bbbb…)"], &["(0000cccc…)", "(0000cccc…)"]));
    }

    #[test]
    fn whole_hashes_and_names_are_known_again() {
        let (documented, here) = ("ab".repeat(32), "cd".repeat(32));
        let mut bindings = Bindings::default();
        assert!(bindings.agree(&format!("id {documented} to nm1{documented}"), &format!("id {here} to nm1{here}")));
        assert!(bindings.agree("abababab…", "cdcdcdcd…"));
        assert_eq!(bindings.here(&format!("/x/{documented}/y nm1{documented}")), format!("/x/{here}/y nm1{here}"));
    }

    #[test]
    fn several_blocks_of_a_burst_read_like_one() {
        let tie = "2026-11-21 04:16:21  burst 2: node 4 and node 5 tied at height 7; block 8 by node 0 settled it; \
                   all 6 nodes agree";
        assert!(all(&[BURST], &[tie]));
        assert!(!all(&[BURST], &[&tie.replace("all 6 nodes", "all 4 nodes")]));
        let more = BURST.replace(" in 0.03 s;", " in 0.03 s and one more block followed;");
        assert!(all(&[BURST, "height 7"], &[&more, "height 8"]));
        assert!(!all(&[BURST, "height 7"], &[&more, "height 7"]));
    }

    #[test]
    fn lines_and_ends_of_lines_can_be_left_out() {
        assert!(all(&["a", "...", "d"], &["a", "b", "c", "d"]));
        assert!(all(&["a", "...", "d"], &["a", "d"]));
        assert!(!all(&["a", "...", "d"], &["a", "b"]));
        assert!(all(&[r#"{"a":1,..."#], &[r#"{"a":1,"b":2}"#]));
        assert!(!all(&[r#"{"a":1,..."#], &[r#"{"a":2,"b":2}"#]));
        assert!(!all(&["a"], &["a", "b"]));
    }
}
