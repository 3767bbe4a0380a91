//! The miner's thread: searches nonces for the job it was last given, no faster than it may, and drops
//! a job at once when another comes. What to mine is the machine's business.

pub mod kernel;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use shared::{CheckedBlock, Network};

use super::clock;
use crate::{
    hash_rate::HashRate,
    machine::{event::JobId, mining::Template},
};
use kernel::{Method, Puzzle};

/// How often, at the least, the miner looks whether it has another job.
const STEP: Duration = Duration::from_millis(5);
/// Hashes between two looks when nothing limits the rate: less than [`STEP`] even with the slowest
/// method of an optimised build.
const UNLIMITED_STEP: u32 = 16_384;
/// A capped miner that was kept from working makes up for at most this long.
const LONGEST_CATCH_UP: Duration = Duration::from_millis(100);

/// A proof for a job.
#[derive(Debug)]
pub struct Proof {
    /// The job.
    pub job: JobId,
    /// The whole block.
    pub block: Arc<CheckedBlock>,
}

/// The miner's cap, which may be changed while it works. Clones are handles of the same cap.
#[derive(Clone, Debug)]
pub struct HashCap(Arc<AtomicU64>);

impl HashCap {
    /// Stands for no cap; no cap is zero.
    const NONE: u64 = 0;

    /// A cap of so much.
    pub fn new(rate: HashRate) -> Self {
        Self(Arc::new(AtomicU64::new(rate.cap().unwrap_or(Self::NONE))))
    }

    /// Changes the cap. The miner keeps it from its next step on, within a second at the slowest rate.
    pub fn set(&self, rate: HashRate) {
        self.0.store(rate.cap().unwrap_or(Self::NONE), Ordering::Relaxed);
    }

    /// Hashes per second; `None` is no cap.
    pub fn get(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|rate| *rate != Self::NONE)
    }
}

#[derive(Default)]
struct State {
    job: Option<(JobId, Arc<Template>)>,
    stopping: bool,
}

#[derive(Default)]
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands jobs to the miner's thread. The thread ends with the last handle.
pub struct Miner {
    desk: Arc<Desk>,
}

impl Miner {
    /// Starts the thread. `cap` limits hashes per second; `found` is called for each proof, on the
    /// miner's thread.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(network: Arc<Network>, cap: HashCap, found: impl Fn(Proof) + Send + 'static) -> std::io::Result<Self> {
        let desk = Arc::new(Desk::default());
        let search = Search { desk: desk.clone(), network, cap, method: Method::best(), found };
        std::thread::Builder::new().name("miner".into()).stack_size(256 * 1024).spawn(move || search.run())?;
        Ok(Self { desk })
    }

    /// Works on this job instead of any other; on none when there is none.
    pub fn set_job(&self, job: Option<(JobId, Arc<Template>)>) {
        self.desk.lock().job = job;
        self.desk.changed.notify_all();
    }
}

impl Drop for Miner {
    fn drop(&mut self) {
        self.desk.lock().stopping = true;
        self.desk.changed.notify_all();
    }
}

struct Search<F> {
    desk: Arc<Desk>,
    network: Arc<Network>,
    cap: HashCap,
    method: Method,
    found: F,
}

impl<F: Fn(Proof)> Search<F> {
    fn run(self) {
        let mut pace = Pace::new();
        while let Some((job, template)) = self.next_job() {
            pace.forget_idle_time();
            if let Some(block) = self.search(job, &template, &mut pace) {
                // One proof ends a job, whatever the machine makes of it.
                let mut state = self.desk.lock();
                if state.job.as_ref().is_some_and(|(current, _)| *current == job) {
                    state.job = None;
                }
                drop(state);
                (self.found)(Proof { job, block: Arc::new(block) });
            }
        }
    }

    /// Waits for a job; none when the miner is to end.
    fn next_job(&self) -> Option<(JobId, Arc<Template>)> {
        let mut state = self.desk.lock();
        loop {
            if state.stopping {
                return None;
            }
            if let Some(job) = state.job.clone() {
                return Some(job);
            }
            state = self.desk.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Searches until there is a proof, or another job.
    fn search(&self, job: JobId, template: &Template, pace: &mut Pace) -> Option<CheckedBlock> {
        // However often jobs change, what the last one was ahead of the cap is rested first.
        if !self.keep_on(job, pace.rest()) {
            return None;
        }
        // Each run begins somewhere else, so that a job given again is not searched twice in the same place.
        let mut extranonce: u64 = rand::random();
        loop {
            let header = template.header(extranonce, clock::wall());
            let puzzle = Puzzle::new(&header.to_bytes(), header.bits.target().ok()?);
            let mut nonce = 0u32;
            // The time moves on with each extranonce, so none is kept for long.
            let until = Instant::now() + Duration::from_secs(1);
            while Instant::now() < until {
                let rate = self.cap.get();
                let step = step_at(rate);
                let searched = puzzle.search(self.method, nonce, step.into());
                pace.worked(searched.tried, rate);
                if let Some(nonce) = searched.nonce {
                    let solved = shared::Header { nonce, ..header };
                    return template.solve(solved, extranonce, &self.network).ok();
                }
                let Some(next) = nonce.checked_add(step).filter(|_| self.keep_on(job, pace.rest())) else { break };
                nonce = next;
            }
            if !self.keep_on(job, Duration::ZERO) {
                return None;
            }
            extranonce = extranonce.wrapping_add(1);
        }
    }

    /// Rests for `pause`; false as soon as the job is another one.
    fn keep_on(&self, job: JobId, pause: Duration) -> bool {
        let is_current = |state: &State| !state.stopping && state.job.as_ref().is_some_and(|(now, _)| *now == job);
        let state = self.desk.lock();
        if pause.is_zero() {
            return is_current(&state);
        }
        let waited = self.desk.changed.wait_timeout_while(state, pause, |state| is_current(state));
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        is_current(&state)
    }
}

/// How many hashes to try between two looks.
fn step_at(rate: Option<u64>) -> u32 {
    let in_time = |rate: u64| rate.saturating_mul(STEP.as_millis() as u64) / 1000;
    rate.map_or(UNLIMITED_STEP, |rate| u32::try_from(in_time(rate)).unwrap_or(u32::MAX).clamp(1, UNLIMITED_STEP))
}

/// Keeps a capped search at its rate, from job to job.
struct Pace {
    /// When the work done so far should have been done at the earliest.
    due: Instant,
}

impl Pace {
    fn new() -> Self {
        Self { due: Instant::now() }
    }

    /// Time without a job is not made up for.
    fn forget_idle_time(&mut self) {
        self.due = self.due.max(Instant::now());
    }

    /// So many more hashes were tried at this rate.
    fn worked(&mut self, hashes: u64, rate: Option<u64>) {
        let now = Instant::now();
        let Some(rate) = rate else {
            self.due = now;
            return;
        };
        self.due = self.due.max(now.checked_sub(LONGEST_CATCH_UP).unwrap_or(now));
        self.due += Duration::from_secs_f64(hashes as f64 / rate.max(1) as f64);
    }

    /// How long to rest before more is tried.
    fn rest(&self) -> Duration {
        self.due.saturating_duration_since(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_found_is_a_proof() {
        let network = crate::sim::easy_network(5);
        let header = *network.genesis().header();
        let puzzle = Puzzle::new(&header.to_bytes(), network.spec().easiest_target());
        let nonce = puzzle.search(Method::best(), 0, 1_000).nonce.unwrap();
        assert!(shared::Header { nonce, ..header }.proven_hash().is_ok());
    }

    #[test]
    fn a_capped_search_rests_and_an_uncapped_one_does_not() {
        let mut pace = Pace::new();
        pace.worked(500, Some(1_000));
        let first = pace.rest();
        assert!(first <= Duration::from_millis(500) && first > Duration::from_millis(300), "{first:?}");
        pace.worked(1_000_000, None);
        assert_eq!(pace.rest(), Duration::ZERO);
        // What was searched without a cap is not made up for.
        pace.worked(100, Some(1_000));
        assert!(pace.rest() <= Duration::from_millis(100));
    }

    #[test]
    fn what_a_job_was_ahead_of_the_cap_is_owed_by_the_next_one_and_idle_time_is_lost() {
        let now = Instant::now();
        let ahead = now + Duration::from_secs(3_600);
        let mut pace = Pace { due: ahead };
        pace.forget_idle_time();
        assert_eq!(pace.due, ahead);
        pace.worked(10, Some(10));
        assert_eq!(pace.due, ahead + Duration::from_secs(1));
        let mut pace = Pace { due: now };
        pace.forget_idle_time();
        assert!(pace.due >= now);
        let start = pace.due;
        pace.worked(3_600, Some(1));
        assert!(pace.due >= start + Duration::from_secs(3_600));
    }

    #[test]
    fn the_lower_the_cap_the_smaller_the_steps() {
        assert_eq!(step_at(None), UNLIMITED_STEP);
        assert_eq!(step_at(Some(1)), 1);
        assert_eq!(step_at(Some(200_000)), 1_000);
        assert_eq!(step_at(Some(u64::MAX)), UNLIMITED_STEP);
    }

    #[test]
    fn a_cap_is_changed_for_all_its_handles() {
        let cap = HashCap::new(HashRate::UNLIMITED);
        let miner = cap.clone();
        assert_eq!(miner.get(), None);
        cap.set("1.5M".parse().unwrap());
        assert_eq!(miner.get(), Some(1_500_000));
    }
}
