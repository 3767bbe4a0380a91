//! The one mining job that may run at a time: started, watched, stopped.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::burst::{BurstReport, burst};
use super::options::{Bursts, OptionError, WantedBursts};
use super::settle::{Settlement, settle};
use super::survey;
use crate::network::{AT_ONCE, Network};
use crate::term;
use crate::timeline::{MiningState, What};

/// How many of its last bursts a job remembers.
const REMEMBERED: usize = 100;
/// How long a node may take to start or stop mining.
const SWITCH: Duration = Duration::from_secs(10);
/// How often continuous mining says where it stands.
const NEWS: Duration = Duration::from_secs(10);

/// A mining job, as `/status` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Job {
    /// Number of the job, from 1.
    pub(crate) job: u64,
    #[serde(flatten)]
    pub(crate) kind: JobKind,
    /// How far it is.
    pub(crate) state: JobState,
    /// How many bursts are over.
    pub(crate) done: u32,
    /// When it began, local time.
    pub(crate) since: String,
    /// The last bursts, at most 100.
    #[schema(value_type = Vec<BurstReport>)]
    pub(crate) bursts: VecDeque<BurstReport>,
    /// What the nodes came to after the job was stopped; absent before, and if another job began meanwhile.
    pub(crate) settlement: Option<Settlement>,
}

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum JobKind {
    /// A number of bursts.
    Bursts(Bursts),
    /// Every node mines without pause.
    Continuous,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JobState {
    Running,
    /// All that was asked is done.
    Done,
    /// It was ended before, and the nodes are yet to hold one tip.
    Settling,
    /// It was ended before.
    Stopped,
}

/// Why a job was not started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MiningError {
    #[error(transparent)]
    Options(#[from] OptionError),
    #[error("mining job {0} is under way; end it with /stop/mining, or wait until it is done")]
    UnderWay(u64),
    #[error("the network is being stopped")]
    Closing,
    #[error(
        "the network is split, and a burst ends when all nodes agree; heal it, mine at single nodes (POST /mine of a \
         node), or with continuous=true"
    )]
    Split,
    #[error("no node is running; restart one with POST /nodes/N/restart")]
    NoNodes,
}

/// The place of the job.
#[derive(Debug)]
pub(crate) struct Mining {
    network: Arc<Network>,
    board: Mutex<Board>,
    /// Held while nodes are told to start or to stop, so that the last word is the last at every node.
    switching: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Board {
    /// The job under way, or else the last one.
    job: Option<Job>,
    task: Option<AbortHandle>,
}

impl Board {
    /// The job, if it is still the one of this number.
    fn job_numbered(&mut self, number: u64) -> Option<&mut Job> {
        self.job.as_mut().filter(|job| job.job == number)
    }

    fn abort(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Mining {
    /// No job yet, for this network.
    pub(crate) fn new(network: Arc<Network>) -> Arc<Self> {
        Arc::new(Self { network, board: Mutex::default(), switching: tokio::sync::Mutex::default() })
    }

    /// Starts a job and returns at once.
    pub(crate) fn start(self: &Arc<Self>, wanted: &WantedBursts) -> Result<Job, MiningError> {
        let bursts = wanted.checked()?;
        let mut board = self.lock();
        let number = match &board.job {
            Some(job) if job.state == JobState::Running => {
                return Err(MiningError::UnderWay(job.job));
            }
            Some(job) => job.job + 1,
            None => 1,
        };
        if self.network.is_closing() {
            return Err(MiningError::Closing);
        }
        if bursts.is_some() && self.network.is_split() {
            return Err(MiningError::Split);
        }
        if self.network.running().is_empty() {
            return Err(MiningError::NoNodes);
        }
        let job = Job {
            job: number,
            kind: bursts.map_or(JobKind::Continuous, JobKind::Bursts),
            state: JobState::Running,
            done: 0,
            since: term::now(),
            bursts: VecDeque::new(),
            settlement: None,
        };
        // The job before may still be settling a tie, which is the new one's now.
        board.abort();
        board.job = Some(job.clone());
        self.tell_timeline(&job, MiningState::Begun);
        let mining = self.clone();
        let task = match job.kind {
            JobKind::Bursts(bursts) => tokio::spawn(mining.carry_out(bursts)),
            JobKind::Continuous => tokio::spawn(mining.go_on()),
        };
        board.task = Some(task.abort_handle());
        Ok(job)
    }

    /// Ends the job under way; returns it, or `None` if none was. No node mines for it any more then, but a tie
    /// that it left may still have to be settled.
    pub(crate) async fn stop(self: &Arc<Self>) -> Option<Job> {
        let stopped = {
            let mut board = self.lock();
            let job = board.job.as_mut().filter(|job| job.state == JobState::Running)?;
            job.state = JobState::Settling;
            let job = job.clone();
            self.tell_timeline(&job, MiningState::Stopped);
            board.abort();
            job
        };
        let (mining, job) = (self.clone(), stopped.clone());
        // Carried out even if the client that wants it goes away.
        let told = tokio::spawn(async move {
            mining.switch("stop").await;
            term::say(&match job.kind {
                JobKind::Bursts(Bursts { times, .. }) => {
                    format!("mining was stopped after {} of {}", job.done, term::bursts(times))
                }
                JobKind::Continuous => "continuous mining was stopped".to_owned(),
            });
            mining.begin_settling(job.job);
        });
        let _ = told.await;
        Some(stopped)
    }

    /// Ends the job under way without a word to the nodes, which are about to end themselves.
    pub(crate) fn end(&self) {
        self.lock().abort();
    }

    /// The job under way, or else the last one.
    pub(crate) fn job(&self) -> Option<Job> {
        self.lock().job.clone()
    }

    /// Lets a node that has just come up take part in continuous mining.
    pub(crate) async fn include(&self, address: &str) {
        let _switching = self.switching.lock().await;
        let job = self.job();
        if job.is_some_and(|job| job.state == JobState::Running && job.kind == JobKind::Continuous)
            && let Err(reason) = self.switch_one(address, "start").await
        {
            term::warn(&format!("{address} does not mine: {reason}"));
        }
    }

    async fn carry_out(self: Arc<Self>, bursts: Bursts) {
        let Bursts { times, min, max } = bursts;
        let apart = if times == 1 { String::new() } else { format!(", {min} to {max} s apart") };
        term::say(&format!("mining: {}{apart}", term::bursts(times)));
        let mut good = 0;
        for number in 1..=times {
            let next = Instant::now() + bursts.interval();
            let report = burst(&self.network, number).await;
            if report.is_good() {
                good += 1;
                term::say(&report.to_string());
            } else {
                term::warn(&report.to_string());
            }
            self.note(report, number == times);
            if number < times {
                tokio::time::sleep_until(next).await;
            }
        }
        term::say(&format!("mining is done: {good} of {} ended in agreement", term::bursts(times)));
    }

    /// Writes down how a burst went, and whether it was the job's last.
    fn note(&self, report: BurstReport, last: bool) {
        let mut board = self.lock();
        let Some(job) = &mut board.job else { return };
        job.done = report.burst;
        if job.bursts.len() == REMEMBERED {
            job.bursts.pop_front();
        }
        job.bursts.push_back(report);
        if last {
            job.state = JobState::Done;
            self.tell_timeline(job, MiningState::Done);
        }
    }

    fn tell_timeline(&self, job: &Job, state: MiningState) {
        let bursts = match job.kind {
            JobKind::Bursts(bursts) => Some(bursts.times),
            JobKind::Continuous => None,
        };
        self.network.timeline.network(What::Mining { job: job.job, state, bursts });
    }

    async fn go_on(self: Arc<Self>) {
        term::say("every node mines, until /stop/mining");
        let mining = self.clone();
        // Whoever aborts this task does not take back half of the word.
        let _ = tokio::spawn(async move { mining.switch("start").await }).await;
        loop {
            tokio::time::sleep(NEWS).await;
            let survey = survey(&self.network).await;
            let height = survey.tips.first().map_or(0, |tip| tip.height);
            term::say(&format!("mining goes on at height {height}; {survey}"));
        }
    }

    /// Lets the nodes come to one tip, unless there is something new to do.
    fn begin_settling(self: &Arc<Self>, number: u64) {
        let mut board = self.lock();
        if board.job_numbered(number).is_some() && !self.network.is_closing() {
            board.task = Some(tokio::spawn(self.clone().settle(number)).abort_handle());
        }
    }

    async fn settle(self: Arc<Self>, number: u64) {
        let settlement = settle(&self.network, &[]).await;
        let (good, told) = (settlement.is_good(), settlement.to_string());
        if let Some(job) = self.lock().job_numbered(number) {
            job.state = JobState::Stopped;
            job.settlement = Some(settlement);
        }
        if good { term::say(&told) } else { term::warn(&told) }
    }

    /// Tells every running node to start or stop mining without pause; says which do not.
    async fn switch(&self, to: &str) {
        let _switching = self.switching.lock().await;
        let switched = self.network.running().into_iter().map(|node| async move {
            if let Err(reason) = self.switch_one(&node.address, to).await
                && !self.network.is_closing()
            {
                term::warn(&format!("node {} did not {to} mining: {reason}", node.number));
            }
        });
        futures::stream::iter(switched).buffer_unordered(AT_ONCE).collect::<()>().await;
    }

    async fn switch_one(&self, address: &str, to: &str) -> Result<(), String> {
        let url = format!("{address}/mining/{to}");
        let answer = self.network.client.post_json::<IgnoredAny>(&url, Bytes::new(), SWITCH).await;
        answer.map(|_| ()).map_err(|error| error.to_string())
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
