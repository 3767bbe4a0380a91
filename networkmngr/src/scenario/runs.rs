//! Runs of scenarios beside a managed network, each on a network of its own: one at a time, the last ones kept until
//! the manager ends. How they are carried out is [`super::beside`]'s, how HTTP words them is not decided here.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::ToSchema;

use super::beside;
use super::file::{Lesson, Scenario};
use super::run::{Audience, Report};
use super::words;
use crate::timeline::Recorder;

/// Their place in the network's folder.
pub(crate) const FOLDER: &str = "runs";
/// Runs that are kept, the one under way among them.
const KEPT: usize = 10;

/// What carries a run out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EngineKind {
    /// Real node processes.
    #[default]
    Real,
    /// The simulator of the same node code, in virtual time.
    Simulated,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RunState {
    /// Its network comes up.
    Starting,
    /// Its steps are carried out.
    Running,
    /// Everything was as expected.
    Passed,
    /// Something was not.
    Failed,
    /// It was ended before.
    Stopped,
}

/// What is to be run.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) scenario: Scenario,
    /// Whether it is run as a lesson.
    pub(crate) lesson: Option<Lesson>,
    pub(crate) engine: EngineKind,
    pub(crate) seed: Option<u64>,
    /// The prediction.
    pub(crate) answer: Option<usize>,
}

/// Why nothing is run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("run {0} is under way, and one at a time is enough; stop it with POST /runs/{0}/stop, or wait for its end")]
    UnderWay(u64),
    #[error("the manager is ending")]
    Closing,
    #[error("there is no place for the run: {0}")]
    System(#[from] std::io::Error),
}

/// A run as programs get it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Run)]
pub(crate) struct RunView {
    /// Number of the run, from 1.
    pub(crate) id: u64,
    /// What the scenario is called.
    pub(crate) name: String,
    /// What it shows, in prose.
    pub(crate) about: String,
    /// What carries it out.
    pub(crate) engine: EngineKind,
    /// What is left to chance.
    pub(crate) seed: u64,
    /// Number of the lesson, if it is one.
    pub(crate) lesson: Option<u32>,
    /// How far it is.
    pub(crate) state: RunState,
    /// The step under way, or else the last one; null before the first.
    pub(crate) step: Option<StepView>,
    /// What was told the reader so far.
    pub(crate) said: Vec<String>,
    /// What it came to, in a sentence; null until the end.
    pub(crate) verdict: Option<String>,
    /// What is expected.
    pub(crate) expectations: Vec<ExpectationView>,
    /// Everything that it came to; null until the end, and if it was stopped.
    pub(crate) report: Option<Report>,
    /// The prediction that was made.
    pub(crate) answer: Option<usize>,
    /// Whether that was right; null until the end.
    pub(crate) right: Option<bool>,
    /// Why, told after a lesson has ended.
    pub(crate) because: Option<String>,
    /// Its folder, with the timeline, and the chains and logs of real nodes. It is gone when the manager has ended.
    #[schema(value_type = String)]
    pub(crate) folder: PathBuf,
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RunStep)]
pub(crate) struct StepView {
    /// Its number, from 1.
    pub(crate) number: usize,
    /// How many there are.
    pub(crate) of: usize,
    /// What it does.
    pub(crate) text: String,
}

/// Something that is expected of a run.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = RunExpectation)]
pub(crate) struct ExpectationView {
    /// What.
    pub(crate) text: String,
    /// Whether it is so; null until that was judged.
    pub(crate) passed: Option<bool>,
    /// Why not.
    pub(crate) reason: Option<String>,
    /// What was measured, where something was.
    pub(crate) measured: Option<f64>,
}

/// One run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: u64,
    wanted: Wanted,
    view: Mutex<RunView>,
    timeline: OnceLock<Arc<Recorder>>,
    stop: watch::Sender<bool>,
    /// To be watched for the state alone.
    state: watch::Sender<RunState>,
}

/// All runs of a manager.
#[derive(Debug)]
pub(crate) struct Runs {
    folder: PathBuf,
    /// Nodes of the managed network, which need open files as well.
    nodes: u16,
    board: Mutex<Board>,
}

#[derive(Debug, Default)]
struct Board {
    /// The oldest first.
    runs: VecDeque<Arc<Run>>,
    last: u64,
    closing: bool,
}

impl RunState {
    /// Whether there is nothing more to come.
    pub(crate) fn is_over(self) -> bool {
        !matches!(self, Self::Starting | Self::Running)
    }
}

impl Run {
    fn new(id: u64, wanted: Wanted, folder: PathBuf) -> Self {
        let Wanted { scenario, lesson, engine, seed, answer } = &wanted;
        let expectations = scenario.expectations.iter().map(|expected| ExpectationView {
            text: words::expectation(expected.get_ref()),
            passed: None,
            reason: None,
            measured: None,
        });
        let view = RunView {
            id,
            name: scenario.name.clone(),
            about: scenario.about.trim().to_owned(),
            engine: *engine,
            seed: seed.unwrap_or(scenario.seed),
            lesson: lesson.as_ref().map(|lesson| lesson.order),
            state: RunState::Starting,
            step: None,
            said: Vec::new(),
            verdict: None,
            expectations: expectations.collect(),
            report: None,
            answer: *answer,
            right: None,
            because: None,
            folder,
        };
        let state = watch::channel(RunState::Starting).0;
        Self { id, wanted, view: Mutex::new(view), timeline: OnceLock::new(), stop: watch::channel(false).0, state }
    }

    /// How it is now.
    pub(crate) fn view(&self) -> RunView {
        self.lock().clone()
    }

    /// What it did, if its network came up.
    pub(crate) fn timeline(&self) -> Option<&Arc<Recorder>> {
        self.timeline.get()
    }

    /// How far it is, to watch.
    pub(crate) fn watch(&self) -> watch::Receiver<RunState> {
        self.state.subscribe()
    }

    /// Waits until it can be told what it does, or never will be.
    pub(crate) async fn shown(&self) {
        let shown = |state: &RunState| *state != RunState::Starting || self.timeline().is_some();
        let _ = self.watch().wait_for(shown).await;
    }

    /// Ends it before its time, and waits until its network has ended.
    pub(crate) async fn stop(&self) {
        self.stop.send_replace(true);
        let _ = self.watch().wait_for(|state| state.is_over()).await;
    }

    /// The scenario, with the seed that was asked for.
    pub(super) fn scenario(&self) -> Scenario {
        let Wanted { scenario, seed, .. } = &self.wanted;
        Scenario { seed: seed.unwrap_or(scenario.seed), ..scenario.clone() }
    }

    pub(super) fn engine(&self) -> EngineKind {
        self.wanted.engine
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.lock().folder.clone()
    }

    /// Whether it is to be stopped, to watch.
    pub(super) fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// What it does is written down here.
    pub(super) fn is_told_by(&self, timeline: Arc<Recorder>) {
        let _ = self.timeline.set(timeline);
        self.state.send_modify(|_| {});
    }

    /// Its network is there.
    pub(super) fn begins(&self) {
        self.turn(RunState::Running);
    }

    /// It is over. Without a report, it was stopped.
    pub(super) fn ends(&self, report: Option<Report>) {
        let state = match &report {
            None => RunState::Stopped,
            Some(report) if report.passed => RunState::Passed,
            Some(_) => RunState::Failed,
        };
        let mut view = self.lock();
        view.verdict = Some(match &report {
            None => "It was stopped.".to_owned(),
            Some(report) => {
                report.failure().map_or_else(|| "Everything was as expected.".to_owned(), |why| format!("{why}."))
            }
        });
        for (expected, done) in view.expectations.iter_mut().zip(report.iter().flat_map(|report| &report.expectations))
        {
            expected.passed = Some(done.failure.is_none());
            expected.reason.clone_from(&done.failure);
            expected.measured = done.measured;
        }
        view.report = report;
        if let Some(lesson) = &self.wanted.lesson {
            view.right = self.wanted.answer.map(|answer| answer == lesson.answer);
            view.because = Some(lesson.because.trim().to_owned());
        }
        drop(view);
        self.turn(state);
    }

    fn turn(&self, state: RunState) {
        self.lock().state = state;
        self.state.send_replace(state);
    }

    fn lock(&self) -> MutexGuard<'_, RunView> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Audience for &Run {
    fn begins(&mut self, number: usize, steps: usize, what: &str) {
        self.lock().step = Some(StepView { number, of: steps, text: what.to_owned() });
    }

    fn says(&mut self, text: &str) {
        self.lock().said.push(text.to_owned());
    }
}

impl Runs {
    /// None yet, beside a network of so many nodes in this folder. What a killed manager has left of its runs is taken
    /// away.
    pub(crate) fn new(folder: &Path, nodes: u16) -> Arc<Self> {
        let folder = folder.join(FOLDER);
        let _ = std::fs::remove_dir_all(&folder);
        Arc::new(Self { folder, nodes, board: Mutex::default() })
    }

    /// Begins a run.
    ///
    /// # Errors
    /// Another one is under way, or there is no place for it.
    pub(crate) fn start(&self, wanted: Wanted) -> Result<Arc<Run>, RunError> {
        let mut board = self.lock();
        if board.closing {
            return Err(RunError::Closing);
        }
        if let Some(run) = board.runs.iter().find(|run| !run.state.borrow().is_over()) {
            return Err(RunError::UnderWay(run.id));
        }
        std::fs::create_dir_all(&self.folder)?;
        let mut id = board.last + 1;
        // A folder that could not be taken away holds something else.
        while self.folder.join(id.to_string()).exists() {
            id += 1;
        }
        let run = Arc::new(Run::new(id, wanted, self.folder.join(id.to_string())));
        beside::begin(run.clone(), self.nodes)?;
        board.last = id;
        board.runs.push_back(run.clone());
        while board.runs.len() > KEPT {
            if let Some(oldest) = board.runs.pop_front() {
                let _ = std::fs::remove_dir_all(oldest.folder());
            }
        }
        Ok(run)
    }

    /// Those that are kept, the newest first.
    pub(crate) fn all(&self) -> Vec<Arc<Run>> {
        self.lock().runs.iter().rev().cloned().collect()
    }

    /// The run of this number, if it is kept.
    pub(crate) fn get(&self, id: u64) -> Option<Arc<Run>> {
        self.lock().runs.iter().find(|run| run.id == id).cloned()
    }

    /// Ends the run under way, and takes away what runs have left. None begins afterwards.
    pub(crate) async fn end(&self) {
        self.lock().closing = true;
        for run in self.all() {
            run.stop().await;
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
