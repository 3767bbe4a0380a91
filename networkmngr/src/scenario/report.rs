//! What a run tells while it goes on and at its end.

use std::cell::RefCell;
use std::convert::Infallible;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::engine::Trouble;
use super::file::Scenario;
use super::run::{Audience, Done, Report};
use crate::term;

/// How often the time is shown.
const SHOW: Duration = Duration::from_secs(1);

/// Tells of the steps as they begin.
pub(super) struct Narrator {
    aloud: bool,
    /// What is going on now.
    now: Rc<RefCell<String>>,
}

impl Narrator {
    pub(super) fn new(aloud: bool) -> Self {
        Self { aloud, now: Rc::default() }
    }

    /// Shows without end which step is under way, and for how long the run has been.
    pub(super) fn keep_showing(&self) -> impl Future<Output = Infallible> + 'static {
        let (aloud, now, begun) = (self.aloud, self.now.clone(), Instant::now());
        async move {
            let mut ticks = tokio::time::interval(SHOW);
            loop {
                ticks.tick().await;
                if aloud {
                    term::passing(&format!("{} s {}", begun.elapsed().as_secs(), now.borrow()));
                }
            }
        }
    }
}

impl Audience for Narrator {
    fn begins(&mut self, number: usize, steps: usize, what: &str) {
        if self.aloud {
            let text = format!("[{number}/{steps}] {what}");
            term::plain(&text);
            self.now.replace(text);
        }
    }

    fn says(&mut self, text: &str) {
        if self.aloud {
            term::plain(&format!("\n{text}\n"));
        }
    }
}

impl Report {
    /// Of a run whose network did not come up.
    pub(super) fn not_begun(scenario: &Scenario, trouble: &Trouble) -> Self {
        let failure = Some(trouble.to_string());
        let step = Done { what: "start the network".into(), at: 0, failure, measured: None };
        Self { scenario: scenario.name.clone(), steps: vec![step], ..Self::default() }
    }
}

/// Prints what came of it.
pub(super) fn tell(reports: &[Report], file: &Path, json: bool) -> anyhow::Result<()> {
    if json {
        term::plain(&serde_json::to_string_pretty(reports)?);
    } else if let [report] = reports {
        one(report, file);
    } else {
        many(reports, file);
    }
    Ok(())
}

fn one(report: &Report, file: &Path) {
    let mut table = term::table(["expected", "measured", ""]);
    for done in &report.expectations {
        let measured = done.measured.map(crate::experiment::number).unwrap_or_default();
        let verdict = if done.failure.is_none() { "yes" } else { "no" };
        table.add_row([done.what.clone(), measured, verdict.into()]);
    }
    if !report.expectations.is_empty() {
        term::plain(&format!("\n{table}\n"));
    }
    let Report { scenario, engine, blocks, kept, deepest_reorganisation, .. } = report;
    if *blocks > 0 {
        term::plain(&format!(
            "{blocks} blocks found, {kept} of them on the chain; deepest reorganisation: {deepest_reorganisation}"
        ));
    }
    match report.failure() {
        None => term::plain(&format!("passed: {scenario} ({engine})")),
        Some(failure) => {
            term::plain(&format!("failed: {scenario} ({engine}): {failure}"));
            term::plain(&format!("again:  {}", reproduction(report, file)));
        }
    }
}

fn many(reports: &[Report], file: &Path) {
    let failed: Vec<&Report> = reports.iter().filter(|report| !report.passed).collect();
    for report in &failed {
        let failure = report.failure().unwrap_or_default();
        term::plain(&format!("seed {}: {failure}", report.seed.unwrap_or(0)));
        term::plain(&format!("  {}", reproduction(report, file)));
    }
    let mut table = term::table(["expected", "least", "mean", "most", "held in"]);
    let named = reports.iter().max_by_key(|report| report.expectations.len());
    for (at, expected) in named.into_iter().flat_map(|report| report.expectations.iter().enumerate()) {
        let all: Vec<&Done> = reports.iter().filter_map(|report| report.expectations.get(at)).collect();
        let values: Vec<f64> = all.iter().filter_map(|done| done.measured).collect();
        let held = all.iter().filter(|done| done.failure.is_none()).count();
        let shown = |value: Option<f64>| value.map(crate::experiment::number).unwrap_or_default();
        let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        let (least, most) = (values.iter().copied().reduce(f64::min), values.iter().copied().reduce(f64::max));
        let held = format!("{held} of {}", all.len());
        table.add_row([expected.what.clone(), shown(least), shown(mean), shown(most), held]);
    }
    if table.row_count() > 0 {
        term::plain(&format!("{table}\n"));
    }
    let name = &reports[0].scenario;
    term::plain(&format!("{} of {} seeds passed: {name}", reports.len() - failed.len(), reports.len()));
}

/// The command that shows the failure again.
fn reproduction(report: &Report, file: &Path) -> String {
    match report.seed {
        Some(seed) => format!("networkmngr run {} --simulate --seed {seed}", file.display()),
        None => format!("networkmngr run {}", file.display()),
    }
}
