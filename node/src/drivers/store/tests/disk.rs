//! A disk that fails on command: the power goes at some operation and takes part of what was not synced
//! with it, or the disk is full from some operation on. It says nothing about what the store did with it.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use rand::{Rng, RngExt};
use redb::StorageBackend;

use super::samples::network;
use crate::drivers::store::{OpenError, RedbStore, Repair, open_on};

/// What a disk writes whole or not at all, in bytes.
const SECTOR: usize = 512;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Failure {
    /// Nothing works any more.
    PowerCut,
    /// What takes room fails; reading and syncing go on.
    Full,
}

#[derive(Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

#[derive(Debug, Default)]
struct State {
    /// As the running process sees the file.
    live: Vec<u8>,
    /// As it was synced.
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    operations: u64,
    failure: Option<(u64, Failure)>,
}

/// The repair that commits prepare for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Prepared {
    Always(Repair),
    /// Either, from commit to commit, as by a file that grows and shrinks.
    InTurn,
}

impl Prepared {
    pub(super) const ALL: [Self; 3] = [Self::Always(Repair::Whole), Self::Always(Repair::Quick), Self::InTurn];

    fn decide(self) -> impl Fn() -> Repair + Send + Sync {
        let quick = AtomicBool::new(false);
        move || match self {
            Self::Always(repair) => repair,
            Self::InTurn if quick.fetch_xor(true, Ordering::Relaxed) => Repair::Quick,
            Self::InTurn => Repair::Whole,
        }
    }
}

/// A file on such a disk. Clones are the same file.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk(Arc<Mutex<State>>);

impl Disk {
    /// A sound disk with this file.
    pub(super) fn holding(file: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State { live: file.clone(), durable: file, ..State::default() })))
    }

    /// The same disk, to fail at the operation of this number, counted from 0.
    pub(super) fn failing_at(self, operation: u64, failure: Failure) -> Self {
        self.state().failure = Some((operation, failure));
        self
    }

    /// Opens the store on it.
    pub(super) fn open(&self, prepared: Prepared) -> Result<RedbStore, OpenError> {
        open_on(self.clone(), &network(), prepared.decide())
    }

    /// Writes, syncs and changes of length so far.
    pub(super) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// The file as another process would find it after this one ended.
    pub(super) fn file(&self) -> Vec<u8> {
        self.state().live.clone()
    }

    /// The file as it may be found after a power cut: of what was not synced, some sectors arrived.
    pub(super) fn file_after_power_cut(&self, random: &mut impl Rng) -> Vec<u8> {
        let state = self.state();
        let mut file = state.durable.clone();
        let arriving = [0.0, 0.1, 0.5, 0.9, 1.0][random.random_range(0..5)];
        for change in &state.unsynced {
            match change {
                Change::Length(length) if random.random_bool(arriving) => file.resize(*length, 0),
                Change::Length(_) => {}
                Change::Write { offset, bytes } => {
                    let sectors = bytes.chunks(SECTOR).enumerate();
                    for (number, sector) in sectors.filter(|_| random.random_bool(arriving)) {
                        put(&mut file, offset + number * SECTOR, sector);
                    }
                }
            }
        }
        file
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

fn put(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}

fn position(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

impl State {
    /// Whether the operation that begins now succeeds.
    fn next(&mut self, takes_room: bool) -> io::Result<()> {
        let operation = self.operations;
        self.operations += 1;
        match self.failure {
            Some((from, Failure::PowerCut)) if operation >= from => Err(io::Error::other("the power is gone")),
            Some((from, Failure::Full)) if operation >= from && takes_room => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let offset = position(offset);
        let bytes = state.live.get(offset..offset + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        let grows = position(len) > state.live.len();
        let result = state.next(grows);
        let full = matches!(state.failure, Some((_, Failure::Full))) && result.is_err();
        if !full {
            state.live.resize(position(len), 0);
            state.unsynced.push(Change::Length(position(len)));
        }
        result
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.next(false)?;
        state.durable = state.live.clone();
        state.unsynced.clear();
        Ok(())
    }

    /// A write that the power cut interrupts, or that runs out of room, may have happened in part.
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let result = state.next(true);
        let full = matches!(state.failure, Some((_, Failure::Full))) && result.is_err();
        let bytes = if full { data[..data.len() / 2].to_vec() } else { data.to_vec() };
        put(&mut state.live, position(offset), &bytes);
        state.unsynced.push(Change::Write { offset: position(offset), bytes });
        result
    }
}
