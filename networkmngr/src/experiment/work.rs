//! Runs on all cores, with a line of progress. Which core makes a run changes nothing: each has its own
//! seed, and results are put in the order of the work.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use node::sim::{Conditions, Delay, Topology, World, WorldConfig};
use shared::Network;

use crate::term;

/// One run: which point it is for, and its seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) point: usize,
    pub(crate) seed: u64,
}

/// Makes every run of so many points with these seeds. Gives the results point by point, in the order of
/// the seeds.
///
/// # Errors
/// The first run that failed.
pub(crate) fn all<T: Send>(
    points: usize,
    seeds: std::ops::Range<u64>,
    run: impl Fn(Work) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<Vec<T>>> {
    let work: Vec<Work> = (0..points).flat_map(|point| seeds.clone().map(move |seed| Work { point, seed })).collect();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results = Mutex::new(work.iter().map(|_| None).collect::<Vec<_>>());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((at, job)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    work.get(at).map(|job| (at, *job))
                } {
                    let result = run(job);
                    // After a failure nothing more is begun.
                    if result.is_err() {
                        next.store(work.len(), Ordering::Relaxed);
                    }
                    results.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(result);
                    progress(done.fetch_add(1, Ordering::Relaxed) + 1, work.len());
                }
            });
        }
    });
    let mut by_point: Vec<Vec<T>> = (0..points).map(|_| Vec::new()).collect();
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (job, result) in work.iter().zip(results).filter_map(|(job, result)| Some((job, result?))) {
        by_point[job.point].push(result?);
    }
    Ok(by_point)
}

fn progress(done: usize, all: usize) {
    if done == all { term::passed() } else { term::passing(&format!("{done} of {all} runs done")) }
}

/// A simulated network of this many nodes, all connected with each other, where nobody mines yet and nothing
/// is lost.
///
/// # Errors
/// A rule that was broken.
pub(super) fn connected(network: Arc<Network>, nodes: usize, seed: u64, delay: Delay) -> anyhow::Result<World> {
    let mut world = World::new(WorldConfig {
        network,
        nodes,
        seed,
        conditions: Conditions::taking(delay),
        topology: Topology::Full,
        checked: false,
    });
    // Time to connect, all with all.
    world.run_for(60_000)?;
    Ok(world)
}

/// Lets a simulated network run until one of its nodes is at this height; tells that node's tip.
///
/// # Errors
/// A rule that was broken, or no progress.
pub(super) fn run_to_height(world: &mut World, height: u32, step: u64) -> anyhow::Result<shared::BlockHash> {
    let mut before = (0, 0);
    loop {
        world.run_for(step)?;
        let tip = world.best_tip().ok_or_else(|| anyhow::anyhow!("no node runs"))?;
        if tip.1.0 >= height {
            return Ok(tip.0);
        }
        before = if tip.1.0 > before.0 { (tip.1.0, 0) } else { (before.0, before.1 + 1) };
        anyhow::ensure!(before.1 < 10_000, "the simulated chain does not grow beyond height {}", before.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_work() {
        let results = all(3, 5..9, |work| Ok((work.point, work.seed))).unwrap();
        let expected: Vec<Vec<(usize, u64)>> = (0..3).map(|point| (5..9).map(|seed| (point, seed)).collect()).collect();
        assert_eq!(results, expected);
    }

    #[test]
    fn a_failure_ends_everything() {
        let result = all(100, 0..100, |work| if work.seed == 0 { anyhow::bail!("no") } else { Ok(()) });
        assert_eq!(result.unwrap_err().to_string(), "no");
    }
}
