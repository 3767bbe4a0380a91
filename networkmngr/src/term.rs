//! What people read: lines with local timestamps, coloured only on terminals. A closed pipe is no error.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use comfy_table::{Table, presets};

/// Whether lines about events go to stderr, as stdout has something else to hold.
static ASIDE: AtomicBool = AtomicBool::new(false);
/// Whether a passing line stands on stderr.
static PASSING: AtomicBool = AtomicBool::new(false);
/// Characters of a passing line that fit any terminal; one that wraps could not be taken back.
const PASSING_WIDTH: usize = 79;

/// How the names of threads begin that carry out a run beside a managed network: what they say, they say of that.
pub(crate) const THREAD_OF_RUN: &str = "run ";

/// From now on, lines about events go to stderr.
pub(crate) fn keep_stdout_clear() {
    ASIDE.store(true, Ordering::Relaxed);
}

/// Prints one line about an event of note, with the time.
pub(crate) fn say(text: &str) {
    line("", text);
}

/// Prints one line, or several, about something that went wrong and was coped with.
pub(crate) fn warn(text: &str) {
    line("33", text);
}

/// Shows how far something is, on stderr if that is a terminal; the next line that is printed takes its place.
pub(crate) fn passing(text: &str) {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        let shown: String = text.chars().take(PASSING_WIDTH).collect();
        let _ = write!(stderr, "\r{shown}\x1b[K");
        let _ = stderr.flush();
        PASSING.store(true, Ordering::Relaxed);
    }
}

/// Takes back the passing line.
pub(crate) fn passed() {
    if PASSING.swap(false, Ordering::Relaxed) {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
}

/// Prints text as it is.
pub(crate) fn plain(text: &str) {
    passed();
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints the reason why the command failed, on stderr.
pub(crate) fn error(error: &anyhow::Error) {
    passed();
    let colour = std::io::stderr().is_terminal() && colours_wanted();
    let word = if colour { "\x1b[1;31merror:\x1b[0m" } else { "error:" };
    let _ = writeln!(std::io::stderr(), "{word} {error:#}");
}

/// Text in a colour, where stdout is a terminal.
pub(crate) fn coloured(colour: &str, text: &str) -> String {
    if std::io::stdout().is_terminal() && colours_wanted() {
        format!("\x1b[{colour}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// A line of unknown origin, without anything that would make a terminal act or show it in another order.
pub(crate) fn printable(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    for c in line.chars() {
        if acts(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

/// Control characters, and those that turn the direction of writing (Unicode's bidirectional formatting).
fn acts(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && c != '\t')
}

/// Local date and time, as `2026-11-21 02:17:05`.
pub(crate) fn now() -> String {
    jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// An empty table in the style of this program.
pub(crate) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

/// The first characters of a hash or id, enough to tell it from others.
pub(crate) fn short(hash: &str) -> String {
    match hash.char_indices().nth(8) {
        Some((end, _)) => format!("{}…", &hash[..end]),
        None => hash.to_owned(),
    }
}

/// `1 node`, `6 nodes`.
pub(crate) fn nodes(count: usize) -> String {
    if count == 1 { "1 node".to_owned() } else { format!("{count} nodes") }
}

/// `1 block`, `3 blocks`.
pub(crate) fn blocks(count: u32) -> String {
    if count == 1 { "1 block".to_owned() } else { format!("{count} blocks") }
}

/// `1 burst`, `10 bursts`.
pub(crate) fn bursts(count: u32) -> String {
    if count == 1 { "1 burst".to_owned() } else { format!("{count} bursts") }
}

/// Node numbers as `0-3, 5`.
pub(crate) fn numbers(sorted: &[u16]) -> String {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for &number in sorted {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let shown =
        ranges.iter().map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
    shown.collect::<Vec<_>>().join(", ")
}

/// The groups of a split as `0-2 | 3-5`.
pub(crate) fn sides(groups: &[Vec<u16>]) -> String {
    groups.iter().map(|group| numbers(group)).collect::<Vec<_>>().join(" | ")
}

fn line(colour: &str, text: &str) {
    passed();
    let aside = ASIDE.load(Ordering::Relaxed);
    let terminal = if aside { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
    let thread = std::thread::current();
    let of_run = thread.name().filter(|name| name.starts_with(THREAD_OF_RUN));
    let text = of_run.map_or_else(|| text.to_owned(), |run| format!("{run}: {text}"));
    let time = now();
    let line = if colour.is_empty() || !terminal || !colours_wanted() {
        format!("{time}  {text}")
    } else {
        format!("{time}  \x1b[{colour}m{text}\x1b[0m")
    };
    let _ = if aside { writeln!(std::io::stderr(), "{line}") } else { writeln!(std::io::stdout(), "{line}") };
}

/// Whether the user left colours on (<https://no-color.org>).
fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_joined_to_ranges() {
        assert_eq!(numbers(&[]), "");
        assert_eq!(numbers(&[0, 1, 2, 3, 5, 7, 8]), "0-3, 5, 7-8");
        assert_eq!(numbers(&[u16::MAX]), "65535");
        assert_eq!(sides(&[vec![0, 1, 2], vec![3], vec![4, 6]]), "0-2 | 3 | 4, 6");
    }

    #[test]
    fn nothing_printed_acts_on_the_terminal() {
        assert_eq!(printable("{\"a\":\t\"ä\u{1f600}\"}"), "{\"a\":\t\"ä\u{1f600}\"}");
        assert_eq!(printable("\x1b[2J\n\u{9b}1m\u{202e}"), "\\u{1b}[2J\\u{a}\\u{9b}1m\\u{202e}");
    }

    #[test]
    fn hashes_are_shortened_between_characters() {
        assert_eq!(short("0000ab12ff"), "0000ab12…");
        assert_eq!(short("ééééééééé"), "éééééééé…");
        assert_eq!(short("00"), "00");
    }
}
