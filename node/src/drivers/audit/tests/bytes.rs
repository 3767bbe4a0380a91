//! The file with one byte changed, again and again: that is found and located, or it is a byte that means
//! nothing, and every row is as it was.

use std::fs::{self, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::chain::{FORK, Keeper, World, check};
use crate::{
    drivers::store::{OpenError, PageFault, RedbReader, Repair, Table},
    machine::tests::branch::network,
};

type Row = (Table, Vec<u8>, Vec<u8>);

/// What an audit makes of a file.
#[derive(Debug)]
enum Outcome {
    /// A part of the file is wrong.
    Page(PageFault),
    /// The file does not open.
    Refused(OpenError),
    /// It reads, with these rows.
    Rows(Vec<Row>),
}

fn outcome(folder: &Path) -> Outcome {
    match RedbReader::open_untouched(folder, &network()) {
        Err(error) => Outcome::Refused(error),
        Ok(Err(fault)) => Outcome::Page(fault),
        Ok(Ok(reader)) => Outcome::Rows(reader.snapshot().dump().unwrap()),
    }
}

/// How often each outcome was had.
#[derive(Debug, Default)]
struct Tally {
    /// Where.
    located: Vec<Range<u64>>,
    refused: usize,
    harmless: usize,
}

/// Changes each of these bytes alone.
fn flip_all(folder: &Path, flips: impl Iterator<Item = (usize, u8)>) -> Tally {
    let path = folder.join("chain.redb");
    let sound = fs::read(&path).unwrap();
    let Outcome::Rows(rows) = outcome(folder) else { panic!("the file is sound") };
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let mut tally = Tally::default();
    for (at, change) in flips {
        let byte = sound[at];
        file.write_all_at(&[byte ^ change], at as u64).unwrap();
        match outcome(folder) {
            Outcome::Page(fault) => {
                let part = fault.offset..fault.offset + fault.length;
                assert!(part.contains(&(at as u64)), "byte {at} by {change:#x}: {fault}");
                tally.located.push(part);
            }
            Outcome::Refused(error) => {
                assert!(matches!(error, OpenError::Damaged { .. }), "byte {at} by {change:#x}: {error}");
                assert!(at < 4096, "byte {at} by {change:#x}: {error}");
                tally.refused += 1;
            }
            Outcome::Rows(now) => {
                assert!(now == rows, "byte {at} by {change:#x} changes rows without being found");
                tally.harmless += 1;
            }
        }
        file.write_all_at(&[byte], at as u64).unwrap();
    }
    assert!(fs::read(&path).unwrap() == sound, "an audit leaves the file as it is");
    tally
}

/// A file as a node leaves it that ends in order, and as it is when a node is killed, with either repair to come.
fn all() -> [World; 3] {
    let killed = [Repair::Whole, Repair::Quick].map(|repair| {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = Keeper::prepared(folder.path(), repair);
        let killed = World::grow(folder, &mut keeper);
        let as_it_is = fs::read(killed.file()).unwrap();
        drop(keeper);
        fs::write(killed.file(), as_it_is).unwrap();
        killed
    });
    let [whole, quick] = killed;
    [World::new(), whole, quick]
}

#[test]
fn every_byte_of_the_header_is_right_or_means_nothing() {
    for world in all() {
        let flips = (0..320).map(|at| (at, 1)).chain((0..8).map(|bit| (9, 1 << bit)));
        let tally = flip_all(world.folder.path(), flips);
        assert!(tally.located.len() > 128 && tally.refused > 0 && tally.harmless > 100, "{tally:?}");
    }
}

#[test]
fn a_changed_byte_anywhere_is_located_or_means_nothing() {
    for (seed, world) in (0..).zip(all()) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let file = fs::read(world.file()).unwrap();
        let used: Vec<usize> = (4_096..file.len()).filter(|at| file[*at] != 0).collect();
        let mut some = |from: &[usize]| (from[random.random_range(0..from.len())], random.random_range(1..=255));
        // Once in every page that was ever used, to learn which are in use.
        let pages = used.chunk_by(|one, other| one / 4_096 == other / 4_096);
        let once: Vec<_> = pages.map(&mut some).collect();
        let tally = flip_all(world.folder.path(), once.into_iter());
        assert!(tally.located.len() > 20 && tally.refused == 0, "{tally:?}");
        let in_use = |at: &usize| tally.located.iter().any(|part| part.contains(&(*at as u64)));
        let used: Vec<usize> = used.into_iter().filter(in_use).collect();
        let flips: Vec<_> = (0..600).map(|_| some(&used)).collect();
        let tally = flip_all(world.folder.path(), flips.into_iter());
        assert!(tally.located.len() > 250 && tally.refused == 0, "{tally:?}");
    }
}

#[test]
fn a_sound_file_passes_whole() {
    for world in all() {
        let reader = RedbReader::open_untouched(world.folder.path(), &network()).unwrap().unwrap();
        let report = check(&reader.snapshot()).unwrap();
        assert_eq!(report.blocks, world.active.blocks.len() as u64 + 1);
    }
}

#[test]
fn a_changed_transaction_is_located_by_table_and_height() {
    let world = World::new();
    let mut file = fs::read(world.file()).unwrap();
    let big = &world.active.blocks[FORK + 7];
    let signature = big.transactions()[100].signature;
    let mut found = file.windows(64).enumerate().filter(|(_, bytes)| *bytes == signature).map(|(at, _)| at);
    let at = found.next().unwrap();
    assert_eq!(found.next(), None);
    file[at] ^= 1;
    fs::write(world.file(), file).unwrap();
    let Outcome::Page(fault) = outcome(world.folder.path()) else { panic!("it is found") };
    let (first, last) = fault.heights.unwrap();
    assert_eq!(fault.table.as_deref(), Some("bodies"));
    assert!((first..=last).contains(&big.height()) && last.0 - first.0 < 5, "{fault}");
    assert!(fault.to_string().contains(&format!("in table bodies, rows of heights {first} to {last}")), "{fault}");
}

#[test]
fn a_file_cut_short_is_refused_or_located() {
    let world = World::new();
    let whole = fs::read(world.file()).unwrap();
    for length in [0, 1, 319, 4_095, 4_096, 8_192, whole.len() / 2, whole.len() - 4_096, whole.len() - 1] {
        fs::write(world.file(), &whole[..length]).unwrap();
        match outcome(world.folder.path()) {
            Outcome::Rows(_) => panic!("{length} of {} bytes pass", whole.len()),
            Outcome::Page(_) | Outcome::Refused(OpenError::Damaged { .. }) => {}
            Outcome::Refused(error) => panic!("{length} bytes: {error}"),
        }
    }
}

#[test]
fn what_is_no_chain_of_ours_or_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |folder: &Path| RedbReader::open_untouched(folder, &network()).err().unwrap();
    assert!(matches!(refused(folder.path()), OpenError::Missing { .. }));
    let keeper = Keeper::open(folder.path());
    assert!(matches!(refused(folder.path()), OpenError::Locked { .. }));
    drop(keeper);
    let other = crate::sim::easy_network(6);
    let error = RedbReader::open_untouched(folder.path(), &other).err().unwrap();
    assert!(matches!(error, OpenError::OtherNetwork { .. }));
    let one = RedbReader::open_untouched(folder.path(), &network()).unwrap().unwrap();
    let two = RedbReader::open_untouched(folder.path(), &network()).unwrap().unwrap();
    drop((one, two));
    drop(Keeper::open(folder.path()));
}
