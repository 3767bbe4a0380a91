//! `networkmngr explain` and `networkmngr replay`: what a timeline tells. Works whether the network runs or not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::found;
use crate::cli::{ExplainArgs, ReplayArgs, When, Which};
use crate::network::LinkRule;
use crate::term;
use crate::timeline::{Clock, FILE, NodeState, Reader, State, Story, Stretch, What, explain};

/// How far back a network's timeline is told unless asked otherwise.
const PRESET: When = When::BeforeEnd(10 * 60 * 1000);

/// What is known of a timeline before it is told.
struct Outline {
    begin: u64,
    end: u64,
    clock: Clock,
}

/// The answer of `explain --json`.
#[derive(Serialize)]
struct Explained {
    file: PathBuf,
    /// Milliseconds since the Unix epoch, or of virtual time.
    from: u64,
    to: u64,
    stories: Vec<Story>,
}

/// The answer of `replay --json`.
#[derive(Serialize)]
struct Replayed {
    file: PathBuf,
    /// Milliseconds since the Unix epoch, or of virtual time.
    at: u64,
    /// Entries up to then.
    entries: u64,
    nodes: BTreeMap<u16, NodeState>,
    groups: Vec<Vec<u16>>,
    links: Vec<LinkRule>,
}

/// Tells why things happened.
pub(crate) fn run_explain(args: ExplainArgs) -> anyhow::Result<ExitCode> {
    let file = locate(args.file.as_deref(), &args.which)?;
    let Outline { begin, end, clock } = outline(&file)?;
    let preset = args.file.is_none() && args.to.is_none();
    let from = args.from.or(preset.then_some(PRESET)).map_or(0, |when| when.resolve(begin, end));
    let to = args.to.map_or(u64::MAX, |when| when.resolve(begin, end));
    if from > to {
        bail!("the stretch ends before it begins; --from must be earlier than --to");
    }
    let wanted = Stretch { from, to, node: args.node, all: args.all, clock };
    let stories = explain(Reader::open(&file)?, &wanted)?;
    let (from, to) = (from.max(begin), to.min(end));
    if args.json {
        term::plain(&serde_json::to_string_pretty(&Explained { file, from, to, stories })?);
        return Ok(ExitCode::SUCCESS);
    }
    if stories.is_empty() {
        let hint = if args.all { "" } else { "; --all shows blocks that spread and transactions as well" };
        let (from, to) = (clock.stamp(from), clock.stamp(to));
        term::plain(&format!("nothing to explain from {} to {}{hint}", from.trim(), to.trim()));
    }
    for Story { at, text, details, .. } in &stories {
        let stamp = clock.stamp(*at);
        term::plain(&format!("{stamp}  {}", term::printable(text)));
        let margin = " ".repeat(stamp.chars().count());
        details.iter().for_each(|detail| term::plain(&format!("{margin}    {}", term::printable(detail))));
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows what every node held.
pub(crate) fn run_replay(args: ReplayArgs) -> anyhow::Result<ExitCode> {
    let file = locate(args.file.as_deref(), &args.which)?;
    let Outline { begin, end, clock } = outline(&file)?;
    let at = args.at.map_or(end, |when| when.resolve(begin, end));
    let mut state = State::default();
    let mut entries = 0;
    for entry in Reader::open(&file)? {
        let entry = entry?;
        if entry.at > at {
            break;
        }
        entries += 1;
        state.apply(&entry);
    }
    if args.json {
        let State { nodes, groups, rules, .. } = state;
        term::plain(&serde_json::to_string_pretty(&Replayed { file, at, entries, nodes, groups, links: rules })?);
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = term::table(["node", "state", "height", "tip", "pool"]);
    for (number, node) in &state.nodes {
        let tip = node.tip.map_or_else(|| "?".to_owned(), |tip| term::short(&tip.to_string()));
        let word = node.life.word().to_owned();
        table.add_row([number.to_string(), word, node.height.to_string(), tip, node.pool.len().to_string()]);
    }
    term::plain(&table.trim_fmt());
    term::plain(&format!("\nat       {}, after {entries} entries", clock.stamp(at).trim()));
    term::plain(&format!("file     {}", file.display()));
    if !state.groups.is_empty() {
        term::plain(&format!("split    {}", term::sides(&state.groups)));
    }
    state.rules.iter().for_each(|rule| term::plain(&format!("links    {rule}")));
    Ok(ExitCode::SUCCESS)
}

fn locate(file: Option<&Path>, which: &Which) -> anyhow::Result<PathBuf> {
    if let Some(file) = file {
        return Ok(file.to_owned());
    }
    let path = found(which)?.0.join(FILE);
    if !path.is_file() {
        bail!("there is no timeline in {}: its network has not run since timelines are kept", path.display());
    }
    Ok(path)
}

/// Reads a timeline through once.
fn outline(file: &Path) -> anyhow::Result<Outline> {
    let (mut first, mut end, mut simulated) = (None, 0, false);
    for entry in Reader::open(file)? {
        let entry = entry?;
        first.get_or_insert(entry.at);
        end = entry.at;
        if let What::Begun(begun) = &entry.what {
            simulated |= begun.simulated;
        }
    }
    let begin = first.with_context(|| format!("{} is empty", file.display()))?;
    let clock = if simulated { Clock::Since(begin) } else { Clock::Local };
    Ok(Outline { begin, end, clock })
}
