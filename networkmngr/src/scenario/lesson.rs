//! Lessons: scenarios in teaching order, each with a question before and an explanation after. They are
//! files in `networkmngr/scenarios/`, built into the program; a teacher's own are read from a folder.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use rust_embed::RustEmbed;
use serde::Serialize;

use super::file::{Lesson, Scenario};
use super::run::Report;
use crate::cli::WrongUsage;
use crate::term;

#[derive(RustEmbed)]
#[folder = "scenarios/"]
#[include = "*.toml"]
struct BuiltIn;

const EXAMPLES: &str = "\
Examples:
  networkmngr lesson                        what there is, in teaching order
  networkmngr lesson 3                      explains, asks, runs on real nodes, tells what happened
  networkmngr lesson 3 --simulate           the same in the simulator, at once
  networkmngr lesson 3 --answer 2 --json    for marking: exit code 0 if the prediction was right
  networkmngr lesson --folder my-lessons    a teacher's own lessons (docs/scenarios.md tells how)

Exit codes: 0 done and, with --answer, right; 1 wrong, or the run failed; 2 wrong usage.";

/// Options of `lesson`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LessonArgs {
    /// Which one, by its number in the list
    #[arg(value_name = "NUMBER")]
    number: Option<u32>,
    /// The prediction, by its number; asked for unless given
    #[arg(long, value_name = "N", requires = "number")]
    answer: Option<usize>,
    /// In the simulator instead of on real nodes
    #[arg(long)]
    simulate: bool,
    /// Port of the real network's manager
    #[arg(short, long, default_value_t = 4999)]
    port: u16,
    /// Lessons from this folder instead of those built in
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What came of a lesson.
#[derive(Debug, Serialize)]
struct Marked {
    lesson: u32,
    name: String,
    answer: Option<usize>,
    right: Option<bool>,
    report: Report,
}

/// Lists the lessons, or gives one.
pub(crate) fn run(args: &LessonArgs) -> anyhow::Result<ExitCode> {
    let lessons = all(args.folder.as_deref())?;
    match args.number {
        None => list(&lessons, args.json),
        Some(number) => {
            let found = lessons.iter().find(|(_, _, lesson)| lesson.order == number);
            let (file, scenario, lesson) = found
                .ok_or_else(|| WrongUsage(format!("there is no lesson {number}; `networkmngr lesson` lists them")))?;
            give(file, scenario, lesson, args)
        }
    }
}

/// All lessons in teaching order: the name of the file, the scenario, and what makes it a lesson.
pub(crate) fn all(folder: Option<&std::path::Path>) -> anyhow::Result<Vec<(String, Scenario, Lesson)>> {
    let mut lessons = Vec::new();
    for (name, text) in texts(folder)? {
        let scenario = Scenario::parse(&text).with_context(|| format!("{name} is no scenario"))?;
        if let Some(lesson) = scenario.lesson.as_ref().map(|lesson| lesson.get_ref().clone()) {
            lessons.push((name, scenario, lesson));
        }
    }
    lessons.sort_by_key(|(name, _, lesson)| (lesson.order, name.clone()));
    if let Some(pair) = lessons.windows(2).find(|pair| pair[0].2.order == pair[1].2.order) {
        bail!("{} and {} have the same order; each lesson has its own", pair[0].0, pair[1].0);
    }
    Ok(lessons)
}

fn texts(folder: Option<&std::path::Path>) -> anyhow::Result<Vec<(String, String)>> {
    let Some(folder) = folder else {
        let built_in = BuiltIn::iter().filter_map(|name| {
            let text = String::from_utf8(BuiltIn::get(&name)?.data.into_owned()).ok()?;
            Some((name.into_owned(), text))
        });
        return Ok(built_in.collect());
    };
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut texts = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            texts.push((path.display().to_string(), text));
        }
    }
    Ok(texts)
}

fn list(lessons: &[(String, Scenario, Lesson)], json: bool) -> anyhow::Result<ExitCode> {
    if json {
        let listed = lessons.iter().map(|(file, scenario, lesson)| {
            let Lesson { order, question, choices, .. } = lesson;
            serde_json::json!({ "lesson": order, "name": scenario.name, "file": file, "question": question, "choices": choices })
        });
        term::plain(&serde_json::to_string_pretty(&listed.collect::<Vec<_>>())?);
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = term::table(["lesson", "", "nodes"]);
    for (_, scenario, lesson) in lessons {
        table.add_row([lesson.order.to_string(), scenario.name.clone(), scenario.network.get_ref().nodes.to_string()]);
    }
    term::plain(&format!("{table}\n\nnetworkmngr lesson 1 begins."));
    Ok(ExitCode::SUCCESS)
}

fn give(file: &str, scenario: &Scenario, lesson: &Lesson, args: &LessonArgs) -> anyhow::Result<ExitCode> {
    let aloud = !args.json;
    if aloud {
        term::plain(&format!(
            "Lesson {}: {}\n\n{}\n\n{}",
            lesson.order,
            scenario.name,
            scenario.about.trim(),
            lesson.question.trim()
        ));
        for (number, choice) in (1..).zip(&lesson.choices) {
            term::plain(&format!("  {number}  {choice}"));
        }
    }
    let answer = match args.answer {
        Some(answer) if !(1..=lesson.choices.len()).contains(&answer) => {
            bail!(WrongUsage(format!("--answer takes 1 to {}", lesson.choices.len())))
        }
        Some(answer) => Some(answer),
        None if aloud => ask(lesson.choices.len())?,
        None => None,
    };
    let report = if args.simulate {
        super::simulate_once(scenario, scenario.seed, aloud, None)
    } else {
        super::run_for_lesson(scenario, args.port, aloud)?
    };
    let right = answer.map(|answer| answer == lesson.answer);
    let passed = report.passed;
    if aloud {
        super::report::tell(std::slice::from_ref(&report), std::path::Path::new(file), false)?;
        tell_answer(lesson, right);
    } else {
        let (name, lesson) = (scenario.name.clone(), lesson.order);
        let marked = Marked { lesson, name, answer, right, report };
        term::plain(&serde_json::to_string_pretty(&marked)?);
    }
    let wrong = args.answer.is_some() && right == Some(false);
    Ok(if passed && !wrong { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks for a prediction, if somebody is there to be asked.
fn ask(choices: usize) -> anyhow::Result<Option<usize>> {
    if !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    loop {
        term::plain(&format!("\nWhat do you expect? (1 to {choices}, or Enter to go on)"));
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        match line.trim() {
            "" => return Ok(None),
            text => match text.parse() {
                Ok(answer) if (1..=choices).contains(&answer) => return Ok(Some(answer)),
                _ => {}
            },
        }
    }
}

fn tell_answer(lesson: &Lesson, right: Option<bool>) {
    let answer = &lesson.choices[lesson.answer - 1];
    let verdict = match right {
        Some(true) => format!("Your prediction was right: {answer}"),
        Some(false) => format!("Your prediction was not right. It is: {answer}"),
        None => format!("The answer: {answer}"),
    };
    term::plain(&format!("\n{verdict}\n{}", lesson.because.trim()));
}
