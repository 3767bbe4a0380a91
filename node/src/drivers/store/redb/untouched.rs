//! Opening a database for an audit: its file is checked page by page, then read through the database, and in
//! no case written to. What the database would write when it opens and closes stays in memory.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io,
    ops::Bound,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redb::{BackendError, DatabaseError, StorageBackend, backends::FileBackend};
use shared::Network;

use super::{
    OpenError, Opened, PageFault, RedbReader,
    open::{self, Identity},
    pages::{self, Failure},
    tables::FORMAT,
};

impl RedbReader {
    /// Opens the chain in this data folder for reading alone, and leaves every byte of its file as it is. The
    /// outer error says why it does not open; the inner one, what is damaged in the file.
    ///
    /// # Errors
    /// When there is no chain of this network in this version's format, or a node has it open.
    pub fn open_untouched(folder: &Path, network: &Network) -> Result<Result<Self, PageFault>, OpenError> {
        let path = folder.join(open::FILE);
        if !open::exists(&path)? {
            return Err(OpenError::Missing { path });
        }
        let from_io = |error| OpenError::from_io(path.clone(), error);
        let file = OpenOptions::new().read(true).open(&path).map_err(from_io)?;
        let file = FileBackend::new(file).map_err(|error| OpenError::from_database(path.clone(), error))?;
        match file.try_lock_shared_range(Bound::Unbounded, Bound::Unbounded) {
            Ok(true) | Err(BackendError::Unsupported) => {}
            Ok(false) => return Err(OpenError::from_database(path, DatabaseError::DatabaseAlreadyOpen)),
            Err(error) => return Err(from_io(error.into())),
        }
        open_checked(file, &path, network)
    }
}

/// Opens what lies in `file`, which has the name `path` in messages, once its pages are found right.
fn open_checked(
    file: impl StorageBackend,
    path: &Path,
    network: &Network,
) -> Result<Result<RedbReader, PageFault>, OpenError> {
    match pages::check(&file) {
        Ok(()) => {}
        Err(Failure::Fault(fault)) => return Ok(Err(*fault)),
        Err(Failure::Io(error)) => return Err(OpenError::from_io(path.into(), error)),
    }
    let overlay = Overlay::over(file).map_err(|error| OpenError::from_io(path.into(), error))?;
    let database = open::builder().create_with_backend(overlay);
    let database = database.map_err(|error| OpenError::from_database(path.into(), error))?;
    let identity = Identity::read(&database).map_err(|error| OpenError::from_store(path.into(), error))?;
    let identity = identity.ok_or_else(|| OpenError::Damaged { path: path.into(), reason: "it is empty".into() })?;
    identity.check(path, network)?;
    if identity.format != FORMAT {
        return Err(OpenError::Outdated { path: path.into(), found: identity.format, known: FORMAT });
    }
    let failed = |error| OpenError::from_store(path.into(), error);
    Ok(Ok(RedbReader(Arc::new(Opened::new(database).map_err(failed)?))))
}

/// Bytes that are kept together.
const PIECE: u64 = 4096;

/// A file with changes that stay in memory.
#[derive(Debug)]
struct Overlay<F> {
    file: F,
    changes: Mutex<Changes>,
}

#[derive(Debug)]
struct Changes {
    /// Length of the whole.
    length: u64,
    /// Where the file below is cut off.
    below: u64,
    /// Changed pieces, by number.
    pieces: BTreeMap<u64, Box<[u8; PIECE as usize]>>,
}

impl<F: StorageBackend> Overlay<F> {
    fn over(file: F) -> io::Result<Self> {
        let length = file.len()?;
        Ok(Self { file, changes: Mutex::new(Changes { length, below: length, pieces: BTreeMap::new() }) })
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A whole piece as it is now; zeros where nothing ever was.
    fn piece(&self, changes: &Changes, number: u64) -> io::Result<Box<[u8; PIECE as usize]>> {
        if let Some(piece) = changes.pieces.get(&number) {
            return Ok(piece.clone());
        }
        let mut piece = Box::new([0; PIECE as usize]);
        let begin = number.saturating_mul(PIECE);
        let there = changes.below.saturating_sub(begin).min(PIECE);
        if there > 0 {
            self.file.read(begin, &mut piece[..there as usize])?;
        }
        Ok(piece)
    }
}

/// The parts of the pieces that `length` bytes from `offset` on lie in: number, first byte there, first byte in
/// the whole, and how many.
fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let within = (at % PIECE) as usize;
        let count = (length - done).min(PIECE as usize - within);
        let part = (at / PIECE, within, done, count);
        done += count;
        (count > 0).then_some(part)
    })
}

impl<F: StorageBackend> StorageBackend for Overlay<F> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.changes().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let changes = self.changes();
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > changes.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (number, within, at, count) in parts(offset, out.len()) {
            out[at..at + count].copy_from_slice(&self.piece(&changes, number)?[within..within + count]);
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut changes = self.changes();
        let last = length / PIECE;
        if length < changes.length {
            let mut piece = self.piece(&changes, last)?;
            piece[(length % PIECE) as usize..].fill(0);
            changes.pieces.split_off(&last);
            changes.pieces.insert(last, piece);
            changes.below = changes.below.min(length);
        }
        changes.length = length;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut changes = self.changes();
        if offset.checked_add(data.len() as u64).is_none_or(|end| end > changes.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (number, within, at, count) in parts(offset, data.len()) {
            let mut piece = self.piece(&changes, number)?;
            piece[within..within + count].copy_from_slice(&data[at..at + count]);
            changes.pieces.insert(number, piece);
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use redb::backends::InMemoryBackend;

    use super::*;

    fn all(file: &impl StorageBackend) -> Vec<u8> {
        let mut bytes = vec![0; file.len().unwrap() as usize];
        file.read(0, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn an_overlay_reads_as_a_file_that_was_written_to_and_leaves_it_alone() {
        for seed in 0..20 {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let below = InMemoryBackend::new();
            below.set_len(20_000).unwrap();
            below.write(0, &(0..20_000).map(|_| random.random()).collect::<Vec<u8>>()).unwrap();
            let before = all(&below);
            let overlay = Overlay::over(below).unwrap();
            let mut expected = before.clone();
            for _ in 0..60 {
                if random.random_bool(0.2) {
                    let length = random.random_range(0..30_000);
                    overlay.set_len(length as u64).unwrap();
                    expected.resize(length, 0);
                } else if !expected.is_empty() {
                    let at = random.random_range(0..expected.len());
                    let count = random.random_range(0..=(expected.len() - at).min(9_000));
                    overlay.write(at as u64, &vec![seed as u8; count]).unwrap();
                    expected[at..at + count].fill(seed as u8);
                }
                assert!(all(&overlay) == expected, "seed {seed}");
            }
            let beyond = overlay.len().unwrap();
            assert!(overlay.read(beyond, &mut [0]).is_err() && overlay.write(beyond, &[0]).is_err());
            assert!(all(&overlay.file) == before, "seed {seed}");
        }
    }
}
