//! Power cuts and full disks at every operation of a run: whatever was acknowledged is there afterwards,
//! and nothing is there in part.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{
    disk::{Disk, Failure, Prepared},
    samples::{Answers, answers, network, random_batch, storing, try_answers},
};
use crate::{
    drivers::store::{MemoryStore, RedbStore},
    machine::store::{Batch, ReadChain, Store, StoreError},
};

/// Batches, and what a store answers before the first and after each of them.
struct Run {
    prepared: Prepared,
    batches: Vec<Batch>,
    states: Vec<Answers>,
}

impl Run {
    fn new(seed: u64, prepared: Prepared) -> Self {
        let mut store = MemoryStore::new(&network());
        let mut run = Self { prepared, batches: Vec::new(), states: vec![answers(&store)] };
        for batch in (seed * 1000..).map(random_batch) {
            if run.batches.len() == 6 {
                return run;
            }
            if store.commit(batch.clone()).is_ok() {
                run.batches.push(batch);
                run.states.push(answers(&store));
            }
        }
        run
    }

    /// The same batches, prepared for each repair.
    fn all(seed: u64) -> [Self; 3] {
        Prepared::ALL.map(|prepared| Self::new(seed, prepared))
    }

    /// Commits batches until one fails; how many succeeded, and the store.
    fn commit_to(&self, mut store: RedbStore) -> (usize, RedbStore) {
        for (acknowledged, batch) in self.batches.iter().enumerate() {
            if let Err(error) = store.commit(batch.clone()) {
                assert!(matches!(error, StoreError::Io(_)), "{error}");
                return (acknowledged, store);
            }
        }
        (self.batches.len(), store)
    }

    /// How many operations the whole run makes, with opening and closing.
    fn operations(&self) -> u64 {
        let disk = Disk::default();
        let (acknowledged, store) = self.commit_to(disk.open(self.prepared).unwrap());
        assert_eq!(acknowledged, self.batches.len());
        drop(store);
        disk.operations()
    }

    /// That a file holds all that was acknowledged and nothing in part, and can be written on.
    fn check(&self, file: Vec<u8>, acknowledged: usize, when: &str) {
        let disk = Disk::holding(file);
        let mut store = disk.open(self.prepared).unwrap_or_else(|error| panic!("{when}: {error}"));
        let found = answers(&store);
        let possible = &self.states[acknowledged..self.states.len().min(acknowledged + 2)];
        assert!(possible.contains(&found), "{when}: {acknowledged} batches were acknowledged, found {found:#?}");
        store.commit(storing([11])).unwrap();
        drop(store);
        let block = super::samples::block(11);
        assert_eq!(disk.open(self.prepared).unwrap().block(&block.hash()).unwrap(), Some(block), "{when}");
    }
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_that_was_acknowledged() {
    for run in Run::all(1) {
        for operation in 0..run.operations() {
            let disk = Disk::default().failing_at(operation, Failure::PowerCut);
            // Before the first opening succeeded nothing was promised, and the file has not its final name.
            let Ok(store) = disk.open(run.prepared) else { continue };
            let (acknowledged, store) = run.commit_to(store);
            drop(store);
            for seed in 0..4 {
                let file = disk.file_after_power_cut(&mut ChaCha8Rng::seed_from_u64(seed));
                run.check(file, acknowledged, &format!("cut at operation {operation}, loss {seed}"));
            }
        }
    }
}

#[test]
fn random_runs_survive_random_power_cuts() {
    for (seed, run) in (2..40).flat_map(|seed| Run::all(seed).map(|run| (seed, run))) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let operation = rand::RngExt::random_range(&mut random, 0..run.operations());
        let disk = Disk::default().failing_at(operation, Failure::PowerCut);
        let Ok(store) = disk.open(run.prepared) else { continue };
        let (acknowledged, _) = run.commit_to(store);
        let file = disk.file_after_power_cut(&mut random);
        run.check(file, acknowledged, &format!("run {seed}, cut at operation {operation}"));
    }
}

#[test]
fn a_power_cut_while_opening_after_a_power_cut_loses_nothing_more() {
    for run in Run::all(1) {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let last_commit = (0..run.operations()).rev().nth(20).unwrap();
        let disk = Disk::default().failing_at(last_commit, Failure::PowerCut);
        let (acknowledged, store) = run.commit_to(disk.open(run.prepared).unwrap());
        drop(store);
        let file = disk.file_after_power_cut(&mut random);
        let undisturbed = Disk::holding(file.clone());
        drop(undisturbed.open(run.prepared).unwrap());
        for operation in 0..undisturbed.operations() {
            let disk = Disk::holding(file.clone()).failing_at(operation, Failure::PowerCut);
            drop(disk.open(run.prepared));
            let file = disk.file_after_power_cut(&mut random);
            run.check(file, acknowledged, &format!("second cut at operation {operation}"));
        }
    }
}

#[test]
fn a_process_killed_between_commits_is_found_as_it_was() {
    for run in Run::all(1) {
        let disk = Disk::default();
        let mut store = disk.open(run.prepared).unwrap();
        for (number, batch) in run.batches.iter().enumerate() {
            run.check(disk.file(), number, "killed");
            store.commit(batch.clone()).unwrap();
        }
        run.check(disk.file(), run.batches.len(), "killed");
    }
}

#[test]
fn a_disk_full_at_any_operation_leaves_the_last_commit() {
    for run in Run::all(1) {
        for operation in 0..run.operations() {
            let disk = Disk::default().failing_at(operation, Failure::Full);
            let Ok(store) = disk.open(run.prepared) else { continue };
            let (acknowledged, mut store) = run.commit_to(store);
            let when = format!("full at operation {operation}");
            if acknowledged < run.batches.len() {
                let old = &run.states[acknowledged];
                assert!(try_answers(&store).is_ok_and(|found| found == *old), "{when}");
                assert!(try_answers(&*store.reader().snapshot()).is_ok_and(|found| found == *old), "{when}");
                let error = store.commit(storing([10])).unwrap_err();
                assert!(
                    matches!(&error, StoreError::Io(text) if text.contains("start the node again")),
                    "{when}: {error}"
                );
            }
            drop(store);
            run.check(disk.file(), acknowledged, &when);
            let file = disk.file_after_power_cut(&mut ChaCha8Rng::seed_from_u64(operation));
            run.check(file, acknowledged, &format!("{when}, then a power cut"));
        }
    }
}
